//! Lists, gets, rights and the log, by plain HTTP.

use serde_json::json;
use testcluster::{Cluster, Container, ListFault, Main, Object, Phase, Pod, Times};

use crate::support::{get, http, one_pod};

/// Pods without processes, cheap to have many of.
fn still(namespace: &str, name: &str) -> Pod {
    Pod::new(namespace, name).phase(Phase::Succeeded).container(Container::new("app").main(Main::Exited(0)))
}

fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[test]
fn a_pod_object_has_what_clients_look_at() {
    let pod = Pod::new("ns", "web")
        .label("app", "web")
        .annotation("kubectl.kubernetes.io/default-container", "app")
        .init_container(Container::new("setup"))
        .container(
            Container::new("app")
                .env("GOCOVERDIR", "/cov")
                .restart_count(2)
                .overlay(json!({"envFrom": [{"configMapRef": {"name": "settings"}}]})),
        )
        .container(Container::new("ended").main(Main::Exited(3)))
        .overlay(json!({"metadata": {"ownerReferences": [{"kind": "ReplicaSet", "name": "web-1"}]}}));
    let cluster = Cluster::builder()
        .pod(pod)
        .pod(Pod::new("ns", "waiting").phase(Phase::Pending).container(Container::new("app")))
        .pod(still("ns", "done").deleting(true))
        .start()
        .unwrap();
    let pod = get(&cluster, "/api/v1/namespaces/ns/pods/web").json();
    for (pointer, expected) in [
        ("/kind", json!("Pod")),
        ("/apiVersion", json!("v1")),
        ("/metadata/labels/app", json!("web")),
        ("/metadata/ownerReferences/0/name", json!("web-1")),
        ("/spec/nodeName", json!("node-1")),
        ("/spec/containers/0/env", json!([{"name": "GOCOVERDIR", "value": "/cov"}])),
        ("/spec/containers/0/envFrom/0/configMapRef/name", json!("settings")),
        ("/spec/initContainers/0/name", json!("setup")),
        ("/status/phase", json!("Running")),
        ("/status/containerStatuses/0/restartCount", json!(2)),
        ("/status/containerStatuses/0/ready", json!(true)),
        ("/status/containerStatuses/1/state/terminated/exitCode", json!(3)),
        ("/status/containerStatuses/1/state/terminated/reason", json!("Error")),
        ("/status/initContainerStatuses/0/state/terminated/exitCode", json!(0)),
    ] {
        assert_eq!(pod.pointer(pointer), Some(&expected), "{pointer}");
    }
    assert!(pod.pointer("/status/containerStatuses/0/state/running/startedAt").is_some());
    let waiting = get(&cluster, "/api/v1/namespaces/ns/pods/waiting").json();
    assert_eq!(waiting["status"]["phase"], "Pending");
    assert_eq!(waiting["spec"].get("nodeName"), None);
    assert_eq!(waiting["status"].get("containerStatuses"), None);
    let done = get(&cluster, "/api/v1/namespaces/ns/pods/done").json();
    assert!(done["metadata"]["deletionTimestamp"].is_string());
    assert!(pod["metadata"].get("deletionTimestamp").is_none());
}

#[test]
fn errors_are_status_objects() {
    let cluster = one_pod().start().unwrap();
    let answer = get(&cluster, "/api/v1/namespaces/ns/pods/none");
    assert_eq!(answer.code, 404);
    assert_eq!(
        answer.json(),
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "pods \"none\" not found", "reason": "NotFound",
            "details": {"name": "none", "kind": "pods"}, "code": 404,
        })
    );
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let answer = http(&cluster, "PUT", "/api/v1/namespaces/ns/pods/web", &[]);
    assert_eq!((answer.code, &answer.json()["reason"]), (405, &json!("MethodNotAllowed")));
    let answer = get(&cluster, "/api/v1/nothing");
    assert_eq!((answer.code, answer.body.as_str()), (404, "404 page not found\n"));
    // A limit of this server's own: a real one takes more.
    assert_eq!(get(&cluster, &format!("/api/v1/pods?x={}", "y".repeat(70_000))).code, 414);
    assert_eq!(get(&cluster, "/readyz").body, "ok");
    assert_eq!(get(&cluster, "/version").json()["major"], "1");
    assert_eq!(get(&cluster, "/api").json()["versions"], json!(["v1"]));
    assert_eq!(get(&cluster, "/apis").json()["groups"][0]["name"], "apps");
    assert_eq!(get(&cluster, "/apis/batch/v1").json()["resources"][1]["name"], "jobs");
    let missing = get(&cluster, "/apis/apps/v1/namespaces/ns/deployments/none").json();
    assert_eq!(missing["message"], "deployments.apps \"none\" not found");
    assert_eq!(missing["details"], json!({"name": "none", "group": "apps", "kind": "deployments"}));
    assert_eq!(get(&cluster, "/api/v1").json()["kind"], "APIResourceList");
}

