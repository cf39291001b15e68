//! A claim's volume, left behind by pods that have ended: which pod may read it, where, and as whom. Pure; the objects are
//! as the API server gave them.

use std::path::{Component, Path};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    Capabilities, LocalObjectReference, PersistentVolumeClaim, Pod, PodSpec, SeccompProfile, SecurityContext,
    Toleration,
};
use serde_json::{Value, json};

use crate::debug::{Progress, Target, is_final};
use crate::error::{Failure, Kind};
use crate::names::ContainerName;
use crate::owner;
use crate::reach::not_started;
use crate::store::hex_digest;

/// Selects the pods that are made here.
pub const LABELS: &str = "app.kubernetes.io/managed-by=covfetch,app.kubernetes.io/component=claim-reader";

/// Annotation with the process that made a pod.
const OWNER: &str = "covfetch/owner";

/// The container of a pod that is made here.
pub const CONTAINER: &str = "reader";

/// Where it has the volume.
const MOUNT_PATH: &str = "/claim";

/// Who reads what everybody may read: `nobody`.
const NOBODY: i64 = 65534;

/// What a pod that reads a claim is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Mount {
    /// Namespace of the claim, and of the pod.
    pub namespace: String,
    /// Name of the claim.
    claim: String,
    /// Directory on the volume, relative to its root; `.` for the root.
    pub directory: String,
    /// The node, where it matters: another pod uses a volume that one node at a time can have.
    node: Option<String>,
    /// User and group of the pods that wrote, as far as they are known.
    user: Option<(i64, Option<i64>)>,
    /// Groups that own the volume's files.
    groups: Vec<i64>,
    tolerations: Vec<Toleration>,
    secrets: Vec<LocalObjectReference>,
}

/// What becomes of a claim that was selected.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Its volume is read.
    Read {
        /// Where its files are stored.
        name: ContainerName,
        /// What the pod that reads it is made of.
        mount: Box<Mount>,
    },
    /// Its coverage cannot be had.
    Fail(Failure),
}

