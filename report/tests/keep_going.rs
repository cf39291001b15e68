//! One bad file among many: without `--keep-going` nothing is written; with it the rest is reported, what is missing is
//! named, and the exit code is 2.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use covfmt::ids::{FunctionIndex, PackageIndex};
use covfmt::layout::Flavor;
use covfmt::write::{CounterWriter, SegmentArgs};
use serde_json::Value;
use support::{NEWEST, covreport, data_set, stdout_of, text};
use tempfile::TempDir;

const PODS: [&str; 3] = ["pod-0", "pod-1", "pod-2"];

/// The recorded pods, each with a meta file and counter files of its own.
fn store() -> TempDir {
    let store = tempfile::tempdir().unwrap();
    for pod in PODS {
        fs::create_dir(store.path().join(pod)).unwrap();
        for path in files(&recorded(pod)) {
            fs::copy(&path, store.path().join(pod).join(path.file_name().unwrap())).unwrap();
        }
    }
    store
}

fn recorded(pod: &str) -> PathBuf {
    data_set(NEWEST, "server-atomic").join("data").join(pod)
}

/// The files of a directory by name, so that counter files come before the meta file.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn meta_of(store: &TempDir, pod: &str) -> PathBuf {
    files(&store.path().join(pod)).pop().unwrap()
}

fn profile_of(inputs: &[PathBuf]) -> String {
    text(&stdout_of(covreport().arg("--textfmt").args(inputs)))
}

fn damage(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() - 7]).unwrap();
}

/// A run without `--keep-going` writes nothing and advises it; a run with it gives `expected` and names what is missing:
/// path and kind, and a part of the reason.
#[track_caller]
fn reports_the_rest(inputs: &[&Path], refused_with: i32, expected: &str, missing: &[(&Path, &str, &str)]) {
    let here = tempfile::tempdir().unwrap();
    let (profile, json) = (here.path().join("profile"), here.path().join("json"));
    let mut command = covreport();
    command.arg(format!("--textfmt={}", profile.display())).arg(format!("--json={}", json.display()));
    command.arg("--markdown").args(inputs);
    let run = command.assert().code(refused_with);
    let messages = text(&run.get_output().stderr);
    assert!(messages.contains("With --keep-going the rest is reported"), "{messages}");
    assert_eq!(fs::read_dir(&here).unwrap().count(), 0, "nothing is written");
    assert_eq!(text(&run.get_output().stdout), "");

    let run = command.arg("--keep-going").assert().code(2);
    let messages = text(&run.get_output().stderr);
    assert_eq!(fs::read_to_string(&profile).unwrap(), expected, "{messages}");
    let json: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    let named = json["missing"].as_array().unwrap();
    assert_eq!(named.len(), missing.len(), "{named:?}");
    let markdown = text(&run.get_output().stdout);
    assert!(markdown.contains(&format!("**Incomplete:** {} input", missing.len())), "{markdown}");
    for ((path, kind, reason), entry) in missing.iter().zip(named) {
        let path = path.to_str().unwrap();
        assert_eq!((entry["path"].as_str(), entry["kind"].as_str()), (Some(path), Some(*kind)));
        assert!(entry["reason"].as_str().unwrap().contains(reason), "{entry}");
        assert!(messages.lines().any(|l| l.contains("warning: ") && l.contains(path)), "{messages}");
    }
}

#[test]
fn a_damaged_counter_file_is_left_out_and_named() {
    let store = store();
    let bad = files(&store.path().join("pod-1"))[0].clone();
    let mut good: Vec<PathBuf> = PODS.iter().flat_map(|pod| files(&store.path().join(pod))).collect();
    good.retain(|path| *path != bad);
    let expected = profile_of(&good);
    assert_ne!(expected, profile_of(&[store.path().to_path_buf()]));
    damage(&bad);
    reports_the_rest(&[store.path()], 1, &expected, &[(&bad, "unusable", "counter file footer at byte ")]);
    // One of another build under this build's name.
    let other = files(&data_set(NEWEST, "panicked-set").join("golden/merge"))[0].clone();
    fs::copy(other, &bad).unwrap();
    reports_the_rest(&[store.path()], 1, &expected, &[(&bad, "unusable", "counters of build ")]);
    // One whose second function is not there: the counters of its first one must not count either.
    let tables = covfmt::load::load_meta(&meta_of(&store, "pod-0")).unwrap();
    let mut writer = CounterWriter::new(tables.hash(), Flavor::GO);
    let counts = vec![7; tables.functions()[0].unit_positions().len()];
    let entries =
        [(PackageIndex(0), FunctionIndex(0), &counts[..]), (PackageIndex(99), FunctionIndex(0), &[])];
    writer.append_segment(&SegmentArgs::default(), entries).unwrap();
    fs::write(&bad, writer.finish()).unwrap();
    let unknown = "counters of function 0 of package 99 at byte ";
    reports_the_rest(&[store.path()], 1, &expected, &[(&bad, "unusable", unknown)]);
}

