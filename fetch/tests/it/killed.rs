//! SIGKILL at seeded moments over the whole run: only whole files under final names, and the next run makes all good.
//!
//! `COVFETCH_KILLS=200 cargo test -p covfetch --test it -- killed --nocapture` kills two hundred times and says when.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use benches::{Corpus, Size};
use covfetch::store::{Presence, Store};
use covfmt::mode::CounterMode;
use testcluster::{Cluster, Fault, Isolation, Times};

use crate::common::{Site, cluster, pod, recorded};

/// Files of a store, by path.
type Files = BTreeMap<String, Vec<u8>>;

const PODS: usize = 3;

/// Pods of one program with twenty counter files each, and what the store must hold in the end.
fn pods(site: &Site) -> (Cluster, Files) {
    let program = Size { packages: 12, functions: 100, runs: 60 };
    let corpus = Corpus::generate(program, CounterMode::Atomic, 5).unwrap();
    // Large enough that it is copied from one pod and linked for the others.
    assert!(corpus.meta.len() > 64 << 10, "{} bytes", corpus.meta.len());
    let mut truth = Files::new();
    let mut builder = cluster().isolation(Isolation::Mapped);
    for index in 0..PODS {
        let name = format!("web-{index}");
        let volume = site.volume(&name);
        let mut write = |file: String, bytes: &[u8]| {
            std::fs::write(volume.join(&file), bytes).unwrap();
            truth.insert(format!("shop/{name}/app/{file}"), bytes.to_vec());
        };
        write(format!("covmeta.{}", corpus.hash), &corpus.meta);
        let counters = corpus.counters.iter().enumerate().skip(index).step_by(PODS);
        for (run, bytes) in counters {
            write(
                format!("covcounters.{}.1.{}", corpus.hash, 1_700_000_000_000_000_000_u64 + run as u64),
                bytes,
            );
        }
        let container = testcluster::Container::new("app").dir(&volume).env("GOCOVERDIR", &volume);
        builder = builder.pod(pod(&name, container.programs(["sh", "tar", "wc", "sha256sum"])));
    }
    let cluster = builder.start().unwrap();
    site.admit(&cluster);
    (cluster, truth)
}

fn start(site: &Site, arguments: &[&str]) -> Child {
    let command = site.covfetch();
    let mut child = Command::new(command.get_program());
    child.args(command.get_args()).args(["-n", "shop", "-l", "app=library"]).args(arguments);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => child.env(name, value),
            None => child.env_remove(name),
        };
    }
    child.current_dir(site.home.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Everything below a directory, hidden files included, by path.
fn everything(root: &Path) -> Files {
    let mut found = Files::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        for entry in entries.map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                open.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), bytes);
            }
        }
    }
    found
}

fn is_temporary(path: &str) -> bool {
    path.rsplit('/').next().unwrap().starts_with(".covfetch-")
}

/// Checks what a killed run has left; gives the number of coverage files, and of temporary ones.
fn check_killed(site: &Site, truth: &Files) -> (usize, usize) {
    let found = everything(&site.store());
    let (mut whole, mut temporary) = (0, 0);
    for (path, bytes) in &found {
        match path.as_str() {
            ".manifest.lock" | ".runs.lock" => assert!(bytes.is_empty()),
            "manifest.json" => {
                let manifest: serde_json::Value = serde_json::from_slice(bytes).unwrap();
                let run = &manifest["runs"][0];
                // Until the end is written, whatever is not there counts as failed.
                if run["ended"].is_null() {
                    assert_eq!(run["outcome"], "running");
                    let records = run["containers"].as_array().unwrap();
                    assert!(
                        records.iter().all(|record| record["failure"]["kind"] == "unfinished"),
                        "{run:#}"
                    );
                } else {
                    assert_eq!(run["outcome"], "complete");
                    assert!(
                        truth.keys().all(|path| found.contains_key(path)),
                        "complete, and not all is there"
                    );
                }
            }
            path if is_temporary(path) => temporary += 1,
            path => {
                assert!(truth.get(path) == Some(bytes), "{path} is not what the pod has");
                whole += 1;
            }
        }
    }
    (whole, temporary)
}

