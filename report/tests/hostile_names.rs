//! Names in coverage data are data: whatever is in them, no format gets a record, a tag or a terminal command out of them.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::fs;
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
    for hostile in [
        "a\nend_of_record\nSF:b.go",
        "a\u{1b}[2Jb",
        "a\rb",
        "a\u{7f}b",
        "a\u{9b}31mb",
        "a\u{0}b",
        // What Python's splitlines takes for line breaks, too.
        "a\u{85}SF:b.go",
        "a\u{2028}SF:b.go",
        "a\u{2029}SF:b.go",
    ] {
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

#[test]
fn names_that_no_report_can_show_apart_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let function = |file| MadeFunction { name: "F", file, units: vec![([1, 1, 2, 2, 1], 1)] };
    let functions = vec![function("example.com/m/p/a~.go"), function("example.com/m/p/a^.go")];
    make(directory.path(), &[MadePackage { path: "p", name: "p", module: "m", functions }], &[]);
    // The builder of data takes text only.
    let entries = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let meta = entries.into_iter().find(|path| path.to_string_lossy().contains("covmeta.")).unwrap();
    let bytes = fs::read(&meta).unwrap().into_iter();
    let other = |byte| match byte {
        b'~' => 0xff,
        b'^' => 0xfe,
        byte => byte,
    };
    fs::write(&meta, bytes.map(other).collect::<Vec<u8>>()).unwrap();
    for format in FORMATS {
        let run = covreport()
            .args([&format!("--{format}"), "--no-checkout"])
            .arg(directory.path())
            .output()
            .unwrap();
        let messages = text(&run.stderr);
        assert_eq!((run.status.code(), text(&run.stdout).as_str()), (Some(1), ""), "--{format}: {messages}");
        assert!(
            messages.contains("two names of source files differ only in bytes that are no UTF-8"),
            "{messages}"
        );
    }
}

#[test]
fn a_file_without_a_name_is_refused() {
    for name in ["/", "", "example.com/m/p/"] {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), "example.com/m/p", name, "F");
        for format in ["lcov", "cobertura", "codecov", "coveralls", "sonarqube", "jacoco", "json"] {
            let run = covreport()
                .args([&format!("--{format}"), "--no-checkout", "--include-external"])
                .arg(directory.path())
                .output()
                .unwrap();
            let messages = text(&run.stderr);
            assert_eq!((run.status.code(), text(&run.stdout).as_str()), (Some(1), ""), "{name:?} {messages}");
            assert!(messages.contains(&format!("the name {name:?} of a source file is")), "{messages}");
        }
    }
}
