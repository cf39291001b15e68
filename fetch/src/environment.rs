//! The value of GOCOVERDIR as the kubelet would hand it to a container, from the pod object alone.
//!
//! Follows `makeEnvironmentVariables` of Kubernetes' `pkg/kubelet/kubelet_pods.go` and its variable expansion
//! (`third_party/forked/golang/expansion`). What is not in the pod object (a ConfigMap, a Secret, the image) is not guessed.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, EnvVarSource, Pod};

/// The variable that tells a Go program built with -cover where to write.
pub const COVERAGE_VARIABLE: &str = "GOCOVERDIR";

/// What the pod object says about a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// This is its value.
    Known(String),
    /// It is set from somewhere that the pod object does not show; the text says from where.
    Elsewhere(String),
    /// The pod object does not set it, or sets it to nothing.
    Unset,
}

/// The value of GOCOVERDIR in a container.
pub fn coverage_dir(pod: &Pod, container: &Container) -> Value {
    let mut values: BTreeMap<&str, Value> = BTreeMap::new();
    let others_come_first = container.env_from.as_ref().is_some_and(|sources| !sources.is_empty());
    for variable in container.env.iter().flatten() {
        let value = match (variable.value.as_deref(), &variable.value_from) {
            (Some(text), _) if !text.is_empty() => {
                expand(text, |name| lookup(&values, name, others_come_first))
            }
            (_, Some(source)) => from_source(pod, source),
            _ => Value::Known(String::new()),
        };
        values.insert(&variable.name, value);
    }
    match values.remove(COVERAGE_VARIABLE) {
        None => Value::Unset,
        Some(Value::Known(text)) if text.is_empty() => Value::Unset,
        Some(value) => value,
    }
}

/// Whether a variable of the pod object's `envFrom` might set GOCOVERDIR.
pub fn may_come_from_elsewhere(container: &Container) -> bool {
    container.env_from.as_ref().is_some_and(|sources| !sources.is_empty())
}

fn lookup(values: &BTreeMap<&str, Value>, name: &str, others_come_first: bool) -> Value {
    if let Some(value) = values.get(name) {
        return value.clone();
    }
    // The kubelet leaves a reference to a variable that does not exist as it stands. Whether a variable of
    // envFrom or of a service exists cannot be seen here.
    let of_service = name.ends_with("_HOST") || name.contains("_PORT") || name.contains("_SERVICE_");
    if others_come_first || of_service {
        return Value::Elsewhere(format!("$({name}), which the pod's env does not define"));
    }
    Value::Known(format!("$({name})"))
}

fn from_source(pod: &Pod, source: &EnvVarSource) -> Value {
    if let Some(field) = &source.field_ref {
        return field_of(pod, &field.field_path);
    }
    if let Some(map) = &source.config_map_key_ref {
        return Value::Elsewhere(format!("key {} of ConfigMap {}", map.key, map.name));
    }
    if let Some(secret) = &source.secret_key_ref {
        return Value::Elsewhere(format!("a Secret ({}), which is never read", secret.name));
    }
    Value::Elsewhere("a source other than the pod's env".to_owned())
}

/// A downward-API field, as far as the pod object has it.
fn field_of(pod: &Pod, path: &str) -> Value {
    let meta = &pod.metadata;
    let spec = pod.spec.as_ref();
    let status = pod.status.as_ref();
    let keyed = |name: &str| {
        let key = path.strip_prefix(name)?.strip_prefix("['")?.strip_suffix("']")?;
        let map = if name.ends_with("labels") { &meta.labels } else { &meta.annotations };
        // The kubelet gives an absent key the empty value.
        Some(map.as_ref().and_then(|map| map.get(key)).cloned().unwrap_or_default())
    };
    let value = match path {
        "metadata.name" => meta.name.clone(),
        "metadata.namespace" => meta.namespace.clone(),
        "metadata.uid" => meta.uid.clone(),
        "spec.nodeName" => spec.and_then(|spec| spec.node_name.clone()),
        "spec.serviceAccountName" => spec.and_then(|spec| spec.service_account_name.clone()),
        "status.podIP" => status.and_then(|status| status.pod_ip.clone()),
        "status.hostIP" => status.and_then(|status| status.host_ip.clone()),
        _ => keyed("metadata.labels").or_else(|| keyed("metadata.annotations")),
    };
    value.map_or_else(|| Value::Elsewhere(format!("the field {path}")), Value::Known)
}

