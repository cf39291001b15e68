//! Paths in reports, in checkouts as users have them: git's own, worktrees, submodules, none; with maps and without.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::made::{MadeFunction, MadePackage, make};
use support::{NEWEST, covreport, data_set, has_tool, source, text};
use tempfile::TempDir;

/// What `covreport --lcov` says: the source files in order, and the messages.
#[track_caller]
fn files(directory: &Path, arguments: &[&str], data: &Path) -> (Vec<String>, String) {
    let run = covreport().current_dir(directory).arg("--lcov").args(arguments).arg(data).assert().success();
    let lcov = text(&run.get_output().stdout);
    let files = lcov.lines().filter_map(|line| line.strip_prefix("SF:")).map(str::to_owned).collect();
    (files, text(&run.get_output().stderr))
}

#[track_caller]
fn fails(directory: &Path, arguments: &[&str], data: &Path) -> String {
    let run = covreport().current_dir(directory).arg("--lcov").args(arguments).arg(data).assert().code(2);
    assert!(run.get_output().stdout.is_empty());
    text(&run.get_output().stderr)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

fn git(directory: &Path, arguments: &[&str]) {
    let run = Command::new("git")
        .current_dir(directory)
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always"])
        .args(["-c", "init.defaultBranch=main"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    assert!(run.status.success(), "git {arguments:?}: {}", text(&run.stderr));
}

/// A git repository with a program of the recorded data in a directory of it.
fn repository(program: &str, below: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    copy(&source(program), &directory.path().join(below));
    git(directory.path(), &["init", "-q"]);
    git(directory.path(), &["add", "."]);
    git(directory.path(), &["commit", "-q", "-m", "all"]);
    directory
}

fn data(set: &str) -> PathBuf {
    data_set(NEWEST, set).join("data")
}

const SERVER: [&str; 6] = [
    "cmd/library/main.go",
    "internal/api/api.go",
    "internal/api/json.go",
    "internal/catalog/catalog.go",
    "internal/lending/lending.go",
    "internal/snapshot/snapshot.go",
];

fn below(directory: &str) -> Vec<String> {
    SERVER.iter().map(|file| format!("{directory}{file}")).collect()
}

#[test]
fn in_a_git_repository_paths_are_relative_to_its_root_wherever_one_stands() {
    if !has_tool("git") {
        return;
    }
    let repository = repository("server", "services/library");
    for from in ["", "services", "services/library/internal/api"] {
        let (files, messages) = files(&repository.path().join(from), &[], &data("server-atomic"));
        assert_eq!((files, messages.as_str()), (below("services/library/"), ""), "from {from:?}");
    }
}

#[test]
fn in_a_worktree_paths_are_relative_to_the_worktree() {
    if !has_tool("git") {
        return;
    }
    let repository = repository("server", "services/library");
    // Below the repository itself, where its own copies of the files are hidden, and elsewhere.
    let elsewhere = tempfile::tempdir().unwrap();
    for place in [repository.path().join(".trees/fix"), elsewhere.path().join("fix")] {
        git(repository.path(), &["worktree", "add", "-q", "--detach", place.to_str().unwrap()]);
        assert!(place.join(".git").is_file());
        let (files, messages) = files(&place.join("services"), &[], &data("server-atomic"));
        assert_eq!((files, messages.as_str()), (below("services/library/"), ""));
    }
    // The main tree does not see the hidden one.
    let (files, messages) = files(repository.path(), &[], &data("server-atomic"));
    assert_eq!((files, messages.as_str()), (below("services/library/"), ""));
}

#[test]
fn a_worktree_within_the_repository_is_not_taken_for_a_part_of_it() {
    if !has_tool("git") {
        return;
    }
    let repository = repository("server", "services/library");
    git(repository.path(), &["worktree", "add", "-q", "--detach", "fix"]);
    let (files, messages) = files(repository.path(), &[], &data("server-atomic"));
    assert_eq!((files, messages.as_str()), (below("services/library/"), ""));
    // Nor from within, where the module is declared above, too, if it is that of the whole repository.
    let (files, messages) =
        self::files(&repository.path().join("fix/services"), &["--strict"], &data("server-atomic"));
    assert_eq!((files, messages.as_str()), (below("services/library/"), ""));
    let whole = self::repository("server", ".");
    git(whole.path(), &["worktree", "add", "-q", "--detach", "fix"]);
    for place in [whole.path().join("fix"), whole.path().to_path_buf()] {
        let (files, messages) = self::files(&place, &["--strict"], &data("server-atomic"));
        assert_eq!((files, messages.as_str()), (below(""), ""));
    }
    // A copy of the module that is no worktree makes two of it, and that is said.
    copy(&source("server"), &repository.path().join("copy"));
    let (_, messages) = self::files(repository.path(), &[], &data("server-atomic"));
    assert!(messages.contains("example.com/library (copy, services/library)"), "{messages}");
}

#[test]
fn a_submodule_is_a_part_of_its_parent_and_a_repository_of_its_own() {
    if !has_tool("git") {
        return;
    }
    let module = repository("server", ".");
    let parent = tempfile::tempdir().unwrap();
    git(parent.path(), &["init", "-q"]);
    git(parent.path(), &["submodule", "--quiet", "add", module.path().to_str().unwrap(), "third/library"]);
    assert!(parent.path().join("third/library/.git").is_file());
    let (outer, messages) = files(parent.path(), &[], &data("server-atomic"));
    assert_eq!((outer, messages.as_str()), (below("third/library/"), ""));
    let (inner, messages) = files(&parent.path().join("third/library/cmd"), &[], &data("server-atomic"));
    assert_eq!((inner, messages.as_str()), (below(""), ""));
}

#[test]
fn absolute_paths_are_those_of_the_checkout() {
    let directory = tempfile::tempdir().unwrap();
    copy(&source("server"), &directory.path().join("lib"));
    let root = directory.path().canonicalize().unwrap();
    fs::write(root.join("go.work"), "use ./lib\n").unwrap();
    let (files, _) = files(&root, &["--absolute-paths"], &data("server-atomic"));
    assert_eq!(files, below(&format!("{}/lib/", root.display())));
    let nowhere = tempfile::tempdir().unwrap();
    let messages = fails(nowhere.path(), &["--absolute-paths"], &data("server-atomic"));
    assert!(messages.contains("--absolute-paths needs a repository"), "{messages}");
    // One option for all formats.
    let run = covreport()
        .current_dir(&root)
        .args(["--cobertura", "--absolute-paths"])
        .arg(data("server-atomic"))
        .assert()
        .success();
    let xml = text(&run.get_output().stdout);
    assert!(xml.contains(&format!(r#"filename="{}/lib/cmd/library/main.go""#, root.display())), "{xml}");
}

#[test]
fn a_module_without_its_go_mod_is_mapped() {
    let directory = tempfile::tempdir().unwrap();
    copy(&source("server"), &directory.path().join("vendored/library"));
    fs::remove_file(directory.path().join("vendored/library/go.mod")).unwrap();
    fs::write(directory.path().join("go.mod"), "module example.com/other\n").unwrap();
    let map = ["--map", "example.com/library=vendored/library", "--map=example.com/lib=x"];
    let (files, messages) = files(directory.path(), &map, &data("server-atomic"));
    assert_eq!(files, below("vendored/library/"));
    assert_eq!(
        messages,
        "covreport: warning: --map example.com/lib=x is for none of the files: FROM is the start of a name in the \
         data, such as example.com/library/cmd/library/main.go\n"
    );
    let messages = fails(directory.path(), &["--map", "nonsense"], &data("server-atomic"));
    assert!(messages.contains("no `=`"), "{messages}");
}

#[test]
fn without_a_checkout_maps_make_the_paths() {
    let nowhere = tempfile::tempdir().unwrap();
    let (plain, messages) = files(nowhere.path(), &[], &data("server-atomic"));
    assert_eq!(plain, below(""));
    assert!(messages.contains("warning: no repository at or above the current directory: "), "{messages}");
    let messages = fails(nowhere.path(), &["--strict"], &data("server-atomic"));
    assert!(messages.contains("because of --strict"), "{messages}");
    // Who wants none is not warned.
    let (_, messages) = files(nowhere.path(), &["--no-checkout", "--strict"], &data("server-atomic"));
    assert!(messages.contains("note: no repository: "), "{messages}");
    // Percentages of statements need none, but for the comments that exclude some.
    for (wanted, said) in [(&[][..], true), (&["--count-ignored"], false), (&["--no-checkout"], false)] {
        let mut percent = covreport();
        percent
            .current_dir(nowhere.path())
            .args(["--percent", "--strict"])
            .args(wanted)
            .arg(data("server-atomic"));
        let messages = text(&percent.assert().success().get_output().stderr);
        assert_eq!(
            messages.contains("comments in sources that exclude code are not heeded"),
            said,
            "{messages}"
        );
        assert_eq!(messages.is_empty(), !said, "{messages}");
    }
    let map = ["--no-checkout", "--map", "example.com/library=a", "--map", "example.com/library/internal=b"];
    let (mapped, _) = files(nowhere.path(), &map, &data("server-atomic"));
    let mut expected: Vec<String> = SERVER
        .iter()
        .map(|file| file.strip_prefix("internal/").map_or(format!("a/{file}"), |file| format!("b/{file}")))
        .collect();
    expected.sort();
    assert_eq!(mapped, expected);
}

#[test]
fn files_given_to_go_build_by_name_are_found_by_root_map_or_end() {
    // Recorded in /src, which is not here.
    let directory = tempfile::tempdir().unwrap();
    copy(&source("single"), &directory.path().join("tools/single"));
    let (names, messages) = files(directory.path(), &["--root=."], &data("single-set"));
    assert!(names.iter().all(|name| name.starts_with("tools/single/")), "{names:?}");
    assert!(messages.contains("note: files found by the end of their paths: "), "{messages}");
    let compiled = messages.split_once(" (").unwrap().1.split_once(" is ").unwrap().0.to_owned();
    let directory_of = compiled.rsplit_once('/').unwrap().0;

    // A second file of that name makes it a guess that nobody can make.
    let base = compiled.rsplit('/').next().unwrap();
    let twin = directory.path().join("other");
    fs::create_dir_all(&twin).unwrap();
    fs::copy(directory.path().join("tools/single").join(base), twin.join(base)).unwrap();
    let messages = fails(directory.path(), &["--root=."], &data("single-set"));
    assert!(messages.contains("none of the ") && messages.contains("--root"), "{messages}");
    let map = format!("--map={directory_of}=tools/single");
    let (names, messages) = files(directory.path(), &["--root=.", &map], &data("single-set"));
    assert_eq!((names, messages.as_str()), (vec![format!("tools/single/{base}")], ""));
}

/// The percentages of all statements that `--percent` and `--func` print.
fn totals(directory: &Path, data: &Path) -> (String, String) {
    let last = |format: &str, start: &str| {
        let mut command = covreport();
        command.current_dir(directory).args([format, "--root=."]).arg(data);
        let table = text(&command.assert().success().get_output().stdout);
        let total = table.lines().find(|line| line.starts_with(start)).unwrap();
        total.split_whitespace().find(|word| word.contains('%')).unwrap().to_owned()
    };
    (last("--percent", "total\t"), last("--func", "total:"))
}

#[test]
fn what_lies_outside_the_repository_is_counted_and_shown_if_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let top = directory.path().canonicalize().unwrap();
    copy(&source("workspace"), &top);
    let (all, _) = files(&top, &["--root=."], &data("workspace-atomic"));
    // The root is one module, the others lie beside it and are named by a go.work above.
    let inner: Vec<&String> = all.iter().filter(|path| path.starts_with("app/")).collect();
    assert!(!inner.is_empty() && inner.len() < all.len(), "{all:?}");
    let (some, messages) = files(&top.join("app"), &["--root=."], &data("workspace-atomic"));
    assert_eq!(some.len(), inner.len());
    assert!(
        messages.contains("note: files outside the repository, left out of lines and functions, "),
        "{messages}"
    );
    // Statements are those of all packages, whatever is shown of files.
    let (statements, total) = totals(&top.join("app"), &data("workspace-atomic"));
    assert_eq!(total, statements);
    assert_eq!(total, totals(&top, &data("workspace-atomic")).0);
    let (shown, messages) =
        files(&top.join("app"), &["--root=.", "--include-external"], &data("workspace-atomic"));
    assert_eq!(shown.len(), all.len());
    assert_eq!(messages, "");
    let outside = all.iter().filter(|path| !path.starts_with("app/"));
    for path in outside {
        assert!(shown.contains(&format!("{}/{path}", top.display())), "{path} is not in {shown:?}");
    }
    // With their sources at hand, their lines are as if the root were above.
    let records = |directory: &Path, arguments: &[&str]| {
        let run = covreport()
            .current_dir(directory)
            .arg("--lcov")
            .args(arguments)
            .arg(data("workspace-atomic"))
            .assert();
        let lcov = text(&run.success().get_output().stdout);
        let mut lines: Vec<String> =
            lcov.lines().filter(|line| !line.starts_with("SF:")).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(records(&top.join("app"), &["--root=.", "--include-external"]), records(&top, &["--root=."]));
}

#[test]
fn strict_makes_errors_of_warnings_and_leaves_no_report() {
    let directory = tempfile::tempdir().unwrap();
    copy(&source("server"), directory.path());
    fs::remove_file(directory.path().join("internal/api/api.go")).unwrap();
    let (_, messages) = files(directory.path(), &["--root=."], &data("server-atomic"));
    assert!(messages.contains("warning: files without source below "), "{messages}");
    fs::write(directory.path().join("old.info"), "old").unwrap();
    let messages =
        fails(directory.path(), &["--root=.", "--strict", "--percent=old.info"], &data("server-atomic"));
    assert!(messages.contains("error because of --strict: files without source below "), "{messages}");
    assert!(
        messages.ends_with(
            "error: because of --strict no report was written; messages above that it makes errors: 1\n"
        )
    );
    assert_eq!(fs::read(directory.path().join("old.info")).unwrap(), b"old");
    // Nothing to say, nothing to refuse; and a decision that was made for the user is refused.
    copy(&source("server"), directory.path());
    files(directory.path(), &["--root=.", "--strict"], &data("server-atomic"));
    let messages = fails(directory.path(), &["--root=.", "--strict"], &data("server-mixed"));
    assert!(
        messages.contains("error because of --strict: the builds count in different modes (atomic, set)"),
        "{messages}"
    );
}

fn package<'m>(path: &'m str, module: &'m str, file: &'m str) -> MadePackage<'m> {
    let units = vec![([4, 2, 4, 9, 1], 1)];
    MadePackage { path, name: "p", module, functions: vec![MadeFunction { name: "F", file, units }] }
}

const SOURCE: &str = "package p\n\nfunc F() {\n\tprint(1)\n}\n";

fn write(top: &Path, files: &[(&str, &str)]) {
    for (file, text) in files {
        fs::create_dir_all(top.join(file).parent().unwrap()).unwrap();
        fs::write(top.join(file), text).unwrap();
    }
}

#[test]
fn names_of_windows_are_cut_mapped_and_matched() {
    // Packages have forward slashes on Windows, too; files given to `go build` by name are as Windows writes them.
    let work = tempfile::tempdir().unwrap();
    let data = work.path().join("data");
    make(
        &data,
        &[
            package("command-line-arguments", "", r"C:\Users\me\shop\cmd\till\main.go"),
            package("example.com/shop/cart", "example.com/shop", "example.com/shop/cart/cart.go"),
        ],
        &[("GOOS", "windows")],
    );
    let (names, _) = files(work.path(), &["--no-checkout"], &data);
    assert_eq!(names, ["cart/cart.go", "main.go"]);
    let root = work.path().join("root");
    write(&root, &[("go.mod", "module example.com/shop\n"), ("cart/cart.go", SOURCE)]);
    let (names, messages) = files(&root, &[], &data);
    assert_eq!(names, ["cart/cart.go"]);
    assert!(
        messages.contains(
            "warning: files that no file of the repository could be found for, or more than one, left out"
        ) && messages.contains("1 with 1 statements (C:\\Users\\me\\shop\\cmd\\till\\main.go)"),
        "{messages}"
    );
    // Mapped, whatever the capitals and slashes; and then it is a path that globs match.
    write(&root, &[("tools/till/main.go", SOURCE), ("other/main.go", SOURCE)]);
    for map in [r"--map=c:\users\ME\shop\cmd=tools", "--map=C:/Users/me/shop/cmd/=./tools"] {
        let (names, messages) = files(&root, &[map], &data);
        assert_eq!(
            (names, messages.as_str()),
            (vec!["cart/cart.go".into(), "tools/till/main.go".into()], "")
        );
        let (names, _) = files(&root, &[map, "--exclude=tools/**"], &data);
        assert_eq!(names, ["cart/cart.go"]);
    }
}

#[test]
fn vendored_replaced_and_foreign_packages_are_told_apart() {
    let work = tempfile::tempdir().unwrap();
    let top = work.path().canonicalize().unwrap();
    let data = top.join("data");
    make(
        &data,
        &[
            package("example.com/app", "example.com/app", "example.com/app/main.go"),
            package("example.com/dep/x", "example.com/dep", "example.com/dep/x/x.go"),
            package("example.com/near/y", "example.com/near", "example.com/near/y/y.go"),
            package("example.com/far/z", "example.com/far", "example.com/far/z/z.go"),
            package("fmt", "", "fmt/print.go"),
            package("example.com/gone", "example.com/gone", "example.com/gone/g.go"),
        ],
        &[],
    );
    let replaced = "module example.com/app\nreplace example.com/near v1.0.0 => ./third/near\n\
                    replace (\n\texample.com/far => ../far\n)\n";
    write(
        &top,
        &[
            ("app/go.mod", replaced),
            ("app/main.go", SOURCE),
            ("app/vendor/example.com/dep/x/x.go", SOURCE),
            ("app/third/near/y/y.go", SOURCE),
            ("app/print.go", SOURCE),
            ("far/z/z.go", SOURCE),
        ],
    );
    let (names, messages) = files(&top.join("app"), &[], &data);
    let inside = ["main.go", "third/near/y/y.go", "vendor/example.com/dep/x/x.go"];
    assert_eq!(names, inside);
    assert_eq!(
        messages,
        "covreport: note: files outside the repository, left out of lines and functions, but not of totals of \
         statements: 3 with 3 statements (example.com/far/z/z.go, example.com/gone/g.go, fmt/print.go); --include-external shows them\n"
    );
    let (names, messages) = files(&top.join("app"), &["--include-external"], &data);
    let far = top.join("far/z/z.go").display().to_string();
    let mut all: Vec<&str> = [&inside[..], &[&far, "example.com/gone/g.go", "fmt/print.go"]].concat();
    all.sort_unstable();
    assert_eq!((names, messages.as_str()), (all.iter().map(|name| (*name).to_owned()).collect(), ""));
    // A glob can name what is outside as it would be shown.
    let (names, _) =
        files(&top.join("app"), &["--include-external", "--exclude=fmt", "--exclude=z.go"], &data);
    assert_eq!(names.len(), 4);
}

/// A program of one package with these files, and data that Go wrote for it: by function its file and units.
fn directed(files: &[(&str, &str)], functions: Vec<MadeFunction<'_>>) -> (String, String) {
    let work = tempfile::tempdir().unwrap();
    write(work.path(), &[("go.mod", "module example.com/l\n")]);
    write(work.path(), files);
    let package = MadePackage { path: "example.com/l", name: "main", module: "example.com/l", functions };
    make(&work.path().join("data"), &[package], &[]);
    let run = covreport().current_dir(work.path()).args(["--lcov", "--root=.", "data"]).assert().success();
    let kept = |line: &&str| ["SF:", "DA:", "BRDA:"].iter().any(|kind| line.starts_with(kind));
    let lcov = text(&run.get_output().stdout).lines().filter(kept).collect::<Vec<_>>().join(" ");
    (lcov, text(&run.get_output().stderr))
}

const MADE_GO: &str = "package main\n\n// Made.\n//line foo.go:5\nfunc Gen(n int) {\n\tif n > 1 {\n\t\tprint(n)\n\t}\n\tfor range 3 {\n\
    \t\tprint(n)\n\t}\n}\n";

/// What Go 1.27 records of `Gen`.
fn made_units() -> Vec<([u32; 5], u32)> {
    vec![([6, 2, 6, 11, 1], 1), ([7, 3, 8, 1, 1], 0), ([9, 2, 9, 14, 1], 1), ([10, 3, 11, 1, 1], 1)]
}

#[test]
fn a_go_file_that_directives_name_gets_no_lines_of_the_file_that_holds_them() {
    let function = |name, file, units| MadeFunction { name, file, units };
    let gen_only = || vec![function("Gen", "example.com/l/foo.go", made_units())];
    let lines = "DA:6,1 DA:7,0 DA:9,1 DA:10,1";
    let expected = (format!("SF:foo_gen.go {lines}"), String::new());
    assert_eq!(directed(&[("foo_gen.go", MADE_GO)], gen_only()), expected);
    // The same with a file of that name, in which these units would be places, too.
    let lookalike = MADE_GO.replace("//line foo.go:5", "//").replace("Gen", "Old");
    assert_eq!(directed(&[("foo_gen.go", MADE_GO), ("foo.go", &lookalike)], gen_only()), expected);
    // Both have code under the one name.
    let both = || {
        let mut functions = gen_only();
        functions.push(function("Old", "example.com/l/foo.go", vec![([6, 2, 6, 11, 1], 0)]));
        functions
    };
    let (lcov, messages) = directed(&[("foo_gen.go", MADE_GO), ("foo.go", &lookalike)], both());
    assert!(!lcov.contains("BRDA"), "{lcov}");
    assert!(
        messages.contains("warning: foo.go is named by //line directives, and its units may be"),
        "{messages}"
    );
    // Nothing of the made file: the file is what it is called.
    let old = vec![function("Old", "example.com/l/foo.go", made_units())];
    let expected = (format!("SF:foo.go {lines}"), String::new());
    assert_eq!(directed(&[("foo_gen.go", MADE_GO), ("foo.go", &lookalike)], old), expected);
}

#[test]
fn go_files_with_directives_of_one_name_are_told_apart_or_named() {
    let text = |name, limit| {
        format!(
            "package main\n\n//line t.tmpl:7\nfunc {name}(n int) {{\n\tif n > {limit} {{ print(n) }}\n\tprint({limit})\n}}\n"
        )
    };
    let (one, two) = (text("G1", 1), text("G2", 9));
    let sources = [("g1.go", one.as_str()), ("g2.go", two.as_str())];
    // What Go 1.27 records.
    let function = |name, inner| MadeFunction {
        name,
        file: "example.com/l/t.tmpl",
        units: vec![([5, 2, 5, 11, 1], 1), ([5, 13, 5, 23, 1], inner), ([6, 2, 6, 10, 1], 1)],
    };
    let (lcov, messages) = directed(&sources, vec![function("G2", 0)]);
    assert_eq!((lcov.as_str(), messages.as_str()), ("SF:g2.go BRDA:5,0,0,1 BRDA:5,0,1,0 DA:5,1 DA:6,1", ""));
    let (lcov, messages) = directed(&sources, vec![function("G1", 1), function("G2", 0)]);
    assert_eq!(lcov, "SF:t.tmpl DA:5,1 DA:6,1");
    assert!(
        messages.contains("warning: t.tmpl is named by //line directives, and its units may be"),
        "{messages}"
    );
}

#[test]
fn places_that_directives_give_in_a_go_file_are_not_taken_for_places_in_it() {
    let source = "package main\n\nfunc main() {\n\town(1)\n}\n\n//line main.go:3\nfunc own(n int) {\n\tif n > 5 {\n\t\tprint(n)\n\
        \t}\n\tprint(1)\n}\n";
    // What Go 1.26 records.
    let function = |name, units| MadeFunction { name, file: "example.com/l/main.go", units };
    let functions = || {
        vec![
            function("main", vec![([3, 13, 5, 2, 1], 1)]),
            function("own", vec![([3, 0, 4, 0, 1], 1), ([7, 0, 7, 0, 1], 1), ([4, 0, 6, 0, 1], 0)]),
        ]
    };
    let moved = "SF:main.go DA:4,1 DA:9,1 DA:10,0 DA:12,1";
    assert_eq!(directed(&[("main.go", source)], functions()), (moved.to_owned(), String::new()));
    // Another source: its places are not those in question.
    let changed = source.replace("\tprint(1)", "\tprint(1); print(2)");
    let (lcov, messages) = directed(&[("main.go", &changed)], functions());
    assert!(!lcov.contains("BRDA"), "{lcov}");
    assert!(
        messages.contains("warning: files that //line directives name, whose code is not found in the Go"),
        "{messages}"
    );
    assert!(messages.contains("(main.go)") && messages.contains("build with Go 1.27"), "{messages}");
}

#[test]
fn functions_of_several_go_files_under_one_name_are_found_in_them() {
    let text = |name: &str, above: &str| {
        format!(
            "package main\n{above}//line t.tmpl:7\nfunc {name}(n int) {{\n\tif n > 1 {{\n\t\tprint(n)\n\t}}\n}}\n"
        )
    };
    let (one, two) = (text("G1", ""), text("G2", "\n\n"));
    let sources = [("g1.go", one.as_str()), ("g2.go", two.as_str())];
    let function = |name, units| MadeFunction { name, file: "example.com/l/t.tmpl", units };
    let expected = "SF:g1.go DA:4,1 DA:5,1 SF:g2.go DA:6,1 DA:7,0";
    // Go 1.26: places of the template, of which no two units have the same.
    let old = vec![
        function("G1", vec![([7, 0, 8, 0, 1], 1), ([8, 0, 10, 0, 1], 1)]),
        function("G2", vec![([7, 0, 8, 1, 1], 1), ([8, 0, 10, 1, 1], 0)]),
    ];
    assert_eq!(directed(&sources, old), (expected.to_owned(), String::new()));
    let new = vec![
        function("G1", vec![([4, 2, 4, 11, 1], 1), ([5, 3, 6, 1, 1], 1)]),
        function("G2", vec![([6, 2, 6, 11, 1], 1), ([7, 3, 8, 1, 1], 0)]),
    ];
    assert_eq!(directed(&sources, new), (expected.to_owned(), String::new()));
    // One that is not as it was compiled: its code stays where the directive says, which is no branch of anything.
    let changed = text("G1", "").replace("n > 1", "n > 1 && n < 9");
    let old = vec![function("G1", vec![([7, 0, 8, 0, 2], 1), ([8, 0, 10, 0, 1], 0)])];
    let (lcov, messages) = directed(&[("g1.go", changed.as_str())], old);
    assert!(lcov.starts_with("SF:t.tmpl DA:7,1") && !lcov.contains("BRDA"), "{lcov}");
    assert!(messages.contains("(t.tmpl); their lines are the places that the directives give"), "{messages}");
    assert!(!messages.contains("check out the commit"), "{messages}");
}

#[test]
fn what_is_excluded_behind_directives_is_excluded_from_every_format() {
    let work = tempfile::tempdir().unwrap();
    let source = "package main\n\n//line t.tmpl:7\nfunc f(n int) {\n\tif n > 1 { //coverage:ignore\n\t\tprint(n)\n\t}\n}\n";
    write(work.path(), &[("go.mod", "module example.com/l\n"), ("f.go", source)]);
    // What Go 1.26 records.
    let units = vec![([7, 0, 8, 0, 1], 3), ([8, 0, 10, 0, 1], 0)];
    let functions = vec![MadeFunction { name: "f", file: "example.com/l/t.tmpl", units }];
    let package = MadePackage { path: "example.com/l", name: "main", module: "example.com/l", functions };
    make(&work.path().join("data"), &[package], &[]);
    let run = |arguments: &[&str]| {
        let run = covreport()
            .current_dir(work.path())
            .args(arguments)
            .args(["--root=.", "data"])
            .assert()
            .success();
        (text(&run.get_output().stdout), text(&run.get_output().stderr))
    };
    let (profile, messages) = run(&["--textfmt", "--lcov=lcov", "--json=json"]);
    assert_eq!(profile.lines().skip(1).collect::<Vec<_>>(), ["example.com/l/t.tmpl:7.0,8.0 1 3"]);
    assert!(messages.contains("excluded: 1 statement: 1 marked by comments in 1 file"), "{messages}");
    let lcov = fs::read_to_string(work.path().join("lcov")).unwrap();
    assert!(lcov.contains("SF:f.go\nFN:5,f\nFNDA:3,f\n") && lcov.contains("DA:5,3\nLF:1\n"), "{lcov}");
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(work.path().join("json")).unwrap()).unwrap();
    assert_eq!(json["files"][0]["names"], serde_json::json!(["example.com/l/t.tmpl"]));
    assert_eq!(json["totals"]["statements"]["total"], 1);
    // The text profile by itself is the same, and without exclusion that of the reference.
    assert_eq!(run(&["--textfmt"]).0, profile);
    let all = run(&["--textfmt", "--count-ignored"]).0;
    assert!(all.ends_with("t.tmpl:7.0,8.0 1 3\nexample.com/l/t.tmpl:8.0,10.0 1 0\n"), "{all}");
    // A generated file is the one that holds the code, whatever it was made from.
    let generated = format!("// Code generated by x. DO NOT EDIT.\n\n{source}");
    write(work.path(), &[("f.go", &generated), ("t.tmpl", "")]);
    let messages = fails(work.path(), &["--exclude-generated", "--root=."], &work.path().join("data"));
    assert!(
        messages.contains("nothing is left of the 1 files, all 2 statements: 2 in 1 generated file"),
        "{messages}"
    );
}

#[test]
fn a_literal_behind_a_directive_begins_where_it_is() {
    let work = tempfile::tempdir().unwrap();
    let source = "package main\n\n//line t.tmpl:70\nvar f = func() {\n\tprint(1)\n}\n";
    write(work.path(), &[("go.mod", "module example.com/l\n"), ("f.go", source)]);
    let data = work.path().join("data");
    let units = vec![([70, 0, 72, 0, 1], 3)];
    let functions = vec![MadeFunction { name: "func.L70.C0", file: "example.com/l/t.tmpl", units }];
    let package = MadePackage { path: "example.com/l", name: "main", module: "example.com/l", functions };
    make(&data, &[package], &[]);
    let run = covreport().current_dir(work.path()).args(["--func", "--root=.", "data"]).assert().success();
    let func = text(&run.get_output().stdout);
    assert!(func.starts_with("f.go:4: "), "{func}");
}

#[test]
fn without_a_checkout_a_module_is_named_in_one_way() {
    let work = tempfile::tempdir().unwrap();
    let data = work.path().join("data");
    make(
        &data,
        &[
            package("example.com/a", "example.com/a", "example.com/a/main.go"),
            package("example.com/a/x", "example.com/a", "example.com/a/x/x.go"),
            package("example.com/b", "example.com/b", "example.com/b/main.go"),
            package("example.com/c/y", "example.com/c", "example.com/c/y/y.go"),
        ],
        &[],
    );
    let (names, _) = files(work.path(), &["--no-checkout"], &data);
    assert_eq!(names, ["example.com/a/main.go", "example.com/a/x/x.go", "example.com/b/main.go", "y/y.go"]);
    // One that is mapped away leaves nothing to keep apart; a whole name is a map, too.
    let map = "--map=example.com/b/main.go=cmd/b.go";
    let (names, _) = files(work.path(), &["--no-checkout", map], &data);
    assert_eq!(names, ["cmd/b.go", "main.go", "x/x.go", "y/y.go"]);
}

#[test]
fn a_tab_in_a_file_name_is_taken_as_the_go_command_takes_it() {
    let work = tempfile::tempdir().unwrap();
    let data = work.path().join("data");
    make(&data, &[package("example.com/a", "example.com/a", "example.com/a/b\tc.go")], &[]);
    let (names, _) = files(work.path(), &["--no-checkout"], &data);
    assert_eq!(names, ["b\tc.go"]);
    let run = |format: &str| {
        let run = covreport().args([format, "--no-checkout"]).arg(&data).assert().success();
        text(&run.get_output().stdout)
    };
    assert!(run("--textfmt").contains("\nexample.com/a/b\tc.go:"));
    assert!(run("--cobertura").contains("filename=\"b&#9;c.go\""));
    assert!(run("--sonarqube").contains("path=\"b&#9;c.go\""));
    make(
        &work.path().join("other"),
        &[package("example.com/a\t", "example.com/a", "example.com/a/c.go")],
        &[],
    );
    covreport().args(["--textfmt", "--no-checkout"]).arg(work.path().join("other")).assert().code(1);
}

#[test]
fn a_map_of_a_file_to_a_directory_or_below_a_file_is_named() {
    let sources = support::testdata().join("src/server");
    let name = "example.com/library/internal/catalog";
    for (map, said) in [
        (
            format!("{name}/catalog.go=internal"),
            "1 of the files where none is: example.com/library/internal/catalog/catalog.go",
        ),
        (
            format!("{name}=cmd/library/main.go"),
            "which is below a file: the start of a name goes to a directory",
        ),
    ] {
        let mut run = covreport();
        run.current_dir(&sources)
            .args(["--percent", "--root", ".", "--map", &map])
            .arg(data("server-atomic"));
        let messages = text(&run.assert().success().get_output().stderr);
        assert!(messages.contains("--map takes ") && messages.contains(said), "{messages}");
    }
}
