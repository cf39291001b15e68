//! Directories that covfetch filled: the newest run, what it failed to fetch, and damage.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::fs;
use std::path::Path;

use covreport::manifest::Manifest;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use support::{NEWEST, covreport, data_set, stdout_of, text};
use tempfile::TempDir;

/// The directory of a container in the store, with the files of a recorded pod.
fn container(store: &Path, pod: &str) -> Value {
    let directory = format!("shop/{pod}/app");
    fs::create_dir_all(store.join(&directory)).unwrap();
    let mut files = Vec::new();
    for entry in fs::read_dir(data_set(NEWEST, "server-atomic").join("data").join(pod)).unwrap() {
        let entry = entry.unwrap();
        let bytes = fs::read(entry.path()).unwrap();
        let name = entry.file_name().into_string().unwrap();
        fs::write(store.join(&directory).join(&name), &bytes).unwrap();
        let sha256 = hexadecimal(&Sha256::digest(&bytes));
        files.push(json!({ "name": name, "path": format!("{directory}/{name}"), "size": bytes.len(), "sha256": sha256, "new": true }));
    }
    json!({ "namespace": "shop", "pod": pod, "container": "app", "state": "fetched", "failure": null, "files": files })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        .collect()
}

fn failed(pod: &str) -> Value {
    let failure = json!({ "kind": "truncated", "message": "the archive ended in the middle" });
    json!({ "namespace": "shop", "pod": pod, "container": "app", "state": "failed", "failure": failure, "files": [] })
}

fn run(id: &str, outcome: &str, containers: &[&Value]) -> Value {
    json!({ "id": id, "started": "2026-01-05T10:11:12Z", "outcome": outcome, "failure": null, "containers": containers })
}

fn write(store: &Path, runs: &[Value]) {
    let manifest = json!({ "schema": "covfetch/manifest", "version": 1, "runs": runs });
    fs::write(store.join("manifest.json"), manifest.to_string()).unwrap();
}

/// An older run of pod-0 and a newer one of pod-1 and pod-2, which is not complete if `failing`.
fn store(failing: bool) -> TempDir {
    let store = tempfile::tempdir().unwrap();
    let pods = ["pod-0", "pod-1", "pod-2"].map(|pod| container(store.path(), pod));
    let older = run("r1", "complete", &[&pods[0]]);
    let gone = failed("pod-9");
    let newer = if failing {
        run("r2", "partial", &[&pods[1], &pods[2], &gone])
    } else {
        run("r2", "complete", &[&pods[1], &pods[2]])
    };
    write(store.path(), &[older, newer]);
    store
}

fn profile_of(pods: &[&str]) -> String {
    let data = data_set(NEWEST, "server-atomic").join("data");
    text(&stdout_of(covreport().arg("--textfmt").args(pods.iter().map(|pod| data.join(pod)))))
}

#[test]
fn the_newest_run_is_read() {
    let store = store(false);
    let newest = profile_of(&["pod-1", "pod-2"]);
    assert_ne!(newest, profile_of(&["pod-0", "pod-1", "pod-2"]));
    let run = covreport().arg("--textfmt").arg(store.path()).assert().success();
    assert_eq!(text(&run.get_output().stdout), newest);
    let messages = text(&run.get_output().stderr);
    assert!(
        messages.contains("note: ")
            && messages
                .contains("read run r2 of 2026-01-05T10:11:12Z only, the newest; left out 2 coverage files"),
        "{messages}"
    );
    // The same from a directory above, where the manifest is found on the way.
    let above = covreport().args(["--textfmt", "."]).current_dir(&store).assert().success();
    assert_eq!(text(&above.get_output().stdout), newest);
}

