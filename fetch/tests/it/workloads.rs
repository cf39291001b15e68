//! WORKLOAD arguments, resolved through the objects that the API server has.

use serde_json::{Value, json};
use testcluster::{Cluster, ClusterBuilder, Object, Phase, Pod};

use crate::common::{Site, cluster, recorded};

fn object(kind: &str, name: &str, body: Value) -> Object {
    Object::new(kind, "shop", name, body).unwrap()
}

fn labels(label: &str, value: &str) -> Value {
    json!({"spec": {"selector": {"matchLabels": {label: value}}}})
}

/// Six pods `a` to `f` in namespace shop, each with label `n` of its own name and coverage on disk.
fn six(site: &Site) -> ClusterBuilder {
    let pods = ["a", "b", "c", "d", "e", "f"].map(|name| {
        recorded(0).copy_to(&site.volume(name));
        Pod::new("shop", name).label("n", name).label("job", "once").container(site.app(name))
    });
    cluster().pods(pods)
}

/// Every kind of workload, each of which selects another pod.
pub(crate) fn every_kind(site: &Site) -> ClusterBuilder {
    let cron = object("CronJob", "nightly", json!({"spec": {"schedule": "0 3 * * *"}}));
    let owner = json!({"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": cron.uid()});
    let mut job = labels("n", "e");
    job["metadata"] = json!({"ownerReferences": [owner]});
    six(site)
        .object(object("Deployment", "web", labels("n", "a")))
        .object(object("StatefulSet", "db", labels("n", "b")))
        .object(object("DaemonSet", "log", labels("n", "c")))
        .object(object(
            "ReplicaSet",
            "old",
            json!({"spec": {"selector": {"matchExpressions": [
                {"key": "n", "operator": "In", "values": ["d", "x"]},
                {"key": "n", "operator": "NotIn", "values": ["x"]},
                {"key": "job", "operator": "Exists"},
                {"key": "legacy", "operator": "DoesNotExist"},
            ]}}}),
        ))
        .object(cron)
        .object(object("Job", "nightly-1", job))
        .object(object("Job", "stranger", labels("n", "f")))
        .object(object("Service", "front", json!({"spec": {"selector": {"n": "f"}}})))
}

#[test]
fn each_kind_stands_for_its_pods() {
    let site = Site::new();
    let cluster = every_kind(&site).start().unwrap();
    site.admit(&cluster);
    for (arguments, expected) in [
        (&["deployment/web"][..], "a:fetched"),
        (&["statefulset/db"], "b:fetched"),
        (&["daemonset/log"], "c:fetched"),
        (&["replicaset/old"], "d:fetched"),
        (&["cronjob/nightly"], "e:fetched"),
        (&["job/nightly-1"], "e:fetched"),
        (&["service/front"], "f:fetched"),
        (&["pod/a"], "a:fetched"),
        (&["a", "b"], "a:fetched b:fetched"),
        (&["deploy", "web"], "a:fetched"),
        // Several at once; a pod of two of them is read once.
        (&["deploy/web", "sts/db", "po/a", "svc/front"], "a:fetched b:fetched f:fetched"),
    ] {
        site.fetch_only(arguments).expect(0);
        assert_eq!(site.states(), expected, "{arguments:?}");
    }
    assert_eq!(
        site.run()["selection"]["workloads"],
        json!(["deployment/web", "statefulset/db", "pod/a", "service/front"])
    );
    site.check();
}

#[test]
fn what_is_not_there_is_named() {
    let site = Site::new();
    let cluster = every_kind(&site).start().unwrap();
    site.admit(&cluster);
    // Alone: nothing was selected.
    for (argument, words) in [
        (
            "deploy/none",
            "there is no Deployment none in namespace shop (404 deployments.apps \"none\" not found)",
        ),
        ("none", "there is no pod/none in namespace shop"),
        ("cj/none", "there is no CronJob none"),
    ] {
        site.fetch_only(&[argument]).expect(1).says(words);
        assert_eq!(site.run()["outcome"], "nothing");
    }
    // Beside others: they are fetched, and the run is not whole.
    site.fetch_only(&["deploy/none", "sts/db"]).expect(3).says("shop/deployment/none");
    assert_eq!(site.states(), "b:fetched deployment/none:failed");
    assert_eq!(site.run()["containers"][1]["failure"]["kind"], "not-found");
    site.check();
}

