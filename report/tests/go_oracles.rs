//! Comparison with the Go tree itself, where `COVDATA_GO_DIR` says where Go is: the scanner and package patterns. Whole
//! command lines are in `differential/`.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use covreport::source::{Scanner, TokenKind};
use covreport::view::PackagePatterns;
use support::{NEWEST, go, go_root, text};

fn go_source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/go").join(name)
}

/// FNV-1a with 64 bits over kinds, starts and ends, as `go/tokens.go` makes it.
fn fingerprint(source: &[u8]) -> (usize, u64) {
    let (mut count, mut hash) = (0, 0xcbf2_9ce4_8422_2325_u64);
    for token in Scanner::new(source) {
        let kind = match token.kind {
            TokenKind::Word => 0,
            TokenKind::Literal => 1,
            TokenKind::OpenBrace => 2,
            TokenKind::CloseBrace => 3,
            TokenKind::Operator => 4_u32,
        };
        for byte in [kind, token.start, token.end].into_iter().flat_map(u32::to_le_bytes) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        count += 1;
    }
    (count, hash)
}

#[test]
fn the_scanner_finds_the_tokens_of_the_whole_go_tree() {
    let Some(root) = go_root(NEWEST) else { return };
    let run = go(&root).arg("run").arg(go_source("tokens.go")).arg(root.join("src")).assert().success();
    let (mut files, mut tokens) = (0, 0);
    for line in text(&run.get_output().stdout).lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let (count, hash) = fingerprint(&fs::read(fields[0]).unwrap());
        assert_eq!(
            (count.to_string(), hash.to_string()),
            (fields[1].into(), fields[2].into()),
            "{}",
            fields[0]
        );
        files += 1;
        tokens += count;
    }
    println!("{tokens} tokens of {files} files are the same");
    assert!(files > 5_000 && tokens > 5_000_000, "{tokens} tokens of {files} files");
}

/// All sequences of at most `most` of the pieces.
fn sequences(pieces: &[&str], most: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut last = all.clone();
    for _ in 0..most {
        last =
            last.iter().flat_map(|start| pieces.iter().map(move |piece| format!("{start}{piece}"))).collect();
        all.extend(last.iter().cloned());
    }
    all.sort();
    all.dedup();
    all
}

#[test]
fn patterns_match_as_in_the_reference() {
    let Some(root) = go_root(NEWEST) else { return };
    // The package is internal to the go command's tree: put the program there, on paper.
    let work = tempfile::tempdir().unwrap();
    let overlay = work.path().join("overlay.json");
    let place = root.join("src/cmd/covreportpatterns/main.go");
    let replace = serde_json::json!({ "Replace": { place.to_str().unwrap(): go_source("patterns.go") } });
    fs::write(&overlay, replace.to_string()).unwrap();

    let patterns = sequences(&["a", "b", "/", "...", ".", "vendor"], 4);
    let paths = sequences(&["a", "b", "/", ".", "vendor"], 3);
    let pairs: Vec<(&String, &String)> =
        patterns.iter().flat_map(|p| paths.iter().map(move |n| (p, n))).collect();
    let input = pairs
        .iter()
        .flat_map(|(pattern, path)| {
            [
                pattern, "	", path, "
",
            ]
        })
        .collect::<String>();
    let mut command = go(&root);
    command.current_dir(root.join("src/cmd")).arg("run").arg("-overlay").arg(&overlay);
    let run = command.arg("cmd/covreportpatterns").write_stdin(input).assert().success();
    let answers = text(&run.get_output().stdout);
    assert_eq!(answers.lines().count(), pairs.len());
    for (answer, (pattern, path)) in answers.lines().zip(&pairs) {
        // An empty pattern is no pattern on a command line.
        if !pattern.is_empty() {
            let ours = PackagePatterns::parse(pattern.as_bytes()).matches(path.as_bytes());
            assert_eq!(ours.to_string(), answer, "{pattern:?} {path:?}");
        }
    }
    println!("{} pairs of pattern and path are the same", pairs.len());
}
