//! Claims and the pods that used them, as JSON.
#![allow(clippy::needless_pass_by_value, reason = "the values are written down in place")]

use super::*;

fn pod(value: Value) -> Pod {
    serde_json::from_value(value).unwrap()
}

fn claim(modes: &[&str]) -> Value {
    json!({"metadata": {"name": "data"}, "spec": {"accessModes": modes}, "status": {"phase": "Bound"}})
}

/// A pod that has the claim mounted; `context` is its container's.
fn user(name: &str, phase: &str, node: &str, created: &str, context: Value) -> Pod {
    pod(json!({
        "metadata": {"name": name, "creationTimestamp": created},
        "spec": {
            "nodeName": node,
            "securityContext": {"fsGroup": 2000},
            "containers": [
                {"name": "proxy"},
                {"name": "app", "securityContext": context, "volumeMounts": [{"name": "v", "mountPath": "/cov"}]},
            ],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}],
        },
        "status": {"phase": phase},
    }))
}

fn mount(claim: Value, pods: &[Pod], from: Option<&str>) -> Mount {
    match decide("shop", "data", &claim, pods, from) {
        Ok(Verdict::Read { name, mount }) => {
            assert_eq!(name.directory(), "shop/pvc.data/volume");
            *mount
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_volume_of_one_node_is_read_there() {
    let done =
        user("done", "Succeeded", "n1", "2026-01-01T00:00:00Z", json!({"runAsUser": 7, "runAsGroup": 8}));
    let running = user("running", "Running", "n2", "2026-01-02T00:00:00Z", json!({}));
    let pods = [done, running];
    let read = mount(claim(&["ReadWriteOnce"]), &pods, None);
    assert_eq!((read.node.as_deref(), read.user), (Some("n2"), Some((7, Some(8)))));
    assert_eq!(read.groups, [2000]);
    // Nobody has it: the scheduler knows where it can be.
    assert_eq!(mount(claim(&["ReadWriteOnce"]), &pods[..1], None).node, None);
    for mode in ["ReadWriteMany", "ReadOnlyMany"] {
        assert_eq!(mount(claim(&["ReadWriteOnce", mode]), &pods, None).node, None);
    }
    let alone = decide("shop", "data", &claim(&["ReadWriteOncePod"]), &pods, None);
    assert!(
        matches!(alone, Ok(Verdict::Fail(failure)) if failure.message.contains("pod running has the claim"))
    );
    assert_eq!(mount(claim(&["ReadWriteOncePod"]), &pods[..1], None).node, None);
}

#[test]
fn the_pod_reads_as_who_wrote_and_can_do_no_more() {
    let pods = [
        user("old", "Failed", "n", "2026-01-01T00:00:00Z", json!({"runAsUser": 7})),
        user("new", "Succeeded", "n", "2026-01-02T00:00:00Z", json!({"runAsUser": 9, "runAsGroup": 10})),
    ];
    let made = |pods: &[Pod]| {
        let mount = mount(claim(&["ReadWriteOnce"]), pods, Some("/a/./b/"));
        assert_eq!(mount.directory, "a/b");
        let contexts = mount.contexts();
        let pod = mount.pod("busybox", Duration::from_mins(9), &contexts[0]).unwrap();
        (contexts.len(), serde_json::to_value(pod).unwrap())
    };
    let (count, pod) = made(&pods);
    let context = &pod["spec"]["containers"][0]["securityContext"];
    assert_eq!((count, &context["runAsUser"], &context["runAsGroup"]), (1, &json!(9), &json!(10)), "{pod:#}");
    assert_eq!(context["capabilities"], json!({"drop": ["ALL"]}));
    assert_eq!(context["allowPrivilegeEscalation"], false);
    assert_eq!(pod["spec"]["securityContext"], json!({"supplementalGroups": [2000]}), "fsGroup would chown");
    assert_eq!(pod["spec"]["containers"][0]["volumeMounts"][0]["readOnly"], true);
    assert_eq!(
        (&pod["spec"]["activeDeadlineSeconds"], &pod["spec"]["restartPolicy"]),
        (&json!(540), &json!("Never"))
    );
    assert_eq!(pod["spec"]["automountServiceAccountToken"], false);

    let (count, pod) = made(&[]);
    let context = &pod["spec"]["containers"][0]["securityContext"];
    assert_eq!((count, &context["runAsUser"], &context["runAsNonRoot"]), (1, &json!(NOBODY), &json!(true)));
    // Where root is refused, what everybody may read can still be had.
    let root = [user("root", "Succeeded", "n", "2026-01-01T00:00:00Z", json!({"runAsUser": 0}))];
    let (count, pod) = made(&root);
    assert_eq!((count, &pod["spec"]["containers"][0]["securityContext"]["runAsUser"]), (2, &json!(0)));
}

#[test]
fn a_claim_that_cannot_be_read_says_why() {
    let with = |path: &str, value: Value| {
        let mut claim = claim(&["ReadWriteOnce"]);
        let (parent, key) = path.rsplit_once('/').unwrap();
        claim.pointer_mut(parent).unwrap()[key] = value;
        decide("shop", "data", &claim, &[], None)
    };
    assert!(with("/status/phase", json!("Pending")).unwrap_err().contains("no volume is bound"));
    for (path, value, words) in [
        ("/status/phase", json!("Lost"), "in phase Lost"),
        ("/metadata/deletionTimestamp", json!("2026-01-01T00:00:00Z"), "is being deleted"),
        ("/spec/volumeMode", json!("Block"), "block device"),
        ("/spec/accessModes", json!(7), "cannot be read"),
    ] {
        let Ok(Verdict::Fail(failure)) = with(path, value) else { panic!("{path}") };
        assert!(failure.message.contains(words), "{failure}");
    }
}

#[test]
fn a_directory_stays_on_the_volume() {
    for (from, expected) in [
        (None, Some(".")),
        (Some("."), Some(".")),
        (Some("/"), Some(".")),
        (Some("a//b/./c/"), Some("a/b/c")),
        (Some("/a b/$(x)"), Some("a b/$(x)")),
        (Some(".."), None),
        (Some("a/../../b"), None),
    ] {
        assert_eq!(directory(from).as_deref(), expected, "{from:?}");
    }
}

#[test]
fn what_is_left_behind_is_told_from_what_is_at_work() {
    let made = |phase: &str, owner: &str| {
        pod(json!({"metadata": {"annotations": {OWNER: owner}}, "status": {"phase": phase}}))
    };
    assert!(is_left_behind(&made("Failed", "")) && is_left_behind(&made("Succeeded", "x")));
    assert!(!is_left_behind(&made("Running", "elsewhere:1:2:3")));
    if let Some(this) = owner::this_process() {
        assert!(!is_left_behind(&made("Running", &this)));
        assert!(is_left_behind(&made("Running", &format!("{this}0"))));
    }
}

#[test]
fn what_became_of_the_pod_is_told_from_its_status() {
    let of = |status: Value| progress(&pod(json!({"metadata": {"name": "covfetch-1"}, "status": status})));
    let state = |state: Value| {
        json!({"phase": "Pending", "containerStatuses": [{
            "name": "reader", "image": "b", "imageID": "", "ready": false, "restartCount": 0, "state": state,
        }]})
    };
    assert_eq!(of(json!({"phase": "Pending"})), Progress::Waiting);
    assert_eq!(of(state(json!({"waiting": {"reason": "ContainerCreating"}}))), Progress::Waiting);
    assert_eq!(of(state(json!({"running": {}}))), Progress::Running);
    for (status, words) in [
        (state(json!({"waiting": {"reason": "ImagePullBackOff", "message": "no"}})), "ImagePullBackOff: no"),
        (
            state(json!({"terminated": {"exitCode": 128, "reason": "StartError"}})),
            "exit code 128 (StartError",
        ),
        (json!({"phase": "Failed", "reason": "Evicted"}), "ended (Evicted"),
    ] {
        let Progress::Failed(failure) = of(status) else { panic!("{words}") };
        assert!(failure.message.contains(words), "{failure}");
    }
    let unscheduled = pod(json!({
        "spec": {"containers": [{"name": "reader"}]},
        "status": {"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"},
        ]},
    }));
    assert_eq!(waiting_for(&unscheduled), "pending (Unschedulable: no node)");
}