#[test]
fn workloads_whose_pods_cannot_be_told_or_that_have_none() {
    let site = Site::new();
    let cluster = six(&site)
        .object(object("Service", "external", json!({"spec": {"type": "ExternalName"}})))
        .object(object("CronJob", "new", json!({"spec": {}})))
        .object(object(
            "Deployment",
            "idle",
            json!({"spec": {"replicas": 0, "selector": {"matchLabels": {"n": "none"}}}}),
        ))
        .start()
        .unwrap();
    site.admit(&cluster);
    site.fetch_only(&["svc/external"]).expect(1).says("service/external has no selector").says("with -l");
    site.fetch_only(&["svc/external", "a"]).expect(3).says("shop/service/external");
    let ran = site.fetch_only(&["deploy/idle"]).expect(1);
    assert!(
        ran.stdout.contains("no pod matches its selector n=none (it is scaled to 0 replicas)"),
        "{ran:#?}"
    );
    let ran = site.fetch_only(&["cj/new", "a"]).expect(0);
    assert!(ran.stdout.contains("it has no jobs"), "{ran:#?}");
    assert_eq!(site.states(), "a:fetched cronjob/new:listed");
}

#[test]
fn with_several_namespaces_a_workload_may_lie_in_one_of_them() {
    let site = Site::new();
    for name in ["a", "b"] {
        recorded(0).copy_to(&site.volume(name));
    }
    let at =
        |namespace: &str, name: &str| Pod::new(namespace, name).label("app", "x").container(site.app(name));
    let cluster = Cluster::builder()
        .pods([at("one", "a"), at("two", "b")])
        .object(Object::new("Deployment", "two", "x", labels("app", "x")).unwrap())
        .start()
        .unwrap();
    site.admit(&cluster);
    let mut command = site.covfetch();
    crate::common::Ran::of(&command.args(["-n", "one,two", "deploy/x"]).output().unwrap()).expect(0);
    assert_eq!(site.states(), "b:fetched");
    let mut command = site.covfetch();
    crate::common::Ran::of(&command.args(["-n", "one,two", "deploy/y"]).output().unwrap())
        .expect(1)
        .says("there is no deployment/y in any of one, two");
}

/// Selector and name do not go together, as in kubectl.
#[test]
fn workloads_and_selectors_do_not_go_together() {
    let site = Site::new();
    for arguments in [
        &["deploy/x", "-l", "a=b"][..],
        &["deploy/x", "--field-selector", "a=b"],
        &["secret/x"],
        &["deploy"],
        &["deploy/../x"],
    ] {
        let ran = site.fetch_only(arguments).expect(2);
        assert!(ran.stdout.is_empty(), "{ran:#?}");
    }
}

/// A dry run lists and gets, whatever is asked for.
#[test]
fn a_dry_run_only_lists_and_gets() {
    let site = Site::new();
    let pending = Pod::new("shop", "g").label("n", "g").phase(Phase::Pending).container(site.app("g"));
    let bare = testcluster::Container::new("app").programs(crate::common::USUAL);
    let mapped = testcluster::Container::new("app").overlay(json!({
        "env": [{"name": "GOCOVERDIR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "dir"}}}],
    }));
    let cluster = every_kind(&site)
        .pod(pending)
        .pod(Pod::new("shop", "h").label("n", "h").container(bare))
        .pod(Pod::new("shop", "i").label("n", "i").container(mapped))
        .config_map("shop", "settings", [("dir", "/from/map")])
        .start()
        .unwrap();
    site.admit(&cluster);
    let arguments = ["deploy/web", "cj/nightly", "svc/front", "g", "h", "i", "--signal", "USR1", "--dry-run"];
    let ran = site.fetch_only(&arguments).expect(0);
    for words in
        ["fetch", "ask", "list", "/from/map", "pending (Unschedulable", "its spec does not set GOCOVERDIR"]
    {
        assert!(ran.stdout.contains(words), "{words}: {ran:#?}");
    }
    let ran = site.fetch_only(&[&arguments[..], &["-o", "json"]].concat()).expect(0);
    let plan: Value = serde_json::from_str(&ran.stdout).unwrap();
    let actions: Vec<&str> =
        plan["containers"].as_array().unwrap().iter().map(|one| one["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["fetch", "fetch", "fetch", "list", "ask", "fetch"]);
    assert_eq!(plan["selection"]["workloads"][0], "deployment/web");
    assert_eq!(plan["containers"][5]["source"], "/from/map");
    let requests = cluster.requests();
    assert!(!requests.is_empty());
    for request in requests {
        assert_eq!((request.method.as_str(), request.code), ("GET", 200), "{request:?}");
        assert!(!request.path.contains("/exec"), "{request:?}");
    }
    assert!(!site.store().exists());
    // What is wrong shows in the exit code as it does in a run.
    site.fetch_only(&["deploy/none", "--dry-run"]).expect(1).says("there is no Deployment none");
    site.fetch_only(&["deploy/none", "a", "--dry-run"]).expect(3);
}
