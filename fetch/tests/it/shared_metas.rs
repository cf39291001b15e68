//! A meta file that containers have in common is copied from one of them; nobody gets what another one made up.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use benches::{Corpus, Size};
use covfetch::capture::{Captured, Collector, SharedMetas};
use covfetch::error::{Failure, Kind};
use covfetch::names::{ContainerName, CoverageName};
use covfetch::store::{Store, hex_digest};
use covfmt::mode::{CounterMode, Granularity};
use covfmt::write::encode_meta;
use serde_json::Value;
use tar::{Builder, EntryType};
use testcluster::{ClusterBuilder, Container, Fault, Times};

use crate::common::{Site, cluster, pod};
use crate::liar::{Liar, append, collector};

/// A program of some 140 KB of meta data, with a counter file for each of so many pods.
fn corpus(runs: u32) -> Corpus {
    let size = Size { packages: 20, functions: 100, runs };
    let corpus = Corpus::generate(size, CounterMode::Atomic, 7).unwrap();
    assert!(corpus.meta.len() > 100 << 10, "{} bytes are sent along", corpus.meta.len());
    corpus
}

fn write(volume: &Path, corpus: &Corpus, meta: &[u8], run: usize) {
    std::fs::write(volume.join(format!("covmeta.{}", corpus.hash)), meta).unwrap();
    let name = format!("covcounters.{}.1.{}", corpus.hash, 1_700_000_000_000_000_000_u64 + run as u64);
    std::fs::write(volume.join(name), &corpus.counters[run]).unwrap();
}

/// Pods `web-0`, `web-1`... of one program in an image with these programs.
fn pods(site: &Site, corpus: &Corpus, programs: &[&str]) -> ClusterBuilder {
    (0..corpus.counters.len()).fold(cluster(), |builder, run| {
        let name = format!("web-{run}");
        let volume = site.volume(&name);
        write(&volume, corpus, &corpus.meta, run);
        let container = Container::new("app").dir(&volume).env("GOCOVERDIR", &volume);
        builder.pod(pod(&name, container.programs(programs.iter().copied())))
    })
}

/// The meta files of the newest run, one for each pod.
fn metas(site: &Site) -> Vec<Value> {
    let run = site.run();
    let containers = run["containers"].as_array().unwrap().iter();
    let files = containers.flat_map(|container| container["files"].as_array().unwrap().clone());
    files.filter(|file| file["kind"] == "meta").collect()
}

/// How many of them came from the containers that they are of.
fn own(metas: &[Value]) -> usize {
    metas.iter().filter(|file| file["copied_from"].is_null()).count()
}

#[test]
fn one_container_sends_it_and_every_directory_has_it() {
    let corpus = corpus(8);
    // Execs of each container, and of the one that sends the file.
    for (programs, each, further) in [
        (&["sh", "tar", "wc", "sha256sum"][..], 1, 1),
        (&["sh", "cat", "wc", "sha256sum"], 1, 2),
        (&["ls", "tar", "sha256sum"], 4, 1),
        (&["ls", "cat", "wc", "sha256sum"], 6, 2),
    ] {
        let site = Site::new();
        let cluster = pods(&site, &corpus, programs).start().unwrap();
        site.admit(&cluster);
        site.fetch(&[]).expect(0);
        site.check();
        let found = metas(&site);
        assert_eq!((found.len(), own(&found)), (8, 1), "{programs:?}");
        let sender = found.iter().find_map(|file| file["copied_from"].as_str()).unwrap();
        assert!(sender.starts_with("shop/web-") && sender.ends_with("/app"), "{sender}");
        for file in &found {
            assert_eq!(file["sha256"], hex_digest(&corpus.meta));
            assert_eq!((file["mode"].as_str(), file["new"].as_bool()), (Some("atomic"), Some(true)));
            let path = site.store().join(file["path"].as_str().unwrap());
            assert_eq!(std::fs::read(path).unwrap(), corpus.meta);
        }
        let execs = || cluster.requests().iter().filter(|request| request.path.ends_with("/exec")).count();
        assert_eq!(execs(), 8 * each + further, "{programs:?}");
        // What is there already is said to be.
        site.fetch(&[]).expect(0);
        assert!(metas(&site).iter().all(|file| file["new"] == false), "{programs:?}");
        site.fetch(&["--no-dedupe", "--fresh"]).expect(0);
        assert_eq!(own(&metas(&site)), 8);
        site.check();
    }
}

/// An image that cannot say what its file is sends it.
#[test]
fn without_sha256sum_each_container_sends_its_own() {
    let corpus = corpus(3);
    for programs in [&["sh", "tar", "wc"][..], &["sh", "tar", "sha256sum"], &["ls", "tar"]] {
        let site = Site::new();
        let cluster = pods(&site, &corpus, programs).start().unwrap();
        site.admit(&cluster);
        site.fetch(&[]).expect(0);
        assert_eq!(own(&metas(&site)), 3, "{programs:?}");
        site.check();
    }
}

