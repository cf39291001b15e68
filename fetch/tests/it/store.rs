//! What is in the store is never overwritten, never partial, and belongs to a run.

use crate::common::{Site, base_name, cluster, pod, recorded};

#[test]
fn the_same_name_with_other_bytes_is_an_error_and_nothing_is_overwritten() {
    let site = Site::new();
    recorded(0).copy_to(&site.volume("web-0"));
    let cluster = cluster().pod(pod("web-0", site.app("web-0"))).start().unwrap();
    site.admit(&cluster);
    let counters = base_name(recorded(0).counters.last().unwrap());
    let place = site.store().join("shop/web-0/app");
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join(&counters), b"another run's").unwrap();
    site.fetch(&[]).expect(3).says("other bytes").says("--fresh");
    assert_eq!(std::fs::read(place.join(&counters)).unwrap(), b"another run's");
    let record = site.record("web-0");
    assert_eq!(record["failure"]["kind"], "conflict");
    assert_eq!(record["files"].as_array().unwrap().len(), 1);
}

#[test]
fn older_runs_are_set_aside() {
    let site = Site::new();
    for name in ["web-0", "web-1"] {
        recorded(0).copy_to(&site.volume(name));
    }
    let cluster = cluster().pod(pod("web-0", site.app("web-0"))).start().unwrap();
    site.admit(&cluster);
    site.fetch(&[]).expect(0);
    cluster.delete_pod("shop", "web-0").unwrap();
    cluster.add_pod(pod("web-1", site.app("web-1"))).unwrap();
    site.fetch(&["--fresh"]).expect(0);
    assert!(!site.store().join("shop/web-0").exists());
    let manifest = site.manifest();
    assert_eq!(manifest["runs"].as_array().unwrap().len(), 1);
    let id = manifest["runs"][0]["id"].as_str().unwrap();
    assert!(site.store().join(".older").join(id).join("shop/web-0/app").is_dir());
}

#[test]
fn a_manifest_of_somebody_else_is_not_touched() {
    let site = Site::new();
    let cluster = cluster().pod(site.pod("web-0", &recorded(0))).start().unwrap();
    site.admit(&cluster);
    std::fs::create_dir(site.store()).unwrap();
    std::fs::write(site.store().join("manifest.json"), b"{\"name\": \"my app\"}").unwrap();
    site.fetch(&["--signal", "USR1"]).expect(2).says("not a manifest of covfetch");
    assert_eq!(site.stored().len(), 1);
    assert!(cluster.requests().iter().all(|request| !request.path.ends_with("/exec")));
}

#[test]
fn a_store_that_cannot_be_written_is_said_before_anything_is_signalled() {
    let site = Site::new();
    let cluster = cluster().pod(site.pod("web-0", &recorded(0))).start().unwrap();
    site.admit(&cluster);
    std::fs::write(site.store(), b"a file").unwrap();
    site.fetch(&["--signal", "USR1"]).expect(2).says("store");
    assert!(cluster.requests().iter().all(|request| !request.path.ends_with("/exec")));
}

/// A system call that was traced: its name, what it says in parentheses.
fn calls(trace: &str) -> Vec<(String, String)> {
    let mut begun: std::collections::BTreeMap<&str, &str> = std::collections::BTreeMap::new();
    let mut found = Vec::new();
    for line in trace.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        // A call that another thread's call came in between of: it counts when it has come back.
        if let Some(head) = rest.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, head);
            continue;
        }
        let tail = rest.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>"));
        let whole = match tail {
            Some((_, tail)) => format!("{}{tail}", begun.remove(thread).unwrap_or_default()),
            None => rest.to_owned(),
        };
        if let (Some((name, said)), true) = (whole.split_once('('), whole.ends_with("= 0")) {
            found.push((name.to_owned(), said.to_owned()));
        }
    }
    found
}

/// What only a power failure would show: contents are on the disk before they have their names, names before the manifest
/// calls the run complete, and that before the end.
#[test]
fn contents_reach_the_disk_before_names_and_names_before_the_manifest_tells() {
    if std::process::Command::new("strace").arg("-V").output().is_err() {
        let required = std::env::var("COVDATA_REQUIRE_ORACLES").as_deref() == Ok("1");
        assert!(!required, "strace is required");
        println!("skipped: no strace");
        return;
    }
    let site = Site::new();
    recorded(0).copy_to(&site.volume("web-0"));
    let cluster = cluster().pod(pod("web-0", site.app("web-0"))).start().unwrap();
    site.admit(&cluster);
    let trace = site.home.path().join("trace");
    let covfetch = site.covfetch();
    let mut command = std::process::Command::new("strace");
    command.args(["-f", "-y", "-s", "4096", "-e", "trace=fsync,rename,renameat,renameat2", "-o"]);
    command.arg(&trace).arg(covfetch.get_program()).args(covfetch.get_args());
    command.args(["-n", "shop", "-l", "app=library"]).current_dir(site.home.path());
    command.env("KUBECONFIG", site.kubeconfig()).env("HOME", site.home.path());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let calls = calls(&std::fs::read_to_string(&trace).unwrap());
    // `fsync(9</path>)`, `renameat2(AT_FDCWD</path>, "from", AT_FDCWD</path>, "to", ...)`.
    let synced = |range: &[(String, String)], path: &str| {
        range.iter().any(|(name, said)| name == "fsync" && said.contains(&format!("{path}>")))
    };
    let mut renamed = 0;
    let mut last = None;
    for (index, (name, said)) in calls.iter().enumerate().filter(|(_, (name, _))| name.starts_with("rename"))
    {
        let paths: Vec<&str> = said.split('"').skip(1).step_by(2).collect();
        let [from, to] = paths[..] else { panic!("{name}({said}") };
        let (directory, file) = to.rsplit_once('/').unwrap();
        assert!(
            synced(&calls[..index], from),
            "{file} has its name before its contents are there: {calls:#?}"
        );
        let next = calls[index..]
            .iter()
            .position(|(name, said)| name.starts_with("rename") && said.contains("manifest.json\""));
        let until = match next {
            Some(0) | None => calls.len(),
            Some(next) => index + next,
        };
        assert!(
            synced(&calls[index..until], directory),
            "{file} is told of before its name is there: {calls:#?}"
        );
        renamed += usize::from(file.starts_with("cov"));
        last = Some(file);
    }
    assert_eq!((renamed, last), (2, Some("manifest.json")), "{calls:#?}");
}

/// A limit on the size of files is a disk that fails, and no end without a word.
#[test]
fn a_limit_on_the_size_of_files_is_said() {
    let site = Site::new();
    let app = site.app("web-0").main(recorded(0).replay());
    recorded(0).copy_to(&site.volume("web-0"));
    let cluster = cluster().pod(pod("web-0", app)).start().unwrap();
    site.admit(&cluster);
    let plain = site.covfetch();
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -f 1; exec \"$0\" \"$@\""]).arg(plain.get_program()).args(plain.get_args());
    command.args(["-n", "shop", "-l", "app=library", "--signal", "USR1"]).current_dir(site.home.path());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command.output().unwrap();
    let messages = String::from_utf8(output.stderr).unwrap();
    assert!(matches!(output.status.code(), Some(1..=3)), "{}: {messages}", output.status);
    assert!(messages.contains("File too large"), "{messages}");
}
