//! Judges of reports that the build does not carry: the DTDs of Cobertura and JaCoCo, Codecov's uploader, readers in Python.
//! `.ci/consumers` puts them into a directory, which `COVDATA_CONSUMERS_DIR` names.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use support::seen::lines_of_lcov;
use support::{
    NEWEST, VERSIONS, consumers, covreport, data_set, has_tool, sets_with_source, source, stdout_of, text,
};

fn report(arguments: &[&str], version: &str, set: &str, sources: &str) -> Vec<u8> {
    let mut command = covreport();
    command.args(arguments).arg("--root").arg(source(sources)).env("SOURCE_DATE_EPOCH", "1700000000");
    stdout_of(command.arg(data_set(version, set).join("data")))
}

/// Has xmllint find the DTDs that the documents name, without a network.
fn catalog(directory: &Path, dtds: &Path) -> PathBuf {
    let path = directory.join("catalog.xml");
    let uri = |name: &str| format!("file://{}", dtds.join(name).display());
    let text = format!(
        r#"<catalog xmlns="urn:oasis:names:tc:entity:xmlns:xml:catalog">
<system systemId="http://cobertura.sourceforge.net/xml/coverage-04.dtd" uri="{}"/>
<public publicId="-//JACOCO//DTD Report 1.1//EN" uri="{}"/>
</catalog>"#,
        uri("cobertura.coverage-04.dtd"),
        uri("JaCoCo.report.dtd")
    );
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn xml_is_valid_against_its_dtd() {
    let Some(consumers) = consumers() else { return };
    if !has_tool("xmllint") {
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let catalog = catalog(work.path(), &consumers.join("dtd"));
    let xmllint = |xml: Vec<u8>| {
        let mut xmllint = Command::new("xmllint");
        xmllint.args(["--noout", "--nonet", "--valid", "-"]).env("XML_CATALOG_FILES", &catalog);
        xmllint.write_stdin(xml).output().unwrap()
    };
    // A judge that finds nothing wrong in what is wrong would prove nothing.
    for wrong in [
        "coverage SYSTEM \"http://cobertura.sourceforge.net/xml/coverage-04.dtd\"><coverage/>",
        "report PUBLIC \"-//JACOCO//DTD Report 1.1//EN\" \"report.dtd\"><report/>",
    ] {
        assert!(!xmllint(format!("<!DOCTYPE {wrong}").into()).status.success());
    }

    for (set, sources) in sets_with_source() {
        for version in [VERSIONS[0], NEWEST] {
            for arguments in [&["--cobertura"][..], &["--cobertura", "--cobertura-compact"], &["--jacoco"]] {
                let run = xmllint(report(arguments, version, set, sources));
                let said = format!("{}{}", text(&run.stdout), text(&run.stderr));
                assert!(run.status.success() && said.is_empty(), "{set} {version} {arguments:?}: {said}");
            }
        }
    }
}

#[test]
fn json_is_valid_against_its_schema() {
    let Some(consumers) = consumers() else { return };
    let work = tempfile::tempdir().unwrap();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/report.schema.json");
    let script = "import json, sys, jsonschema\n\
                  schema = json.load(open(sys.argv[1]))\n\
                  jsonschema.Draft202012Validator.check_schema(schema)\n\
                  jsonschema.Draft202012Validator(schema).validate(json.load(open(sys.argv[2])))\n";
    let path = work.path().join("report.json");
    let validate = |json: &[u8]| {
        fs::write(&path, json).unwrap();
        let mut python = Command::new(consumers.join("venv/bin/python"));
        python.arg("-c").arg(script).arg(&schema).arg(&path).output().unwrap()
    };
    for (set, sources) in sets_with_source() {
        let json = report(&["--json"], NEWEST, set, sources);
        let run = validate(&json);
        assert!(run.status.success(), "{set}: {}", text(&run.stderr));
        let mut wrong: Value = serde_json::from_slice(&json).unwrap();
        wrong["files"][0]["lines"][0]["hits"] = Value::from(-1);
        assert!(!validate(wrong.to_string().as_bytes()).status.success());
    }
}

fn partial_lines(lcov: &str) -> u64 {
    let mut lines: BTreeMap<(usize, &str), (bool, bool)> = BTreeMap::new();
    for (file, record) in lcov.split("end_of_record").enumerate() {
        for branch in record.lines().filter_map(|line| line.strip_prefix("BRDA:")) {
            let fields: Vec<&str> = branch.split(',').collect();
            let (hit, missed) = lines.entry((file, fields[0])).or_default();
            *(if matches!(fields[3], "0" | "-") { missed } else { hit }) = true;
        }
    }
    lines.values().filter(|(hit, missed)| *hit && *missed).count() as u64
}

#[test]
fn pycobertura_shows_the_same_totals() {
    let Some(consumers) = consumers() else { return };
    for (set, sources) in sets_with_source() {
        let lcov = text(&report(&["--lcov"], NEWEST, set, sources));
        let sum = |name: &str| -> u64 {
            lcov.lines().filter_map(|line| line.strip_prefix(name)?.parse::<u64>().ok()).sum()
        };
        // Lines of which a part ran count as missed there.
        let missed = sum("LF:") - sum("LH:") + partial_lines(&lcov);
        for arguments in [&["--cobertura"][..], &["--cobertura", "--cobertura-compact"]] {
            let work = tempfile::tempdir().unwrap();
            let path = work.path().join("cobertura.xml");
            fs::write(&path, report(arguments, NEWEST, set, sources)).unwrap();
            let mut pycobertura = Command::new(consumers.join("venv/bin/pycobertura"));
            pycobertura.arg("show").arg(&path).arg("--source").arg(source(sources));
            let table = text(&stdout_of(&mut pycobertura));
            let total: Vec<&str> = table.lines().last().unwrap().split_whitespace().collect();
            assert_eq!(total[..3], ["TOTAL", &sum("LF:").to_string(), &missed.to_string()], "{set}: {table}");
        }
    }
}

#[test]
fn codecovs_uploader_takes_the_named_file_and_no_other() {
    let Some(consumers) = consumers() else { return };
    let work = tempfile::tempdir().unwrap();
    for (format, name) in [
        ("--lcov", "coverage.lcov"),
        ("--cobertura", "cobertura.xml"),
        ("--codecov", "coverage.json"),
        ("--textfmt", "coverage.txt"),
    ] {
        fs::write(work.path().join(name), report(&[format], NEWEST, "server-atomic", "server")).unwrap();
        let mut uploader = Command::new(consumers.join("venv/bin/codecovcli"));
        uploader.current_dir(&work).args(["--disable-telem", "upload-coverage", "--dry-run"]);
        uploader.args(["--disable-search", "--file", name, "--git-service", "github", "--slug", "a/b"]);
        uploader.args(["--branch", "main", "--token", "00000000-0000-0000-0000-000000000000"]);
        uploader.args(["--commit-sha", "0123456789012345678901234567890123456789"]);
        let run = uploader.assert().success();
        let said = format!("{}{}", text(&run.get_output().stdout), text(&run.get_output().stderr));
        assert!(said.contains("Found 1 coverage files") && said.contains(name), "{said}");
        assert!(said.contains("NOT sending data to Codecov"), "{said}");
    }
}

#[test]
fn diff_cover_finds_the_same_lines_in_three_formats() {
    let Some(consumers) = consumers() else { return };
    if !has_tool("git") {
        return;
    }
    let (set, sources) = ("cases-atomic", "cases");
    let expected = lines_of_lcov(&text(&report(&["--lcov"], NEWEST, set, sources)));
    let expected: Vec<(String, u32, bool)> =
        expected.into_iter().map(|((path, number), seen)| (path, number, seen.hits != 0)).collect();
    // All lines of the sources are new in this difference.
    let work = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(source(sources)).env("GIT_CONFIG_GLOBAL", "/dev/null").arg("--git-dir");
        git.arg(work.path().join("git")).args(["--work-tree=.", "-c", "core.safecrlf=false"]).args(arguments);
        stdout_of(&mut git)
    };
    git(&["init", "-q"]);
    git(&["add", "--all", "."]);
    fs::write(work.path().join("diff"), git(&["diff", "--cached", "--no-color", "--no-ext-diff", "-U0"]))
        .unwrap();
    for (format, name) in
        [("--lcov", "lcov.info"), ("--cobertura", "cobertura.xml"), ("--jacoco", "jacoco.xml")]
    {
        let path = work.path().join(name);
        fs::write(&path, report(&[format], NEWEST, set, sources)).unwrap();
        let json = work.path().join("seen.json");
        let mut diff_cover = Command::new(consumers.join("venv/bin/diff-cover"));
        diff_cover.current_dir(source(sources)).env("GIT_DIR", work.path().join("git"));
        diff_cover.env("GIT_WORK_TREE", source(sources)).arg(&path).args(["--quiet", "--src-roots", "."]);
        diff_cover.arg("--diff-file").arg(work.path().join("diff"));
        diff_cover.arg("--format").arg(format!("json:{}", json.display())).assert().success();
        let seen: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
        let mut lines = Vec::new();
        for (path, file) in seen["src_stats"].as_object().unwrap() {
            for (key, ran) in [("covered_lines", true), ("violation_lines", false)] {
                let numbers = file[key].as_array().unwrap().iter().map(|number| number.as_u64().unwrap());
                lines.extend(numbers.map(|number| (path.clone(), u32::try_from(number).unwrap(), ran)));
            }
        }
        lines.sort();
        assert_eq!(lines, expected, "{format}");
    }
}
