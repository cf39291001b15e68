//! Which pods and containers are read, and what is said of the others.

use serde_json::json;
use testcluster::{Cluster, Container, ListFault, Phase, Pod, Times};

use crate::common::{Ran, Site, cluster, pod, recorded};

#[test]
fn nothing_selected_is_exit_code_1_and_says_what_was_looked_for() {
    let site = Site::new();
    let cluster = cluster().pod(Pod::new("shop", "other")).start().unwrap();
    site.admit(&cluster);
    let ran = site.fetch(&[]).expect(1).says("no pod in namespace shop with labels app=library");
    assert!(ran.stdout.is_empty() && ran.stderr.contains("context test"), "{ran:#?}");
    assert_eq!(site.run()["outcome"], "nothing");
}

#[test]
fn pods_without_coverage_are_listed_and_no_failure() {
    let site = Site::new();
    let cluster = cluster()
        .pod(pod("plain", Container::new("app")))
        .pod(pod("waiting", site.app("waiting")).phase(Phase::Pending))
        .start()
        .unwrap();
    site.admit(&cluster);
    let ran = site.fetch(&[]).expect(1).says("none with coverage");
    assert!(ran.stdout.contains("no container sets GOCOVERDIR") && ran.stdout.contains("--from"), "{ran:#?}");
    assert!(ran.stdout.contains("pending"), "{ran:#?}");
    // Beside one that has coverage they change nothing.
    recorded(0).copy_to(&site.volume("web-0"));
    cluster.add_pod(pod("web-0", site.app("web-0"))).unwrap();
    site.fetch(&[]).expect(0);
    assert_eq!(site.record("plain")["state"], "listed");
    assert_eq!(site.run()["outcome"], "complete");
}

#[test]
fn crashed_and_completed_containers_are_failures() {
    let site = Site::new();
    let ended = |name: &str, code: u8, phase| {
        pod(name, site.app(name).main(testcluster::Main::Exited(code))).phase(phase)
    };
    let cluster = cluster()
        .pod(ended("done", 0, Phase::Succeeded))
        .pod(ended("crashed", 2, Phase::Failed))
        .start()
        .unwrap();
    site.admit(&cluster);
    site.fetch(&[]).expect(3).says("completed").says("crashed with exit code 2");
    assert_eq!(site.record("done")["failure"]["kind"], "pod-state");
    site.fetch(&["--allow-empty"]).expect(1);
}

#[test]
fn pods_being_deleted_and_restarted_ones_are_read_with_a_remark() {
    let site = Site::new();
    for name in ["leaving", "restarted"] {
        recorded(0).copy_to(&site.volume(name));
    }
    let cluster = cluster()
        .pod(pod("leaving", site.app("leaving")).deleting(true))
        .pod(pod("restarted", site.app("restarted").restart_count(2)))
        .start()
        .unwrap();
    site.admit(&cluster);
    site.fetch(&[]).expect(0);
    assert!(site.record("leaving")["note"].as_str().unwrap().contains("being deleted"));
    assert!(site.record("restarted")["note"].as_str().unwrap().contains("restarted 2 times"));
    assert_eq!(site.record("restarted")["restart_count"], 2);
}

#[test]
fn containers_are_chosen_by_name_and_directory() {
    let site = Site::new();
    recorded(0).copy_to(&site.volume("web-0"));
    let bare = Container::new("bare").dir(site.volume("web-0")).programs(crate::common::USUAL);
    let cluster = cluster().pod(pod("web-0", site.app("web-0")).container(bare)).start().unwrap();
    site.admit(&cluster);
    site.fetch(&["-c", "bare"]).expect(3).says("name the directory with --from");
    // Relative to the container's working directory.
    site.fetch(&["-c", "bare", "--from", "."]).expect(0);
    assert_eq!(site.record("web-0")["container"], "bare");
    site.fetch(&["-c", "bare,app", "--from", "."]).expect(0);
    assert_eq!(site.run()["containers"].as_array().unwrap().len(), 2);
    site.fetch(&["-c", "nobody"]).expect(1);
    site.check();
}

