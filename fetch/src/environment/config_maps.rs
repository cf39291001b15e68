//! The ConfigMaps that variables come from: which are wanted, and what is known of them.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value as Json;

use super::{Value, coverage_dir};
use crate::dns::{is_dns_label, is_dns_subdomain};
use crate::error::Failure;

/// Namespace and name of a ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigMapName {
    /// Namespace, as the pod has it.
    pub namespace: String,
    /// Name, as the pod's spec has it.
    pub name: String,
}

impl ConfigMapName {
    pub(super) fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// Whether Kubernetes allows such names, so that they may stand in a path.
    pub fn is_sound(&self) -> bool {
        is_dns_label(&self.namespace) && is_dns_subdomain(&self.name)
    }
}

/// What was learnt of a ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MapState {
    /// Its data.
    Held(BTreeMap<String, String>),
    /// There is none of that name.
    Absent,
    /// It could not be read.
    Unread(Failure),
}

impl MapState {
    /// Reads the object.
    pub fn of(object: &Json) -> Self {
        let data = object.get("data").and_then(Json::as_object);
        let text = |(key, value): (&String, &Json)| Some((key.clone(), value.as_str()?.to_owned()));
        Self::Held(data.into_iter().flatten().filter_map(text).collect())
    }

    /// Why nothing is known of it.
    pub(super) fn trouble(&self, map: &ConfigMapName) -> String {
        match self {
            Self::Held(_) => format!("ConfigMap {} is known", map.name),
            Self::Absent => format!("the ConfigMap {} does not exist now", map.name),
            Self::Unread(failure) => format!("the ConfigMap {} cannot be read: {failure}", map.name),
        }
    }
}

/// What was learnt of ConfigMaps, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigMaps(BTreeMap<ConfigMapName, MapState>);

impl ConfigMaps {
    /// Remembers one.
    pub fn insert(&mut self, name: ConfigMapName, state: MapState) {
        self.0.insert(name, state);
    }

    /// What is known of one; `None` if it has not been asked for.
    pub fn state(&self, name: &ConfigMapName) -> Option<&MapState> {
        self.0.get(name)
    }

    /// The ConfigMaps that could not be read, with the reason.
    pub fn unread(&self) -> impl Iterator<Item = &Failure> {
        self.0.values().filter_map(|state| match state {
            MapState::Unread(failure) => Some(failure),
            _ => None,
        })
    }

    /// The ConfigMaps that GOCOVERDIR depends on in the chosen containers of these pods and that have not been asked for.
    pub fn wanted<'a>(
        &self,
        pods: impl IntoIterator<Item = &'a Pod>,
        chosen: &dyn Fn(&str) -> bool,
    ) -> BTreeSet<ConfigMapName> {
        let specs = pods.into_iter().filter_map(|pod| Some((pod, pod.spec.as_ref()?)));
        specs
            .flat_map(|(pod, spec)| {
                let containers = spec.init_containers.iter().flatten().chain(&spec.containers);
                let containers = containers.filter(|container| chosen(&container.name));
                containers.map(move |container| coverage_dir(pod, container, self))
            })
            .filter_map(|value| match value {
                Value::Pending(name) => Some(name),
                _ => None,
            })
            .collect()
    }
}