#[test]
fn a_part_of_the_store_is_read_whole_and_older_files_are_counted() {
    let store = store(false);
    let run = covreport().arg("--textfmt").arg(store.path().join("shop")).assert().success();
    assert_eq!(text(&run.get_output().stdout), profile_of(&["pod-0", "pod-1", "pod-2"]));
    assert!(
        text(&run.get_output().stderr).contains("2 of the coverage files are not of run r2, the newest in ")
    );
    let run = covreport()
        .args(["--textfmt", "--count-ignored", "pod-1/app"])
        .current_dir(store.path().join("shop"))
        .assert()
        .success();
    assert_eq!(text(&run.get_output().stdout), profile_of(&["pod-1"]));
    assert_eq!(text(&run.get_output().stderr), "");
}

#[test]
fn a_part_of_the_store_does_not_hide_what_failed() {
    let store = store(true);
    for part in ["shop", "shop/pod-9"] {
        fs::create_dir_all(store.path().join(part)).unwrap();
        let run = covreport().arg(store.path().join(part)).assert().code(2);
        assert_eq!(text(&run.get_output().stdout), "");
    }
    let run = covreport().arg(store.path().join("shop")).assert().code(2);
    let messages = text(&run.get_output().stderr);
    assert!(messages.contains("not complete: shop/pod-9/app: the archive ended"), "{messages}");
    covreport().arg(store.path().join("shop/pod-1")).assert().success();
}

#[test]
fn listed_files_are_read_wherever_links_lead() {
    let store = store(false);
    let elsewhere = tempfile::tempdir().unwrap();
    fs::rename(store.path().join("shop"), elsewhere.path().join("shop")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("shop"), store.path().join("shop")).unwrap();
    let run = covreport().args(["--textfmt", "--verify"]).arg(store.path()).assert().success();
    assert_eq!(text(&run.get_output().stdout), profile_of(&["pod-1", "pod-2"]));
}

#[test]
fn the_documented_example_is_read() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/MANIFEST.md")).unwrap();
    let example = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let manifest = Manifest::parse(example.as_bytes()).unwrap().unwrap();
    let [run] = manifest.runs.as_slice() else { panic!("{manifest:?}") };
    let files: Vec<&str> = run.files.iter().map(|file| file.path.to_str().unwrap()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files.iter().all(|path| path.starts_with("shop/checkout-6d5f7-abcde/server/cov")), "{files:?}");
    let [failure] = run.failures.as_slice() else { panic!("{run:?}") };
    assert!(
        failure.to_string().starts_with("shop/checkout-6d5f7-fghij/server: the archive ended in the middle"),
        "{failure}"
    );
}

#[test]
fn all_runs_are_read_if_asked() {
    let store = store(false);
    fs::create_dir(store.path().join(".older")).unwrap();
    fs::write(store.path().join(".older/covmeta.set-aside"), "").unwrap();
    let run = covreport().args(["--textfmt", "--all-runs"]).arg(store.path()).assert().success();
    assert_eq!(text(&run.get_output().stdout), profile_of(&["pod-0", "pod-1", "pod-2"]));
    assert!(text(&run.get_output().stderr).contains("left out 1 coverage files that were set aside"));
}

#[test]
fn what_a_run_failed_to_fetch_is_named() {
    let store = store(true);
    let run = covreport().arg("--textfmt").arg(store.path()).assert().code(2);
    assert_eq!(text(&run.get_output().stdout), "");
    let messages = text(&run.get_output().stderr);
    let sentence = "run r2 is not complete: shop/pod-9/app: the archive ended in the middle";
    assert!(messages.contains("error: ") && messages.contains(sentence), "{messages}");
    let run = covreport().args(["--textfmt", "--keep-going"]).arg(store.path()).assert().code(2);
    assert_eq!(text(&run.get_output().stdout), profile_of(&["pod-1", "pod-2"]));
    let messages = text(&run.get_output().stderr);
    assert!(messages.contains("warning: ") && messages.contains(sentence), "{messages}");
}

