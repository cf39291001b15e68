//! Containers that stand among a pod's init containers: sidecars, which run on, and those that have finished.

use serde_json::json;
use testcluster::{Container, Pod};

use crate::common::{Site, USUAL, cluster, recorded};

/// A pod with a finished init container, two sidecars of which one has coverage, and an application; all but one say so in
/// their spec.
fn pod(site: &Site) -> Pod {
    let with_volume = |name: &str| {
        let volume = site.volume(name);
        Container::new(name).dir(&volume).env("GOCOVERDIR", &volume).programs(USUAL)
    };
    Pod::new("shop", "web-0")
        .label("app", "library")
        .init_container(with_volume("migrate"))
        .sidecar(with_volume("mesh-proxy").main(recorded(1).replay()))
        .sidecar(Container::new("mesh-logs").programs(USUAL))
        .container(with_volume("app").main(recorded(0).replay()))
}

/// The containers of the newest run, each with its state.
fn states(site: &Site) -> Vec<String> {
    let run = site.run();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
    let records = run["containers"].as_array().unwrap().iter();
    records.map(|record| format!("{} {}", text(&record["container"]), text(&record["state"]))).collect()
}

#[test]
fn a_sidecar_is_flushed_and_read_and_a_finished_init_container_is_named() {
    let site = Site::new();
    let cluster = cluster().pod(pod(&site)).start().unwrap();
    site.admit(&cluster);
    let ran = site.fetch(&["--signal", "USR1"]).expect(3);
    ran.says(
        "shop/web-0/migrate: completed with exit code 0 (Completed), its files are out of reach; to keep",
    );
    assert_eq!(states(&site), ["app fetched", "mesh-proxy fetched", "migrate failed"]);
    for container in ["app", "mesh-proxy"] {
        let stored = site.store().join("shop/web-0").join(container);
        assert_eq!(std::fs::read_dir(stored).unwrap().count(), 2, "{container}");
    }
    site.check();
}

#[test]
fn they_are_chosen_by_pattern() {
    let site = Site::new();
    let cluster = cluster().pod(pod(&site)).start().unwrap();
    site.admit(&cluster);
    site.fetch(&["-c", "mesh-p*", "--signal", "USR1"]).expect(0);
    assert_eq!(states(&site), ["mesh-proxy fetched"]);
    let ran = site.fetch(&["-c", "mig*"]).expect(3).says("shop/web-0/migrate: completed");
    assert_eq!(states(&site), ["migrate failed"], "{ran:#?}");
    // One that was asked for by name and has no directory is a failure, sidecar or not.
    let ran = site.fetch(&["-c", "mesh-*"]).expect(3);
    ran.says("shop/web-0/mesh-logs: its spec does not set GOCOVERDIR");
    assert_eq!(states(&site), ["mesh-logs failed", "mesh-proxy fetched"]);
    let ran = site.fetch(&["-c", "app", "-c", "mesh-p*", "--dry-run"]).expect(0);
    assert_eq!(ran.stdout.matches(" fetch ").count(), 2, "{ran:#?}");
    site.check();
}

/// What a finished init container has written to a volume is no loss if a container that runs is read there.
#[test]
fn a_finished_one_is_no_failure_if_its_volume_is_read_through_another() {
    let site = Site::new();
    let volume = site.volume("shared");
    recorded(1).copy_to(&volume);
    let with_mount = |name: &str| {
        let mounts = json!([{"name": "cov", "mountPath": volume}]);
        let container = Container::new(name).dir(&volume).env("GOCOVERDIR", &volume).programs(USUAL);
        container.overlay(json!({"volumeMounts": mounts}))
    };
    let pod = Pod::new("shop", "web-0")
        .label("app", "library")
        .init_container(with_mount("migrate"))
        .sidecar(with_mount("mesh"))
        .container(Container::new("app"))
        .overlay(json!({"spec": {"volumes": [{"name": "cov", "emptyDir": {}}]}}));
    let cluster = cluster().pod(pod).start().unwrap();
    site.admit(&cluster);
    let ran = site.fetch(&[]).expect(0);
    assert!(ran.stdout.contains("lie on volume cov and are read through container mesh"), "{ran:#?}");
    assert_eq!(states(&site), ["mesh fetched", "migrate listed"]);
    site.check();
}