/// A directory on a volume as a relative path; `None` if it leads out of the volume.
pub fn directory(from: Option<&str>) -> Option<String> {
    let mut parts = Vec::new();
    for part in Path::new(from.unwrap_or(".")).components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    Some(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

/// What is to be done with a claim. The error says why there is nothing to read, which is no failure. `pods` are all of the
/// namespace.
pub fn decide(
    namespace: &str,
    name: &str,
    claim: &Value,
    pods: &[Pod],
    from: Option<&str>,
) -> Result<Verdict, String> {
    let fail = |kind, why: String| Ok(Verdict::Fail(Failure::new(kind, why)));
    let claim: PersistentVolumeClaim = match serde_json::from_value(claim.clone()) {
        Ok(claim) => claim,
        Err(error) => return fail(Kind::Rejected, format!("the claim cannot be read: {error}")),
    };
    let phase = claim.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("Pending");
    match phase {
        "Bound" => {}
        "Pending" => {
            return Err(
                "the claim is pending: no volume is bound to it, so that nobody can have written".to_owned()
            );
        }
        other => {
            return fail(
                Kind::PodState,
                format!("the claim is in phase {other}: its volume, and what was on it, is out of reach"),
            );
        }
    }
    if claim.metadata.deletion_timestamp.is_some() {
        return fail(Kind::PodState, "the claim is being deleted, and cannot be mounted any more: read it through a pod that still has it"
            .to_owned());
    }
    let spec = claim.spec.unwrap_or_default();
    if spec.volume_mode.as_deref() == Some("Block") {
        return fail(Kind::PodState, "the claim is of a block device, which has no files".to_owned());
    }
    let modes = spec.access_modes.unwrap_or_default();
    let has = |mode: &str| modes.iter().any(|one| one == mode);
    let mut users: Vec<&Pod> = pods.iter().filter(|pod| uses(pod, name)).collect();
    // The newest first: it is the likeliest to have written what is there.
    users.sort_by_key(|pod| std::cmp::Reverse(pod.metadata.creation_timestamp.clone()));
    let active = users.iter().find(|pod| !has_ended(pod) && node_of(pod).is_some());
    if let (Some(pod), true) = (active, has("ReadWriteOncePod")) {
        let pod = pod.metadata.name.as_deref().unwrap_or_default();
        let why = format!("pod {pod} has the claim for itself (ReadWriteOncePod): read it through that pod");
        return fail(Kind::PodState, why);
    }
    let anywhere = has("ReadWriteMany") || has("ReadOnlyMany");
    let node = active.filter(|_| !anywhere).and_then(|pod| node_of(pod)).map(str::to_owned);
    let writer = users.iter().find(|pod| has_ended(pod)).or(users.first());
    let of_pod = writer.and_then(|pod| pod.spec.as_ref());
    let context = of_pod.and_then(|spec| spec.security_context.as_ref());
    let groups = context
        .into_iter()
        .flat_map(|context| context.supplemental_groups.iter().flatten().copied().chain(context.fs_group));
    // Not a pod's name: none has a claim for its file system.
    let stored = match ContainerName::new(namespace, &format!("pvc.{name}"), "volume") {
        Ok(stored) => stored,
        Err(failure) => return Ok(Verdict::Fail(failure)),
    };
    let Some(directory) = directory(from) else {
        return fail(Kind::Rejected, "--from leads out of the volume".to_owned());
    };
    let mount = Mount {
        namespace: namespace.to_owned(),
        claim: name.to_owned(),
        directory,
        node,
        user: writer.and_then(|pod| writing_container(pod, name)).and_then(|target| target.user()),
        groups: groups.collect(),
        tolerations: of_pod.and_then(|spec| spec.tolerations.clone()).unwrap_or_default(),
        secrets: of_pod.and_then(|spec| spec.image_pull_secrets.clone()).unwrap_or_default(),
    };
    Ok(Verdict::Read { name: stored, mount: Box::new(mount) })
}

impl Mount {
    /// Where the pod goes and as whom it reads, in words.
    pub fn place(&self) -> String {
        let node = self.node.as_ref().map(|node| format!(" on node {node}")).unwrap_or_default();
        let user = match self.user {
            Some((user, _)) => format!(" as user {user}, who wrote there"),
            None => format!(" as user {NOBODY} (nobody)"),
        };
        format!("{node}{user}")
    }

    /// The security contexts that will do, to be tried in this order where one is refused: no capabilities in any.
    pub fn contexts(&self) -> Vec<SecurityContext> {
        let as_user = |user: i64, group: Option<i64>| SecurityContext {
            run_as_user: Some(user),
            run_as_group: group,
            run_as_non_root: Some(user != 0),
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities { add: None, drop: Some(vec!["ALL".to_owned()]) }),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                localhost_profile: None,
            }),
            ..SecurityContext::default()
        };
        let nobody = as_user(NOBODY, Some(NOBODY));
        match self.user {
            Some((0, group)) => vec![as_user(0, group), nobody],
            Some((user, group)) => vec![as_user(user, group)],
            None => vec![nobody],
        }
    }

    /// The pod, which ends by itself after `life` even if nobody removes it.
    pub fn pod(&self, image: &str, life: Duration, context: &SecurityContext) -> Result<Pod, Failure> {
        let seed = format!("{self:?} {} {}", Timestamp::now().as_nanosecond(), std::process::id());
        let labels: serde_json::Map<String, Value> = LABELS
            .split(',')
            .filter_map(|label| label.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect();
        let seconds = life.as_secs();
        let pod = json!({
            "metadata": {
                "name": format!("covfetch-{}", hex_digest(seed.as_bytes()).get(..10).unwrap_or_default()),
                "labels": labels,
                "annotations": {OWNER: owner::this_process().unwrap_or_default()},
            },
            "spec": {
                "restartPolicy": "Never",
                "activeDeadlineSeconds": seconds,
                "terminationGracePeriodSeconds": 1,
                "automountServiceAccountToken": false,
                "enableServiceLinks": false,
                "nodeName": self.node,
                "tolerations": self.tolerations,
                "imagePullSecrets": self.secrets,
                // Groups rather than fsGroup, which would change the owners of the files.
                "securityContext": {"supplementalGroups": self.groups},
                "containers": [{
                    "name": CONTAINER,
                    "image": image,
                    "command": ["sleep", seconds.to_string()],
                    "workingDir": MOUNT_PATH,
                    "securityContext": context,
                    "volumeMounts": [{"name": "claim", "mountPath": MOUNT_PATH, "readOnly": true}],
                    // Quotas ask for them.
                    "resources": {
                        "requests": {"cpu": "10m", "memory": "16Mi"},
                        "limits": {"cpu": "1", "memory": "128Mi"},
                    },
                }],
                "volumes": [{"name": "claim", "persistentVolumeClaim": {"claimName": self.claim}}],
            },
        });
        serde_json::from_value(pod).map_err(|error| Failure::new(Kind::Internal, error.to_string()))
    }
}

