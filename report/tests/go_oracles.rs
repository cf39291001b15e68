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

/// A function as `go tool cover -func` shows it: file, line of its keyword, name without the receiver, percentage.
type Shown = (String, u64, String, String);

/// What `covreport --json` says of the functions that are declared in Go files which `go tool cover` can take apart.
fn declared_functions(report: &serde_json::Value, is_taken: impl Fn(&str) -> bool) -> Vec<Shown> {
    let mut shown = Vec::new();
    for file in report["files"].as_array().unwrap() {
        let name = file["names"][0].as_str().unwrap();
        for function in file["functions"].as_array().unwrap().iter().filter(|_| is_taken(name)) {
            let full = function["name"].as_str().unwrap();
            if full.starts_with("func.") {
                continue;
            }
            // `(*Pair[...]).Set`, `Map[...]`, `init.0`, `F#2`.
            let bare = full.replace("[...]", "");
            let bare = if bare.starts_with("init.") { "init" } else { bare.rsplit('.').next().unwrap() };
            let [covered, total] = ["covered", "total"]
                .map(|key| u32::try_from(function["statements"][key].as_u64().unwrap()).unwrap());
            let percent = if total == 0 { 0.0 } else { 100.0 * f64::from(covered) / f64::from(total) };
            let bare = bare.split('#').next().unwrap().to_owned();
            shown.push((
                name.to_owned(),
                function["start_line"].as_u64().unwrap(),
                bare,
                format!("{percent:.1}%"),
            ));
        }
    }
    shown.sort();
    shown
}

/// Go counts to a function what lies between its keyword and its closing brace, literals included, as the reports do.
#[test]
fn functions_have_the_lines_and_the_shares_of_the_cover_tool() {
    let (mut compared, mut of_methods) = (0, 0);
    for version in support::VERSIONS {
        let Some(root) = go_root(version) else { return };
        for (set, program) in
            support::sets_with_source().filter(|(_, program)| !matches!(*program, "workspace" | "single"))
        {
            let work = tempfile::tempdir().unwrap();
            let (profile, report) = (work.path().join("profile"), work.path().join("report"));
            let source = support::source(program);
            support::covreport()
                .current_dir(&source)
                .args(["--root=.", "--count-ignored"])
                .arg(format!("--textfmt={}", profile.display()))
                .arg(format!("--json={}", report.display()))
                .arg(support::data_set(version, set).join("data"))
                .assert()
                .success();
            let report: serde_json::Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
            // It gives up over files that are not Go, and reads places behind directives as places in the file.
            let directed = |file: &serde_json::Value| {
                let path = source.join(file["path"].as_str().unwrap());
                let text = fs::read_to_string(path).unwrap_or_default();
                text.contains("\n//line ") || text.contains("/*line ")
            };
            let files = report["files"].as_array().unwrap();
            let taken: Vec<&str> = files
                .iter()
                .filter(|file| file["names"].as_array().unwrap().len() == 1 && !directed(file))
                .map(|file| file["names"][0].as_str().unwrap())
                .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "go"))
                .collect();
            let is_taken = |name: &str| taken.contains(&name);
            let text = fs::read_to_string(&profile).unwrap();
            let kept = text.lines().filter(|line| {
                line.starts_with("mode:")
                    || is_taken(line.split_once(".go:").map_or("", |(file, _)| &line[..file.len() + 3]))
            });
            fs::write(&profile, kept.flat_map(|line| [line, "\n"]).collect::<String>()).unwrap();
            let run = go(&root)
                .current_dir(&source)
                .args(["tool", "cover"])
                .arg(format!("-func={}", profile.display()))
                .assert()
                .success();
            let output = support::text(&run.get_output().stdout);
            let mut expected: Vec<Shown> = Vec::new();
            for line in output.lines().filter(|line| !line.starts_with("total:")) {
                let fields: Vec<&str> = line.split_whitespace().collect();
                let (file, number) = fields[0].trim_end_matches(':').rsplit_once(':').unwrap();
                expected.push((file.into(), number.parse().unwrap(), fields[1].into(), fields[2].into()));
            }
            expected.sort();
            let ours = declared_functions(&report, is_taken);
            assert_eq!(ours, expected, "{version} {set}");
            compared += ours.len();
            let methods = report["files"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|file| file["functions"].as_array().unwrap());
            of_methods +=
                methods.filter(|function| function["name"].as_str().unwrap().contains(").")).count();
        }
    }
    println!("{compared} functions have the same lines and shares");
    assert!(compared > 1_000 && of_methods > 100, "{compared} functions, {of_methods} methods of pointers");
}
