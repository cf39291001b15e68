//! What was asked for: which pods to list, and which of their containers to read.

use serde::{Deserialize, Serialize};

/// The selection, resolved: what the API server is asked and what the plan is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Namespaces to search; `None` means all.
    pub namespaces: Option<Vec<String>>,
    /// Label selector in kubectl's words.
    pub labels: Option<String>,
    /// Field selector in kubectl's words.
    pub fields: Option<String>,
    /// Names of containers; empty means every container with coverage.
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
    /// The list calls to make, one for each namespace.
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
        if let Some(labels) = &self.labels {
            text = format!("{text} with labels {labels}");
        }
        if let Some(fields) = &self.fields {
            text = format!("{text} with fields {fields}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_query_for_each_namespace() {
        let mut selection = Selection {
            namespaces: Some(vec!["a".into(), "b".into()]),
            labels: Some("app=web".into()),
            fields: None,
            containers: Vec::new(),
            from: None,
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
}
