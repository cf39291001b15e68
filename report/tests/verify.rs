//! `--verify`: whatever bit of a meta file is flipped, the file is refused.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::fs;

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
