//! Comparison with the Go tree itself, where `COVDATA_GO_DIR` says where Go is: the scanner, package patterns, and the
//! reference tool on command lines that no data set records.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use covreport::source::{Scanner, TokenKind};
use covreport::view::PackagePatterns;
use support::{NEWEST, VERSIONS, covdata, data_set, go, go_root, text};

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

/// What a run leaves: exit code, output, messages, and the file that `-o` names.
type Left = (Option<i32>, String, String, Option<String>);

fn left(run: &Output, directory: &Path) -> Left {
    // A panic's trace is the reference's own.
    let messages = text(&run.stderr);
    let messages = messages.split("\n\ngoroutine").next().unwrap().trim_end().to_owned();
    let out = directory.join("out");
    let written = fs::read(&out).ok().map(|bytes| text(&bytes));
    drop(fs::remove_file(out));
    (run.status.code(), text(&run.stdout), messages, written)
}

/// Directories with inputs that no program writes.
fn make_odd_inputs(here: &Path, data: &Path) {
    for name in ["empty", "bad-meta", "cut-meta", "bad-counters", "cut-counters", "no-counters", "orphans"] {
        fs::create_dir_all(here.join(name)).unwrap();
    }
    fs::write(here.join("file"), "").unwrap();
    let long = "neither a meta nor a counter file, but long enough to hold the header and the footer of one";
    fs::write(here.join("bad-meta/covmeta.x"), long).unwrap();
    let (mut meta, mut counters) = (None, None);
    for entry in fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let kind = if name.starts_with("covmeta") { &mut meta } else { &mut counters };
        *kind = Some((name, fs::read(path).unwrap()));
    }
    let ((meta, meta_bytes), (counters, counter_bytes)) = (meta.unwrap(), counters.unwrap());
    fs::write(here.join("cut-meta").join(&meta), &meta_bytes[..40]).unwrap();
    for (name, bytes) in
        [("bad-counters", long.as_bytes()), ("cut-counters", &counter_bytes[..100]), ("no-counters", &[])]
    {
        fs::write(here.join(name).join(&meta), &meta_bytes).unwrap();
        fs::write(here.join(name).join(&counters), bytes).unwrap();
    }
    fs::write(here.join("orphans").join(&counters), &counter_bytes).unwrap();
}

const ODD_LINES: &str = r#"

help
-help
percent
percent -help
percent --help
percent -h
percent -x
percent -x=1
percent -i
percent -i=
percent -i empty more
percent -i empty -- more
percent - -i=empty
percent -v=x -i=empty
percent -v=99999999999999999999
percent -v 0x1_f -i
percent -h=maybe
percent -memprofilerate
percent ---i
percent -=x
percent --
percent -i=nowhere
percent -i=file
percent -i=empty,,
percent -i=empty
percent --i empty
percent -hw -i=empty
percent -hw=F -i=empty
percent -i=empty -o=nowhere/out
percent -h -i=bad-meta
percent -i=cut-meta -h=t
percent -i=.//empty/../bad-meta/
percent -i=bad-meta,bad-counters
textfmt
textfmt -x
textfmt -i=empty
textfmt -i=empty -o=
textfmt -i=empty -o=out
textfmt -o out -i=nowhere
textfmt -i=empty -o=nowhere/out
textfmt -i=empty -o=no"where/\ä
textfmt -i=empty -o=empty
textfmt -i=bad-counters,bad-meta -o=out"#;

/// For every command; none of them comes to where directories are read.
const ODD_FLAGS: &str = "
-help
--help
-h
-hw -x
-i
-i=
-i=empty extra
-i=empty -- extra
-o
-o=x
-i=empty -o=
-i=empty,empty -o
-v
-v=x -i
-v=1 -i=empty extra
-live=x
-live -nope
-pcombine=2
-pcombine -nope
-cpuprofile
-cpuprofile=no/x -i=empty
-cpuprofile no/x -h
-memprofile=no/x extra
-memprofile=no/x -memprofilerate=0x10 -h=1
-memprofilerate=1.5";

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

const DIRECTORIES: [&str; 7] = [
    "cases-set/data/all",
    "cases-count/data/all",
    "server-atomic/data/pod-3",
    "server-mixed/data/both",
    "workspace-set/data/all",
    "segments-count/data/raw-two-segments",
    "panicked-set/data/run",
];

fn command_lines() -> Vec<Vec<String>> {
    let mut lines: Vec<Vec<String>> = ODD_LINES.lines().skip(1).map(words).collect();
    for command in ["percent", "pkglist", "func", "textfmt", "debugdump", "merge", "subtract", "intersect"] {
        lines.extend(ODD_FLAGS.lines().map(|flags| words(&format!("{command} {flags}"))));
    }
    for name in
        ["bad-meta", "cut-meta", "bad-counters", "cut-counters", "no-counters", "orphans", "./orphans/"]
    {
        for command in ["percent", "pkglist", "func", "textfmt -o=out", "debugdump"] {
            lines.push(words(&format!("{command} -i={name}")));
            lines.push(words(&format!("{command} -h -v=1 -i={name}")));
        }
    }
    // Inputs of different builds, modes and Go versions, also the same one twice; patterns.
    let inputs: Vec<PathBuf> = VERSIONS
        .iter()
        .flat_map(|version| DIRECTORIES.map(|directory| data_set(version, directory)))
        .collect();
    for (index, first) in inputs.iter().enumerate() {
        for step in [0, 1, 5, 9] {
            let second = &inputs[(index + step) % inputs.len()];
            let both = format!("-i={},{}", first.display(), second.display());
            for pattern in ["", "-pkg=example.com/cases/...", "-pkg=,.../money,nothing"] {
                for command in
                    ["percent", "percent -o out", "textfmt --o=out", "func", "pkglist", "debugdump -live"]
                {
                    lines.push([words(command), vec![both.clone()], words(pattern)].concat());
                }
            }
        }
    }
    lines
}

#[test]
fn covdata_answers_any_command_line_as_the_reference_does() {
    let Some(root) = go_root(NEWEST) else { return };
    let work = tempfile::tempdir().unwrap();
    let reference = work.path().join("reference");
    let mut build = go(&root);
    build
        .current_dir(root.join("src/cmd"))
        .arg("build")
        .arg("-o")
        .arg(&reference)
        .arg("cmd/covdata")
        .assert()
        .success();
    let here = work.path().join("here");
    make_odd_inputs(&here, &data_set(NEWEST, "cases-atomic").join("data/all"));

    let lines = command_lines();
    for line in &lines {
        let run =
            |mut command: Command| left(&command.current_dir(&here).args(line).output().unwrap(), &here);
        let mut theirs = run(Command::new(&reference));
        let mut ours = run(covdata());
        // The dump names the program that made it.
        theirs.1 = theirs.1.replace(reference.to_str().unwrap(), "covdata");
        ours.1 = ours.1.replace(env!("CARGO_BIN_EXE_covdata"), "covdata");
        assert_eq!(ours, theirs, "{line:?}");
    }
    println!("{} command lines are answered the same", lines.len());
}