#[test]
fn selectors_select() {
    let cluster = Cluster::builder()
        .pod(still("a", "web-1").label("app", "web").label("tier", "front").node("n1"))
        .pod(still("a", "web-2").label("app", "web").label("tier", "back").node("n2"))
        .pod(still("b", "db").label("app", "db").node("n1"))
        .pod(still("b", "bare").phase(Phase::Pending))
        .start()
        .unwrap();
    let all = "/api/v1/pods?";
    let cases: [(String, &[&str]); 12] = [
        (all.into(), &["a/web-1", "a/web-2", "b/bare", "b/db"]),
        ("/api/v1/namespaces/b/pods".into(), &["b/bare", "b/db"]),
        ("/api/v1/namespaces/none/pods".into(), &[]),
        (format!("{all}labelSelector=app%3Dweb"), &["a/web-1", "a/web-2"]),
        (format!("{all}labelSelector={}", encode("app in (web, db),tier!=back")), &["a/web-1", "b/db"]),
        (format!("{all}labelSelector={}", encode("app notin (web)")), &["b/bare", "b/db"]),
        (format!("{all}labelSelector={}", encode("!app")), &["b/bare"]),
        (format!("{all}labelSelector=tier"), &["a/web-1", "a/web-2"]),
        (format!("{all}fieldSelector={}", encode("spec.nodeName=n1,metadata.name!=db")), &["a/web-1"]),
        (format!("{all}fieldSelector={}", encode("metadata.namespace==b")), &["b/bare", "b/db"]),
        (format!("{all}fieldSelector={}", encode("status.phase=Pending")), &["b/bare"]),
        (
            format!(
                "{all}labelSelector=app&fieldSelector={}",
                encode("status.phase!=Running,spec.nodeName=n2")
            ),
            &["a/web-2"],
        ),
    ];
    for (target, expected) in cases {
        let answer = get(&cluster, &target);
        assert_eq!(answer.names(), expected, "{target}");
        assert_eq!(answer.json()["kind"], "PodList");
    }
    for (query, message) in [
        ("fieldSelector=spec.image%3Dx", "field label not supported: spec.image"),
        ("fieldSelector=nonsense", "invalid selector: 'nonsense'; can't understand 'nonsense'"),
        ("labelSelector=a%3Db%2C", "found '', expected: identifier after ','"),
    ] {
        let answer = get(&cluster, &format!("{all}{query}"));
        assert_eq!((answer.code, answer.message().as_str()), (400, message), "{query}");
    }
}

#[test]
fn pages_show_the_state_of_the_first_one() {
    let cluster =
        Cluster::builder().pods((1..=5).map(|number| still("ns", &format!("p{number}")))).start().unwrap();
    let page = |token: &str| get(&cluster, &format!("/api/v1/namespaces/ns/pods?limit=2&continue={token}"));
    let first = page("");
    let metadata = &first.json()["metadata"];
    assert_eq!(
        (first.names(), &metadata["remainingItemCount"]),
        (vec!["ns/p1".into(), "ns/p2".into()], &json!(3))
    );
    cluster.delete_pod("ns", "p3").unwrap();
    cluster.add_pod(still("ns", "p6")).unwrap();
    let second = page(metadata["continue"].as_str().unwrap());
    assert_eq!(second.names(), ["ns/p3", "ns/p4"]);
    assert_eq!(second.json()["metadata"]["resourceVersion"], metadata["resourceVersion"]);
    let token = second.json()["metadata"]["continue"].as_str().unwrap().to_owned();
    let third = page(&token);
    assert_eq!(third.names(), ["ns/p5"]);
    assert_eq!(third.json()["metadata"].get("continue"), None);
    assert_eq!(page("").names(), ["ns/p1", "ns/p2"]);

    cluster.expire_continue_tokens();
    let expired = page(&token);
    assert_eq!((expired.code, &expired.json()["reason"]), (410, &json!("Expired")));
    assert!(expired.message().starts_with("The provided continue parameter is too old "));
    // The answer carries a token for the rest in its newest state.
    let json = expired.json();
    let rest = page(json["metadata"]["continue"].as_str().unwrap());
    assert_eq!(rest.names(), ["ns/p5", "ns/p6"]);
    for bad in ["nonsense", "e30", "***"] {
        let answer = page(bad);
        assert_eq!(answer.code, 400, "{bad}");
        assert!(answer.message().contains("continue key is not valid"), "{}", answer.message());
    }
}