#[test]
fn namespaces_and_selectors_are_passed_on() {
    let site = Site::new();
    for name in ["a", "b", "c"] {
        recorded(0).copy_to(&site.volume(name));
    }
    let at = |namespace: &str, name: &str| {
        Pod::new(namespace, name).label("app", "library").container(site.app(name))
    };
    let cluster =
        Cluster::builder().pods([at("one", "a"), at("two", "b"), at("three", "c")]).start().unwrap();
    site.admit(&cluster);
    let fetched = |arguments: &[&str]| {
        Ran::of(&site.covfetch().args(arguments).output().unwrap()).expect(0);
        let run = site.run();
        let names: Vec<String> = run["containers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| record["pod"].as_str().unwrap().to_owned())
            .collect();
        names.join(" ")
    };
    assert_eq!(fetched(&["-A"]), "a c b");
    assert_eq!(fetched(&["-n", "one,two"]), "a b");
    assert_eq!(fetched(&["-n", "one", "-n", "three"]), "a c");
    assert_eq!(fetched(&["-A", "--field-selector", "metadata.name=b"]), "b");
    assert_eq!(
        fetched(&["-A", "-l", "app in (library),app!=x", "--field-selector", "metadata.namespace!=two"]),
        "a c"
    );
    site.check();
}

#[test]
fn the_environment_is_expanded_as_the_kubelet_does() {
    let site = Site::new();
    let volume = site.volume("web-0");
    std::fs::create_dir(volume.join("web-0")).unwrap();
    recorded(0).copy_to(&volume.join("web-0"));
    let container =
        Container::new("app").dir(&volume).programs(crate::common::USUAL).overlay(json!({"env": [
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "BASE", "value": volume},
            {"name": "GOCOVERDIR", "value": "$(BASE)/$(POD)"},
        ]}));
    let cluster = cluster().pod(pod("web-0", container)).start().unwrap();
    site.admit(&cluster);
    site.fetch(&[]).expect(0);
    assert_eq!(site.record("web-0")["source"], volume.join("web-0").to_str().unwrap());
}

/// More pods than fit on a page, and a token that expires between two pages.
#[test]
fn every_page_is_read() {
    let site = Site::new();
    let pods =
        (0..1_203).map(|index| pod(&format!("web-{index}"), Container::new("app")).phase(Phase::Pending));
    let cluster = cluster().pods(pods).start().unwrap();
    site.admit(&cluster);
    site.fetch(&[]).expect(1);
    assert_eq!(site.run()["containers"].as_array().unwrap().len(), 1_203);
    let lists = cluster.requests().iter().filter(|request| request.path.ends_with("/pods")).count();
    assert_eq!(lists, 3);
    let gone = ListFault { page: 2, code: 410, message: "token expired".into(), retry_after: None };
    cluster.inject_list(gone, Times::Next(1));
    site.fetch(&[]).expect(1);
    assert_eq!(site.run()["containers"].as_array().unwrap().len(), 1_203);
    let busy = ListFault { page: 2, code: 503, message: "busy".into(), retry_after: None };
    cluster.inject_list(busy, Times::Next(1));
    site.fetch(&[]).expect(1);
    assert_eq!(site.run()["containers"].as_array().unwrap().len(), 1_203);
}

#[test]
fn a_dry_run_changes_nothing() {
    let site = Site::new();
    let cluster = cluster().pod(site.pod("web-0", &recorded(0))).start().unwrap();
    site.admit(&cluster);
    let ran = site.fetch(&["--signal", "USR1", "--dry-run"]).expect(0);
    assert!(ran.stdout.contains("web-0") && ran.stdout.contains("fetch"), "{ran:#?}");
    assert!(!site.store().exists());
    assert!(cluster.requests().iter().all(|request| !request.path.ends_with("/exec")));
    let ran = site.fetch(&["--dry-run", "-o", "json"]).expect(0);
    let plan: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((plan["schema"].as_str(), plan["version"].as_u64()), (Some("covfetch/plan"), Some(1)));
    assert_eq!(plan["containers"][0]["action"], "fetch");
}

#[test]
fn the_summary_has_three_forms() {
    let site = Site::new();
    recorded(0).copy_to(&site.volume("web-0"));
    let cluster = cluster().pod(pod("web-0", site.app("web-0"))).start().unwrap();
    site.admit(&cluster);
    let table = site.fetch(&[]).expect(0).stdout;
    assert!(table.starts_with("NAMESPACE"), "{table}");
    assert_eq!(table.lines().count(), 2);
    let wide = site.fetch(&["-o", "wide"]).expect(0).stdout;
    assert!(wide.contains("node-1") && wide.contains("registry.example/app:1"), "{wide}");
    let json = site.fetch(&["-o", "json", "-q"]).expect(0);
    assert!(json.stderr.is_empty(), "{json:#?}");
    let mut printed: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let fields = printed.as_object_mut().unwrap();
    assert_eq!(
        (fields.remove("schema"), fields.remove("version")),
        (Some(json!("covfetch/run")), Some(json!(1)))
    );
    let totals = fields.remove("totals").unwrap();
    assert_eq!((&totals["new"]["files"], &totals["held"]["files"]), (&json!(0), &json!(2)));
    assert_eq!(printed, site.run());
}

