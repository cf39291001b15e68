//! Whether a container can be read, from the pod's status.

use k8s_openapi::api::core::v1::{Container, ContainerState, ContainerStatus, Pod};

/// Whether a command can be run in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It runs.
    Running {
        /// What its reader should know.
        note: Option<String>,
    },
    /// It has not run, so there can be no coverage yet.
    NotYet {
        /// One line.
        why: String,
    },
    /// It has run and does not run now: what it wrote is out of reach.
    Gone {
        /// One line, without what follows of it.
        why: String,
    },
}

/// Judges one container of a pod.
pub(crate) fn reach(pod: &Pod, container: &Container) -> Reach {
    let status = status_of(pod, &container.name);
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default();
    let state = status.and_then(|status| status.state.as_ref());
    if phase == "Unknown" {
        let why = "the node does not answer (pod phase Unknown)";
        return Reach::Gone { why: why.to_owned() };
    }
    match state {
        Some(ContainerState { running: Some(_), .. }) => Reach::Running { note: running_note(pod) },
        Some(ContainerState { terminated: Some(end), .. }) => {
            let what =
                if end.exit_code == 0 && end.signal.unwrap_or(0) == 0 { "completed" } else { "crashed" };
            let reason = detail(end.reason.as_deref(), None);
            let leaving = if pod.metadata.deletion_timestamp.is_some() {
                " while the pod is being deleted"
            } else {
                ""
            };
            Reach::Gone { why: format!("{what} with exit code {}{reason}{leaving}", end.exit_code) }
        }
        Some(ContainerState { waiting: Some(waiting), .. }) => {
            let reason = detail(waiting.reason.as_deref(), waiting.message.as_deref());
            match last_exit_code(status) {
                Some(code) => {
                    Reach::Gone { why: format!("crashed with exit code {code} and is not running{reason}") }
                }
                None if has_run(status, waiting.reason.as_deref()) => {
                    Reach::Gone { why: format!("it has run before and is not running{reason}") }
                }
                None => Reach::NotYet { why: format!("pending{reason}") },
            }
        }
        // What the status leaves out, the attempt to run a command tells.
        _ if phase == "Running" => Reach::Running { note: running_note(pod) },
        _ => without_state(pod, phase),
    }
}

/// Whether a waiting container has run, though its last state is forgotten: dead containers are cleared away.
fn has_run(status: Option<&ContainerStatus>, reason: Option<&str>) -> bool {
    status.is_some_and(|status| status.restart_count > 0) || reason == Some("CrashLoopBackOff")
}

/// The status of a container, sidecars and init containers included.
pub(crate) fn status_of<'a>(pod: &'a Pod, name: &str) -> Option<&'a ContainerStatus> {
    let status = pod.status.as_ref()?;
    let lists = [&status.container_statuses, &status.init_container_statuses];
    lists.into_iter().flatten().flatten().find(|status| status.name == name)
}

fn running_note(pod: &Pod) -> Option<String> {
    let leaving = pod.metadata.deletion_timestamp.is_some();
    leaving.then(|| "the pod is being deleted: what it counts from now on is lost".to_owned())
}

/// What its restarts mean for the files in a running container's directory, which lies on a volume or may not.
pub(crate) fn restarts_note(pod: &Pod, container: &Container, on_volume: bool) -> Option<String> {
    let status = status_of(pod, &container.name).filter(|status| status.restart_count > 0)?;
    // A program that ended well has written its counters, and they are still there.
    if on_volume && last_exit_code(Some(status)) == Some(0) {
        return None;
    }
    let restarts = status.restart_count;
    let times = if restarts == 1 { "once".to_owned() } else { format!("{restarts} times") };
    let last = last_end(status).map(|end| format!(" (last: {end})")).unwrap_or_default();
    let perhaps = ": counters from before are here only if the directory lies on a volume";
    Some(format!("restarted {times}{last}{}", if on_volume { "" } else { perhaps }))
}

/// How the run before this one ended.
fn last_end(status: &ContainerStatus) -> Option<String> {
    let end = status.last_state.as_ref()?.terminated.as_ref()?;
    let reason = end.reason.as_deref().filter(|reason| !reason.is_empty() && *reason != "Error");
    let reason = reason.map(|reason| format!("{reason}, ")).unwrap_or_default();
    Some(format!("{reason}exit code {}", end.exit_code))
}

fn last_exit_code(status: Option<&ContainerStatus>) -> Option<i32> {
    let last = status?.last_state.as_ref()?.terminated.as_ref()?;
    Some(last.exit_code)
}

/// A container of which the pod's status says nothing.
fn without_state(pod: &Pod, phase: &str) -> Reach {
    let status = pod.status.as_ref();
    let reason = status.and_then(|status| status.reason.as_deref());
    let message = status.and_then(|status| status.message.as_deref());
    match phase {
        _ if pod.metadata.deletion_timestamp.is_some() && phase == "Pending" => {
            Reach::NotYet { why: "being deleted before it has started".to_owned() }
        }
        "Succeeded" => Reach::Gone { why: "completed".to_owned() },
        "Failed" => {
            let detail = detail(reason, message);
            Reach::Gone { why: format!("failed{detail}") }
        }
        _ => {
            let scheduled = status
                .and_then(|status| status.conditions.as_ref())
                .and_then(|all| all.iter().find(|one| one.type_ == "PodScheduled" && one.status == "False"));
            let detail = match scheduled {
                Some(condition) => detail(condition.reason.as_deref(), condition.message.as_deref()),
                None => detail(reason, message),
            };
            Reach::NotYet { why: format!("pending{detail}") }
        }
    }
}

fn detail(reason: Option<&str>, message: Option<&str>) -> String {
    let parts: Vec<&str> = [reason, message].into_iter().flatten().filter(|text| !text.is_empty()).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(": ")) }
}

/// The containers of a pod in the order of its spec, those that run beside the others (sidecars) included.
pub(crate) fn containers(pod: &Pod) -> Vec<&Container> {
    let Some(spec) = &pod.spec else { return Vec::new() };
    spec.init_containers.iter().flatten().chain(&spec.containers).collect()
}

/// Why a pod has not started, if it has not.
pub(crate) fn not_started(pod: &Pod) -> Option<String> {
    let containers = containers(pod);
    match reach(pod, containers.last()?) {
        Reach::NotYet { why } => Some(why),
        _ => None,
    }
}