#[test]
fn with_a_selector_the_rest_is_not_counted() {
    let cluster = Cluster::builder()
        .pods((1..=5).map(|number| still("ns", &format!("p{number}")).label("odd", (number % 2).to_string())))
        .start()
        .unwrap();
    let first = get(&cluster, "/api/v1/pods?limit=2&labelSelector=odd%3D1");
    assert_eq!(first.names(), ["ns/p1", "ns/p3"]);
    let metadata = &first.json()["metadata"];
    assert_eq!(metadata.get("remainingItemCount"), None);
    let token = metadata["continue"].as_str().unwrap();
    let second = get(&cluster, &format!("/api/v1/pods?limit=2&labelSelector=odd%3D1&continue={token}"));
    assert_eq!(second.names(), ["ns/p5"]);
    // A limit below one is none.
    assert_eq!(get(&cluster, "/api/v1/pods?limit=0").names().len(), 5);
    assert_eq!(get(&cluster, "/api/v1/pods?limit=-1").names().len(), 5);
    assert_eq!(get(&cluster, "/api/v1/pods?limit=x").code, 400);
}

#[test]
fn a_list_can_fail_on_a_later_page() {
    let cluster =
        Cluster::builder().pods((1..=3).map(|number| still("ns", &format!("p{number}")))).start().unwrap();
    let fault = ListFault { page: 2, code: 429, message: "Too many requests".into(), retry_after: Some(1) };
    cluster.inject_list(fault, Times::Next(1));
    let first = get(&cluster, "/api/v1/pods?limit=1");
    assert_eq!(first.code, 200);
    let json = first.json();
    let second = format!("/api/v1/pods?limit=1&continue={}", json["metadata"]["continue"].as_str().unwrap());
    let answer = get(&cluster, &second);
    assert_eq!((answer.code, answer.header("retry-after")), (429, Some("1")));
    assert_eq!(answer.json()["details"]["retryAfterSeconds"], 1);
    assert_eq!(get(&cluster, &second).names(), ["ns/p2"]);
    cluster.overload_list(1, 3, Times::Next(1));
    let answer = get(&cluster, "/api/v1/pods?limit=1");
    assert_eq!((answer.code, answer.header("retry-after")), (429, Some("3")));
    assert_eq!(answer.body, "Too many requests, please try again later.\n");
    assert_eq!(get(&cluster, "/api/v1/pods?limit=1").code, 200);
}

#[test]
fn tokens_and_rights() {
    let cluster = Cluster::builder()
        .token("secret")
        .pod(still("a", "p"))
        .pod(still("b", "p"))
        .deny("list", "pods", Some(""))
        .deny("get", "pods", Some("b"))
        .start()
        .unwrap();
    for headers in [&[][..], &[("Authorization", "Bearer wrong")], &[("Authorization", "Basic c2VjcmV0")]] {
        let answer = http(&cluster, "GET", "/api/v1/pods", headers);
        assert_eq!((answer.code, answer.message().as_str()), (401, "Unauthorized"));
    }
    let allowed = |target: &str| http(&cluster, "GET", target, &[("Authorization", "Bearer secret")]);
    assert_eq!(allowed("/api/v1/namespaces/a/pods").code, 200);
    assert_eq!(allowed("/api/v1/namespaces/a/pods/p").code, 200);
    let answer = allowed("/api/v1/pods");
    assert_eq!(
        (answer.code, answer.message().as_str()),
        (
            403,
            "pods is forbidden: User \"system:serviceaccount:default:tester\" cannot list resource \"pods\" in API \
             group \"\" at the cluster scope"
        )
    );
    let answer = allowed("/api/v1/namespaces/b/pods/p");
    assert_eq!(answer.code, 403);
    assert!(answer.message().starts_with("pods \"p\" is forbidden: User "), "{}", answer.message());
}

#[test]
fn namespaces_and_config_maps() {
    let cluster = one_pod().config_map("ns", "settings", [("GOCOVERDIR", "/cov")]).start().unwrap();
    let names: Vec<String> = get(&cluster, "/api/v1/namespaces").json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["default", "ns"]);
    assert_eq!(get(&cluster, "/api/v1/namespaces/ns").code, 200);
    assert_eq!(get(&cluster, "/api/v1/namespaces/none").message(), "namespaces \"none\" not found");
    let map = get(&cluster, "/api/v1/namespaces/ns/configmaps/settings").json();
    assert_eq!(map["data"]["GOCOVERDIR"], "/cov");
    assert_eq!(get(&cluster, "/api/v1/namespaces/ns/configmaps/none").code, 404);
}

