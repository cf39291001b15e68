//! The units that `go tool cover` of each Go version draws in Go's own source: one rule must make the same lines of all.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in tests a panic is the report"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use covfmt::mode::CounterMode;
use covfmt::unit::Unit;
use covreport::source::{Drawing, SourceBlocks, SourceText};
use covreport::view::{CountedUnit, LineRule};
use rayon::prelude::*;
use support::{NEWEST, VERSIONS, go_root, text};

/// Directories of Go's tree with code of many hands: 1,000 files and more.
const DIRECTORIES: [&str; 10] =
    ["crypto", "encoding", "fmt", "go", "html", "net", "os", "reflect", "runtime", "text"];

fn go_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != "testdata" {
            go_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "go") {
            found.push(path);
        }
    }
}

/// The units that the tool of a Go installation draws in a file, as its output lists them: lines, columns, statements.
fn units(root: &Path, file: &Path) -> Vec<Unit> {
    let tool = fs::read_dir(root.join("pkg/tool")).unwrap().next().unwrap().unwrap().path().join("cover");
    let run = Command::new(tool).args(["-mode=count", "-var=Units"]).arg(file).output().unwrap();
    assert!(run.status.success(), "{}: {}", file.display(), text(&run.stderr));
    let output = text(&run.stdout);
    let (_, variables) = output.rsplit_once("\nvar Units = struct {").unwrap();
    let (places, statements) = variables.split_once("NumStmt: [").unwrap();
    let rows = |text: &str| -> Vec<Vec<u32>> {
        let rows = text.lines().filter(|line| line.starts_with("\t\t"));
        let numbers = |line: &str| {
            let fields = line.split("//").next().unwrap().split(',').map(str::trim).filter(|f| !f.is_empty());
            let number =
                |f: &str| f.strip_prefix("0x").map_or_else(|| f.parse(), |hex| u32::from_str_radix(hex, 16));
            fields.map(|field| number(field).unwrap()).collect()
        };
        rows.map(numbers).collect()
    };
    let unit = |(place, statements): (Vec<u32>, Vec<u32>)| Unit {
        start_line: place[0],
        end_line: place[1],
        start_column: place[2] & 0xffff,
        end_column: place[2] >> 16,
        statements: statements[0],
    };
    rows(places).into_iter().zip(rows(statements)).map(unit).collect()
}

fn files_of(roots: &[PathBuf]) -> Vec<PathBuf> {
    // The oldest tree: every version's tool can read it.
    let mut files = Vec::new();
    for directory in DIRECTORIES {
        go_files(&roots[0].join("src").join(directory), &mut files);
    }
    files.retain(|file| {
        let bytes = text(&fs::read(file).unwrap());
        // What //line directives do to units of Go 1.26 and older is another test's matter.
        !bytes.contains("//line ") && !bytes.contains("/*line ")
    });
    files
}

#[test]
fn units_worked_out_from_source_are_those_of_the_tool() {
    let roots: Option<Vec<PathBuf>> = ["1.26.6", NEWEST].into_iter().map(go_root).collect();
    let Some(roots) = roots else { return };
    let mut files = files_of(&roots);
    // Every third is enough, and no waiting.
    files = files.into_iter().step_by(3).collect();
    let checked: Vec<(usize, bool)> = files
        .par_iter()
        .map(|file| {
            let source = SourceText::new(fs::read(file).unwrap());
            let blocks = SourceBlocks::new(&source).unwrap();
            let of = |drawing| {
                blocks.functions().iter().flat_map(|f| f.units(&source, drawing)).collect::<Vec<_>>()
            };
            let same = |root: &Path, drawing| {
                let (theirs, ours) = (units(root, file), of(drawing));
                let differ = theirs.iter().zip(&ours).find(|(theirs, ours)| theirs != ours);
                if theirs != ours {
                    println!(
                        "{} {drawing:?}: {differ:?}, {} and {}",
                        file.display(),
                        theirs.len(),
                        ours.len()
                    );
                }
                theirs == ours
            };
            let equal = same(&roots[0], Drawing::Blocks) && same(&roots[1], Drawing::Parts);
            (of(Drawing::Blocks).len(), equal)
        })
        .collect();
    let units: usize = checked.iter().map(|(units, _)| units).sum();
    let different = checked.iter().filter(|(_, equal)| !equal).count();
    println!("{units} units of {} files, {different} files differ", checked.len());
    // The grammar misreads a file or two; whoever uses these units compares them with the data first.
    assert!(checked.len() > 500 && units > 30_000 && different * 200 < checked.len(), "{different}");
}

#[test]
fn the_lines_of_a_file_are_the_same_whichever_go_drew_its_units() {
    let roots: Option<Vec<PathBuf>> = VERSIONS.into_iter().map(go_root).collect();
    let Some(roots) = roots else { return };
    let files = files_of(&roots);
    let lines_of = |source: &SourceText, units: &[Unit], what: &str| {
        let rule = LineRule::with_source(source, units.iter().copied());
        let rule = rule.unwrap_or_else(|mismatch| panic!("{what}: {mismatch}"));
        let counted: Vec<CountedUnit> =
            units.iter().map(|unit| CountedUnit { unit: *unit, count: 1 }).collect();
        let lines = rule.lines(CounterMode::Count, &counted).unwrap();
        lines.into_iter().map(|line| (line.number, line.branches.len())).collect::<Vec<_>>()
    };
    let checked: Vec<usize> = files
        .par_iter()
        .map(|file| {
            let source = SourceText::new(fs::read(file).unwrap());
            let of = |root: &Path| lines_of(&source, &units(root, file), &file.display().to_string());
            let newest = of(roots.last().unwrap());
            for root in &roots[..roots.len() - 1] {
                let lines = of(root);
                let differ = lines.iter().chain(&newest).find(|l| !lines.contains(l) || !newest.contains(l));
                assert_eq!(differ, None, "{} by {}", file.display(), root.display());
            }
            newest.len()
        })
        .collect();
    println!("{} lines of {} files are the same", checked.iter().sum::<usize>(), files.len());
    assert!(files.len() > 1_000 && checked.iter().sum::<usize>() > 100_000);
    assert_eq!(VERSIONS.last(), Some(&NEWEST));
}
