//! Cases that other converters get wrong, one test each, with the true answer worked out by hand. docs/CASES.md lists them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in tests a panic is the report"
)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Output;

use covreport::format::Kind;
use support::made::{MadeFunction, MadePackage, make};
use support::seen::{Seen, functions_of_lcov, lines_of_lcov, records};
use support::{NEWEST, VERSIONS, covdata, covreport, data_set, source, stdout_of, text};

fn lcov(version: &str, set: &str, sources: &str) -> String {
    let mut command = covreport();
    command.arg("--lcov").arg("--root").arg(source(sources));
    text(&stdout_of(command.arg(data_set(version, set).join("data"))))
}

/// Number of a line; its hits and, where it has parts, how many of how many ran. `None`: it is no code.
type Truth = (u32, Option<(u32, Option<(usize, usize)>)>);

/// Asserts lines of the cases program in every Go version.
#[track_caller]
fn lines_are(file: &str, expected: &[Truth]) {
    for version in VERSIONS {
        let lines = lines_of_lcov(&lcov(version, "cases-atomic", "cases"));
        for (number, line) in expected {
            let line = line.map(|(hits, parts)| Seen { hits, parts });
            assert_eq!(lines.get(&(file.to_owned(), *number)).copied(), line, "{file}:{number} {version}");
        }
    }
}

/// Asserts functions of the cases program in every Go version: all of a file, with their hits.
#[track_caller]
fn functions_are(file: &str, expected: &[(&str, u32)]) {
    for version in VERSIONS {
        let functions = functions_of_lcov(&lcov(version, "cases-atomic", "cases"));
        let of_file = functions.iter().filter(|((path, _), _)| path == file);
        let found: Vec<(&str, u32)> = of_file.map(|((_, name), hits)| (name.as_str(), *hits)).collect();
        assert_eq!(found, expected, "{file} {version}");
    }
}

#[test]
fn a_one_line_if_else() {
    // `if n%2 == 0 { n /= 2 } else { n = 3*n + 1 }` ran twice with 6, which is even: condition and first body ran, the
    // second did not. Converters that see lines only call the line covered.
    lines_are("branches/oneline.go", &[(14, Some((2, Some((2, 3)))))]);
}

#[test]
fn a_one_line_if_whose_body_never_ran() {
    // `if n < 0 { n = -n }` with 6: the condition ran twice, the body never. It is neither covered nor missed.
    lines_are("branches/oneline.go", &[(19, Some((2, Some((1, 2)))))]);
}

#[test]
fn nested_loops_on_a_line() {
    // `for i := 0; i < 6; i++ { for j := 0; j < i; j++ { sum++ } }`, twice: the header once per call, the outer body 6 times,
    // the inner 0+1+2+3+4+5 = 15 times per call. 2, 12 and 30: the line ran 30 times, not 44.
    lines_are("branches/oneline.go", &[(25, Some((30, Some((3, 3)))))]);
}

#[test]
fn nested_loops_over_lines() {
    // triangle(6), twice: the inner header is counted once per outer round, with what precedes it; its body 21 times per call.
    let line = |hits| Some((hits, None));
    lines_are(
        "branches/branches.go",
        &[(18, line(2)), (19, line(12)), (20, line(42)), (23, line(30)), (24, None)],
    );
}

#[test]
fn closing_braces_are_no_code_in_data_of_any_version() {
    // Go 1.27 ends units on the line behind them, where the brace is; older versions include the brace.
    let none = |numbers: &[u32]| numbers.iter().map(|number| (*number, None)).collect::<Vec<_>>();
    lines_are("branches/branches.go", &none(&[12, 14, 22, 24, 25, 27, 40, 41, 42, 44, 52, 54, 64, 66, 68]));
    lines_are("layout/layout.go", &none(&[30, 31, 37, 43, 60, 64, 68, 72, 75, 86, 89, 100, 102]));
}

#[test]
fn empty_functions_and_cases() {
    // They have units with 0 statements: nothing that could be covered or missed, called or not.
    lines_are("branches/choices.go", &[(8, None), (19, None), (20, None), (49, None), (50, None)]);
    lines_are("layout/layout.go", &[(39, None), (41, None), (42, None), (43, None), (45, None)]);
    for version in VERSIONS {
        let lcov = lcov(version, "cases-atomic", "cases");
        // A package whose functions are all empty has no lines, so it is no file of the report.
        assert!(!records(&lcov).contains_key("marker/marker.go"));
        assert!(!lcov.contains(",unused\n") && !lcov.contains(",emptyWithComment\n"));
    }
}

