//! `covdata` in the place of the go command's own tool, for each Go version that `COVDATA_GO_DIR` has: a GOROOT of links,
//! with our program at `$(go env GOTOOLDIR)/covdata`, must answer as the real one does.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use support::{VERSIONS, data_set, go, go_root, text};

/// A module with a package that has a test, two that have code but no test, and one without code.
const MODULE: [(&str, &str); 6] = [
    ("go.mod", "module example.com/served\n\ngo 1.21\n"),
    ("a/a.go", "package a\n\nfunc A(x int) int {\n\tif x > 1 {\n\t\treturn 2\n\t}\n\treturn 1\n}\n"),
    (
        "a/a_test.go",
        "package a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {\n\tif A(1) != 1 {\n\t\tt.Fatal()\n\t}\n}\n",
    ),
    ("b/b.go", "package b\n\nfunc B() int {\n\treturn 1\n}\n"),
    ("c/c.go", "package c\n\nconst C = 1\n"),
    (
        "cmd/served/main.go",
        "package main\n\nimport \"example.com/served/a\"\n\nfunc main() {\n\tprintln(a.A(3))\n}\n",
    ),
];

fn make_module(at: &Path) {
    for (name, content) in MODULE {
        let path = at.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn link_all(from: &Path, to: &Path, but: &str) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != but {
            symlink(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Makes a GOROOT whose tool `covdata` is ours and notes how it was called.
fn serve(root: &Path, at: &Path, log: &Path) -> PathBuf {
    let tools = text(&go(root).args(["env", "GOTOOLDIR"]).output().unwrap().stdout);
    let tools = Path::new(tools.trim());
    let platform = tools.file_name().unwrap().to_str().unwrap();
    link_all(root, at, "pkg");
    link_all(&root.join("pkg"), &at.join("pkg"), "tool");
    link_all(tools, &at.join("pkg/tool").join(platform), "covdata");
    let covdata = at.join("pkg/tool").join(platform).join("covdata");
    let program = env!("CARGO_BIN_EXE_covdata");
    let script =
        format!("#!/bin/sh\nprintf '%s\\n' \"$*\" >> '{}'\nexec '{program}' \"$@\"\n", log.display());
    fs::write(&covdata, script).unwrap();
    fs::set_permissions(&covdata, fs::Permissions::from_mode(0o755)).unwrap();
    at.to_path_buf()
}

/// The sorted lines of an output; the time that a test took is no part of it.
fn lines(output: &[u8]) -> Vec<String> {
    let timeless = |field: &str| field.strip_suffix('s').is_none_or(|time| time.parse::<f64>().is_err());
    let mut lines: Vec<String> = text(output)
        .lines()
        .map(|line| line.split('\t').filter(|field| timeless(field)).collect::<Vec<_>>().join("\t"))
        .collect();
    lines.sort();
    lines
}

/// What a run of the tool says, which may take several lines to say it.
fn said(run: &Output) -> (Option<i32>, String, String) {
    (run.status.code(), text(&run.stdout), text(&run.stderr))
}

#[test]
fn the_go_command_is_served() {
    for version in VERSIONS {
        let Some(root) = go_root(version) else { continue };
        let work = tempfile::tempdir().unwrap();
        let log = work.path().join("log");
        let served = serve(&root, &work.path().join("go"), &log);
        let module = work.path().join("module");
        make_module(&module);
        let (one, both) =
            (data_set(version, "cases-set/data/all"), data_set(version, "server-mixed/data/both"));
        let (one, both) = (one.to_str().unwrap(), both.to_str().unwrap());

        let ours = go(&served).args(["tool", "-n", "covdata"]).output().unwrap();
        assert!(text(&ours.stdout).starts_with(served.to_str().unwrap()), "{version}: {ours:?}");

        let equal = format!("-i={one}");
        for arguments in [
            &["percent", &equal][..],
            &["percent", "-i", both],
            &["pkglist", &equal],
            &["func", "-i", both],
            &["textfmt", &equal],
            &["textfmt", "-o=out", "-i", both],
            &["percent", "-i=nowhere"],
            &["unheard-of"],
        ] {
            let run = |root: &Path| {
                go(root).current_dir(&module).args(["tool", "covdata"]).args(arguments).output().unwrap()
            };
            let profile = || fs::read_to_string(module.join("out")).unwrap_or_default();
            let theirs = (said(&run(&root)), profile());
            drop(fs::remove_file(module.join("out")));
            assert_eq!((said(&run(&served)), profile()), theirs, "{version} {arguments:?}");
        }

        fs::remove_file(&log).unwrap();
        let test = |root: &Path, flags: &[&str]| {
            let mut command: Command = go(root);
            let run = command.current_dir(&module).args(["test", "-count=1"]).args(flags).arg("./...");
            let run = run.output().unwrap();
            assert!(run.status.success(), "{version}: {}", text(&run.stderr));
            lines(&[run.stdout, run.stderr].concat())
        };
        let profile = || lines(&fs::read(module.join("profile")).unwrap());
        for mode in ["set", "count"] {
            let mode = format!("-covermode={mode}");
            assert_eq!(test(&served, &["-cover", &mode]), test(&root, &["-cover", &mode]), "{version}");
            let flags = ["-coverprofile=profile", &mode];
            let theirs = (test(&root, &flags), profile());
            fs::remove_file(module.join("profile")).unwrap();
            assert_eq!((test(&served, &flags), profile()), theirs, "{version}");
        }
        let calls = fs::read_to_string(&log).unwrap_or_default();
        let count = |start: &str| calls.lines().filter(|line| line.starts_with(start)).count();
        // Two packages have code and no tests. The go command of 1.21 does not look at those.
        let expected = if *version == *"1.21.13" { (0, 0) } else { (8, 4) };
        assert_eq!((count("percent -i "), count("textfmt -i ")), expected, "{version}: {calls}");
        println!("Go {version} was served {} times", calls.lines().count());
    }
}
