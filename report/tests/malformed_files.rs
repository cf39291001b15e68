//! `testdata/malformed`: for each broken rule the programs name path, structure, rule and place, and write nothing.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::fs;
use std::path::Path;

use covfmt::ids::MetaHash;
use support::{covdata, covreport, text};

#[test]
fn each_broken_rule_is_named_and_nothing_is_written() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/malformed");
    let whole = fs::read(corpus.join("whole.covmeta")).unwrap();
    let tag = MetaHash(whole[24..40].try_into().unwrap());
    let (meta_name, counter_name) = (format!("covmeta.{tag}"), format!("covcounters.{tag}.1.17"));
    let here = tempfile::tempdir().unwrap();
    let data = here.path().join("data");
    fs::create_dir(&data).unwrap();
    let report = here.path().join("report");
    let run = |arguments: &[&str]| {
        let mut command = covreport();
        command.args(arguments).arg(format!("--lcov={}", report.display())).arg("--no-checkout").arg(&data);
        command.output().unwrap()
    };
    let mut files = 0;
    for line in fs::read_to_string(corpus.join("errors.txt")).unwrap().lines() {
        let (name, error) = line.split_once(": ").unwrap();
        let bad = fs::read(corpus.join(name)).unwrap();
        let is_meta = name.ends_with(".covmeta");
        fs::write(data.join(&meta_name), if is_meta { &bad } else { &whole }).unwrap();
        let counters = fs::read(corpus.join("whole.covcounters")).unwrap();
        fs::write(data.join(&counter_name), if is_meta { &counters } else { &bad }).unwrap();
        let path = data.join(if is_meta { &meta_name } else { &counter_name });
        let output = run(&["--verify"]);
        let messages = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {messages}");
        // There is no rest that --keep-going would report.
        let expected = format!("covreport: error: {}: {error}\n", path.display());
        assert!(messages.contains(&expected), "{name}: {messages}");
        assert_eq!(fs::read_dir(here.path()).unwrap().count(), 1, "{name}");
        // The drop-in answers as the reference does, which may well take it; but it answers.
        let output = covdata().args(["percent", "-i"]).arg(&data).output().unwrap();
        assert!(matches!(output.status.code(), Some(0..=2)), "{name}");
        assert!(!text(&output.stderr).contains("panicked"), "{name}: {}", text(&output.stderr));
        files += 1;
    }
    assert!(files > 50, "{files}");
    fs::write(data.join(&meta_name), &whole).unwrap();
    fs::write(data.join(&counter_name), fs::read(corpus.join("whole.covcounters")).unwrap()).unwrap();
    assert!(run(&["--verify"]).status.success());
}
