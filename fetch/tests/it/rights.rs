//! `docs/rbac.yaml` against what the program really asks for: enough, and nothing that could be left out.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testcluster::{Cluster, ClusterBuilder, Container, LoggedRequest, Pod};

use crate::common::{Ran, Site, USUAL, recorded, testdata};
use crate::debug::{IMAGE, bare, with_image};
use crate::workloads::every_kind;

/// A verb, and a resource with its group.
type Right = (String, String);

/// The rights of the manifest, each with one verb.
fn documented() -> Vec<Right> {
    let path = testdata().parent().unwrap().join("docs/rbac.yaml");
    let role: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let texts = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let rules = role["rules"].as_array().unwrap();
    let mut rights = Vec::new();
    for rule in rules {
        let (groups, resources) = (texts(&rule["apiGroups"]), texts(&rule["resources"]));
        let ([group], [resource]) = (&groups[..], &resources[..]) else { panic!("one right a line: {rule}") };
        let name = if group.is_empty() { resource.clone() } else { format!("{resource}.{group}") };
        rights.extend(texts(&rule["verbs"]).into_iter().map(|verb| (verb, name.clone())));
    }
    rights
}

/// A command line that uses everything, and the pods for it.
const EVERYTHING: [&str; 15] = [
    "deploy/web",
    "sts/db",
    "ds/log",
    "rs/old",
    "cj/nightly",
    "job/nightly-1",
    "svc/front",
    "pod/a",
    "pod/mapped",
    "pod/bare",
    "--debug-image",
    IMAGE,
    "pvc/left",
    "--helper-image",
    IMAGE,
];

fn everything(site: &Site) -> ClusterBuilder {
    let volume = site.volume("mapped");
    recorded(0).copy_to(&volume);
    let key = json!({"configMapKeyRef": {"name": "settings", "key": "dir"}});
    let container = Container::new("app")
        .dir(&volume)
        .programs(USUAL)
        .overlay(json!({"env": [{"name": "GOCOVERDIR", "valueFrom": key}]}));
    recorded(0).copy_to(&site.volume("bare"));
    let bare = Pod::new("shop", "bare").container(bare(site, "bare"));
    recorded(0).copy_to(&site.volume("left"));
    let builder = with_image(every_kind(site)).pod(bare);
    let builder = builder.claim("shop", "left", "ReadWriteMany", site.volume("left"));
    builder.pod(Pod::new("shop", "mapped").container(container)).config_map(
        "shop",
        "settings",
        [("dir", volume.to_str().unwrap())],
    )
}

/// The run, the one with a request to a port if that went well, and what they asked for.
fn run_with(rights: &[Right]) -> (Site, Ran, Option<Ran>, Vec<LoggedRequest>) {
    let site = Site::new();
    let allowed =
        |builder: ClusterBuilder, (verb, resource): &Right| builder.allow(verb, resource, Some("shop"));
    let cluster = rights.iter().fold(everything(&site), allowed).start().unwrap();
    site.admit(&cluster);
    let ran = site.fetch_only(&EVERYTHING);
    // Nobody listens there; what is asked of the API server is the same.
    let forward = (ran.code == 0).then(|| site.fetch_only(&["pod/a", "--flush-url", ":9/"]));
    (site, ran, forward, cluster.requests())
}

/// The right that a request is checked for, by its method and path.
fn right_of(request: &LoggedRequest) -> Right {
    let verb = match request.method.as_str() {
        "PATCH" => Some("patch"),
        "POST" => Some("create"),
        "DELETE" => Some("delete"),
        _ => None,
    };
    if let Some(verb) = verb {
        let below = if verb == "patch" { "/ephemeralcontainers" } else { "" };
        assert!(request.path.ends_with(below), "{request:?}");
        return (verb.to_owned(), format!("pods{below}"));
    }
    assert_eq!(request.method, "GET", "{request:?}");
    let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    let (group, rest) = match parts[..] {
        ["api", "v1", ref rest @ ..] => ("", rest),
        ["apis", group, "v1", ref rest @ ..] => (group, rest),
        _ => panic!("{request:?}"),
    };
    let ["namespaces", "shop", ref rest @ ..] = *rest else { panic!("{request:?}") };
    let (verb, resource) = match *rest {
        [plural] => ("list", plural.to_owned()),
        [plural, _] => ("get", plural.to_owned()),
        [plural, _, below] => ("get", format!("{plural}/{below}")),
        _ => panic!("{request:?}"),
    };
    let resource = if group.is_empty() { resource } else { format!("{resource}.{group}") };
    (verb.to_owned(), resource)
}

/// Whether a debug container can look into another one here; without PID namespaces there is nothing to look through.
fn can_look() -> bool {
    let can = Cluster::builder().start().unwrap().has_namespaces();
    if !can {
        println!("skipped: no PID namespaces");
    }
    can
}

#[test]
fn the_documented_role_is_enough_and_all_of_it_is_used() {
    if !can_look() {
        return;
    }
    let rights = documented();
    let (site, ran, forward, requests) = run_with(&rights);
    ran.expect(0);
    forward.unwrap().expect(3).says("port 9 of the pod cannot be reached");
    site.check();
    let mut used: BTreeSet<Right> = requests.iter().map(right_of).collect();
    // Checked on top of the GET of an exec; no request of its own.
    used.insert(("create".into(), "pods/exec".into()));
    used.insert(("create".into(), "pods/portforward".into()));
    assert_eq!(used, rights.into_iter().collect());
}

#[test]
fn without_any_one_of_the_rights_it_is_named_and_the_role_that_grants_it_printed() {
    if !can_look() {
        return;
    }
    let rights = documented();
    for (index, (verb, resource)) in rights.iter().enumerate() {
        let mut fewer = rights.clone();
        fewer.remove(index);
        let (_site, ran, forward, _) = run_with(&fewer);
        let ran = forward.unwrap_or(ran);
        let both = ["pods/exec", "pods/portforward"].contains(&resource.as_str());
        let verbs = if both { "the verbs get and create" } else { &format!("the verb {verb}") };
        let ran = ran.says(&format!("{verbs} on {resource} in namespace shop"));
        let plural = resource.split('.').next().unwrap();
        let verbs = if both { "get, create" } else { verb };
        let line = format!("resources: [{plural}], verbs: [{verbs}]}} # missing");
        let ran = ran.says("kind: Role").says(&line).says("kubectl create rolebinding");
        assert!(matches!(ran.code, 2 | 3), "{verb} {resource}: {ran:#?}");
        assert_eq!(ran.stderr.matches("# missing").count(), 1, "{ran:#?}");
    }
}

/// The printed role is YAML, and with `-A` it is one for the whole cluster.
#[test]
fn the_printed_role_can_be_applied() {
    let site = Site::new();
    let cluster = everything(&site).deny("list", "pods", None).start().unwrap();
    site.admit(&cluster);
    for (arguments, kind) in [(&["-n", "shop"][..], "Role"), (&["-A"], "ClusterRole")] {
        let ran = Ran::of(&site.covfetch().args(arguments).output().unwrap()).expect(2);
        let begin = ran.stderr.find("apiVersion:").unwrap();
        let end = begin + ran.stderr[begin..].find("error:").unwrap_or(ran.stderr.len() - begin);
        let role: Value = serde_saphyr::from_str(&ran.stderr[begin..end]).unwrap();
        assert_eq!((&role["kind"], &role["metadata"]["name"]), (&json!(kind), &json!("covfetch")));
        let rules = role["rules"].as_array().unwrap();
        assert_eq!(rules.len(), 2, "list and exec: {role:#}");
        assert_eq!(rules[0], json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}));
    }
}