#[test]
fn runs_that_fetched_nothing_are_no_report() {
    let store = tempfile::tempdir().unwrap();
    for runs in [vec![], vec![run("r1", "nothing", &[])], vec![run("r1", "running", &[])]] {
        write(store.path(), &runs);
        for arguments in [&[][..], &["--keep-going"]] {
            let run = covreport().args(arguments).arg(store.path()).assert().code(2);
            assert_eq!(text(&run.get_output().stdout), "");
        }
    }
}

#[test]
fn files_that_are_not_as_listed_are_damage() {
    let store = store(false);
    let pod = store.path().join("shop/pod-1/app");
    let counters = fs::read_dir(&pod).unwrap().map(|entry| entry.unwrap().path());
    let counters = counters.filter(|path| path.display().to_string().contains("covcounters")).min().unwrap();
    let bytes = fs::read(&counters).unwrap();
    let refused = |arguments: &[&str], says: &str| {
        let run = covreport().args(arguments).arg(store.path()).assert().code(1);
        let messages = text(&run.get_output().stderr);
        assert!(messages.contains(says) && messages.contains(&counters.display().to_string()), "{messages}");
    };
    fs::remove_file(&counters).unwrap();
    let run = covreport().arg(store.path()).assert().code(2);
    assert!(text(&run.get_output().stderr).contains("the manifest lists it, but it is gone"));
    let run = covreport().args(["--textfmt", "--keep-going"]).arg(store.path()).assert().code(2);
    assert_eq!(text(&run.get_output().stdout), profile_of(&["pod-2"]));
    assert!(text(&run.get_output().stderr).contains("the manifest lists it, but it is gone"));
    fs::write(&counters, &bytes[1..]).unwrap();
    refused(&[], &format!("says {} bytes, but it has {}", bytes.len(), bytes.len() - 1));
    // Another name of the program in the args: a file that is whole, but not the one that was fetched.
    let mut other = bytes.clone();
    let at = other.windows(5).position(|window| window == b"linux").unwrap();
    other[at] = b'L';
    fs::write(&counters, &other).unwrap();
    covreport().arg(store.path()).assert().success();
    refused(&["--verify"], "says SHA-256 ");
}

