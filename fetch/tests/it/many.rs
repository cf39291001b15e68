//! Many pods at once: all there, bounded, and faster than one by one.

use std::time::Instant;

use testcluster::Container;

use crate::common::{Site, base_name, cluster, pod, recorded};

#[test]
fn thirty_pods_at_once() {
    let site = Site::new();
    let pods = (0..30).map(|index| site.pod(&format!("web-{index}"), &recorded(index % 4)));
    let cluster = cluster().tls(true).token("secret").pods(pods).start().unwrap();
    site.admit(&cluster);
    for (files, parallel) in [(2, "16"), (3, "1")] {
        let begun = Instant::now();
        site.fetch(&["--signal", "USR1", "--parallel", parallel]).expect(0);
        eprintln!("30 pods, {parallel} at a time: {:?}", begun.elapsed());
        let run = site.run();
        let records = run["containers"].as_array().unwrap();
        assert_eq!(records.len(), 30);
        assert!(records.iter().all(|record| record["state"] == "fetched"));
        assert!(records.iter().all(|record| record["files"].as_array().unwrap().len() == files));
        site.check();
    }
}

/// What a job that runs for days leaves: more names than fit into one command, with a shell and without.
#[test]
fn twenty_thousand_files_of_one_container() {
    const FILES: usize = 20_000;
    for programs in [&["sh", "tar", "wc", "sha256sum"][..], &["ls", "tar"]] {
        let site = Site::in_memory();
        let volume = site.volume("web-0");
        let recorded = recorded(0);
        std::fs::copy(&recorded.meta, volume.join(base_name(&recorded.meta))).unwrap();
        let bytes = std::fs::read(&recorded.counters[0]).unwrap();
        let hash = base_name(&recorded.meta).replace("covmeta.", "");
        for index in 1..FILES {
            std::fs::write(volume.join(format!("covcounters.{hash}.1.{index}")), &bytes).unwrap();
        }
        let container = Container::new("app").dir(&volume).env("GOCOVERDIR", &volume);
        let container = container.programs(programs.iter().copied());
        let cluster = cluster().pod(pod("web-0", container)).start().unwrap();
        site.admit(&cluster);
        let begun = Instant::now();
        let peak = site.peak_memory(&["-n", "shop", "-l", "app=library"]);
        eprintln!("{FILES} files by {programs:?}: {:?}, {} MiB", begun.elapsed(), peak >> 20);
        let record = site.record("web-0");
        assert_eq!(record["state"], "fetched", "{}", record["failure"]);
        assert_eq!(record["files"].as_array().unwrap().len(), FILES);
        assert_eq!(record["attempts"], 1);
        site.check();
        // Names and digests are held, contents are not.
        assert!(peak < 160 << 20, "{peak} bytes");
    }
}
