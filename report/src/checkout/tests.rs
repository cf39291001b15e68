//! Where files of the data are in a tree.

use super::*;
use std::fs;

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

fn open(directory: &Path, modules: &[&str]) -> Checkout {
    let modules = modules.iter().map(|module| BStr::new(*module));
    Checkout::open(directory, modules, PathMaps::default()).unwrap()
}

fn place(checkout: &Checkout, module: &str, file: &str) -> Option<String> {
    let package = file.rsplit_once('/').map_or("", |(package, _)| package);
    let place = checkout.place(module.into(), package.into(), file.into());
    place.by.is_inside().then_some(place.path)
}

#[test]
fn without_a_tree_the_module_path_is_taken_off() {
    let none = Checkout::default();
    assert_eq!(place(&none, "a.b/c", "a.b/c/main.go").as_deref(), Some("main.go"));
    assert_eq!(place(&none, "a.b/c", "a.b/c/d/e.go").as_deref(), Some("d/e.go"));
    assert_eq!(place(&none, "", "fmt/print.go"), None);
    assert_eq!(place(&none, "a.b/c", "a.b/c/../../x.go"), None);
    assert_eq!(place(&none, "", "/src/main.go").as_deref(), Some("main.go"));
    assert_eq!(place(&none, "", r"C:\src\main.go").as_deref(), Some("main.go"));
}

#[test]
fn what_is_not_of_the_tree_keeps_its_name_or_its_absolute_path() {
    let directory = tree(&[
        ("repository/go.mod", "module a.b/root\nreplace a.b/out => ../out\n"),
        ("out/out.go", ""),
        ("repository/x/main.go", ""),
        ("repository/y/main.go", ""),
    ]);
    let checkout = open(&directory.path().join("repository"), &["a.b/root", "a.b/out"]);
    let place = |module: &str, file: &str| checkout.place(module.into(), "p".into(), file.into());
    let out = directory.path().canonicalize().unwrap().join("out/out.go");
    let outside = |path: &str| Place { path: path.into(), by: FoundBy::Outside };
    assert_eq!(place("a.b/out", "a.b/out/out.go"), outside(out.to_str().unwrap()));
    assert_eq!(place("a.b/out", "a.b/out/gone.go"), outside("a.b/out/gone.go"));
    assert_eq!(place("", "fmt/print.go"), outside("fmt/print.go"));
    let unknown = |path: &str| Place { path: path.into(), by: FoundBy::Unknown };
    assert_eq!(place("", "/build/main.go"), unknown("/build/main.go"));
    assert_eq!(place("", r"D:\build\main.go"), unknown("D:/build/main.go"));
}

#[test]
fn maps_beat_modules() {
    let directory = tree(&[("go.mod", "module a.b/root\n"), ("old/x.go", ""), ("x.go", "")]);
    let maps = ["a.b/root=old", "/src=.", r"C:\src=win", "/abs=/elsewhere"].map(|map| map.parse().unwrap());
    let maps = PathMaps::new(maps.into());
    let modules = std::iter::once(BStr::new("a.b/root"));
    let checkout = Checkout::open(directory.path(), modules, maps.clone()).unwrap();
    assert_eq!(place(&checkout, "a.b/root", "a.b/root/x.go").as_deref(), Some("old/x.go"));
    assert_eq!(place(&checkout, "", "/src/x.go").as_deref(), Some("x.go"));
    assert_eq!(place(&checkout, "", r"c:\src\cmd\x.go").as_deref(), Some("win/cmd/x.go"));
    let elsewhere = Place { path: "/elsewhere/x.go".into(), by: FoundBy::Unknown };
    assert_eq!(checkout.place("".into(), "p".into(), "/abs/x.go".into()), elsewhere);
    let beside = PathMaps::new(vec!["a.b/lib=../lib".parse().unwrap()]);
    let checkout = Checkout::open(&directory.path().join("old"), std::iter::empty(), beside).unwrap();
    let lib = |name: &str, by| {
        let path = directory.path().canonicalize().unwrap().join("lib").join(name);
        Place { path: path.to_str().unwrap().into(), by }
    };
    fs::create_dir(directory.path().join("lib")).unwrap();
    fs::write(directory.path().join("lib/x.go"), "").unwrap();
    for (name, by) in [("x.go", FoundBy::Outside), ("y.go", FoundBy::Unknown)] {
        let file = format!("a.b/lib/{name}");
        assert_eq!(checkout.place("a.b/lib".into(), "a.b/lib".into(), file.as_str().into()), lib(name, by));
    }
    let none = Checkout::none(maps);
    assert_eq!(place(&none, "a.b/root", "a.b/root/x.go").as_deref(), Some("old/x.go"));
    assert_eq!(place(&none, "", "/abs/x.go").as_deref(), Some("/elsewhere/x.go"));
}