#[test]
fn function_literals_in_a_map_literal() {
    // Two of four runs ask for branches, one for generated (three colours), none for idle or panic.
    let line = |hits| Some((hits, None));
    let expected = [
        (25, None),
        (26, line(2)),
        (27, None),
        (28, line(1)),
        (29, line(3)),
        (30, None),
        (32, line(0)),
        (43, line(0)),
    ];
    lines_are("cmd/cases/main.go", &expected);
    functions_are(
        "cmd/cases/main.go",
        &[
            ("func.L26.C14", 2),
            ("func.L27.C15", 1),
            ("func.L32.C14", 0),
            ("func.L33.C14", 1),
            ("func.L34.C14", 2),
            ("func.L35.C14", 1),
            ("func.L36.C14", 1),
            ("func.L37.C14", 1),
            ("func.L38.C14", 2),
            ("func.L39.C14", 1),
            ("func.L42.C11", 1),
            ("func.L43.C11", 0),
            ("list", 1),
            ("main", 4),
        ],
    );
}

#[test]
fn several_init_functions() {
    // The runtime numbers them through the package, file by file in the order of names: late.go comes first.
    functions_are("startup/late.go", &[("init.0", 4)]);
    functions_are("startup/startup.go", &[("Order", 1), ("first", 4), ("init.1", 4), ("init.2", 4)]);
}

#[test]
fn generic_methods_of_one_name_and_two_type_parameters() {
    // The coverage data calls both methods `Set`. Box.Set ran twice, Pair.Set once, Map for two instances.
    let expected =
        [("(*Box[...]).Set", 2), ("(*Pair[...]).Set", 1), ("All", 1), ("Map[...]", 2), ("Pair[...].Swap", 0)];
    functions_are("pairs/pairs.go", &expected);
}

#[test]
fn a_workspace_of_three_modules() {
    // One module is `example.com/tax` and lies in lib/money/tax: only go.work and the go.mod files tell.
    for version in VERSIONS {
        let lcov = lcov(version, "workspace-atomic", "workspace");
        let paths: Vec<String> = records(&lcov).into_keys().collect();
        let expected = [
            "app/cmd/invoice/main.go",
            "app/internal/render/render.go",
            "lib/money/money.go",
            "lib/money/rates/rates.go",
            "lib/money/tax/tax.go",
        ];
        assert_eq!(paths, expected);
        assert!(paths.iter().all(|path| source("workspace").join(path).is_file()));
        // Lines with code, and those that ran: main.go 17 and 15 (25 and 33 did not), render.go 7 and 2 (there was tax, and
        // nobody asked Abroad), money.go 15 and 12 (20, 24 and 41 did not), rates.go 4 and none, tax.go 6 and 4 (15 and 17
        // did not).
        let lines = lines_of_lcov(&lcov);
        let hit = lines.values().filter(|line| line.hits > 0).count();
        assert_eq!((hit, lines.len()), (33, 49));
    }
}

#[test]
fn a_program_built_from_a_file() {
    // `go build main.go`: package command-line-arguments, absolute path /src/app/main.go, no module. Two runs, without an
    // argument and with one: only the last line of greet never ran.
    for version in VERSIONS {
        let lines = lines_of_lcov(&lcov(version, "single-set", "single"));
        let hits: Vec<(u32, u32)> = lines.iter().map(|((_, number), line)| (*number, line.hits)).collect();
        assert_eq!(hits, [(12, 1), (13, 1), (14, 1), (16, 1), (20, 1), (21, 1), (23, 0)]);
        assert!(lines.keys().all(|(path, _)| path == "main.go"));
    }
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_git_worktree() {
    // There `.git` is a file. Paths are relative to the worktree, from whichever directory of it the program runs.
    let work = tempfile::tempdir().unwrap();
    let worktree = work.path().join("worktree");
    copy_tree(&source("server"), &worktree.join("services/library"));
    fs::write(worktree.join(".git"), "gitdir: /nowhere/.git/worktrees/worktree\n").unwrap();
    for directory in ["", "services", "services/library/internal/api"] {
        let mut command = covreport();
        command.current_dir(worktree.join(directory)).arg("--lcov");
        let lcov = text(&stdout_of(command.arg(data_set(NEWEST, "server-atomic").join("data"))));
        let paths: Vec<String> = records(&lcov).into_keys().collect();
        assert_eq!(paths[0], "services/library/cmd/library/main.go");
        assert!(paths.len() == 6 && paths.iter().all(|path| worktree.join(path).is_file()), "{paths:?}");
    }
}

#[test]
fn the_wrong_directory() {
    // Not an empty report that looks like success: an error, and no file.
    let elsewhere = tempfile::tempdir().unwrap();
    fs::create_dir(elsewhere.path().join(".git")).unwrap();
    fs::write(elsewhere.path().join("go.mod"), "module example.com/other\n").unwrap();
    for format in ["lcov", "cobertura"] {
        let target = elsewhere.path().join("report");
        let mut command = covreport();
        command.current_dir(elsewhere.path()).arg(format!("--{format}={}", target.display()));
        let run = command.arg(data_set(NEWEST, "server-atomic").join("data")).assert().failure();
        assert!(text(&run.get_output().stderr).contains("error: none of the 6 files"), "{format}");
        assert!(!target.exists());
    }
}

/// A repository with one Go file of seven lines, three of them code.
fn repository(directory: &Path, file: &str) {
    let path = directory.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "package main\n\nfunc main() {\n\tif run() {\n\t\tstop()\n\t}\n\tdone()\n}\n").unwrap();
}

