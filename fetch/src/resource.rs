//! The kinds of objects that are read from the API server, by the names that paths, messages and rights have for them.

/// A kind of object.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// As objects name it: `Deployment`.
    pub kind: &'static str,
    /// As paths and rights name it: `deployments`.
    pub plural: &'static str,
}

/// ConfigMaps.
pub static CONFIG_MAPS: Resource = Resource { group: "", kind: "ConfigMap", plural: "configmaps" };
/// Claims of volumes.
pub static CLAIMS: Resource =
    Resource { group: "", kind: "PersistentVolumeClaim", plural: "persistentvolumeclaims" };
/// Services.
pub static SERVICES: Resource = Resource { group: "", kind: "Service", plural: "services" };
/// Deployments.
pub static DEPLOYMENTS: Resource = Resource { group: "apps", kind: "Deployment", plural: "deployments" };
/// Stateful sets.
pub static STATEFUL_SETS: Resource = Resource { group: "apps", kind: "StatefulSet", plural: "statefulsets" };
/// Daemon sets.
pub static DAEMON_SETS: Resource = Resource { group: "apps", kind: "DaemonSet", plural: "daemonsets" };
/// Replica sets.
pub static REPLICA_SETS: Resource = Resource { group: "apps", kind: "ReplicaSet", plural: "replicasets" };
/// Jobs.
pub static JOBS: Resource = Resource { group: "batch", kind: "Job", plural: "jobs" };
/// Cron jobs.
pub static CRON_JOBS: Resource = Resource { group: "batch", kind: "CronJob", plural: "cronjobs" };