#[test]
fn an_absolute_path_through_a_link_is_found() {
    let directory = tree(&[("real/cmd/main.go", ""), ("real/main.go", "")]);
    let link = directory.path().join("link");
    std::os::unix::fs::symlink("real", &link).unwrap();
    let checkout = open(&link, &[]);
    let file = link.join("cmd/main.go");
    let found = checkout.place("".into(), "p".into(), file.to_str().unwrap().into());
    assert_eq!(found, Place { path: "cmd/main.go".into(), by: FoundBy::Module });
}

#[test]
fn modules_are_found_by_their_go_mod() {
    let directory = tree(&[
        ("go.mod", "module a.b/root\nreplace a.b/lib => ./third/lib\nreplace a.b/out => ../out\n"),
        ("services/pay/go.mod", "module a.b/pay\n"),
        ("third/lib/lib.go", ""),
        ("vendor/v.w/x/x.go", ""),
    ]);
    let checkout = open(directory.path(), &["a.b/root", "a.b/pay", "a.b/lib", "a.b/out", "v.w/x"]);
    assert_eq!(place(&checkout, "a.b/root", "a.b/root/cmd/main.go").as_deref(), Some("cmd/main.go"));
    assert_eq!(place(&checkout, "a.b/pay", "a.b/pay/pay.go").as_deref(), Some("services/pay/pay.go"));
    assert_eq!(place(&checkout, "a.b/lib", "a.b/lib/lib.go").as_deref(), Some("third/lib/lib.go"));
    assert_eq!(place(&checkout, "a.b/out", "a.b/out/out.go"), None);
    assert_eq!(place(&checkout, "v.w/x", "v.w/x/x.go").as_deref(), Some("vendor/v.w/x/x.go"));
    assert_eq!(place(&checkout, "v.w/y", "v.w/y/y.go"), None);
    assert_eq!(place(&checkout, "", "fmt/print.go"), None);
}

#[test]
fn a_module_that_is_vendored_is_not_looked_for_where_its_replacement_is() {
    let directory = tree(&[
        (
            "root/go.mod",
            "module a.b/root\nreplace a.b/out => ../out\nreplace a.b/gone => ../gone\nreplace a.b/in => ./in\n",
        ),
        ("root/vendor/a.b/out/out.go", ""),
        ("root/vendor/a.b/gone/gone.go", ""),
        ("root/vendor/a.b/in/in.go", ""),
        ("root/in/in.go", ""),
        ("out/out.go", ""),
        ("out/more.go", ""),
    ]);
    let checkout = open(&directory.path().join("root"), &["a.b/root", "a.b/out", "a.b/gone", "a.b/in"]);
    for (module, file, found) in [
        ("a.b/out", "a.b/out/out.go", Some("vendor/a.b/out/out.go")),
        ("a.b/gone", "a.b/gone/gone.go", Some("vendor/a.b/gone/gone.go")),
        ("a.b/in", "a.b/in/in.go", Some("in/in.go")),
        ("a.b/out", "a.b/out/more.go", None),
    ] {
        assert_eq!(place(&checkout, module, file).as_deref(), found, "{file}");
    }
}