fn main_function(file: &str) -> MadeFunction<'_> {
    let units = vec![([4, 2, 4, 11, 1], 3), ([7, 2, 8, 1, 1], 2), ([5, 3, 6, 1, 1], 0)];
    MadeFunction { name: "main", file, units }
}

#[test]
fn paths_of_windows() {
    // A program built by `go build main.go` on Windows: drive, backslashes. Lines 4 and 7 ran 3 and 2 times, line 5 never.
    let work = tempfile::tempdir().unwrap();
    repository(&work.path().join("shop"), "cmd/till/main.go");
    let file = r"C:\build\shop\cmd\till\main.go";
    let functions = vec![main_function(file)];
    make(
        &work.path().join("data"),
        &[MadePackage { path: "command-line-arguments", name: "main", module: "", functions }],
        &[("GOOS", "windows")],
    );
    let mut command = covreport();
    command.arg("--lcov").arg("--root").arg(work.path().join("shop")).arg(work.path().join("data"));
    let lcov = text(&stdout_of(&mut command));
    let hits: Vec<_> = lines_of_lcov(&lcov).into_iter().map(|(place, line)| (place, line.hits)).collect();
    let place = |line| ("cmd/till/main.go".to_owned(), line);
    assert_eq!(hits, [(place(4), 3), (place(5), 0), (place(7), 2)]);
}

#[test]
fn two_builds_in_one_directory() {
    // During a rolling update: the old program ran with "", the new one with a long name. What the builds share is added up:
    // main's loop was set up once in each (2) and went round once in each (2); shout ran for "" in the old program and for the
    // long name in the new one (2), and cut neither text. The file that differs is named.
    for version in VERSIONS {
        let mut command = covreport();
        command.arg("--lcov").arg("--root").arg(source("revised/second"));
        let run = command.arg(data_set(version, "revised-atomic").join("data/volume")).assert().success();
        let lines = lines_of_lcov(&text(&run.get_output().stdout));
        let hits = |file: &str| -> Vec<(u32, u32)> {
            lines.iter().filter(|((path, _), _)| path == file).map(|((_, n), line)| (*n, line.hits)).collect()
        };
        assert_eq!(hits("cmd/revised/main.go"), [(15, 2), (16, 2)], "{version}");
        assert_eq!(hits("notice/same.go"), [(6, 2), (7, 0), (9, 2)], "{version}");
        assert!(text(&run.get_output().stderr).contains("notice/notice.go in builds "), "{version}");
    }
}

fn failed(run: &Output) -> String {
    assert_eq!(text(&run.stdout), "");
    text(&run.stderr)
}

#[test]
fn a_run_that_panicked() {
    // It leaves a meta file and no counters: that is no 0 %, it is nothing to report from.
    for version in VERSIONS {
        let panicked = data_set(version, "panicked-set").join("data");
        let run = covreport().arg(&panicked).output().unwrap();
        assert_eq!(run.status.code(), Some(2), "{version}");
        assert!(failed(&run).contains("no counter"), "{version}: {}", failed(&run));
        // Beside another program that did write counters, it is named.
        let both =
            covreport().arg(&panicked).arg(data_set(version, "workspace-set").join("data")).output().unwrap();
        let messages = text(&both.stderr);
        assert!(messages.contains("warning: ") && messages.contains("counter"), "{version}: {messages}");
    }
}

