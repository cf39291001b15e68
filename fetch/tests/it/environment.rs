//! Where GOCOVERDIR is looked for: ConfigMaps, and the environment of the process.

use serde_json::json;
use testcluster::{Container, Main, Object};

use crate::common::{Site, USUAL, cluster, pod, recorded};

fn config_map_key(name: &str, optional: bool) -> serde_json::Value {
    let key = json!({"configMapKeyRef": {"name": name, "key": "dir", "optional": optional}});
    json!({"env": [{"name": "GOCOVERDIR", "valueFrom": key}]})
}

#[test]
fn config_maps_are_read() {
    let site = Site::new();
    for name in ["key", "from", "ref"] {
        recorded(0).copy_to(&site.volume(name));
    }
    let data = |name: &str| json!({"data": {"dir": site.volume(name), "OVERDIR": site.volume("from")}});
    let map = |name: &str, of: &str| Object::new("ConfigMap", "shop", name, data(of)).unwrap();
    let container = |name: &str| Container::new("app").dir(site.volume(name)).programs(USUAL);
    let cluster = cluster()
        .object(map("settings", "key"))
        .pod(pod("key", container("key").overlay(config_map_key("settings", false))))
        .pod(pod(
            "from",
            container("from").overlay(json!({"envFrom": [
                {"prefix": "GOC", "configMapRef": {"name": "settings"}},
                {"configMapRef": {"name": "missing", "optional": true}},
            ]})),
        ))
        .pod(pod(
            "ref",
            container("ref").overlay(json!({
                "envFrom": [{"configMapRef": {"name": "settings"}}],
                "env": [{"name": "GOCOVERDIR", "value": "$(dir)/../ref"}],
            })),
        ))
        .start()
        .unwrap();
    site.admit(&cluster);
    site.fetch(&[]).expect(0);
    assert_eq!(site.states(), "from:fetched key:fetched ref:fetched");
    assert_eq!(site.record("key")["source"], site.volume("key").to_str().unwrap());
    assert_eq!(site.record("from")["source"], site.volume("from").to_str().unwrap());
    let read = |name: &str| {
        cluster.requests().iter().filter(|one| one.path.ends_with(&format!("/configmaps/{name}"))).count()
    };
    // Each once, however many pods name it.
    assert_eq!((read("settings"), read("missing")), (1, 1));
    site.check();
}

/// With --from nobody needs to know what the ConfigMap says.
#[test]
fn config_maps_are_left_alone_where_they_do_not_matter() {
    let site = Site::new();
    recorded(0).copy_to(&site.volume("web"));
    let container = Container::new("app").dir(site.volume("web")).programs(USUAL);
    let cluster = cluster()
        .pod(pod("web", container.overlay(config_map_key("settings", false))))
        .deny("get", "configmaps", None)
        .start()
        .unwrap();
    site.admit(&cluster);
    site.fetch(&["--from", "."]).expect(0);
    assert!(cluster.requests().iter().all(|request| !request.path.contains("configmaps")));
}

#[test]
fn a_config_map_that_may_not_be_read_is_named_with_the_right() {
    let site = Site::new();
    let cluster = cluster()
        .config_map("shop", "settings", [("dir", "/cov")])
        .pod(pod("web", Container::new("app").overlay(config_map_key("settings", false))))
        .pod(pod("odd", Container::new("app").overlay(config_map_key("../secrets/x", false))))
        .deny("get", "configmaps", None)
        .start()
        .unwrap();
    site.admit(&cluster);
    // The image has no shell, so that its process cannot tell either.
    site.fetch(&[])
        .expect(3)
        .says("GOCOVERDIR comes from key dir of ConfigMap settings")
        .says("the verb get on configmaps in namespace shop")
        .says("name the directory with --from")
        .says("\"../secrets/x\" cannot be the name of a ConfigMap")
        .says("resources: [configmaps], verbs: [get]} # missing");
    assert_eq!(site.record("web")["failure"]["kind"], "no-coverage-dir");
    assert!(cluster.requests().iter().all(|request| !request.path.contains("secrets")));
}

#[test]
fn secrets_are_never_read() {
    let site = Site::new();
    let secret = json!({"secretKeyRef": {"name": "s", "key": "k"}});
    let container = Container::new("app").programs(USUAL);
    let cluster = cluster()
        .pod(pod("web", container.overlay(json!({"env": [{"name": "GOCOVERDIR", "valueFrom": secret}]}))))
        .start()
        .unwrap();
    site.admit(&cluster);
    site.fetch(&[]).expect(3).says("Secrets are never read; name the directory with --from");
    assert!(cluster.requests().iter().all(|request| !request.path.contains("secrets")));
}

/// What a process has in its environment and the pod's spec does not show, as if the image had set it.
#[test]
fn the_process_is_asked_where_the_spec_does_not_tell() {
    let site = Site::new();
    let programs = USUAL.into_iter().chain(["tr", "sed", "cat"]);
    let image = |name: &str, value: &str| {
        let volume = site.volume(name);
        let idle = format!("cd {}; while :; do sleep 1; done", volume.display());
        let main = ["env", &format!("GOCOVERDIR={value}"), "sh", "-c", &idle].map(str::to_owned);
        let main = Main::Program(main.to_vec());
        pod(name, Container::new("app").dir(&volume).programs(programs.clone()).main(main))
    };
    let data = site.volume("absolute");
    let cluster = cluster()
        .pod(image("absolute", data.to_str().unwrap()))
        .pod(image("relative", "cov"))
        .pod(image("unset", ""))
        .start()
        .unwrap();
    if !cluster.has_namespaces() {
        let required = std::env::var("COVDATA_REQUIRE_ORACLES").as_deref() == Ok("1");
        assert!(!required, "PID namespaces are required");
        eprintln!("skipped: without PID namespaces /proc is the host's");
        return;
    }
    recorded(0).copy_to(&data);
    std::fs::create_dir(site.volume("relative").join("cov")).unwrap();
    recorded(1).copy_to(&site.volume("relative").join("cov"));
    site.admit(&cluster);
    let ran = site.fetch(&[]).expect(0);
    assert!(ran.stdout.contains("no container sets GOCOVERDIR"), "{ran:#?}");
    assert_eq!(site.states(), "absolute:fetched relative:fetched unset:listed");
    assert_eq!(site.record("relative")["source"], "/proc/1/cwd/cov");
    // Asked for by name, not to have one is a failure.
    site.fetch(&["-c", "ap*"]).expect(3).says("its process does not have it; name the directory with --from");
    site.check();
}

#[test]
fn a_process_that_may_not_be_asked_is_a_failure() {
    let site = Site::new();
    recorded(0).copy_to(&site.volume("web"));
    let cluster = cluster()
        .pod(pod("plain", Container::new("app").programs(USUAL)))
        .deny("create", "pods/exec", None)
        .start()
        .unwrap();
    site.admit(&cluster);
    site.fetch(&[]).expect(3).says("when asked for its GOCOVERDIR").says("pods/exec in namespace shop");
    assert_eq!(site.record("plain")["failure"]["kind"], "forbidden");
}
