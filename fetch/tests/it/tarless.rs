//! Images without tar: with a shell one exec, without one several, and as little belief in what comes as with tar.

use testcluster::{Cluster, Container, Fault, Times};

use crate::common::{Recorded, Site, cluster, pod, recorded};

/// What images without tar have: a shell and coreutils, or coreutils without a shell.
pub(crate) const IMAGES: [&[&str]; 2] =
    [&["sh", "cat", "wc", "sleep", "date", "dd"], &["cat", "wc", "ls", "kill"]];

fn app(site: &Site, programs: &[&str], recorded: &Recorded) -> Container {
    Container::new("app")
        .dir(site.volume("web-0"))
        .env("GOCOVERDIR", site.volume("web-0"))
        .programs(programs.iter().copied())
        .main(recorded.replay())
}

fn started(site: &Site, programs: &[&str]) -> Cluster {
    let cluster = cluster().pod(pod("web-0", app(site, programs, &recorded(0)))).start().unwrap();
    site.admit(&cluster);
    cluster
}

#[test]
fn it_is_flushed_and_read_by_cat() {
    for programs in IMAGES {
        let site = Site::new();
        let _cluster = started(&site, programs);
        for files in [2, 3] {
            site.fetch(&["--signal", "USR1"]).expect(0);
            let record = site.record("web-0");
            assert_eq!(record["flush"]["outcome"], "flushed", "{programs:?}");
            assert_eq!(record["attempts"], 1, "{programs:?}");
            assert_eq!(record["files"].as_array().unwrap().len(), files, "{programs:?}");
            site.check();
        }
    }
}

#[test]
fn a_stream_that_is_cut_is_no_success() {
    for programs in IMAGES {
        for after in [0, 1, 40, 150, 300, 1_000, 1_400, 2_000, 2_400] {
            for fault in [Fault::Cut { after, reset: false }, Fault::TruncatedSuccess { after }] {
                let site = Site::new();
                let cluster = started(&site, programs);
                site.fetch(&["--signal", "USR1"]).expect(0);
                // Of everything that the second run asks for, the first bytes come and no more.
                cluster.inject("shop", "web-0", None, fault.clone(), Times::Always);
                let ran = site.fetch(&["--fresh", "--retries", "1"]);
                let record = site.record("web-0");
                let whole = record["files"].as_array().unwrap().len() == 2;
                let succeeded = ran.code == 0;
                assert!(!succeeded || whole, "{fault:?} {programs:?} {record:#}");
                let kind = record["failure"]["kind"].as_str().unwrap_or("none");
                // A file of which only a part came is never called bad, and no verdict makes it good.
                let fits = ["truncated", "no-status", "rejected", "meta-only", "missing-dir", "empty"];
                assert!(succeeded || fits.contains(&kind), "{fault:?} {programs:?} {record:#}");
                site.check();
            }
        }
    }
}

#[test]
fn a_cut_that_passes_is_made_good_and_the_program_is_signalled_once() {
    for programs in IMAGES {
        let site = Site::new();
        let cluster = started(&site, programs);
        cluster.inject("shop", "web-0", None, Fault::Cut { after: 900, reset: true }, Times::Next(3));
        site.fetch(&["--signal", "USR1", "--retries", "6"]).expect(0);
        assert_eq!(site.record("web-0")["files"].as_array().unwrap().len(), 2, "{programs:?}");
        site.check();
    }
}

/// One of the two that stand in for tar is not enough.
#[test]
fn half_of_it_is_not_enough() {
    for programs in
        [&["sh", "cat", "sleep"][..], &["sh", "wc", "sleep"], &["ls", "cat", "kill"], &["ls", "wc", "kill"]]
    {
        let site = Site::new();
        let _cluster = started(&site, programs);
        site.fetch(&["--signal", "USR1"])
            .expect(3)
            .says("the image has no tar, and no cat and wc in its place");
        assert_eq!(site.record("web-0")["failure"]["kind"], "no-tar", "{programs:?}");
        // Nothing was signalled that could not be fetched.
        assert_eq!(std::fs::read_dir(site.volume("web-0")).unwrap().count(), 1);
    }
}
