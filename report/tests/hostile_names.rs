//! Names in coverage data are data: whatever is in them, no format gets a record, a tag or a terminal command out of them.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::path::Path;

use support::made::{MadeFunction, MadePackage, make};
use support::{covdata, covreport, text};

const FORMATS: [&str; 12] = [
    "percent",
    "func",
    "pkglist",
    "markdown",
    "textfmt",
    "lcov",
    "cobertura",
    "codecov",
    "coveralls",
    "sonarqube",
    "jacoco",
    "json",
];

fn write(directory: &Path, package: &str, file: &str, function: &str) {
    let function = MadeFunction { name: function, file, units: vec![([3, 1, 5, 2, 2], 7)] };
    let package =
        MadePackage { path: package, name: "p", module: "example.com/m", functions: vec![function] };
    make(directory, &[package], &[("argc", "1"), ("argv0", "secret\u{1b}[31m")]);
}

#[test]
fn control_characters_are_refused_and_shown_escaped() {
    let plain = ["example.com/m/p", "example.com/m/p/a.go", "f"];
    for hostile in ["a\nend_of_record\nSF:b.go", "a\u{1b}[2Jb", "a\rb", "a\u{7f}b", "a\u{9b}31mb", "a\u{0}b"]
    {
        for place in 0..3 {
            let directory = tempfile::tempdir().unwrap();
            let mut names = plain.map(str::to_owned);
            names[place].push_str(hostile);
            write(directory.path(), &names[0], &names[1], &names[2]);
            for format in FORMATS {
                let run = covreport()
                    .args([format!("--{format}"), "--no-checkout".into()])
                    .arg(directory.path())
                    .output()
                    .unwrap();
                let messages = text(&run.stderr);
                assert_eq!(run.status.code(), Some(1), "--{format} {hostile:?}: {messages}");
                assert_eq!(text(&run.stdout), "", "--{format} {hostile:?}");
                assert!(messages.contains("holds a control character"), "{messages}");
                assert!(!messages.chars().any(|c| c.is_control() && c != '\n'), "{messages:?}");
                assert_eq!(messages.lines().filter(|line| line.contains("error: ")).count(), 1, "{messages}");
            }
        }
    }
}

#[test]
fn markup_stays_text() {
    let directory = tempfile::tempdir().unwrap();
    let hostile = "<b a=\"1\">&amp;'|`*_]]>--!{},:;";
    let file = format!("example.com/m/p/{hostile}.go");
    write(directory.path(), &format!("example.com/m/p{hostile}"), &file, &format!("f{hostile}"));
    for format in FORMATS {
        let run = covreport()
            .args([format!("--{format}"), "--no-checkout".into(), "--include-external".into()])
            .arg(directory.path())
            .assert()
            .success();
        let out = text(&run.get_output().stdout);
        assert!(!out.contains("secret"), "--{format}: arguments are not shown");
        match format {
            "cobertura" | "sonarqube" | "jacoco" => {
                let mut reader = quick_xml::Reader::from_str(&out);
                let mut named = false;
                loop {
                    match reader.read_event().unwrap() {
                        quick_xml::events::Event::Eof => break,
                        quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag) => {
                            assert_ne!(tag.name().as_ref(), "b", "--{format}");
                            for attribute in tag.attributes() {
                                named |= format!("{:?}", attribute.unwrap().value).contains("&lt;b a=");
                            }
                        }
                        _ => {}
                    }
                }
                assert!(named, "--{format}: {out}");
            }
            "json" | "codecov" | "coveralls" => {
                drop(serde_json::from_str::<serde_json::Value>(&out).unwrap());
            }
            "markdown" => assert!(!out.contains("<b a"), "{out}"),
            "lcov" => {
                assert_eq!(out.matches("end_of_record\n").count(), 1, "{out}");
                assert!(
                    out.lines().filter(|line| line.starts_with("FN:")).all(|l| l.matches(',').count() == 1)
                );
            }
            _ => {}
        }
    }
    // The drop-in prints what the reference prints, byte for byte.
    let run = covdata().args(["pkglist", "-i"]).arg(directory.path()).assert().success();
    assert!(text(&run.get_output().stdout).contains(hostile));
}
