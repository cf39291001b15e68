//! Tables: a pod as the API server lists it, and the sentence and class that the plan gives it.

use serde_json::{Value as Json, json};

use super::*;

fn selection() -> Selection {
    Selection { namespaces: None, labels: None, fields: None, containers: Vec::new(), from: None }
}

/// A running pod `shop/web` with one container `main` that sets GOCOVERDIR, changed by `change`.
fn pod(change: impl FnOnce(&mut Json)) -> Pod {
    let mut json = json!({
        "metadata": {"name": "web", "namespace": "shop", "uid": "u-1"},
        "spec": {"nodeName": "n1", "containers": [
            {"name": "main", "image": "web:1", "env": [{"name": "GOCOVERDIR", "value": "/cov"}]},
        ]},
        "status": {"phase": "Running", "containerStatuses": [
            {"name": "main", "image": "r/web:1", "imageID": "r/web@sha256:1", "restartCount": 0, "ready": true,
             "state": {"running": {}}},
        ]},
    });
    change(&mut json);
    serde_json::from_value(json).unwrap()
}

fn state(json: &mut Json, state: Json) {
    json["status"]["containerStatuses"][0]["state"] = state;
}

/// One word for the class, and the sentence.
fn outcome(entry: &Entry) -> (&'static str, String) {
    match &entry.decision {
        Decision::Fetch { source, .. } => {
            ("fetch", format!("{source} {}", entry.note.clone().unwrap_or_default()))
        }
        Decision::List => ("list", entry.note.clone().unwrap_or_default()),
        Decision::Fail(failure) => ("fail", failure.message.clone()),
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn each_state_of_a_pod_has_its_class_and_sentence() {
    type Change = Box<dyn FnOnce(&mut Json)>;
    let cases: Vec<(&str, Change, &str, &str)> = vec![
        ("running", Box::new(|_| ()), "fetch", "/cov "),
        (
            "terminating, still running",
            Box::new(|pod| pod["metadata"]["deletionTimestamp"] = json!("2026-01-05T10:11:12Z")),
            "fetch",
            "being deleted",
        ),
        (
            "restarted",
            Box::new(|pod| pod["status"]["containerStatuses"][0]["restartCount"] = json!(3)),
            "fetch",
            "restarted 3 times",
        ),
        (
            "completed",
            Box::new(|pod| {
                pod["status"]["phase"] = json!("Succeeded");
                state(pod, json!({"terminated": {"exitCode": 0, "reason": "Completed"}}));
            }),
            "fail",
            "completed with exit code 0 (Completed)",
        ),
        (
            "crashed",
            Box::new(|pod| {
                pod["status"]["phase"] = json!("Failed");
                state(pod, json!({"terminated": {"exitCode": 2, "reason": "Error"}}));
            }),
            "fail",
            "crashed with exit code 2 (Error)",
        ),
        (
            "crash loop",
            Box::new(|pod| {
                state(pod, json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}));
                pod["status"]["containerStatuses"][0]["lastState"] = json!({"terminated": {"exitCode": 1}});
            }),
            "fail",
            "crashed with exit code 1 and is not running (CrashLoopBackOff: back-off 10s)",
        ),
        (
            "image cannot be pulled",
            Box::new(|pod| {
                pod["status"]["phase"] = json!("Pending");
                state(pod, json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}));
            }),
            "list",
            "pending (ImagePullBackOff: no such image)",
        ),
        (
            "not scheduled",
            Box::new(|pod| {
                pod["status"] = json!({"phase": "Pending", "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"},
                ]});
            }),
            "list",
            "pending (Unschedulable: 0/3 nodes)",
        ),
        (
            "evicted",
            Box::new(|pod| {
                pod["status"] = json!({"phase": "Failed", "reason": "Evicted", "message": "low on memory"});
            }),
            "fail",
            "failed (Evicted: low on memory)",
        ),
        (
            "node lost",
            Box::new(|pod| pod["status"]["phase"] = json!("Unknown")),
            "fail",
            "the node does not answer",
        ),
        (
            "no variable",
            Box::new(|pod| pod["spec"]["containers"][0]["env"] = json!([])),
            "list",
            "no container sets GOCOVERDIR; if",
        ),
        (
            "no variable, but envFrom",
            Box::new(|pod| {
                pod["spec"]["containers"][0]["env"] = json!([]);
                pod["spec"]["containers"][0]["envFrom"] = json!([{"configMapRef": {"name": "m"}}]);
            }),
            "list",
            "envFrom is not read",
        ),
        (
            "variable from a ConfigMap",
            Box::new(|pod| {
                pod["spec"]["containers"][0]["env"] = json!([
                    {"name": "GOCOVERDIR", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}},
                ]);
            }),
            "fail",
            "comes from key k of ConfigMap m; name the directory with --from",
        ),
        (
            "a name that is no name",
            Box::new(|pod| pod["metadata"]["name"] = json!("../../etc")),
            "fail",
            "which Kubernetes does not allow",
        ),
        (
            "a name that moves the cursor",
            Box::new(|pod| pod["metadata"]["namespace"] = json!("a\u{1b}[2Jb")),
            "fail",
            "which Kubernetes does not allow",
        ),
    ];
    for (case, change, class, sentence) in cases {
        let entries = plan(&[pod(change)], &selection());
        let [entry] = entries.as_slice() else { panic!("{case}: {entries:?}") };
        let (found, text) = outcome(entry);
        assert_eq!(found, class, "{case}: {text}");
        assert!(text.contains(sentence), "{case}: {text}");
        let shown = format!("{}{}{text}", entry.namespace, entry.pod);
        assert!(!shown.contains(char::is_control), "{case}: raw control bytes in {shown:?}");
    }
}