#[test]
fn other_manifests_are_passed_over_and_broken_ones_are_errors() {
    let store = store(false);
    let all = profile_of(&["pod-0", "pod-1", "pod-2"]);
    let manifest = store.path().join("manifest.json");
    fs::write(&manifest, r#"{"name":"a web application"}"#).unwrap();
    assert_eq!(text(&stdout_of(covreport().arg("--textfmt").arg(store.path()))), all);
    for (broken, says) in [
        ("{", "not a readable manifest"),
        (r#"{"schema":"covfetch/manifest","version":7,"runs":[]}"#, "version 7 of the manifest is newer"),
    ] {
        fs::write(&manifest, broken).unwrap();
        let run = covreport().arg(store.path()).assert().code(1);
        let messages = text(&run.get_output().stderr);
        assert!(messages.contains(says) && messages.contains("manifest.json"), "{messages}");
    }
}

/// Nobody can tell what the newest run holds, or failed to fetch.
#[test]
fn a_broken_manifest_above_an_input_is_an_error() {
    let store = store(true);
    let manifest = store.path().join("manifest.json");
    let whole = fs::read_to_string(&manifest).unwrap();
    let part = store.path().join("shop/pod-1");
    let broken = [
        (whole[..whole.len() - 1].to_owned(), "not a readable manifest"),
        (whole.replace("\"version\":1", "\"version\":2"), "version 2 of the manifest is newer"),
        (whole.replace("shop/pod-2", "../pod-2"), "is no path below"),
        (String::new(), "not a readable manifest"),
    ];
    for (text_of_it, says) in broken {
        fs::write(&manifest, text_of_it).unwrap();
        let run = covreport().args(["--textfmt"]).arg(&part).assert().code(1);
        let messages = text(&run.get_output().stderr);
        assert!(messages.contains("/manifest.json: ") && messages.contains(says), "{messages}");
        assert_eq!(text(&run.get_output().stdout), "");
        let run = covreport().args(["--textfmt", "--keep-going"]).arg(&part).assert().code(2);
        assert_eq!(text(&run.get_output().stdout), profile_of(&["pod-1"]));
        let messages = text(&run.get_output().stderr);
        assert!(messages.contains(says), "{messages}");
    }
    // None at all, another program's, which may have comments in it, or a directory of that name.
    for other in [r#"{"name":"a web application"}"#, "// Of an extension.\n{\"manifest_version\": 3,}\n"] {
        fs::write(&manifest, other).unwrap();
        covreport().arg(&part).assert().success();
    }
    fs::remove_file(&manifest).unwrap();
    covreport().arg(&part).assert().success();
    fs::create_dir(&manifest).unwrap();
    covreport().arg(&part).assert().success();
}

#[test]
fn a_failure_is_named_once_however_many_inputs_it_concerns() {
    let store = store(true);
    fs::create_dir_all(store.path().join("shop/pod-9")).unwrap();
    let inputs = [store.path().join("shop"), store.path().join("shop/pod-9")];
    let messages = text(&covreport().args(inputs).assert().code(2).get_output().stderr);
    assert_eq!(messages.matches("the archive ended").count(), 1, "{messages}");
}

/// The rest of it, too: a manifest may be of any program, and be long.
#[test]
fn what_a_manifest_holds_besides_takes_no_memory() {
    let store = store(false);
    let manifest = store.path().join("manifest.json");
    let ours = fs::read_to_string(&manifest).unwrap();
    let long = format!("[{}0]", "{\"\":0},".repeat(1 << 22));
    let limited = |input: &Path| {
        let mut command = std::process::Command::new("bash");
        command.args(["-c", "ulimit -v 524288 && exec \"$0\" --no-checkout --threads=1 --textfmt \"$1\""]);
        command.arg(env!("CARGO_BIN_EXE_covreport")).arg(input).output().unwrap()
    };
    for (text_of_it, pods) in [
        (ours.replacen('{', &format!("{{\"new\":{long},"), 1), &["pod-1", "pod-2"][..]),
        (long, &["pod-0", "pod-1", "pod-2"]),
    ] {
        fs::write(&manifest, text_of_it).unwrap();
        let run = limited(store.path());
        assert!(run.status.success(), "{}", text(&run.stderr));
        assert_eq!(text(&run.stdout), profile_of(pods));
    }
}

#[test]
fn listed_files_of_other_names_and_listed_directories_are_not_passed_over() {
    let store = store(false);
    let mut pod = container(store.path(), "pod-1");
    fs::write(store.path().join("shop/pod-1/app/data"), "abc").unwrap();
    let odd = json!({ "path": "shop/pod-1/app/data", "size": 3, "sha256": "00" });
    pod["files"].as_array_mut().unwrap().push(odd);
    write(store.path(), &[run("r1", "complete", &[&pod])]);
    let report = covreport().arg("--textfmt").arg(store.path()).assert().success();
    assert_eq!(text(&report.get_output().stdout), profile_of(&["pod-1"]));
    let messages = text(&report.get_output().stderr);
    assert!(messages.contains("are not named like coverage files, and are not read: "), "{messages}");
    assert!(messages.contains("shop/pod-1/app/data"), "{messages}");

    let directory = store.path().join("shop/pod-1/app/covmeta.0f3ac1a4f3c2b1d0e9f8a7b6c5d4e3f2");
    fs::create_dir(&directory).unwrap();
    let size = directory.metadata().unwrap().len();
    let name = "shop/pod-1/app/covmeta.0f3ac1a4f3c2b1d0e9f8a7b6c5d4e3f2";
    pod["files"].as_array_mut().unwrap().push(json!({ "path": name, "size": size, "sha256": "00" }));
    write(store.path(), &[run("r1", "complete", &[&pod])]);
    let report = covreport().arg(store.path()).assert().code(1);
    let messages = text(&report.get_output().stderr);
    assert!(messages.contains("says it is a file, but it is none"), "{messages}");
}
