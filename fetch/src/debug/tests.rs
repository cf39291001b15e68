//! Pods of all kinds, as JSON.
#![allow(clippy::needless_pass_by_value, reason = "the values are written down in place")]

use serde_json::{Value, json};

use super::*;

fn pod(value: Value) -> Pod {
    serde_json::from_value(value).unwrap()
}

fn target(spec: Value, status: Value) -> Target {
    Target::of(&pod(json!({"metadata": {"name": "web"}, "spec": spec, "status": status})), "app").unwrap()
}

fn running_as(context: Value, of_pod: Value, user: Value) -> Target {
    let mut status = json!({
        "name": "app", "image": "x", "imageID": "", "ready": true, "restartCount": 0,
        "containerID": "containerd://5f0c", "state": {"running": {}},
    });
    status["user"] = user;
    let spec =
        json!({"containers": [{"name": "app", "securityContext": context}], "securityContext": of_pod});
    target(spec, json!({"containerStatuses": [status]}))
}

#[test]
fn the_user_is_the_one_that_the_node_saw_else_the_one_of_the_spec() {
    let seen = json!({"linux": {"uid": 65532, "gid": 65531}});
    for (context, of_pod, user, expected) in [
        (json!({"runAsUser": 7, "runAsGroup": 8}), json!({}), seen.clone(), Some((65532, Some(65531)))),
        (json!({"runAsUser": 7, "runAsGroup": 8}), json!({"runAsUser": 1}), json!(null), Some((7, Some(8)))),
        (json!({"runAsUser": 7}), json!({"runAsUser": 1, "runAsGroup": 2}), json!(null), Some((7, Some(2)))),
        (json!({}), json!({"runAsUser": 1}), json!(null), Some((1, None))),
        (json!({"runAsNonRoot": true}), json!({}), json!(null), None),
        (json!({"runAsUser": 0}), json!({"runAsUser": 1}), json!({}), Some((0, None))),
    ] {
        let target = running_as(context, of_pod, user);
        assert_eq!(target.user, expected);
        assert_eq!(target.id(), "5f0c");
    }
}

/// As the restricted standard of Pod Security has it, and nothing that it forbids.
#[test]
fn for_a_user_it_has_no_capabilities() {
    let target = running_as(json!({"runAsUser": 7, "runAsGroup": 8}), json!({}), json!(null));
    let contexts = serde_json::to_value(target.contexts()).unwrap();
    assert_eq!(
        contexts,
        json!([{
            "runAsUser": 7, "runAsGroup": 8, "runAsNonRoot": true, "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
        }])
    );
}

#[test]
fn for_root_it_may_trace_or_else_has_what_the_target_has() {
    let own = json!({"runAsUser": 0, "capabilities": {"add": ["CHOWN"], "drop": ["ALL"]}});
    let contexts = serde_json::to_value(running_as(own, json!({}), json!(null)).contexts()).unwrap();
    let root = json!({"runAsUser": 0, "runAsGroup": 0, "runAsNonRoot": false});
    let with = |capabilities: Value| {
        let mut context = root.clone();
        context["capabilities"] = capabilities;
        context
    };
    let first = with(json!({"add": ["SYS_PTRACE"]}));
    assert_eq!(contexts, json!([first, with(json!({"add": ["CHOWN"], "drop": ["ALL"]}))]));
    // Who is not known may be anybody: only tracing helps.
    let unknown = running_as(json!({}), json!({}), json!(null));
    assert_eq!(serde_json::to_value(unknown.contexts()).unwrap(), json!([first]));
    assert!(unknown.advice().contains("runAsUser"));
}

#[test]
fn the_process_is_the_first_unless_processes_are_shared() {
    let of = |spec: Value| target(spec, json!({}));
    let plain = of(json!({"containers": [{"name": "app"}]}));
    assert_eq!((plain.process(1), plain.process(7)), (Some(1), Some(1)));
    for key in ["shareProcessNamespace", "hostPID"] {
        let shared = of(json!({"containers": [{"name": "app"}], key: true}));
        assert_eq!((shared.process(1), shared.process(7)), (None, Some(7)));
    }
}

