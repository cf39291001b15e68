//! The rights that a run needs, in the words of RBAC, and the least Role that grants them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::resource::{JOBS, Resource};
use crate::selection::Selection;
use crate::workload::WorkloadKind;

/// A right: verbs on a resource, in one namespace or in all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Resource, with its subresource if one is meant.
    pub resource: &'static str,
    /// Verbs, all of which are needed.
    pub verbs: &'static [&'static str],
    /// Namespace; `None` means all.
    pub namespace: Option<String>,
}

impl Right {
    /// To list pods.
    pub fn list_pods(namespace: Option<&str>) -> Self {
        Self { group: "", resource: "pods", verbs: &["list"], namespace: namespace.map(str::to_owned) }
    }

    /// To run a command in a pod: a WebSocket's request is a GET, and API servers check `create` on top of `get`.
    pub fn exec(namespace: Option<&str>) -> Self {
        let namespace = namespace.map(str::to_owned);
        Self { group: "", resource: "pods/exec", verbs: &["get", "create"], namespace }
    }

    /// To connect to a port of a pod; as for [`Right::exec`], both verbs.
    pub fn forward(namespace: Option<&str>) -> Self {
        Self { resource: "pods/portforward", ..Self::exec(namespace) }
    }

    /// To add an ephemeral container to a pod.
    pub fn debug(namespace: Option<&str>) -> Self {
        let namespace = namespace.map(str::to_owned);
        Self { group: "", resource: "pods/ephemeralcontainers", verbs: &["patch"], namespace }
    }

    /// To make pods, or to remove them.
    pub fn pods(verb: &'static [&'static str], namespace: &str) -> Self {
        Self { group: "", resource: "pods", verbs: verb, namespace: Some(namespace.to_owned()) }
    }

    /// To read an object by its name.
    pub fn get(resource: &'static Resource, namespace: &str) -> Self {
        let namespace = Some(namespace.to_owned());
        Self { group: resource.group, resource: resource.plural, verbs: &["get"], namespace }
    }

    /// To list objects.
    pub fn list(resource: &'static Resource, namespace: &str) -> Self {
        Self { verbs: &["list"], ..Self::get(resource, namespace) }
    }

    /// The rule as a line of YAML.
    fn rule(&self) -> String {
        let group = if self.group.is_empty() { "\"\"" } else { self.group };
        let verbs = self.verbs.join(", ");
        format!("- {{apiGroups: [{group}], resources: [{}], verbs: [{verbs}]}}", self.resource)
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verbs = match self.verbs {
            [one] => format!("the verb {one}"),
            several => format!("the verbs {}", several.join(" and ")),
        };
        let group = if self.group.is_empty() { String::new() } else { format!(".{}", self.group) };
        write!(f, "{verbs} on {}{group} ", self.resource)?;
        match &self.namespace {
            Some(namespace) => write!(f, "in namespace {namespace}"),
            None => f.write_str("in all namespaces"),
        }
    }
}

/// What some options need beyond the rest.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beyond {
    /// Ephemeral containers.
    pub debug: bool,
    /// Connections to ports of pods.
    pub forward: bool,
}

/// What a selection needs in any case, and what options do beyond that. ConfigMaps are read only if a pod's GOCOVERDIR comes
/// from one, so the right to do so is not among these.
pub fn needed(selection: &Selection, beyond: Beyond) -> BTreeSet<Right> {
    let namespaces: Vec<Option<&str>> = match &selection.namespaces {
        None => vec![None],
        Some(names) => names.iter().map(|name| Some(name.as_str())).collect(),
    };
    let mut rights = BTreeSet::new();
    for namespace in namespaces {
        rights.extend([Right::list_pods(namespace), Right::exec(namespace)]);
        rights.extend(beyond.debug.then(|| Right::debug(namespace)));
        rights.extend(beyond.forward.then(|| Right::forward(namespace)));
        let Some(namespace) = namespace else { continue };
        for workload in &selection.workloads {
            let Some(resource) = workload.kind.resource() else { continue };
            rights.insert(Right::get(resource, namespace));
            match workload.kind {
                WorkloadKind::CronJob => {
                    rights.insert(Right::list(&JOBS, namespace));
                }
                WorkloadKind::Claim => {
                    rights.extend([&["create"], &["delete"]].map(|verb| Right::pods(verb, namespace)));
                }
                _ => {}
            }
        }
    }
    rights
}

/// The manifest that grants what a run needs and what it was found to lack, the latter marked; and how to bind it.
pub fn role(needed: &BTreeSet<Right>, missing: &BTreeSet<Right>) -> String {
    let mut places: BTreeMap<Option<&str>, BTreeSet<&Right>> = BTreeMap::new();
    for right in needed.iter().chain(missing) {
        places.entry(right.namespace.as_deref()).or_default().insert(right);
    }
    // Where nothing is missing, nothing is to be done.
    places.retain(|_, rights| rights.iter().any(|right| missing.contains(right)));
    let mut text = "the least role for this command; what is missing is marked:".to_owned();
    for (index, (namespace, rights)) in places.into_iter().enumerate() {
        if index > 0 {
            text.push_str("\n---");
        }
        let (kind, metadata) = match namespace {
            Some(namespace) => ("Role", format!("{{name: covfetch, namespace: {namespace}}}")),
            None => ("ClusterRole", "{name: covfetch}".to_owned()),
        };
        text.push_str("\napiVersion: rbac.authorization.k8s.io/v1");
        text.extend(["\nkind: ", kind, "\nmetadata: ", &metadata, "\nrules:"]);
        for right in rights {
            let mark = if missing.contains(right) { " # missing" } else { "" };
            text.extend(["\n", &right.rule(), mark]);
        }
        text.push_str("\n# grant it: kubectl create ");
        match namespace {
            Some(namespace) => {
                text.extend(["rolebinding covfetch --namespace ", namespace, " --role covfetch"]);
            }
            None => text.push_str("clusterrolebinding covfetch --clusterrole covfetch"),
        }
        text.push_str(" --user NAME");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_marks_what_is_missing_and_leaves_out_where_nothing_is() {
        let selection = Selection { namespaces: Some(vec!["a".into(), "b".into()]), ..Selection::default() };
        let missing =
            BTreeSet::from([Right::exec(Some("b")), Right::get(&crate::resource::CONFIG_MAPS, "b")]);
        assert_eq!(
            role(&needed(&selection, Beyond::default()), &missing),
            "the least role for this command; what is missing is marked:
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: covfetch, namespace: b}
rules:
- {apiGroups: [\"\"], resources: [configmaps], verbs: [get]} # missing
- {apiGroups: [\"\"], resources: [pods], verbs: [list]}
- {apiGroups: [\"\"], resources: [pods/exec], verbs: [get, create]} # missing
# grant it: kubectl create rolebinding covfetch --namespace b --role covfetch --user NAME"
        );
    }

    #[test]
    fn an_exec_that_is_missing_in_all_namespaces_is_one_rule_of_a_cluster_role() {
        let missing = BTreeSet::from([Right::exec(Some("a")), Right::exec(Some("b"))]);
        let text = role(&needed(&Selection::default(), Beyond::default()), &missing);
        assert_eq!(text.matches("kind: ").count(), 2, "{text}");
        assert_eq!(
            Right::exec(Some("a")).to_string(),
            "the verbs get and create on pods/exec in namespace a"
        );
        assert_eq!(Right::list_pods(None).to_string(), "the verb list on pods in all namespaces");
    }
}
