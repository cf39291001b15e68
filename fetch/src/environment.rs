//! The value of GOCOVERDIR as the kubelet would hand it to a container, from the pod object and its ConfigMaps.
//!
//! Follows `makeEnvironmentVariables` of Kubernetes' `pkg/kubelet/kubelet_pods.go` and its variable expansion
//! (`third_party/forked/golang/expansion`): first `envFrom` in its order, then `env` in its order, where a reference finds
//! what was set before it, and what is missing and optional leaves things as they were. What the API does not show (a
//! Secret, a Service, the image) is not guessed.

mod config_maps;
mod expansion;
mod field;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, EnvVarSource, Pod};

pub use config_maps::{ConfigMapName, ConfigMaps, MapState};
use expansion::expand;

/// The variable that tells a Go program built with -cover where to write.
pub const COVERAGE_VARIABLE: &str = "GOCOVERDIR";

/// Longest value that is followed, bytes: longer than any path, short enough that values which repeat each other stay
/// small.
const LONGEST: usize = 8 << 10;

/// What is known of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// This is its value.
    Known(String),
    /// It depends on a ConfigMap that has not been asked for.
    Pending(ConfigMapName),
    /// It is set from somewhere that cannot be seen from here; the text says from where.
    Elsewhere(String),
    /// It is set from a Secret, which is never read; the text says from which.
    Secret(String),
    /// It is not set, or to nothing, as far as can be seen.
    Unset,
}

/// The value of GOCOVERDIR in a container.
pub fn coverage_dir(pod: &Pod, container: &Container, maps: &ConfigMaps) -> Value {
    let environment = Environment { pod, container, maps };
    let value = environment.of_env().remove(COVERAGE_VARIABLE);
    match value.unwrap_or_else(|| environment.of_sources(COVERAGE_VARIABLE)) {
        Value::Known(text) if text.is_empty() => Value::Unset,
        value => value,
    }
}

struct Environment<'a> {
    pod: &'a Pod,
    container: &'a Container,
    maps: &'a ConfigMaps,
}

impl<'a> Environment<'a> {
    /// The variables that `env` sets.
    fn of_env(&self) -> BTreeMap<&'a str, Value> {
        let mut values: BTreeMap<&str, Value> = BTreeMap::new();
        for variable in self.container.env.iter().flatten() {
            let value = match (variable.value.as_deref(), &variable.value_from) {
                (Some(text), _) if !text.is_empty() => {
                    expand(text, LONGEST, |name| self.referred(&values, name))
                }
                (_, Some(source)) => match self.of_source(source) {
                    Some(value) => value,
                    None => continue,
                },
                _ => Value::Known(String::new()),
            };
            values.insert(&variable.name, value);
        }
        values
    }

    /// What `$(name)` stands for.
    fn referred(&self, values: &BTreeMap<&str, Value>, name: &str) -> Value {
        if let Some(value) = values.get(name) {
            return value.clone();
        }
        match self.of_sources(name) {
            // The kubelet leaves a reference to a variable that does not exist as it stands; whether a variable of a
            // Service or of a Secret exists cannot be seen from here.
            Value::Unset if self.secrets().next().is_some() => {
                Value::Elsewhere(format!("$({name}), which a Secret of envFrom may define"))
            }
            Value::Unset if is_of_service(name) => {
                Value::Elsewhere(format!("$({name}), which a Service may define"))
            }
            Value::Unset => Value::Known(format!("$({name})")),
            value => value,
        }
    }

    /// What `envFrom` sets a variable to; the last source that has it counts.
    fn of_sources(&self, name: &str) -> Value {
        let mut hidden = None;
        for source in self.container.env_from.iter().flatten().rev() {
            let Some(key) = name.strip_prefix(source.prefix.as_deref().unwrap_or_default()) else { continue };
            if let Some(secret) = &source.secret_ref {
                hidden = Some(format!("envFrom, where the Secret {} may set it", secret.name));
            }
            let Some(reference) = &source.config_map_ref else { continue };
            let map = self.map_name(&reference.name);
            let value = match self.maps.state(&map) {
                None => Value::Pending(map),
                Some(MapState::Held(data)) => match data.get(key) {
                    Some(value) => Value::Known(value.clone()),
                    None => continue,
                },
                Some(MapState::Absent) if reference.optional == Some(true) => continue,
                Some(state) => Value::Elsewhere(format!("envFrom, where {}", state.trouble(&map))),
            };
            // A Secret further down would win if it had the variable.
            return match (hidden, value) {
                (Some(hidden), Value::Known(_) | Value::Elsewhere(_)) => Value::Elsewhere(hidden),
                (_, value) => value,
            };
        }
        Value::Unset
    }

    /// The Secrets of `envFrom`.
    fn secrets(&self) -> impl Iterator<Item = &str> {
        let sources = self.container.env_from.iter().flatten();
        sources.filter_map(|source| source.secret_ref.as_ref()).map(|secret| secret.name.as_str())
    }

    /// The value of a source; `None` if it is optional and missing, so that the variable stays as it was.
    fn of_source(&self, source: &EnvVarSource) -> Option<Value> {
        if let Some(field) = &source.field_ref {
            return Some(field::value(self.pod, &field.field_path));
        }
        if let Some(reference) = &source.config_map_key_ref {
            let optional = reference.optional == Some(true);
            let map = self.map_name(&reference.name);
            let from = |what: &str| {
                Value::Elsewhere(format!("key {} of ConfigMap {}, {what}", reference.key, reference.name))
            };
            return match self.maps.state(&map) {
                None => Some(Value::Pending(map)),
                Some(MapState::Held(data)) => match data.get(&reference.key) {
                    Some(value) => Some(Value::Known(value.clone())),
                    None if optional => None,
                    None => Some(from("which has no such key now")),
                },
                Some(MapState::Absent) if optional => None,
                Some(state) => Some(from(&state.trouble(&map))),
            };
        }
        if let Some(secret) = &source.secret_key_ref {
            return Some(Value::Secret(format!("the Secret {}", secret.name)));
        }
        Some(Value::Elsewhere("a source other than values, fields and ConfigMaps".to_owned()))
    }

    fn map_name(&self, name: &str) -> ConfigMapName {
        ConfigMapName::new(self.pod.metadata.namespace.as_deref().unwrap_or_default(), name)
    }
}

/// Whether a name may be one of those that the kubelet makes for each Service of the namespace.
fn is_of_service(name: &str) -> bool {
    name.ends_with("_HOST") || name.contains("_PORT") || name.contains("_SERVICE_")
}