/// What became of a pod that was made here.
pub fn progress(pod: &Pod) -> Progress {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let failed =
        |why: String| Progress::Failed(Failure::new(Kind::Helper, format!("the helper pod {name} {why}")));
    let Some(status) = &pod.status else { return Progress::Waiting };
    let state = status.container_statuses.iter().flatten().find_map(|one| one.state.as_ref());
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    if let Some(end) = state.and_then(|state| state.terminated.as_ref()) {
        let (reason, message) = (text(&end.reason), text(&end.message));
        return failed(format!("ended with exit code {} ({reason} {message})", end.exit_code));
    }
    if matches!(status.phase.as_deref(), Some("Failed" | "Succeeded")) {
        return failed(format!("ended ({} {})", text(&status.reason), text(&status.message)));
    }
    if let Some(waiting) = state.and_then(|state| state.waiting.as_ref())
        && is_final(waiting.reason.as_deref().unwrap_or_default())
    {
        return failed(format!("cannot start ({}: {})", text(&waiting.reason), text(&waiting.message)));
    }
    match state.and_then(|state| state.running.as_ref()) {
        Some(_) => Progress::Running,
        None => Progress::Waiting,
    }
}

/// Why a pod that was made here does not run yet.
pub fn waiting_for(pod: &Pod) -> String {
    not_started(pod).unwrap_or_else(|| "pending".to_owned())
}

/// Whether a pod that was made here is of use to nobody any more: it has ended, or the process that made it has.
pub fn is_left_behind(pod: &Pod) -> bool {
    let owner = pod.metadata.annotations.as_ref().and_then(|all| all.get(OWNER));
    has_ended(pod) || owner.is_some_and(|owner| owner::is_gone(owner))
}

fn spec_of(pod: &Pod) -> Option<&PodSpec> {
    pod.spec.as_ref()
}

/// The volumes of a pod that are of a claim.
fn volumes<'a>(pod: &'a Pod, claim: &'a str) -> impl Iterator<Item = &'a str> {
    let volumes = spec_of(pod).into_iter().flat_map(|spec| spec.volumes.iter().flatten());
    volumes
        .filter(move |volume| {
            volume.persistent_volume_claim.as_ref().is_some_and(|source| source.claim_name == claim)
        })
        .map(|volume| volume.name.as_str())
}

fn uses(pod: &Pod, claim: &str) -> bool {
    let ours = pod.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(OWNER));
    !ours && volumes(pod, claim).next().is_some()
}

fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

fn node_of(pod: &Pod) -> Option<&str> {
    spec_of(pod)?.node_name.as_deref().filter(|node| !node.is_empty())
}

/// The container of a pod that has a claim mounted.
fn writing_container(pod: &Pod, claim: &str) -> Option<Target> {
    let named: Vec<&str> = volumes(pod, claim).collect();
    let spec = spec_of(pod)?;
    let mut containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let found = containers.find(|container| {
        container.volume_mounts.iter().flatten().any(|mount| named.contains(&mount.name.as_str()))
    })?;
    Target::of(pod, &found.name)
}

#[cfg(test)]
#[path = "claim/tests.rs"]
mod tests;