#[test]
fn one_of_several_namespaces_without_pods_is_a_failure_if_somebody_named_it() {
    let site = Site::new();
    recorded(0).copy_to(&site.volume("web-0"));
    let cluster = cluster().pod(pod("web-0", site.app("web-0"))).start().unwrap();
    site.admit(&cluster);
    for more in [&[][..], &["-q"]] {
        let arguments = [&["-n", "shop", "-n", "shpo"], more].concat();
        let ran = site.fetch(&arguments).expect(3);
        let said = "no pod in namespace shpo with labels app=library, or there is no such namespace: leave it out of -n";
        assert!(ran.stdout.contains(said) && ran.stderr.contains("shpo/namespace/shpo"), "{ran:#?}");
    }
    assert_eq!(site.run()["outcome"], "partial");
    assert_eq!(site.record("namespace/shpo")["failure"]["kind"], "not-found");
    assert_eq!(site.record("web-0")["state"], "fetched");
}

#[test]
fn a_name_of_a_container_that_no_pod_has_is_a_failure_and_a_pattern_a_warning() {
    let site = Site::new();
    recorded(0).copy_to(&site.volume("web-0"));
    let cluster = cluster().pod(pod("web-0", site.app("web-0"))).start().unwrap();
    site.admit(&cluster);
    for more in [&[][..], &["-q"], &["--dry-run"]] {
        let ran = site.fetch(&[&["-c", "app", "-c", "wrker"], more].concat()).expect(3);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(
            said.contains("-c wrker names no container of the pods that were selected: theirs are app"),
            "{ran:#?}"
        );
    }
    assert_eq!(site.record("container/wrker")["failure"]["kind"], "not-found");
    for more in [&[][..], &["-q"]] {
        let ran = site.fetch(&[&["-c", "app", "-c", "side*"], more].concat()).expect(0);
        assert!(ran.stderr.contains("warning: -c side* names no container"), "{ran:#?}");
    }
}

#[test]
fn a_dry_run_names_what_would_fail_and_ends_as_the_run_would() {
    let site = Site::new();
    for name in ["web-0", "web-1"] {
        recorded(0).copy_to(&site.volume(name));
    }
    let ended = pod("web-1", site.app("web-1").main(testcluster::Main::Exited(2))).phase(Phase::Failed);
    let cluster = cluster().pod(pod("web-0", site.app("web-0"))).pod(ended).start().unwrap();
    site.admit(&cluster);
    for form in ["table", "json"] {
        let ran = site.fetch(&["--dry-run", "-o", form]).expect(3);
        assert_eq!(ran.stderr, "error: 1 of 2 containers would fail: shop/web-1/app\n");
        assert!(!ran.stdout.contains("would fail"), "{ran:#?}");
    }
    site.fetch(&[]).expect(3).says("error: 1 of 2 containers failed: shop/web-1/app");
}

#[test]
fn a_file_in_the_place_of_the_store_is_named_with_its_option() {
    let site = Site::new();
    let cluster = cluster().pod(site.pod("web-0", &recorded(0))).start().unwrap();
    site.admit(&cluster);
    std::fs::write(site.store(), "precious").unwrap();
    for arguments in [&["--dry-run"][..], &[]] {
        site.fetch(arguments).expect(2).says("error: --to store is a file, not a directory");
    }
    assert_eq!(std::fs::read(site.store()).unwrap(), b"precious");
}

#[test]
fn a_selector_that_the_server_refuses_is_named_with_its_option() {
    let site = Site::new();
    let cluster = cluster().pod(site.pod("web-0", &recorded(0))).start().unwrap();
    site.admit(&cluster);
    let message = "unable to parse requirement";
    let refused = ListFault { page: 1, code: 400, message: message.into(), retry_after: None };
    cluster.inject_list(refused, Times::Next(1));
    site.fetch(&["--dry-run"]).expect(2).says(message).says("asked for with -l app=library");
}
