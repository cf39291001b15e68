//! What all containers together may send: who would exceed it is named, and what came before stays.

use testcluster::Cluster;

use crate::common::{Site, cluster, recorded};

/// Four pods with a meta file and a counter file each, read one after the other.
fn four(site: &Site) -> Cluster {
    let pods = (0..4).map(|index| site.pod(&format!("web-{index}"), &recorded(index)));
    let cluster = cluster().pods(pods).start().unwrap();
    site.admit(&cluster);
    cluster
}

fn size(path: &std::path::Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

#[test]
fn bytes_and_files_of_a_run_are_limited() {
    let meta = size(&recorded(0).meta);
    let of_pod = |index: usize| meta + size(recorded(index).counters.last().unwrap());
    // Two pods, and the meta file of a third.
    let bytes = (of_pod(0) + of_pod(1) + meta + 5).to_string();
    for (option, most) in [("--max-run-size", bytes.as_str()), ("--max-run-files", "5")] {
        let site = Site::new();
        let cluster = four(&site);
        let ran = site.fetch(&["--signal", "USR1", "--parallel", "1", option, most]).expect(3);
        site.check();
        assert_eq!(site.states(), "web-0:fetched web-1:fetched web-2:failed web-3:failed", "{ran:#?}");
        let (third, fourth) = (site.record("web-2"), site.record("web-3"));
        for record in [&third, &fourth] {
            assert_eq!(record["failure"]["kind"], "limit", "{record:#}");
            assert!(record["failure"]["message"].as_str().unwrap().contains(option), "{record:#}");
        }
        // What came before stays, and nobody was begun after it, let alone signalled.
        assert_eq!(third["files"].as_array().unwrap().len(), 1);
        assert_eq!((third["attempts"].as_u64(), fourth["attempts"].as_u64()), (Some(1), Some(0)));
        assert!(fourth["failure"]["message"].as_str().unwrap().contains("shop/web-2/app"), "{fourth:#}");
        for record in [&third, &fourth] {
            let message = record["failure"]["message"].as_str().unwrap();
            assert!(message.ends_with(&format!("run it again for the rest, or raise {option}")), "{message}");
        }
        let asked = cluster.requests().iter().any(|request| request.path.contains("/pods/web-3/exec"));
        assert!(!asked, "{fourth:#}");
        ran.says("error: 2 of 4 containers failed: shop/web-2/app, shop/web-3/app");
        // What is here does not count again: the next run takes the rest. The last was not told to write anything.
        site.fetch(&["--parallel", "1", option, most]).expect(3);
        assert_eq!(site.states(), "web-0:fetched web-1:fetched web-2:fetched web-3:failed");
        assert_eq!(site.record("web-3")["failure"]["kind"], "meta-only");
        site.check();
    }
}

/// A limit is no matter of attempts.
#[test]
fn a_limit_that_a_second_attempt_comes_to_does_not_suggest_more_of_them() {
    let site = Site::new();
    recorded(0).copy_to(&site.volume("web-0"));
    let cluster = cluster().pod(crate::common::pod("web-0", site.app("web-0"))).start().unwrap();
    site.admit(&cluster);
    cluster.inject(
        "shop",
        "web-0",
        None,
        testcluster::Fault::Cut { after: 0, reset: false },
        testcluster::Times::Next(1),
    );
    site.fetch(&["--max-run-size", "10"]).expect(3).says("--max-run-size");
    let record = site.record("web-0");
    assert_eq!((&record["failure"]["kind"], &record["attempts"]), (&"limit".into(), &2.into()));
    let message = record["failure"]["message"].as_str().unwrap();
    // The file alone is too large, so that another run would not bring it.
    assert!(message.ends_with("what came before stays: raise --max-run-size"), "{message}");
}