#[test]
fn facts_come_from_status_and_spec() {
    let entries = plan(&[pod(|_| ())], &selection());
    let facts = Facts {
        pod_uid: Some("u-1".into()),
        node: Some("n1".into()),
        image: Some("r/web:1".into()),
        image_id: Some("r/web@sha256:1".into()),
        restart_count: Some(0),
    };
    assert_eq!(entries[0].facts, facts);
    assert_eq!(entries[0].container.as_deref(), Some("main"));
}

/// Name, pod, selection; expected container, class and part of the sentence.
type Case<'a> = (&'a str, Pod, Selection, Vec<(Option<&'a str>, &'a str, &'a str)>);

fn two_containers(json: &mut Json) {
    let second = json!({"name": "proxy", "image": "proxy:1"});
    json["spec"]["containers"].as_array_mut().unwrap().push(second);
    let running = json!({"name": "proxy", "image": "proxy:1", "imageID": "", "restartCount": 0, "ready": true,
        "state": {"running": {}}});
    json["status"]["containerStatuses"].as_array_mut().unwrap().push(running);
}

#[test]
fn containers_are_chosen_by_name_by_variable_or_by_directory() {
    let no_variable = |json: &mut Json| {
        two_containers(json);
        json["spec"]["containers"][0]["env"] = json!([]);
    };
    let annotated = |json: &mut Json| {
        no_variable(json);
        json["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/default-container": "main"});
    };
    let with = |containers: &[&str], from: Option<&str>| Selection {
        containers: containers.iter().map(|&name| name.to_owned()).collect(),
        from: from.map(str::to_owned),
        ..selection()
    };
    let cases: Vec<Case<'_>> = vec![
        ("by variable", pod(two_containers), with(&[], None), vec![(Some("main"), "fetch", "/cov")]),
        (
            "named without variable",
            pod(two_containers),
            with(&["proxy"], None),
            vec![(Some("proxy"), "fail", "does not set GOCOVERDIR; name the directory with --from")],
        ),
        (
            "both named",
            pod(two_containers),
            with(&["proxy", "main"], Some("/x")),
            vec![(Some("main"), "fetch", "/x"), (Some("proxy"), "fetch", "/x")],
        ),
        (
            "unknown name",
            pod(two_containers),
            with(&["db"], None),
            vec![(None, "list", "no container is named db")],
        ),
        (
            "directory wins over variable",
            pod(|_| ()),
            with(&[], Some("/x")),
            vec![(Some("main"), "fetch", "/x")],
        ),
        (
            "directory, ambiguous",
            pod(no_variable),
            with(&[], Some("/x")),
            vec![(None, "fail", "has 2 containers (main, proxy): say which with -c")],
        ),
        (
            "directory, default container",
            pod(annotated),
            with(&[], Some("/x")),
            vec![(Some("main"), "fetch", "/x")],
        ),
    ];
    for (case, pod, selection, expected) in cases {
        let entries = plan(&[pod], &selection);
        assert_eq!(entries.len(), expected.len(), "{case}: {entries:?}");
        for (entry, (container, class, sentence)) in entries.iter().zip(expected) {
            let (found, text) = outcome(entry);
            assert_eq!((entry.container.as_deref(), found), (container, class), "{case}: {text}");
            assert!(text.contains(sentence), "{case}: {text}");
        }
    }
}

/// An init container that has finished and wrote to a volume which the main container reads is no loss.
#[test]
fn a_finished_container_is_read_through_a_volume_if_another_shares_it() {
    let with_init = |path: &str| {
        pod(|json| {
            let mount = json!([{"name": "cov", "mountPath": "/cov"}]);
            json["spec"]["containers"][0]["volumeMounts"] = mount;
            json["spec"]["initContainers"] = json!([{
                "name": "migrate",
                "env": [{"name": "GOCOVERDIR", "value": path}],
                "volumeMounts": [{"name": "cov", "mountPath": "/out"}],
            }]);
            json["status"]["initContainerStatuses"] = json!([{
                "name": "migrate", "image": "", "imageID": "", "restartCount": 0, "ready": true,
                "state": {"terminated": {"exitCode": 0}},
            }]);
        })
    };
    let entries = plan(&[with_init("/out")], &selection());
    assert_eq!(outcome(&entries[0]).0, "fetch");
    let (class, text) = outcome(&entries[1]);
    assert_eq!(class, "list", "{text}");
    assert!(text.contains("lie on volume cov and are read through container main"), "{text}");
    let entries = plan(&[with_init("/elsewhere")], &selection());
    assert_eq!(outcome(&entries[1]).0, "fail");
}

#[test]
fn entries_are_sorted() {
    let named = |namespace: &str, name: &str| {
        pod(|json| {
            json["metadata"]["namespace"] = json!(namespace);
            json["metadata"]["name"] = json!(name);
        })
    };
    let entries = plan(&[named("b", "x"), named("a", "y"), named("a", "x")], &selection());
    let order: Vec<String> =
        entries.iter().map(|entry| format!("{}/{}", entry.namespace, entry.pod)).collect();
    assert_eq!(order, ["a/x", "a/y", "b/x"]);
}
