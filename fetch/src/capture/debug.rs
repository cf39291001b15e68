//! A container whose image has nothing to copy or to signal with: read through an ephemeral container beside it.

use k8s_openapi::api::core::v1::Pod;

use super::{Captured, Job};
use crate::debug::attach::Attachment;
use crate::debug::question::{ANSWER_BYTES, judge, place, where_is};
use crate::error::{Failure, Kind};
use crate::flush::FlushRequest;
use crate::names::ContainerName;

/// A container that looks into another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The ephemeral container.
    pub container: ContainerName,
    /// The directory of the other one, as seen from this.
    source: String,
}

/// Reads the container of a job through a debug container. `lacking` is why it cannot be read from inside, if that was
/// tried now.
pub(super) async fn read(
    job: &Job<'_>,
    image: Option<&str>,
    lacking: Option<Failure>,
    captured: &mut Captured,
) -> Result<(), Failure> {
    let Some(image) = image else {
        return lacking.map_or(Ok(()), |failure| Err(without_image(failure)));
    };
    let result = job.through(image, captured).await;
    match (result, lacking) {
        // As long as there is no debug container, the reason for it belongs to the story.
        (Err(failure), Some(lacking)) if captured.debug.is_none() && failure.kind != Kind::Unfinished => {
            let message = format!("{}; tried then: {}", lacking.message, failure.message);
            Err(Failure { message, ..failure })
        }
        (result, _) => result,
    }
}

/// What was tried, and what would work.
fn without_image(failure: Failure) -> Failure {
    failure.followed_by("; or let an ephemeral container read it: --debug-image busybox:1.37")
}

impl Job<'_> {
    async fn through(&self, image: &str, captured: &mut Captured) -> Result<(), Failure> {
        if captured.debug.is_none() {
            captured.debug = Some(self.open(image, captured.ended).await?);
        }
        let Some(window) = captured.debug.clone() else { return Ok(()) };
        // What is known of the programs is known of the other image.
        captured.shell_less = false;
        captured.zips = false;
        captured.tar_less = false;
        let job =
            Job { at: &window.container, source: &window.source, patience: self.patience.clone(), ..*self };
        let had_ended = captured.ended;
        let result = job.inside(captured).await;
        let restarted = captured.ended && !had_ended;
        if restarted || matches!(&result, Err(failure) if failure.kind == Kind::PodState) {
            captured.debug = None;
        }
        if restarted && result.is_ok() {
            return Box::pin(self.through(image, captured)).await;
        }
        result
    }

    /// Finds or adds a debug container, waits until it runs, and asks it where the directory is. If the container has been
    /// started anew the process that was signalled is gone.
    async fn open(&self, image: &str, anew: bool) -> Result<Window, Failure> {
        let (container, target) = self.attachment().attach(image).await?;
        let signalled = self.collector.flush.as_ref().and_then(FlushRequest::pid).filter(|_| !anew);
        let process = signalled.unwrap_or(1);
        let job = Job { at: &container, patience: self.patience.clone(), ..*self };
        let (said, end) = job.run(&where_is(self.source, &target, process), ANSWER_BYTES).await?;
        judge(&end)?;
        Ok(Window { source: place(&said, &target)?, container })
    }

    /// The pod as it is now.
    pub(super) async fn pod(&self) -> Result<Pod, Failure> {
        self.attachment().pod().await
    }

    fn attachment(&self) -> Attachment<'_> {
        Attachment {
            cluster: &*self.collector.cluster,
            name: self.name,
            patience: &self.patience,
            needed: self.patience.timeout,
        }
    }
}
