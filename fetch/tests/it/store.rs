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