/// The connections of most pods break in the middle of the meta file, each time: the others send it for them.
#[test]
fn who_fails_to_send_it_costs_nobody_anything() {
    let corpus = corpus(6);
    let largest = corpus.counters.iter().map(Vec::len).max().unwrap() as u64;
    // An archive is padded to 10 KiB.
    let after = largest + 30_000;
    assert!(after < corpus.meta.len() as u64);
    let site = Site::new();
    let cluster = pods(&site, &corpus, &["sh", "tar", "wc", "sha256sum"]).start().unwrap();
    site.admit(&cluster);
    let cut = |bad: usize| {
        let fault = Fault::Cut { after, reset: false };
        cluster.inject("shop", &format!("web-{bad}"), None, fault, Times::Always);
    };
    (0..4).for_each(cut);
    site.fetch(&["--retries", "6"]).expect(0);
    assert_eq!((metas(&site).len(), own(&metas(&site))), (6, 1));
    site.check();
    // If nobody can send it, everybody is named.
    (4..6).for_each(cut);
    let ran = site.fetch(&["--fresh", "--retries", "1"]).expect(3);
    for pod in 0..6 {
        assert!(ran.stderr.contains(&format!("failed  shop/web-{pod}/app")), "{ran:#?}");
    }
    site.check();
}

/// A build under the hash of another one: it parses, and name and header agree.
fn forged(corpus: &Corpus) -> Vec<u8> {
    let other =
        Corpus::generate(Size { packages: 1, functions: 2000, runs: 1 }, CounterMode::Atomic, 9).unwrap();
    let tables = covfmt::read::MetaFile::parse(&other.meta).unwrap();
    let blob = tables.package_bytes(covfmt::ids::PackageIndex(0)).unwrap();
    let forged = encode_meta(corpus.hash, CounterMode::Atomic, Granularity::PerBlock, &[blob]).unwrap();
    assert!(forged.len() > 64 << 10, "{}", forged.len());
    forged
}

#[test]
fn a_forged_file_stays_with_who_forged_it() {
    let corpus = corpus(5);
    let forged = forged(&corpus);
    let site = Site::new();
    let cluster = pods(&site, &corpus, &["sh", "tar", "wc", "sha256sum"]).start().unwrap();
    site.admit(&cluster);
    write(&site.volume("web-0"), &corpus, &forged, 0);
    let ran = site.fetch(&["--parallel", "1"]).expect(3).says("failed  shop/web-0/app");
    // Its contents are hashed as Go hashes them.
    ran.says("but its contents make it");
    let metas = metas(&site);
    assert!(metas.iter().all(|file| file["sha256"] == hex_digest(&corpus.meta)), "{metas:#?}");
    assert!(!metas.iter().any(|file| file["path"].as_str().unwrap().starts_with("shop/web-0/")));
    assert_eq!(own(&metas), 1);
    site.check();
}

/// Captures one container of a cluster that lies.
async fn capture(collector: &Collector, pod: &str) -> (Result<(), Failure>, Captured) {
    let name = ContainerName::new("shop", pod, "app").unwrap();
    let mut captured = Captured::default();
    let result = collector.capture(&name, "/cov", &mut captured).await;
    (result, captured)
}

/// A container gives its file the digest of the others' and then sends a forged one: it alone fails.
#[tokio::test]
async fn a_digest_that_lies_harms_the_liar_only() {
    let corpus = Arc::new(corpus(1));
    let forged = forged(&corpus);
    let meta = CoverageName::parse(format!("covmeta.{}", corpus.hash).as_bytes()).unwrap();
    let counters = format!("covcounters.{}.1.5", corpus.hash);
    let (sent, file) = (Arc::clone(&corpus), meta.clone());
    let liar = Liar::new(move |name, command| {
        if command[0] == "sh" {
            let digest = hex_digest(&sent.meta);
            let text = format!("covfetch 1\nkept {digest} {file}\nfile {counters}\nodd 0\narchive\n");
            let mut archive = Builder::new(text.into_bytes());
            append(&mut archive, counters.as_bytes(), EntryType::Regular, "", &sent.counters[0]);
            return archive.into_inner().unwrap();
        }
        let mut archive = Builder::new(Vec::new());
        let bytes = if name.pod == "liar" { &forged } else { &sent.meta };
        append(&mut archive, file.as_str().as_bytes(), EntryType::Regular, "", bytes);
        archive.into_inner().unwrap()
    });
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let collector = Collector { shared: Some(SharedMetas::default()), ..collector(Arc::new(liar), store) };
    let failure = capture(&collector, "liar").await.0.unwrap_err();
    assert_eq!(failure.kind, Kind::InvalidFile, "{failure}");
    for pod in ["web-0", "web-1"] {
        let (result, captured) = capture(&collector, pod).await;
        result.unwrap();
        assert_eq!(captured.files[&meta].stored.sha256, hex_digest(&corpus.meta));
        assert_eq!(captured.files[&meta].from.is_some(), pod == "web-1");
    }
}

/// One that never ends what it sends keeps the others waiting for a while, and then each sends its own.
#[test]
fn a_sender_that_hangs_is_not_waited_for() {
    let corpus = corpus(3);
    let site = Site::new();
    let cluster = pods(&site, &corpus, &["sh", "tar", "wc", "sha256sum"]).start().unwrap();
    site.admit(&cluster);
    let largest = corpus.counters.iter().map(Vec::len).max().unwrap() as u64;
    let rate = largest.max(corpus.meta.len() as u64 / 8);
    cluster.inject("shop", "web-0", None, Fault::Slow { bytes_per_second: rate }, Times::Always);
    // So the slow one is the first to send.
    for pod in ["web-1", "web-2"] {
        cluster.inject("shop", pod, None, Fault::Delay(Duration::from_millis(2500)), Times::Next(1));
    }
    site.fetch(&["--timeout", "14s", "--retries", "0"]).expect(0);
    assert_eq!(own(&metas(&site)), 3);
    site.check();
}
