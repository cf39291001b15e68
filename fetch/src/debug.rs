//! An ephemeral container beside one whose image has nothing to copy with: what it is made of, and what became of it.
//! Pure; the pods are as the API server gave them.
//!
//! It can never be changed or removed, so its life has an end of its own, and another run uses it again. It looks at the
//! target through `/proc/<pid>/root`, which the kernel allows to a process of the same user and group with no fewer
//! capabilities, and to one with `SYS_PTRACE` (`ptrace_may_access` of Linux' kernel/ptrace.c).

pub mod attach;
pub mod question;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerState, ContainerStatus, EphemeralContainer, Pod, SeccompProfile,
    SecurityContext,
};

use crate::error::{Failure, Kind};
use crate::store::hex_digest;

/// How the names of our containers begin.
const PREFIX: &str = "covfetch-";

/// How long one lives at least.
const LIFE: Duration = Duration::from_hours(1);

/// What is left of its life must be longer than a run by this much, for clocks that differ.
const MARGIN: Duration = Duration::from_mins(2);

/// What is known of the container to look into.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Its name.
    name: String,
    /// User and group id that its processes run as, as far as they are known.
    user: Option<(i64, Option<i64>)>,
    /// Its own security context.
    own: SecurityContext,
    /// Its id in the container runtime; empty if it is not known.
    id: String,
    /// Whether its processes are numbered together with those of other containers.
    shared: bool,
}

/// What became of an ephemeral container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It runs.
    Running,
    /// Not yet.
    Waiting,
    /// It will not run, or runs no more.
    Failed(Failure),
}

impl Target {
    /// Looks a container up in its pod.
    pub fn of(pod: &Pod, name: &str) -> Option<Self> {
        let spec = pod.spec.as_ref()?;
        let mut all = spec.init_containers.iter().flatten().chain(&spec.containers);
        let container: &Container = all.find(|container| container.name == name)?;
        let own = container.security_context.clone().unwrap_or_default();
        let of_pod = spec.security_context.as_ref();
        let status = statuses(pod).find(|status| status.name == name);
        let seen = status.and_then(|status| status.user.as_ref()?.linux.as_ref());
        let user = match seen {
            Some(user) => Some((user.uid, Some(user.gid))),
            None => own
                .run_as_user
                .or_else(|| of_pod?.run_as_user)
                .map(|uid| (uid, own.run_as_group.or_else(|| of_pod?.run_as_group))),
        };
        let id = status.and_then(|status| status.container_id.as_deref()).unwrap_or_default();
        let id = id.rsplit('/').next().unwrap_or_default();
        let shared = spec.share_process_namespace == Some(true) || spec.host_pid == Some(true);
        Some(Self { name: name.to_owned(), user, own, id: id.to_owned(), shared })
    }

    /// The security contexts that will do, to be tried in this order where one is refused.
    pub fn contexts(&self) -> Vec<SecurityContext> {
        let capabilities = |add: &[&str], drop: &[&str]| {
            let names = |list: &[&str]| {
                (!list.is_empty()).then(|| list.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
            };
            Some(Capabilities { add: names(add), drop: names(drop) })
        };
        match self.user {
            Some((uid, gid)) if uid != 0 => vec![SecurityContext {
                run_as_user: Some(uid),
                run_as_group: gid,
                run_as_non_root: Some(true),
                allow_privilege_escalation: Some(false),
                capabilities: capabilities(&[], &["ALL"]),
                seccomp_profile: Some(SeccompProfile {
                    type_: "RuntimeDefault".to_owned(),
                    localhost_profile: None,
                }),
                ..SecurityContext::default()
            }],
            user => {
                let root = SecurityContext {
                    run_as_user: Some(0),
                    run_as_group: Some(user.and_then(|(_, gid)| gid).unwrap_or(0)),
                    run_as_non_root: Some(false),
                    ..SecurityContext::default()
                };
                let mut contexts = vec![SecurityContext {
                    capabilities: capabilities(&["SYS_PTRACE"], &[]),
                    ..root.clone()
                }];
                // Where no capability may be added, those that the target has are enough for a target that is root, too.
                if user.is_some() {
                    contexts.push(SecurityContext {
                        capabilities: self.own.capabilities.clone(),
                        allow_privilege_escalation: self.own.allow_privilege_escalation,
                        seccomp_profile: self.own.seccomp_profile.clone(),
                        ..root
                    });
                }
                contexts
            }
        }
    }

    /// What to do where the cluster refuses all of [`Self::contexts`].
    pub fn advice(&self) -> &'static str {
        match self.user {
            None => {
                "the container's user is not known, so that the debug container must be root; set securityContext.runAsUser and runAsGroup in the pod"
            }
            Some((0, _)) => {
                "the container runs as root, so that the debug container must; run it as another user, or add tar to its image"
            }
            Some(_) => "ask the cluster's administrator, or add tar to the image",
        }
    }

    /// The process whose root is to be read, as the debug container numbers it; `None` if it has to be looked for.
    pub fn process(&self, asked: u32) -> Option<u32> {
        match (self.shared, asked) {
            (false, _) => Some(1),
            (true, 1) => None,
            (true, asked) => Some(asked),
        }
    }

