//! WORKLOAD arguments, as kubectl reads them: `deployment/web`, `sts/db`, `pvc/data`, `pod web-0`, or a pod's bare name.
//!
//! Words, short names and plural forms are those that `kubectl api-resources` prints. As in `kubectl logs` and `kubectl
//! exec` a bare name means a pod; as in `kubectl get` a kind may stand before its names.

mod pods;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::dns::is_dns_subdomain;
use crate::resource::{
    CLAIMS, CRON_JOBS, DAEMON_SETS, DEPLOYMENTS, JOBS, REPLICA_SETS, Resource, SERVICES, STATEFUL_SETS,
};

pub use pods::{PodsOf, jobs_of, pods_of};

/// What can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkloadKind {
    /// One pod.
    Pod,
    /// A Deployment.
    Deployment,
    /// A StatefulSet.
    StatefulSet,
    /// A DaemonSet.
    DaemonSet,
    /// A ReplicaSet.
    ReplicaSet,
    /// A Job.
    Job,
    /// A CronJob: the pods of all its jobs.
    CronJob,
    /// A Service: the pods behind it.
    Service,
    /// A claim of a volume, which is read itself.
    Claim,
}

/// Kind, singular, plural, short name (or the singular again), API group.
const WORDS: [(WorkloadKind, &str, &str, &str, &str); 9] = [
    (WorkloadKind::Pod, "pod", "pods", "po", ""),
    (WorkloadKind::Deployment, "deployment", "deployments", "deploy", "apps"),
    (WorkloadKind::StatefulSet, "statefulset", "statefulsets", "sts", "apps"),
    (WorkloadKind::DaemonSet, "daemonset", "daemonsets", "ds", "apps"),
    (WorkloadKind::ReplicaSet, "replicaset", "replicasets", "rs", "apps"),
    (WorkloadKind::Job, "job", "jobs", "job", "batch"),
    (WorkloadKind::CronJob, "cronjob", "cronjobs", "cj", "batch"),
    (WorkloadKind::Service, "service", "services", "svc", ""),
    (WorkloadKind::Claim, "persistentvolumeclaim", "persistentvolumeclaims", "pvc", ""),
];

impl WorkloadKind {
    /// The kind for a word: singular, plural or short, in any case, with or without `.group` or `.v1.group`.
    fn of(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        let (name, group) = word.split_once('.').map_or((&*word, None), |(name, group)| (name, Some(group)));
        WORDS.iter().find_map(|(kind, singular, plural, short, of_group)| {
            let fits = group.is_none_or(|group| group.strip_prefix("v1.").unwrap_or(group) == *of_group);
            (fits && [singular, plural, short].contains(&&name)).then_some(*kind)
        })
    }

    /// The singular word.
    pub fn word(self) -> &'static str {
        WORDS.iter().find(|row| row.0 == self).map_or("pod", |row| row.1)
    }

    /// Where its objects are read; `None` for pods, which are listed.
    pub fn resource(self) -> Option<&'static Resource> {
        Some(match self {
            Self::Pod => return None,
            Self::Deployment => &DEPLOYMENTS,
            Self::StatefulSet => &STATEFUL_SETS,
            Self::DaemonSet => &DAEMON_SETS,
            Self::ReplicaSet => &REPLICA_SETS,
            Self::Job => &JOBS,
            Self::CronJob => &CRON_JOBS,
            Self::Service => &SERVICES,
            Self::Claim => &CLAIMS,
        })
    }
}

/// A workload that was asked for. As text: `deployment/web`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Workload {
    /// What it is.
    pub kind: WorkloadKind,
    /// Its name, a DNS subdomain.
    pub name: String,
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.word(), self.name)
    }
}

impl From<Workload> for String {
    fn from(workload: Workload) -> Self {
        workload.to_string()
    }
}

impl TryFrom<String> for Workload {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let read = parse(std::slice::from_ref(&text))?;
        read.into_iter().next().ok_or_else(|| format!("\"{text}\" is no workload"))
    }
}

