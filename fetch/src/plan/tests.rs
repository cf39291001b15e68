//! Tables: a pod as the API server lists it, and the sentence and class that the plan gives it.

use serde_json::{Value as Json, json};

use super::*;

fn selection() -> Selection {
    Selection::default()
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
        Decision::Ask { .. } => ("ask", entry.note.clone().unwrap_or_default()),
        Decision::List => ("list", entry.note.clone().unwrap_or_default()),
        Decision::Mount { mount, .. } => ("mount", mount.directory.clone()),
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
            "crash loop whose last state was cleared away",
            Box::new(|pod| {
                state(pod, json!({"waiting": {"reason": "CrashLoopBackOff"}}));
                pod["status"]["containerStatuses"][0]["lastState"] = json!({});
            }),
            "fail",
            "it has run before and is not running (CrashLoopBackOff)",
        ),
        (
            "a restart whose last state was cleared away",
            Box::new(|pod| {
                state(pod, json!({"waiting": {"reason": "ContainerCreating"}}));
                pod["status"]["containerStatuses"][0]["lastState"] = json!({});
                pod["status"]["containerStatuses"][0]["restartCount"] = json!(7);
            }),
            "fail",
            "it has run before and is not running (ContainerCreating)",
        ),
        (
            "running, without a status of its containers",
            Box::new(|pod| {
                pod["status"] = json!({"phase": "Running"});
            }),
            "fetch",
            "/cov ",
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
            "ask",
            "its spec does not set GOCOVERDIR",
        ),
        (
            "variable from a ConfigMap",
            Box::new(|pod| {
                pod["spec"]["containers"][0]["env"] = json!([
                    {"name": "GOCOVERDIR", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}},
                ]);
            }),
            "ask",
            "comes from the ConfigMap m",
        ),
        (
            "variable from a Secret",
            Box::new(|pod| {
                pod["spec"]["containers"][0]["env"] = json!([
                    {"name": "GOCOVERDIR", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                ]);
            }),
            "fail",
            "comes from the Secret s, and Secrets are never read; name the directory with --from",
        ),
        (
            "ended while terminating",
            Box::new(|pod| {
                pod["metadata"]["deletionTimestamp"] = json!("2026-01-05T10:11:12Z");
                state(pod, json!({"terminated": {"exitCode": 143, "reason": "Error"}}));
            }),
            "fail",
            "crashed with exit code 143 (Error) while the pod is being deleted",
        ),
        (
            "restarted after running out of memory",
            Box::new(|pod| {
                let status = &mut pod["status"]["containerStatuses"][0];
                status["restartCount"] = json!(1);
                status["lastState"] = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
            }),
            "fetch",
            "restarted once (last: OOMKilled, exit code 137)",
        ),
        (
            "no variable and not running",
            Box::new(|pod| {
                pod["spec"]["containers"][0]["env"] = json!([]);
                state(pod, json!({"terminated": {"exitCode": 0}}));
            }),
            "list",
            "no container sets GOCOVERDIR; if",
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
        let entries = plan(&[pod(change)], &selection(), &Known::default());
        let [entry] = entries.as_slice() else { panic!("{case}: {entries:?}") };
        let (found, text) = outcome(entry);
        assert_eq!(found, class, "{case}: {text}");
        assert!(text.contains(sentence), "{case}: {text}");
        let shown = format!("{}{}{text}", entry.namespace, entry.pod);
        assert!(!shown.contains(char::is_control), "{case}: raw control bytes in {shown:?}");
    }
}

/// On a volume older counters are there, if the program wrote them.
#[test]
fn restarts_are_remarked_on_as_far_as_they_may_have_lost_something() {
    let note = |code: i32, mount: &str| {
        let restarted = |json: &mut Json| {
            let status = &mut json["status"]["containerStatuses"][0];
            status["restartCount"] = json!(2);
            status["lastState"] = json!({"terminated": {"exitCode": code}});
            json["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "cov", "mountPath": mount}]);
        };
        plan(&[pod(restarted)], &selection(), &Known::default()).remove(0).note
    };
    assert_eq!(note(0, "/cov"), None);
    assert_eq!(note(2, "/cov").as_deref(), Some("restarted 2 times (last: exit code 2)"));
    assert!(
        note(0, "/other")
            .unwrap()
            .ends_with("counters from before are here only if the directory lies on a volume")
    );
}

#[test]
fn facts_come_from_status_and_spec() {
    let entries = plan(&[pod(|_| ())], &selection(), &Known::default());
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
        (
            "by variable; the other is asked",
            pod(two_containers),
            with(&[], None),
            vec![(Some("main"), "fetch", "/cov"), (Some("proxy"), "ask", "does not set GOCOVERDIR")],
        ),
        (
            "named without variable",
            pod(two_containers),
            with(&["proxy"], None),
            vec![(Some("proxy"), "ask", "does not set GOCOVERDIR")],
        ),
        ("by pattern", pod(two_containers), with(&["m*", "x"], None), vec![(Some("main"), "fetch", "/cov")]),
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
        let entries = plan(&[pod], &selection, &Known::default());
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
    let entries = plan(&[with_init("/out")], &selection(), &Known::default());
    assert_eq!(outcome(&entries[0]).0, "fetch");
    let (class, text) = outcome(&entries[1]);
    assert_eq!(class, "list", "{text}");
    assert!(text.contains("lie on volume cov and are read through container main"), "{text}");
    let entries = plan(&[with_init("/elsewhere")], &selection(), &Known::default());
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
    let entries = plan(&[named("b", "x"), named("a", "y"), named("a", "x")], &selection(), &Known::default());
    let order: Vec<String> =
        entries.iter().map(|entry| format!("{}/{}", entry.namespace, entry.pod)).collect();
    assert_eq!(order, ["a/x", "a/y", "b/x"]);
}

/// Name, pod, selection, what processes said; expected container, class and part of the sentence.
type Asked<'a> = (&'a str, Pod, Selection, Vec<(&'a str, Answer)>, Vec<(Option<&'a str>, &'a str, &'a str)>);

