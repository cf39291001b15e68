//! A claim's volume: read through a pod that is made for it, and removed however it goes.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use tokio::time::{Instant, timeout};

use super::{Captured, Collector};
use crate::claim::{CONTAINER, LABELS, Mount, is_left_behind, progress, waiting_for};
use crate::debug::Progress;
use crate::error::{Failure, Kind};
use crate::guard::Patience;
use crate::names::ContainerName;
use crate::remote::{Attempted, RemoteError};
use crate::retry::Pauses;
use crate::selection::PodQuery;

/// How long the pod may take to run: its volume is attached, its image pulled.
const START: Duration = Duration::from_mins(3);

/// What to do about an image that does not serve.
const ANOTHER: &str = "; name another one with --helper-image (busybox has all that is needed)";

/// How long an answer to its creation, or its removal, may take once the run is to end.
const CLEANUP: Duration = Duration::from_secs(10);

/// Pauses between two looks at the pod: the first, and the longest.
const LOOKS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(2)];

impl Collector {
    /// Reads a claim's volume. What came is in `captured` whether it failed or not.
    pub async fn capture_claim(
        &self,
        name: &ContainerName,
        mount: &Mount,
        image: &str,
        captured: &mut Captured,
    ) -> Result<(), Failure> {
        let time = self.timeout + START;
        let patience = Patience {
            deadline: Instant::now() + time,
            timeout: time,
            stall: time,
            cancel: self.cancel.clone(),
        };
        let reader = Reader { collector: self, mount, patience };
        reader.sweep().await?;
        let (pod, made) = reader.make(image).await?;
        let helper = pod.metadata.name.clone().unwrap_or_default();
        // From here on there may be a pod, whatever the API server has said.
        let result = match made {
            Ok(()) => reader.read(name, &helper, image, captured).await,
            Err(failure) => Err(failure),
        };
        let removed = reader.remove(&helper).await;
        match removed {
            Ok(()) => result,
            Err(failure) => {
                let life = pod.spec.and_then(|spec| spec.active_deadline_seconds).unwrap_or_default();
                let words = format!(
                    "the helper pod {helper} could not be removed and ends by itself within {life} s: {failure}"
                );
                // Who may not remove what he makes must learn of it; what passes need not cost the run.
                if failure.kind == Kind::Forbidden && result.is_ok() {
                    return Err(Failure { message: words, ..failure });
                }
                let notes = captured.note.take().into_iter().chain([words]);
                captured.note = Some(notes.collect::<Vec<_>>().join("; "));
                result
            }
        }
    }

    /// The same without what is asked of running programs: volumes are read as they are.
    fn for_claims(&self) -> Self {
        Self {
            cluster: self.cluster.clone(),
            store: self.store.clone(),
            allowance: self.allowance.clone(),
            flush: None,
            debug_image: None,
            shared: None,
            memory: self.memory.clone(),
            cancel: self.cancel.clone(),
            bytes: self.bytes.clone(),
            ..*self
        }
    }
}

struct Reader<'a> {
    collector: &'a Collector,
    mount: &'a Mount,
    patience: Patience,
}