/// Reads the arguments. The error is the sentence for people.
pub fn parse(arguments: &[String]) -> Result<Vec<Workload>, String> {
    let slashes = arguments.iter().any(|argument| argument.contains('/'));
    let (default, names) = match arguments {
        [word, names @ ..] if !slashes && WorkloadKind::of(word).is_some() => {
            let kind = WorkloadKind::of(word).unwrap_or(WorkloadKind::Pod);
            if names.is_empty() {
                let word = kind.word();
                return Err(format!("which {word}? write {word}/NAME; without any, all pods are taken"));
            }
            (kind, names)
        }
        all => (WorkloadKind::Pod, all),
    };
    let mut workloads: Vec<Workload> = Vec::new();
    for argument in names {
        let workload = match argument.split_once('/') {
            None if slashes && WorkloadKind::of(argument).is_some() => {
                return Err(format!("\"{argument}\" needs no place of its own beside KIND/NAME"));
            }
            None => Workload { kind: default, name: argument.clone() },
            Some((word, name)) => {
                let kind = WorkloadKind::of(word).ok_or_else(|| unknown(word))?;
                Workload { kind, name: name.to_owned() }
            }
        };
        if !is_dns_subdomain(&workload.name) {
            return Err(format!("\"{argument}\" does not name a workload: write KIND/NAME, or a pod's name"));
        }
        if !workloads.contains(&workload) {
            workloads.push(workload);
        }
    }
    Ok(workloads)
}

fn unknown(word: &str) -> String {
    let known: Vec<String> = WORDS
        .iter()
        .map(
            |(_, singular, _, short, _)| {
                if singular == short { (*singular).to_owned() } else { format!("{singular} ({short})") }
            },
        )
        .collect();
    format!("\"{word}\" is no kind of workload; known are {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<String, String> {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let workloads = parse(&arguments)?;
        Ok(workloads.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn arguments_are_read_as_kubectl_reads_them() {
        for (arguments, expected) in [
            (&["deployment/web"][..], "deployment/web"),
            (
                &["deploy/web", "sts/db", "ds/log", "rs/web-1"],
                "deployment/web statefulset/db daemonset/log replicaset/web-1",
            ),
            (
                &["svc/web", "po/web-0", "cj/nightly", "job/once"],
                "service/web pod/web-0 cronjob/nightly job/once",
            ),
            (&["deployments/web", "pods/a", "services/s"], "deployment/web pod/a service/s"),
            (
                &["Deployment/web", "deployments.apps/x", "deployment.v1.apps/y"],
                "deployment/web deployment/x deployment/y",
            ),
            (&["pvc/data", "PersistentVolumeClaims/x"], "persistentvolumeclaim/data persistentvolumeclaim/x"),
            (&["deploy", "web", "api"], "deployment/web deployment/api"),
            (&["web-0", "web-1"], "pod/web-0 pod/web-1"),
            (&["web-0", "deploy/web"], "pod/web-0 deployment/web"),
            (&["pod", "deploy"], "pod/deploy"),
            (&["deploy/web", "deployment/web"], "deployment/web"),
            (&["pod/a.b-c"], "pod/a.b-c"),
            (&[], ""),
        ] {
            assert_eq!(read(arguments).as_deref(), Ok(expected), "{arguments:?}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (arguments, words) in [
            (&["deploy"][..], "which deployment? write deployment/NAME"),
            (&["deploy", "deploy/web"], "needs no place of its own"),
            (&["secret/x"], "\"secret\" is no kind of workload; known are pod (po), deployment (deploy)"),
            (&["deployments.extensions/x"], "is no kind of workload"),
            (&["deploy/a/b"], "does not name a workload"),
            (&["deploy/"], "does not name a workload"),
            (&["/x"], "is no kind of workload"),
            (&["../x"], "is no kind of workload"),
            (&["deploy/../x"], "does not name a workload"),
            (&["deploy/a,b"], "does not name a workload"),
            (&["a b"], "does not name a workload"),
            (&[""], "does not name a workload"),
        ] {
            let error = read(arguments).unwrap_err();
            assert!(error.contains(words), "{arguments:?}: {error}");
        }
    }
}