#[test]
fn a_replaced_module_outside_of_the_repository() {
    // `replace example.com/lib => ../lib`: its file is no file of this repository. It must not be reported under a path of
    // it, and its statements must not vanish without a word.
    let work = tempfile::tempdir().unwrap();
    let root = work.path().join("app");
    repository(&root, "main.go");
    repository(&work.path().join("lib"), "main.go");
    fs::write(root.join("go.mod"), "module example.com/app\nreplace example.com/lib => ../lib\n").unwrap();
    fs::write(work.path().join("lib/go.mod"), "module example.com/lib\n").unwrap();
    let package = |path: &'static str, file: &'static str| MadePackage {
        path,
        name: "main",
        module: path,
        functions: vec![main_function(file)],
    };
    make(
        &work.path().join("data"),
        &[
            package("example.com/app", "example.com/app/main.go"),
            package("example.com/lib", "example.com/lib/main.go"),
        ],
        &[],
    );
    let mut command = covreport();
    let run = command.arg("--lcov").arg("--root").arg(&root).arg(work.path().join("data")).assert().success();
    let lcov = text(&run.get_output().stdout);
    assert_eq!(records(&lcov).into_keys().collect::<Vec<_>>(), ["main.go"]);
    assert_eq!(lines_of_lcov(&lcov)[&("main.go".to_owned(), 4)].hits, 3, "and not 6, of both files");
    let messages = text(&run.get_output().stderr);
    assert!(messages.contains("outside the repository") && messages.contains("3 statements"), "{messages}");
}

#[test]
fn the_same_input_twice() {
    // A directory named twice, and copies of its files elsewhere, are the same runs: they count once.
    let data = data_set(NEWEST, "workspace-atomic").join("data");
    let copy = tempfile::tempdir().unwrap();
    copy_tree(&data, copy.path());
    let of = |inputs: &[&Path]| {
        let mut command = covreport();
        text(&stdout_of(command.arg("--lcov").arg("--root").arg(source("workspace")).args(inputs)))
    };
    let once = of(&[&data]);
    assert_eq!(lines_of_lcov(&once)[&("lib/money/money.go".to_owned(), 17)].hits, 2);
    assert_eq!(of(&[&data, &data]), once);
    assert_eq!(of(&[&data, copy.path()]), once);
}

#[test]
fn arguments_of_programs_are_in_no_report() {
    // Counter files hold the command lines of the programs that wrote them, passwords and all.
    const SECRET: &str = "hunter2-planted-secret";
    let work = tempfile::tempdir().unwrap();
    let (root, data) = (work.path().join("root"), work.path().join("data"));
    repository(&root, "main.go");
    fs::write(root.join("go.mod"), "module example.com/app\n").unwrap();
    let functions = vec![main_function("example.com/app/main.go")];
    let argument = format!("--password={SECRET}");
    make(
        &data,
        &[MadePackage { path: "example.com/app", name: "main", module: "example.com/app", functions }],
        &[("GOARCH", "amd64"), ("GOOS", "linux"), ("argc", "2"), ("argv0", "/app"), ("argv1", &argument)],
    );
    for format in Kind::ALL {
        let mut command = covreport();
        command.arg(format!("--{}", format.name())).arg("--root").arg(&root);
        let run = command.arg(&data).output().unwrap();
        assert!(run.status.success(), "{}: {}", format.name(), text(&run.stderr));
        assert!(!run.stdout.is_empty());
        for said in [&run.stdout, &run.stderr] {
            assert!(!text(said).contains(SECRET), "{}", format.name());
        }
    }
    let input = format!("-i={}", data.display());
    for command in ["percent", "pkglist", "func", "textfmt"] {
        let out = work.path().join("out");
        let mut run = covdata();
        run.args([command, &input]);
        if command == "textfmt" {
            run.arg(format!("-o={}", out.display()));
        }
        let run = run.output().unwrap();
        assert!(run.status.success(), "{command}: {}", text(&run.stderr));
        let written = fs::read(out).unwrap_or_default();
        assert!(
            [&run.stdout, &run.stderr, &written].iter().all(|said| !text(said).contains(SECRET)),
            "{command}"
        );
    }
    // The dump is for those who want to see the files' contents: there it is, so it was there to be found.
    let dump = covdata().args(["debugdump", &input]).output().unwrap();
    assert!(text(&dump.stdout).contains(SECRET), "{}", text(&dump.stdout));
}