fn check_repaired(site: &Site, truth: &Files) {
    site.check();
    assert_eq!(site.run()["outcome"], "complete");
    let mut found = everything(&site.store());
    found.retain(|path, _| path.starts_with("shop/") || is_temporary(path));
    assert!(found == *truth, "{:?}", found.keys().collect::<Vec<_>>());
}

#[test]
fn kills_at_any_moment_leave_whole_files_and_the_next_run_makes_all_good() {
    let kills: u32 = std::env::var("COVFETCH_KILLS").map_or(25, |text| text.parse().unwrap());
    let site = Site::new();
    let (_cluster, truth) = pods(&site);
    let mut random = fastrand::Rng::with_seed(20_260_105);
    let undisturbed = || {
        let begun = Instant::now();
        assert_eq!(start(&site, &[]).wait().unwrap().code(), Some(0));
        begun.elapsed()
    };
    let mut whole_run = undisturbed();
    check_repaired(&site, &truth);
    let (mut before, mut among, mut after, mut left) = (0, 0, 0, 0);
    for kill in 0..kills {
        std::fs::remove_dir_all(site.store()).unwrap();
        let mut child = start(&site, &[]);
        if kill % 2 == 0 {
            // Each part of the run in turn, and a little beyond its end.
            let part = (f64::from(kill) + 2.0 * random.f64()) / f64::from(kills);
            std::thread::sleep(whole_run.mul_f64(part * 1.1));
        } else {
            // While files are stored: behind the n-th, and up to a millisecond later.
            let enough = random.usize(..truth.len());
            while everything(&site.store()).len() < enough && child.try_wait().unwrap().is_none() {}
            std::thread::sleep(Duration::from_micros(random.u64(..1_000)));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let (whole, temporary) = check_killed(&site, &truth);
        match (whole, temporary) {
            (0, 0) => before += 1,
            (whole, _) if whole < truth.len() => among += 1,
            _ => after += 1,
        }
        left += temporary;
        if kill % 5 == 4 {
            // Two at once: neither takes the other's files for leftovers.
            let mut both = [start(&site, &[]), start(&site, &[])];
            assert!(both.iter_mut().all(|run| run.wait().unwrap().code() == Some(0)));
        }
        whole_run = undisturbed();
        check_repaired(&site, &truth);
    }
    println!(
        "{kills} kills: {before} before the first file was begun, {among} among files, {after} behind the last; {left} temporary files left, all removed"
    );
    assert!(among * 4 >= kills, "too few of {kills} kills came while files were stored: {among}");
}

/// What a killed run has left is removed by the next one, unless another run is there whose files they may be.
#[test]
fn leftovers_of_a_killed_run_are_removed_by_the_next_that_is_alone() {
    let site = Site::new();
    let cluster = cluster().pod(site.pod("web-0", &recorded(0))).start().unwrap();
    site.admit(&cluster);
    cluster.inject("shop", "web-0", None, Fault::Slow { bytes_per_second: 300 }, Times::Next(1));
    let mut child = start(&site, &["--signal", "USR1"]);
    let begun = Instant::now();
    while !site.store().join("manifest.json").exists() {
        assert!(begun.elapsed() < Duration::from_mins(1));
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let left =
        ["shop/web-0/app/.covfetch-AbCdEf.tmp", ".covfetch-Xy12Zw.tmp"].map(|path| site.store().join(path));
    std::fs::create_dir_all(left[0].parent().unwrap()).unwrap();
    for path in &left {
        std::fs::write(path, b"half a file").unwrap();
    }
    let mut other = Presence::enter(&Store::open(&site.store()).unwrap()).unwrap();
    other.share().unwrap();
    site.fetch(&["--signal", "USR1"]).expect(0);
    assert!(left.iter().all(|path| path.exists()));
    site.fetch(&["--fresh"]).expect(2).says("another run").says("--to");
    drop(other);
    let ran = site.fetch(&["--signal", "USR1"]).expect(0);
    assert!(ran.stderr.contains("2 unfinished files of a run that was killed"), "{ran:#?}");
    assert!(!left.iter().any(|path| path.exists()));
    site.check();
}
