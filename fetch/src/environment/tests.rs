//! Tables: what a pod's spec and its ConfigMaps say of GOCOVERDIR.

use serde_json::{Value as Json, json};

use super::*;

fn pod(env: &Json, env_from: &Json) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": "web-0", "namespace": "shop", "uid": "u-1", "labels": {"app": "web"}},
        "spec": {"nodeName": "n1", "containers": [{"name": "main", "env": env, "envFrom": env_from}]},
        "status": {"podIP": "10.1.2.3", "podIPs": [{"ip": "10.1.2.3"}, {"ip": "fd00::1"}]}
    }))
    .unwrap()
}

/// With the ConfigMaps `m` (k=/from-map, GOCOVERDIR=/m, BASE=/base) and `n` (GOCOVERDIR=/n), and without `gone`.
fn value_of(env: &Json, env_from: &Json) -> Value {
    let mut maps = ConfigMaps::default();
    let mut hold = |name: &str, data: Json| {
        maps.insert(ConfigMapName::new("shop", name), MapState::of(&json!({ "data": data })));
    };
    hold("m", json!({"k": "/from-map", "GOCOVERDIR": "/m", "BASE": "/base", "DIR": "/prefixed"}));
    hold("n", json!({"GOCOVERDIR": "/n"}));
    maps.insert(ConfigMapName::new("shop", "gone"), MapState::Absent);
    let pod = pod(env, env_from);
    coverage_dir(&pod, &pod.spec.as_ref().unwrap().containers[0], &maps)
}

fn known(text: &str) -> Value {
    Value::Known(text.to_owned())
}

#[test]
fn expands_as_the_kubelet_does() {
    // The last column of Kubernetes' own expansion tests (expand_test.go), on the variables of this table.
    for (text, expected) in [
        ("/cov", "/cov"),
        ("$(VAR_A)", "A"),
        ("___$(VAR_B)___", "___B___"),
        ("$(VAR_A)-$(VAR_B)", "A-B"),
        ("$$(VAR_A)", "$(VAR_A)"),
        ("$$$(VAR_A)", "$A"),
        ("$(VAR_REF)", "A"),
        ("$(VAR_DNE)", "$(VAR_DNE)"),
        ("$(VAR_A", "$(VAR_A"),
        ("$VAR_A", "$VAR_A"),
        ("f00-$(VAR_A)$$", "f00-A$"),
        ("trailing$", "trailing$"),
        ("$()", "$()"),
        ("$(EMPTY)x", "x"),
        ("/c/$(POD)/$(APP)", "/c/web-0/web"),
        ("/c/$(IPS)", "/c/10.1.2.3,fd00::1"),
        ("/c/$(LATER)", "/c/$(LATER)"),
        ("$(MAPPED)/x", "/from-map/x"),
    ] {
        let field = |path: &str| json!({"fieldRef": {"fieldPath": path}});
        let env = json!([
            {"name": "VAR_A", "value": "A"}, {"name": "VAR_B", "value": "B"},
            {"name": "VAR_REF", "value": "$(VAR_A)"}, {"name": "EMPTY", "value": ""},
            {"name": "POD", "valueFrom": field("metadata.name")},
            {"name": "APP", "valueFrom": field("metadata.labels['app']")},
            {"name": "IPS", "valueFrom": field("status.podIPs")},
            {"name": "MAPPED", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}},
            {"name": "GOCOVERDIR", "value": text}, {"name": "LATER", "value": "x"},
        ]);
        assert_eq!(value_of(&env, &json!([])), known(expected), "{text}");
    }
}

#[test]
fn the_last_value_counts_and_an_empty_one_is_none() {
    let twice = json!([{"name": "GOCOVERDIR", "value": "/a"}, {"name": "GOCOVERDIR", "value": "/b"}]);
    assert_eq!(value_of(&twice, &json!([])), known("/b"));
    let empty = json!([{"name": "GOCOVERDIR", "value": ""}]);
    assert_eq!(value_of(&empty, &json!([])), Value::Unset);
    // An empty value hides the one of envFrom.
    assert_eq!(value_of(&empty, &json!([{"configMapRef": {"name": "m"}}])), Value::Unset);
    assert_eq!(value_of(&json!([]), &json!([])), Value::Unset);
}

#[test]
fn env_from_is_read_in_order_with_prefixes() {
    let from = |sources: Json| value_of(&json!([]), &sources);
    assert_eq!(from(json!([{"configMapRef": {"name": "m"}}])), known("/m"));
    assert_eq!(from(json!([{"configMapRef": {"name": "m"}}, {"configMapRef": {"name": "n"}}])), known("/n"));
    assert_eq!(from(json!([{"prefix": "GOCOVER", "configMapRef": {"name": "m"}}])), known("/prefixed"));
    assert_eq!(from(json!([{"prefix": "X_", "configMapRef": {"name": "m"}}])), Value::Unset);
    let missing =
        json!([{"configMapRef": {"name": "m"}}, {"configMapRef": {"name": "gone", "optional": true}}]);
    assert_eq!(from(missing), known("/m"));
    // env wins, and its references see envFrom.
    let through = json!([{"name": "GOCOVERDIR", "value": "$(BASE)/x"}]);
    assert_eq!(value_of(&through, &json!([{"configMapRef": {"name": "m"}}])), known("/base/x"));
}