    /// User and group id that its processes run as, as far as they are known.
    pub fn user(&self) -> Option<(i64, Option<i64>)> {
        self.user
    }

    /// Who a debug container for it runs as.
    pub fn identity(&self) -> String {
        match self.user {
            Some((uid, Some(gid))) => format!("user {uid} and group {gid}"),
            Some((uid, None)) => {
                format!("user {uid} and the group that its image gives (no runAsGroup is set)")
            }
            None => "root with SYS_PTRACE".to_owned(),
        }
    }

    /// Its id in the container runtime; empty if it is not known.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name of one of our containers that looks into it, and will for as long as this run needs.
    pub fn reusable(&self, pod: &Pod, image: &str, needed: Duration, now: Timestamp) -> Option<String> {
        let all = pod.spec.as_ref()?.ephemeral_containers.as_ref()?;
        let fits = |container: &&EphemeralContainer| {
            container.name.starts_with(PREFIX)
                && container.target_container_name.as_deref() == Some(&self.name)
                && container.image.as_deref() == Some(image)
                && lives_on(pod, container, needed, now)
        };
        all.iter().rev().find(fits).map(|container| container.name.clone())
    }

    /// A container to add. Its name is one that no other has.
    pub fn container(
        &self,
        pod: &Pod,
        image: &str,
        needed: Duration,
        context: SecurityContext,
    ) -> EphemeralContainer {
        let uid = pod.metadata.uid.as_deref().unwrap_or_default();
        let seed = format!("{uid} {} {} {}", self.name, Timestamp::now().as_nanosecond(), std::process::id());
        let life = LIFE.max(needed + MARGIN * 2);
        EphemeralContainer {
            name: format!("{PREFIX}{}", hex_digest(seed.as_bytes()).get(..10).unwrap_or_default()),
            image: Some(image.to_owned()),
            command: Some(vec!["sleep".to_owned(), life.as_secs().to_string()]),
            target_container_name: Some(self.name.clone()),
            security_context: Some(context),
            ..EphemeralContainer::default()
        }
    }
}

/// What became of an ephemeral container of a pod.
pub fn progress(pod: &Pod, name: &str) -> Progress {
    let Some(status) = ephemeral_statuses(pod).find(|status| status.name == name) else {
        return Progress::Waiting;
    };
    let failed = |why: String| {
        Progress::Failed(Failure::new(Kind::Helper, format!("the debug container {name} {why}")))
    };
    match &status.state {
        Some(ContainerState { running: Some(_), .. }) => Progress::Running,
        Some(ContainerState { terminated: Some(end), .. }) => {
            let reason = end.reason.as_deref().unwrap_or_default();
            let message = end.message.as_deref().unwrap_or_default();
            failed(format!("ended with exit code {} ({reason} {message}): it needs sleep", end.exit_code))
        }
        Some(ContainerState { waiting: Some(waiting), .. }) => {
            let reason = waiting.reason.as_deref().unwrap_or_default();
            if !is_final(reason) {
                return Progress::Waiting;
            }
            failed(format!("cannot start ({reason}: {})", waiting.message.as_deref().unwrap_or_default()))
        }
        _ => Progress::Waiting,
    }
}

/// Whether a reason for waiting is one that waiting does not end: `pkg/kubelet/images/types.go`,
/// `pkg/kubelet/kuberuntime/kuberuntime_container.go`. A kubelet pulls again after a back-off; the first of them is
/// 10 s long, and what was wrong with the name or the registry is wrong then, too.
pub(crate) fn is_final(reason: &str) -> bool {
    matches!(
        reason,
        "ImagePullBackOff"
            | "InvalidImageName"
            | "ErrImageNeverPull"
            | "ImageInspectError"
            | "CreateContainerConfigError"
            | "CreateContainerError"
            | "RunContainerError"
            | "PreCreateHookError"
            | "CrashLoopBackOff"
    )
}

fn statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.as_ref();
    let lists = status.map(|status| [&status.container_statuses, &status.init_container_statuses]);
    lists.into_iter().flatten().flatten().flatten()
}

fn ephemeral_statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.iter().filter_map(|status| status.ephemeral_container_statuses.as_ref()).flatten()
}

/// Whether a container runs, or is about to, and does not end too soon.
fn lives_on(pod: &Pod, container: &EphemeralContainer, needed: Duration, now: Timestamp) -> bool {
    let status = ephemeral_statuses(pod).find(|status| status.name == container.name);
    let Some(state) = status.and_then(|status| status.state.as_ref()) else { return true };
    if let Some(waiting) = &state.waiting {
        return !is_final(waiting.reason.as_deref().unwrap_or_default());
    }
    let Some(running) = &state.running else { return false };
    let Some(since) = running.started_at.as_ref() else { return false };
    let life = container.command.as_ref().and_then(|command| command.get(1)?.parse::<u64>().ok());
    let age = Duration::try_from(now.duration_since(since.0)).unwrap_or_default();
    life.is_some_and(|life| Duration::from_secs(life) > age + needed + MARGIN)
}

#[cfg(test)]
#[path = "debug/tests.rs"]
mod tests;