fn with_ephemeral(spec: &Value, state: Value) -> Pod {
    let status = json!({
        "name": spec["name"], "image": "b", "imageID": "", "ready": false, "restartCount": 0, "state": state,
    });
    pod(json!({
        "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "app"}], "ephemeralContainers": [spec]},
        "status": {"ephemeralContainerStatuses": [status]},
    }))
}

#[test]
fn one_is_used_again_if_it_is_ours_and_lives_long_enough() {
    let needed = Duration::from_mins(5);
    let now: Timestamp = "2026-01-05T10:00:00Z".parse().unwrap();
    let ours = json!({
        "name": "covfetch-1", "image": "b", "command": ["sleep", "3600"], "targetContainerName": "app",
    });
    let running = |since: &str| json!({"running": {"startedAt": since}});
    let young = running("2026-01-05T09:30:00Z");
    let found = |spec: &Value, state: Value| {
        let pod = with_ephemeral(spec, state);
        Target::of(&pod, "app").unwrap().reusable(&pod, "b", needed, now).is_some()
    };
    assert!(found(&ours, young.clone()));
    assert!(found(&ours, json!({"waiting": {"reason": "ContainerCreating"}})));
    assert!(!found(&ours, running("2026-01-05T09:06:00Z")), "it ends in 6 minutes");
    assert!(!found(&ours, json!({"terminated": {"exitCode": 0}})));
    assert!(!found(&ours, json!({"waiting": {"reason": "ImagePullBackOff"}})));
    for (key, value) in [
        ("name", json!("debugger-x")),
        ("image", json!("c")),
        ("targetContainerName", json!("other")),
        ("command", json!(["sh"])),
    ] {
        let mut other = ours.clone();
        other[key] = value;
        assert!(!found(&other, young.clone()), "{key}");
    }
}

#[test]
fn a_new_one_has_a_name_of_its_own_and_an_end() {
    let pod = pod(json!({"metadata": {"uid": "u"}, "spec": {"containers": [{"name": "app"}]}}));
    let target = Target::of(&pod, "app").unwrap();
    let make = |needed| target.container(&pod, "b", needed, SecurityContext::default());
    let (first, second) = (make(Duration::from_mins(5)), make(Duration::from_hours(2)));
    assert_ne!(first.name, second.name);
    assert!(crate::dns::is_dns_label(&first.name) && first.name.len() == 19, "{}", first.name);
    assert_eq!(first.command.unwrap(), ["sleep", "3600"]);
    assert_eq!(second.command.unwrap(), ["sleep", "7440"]);
}

#[test]
fn what_became_of_it_is_told_from_its_status() {
    let spec = json!({"name": "covfetch-1", "image": "b"});
    let of = |state: Value| progress(&with_ephemeral(&spec, state), "covfetch-1");
    assert_eq!(of(json!({"running": {}})), Progress::Running);
    assert_eq!(of(json!({"waiting": {"reason": "ContainerCreating"}})), Progress::Waiting);
    // Pulled again in a moment; only the back-off after it is final.
    assert_eq!(of(json!({"waiting": {"reason": "ErrImagePull"}})), Progress::Waiting);
    assert_eq!(of(json!({})), Progress::Waiting);
    assert_eq!(progress(&with_ephemeral(&spec, json!({})), "covfetch-2"), Progress::Waiting);
    for (state, words) in [
        (
            json!({"waiting": {"reason": "ImagePullBackOff", "message": "no\u{1b}[2J"}}),
            "ImagePullBackOff: no\\u{1b}[2J",
        ),
        (json!({"waiting": {"reason": "CreateContainerConfigError"}}), "cannot start"),
        (json!({"terminated": {"exitCode": 127, "message": "exec: \"sleep\""}}), "exit code 127"),
    ] {
        let Progress::Failed(failure) = of(state) else { panic!("no failure") };
        assert_eq!(failure.kind, Kind::Helper);
        assert!(failure.message.contains(words), "{failure}");
    }
}
