//! Paths in reports, in checkouts as users have them: git's own, worktrees, submodules, none; with maps and without.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::made::{MadeFunction, MadePackage, make};
use support::shown::{fails, files, write};
use support::{NEWEST, covreport, data_set, has_tool, source, text};
use tempfile::TempDir;

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
    assert!(messages.ends_with(
        "error: because of --strict no report was written; messages above that it makes errors: 1\n"
    ));
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

/// With `-coverpkg=all` the standard library's files may have the paths of the repository's own.
#[test]
fn files_outside_do_not_hide_behind_paths_of_the_repository() {
    let work = tempfile::tempdir().unwrap();
    write(work.path(), &[("go.mod", "module example.com/app\n"), ("errors/errors.go", SOURCE)]);
    let data = work.path().join("data");
    let own = package("example.com/app/errors", "example.com/app", "example.com/app/errors/errors.go");
    let standard = package("errors", "", "errors/errors.go");
    make(&data, &[own, standard], &[]);
    let (names, messages) = files(work.path(), &["--root=."], &data);
    assert_eq!(names, ["errors/errors.go"]);
    assert!(messages.contains("left out of lines and functions"), "{messages}");
    let (names, messages) = files(work.path(), &["--root=.", "--include-external", "--strict"], &data);
    assert_eq!(names, ["errors/errors.go", "external/errors/errors.go"]);
    assert!(
        messages.contains("note: files outside the repository that have the path of one in it"),
        "{messages}"
    );
    assert!(messages.contains("1 (errors/errors.go is external/errors/errors.go)"), "{messages}");
}
