//! Waiting for the flush: slow ones are waited for, hopeless ones are said to be at once.

use std::time::{Duration, Instant};

use testcluster::OnSignal;

use crate::common::{Recorded, Site, cluster, pod, recorded, testdata};

/// The counter file comes two seconds after the signal, and stands half-written for half a second.
#[test]
fn a_slow_flush_is_waited_for() {
    let site = Site::new();
    let main = recorded(0).replay().delay(Duration::from_secs(2)).write_time(Duration::from_millis(500));
    let cluster = cluster().pod(pod("web-0", site.app("web-0").main(main))).start().unwrap();
    site.admit(&cluster);
    site.fetch(&["--signal", "USR1"]).expect(0);
    let record = site.record("web-0");
    assert_eq!(record["files"].as_array().unwrap().len(), 2);
    assert!(record["flush"]["waited_ms"].as_u64().unwrap() >= 2000, "{record:#}");
    site.check();
}

#[test]
fn a_program_without_a_handler_is_explained() {
    let site = Site::new();
    let main = recorded(0).replay().on_signal(OnSignal::Ignore);
    let cluster = cluster().pod(pod("web-0", site.app("web-0").main(main))).start().unwrap();
    site.admit(&cluster);
    let begun = Instant::now();
    site.fetch(&["--signal", "USR1", "--flush-timeout", "1s"]).expect(3).says("no handler for the signal");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let record = site.record("web-0");
    assert_eq!(record["failure"]["kind"], "meta-only");
    assert_eq!(record["flush"]["outcome"], "failed");
    assert_eq!(record["attempts"], 1);
    site.check();
}

#[test]
fn a_process_that_dies_of_the_signal_is_noticed_before_the_time_is_up() {
    let site = Site::new();
    let main = recorded(0).replay().on_signal(OnSignal::Die);
    let cluster = cluster().pod(pod("web-0", site.app("web-0").main(main))).start().unwrap();
    site.admit(&cluster);
    let begun = Instant::now();
    let ran = site.fetch(&["--signal", "USR1", "--flush-timeout", "60s", "--retries", "1"]).expect(3);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let record = site.record("web-0");
    assert_eq!(record["state"], "failed", "{ran:#?}");
    ran.says("signal USR1 was sent just before: a program without a handler for it ends");
    site.check();
}

#[test]
fn a_build_that_cannot_flush_is_not_signalled() {
    for mode in ["set", "count"] {
        let site = Site::new();
        let recorded = Recorded::open(&testdata().join(format!("recorded/1.27.3/cases-{mode}/data/all")));
        let main = recorded.replay();
        let cluster = cluster().pod(pod("web-0", site.app("web-0").main(main))).start().unwrap();
        site.admit(&cluster);
        let begun = Instant::now();
        site.fetch(&["--signal", "USR1", "--flush-timeout", "60s"])
            .expect(3)
            .says(&format!("counts in {mode} mode"))
            .says("-covermode=atomic");
        assert!(begun.elapsed() < Duration::from_secs(20));
        let record = site.record("web-0");
        assert_eq!(record["failure"]["kind"], "flush-mode");
        assert!(record["flush"].is_null());
        // It was not signalled: nothing new came.
        let present = std::fs::read_dir(site.volume("web-0")).unwrap().count();
        assert_eq!(present, 1);
        site.check();
    }
}

#[test]
fn without_a_flush_meta_alone_suggests_one() {
    let site = Site::new();
    let cluster = cluster().pod(site.pod("web-0", &recorded(0))).start().unwrap();
    site.admit(&cluster);
    site.fetch(&[]).expect(3).says("--signal USR1");
    assert_eq!(site.record("web-0")["failure"]["kind"], "meta-only");
    site.fetch(&["--allow-empty"]).expect(1);
    assert_eq!(site.record("web-0")["state"], "listed");
}

#[test]
fn an_empty_directory_is_no_success_and_is_not_signalled() {
    let site = Site::new();
    let main = testcluster::Replay::new().counters(recorded(0).counters.last().unwrap());
    let cluster = cluster().pod(pod("web-0", site.app("web-0").main(main))).start().unwrap();
    site.admit(&cluster);
    site.fetch(&[]).expect(3).says("no coverage file");
    site.fetch(&["--signal", "USR1"]).expect(3).says("nothing was signalled");
    assert_eq!(std::fs::read_dir(site.volume("web-0")).unwrap().count(), 0);
}

