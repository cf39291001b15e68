//! Code behind `//line` directives: found in the Go file that holds it, or left where the directives say, and named.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::fs;

use support::made::{MadeFunction, MadePackage, make};
use support::shown::{fails, write};
use support::{covreport, text};

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
