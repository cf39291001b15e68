//! What was asked for: which pods to list, and which of their containers to read.

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

use crate::workload::Workload;

/// The selection, resolved: what the API server is asked and what the plan is made from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Selection {
    /// Namespaces to search; `None` means all.
    pub namespaces: Option<Vec<String>>,
    /// Workloads whose pods are meant; empty means all pods.
    #[serde(default)]
    pub workloads: Vec<Workload>,
    /// Label selector in kubectl's words.
    pub labels: Option<String>,
    /// Field selector in kubectl's words.
    pub fields: Option<String>,
    /// Names of containers, or patterns of such; empty means every container with coverage.
    pub containers: Vec<String>,
    /// Coverage directory, instead of what GOCOVERDIR says.
    pub from: Option<String>,
}

/// One list call: a namespace (or all) with the selectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodQuery {
    /// Namespace; `None` means all.
    pub namespace: Option<String>,
    /// Label selector.
    pub labels: Option<String>,
    /// Field selector.
    pub fields: Option<String>,
}

impl Selection {
    /// The list calls to make where no workloads are named, one for each namespace.
    pub fn queries(&self) -> Vec<PodQuery> {
        let query =
            |namespace| PodQuery { namespace, labels: self.labels.clone(), fields: self.fields.clone() };
        match &self.namespaces {
            None => vec![query(None)],
            Some(names) => names.iter().map(|name| query(Some(name.clone()))).collect(),
        }
    }

    /// The selection in words, for the message that nothing matched it.
    pub fn describe(&self) -> String {
        let mut text = match &self.namespaces {
            None => "all namespaces".to_owned(),
            Some(names) if names.len() == 1 => format!("namespace {}", names.join("")),
            Some(names) => format!("namespaces {}", names.join(", ")),
        };
        if !self.workloads.is_empty() {
            let names: Vec<String> = self.workloads.iter().map(ToString::to_string).collect();
            text = format!("{} in {text}", names.join(", "));
        }
        if let Some(labels) = &self.labels {
            text = format!("{text} with labels {labels}");
        }
        if let Some(fields) = &self.fields {
            text = format!("{text} with fields {fields}");
        }
        text
    }

    /// Whether a container of this name is asked for by name. Patterns that [`check_pattern`] refuses match nothing.
    pub fn names_container(&self) -> impl Fn(&str) -> bool {
        let mut builder = GlobSetBuilder::new();
        for pattern in self.containers.iter().filter_map(|pattern| Glob::new(pattern).ok()) {
            builder.add(pattern);
        }
        let set: GlobSet = builder.build().unwrap_or_default();
        move |name| set.is_match(name)
    }
}

/// Checks a pattern for names of containers: such a name with `*`, `?`, `[a-z]`, `[!a-z]`. The error is a sentence.
pub fn check_pattern(pattern: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-*?[]!".contains(&byte);
    if pattern.is_empty() || !pattern.bytes().all(fits) {
        return Err(format!("\"{pattern}\" cannot be the name of a container, nor a pattern of one"));
    }
    Glob::new(pattern).map(|_| ()).map_err(|error| format!("\"{pattern}\" is no pattern: {}", error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_query_for_each_namespace() {
        let mut selection = Selection {
            namespaces: Some(vec!["a".into(), "b".into()]),
            labels: Some("app=web".into()),
            ..Selection::default()
        };
        let queries = selection.queries();
        assert_eq!(queries.len(), 2);
        assert_eq!(queries[1].namespace.as_deref(), Some("b"));
        assert_eq!(queries[1].labels.as_deref(), Some("app=web"));
        assert_eq!(selection.describe(), "namespaces a, b with labels app=web");
        selection.namespaces = None;
        assert_eq!(
            selection.queries(),
            [PodQuery { namespace: None, labels: Some("app=web".into()), fields: None }]
        );
        assert_eq!(selection.describe(), "all namespaces with labels app=web");
    }

    #[test]
    fn containers_are_named_by_patterns() {
        let chosen = |patterns: &[&str], name: &str| {
            let containers = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
            Selection { containers, ..Selection::default() }.names_container()(name)
        };
        assert!(chosen(&["app"], "app") && !chosen(&["app"], "app-2"));
        assert!(chosen(&["app-*"], "app-2") && !chosen(&["app-*"], "app"));
        assert!(chosen(&["x", "a?p"], "app"));
        assert!(chosen(&["[!x]*"], "app") && !chosen(&["[!x]*"], "xp"));
        assert!(!chosen(&[], "app"));
        for pattern in ["", "a/b", "..", "App", "[a", "a b", "{a}"] {
            assert!(check_pattern(pattern).is_err(), "{pattern}");
        }
        assert_eq!(check_pattern("app-[0-9]*"), Ok(()));
    }
}