impl Reader<'_> {
    /// Removes what runs that were killed have left behind.
    async fn sweep(&self) -> Result<(), Failure> {
        let pods = self.pods(Some(LABELS.to_owned()), None).await?;
        for pod in pods.iter().filter(|pod| is_left_behind(pod)) {
            // One that cannot be removed ends by itself.
            let _ = self.remove(pod.metadata.name.as_deref().unwrap_or_default()).await;
        }
        Ok(())
    }

    /// Makes the pod. The outer failure means that there is none.
    async fn make(&self, image: &str) -> Result<(Pod, Result<(), Failure>), Failure> {
        let namespace = &self.mount.namespace;
        let life = self.patience.timeout + Duration::from_mins(1);
        let mut refused: Option<Failure> = None;
        for context in self.mount.contexts() {
            let pod = self.mount.pod(image, life, &context)?;
            let Some(made) = self.answer(&pod).await else { return Ok((pod, Err(Failure::interrupted()))) };
            match made.map_err(|error| error.failure(Attempted::Create(namespace))) {
                Ok(()) => return Ok((pod, Ok(()))),
                Err(failure) if failure.kind == Kind::Helper => refused = refused.or(Some(failure)),
                Err(failure) if failure.kind == Kind::Unreachable => return Ok((pod, Err(failure))),
                Err(failure) => return Err(failure),
            }
        }
        let why = refused.map(|failure| failure.message).unwrap_or_default();
        Err(Failure::new(Kind::Helper, format!("a helper pod of {image} cannot be made: {why}")))
    }

    /// What the API server says to a new pod. It may come about whether the run goes on or not, so the answer is waited for
    /// even then, but not for long.
    async fn answer(&self, pod: &Pod) -> Option<Result<(), RemoteError>> {
        let mut making = self.collector.cluster.create_pod(&self.mount.namespace, pod);
        tokio::select! {
            made = &mut making => Some(made),
            () = self.patience.cancel.cancelled() => timeout(CLEANUP, making).await.ok(),
        }
    }

    /// Waits until the pod runs, and reads through it.
    async fn read(
        &self,
        name: &ContainerName,
        helper: &str,
        image: &str,
        captured: &mut Captured,
    ) -> Result<(), Failure> {
        self.started(helper, image).await?;
        let reader = ContainerName::new(&self.mount.namespace, helper, CONTAINER)?;
        let collector = self.collector.for_claims();
        let result = collector.capture_through(name, name, &reader, &self.mount.directory, captured).await;
        result.map_err(|failure| match failure.kind {
            Kind::Empty if self.mount.directory == "." => {
                failure.followed_by("; a directory below the volume's root is named by --from")
            }
            // The pod is ours: nobody need change an image, or look into it from beside.
            Kind::NoTar => {
                let message =
                    format!("the helper pod's image {image} has no tar, and no cat and wc{ANOTHER}");
                Failure { message, ..failure }
            }
            _ => failure,
        })
    }

    async fn started(&self, helper: &str, image: &str) -> Result<(), Failure> {
        let until = Instant::now() + START.min(self.collector.timeout);
        let [mut pause, longest] = LOOKS;
        loop {
            let pods = self.pods(None, Some(format!("metadata.name={helper}"))).await?;
            let gone = || {
                Failure::new(
                    Kind::Helper,
                    format!("the helper pod {helper} is gone: somebody has removed or evicted it"),
                )
            };
            let pod = pods.first().ok_or_else(gone)?;
            match progress(pod) {
                Progress::Running => return Ok(()),
                Progress::Failed(failure) => {
                    return Err(failure.followed_by(format_args!("; its image is {image}{ANOTHER}")));
                }
                Progress::Waiting => {}
            }
            if Instant::now() + pause > until {
                let seconds = START.min(self.collector.timeout).as_secs();
                let why = waiting_for(pod);
                let message = format!("the helper pod {helper} does not run within {seconds} s: {why}");
                return Err(Failure::new(Kind::Helper, message));
            }
            self.patience.wait(tokio::time::sleep(pause)).await?;
            pause = (pause * 2).min(longest);
        }
    }

    async fn pods(&self, labels: Option<String>, fields: Option<String>) -> Result<Vec<Pod>, Failure> {
        let query = PodQuery { namespace: Some(self.mount.namespace.clone()), labels, fields };
        let mut pauses = Pauses::new(self.collector.retries);
        loop {
            let listed = self.patience.wait(self.collector.cluster.list_pods(&query)).await?;
            let attempted = Attempted::List(query.namespace.as_deref());
            let failure = match listed.map_err(|error| error.failure(attempted)) {
                Ok(pods) => return Ok(pods),
                Err(failure) => failure,
            };
            let Some(pause) = pauses.next(&failure) else { return Err(failure) };
            self.patience.wait(tokio::time::sleep(pause)).await?;
        }
    }

    /// Removes a pod, also when the run has been interrupted: it has a time of its own.
    async fn remove(&self, pod: &str) -> Result<(), Failure> {
        let namespace = &self.mount.namespace;
        let mut pauses = Pauses::new(self.collector.retries.max(1));
        let removing = async {
            loop {
                let deleted = self.collector.cluster.delete_pod(namespace, pod).await;
                let failure = match deleted {
                    Ok(()) | Err(RemoteError::NotFound(_)) => return Ok(()),
                    Err(error) => error.failure(Attempted::Delete(namespace)),
                };
                let Some(pause) = pauses.next(&failure) else { return Err(failure) };
                tokio::time::sleep(pause).await;
            }
        };
        let late = || Failure::new(Kind::Unreachable, "no answer in time");
        timeout(CLEANUP, removing).await.unwrap_or_else(|_| Err(late()))
    }
}