#[test]
fn a_workspace_names_its_modules() {
    let directory = tree(&[
        ("go.work", "use ./.hidden/a\nuse b\n"),
        (".hidden/a/go.mod", "module a.b/a\n"),
        ("b/go.mod", "module a.b/b\n"),
    ]);
    let checkout = open(directory.path(), &["a.b/a", "a.b/b"]);
    assert_eq!(place(&checkout, "a.b/a", "a.b/a/x.go").as_deref(), Some(".hidden/a/x.go"));
    assert_eq!(place(&checkout, "a.b/b", "a.b/b/y/x.go").as_deref(), Some("b/y/x.go"));
}

#[test]
fn a_root_within_a_module_is_served() {
    let directory =
        tree(&[("go.mod", "module a.b/all\n"), ("services/pay/pay.go", ""), ("other/other.go", "")]);
    let checkout = open(&directory.path().join("services"), &["a.b/all"]);
    assert_eq!(place(&checkout, "a.b/all", "a.b/all/services/pay/pay.go").as_deref(), Some("pay/pay.go"));
    assert_eq!(place(&checkout, "a.b/all", "a.b/all/other/other.go"), None);
}

#[test]
fn of_two_directories_that_declare_a_module_the_one_with_the_file_is_meant() {
    let module = "module a.b/twice\n";
    let directory = tree(&[("x/go.mod", module), ("y/go.mod", module), ("y/y.go", "")]);
    let checkout = open(directory.path(), &["a.b/twice"]);
    assert_eq!(place(&checkout, "a.b/twice", "a.b/twice/y.go").as_deref(), Some("y/y.go"));
    assert_eq!(place(&checkout, "a.b/twice", "a.b/twice/z.go").as_deref(), Some("x/z.go"));
    assert_eq!(checkout.ambiguous_modules(&BTreeSet::from(["a.b/twice".into()])), ["a.b/twice (x, y)"]);
    assert!(checkout.ambiguous_modules(&BTreeSet::from(["a.b/other".into()])).is_empty());
}

#[test]
fn absolute_paths_are_cut_at_the_root_or_found_by_their_end() {
    let directory = tree(&[("cmd/a/main.go", ""), ("cmd/b/main.go", ""), ("tool.go", "")]);
    let checkout = open(directory.path(), &[]);
    let inside = checkout.root().unwrap().join("x/y.go");
    assert_eq!(place(&checkout, "", inside.to_str().unwrap()).as_deref(), Some("x/y.go"));
    assert_eq!(place(&checkout, "", "/build/cmd/a/main.go").as_deref(), Some("cmd/a/main.go"));
    assert_eq!(place(&checkout, "", r"C:\build\cmd\b\main.go").as_deref(), Some("cmd/b/main.go"));
    assert_eq!(place(&checkout, "", "/build/tool.go").as_deref(), Some("tool.go"));
    assert_eq!(place(&checkout, "", "/build/main.go"), None);
}

#[test]
fn a_tree_without_module_files_is_matched_by_suffix() {
    let directory = tree(&[("pay/card/card.go", ""), ("card.go", "")]);
    let checkout = open(directory.path(), &["a.b/pay"]);
    assert_eq!(
        checkout.place("a.b/pay".into(), "a.b/pay/card".into(), "a.b/pay/card/card.go".into()),
        Place { path: "pay/card/card.go".into(), by: FoundBy::Suffix }
    );
    assert_eq!(place(&checkout, "a.b/other", "a.b/other/card.go"), None);
}

#[test]
fn only_regular_files_below_the_root_are_read() {
    let directory = tree(&[("a.go", "package a")]);
    let checkout = open(directory.path(), &[]);
    assert_eq!(checkout.read("a.go").as_deref(), Some(b"package a".as_slice()));
    assert_eq!(checkout.read("."), None);
    assert_eq!(checkout.read("b.go"), None);
    assert_eq!(Checkout::default().read("a.go"), None);
}