#[test]
fn requests_are_logged() {
    let cluster = one_pod().start().unwrap();
    get(&cluster, "/api/v1/namespaces/ns/pods?labelSelector=a%3Db");
    get(&cluster, "/nothing");
    let log = cluster.requests();
    assert_eq!(log.len(), 2);
    assert_eq!((log[0].method.as_str(), log[0].path.as_str()), ("GET", "/api/v1/namespaces/ns/pods"));
    assert_eq!((log[0].code, log[0].query_value("labelSelector").as_deref()), (200, Some("a=b")));
    assert_eq!((log[1].code, log[1].query.as_str()), (404, ""));
    cluster.clear_requests();
    assert_eq!(cluster.requests(), []);
}

#[test]
fn pods_can_change_while_the_cluster_runs() {
    let cluster = one_pod().start().unwrap();
    let before = get(&cluster, "/api/v1/namespaces/ns/pods/web").json();
    cluster.change_pod("ns", "web", |pod| pod.label("new", "yes").deleting(true)).unwrap();
    let after = get(&cluster, "/api/v1/namespaces/ns/pods/web").json();
    assert_eq!(after["metadata"]["labels"]["new"], "yes");
    assert_eq!(before["metadata"]["uid"], after["metadata"]["uid"]);
    assert_ne!(before["metadata"]["resourceVersion"], after["metadata"]["resourceVersion"]);
    assert!(cluster.add_pod(Pod::new("ns", "web")).is_err(), "the name is taken");
    cluster.delete_pod("ns", "web").unwrap();
    assert!(cluster.delete_pod("ns", "web").is_err());
    assert_eq!(get(&cluster, "/api/v1/namespaces/ns/pods/web").code, 404);
}

#[test]
fn objects_are_served_by_name_and_in_lists() {
    let deployment =
        |name: &str| Object::new("Deployment", "ns", name, json!({"spec": {"replicas": 2}})).unwrap();
    let owner = Object::new("CronJob", "ns", "nightly", json!({})).unwrap();
    let job = json!({"metadata": {"labels": {"a": "b"}, "ownerReferences": [{"uid": owner.uid()}]}});
    let cluster = Cluster::builder()
        .object(deployment("web"))
        .object(deployment("api"))
        .object(Object::new("Job", "other", "nightly-1", job).unwrap())
        .object(owner)
        .config_map("ns", "settings", [("k", "v")])
        .deny("get", "statefulsets.apps", Some("ns"))
        .start()
        .unwrap();
    let web = get(&cluster, "/apis/apps/v1/namespaces/ns/deployments/web").json();
    assert_eq!((&web["apiVersion"], &web["spec"]["replicas"]), (&json!("apps/v1"), &json!(2)));
    let list = get(&cluster, "/apis/apps/v1/deployments?limit=1");
    assert_eq!((list.json()["kind"].clone(), list.names()), (json!("DeploymentList"), vec!["ns/api".into()]));
    let token = list.json()["metadata"]["continue"].as_str().unwrap().to_owned();
    let rest = get(&cluster, &format!("/apis/apps/v1/deployments?limit=1&continue={token}"));
    assert_eq!(rest.names(), ["ns/web"]);
    let jobs = get(&cluster, "/apis/batch/v1/namespaces/other/jobs?labelSelector=a%3Db");
    assert_eq!(jobs.json()["items"][0]["metadata"]["ownerReferences"][0]["uid"], "cronjobs/ns/nightly");
    let settings = get(&cluster, "/api/v1/namespaces/ns/configmaps/settings").json();
    assert_eq!((&settings["kind"], &settings["data"]), (&json!("ConfigMap"), &json!({"k": "v"})));
    let refused = get(&cluster, "/apis/apps/v1/namespaces/ns/statefulsets/db");
    assert_eq!(
        (refused.code, refused.message().as_str()),
        (
            403,
            "statefulsets.apps \"db\" is forbidden: User \"system:anonymous\" cannot get resource \"statefulsets\" in API group \"apps\" in the namespace \"ns\""
        )
    );
    let odd = get(&cluster, "/apis/apps/v1/deployments?fieldSelector=spec.replicas%3D2");
    assert_eq!(
        odd.message(),
        "\"spec.replicas\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
    );
    assert_eq!(get(&cluster, "/apis/apps/v2/deployments").code, 404);
    assert_eq!(Object::new("Secret", "ns", "s", json!({})), None);
}

#[test]
fn with_rights_granted_all_others_are_withheld() {
    let cluster = Cluster::builder().allow("list", "pods", Some("ns")).start().unwrap();
    assert_eq!(get(&cluster, "/api/v1/namespaces/ns/pods").code, 200);
    assert_eq!(get(&cluster, "/api/v1/namespaces/other/pods").code, 403);
    assert_eq!(get(&cluster, "/api/v1/pods").code, 403);
    assert_eq!(get(&cluster, "/api/v1/namespaces/ns/pods/x").code, 403);
}