#[test]
fn another_copy_takes_the_place_of_a_damaged_meta_file() {
    let store = store();
    let whole = profile_of(&[store.path().to_path_buf()]);
    let (first, last) = (meta_of(&store, "pod-0"), meta_of(&store, "pod-2"));
    damage(&first);
    fs::write(&last, "").unwrap();
    reports_the_rest(
        &[store.path()],
        1,
        &whole,
        &[(&first, "unusable", "cut off: "), (&last, "unusable", "meta file header at byte 0: cut off: ")],
    );
}

#[test]
fn without_any_good_meta_file_a_build_is_lost() {
    let store = store();
    let other_set = data_set(NEWEST, "cases-count").join("data");
    let expected = profile_of(std::slice::from_ref(&other_set));
    let mut missing = Vec::new();
    let metas: Vec<PathBuf> = PODS.iter().map(|pod| meta_of(&store, pod)).collect();
    for meta in &metas {
        damage(meta);
    }
    missing.extend(metas.iter().map(|meta| (meta.as_path(), "unusable", "cut off: ")));
    let counters: Vec<PathBuf> = PODS
        .iter()
        .flat_map(|pod| files(&store.path().join(pod)))
        .filter(|path| !metas.contains(path))
        .collect();
    missing.extend(counters.iter().map(|path| (path.as_path(), "no_meta_file", "its meta file is missing")));
    let run = covreport().arg("--keep-going").arg(store.path()).assert().code(2);
    let messages = text(&run.get_output().stderr);
    assert!(messages.contains("Nothing else is there to report"), "{messages}");
    assert_eq!(text(&run.get_output().stdout), "");

    // Each counter file is named in JSON; on standard error the first few are.
    let run = covreport().args(["--keep-going", "--json"]).arg(store.path()).arg(&other_set).assert().code(2);
    let json: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    let named: Vec<(&Path, &str)> = json["missing"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (Path::new(entry["path"].as_str().unwrap()), entry["kind"].as_str().unwrap()))
        .collect();
    let listed: Vec<(&Path, &str)> = missing.iter().map(|(path, kind, _)| (*path, *kind)).collect();
    assert_eq!(named, listed);
    let run =
        covreport().args(["--keep-going", "--textfmt"]).arg(store.path()).arg(&other_set).assert().code(2);
    assert_eq!(text(&run.get_output().stdout), expected);
}

#[test]
fn two_good_meta_files_that_differ_are_both_refused() {
    let store = store();
    let other_set = data_set(NEWEST, "cases-count").join("data");
    let expected = profile_of(std::slice::from_ref(&other_set));
    let meta = meta_of(&store, "pod-1");
    let mut bytes = fs::read(&meta).unwrap();
    // A mode that the format knows, and that the other copies do not have.
    assert_eq!(bytes[48], 3);
    bytes[48] = 1;
    fs::write(&meta, bytes).unwrap();
    let run =
        covreport().args(["--keep-going", "--textfmt"]).arg(store.path()).arg(&other_set).assert().code(2);
    assert_eq!(text(&run.get_output().stdout), expected);
    let messages = text(&run.get_output().stderr);
    assert!(messages.contains("have the same name, but their headers differ"), "{messages}");
}

