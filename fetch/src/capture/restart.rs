//! A container that is told to end: its program writes its counters then, and is read once it has been started again.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use tokio::time::Instant;

use super::{Captured, Job};
use crate::error::{Failure, Kind, Retry};
use crate::escape::one_line;
use crate::flush::FlushRequest;

/// Pauses between two looks at the pod: the first, and the longest.
const LOOKS: [std::time::Duration; 2] =
    [std::time::Duration::from_millis(100), std::time::Duration::from_secs(1)];

/// One of a container's lives, as the pod's status tells them apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Life {
    /// Id that the runtime gave it.
    id: Option<String>,
    restarts: i32,
}

impl Life {
    fn of(status: &ContainerStatus) -> Self {
        Self { id: status.container_id.clone(), restarts: status.restart_count }
    }
}

impl Job<'_> {
    /// Reads a container that ends of its flush: either its files come before its end, or after its restart. Where it is
    /// read through a debug container, what comes after the restart is left to another one.
    pub(super) async fn across_its_end(&self, captured: &mut Captured) -> Result<(), Failure> {
        if captured.before.is_none() {
            let pod = self.pod().await?;
            captured.life = self.status(&pod).map(Life::of);
        }
        if !captured.ended {
            match self.once(captured).await {
                Err(failure) if captured.before.is_some() && is_an_end(&failure) => {}
                result => return result,
            }
            self.restarted(captured).await?;
            captured.ended = true;
            if self.at != self.name {
                // Who looked into the container has ended with it, or sees processes that are gone: somebody else is to look.
                return Ok(());
            }
        }
        self.once(captured).await
    }

    /// Waits until the container lives again.
    async fn restarted(&self, captured: &Captured) -> Result<(), Failure> {
        let timeout =
            self.collector.flush.as_ref().map(|flush: &FlushRequest| flush.timeout).unwrap_or_default();
        let until = Instant::now() + timeout;
        let [mut pause, longest] = LOOKS;
        loop {
            let state = match self.pod().await {
                Ok(pod) => {
                    let status = self.status(&pod);
                    let runs = status.is_some_and(|status| {
                        let running = status.state.as_ref().is_some_and(|state| state.running.is_some());
                        running && captured.life.as_ref() != Some(&Life::of(status))
                    });
                    if runs {
                        return Ok(());
                    }
                    status.map_or_else(|| "it has no status".to_owned(), describe)
                }
                // It may pass while the time lasts.
                Err(failure) if failure.retry != Retry::No => failure.message,
                Err(failure) => return Err(failure),
            };
            if Instant::now() + pause > until {
                let seconds = timeout.as_secs();
                let message = format!(
                    "the container has ended after signal TERM and does not run again after {seconds} s ({state}): its files are on its volume; run covfetch again, without --signal, once it does"
                );
                return Err(Failure::new(Kind::Restart, message));
            }
            self.patience.wait(tokio::time::sleep(pause)).await?;
            pause = (pause * 2).min(longest);
        }
    }

    fn status<'a>(&self, pod: &'a Pod) -> Option<&'a ContainerStatus> {
        let status = pod.status.as_ref()?;
        let lists = [&status.container_statuses, &status.init_container_statuses];
        lists.into_iter().flatten().flatten().find(|status| status.name == self.name.container)
    }
}

/// Whether a failure is what the end of a container looks like from outside: a stream that is cut, exit code 137, a
/// container that is not running, a directory that was there before the signal and is not any more.
fn is_an_end(failure: &Failure) -> bool {
    let cut = matches!(failure.kind, Kind::Truncated | Kind::NoStatus | Kind::Command);
    matches!(failure.kind, Kind::PodState | Kind::MissingDir) || (cut && failure.retry != Retry::No)
}

fn describe(status: &ContainerStatus) -> String {
    let state = status.state.as_ref();
    let waiting = state.and_then(|state| state.waiting.as_ref());
    let ended = state.and_then(|state| state.terminated.as_ref());
    match (waiting, ended) {
        (Some(waiting), _) => {
            one_line(&format!("waiting: {}", waiting.reason.as_deref().unwrap_or("no reason given")))
        }
        (_, Some(ended)) => format!("ended with exit code {}", ended.exit_code),
        _ => "still running".to_owned(),
    }
}