/// Replaces `$(NAME)` by the variable's value and `$$` by `$`; any other `$` stands for itself.
fn expand(text: &str, lookup: impl Fn(&str) -> Value) -> Value {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        if let Some(tail) = after.strip_prefix('$') {
            expanded.push('$');
            rest = tail;
        } else if let Some((name, tail)) = after.strip_prefix('(').and_then(|tail| tail.split_once(')')) {
            match lookup(name) {
                Value::Known(value) => expanded.push_str(&value),
                Value::Unset => {}
                elsewhere @ Value::Elsewhere(_) => return elsewhere,
            }
            rest = tail;
        } else {
            expanded.push('$');
            rest = after;
        }
    }
    expanded.push_str(rest);
    Value::Known(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value_of(env: &serde_json::Value, env_from: &serde_json::Value) -> Value {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "web-0", "namespace": "shop", "uid": "u-1", "labels": {"app": "web"}},
            "spec": {"nodeName": "n1", "containers": [{"name": "main", "env": env, "envFrom": env_from}]},
            "status": {"podIP": "10.1.2.3"}
        }))
        .unwrap();
        coverage_dir(&pod, &pod.spec.as_ref().unwrap().containers[0])
    }

    #[test]
    fn expands_as_the_kubelet_does() {
        let known = |text: &str| Value::Known(text.to_owned());
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
            ("/c/$(LATER)", "/c/$(LATER)"),
        ] {
            let env = json!([
                {"name": "VAR_A", "value": "A"}, {"name": "VAR_B", "value": "B"},
                {"name": "VAR_REF", "value": "$(VAR_A)"}, {"name": "EMPTY", "value": ""},
                {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
                {"name": "GOCOVERDIR", "value": text}, {"name": "LATER", "value": "x"},
            ]);
            assert_eq!(value_of(&env, &json!([])), known(expected), "{text}");
        }
    }

    #[test]
    fn the_last_value_counts_and_an_empty_one_is_none() {
        let twice = json!([{"name": "GOCOVERDIR", "value": "/a"}, {"name": "GOCOVERDIR", "value": "/b"}]);
        assert_eq!(value_of(&twice, &json!([])), Value::Known("/b".into()));
        let empty = json!([{"name": "GOCOVERDIR", "value": ""}]);
        assert_eq!(value_of(&empty, &json!([])), Value::Unset);
        assert_eq!(value_of(&json!([]), &json!([])), Value::Unset);
    }

    #[test]
    fn what_the_pod_object_does_not_hold_is_not_guessed() {
        let from_map =
            json!([{"name": "GOCOVERDIR", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}]);
        let Value::Elsewhere(text) = value_of(&from_map, &json!([])) else { panic!("guessed") };
        assert_eq!(text, "key k of ConfigMap m");
        let through = json!([
            {"name": "BASE", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            {"name": "GOCOVERDIR", "value": "$(BASE)/cov"},
        ]);
        assert!(
            matches!(value_of(&through, &json!([])), Value::Elsewhere(text) if text.contains("never read"))
        );
        let unknown = json!([{"name": "GOCOVERDIR", "value": "$(BASE)/cov"}]);
        let source = json!([{"configMapRef": {"name": "m"}}]);
        assert!(matches!(value_of(&unknown, &source), Value::Elsewhere(_)));
        let service = json!([{"name": "GOCOVERDIR", "value": "/c/$(WEB_SERVICE_HOST)"}]);
        assert!(matches!(value_of(&service, &json!([])), Value::Elsewhere(_)));
    }
}