/// What the processes of `main` and `proxy` said, and what becomes of the plan.
#[test]
fn answers_of_processes_settle_the_plan() {
    let two = || {
        pod(|json| {
            two_containers(json);
            json["spec"]["containers"][0]["env"] = json!([]);
        })
    };
    let elsewhere = || {
        pod(|json| {
            let key = json!({"configMapKeyRef": {"name": "m", "key": "k"}});
            json["spec"]["containers"][0]["env"] = json!([{"name": "GOCOVERDIR", "valueFrom": key}]);
        })
    };
    let directory = || Answer::Directory("/image".into());
    let mute = || Answer::NoShell;
    let failed = || Answer::Failed(Failure::new(Kind::Forbidden, "not allowed"));
    let named = || Selection { containers: vec!["proxy".into()], ..selection() };
    let cases: Vec<Asked<'_>> = vec![
        (
            "one has it",
            two(),
            selection(),
            vec![("main", directory()), ("proxy", Answer::Unset)],
            vec![(Some("main"), "fetch", "/image")],
        ),
        (
            "none has it",
            two(),
            selection(),
            vec![("main", Answer::Unset), ("proxy", mute())],
            vec![(
                None,
                "list",
                "as far as can be seen (proxy: the image has no shell to ask its process with)",
            )],
        ),
        (
            "asking failed",
            two(),
            selection(),
            vec![("main", directory()), ("proxy", failed())],
            vec![(Some("main"), "fetch", "/image"), (Some("proxy"), "fail", "not allowed (when asked")],
        ),
        (
            "named and unset",
            two(),
            named(),
            vec![("proxy", Answer::Unset)],
            vec![(Some("proxy"), "fail", "its process does not have it; name the directory with --from")],
        ),
        (
            "named and mute",
            two(),
            named(),
            vec![("proxy", mute())],
            vec![(Some("proxy"), "fail", "and the image has no shell to ask its process with; name")],
        ),
        (
            "from a ConfigMap that is not known",
            elsewhere(),
            selection(),
            vec![("main", directory())],
            vec![(Some("main"), "fetch", "/image")],
        ),
        (
            "from a ConfigMap that is not known, and mute",
            elsewhere(),
            selection(),
            vec![("main", Answer::Mute("it has no process 7".into()))],
            vec![(
                Some("main"),
                "fail",
                "the ConfigMap m, and its process cannot be asked (it has no process 7)",
            )],
        ),
    ];
    for (case, pod, selection, answers, expected) in cases {
        let answers = answers
            .into_iter()
            .map(|(container, answer)| (ContainerName::new("shop", "web", container).unwrap(), answer))
            .collect();
        let entries = plan(&[pod], &selection, &Known { answers, ..Known::default() });
        assert_eq!(entries.len(), expected.len(), "{case}: {entries:?}");
        for (entry, (container, class, sentence)) in entries.iter().zip(expected) {
            let (found, text) = outcome(entry);
            assert_eq!((entry.container.as_deref(), found), (container, class), "{case}: {text}");
            assert!(text.contains(sentence), "{case}: {text}");
        }
    }
}

/// A sidecar is an init container that runs beside the others; one that has ended is not asked.
#[test]
fn sidecars_are_read_as_the_others_are() {
    let with_sidecar = pod(|json| {
        json["spec"]["initContainers"] = json!([
            {"name": "migrate", "image": "m"},
            {"name": "mesh", "restartPolicy": "Always", "env": [{"name": "GOCOVERDIR", "value": "/mesh"}]},
        ]);
        let status = |name: &str, state: Json| json!({"name": name, "image": "", "imageID": "", "restartCount": 0, "ready": true, "state": state});
        json["status"]["initContainerStatuses"] = json!([
            status("migrate", json!({"terminated": {"exitCode": 0}})),
            status("mesh", json!({"running": {}})),
        ]);
    });
    let entries = plan(&[with_sidecar], &selection(), &Known::default());
    let found: Vec<(Option<&str>, &str)> =
        entries.iter().map(|entry| (entry.container.as_deref(), outcome(entry).0)).collect();
    assert_eq!(found, [(Some("main"), "fetch"), (Some("mesh"), "fetch")]);
}