#[test]
fn inputs_that_are_not_there_and_broken_manifests_are_named() {
    let store = store();
    let nowhere = store.path().join("nowhere");
    let all = profile_of(&[store.path().to_path_buf()]);
    let run = covreport().arg("--textfmt").args([store.path(), &nowhere]).assert().code(2);
    assert_eq!(text(&run.get_output().stdout), "");
    let run = covreport().args(["--keep-going", "--textfmt"]).args([store.path(), &nowhere]).assert().code(2);
    assert_eq!(text(&run.get_output().stdout), all);
    assert!(text(&run.get_output().stderr).contains(&nowhere.display().to_string()));

    // Which files a broken manifest means nobody knows: none below it is taken.
    let manifest = store.path().join("pod-2/manifest.json");
    fs::write(&manifest, r#"{"schema":"covfetch/manifest","version":1}"#).unwrap();
    let rest = profile_of(&[store.path().join("pod-0"), store.path().join("pod-1")]);
    reports_the_rest(&[store.path()], 1, &rest, &[(&manifest, "unusable", "not a readable manifest: ")]);
}

#[test]
fn files_that_are_not_as_listed_are_left_out() {
    let store = store();
    let entry = |path: &Path, size: usize| {
        let below = path.strip_prefix(store.path()).unwrap().display().to_string();
        serde_json::json!({ "path": below, "size": size, "sha256": "" })
    };
    let list = |pod: &str| -> Vec<Value> {
        let paths = files(&store.path().join(pod));
        paths.iter().map(|path| entry(path, fs::read(path).unwrap().len())).collect()
    };
    let container = |pod: &str, state: &str, files: Vec<Value>| {
        let failure = (state != "fetched").then(|| serde_json::json!({ "message": "it was gone" }));
        serde_json::json!({ "namespace": "n", "pod": pod, "container": "c", "state": state, "failure": failure, "files": files })
    };
    let bad = files(&store.path().join("pod-1"))[0].clone();
    let mut good: Vec<PathBuf> = PODS.iter().flat_map(|pod| files(&store.path().join(pod))).collect();
    good.retain(|path| *path != bad);
    let expected = profile_of(&good);
    let mut containers: Vec<Value> = PODS.iter().map(|pod| container(pod, "fetched", list(pod))).collect();
    containers.push(container("pod-9", "failed", vec![]));
    let run = serde_json::json!({ "id": "r1", "started": "2026-01-05T10:11:12Z", "outcome": "partial", "failure": null, "containers": containers });
    let manifest = serde_json::json!({ "schema": "covfetch/manifest", "version": 1, "runs": [run] });
    fs::write(store.path().join("manifest.json"), manifest.to_string()).unwrap();
    damage(&bad);
    let run = covreport().args(["--keep-going", "--json"]).arg(store.path()).assert().code(2);
    let json: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    let named: Vec<_> =
        json["missing"].as_array().unwrap().iter().map(|m| (&m["kind"], &m["path"])).collect();
    let place = store.path().join("n/pod-9/c");
    let expected_entries = [("not_fetched", place.as_path()), ("unusable", bad.as_path())];
    assert_eq!(named.len(), 2, "{json}");
    for ((kind, path), (expected_kind, expected_path)) in named.iter().zip(expected_entries) {
        assert_eq!((kind.as_str(), path.as_str()), (Some(expected_kind), expected_path.to_str()));
    }
    let run = covreport().args(["--keep-going", "--textfmt"]).arg(store.path()).assert().code(2);
    assert_eq!(text(&run.get_output().stdout), expected);
    assert!(
        !text(&run.get_output().stderr).contains("left out"),
        "a damaged file is not called an older one"
    );
}

#[test]
fn one_bad_file_among_a_thousand_is_found() {
    let store = tempfile::tempdir().unwrap();
    let pod = recorded("pod-0");
    let (counter, meta) = (files(&pod)[0].clone(), files(&pod).pop().unwrap());
    fs::copy(&meta, store.path().join(meta.file_name().unwrap())).unwrap();
    let name = counter.file_name().unwrap().to_str().unwrap();
    let (stem, _) = name.rsplit_once('.').unwrap();
    let path = |run: u32| store.path().join(format!("{stem}.{run}"));
    for run in 0..1000 {
        fs::copy(&counter, path(run)).unwrap();
    }
    fs::remove_file(path(617)).unwrap();
    let expected = profile_of(&[store.path().to_path_buf()]);
    fs::copy(&counter, path(617)).unwrap();
    damage(&path(617));
    reports_the_rest(
        &[store.path()],
        1,
        &expected,
        &[(&path(617), "unusable", "the file does not end with one and was probably cut off")],
    );
}

#[test]
fn complete_input_is_complete_with_keep_going_too() {
    let store = store();
    let run = covreport().args(["--keep-going", "--json"]).arg(store.path()).assert().success();
    let json: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    assert_eq!(json["missing"], serde_json::json!([]));
    let run = covreport().args(["--keep-going", "--markdown"]).arg(store.path()).assert().success();
    assert!(!text(&run.get_output().stdout).contains("Incomplete"));
}
