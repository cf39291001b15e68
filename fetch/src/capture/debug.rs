//! A container whose image has nothing to copy or to signal with: read through an ephemeral container beside it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use super::{Captured, Job};
use crate::debug::{Progress, Target, progress};
use crate::error::{Failure, Kind};
use crate::flush::FlushRequest;
use crate::names::ContainerName;
use crate::remote::Attempted;
use crate::script::directory;
use crate::selection::PodQuery;

/// The script as it stands in its file, comments included.
const SOURCE: &str = include_str!("../debug.sh");

/// Bytes of a path: twice the longest that there is.
const PATH_BYTES: u64 = 8 << 10;

/// How long a debug container may take to run: its image may have to be pulled.
const START: Duration = Duration::from_mins(2);

/// Pauses between two looks at the pod: the first, and the longest.
const LOOKS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(2)];

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
            captured.debug = Some(self.open(image).await?);
        }
        let Some(window) = captured.debug.clone() else { return Ok(()) };
        // What is known of the programs is known of the other image.
        captured.shell_less = false;
        captured.zips = false;
        captured.tar_less = false;
        let job =
            Job { at: &window.container, source: &window.source, patience: self.patience.clone(), ..*self };
        let result = job.inside(captured).await;
        if matches!(&result, Err(failure) if failure.kind == Kind::PodState) {
            captured.debug = None;
        }
        result
    }

    /// Finds or adds a debug container, waits until it runs, and asks it where the directory is.
    async fn open(&self, image: &str) -> Result<Window, Failure> {
        let pod = self.pod().await?;
        let gone = || Failure::new(Kind::PodState, "the container is not in its pod any more");
        let target = Target::of(&pod, &self.name.container).ok_or_else(gone)?;
        let needed = self.patience.timeout;
        let name = match target.reusable(&pod, image, needed, Timestamp::now()) {
            Some(name) => name,
            None => self.add(&pod, &target, image).await?,
        };
        let container = ContainerName::new(&self.name.namespace, &self.name.pod, &name)?;
        self.started(&container, image).await?;
        let source = self.resolved(&container, &target).await?;
        Ok(Window { container, source })
    }

    /// Adds a debug container and gives its name.
    async fn add(&self, pod: &Pod, target: &Target, image: &str) -> Result<String, Failure> {
        let ContainerName { namespace, pod: name, .. } = self.name;
        let mut refused = None;
        for context in target.contexts() {
            let container = target.container(pod, image, self.patience.timeout, context);
            let added = self.patience.wait(self.collector.cluster.add_ephemeral(namespace, name, &container));
            match added.await?.map_err(|error| error.failure(Attempted::Debug(namespace))) {
                Ok(()) => return Ok(container.name),
                Err(failure) if failure.kind == Kind::Helper => refused = refused.or(Some(failure)),
                Err(failure) => return Err(failure),
            }
        }
        let why = refused.map(|failure| failure.message).unwrap_or_default();
        let message = format!("a debug container of {image}: {why}; {}", target.advice());
        Err(Failure::new(Kind::Helper, message))
    }

    /// Waits until a debug container runs.
    async fn started(&self, container: &ContainerName, image: &str) -> Result<(), Failure> {
        let until = tokio::time::Instant::now() + START;
        let [mut pause, longest] = LOOKS;
        loop {
            match progress(&self.pod().await?, &container.container) {
                Progress::Running => return Ok(()),
                Progress::Failed(failure) => {
                    return Err(failure.followed_by(format_args!(" [{image}]")));
                }
                Progress::Waiting => {}
            }
            if tokio::time::Instant::now() + pause > until {
                let name = &container.container;
                let message =
                    format!("the debug container {name} of {image} does not run after {} s", START.as_secs());
                return Err(Failure::new(Kind::Helper, message));
            }
            self.patience.wait(tokio::time::sleep(pause)).await?;
            pause = (pause * 2).min(longest);
        }
    }

    /// The pod as it is now. A list of one, because the right to list is there in any case.
    pub(super) async fn pod(&self) -> Result<Pod, Failure> {
        let query = PodQuery {
            namespace: Some(self.name.namespace.clone()),
            labels: None,
            fields: Some(format!("metadata.name={}", self.name.pod)),
        };
        let listed = self.patience.wait(self.collector.cluster.list_pods(&query)).await?;
        let pods = listed.map_err(|error| error.failure(Attempted::List(query.namespace.as_deref())))?;
        let found = pods.into_iter().find(|pod| pod.metadata.name.as_deref() == Some(&self.name.pod));
        found.ok_or_else(|| Failure::new(Kind::PodState, "the pod is gone"))
    }

    /// Where the directory is, as seen from the debug container.
    async fn resolved(&self, container: &ContainerName, target: &Target) -> Result<String, Failure> {
        let asked = self.collector.flush.as_ref().and_then(FlushRequest::pid).unwrap_or(1);
        let process = target.process(asked).map(|process| process.to_string()).unwrap_or_default();
        let script: Vec<&str> =
            SOURCE.lines().map(str::trim_start).filter(|line| !line.starts_with('#')).collect();
        let words = ["sh", "-c", &script.join("\n"), "covfetch", self.source, &process, target.id()];
        let job = Job { at: container, patience: self.patience.clone(), ..*self };
        let (said, end) = job.run(&words.map(str::to_owned), PATH_BYTES).await?;
        if end.lacks("sh") {
            let message = "the image of the debug container has no shell (busybox will do)";
            return Err(Failure::new(Kind::Helper, message));
        }
        if let Some(failure) = end.failure("the shell of the debug container") {
            return Err(failure);
        }
        answer(&said, target)
    }
}

/// What the script wrote: a line that says how it went, then the directory up to the end.
fn answer(said: &[u8], target: &Target) -> Result<String, Failure> {
    let text = std::str::from_utf8(said).ok().and_then(|text| text.split_once('\n'));
    let why = match text {
        Some(("covfetch 1", path)) if path.starts_with('/') => return Ok(directory(path)),
        Some(("covfetch 1 gone", _)) => "sees no process of the container: name one with --pid".to_owned(),
        Some(("covfetch 1 denied", _)) => format!(
            "may not look into the container: it runs as {}, and that is not who the container runs as",
            target.identity()
        ),
        Some(("covfetch 1 several", _)) => {
            "sees several containers with this directory: name a process with --pid".to_owned()
        }
        Some(("covfetch 1 loop", _)) => "finds links in the directory's path that lead nowhere".to_owned(),
        Some(("covfetch 1 no-readlink", _)) => "has no readlink (busybox will do)".to_owned(),
        _ => "answered something unexpected".to_owned(),
    };
    Err(Failure::new(Kind::Helper, format!("the debug container {why}")))
}
