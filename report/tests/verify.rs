//! `--verify`: hashes are compared with contents, and copies with each other.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use covfmt::read::MetaFile;
use support::made::{MadeFunction, MadePackage, make};
use support::{NEWEST, covreport, data_set, text};

#[test]
fn a_flipped_bit_is_an_error_wherever_it_is() {
    let pod = data_set(NEWEST, "server-atomic").join("data/pod-0");
    let here = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(pod).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, here.path().join(path.file_name().unwrap())).unwrap();
    }
    let mut paths = fs::read_dir(here.path()).unwrap().map(|entry| entry.unwrap().path());
    let meta =
        paths.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("covmeta.")).unwrap();
    let whole = fs::read(&meta).unwrap();
    let mut without = 0;
    // All fields of the header, and a bit here and there of the rest.
    for bit in (3..56 * 8).step_by(13).chain((56 * 8..whole.len() * 8).step_by(whole.len() * 8 / 60)) {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&meta, flipped).unwrap();
        let run = covreport().args(["--textfmt", "--verify"]).arg(here.path()).output().unwrap();
        let messages = text(&run.stderr);
        assert_eq!(run.status.code(), Some(1), "bit {bit}: {messages}");
        assert!(run.stdout.is_empty() && messages.contains(meta.to_str().unwrap()), "bit {bit}: {messages}");
        let run = covreport().args(["--textfmt", "--no-checkout"]).arg(here.path()).output().unwrap();
        without += usize::from(run.status.success());
    }
    assert!(without > 10, "else --verify shows nothing: {without}");
    fs::write(&meta, whole).unwrap();
    covreport().args(["--textfmt", "--verify"]).arg(here.path()).assert().success();
}

/// A made program whose hashes follow no rule that is known here: as a later Go may write it. Gives the path of the meta file.
fn with_other_hashes(directory: &Path) -> PathBuf {
    let unit = ([3, 1, 4, 9, 2], 5);
    let function = MadeFunction { name: "F", file: "example.com/app/a.go", units: vec![unit] };
    let package = MadePackage {
        path: "example.com/app",
        name: "app",
        module: "example.com/app",
        functions: vec![function],
    };
    make(directory, &[package], &[]);
    let mut bytes = fs::read(file(directory, "covmeta.")).unwrap();
    let hash = MetaFile::parse(&bytes).unwrap().packages().next().unwrap().unwrap().header().hash;
    let at = bytes.windows(16).position(|window| window == hash.0).unwrap();
    bytes[at..at + 16].fill(9);
    bytes[24..40].fill(0x88);
    let named = |kind: &str, end: &str| directory.join(format!("{kind}.{}{end}", "88".repeat(16)));
    fs::remove_file(file(directory, "covmeta.")).unwrap();
    fs::write(named("covmeta", ""), bytes).unwrap();
    let counters = file(directory, "covcounters.");
    let mut bytes = fs::read(&counters).unwrap();
    bytes[8..24].fill(0x88);
    fs::remove_file(counters).unwrap();
    fs::write(named("covcounters", ".1.17"), bytes).unwrap();
    named("covmeta", "")
}

fn file(directory: &Path, prefix: &str) -> PathBuf {
    let mut paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    paths.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix)).unwrap()
}

#[test]
fn hashes_by_another_rule_are_said_to_prove_nothing() {
    let here = tempfile::tempdir().unwrap();
    let meta = with_other_hashes(here.path());
    let run = |arguments: &[&str]| {
        let output = covreport()
            .args(["--textfmt", "--no-checkout"])
            .args(arguments)
            .arg(here.path())
            .output()
            .unwrap();
        (output.status.code(), text(&output.stderr))
    };
    assert_eq!(run(&[]), (Some(0), String::new()));
    let (code, messages) = run(&["--verify"]);
    assert_eq!(code, Some(0), "{messages}");
    assert!(
        messages.starts_with("covreport: warning: meta files whose hashes follow no rule of Go 1.20 to 1.27"),
        "{messages}"
    );
    assert!(messages.contains(meta.to_str().unwrap()) && messages.lines().count() == 1, "{messages}");
    assert_eq!(run(&["--verify", "--strict"]).0, Some(2));
}

#[test]
fn copies_of_a_meta_file_are_compared_byte_by_byte() {
    let here = tempfile::tempdir().unwrap();
    let (one, other) = (here.path().join("one"), here.path().join("other"));
    let meta = with_other_hashes(&one);
    fs::create_dir(&other).unwrap();
    let copy = other.join(meta.file_name().unwrap());
    let mut bytes = fs::read(&meta).unwrap();
    fs::write(&copy, &bytes).unwrap();
    covreport().args(["--textfmt", "--verify"]).arg(here.path()).assert().success();
    // The statements of the only unit: no structure and no hash tells which file is right.
    let at = bytes.len() - 2;
    assert_eq!(bytes[at], 2);
    bytes[at] = 3;
    fs::write(&copy, &bytes).unwrap();
    covreport().args(["--textfmt"]).arg(here.path()).assert().success();
    let output = covreport().args(["--textfmt", "--verify"]).arg(here.path()).output().unwrap();
    let messages = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{messages}");
    let expected =
        format!("{} and {} have the same name, but their contents differ", meta.display(), copy.display());
    assert!(messages.contains(&expected), "{messages}");
}