#[test]
fn optional_keys_leave_what_was_there() {
    let key = |map: &str, key: &str, optional: bool| json!({"configMapKeyRef": {"name": map, "key": key, "optional": optional}});
    for (map, name) in [("m", "no-such-key"), ("gone", "k")] {
        let env = json!([
            {"name": "GOCOVERDIR", "value": "/first"},
            {"name": "GOCOVERDIR", "valueFrom": key(map, name, true)},
        ]);
        assert_eq!(value_of(&env, &json!([])), known("/first"), "{map} {name}");
        let env = json!([{"name": "GOCOVERDIR", "valueFrom": key(map, name, true)}]);
        assert_eq!(value_of(&env, &json!([{"configMapRef": {"name": "n"}}])), known("/n"), "{map} {name}");
        let env = json!([{"name": "GOCOVERDIR", "valueFrom": key(map, name, false)}]);
        let Value::Elsewhere(text) = value_of(&env, &json!([])) else { panic!("guessed") };
        assert!(text.contains(&format!("key {name} of ConfigMap {map}")), "{text}");
    }
}

#[test]
fn what_cannot_be_seen_is_not_guessed() {
    let secret = json!({"secretKeyRef": {"name": "s", "key": "k"}});
    let direct = json!([{"name": "GOCOVERDIR", "valueFrom": secret}]);
    assert_eq!(value_of(&direct, &json!([])), Value::Secret("the Secret s".into()));
    let through =
        json!([{"name": "BASE", "valueFrom": secret}, {"name": "GOCOVERDIR", "value": "$(BASE)/cov"}]);
    assert_eq!(value_of(&through, &json!([])), Value::Secret("the Secret s".into()));
    let unknown = json!([{"name": "GOCOVERDIR", "value": "$(UNKNOWN)/cov"}]);
    let secrets = json!([{"secretRef": {"name": "s"}}]);
    assert!(matches!(value_of(&unknown, &secrets), Value::Elsewhere(text) if text.contains("a Secret")));
    // A Secret behind the ConfigMap may win; one before it cannot.
    let behind = json!([{"configMapRef": {"name": "m"}}, {"secretRef": {"name": "s"}}]);
    assert!(matches!(value_of(&json!([]), &behind), Value::Elsewhere(text) if text.contains("Secret s")));
    let before = json!([{"secretRef": {"name": "s"}}, {"configMapRef": {"name": "m"}}]);
    assert_eq!(value_of(&json!([]), &before), known("/m"));
    let service = json!([{"name": "GOCOVERDIR", "value": "/c/$(WEB_SERVICE_HOST)"}]);
    assert!(matches!(value_of(&service, &json!([])), Value::Elsewhere(_)));
    let resource =
        json!([{"name": "GOCOVERDIR", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}]);
    assert!(matches!(value_of(&resource, &json!([])), Value::Elsewhere(_)));
}

/// Each variable is twice the one before: the last one would be larger than any memory.
#[test]
fn values_that_repeat_each_other_stay_small() {
    let mut env = vec![json!({"name": "V0", "value": "xxxxxxxx"})];
    for index in 1..80 {
        let before = index - 1;
        env.push(json!({"name": format!("V{index}"), "value": format!("$(V{before})$(V{before})")}));
    }
    env.push(json!({"name": "GOCOVERDIR", "value": "/c/$(V79)"}));
    assert!(matches!(value_of(&json!(env), &json!([])), Value::Elsewhere(text) if text.contains("bytes")));
    // In what nobody refers to, it does not matter.
    env.pop();
    env.push(json!({"name": "GOCOVERDIR", "value": "/c"}));
    assert_eq!(value_of(&json!(env), &json!([])), known("/c"));
}

#[test]
fn only_config_maps_that_matter_are_asked_for() {
    let wanted = |env: Json, env_from: Json| {
        let pod = pod(&env, &env_from);
        let names = ConfigMaps::default().wanted([&pod], &|_| true);
        names
            .into_iter()
            .map(|name| format!("{}/{}", name.namespace, name.name))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let key = |map: &str| json!({"configMapKeyRef": {"name": map, "key": "k"}});
    let env = json!([{"name": "OTHER", "valueFrom": key("a")}, {"name": "GOCOVERDIR", "value": "/cov"}]);
    assert_eq!(wanted(env, json!([{"configMapRef": {"name": "b"}}])), "");
    let env = json!([{"name": "OTHER", "valueFrom": key("a")}, {"name": "GOCOVERDIR", "value": "$(OTHER)"}]);
    assert_eq!(wanted(env, json!([])), "shop/a");
    assert_eq!(wanted(json!([]), json!([{"configMapRef": {"name": "b"}}])), "shop/b");
    // A prefix that GOCOVERDIR does not begin with rules the ConfigMap out.
    assert_eq!(wanted(json!([]), json!([{"prefix": "X_", "configMapRef": {"name": "b"}}])), "");
    assert!(!ConfigMapName::new("shop", "../../secrets/s").is_sound());
    assert!(ConfigMapName::new("shop", "settings.v1").is_sound());
}