#[test]
fn unfinished_files_of_a_full_disk_are_ignored_and_reported() {
    let site = Site::new();
    let volume = site.volume("web-0");
    std::fs::write(volume.join("tmp.covcounters.0123456789abcdef0123456789abcdef.1.5"), b"half").unwrap();
    let cluster = cluster().pod(site.pod("web-0", &recorded(0))).start().unwrap();
    site.admit(&cluster);
    site.fetch(&["--signal", "USR1"]).expect(0);
    let record = site.record("web-0");
    assert_eq!(record["ignored"].as_array().unwrap().len(), 1);
    assert!(record["note"].as_str().unwrap().contains("tmp.*"), "{record:#}");
    site.check();
}

/// PID 1 is a wrapper and the counters are of another process: say which.
#[test]
fn counters_of_another_process_are_pointed_out() {
    let site = Site::new();
    let volume = site.volume("web-0");
    let recorded = recorded(0);
    recorded.copy_to(&volume);
    let hash = crate::common::base_name(&recorded.meta).replace("covmeta.", "");
    let counters = recorded.counters.last().unwrap();
    std::fs::rename(
        volume.join(crate::common::base_name(counters)),
        volume.join(format!("covcounters.{hash}.7.1700000000000000000")),
    )
    .unwrap();
    let main = testcluster::Replay::new().on_signal(OnSignal::Ignore);
    let cluster = cluster().pod(pod("web-0", site.app("web-0").main(main))).start().unwrap();
    site.admit(&cluster);
    site.fetch(&["--signal", "USR1", "--flush-timeout", "1s"]).expect(3).says("try --pid 7");
    assert_eq!(site.record("web-0")["failure"]["kind"], "flush-timeout");
    let ran = site.fetch(&["--signal", "USR1", "--pid", "4242"]).expect(3);
    let ran = ran.says("could not be sent to process 4242: ");
    let ran = ran.says("No such process (the counter files here are of process 7: --pid 7)");
    assert!(!ran.stderr.contains("covfetch: "), "{ran:#?}");
    assert_eq!(site.record("web-0")["files"].as_array().unwrap().len(), 2);
}

/// Nothing is signalled, so nothing new comes; what older runs of the program have written does.
#[test]
fn a_name_that_no_process_has_is_told_and_what_is_there_is_copied() {
    let site = Site::new();
    recorded(0).copy_to(&site.volume("web-0"));
    let cluster = cluster().pod(site.pod("web-0", &recorded(0))).start().unwrap();
    site.admit(&cluster);
    let ran = site.fetch(&["--signal", "USR1", "--process", "nosuch"]).expect(3);
    ran.says("the container has no process named nosuch (--process; ps -o comm shows the names)");
    let record = site.record("web-0");
    assert_eq!((&record["state"], &record["failure"]["kind"]), (&"failed".into(), &"no-process".into()));
    assert_eq!(record["files"].as_array().unwrap().len(), 2, "{record:#}");
    assert_eq!((&record["attempts"], &record["flush"]), (&1.into(), &serde_json::Value::Null));
    assert_eq!(site.run()["outcome"], "partial");
    site.check();
}

/// Two replicas on one claim, both PID 1: the first new file is not everybody's. Each must be waited for.
#[test]
fn containers_that_share_a_directory_are_flushed_one_after_the_other() {
    let site = Site::new();
    let volume = site.volume("shared");
    let replica = |index: usize| {
        let name = format!("web-{index}");
        // Of different speed, so that a quick one's file is there long before a slow one's.
        let delay = Duration::from_millis(if index == 0 { 700 } else { 30 });
        let container = testcluster::Container::new("app")
            .dir(&volume)
            .env("GOCOVERDIR", &volume)
            .programs(crate::common::USUAL)
            .main(recorded(index).replay().delay(delay))
            .overlay(serde_json::json!({"volumeMounts": [{"name": "cov", "mountPath": volume}]}));
        let claim = serde_json::json!({"spec": {"volumes": [
            {"name": "cov", "persistentVolumeClaim": {"claimName": "cov"}},
        ]}});
        pod(&name, container).overlay(claim)
    };
    let cluster = cluster().pods((0..3).map(replica)).start().unwrap();
    site.admit(&cluster);
    site.fetch(&["--signal", "USR1"]).expect(0);
    let mut flushed: Vec<String> = Vec::new();
    for index in 0..3 {
        let files = site.record(&format!("web-{index}"))["flush"]["files"].clone();
        assert_eq!(files.as_array().unwrap().len(), 1, "{files}");
        flushed.push(files[0].as_str().unwrap().to_owned());
    }
    flushed.sort();
    flushed.dedup();
    assert_eq!(flushed.len(), 3, "{flushed:?}");
    site.check();
}
