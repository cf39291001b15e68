//! Finds a debug container in a pod, or adds one, and waits until it runs.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use tokio::time::{Instant, sleep};

use super::{Progress, Target, progress};
use crate::error::{Failure, Kind};
use crate::guard::Patience;
use crate::names::ContainerName;
use crate::remote::{Attempted, Cluster};
use crate::selection::PodQuery;

/// How long a debug container may take to run: its image may have to be pulled.
const START: Duration = Duration::from_mins(2);

/// Pauses between two looks at the pod: the first, and the longest.
const LOOKS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(2)];

/// A container to look into, and how.
#[derive(Clone, Copy)]
pub struct Attachment<'a> {
    /// Where it is.
    pub cluster: &'a dyn Cluster,
    /// The container to look into.
    pub name: &'a ContainerName,
    /// How long to wait.
    pub patience: &'a Patience,
    /// For how long the debug container is needed.
    pub needed: Duration,
}

impl Attachment<'_> {
    /// Gives the debug container, which runs, and what it looks into.
    pub async fn attach(&self, image: &str) -> Result<(ContainerName, Target), Failure> {
        let pod = self.pod().await?;
        let gone = || Failure::new(Kind::PodState, "the container is not in its pod any more");
        let target = Target::of(&pod, &self.name.container).ok_or_else(gone)?;
        let name = match target.reusable(&pod, image, self.needed, Timestamp::now()) {
            Some(name) => name,
            None => self.add(&pod, &target, image).await?,
        };
        let container = ContainerName::new(&self.name.namespace, &self.name.pod, &name)?;
        self.started(&container, image).await?;
        Ok((container, target))
    }

    /// The pod as it is now. A list of one, because the right to list is there in any case.
    pub async fn pod(&self) -> Result<Pod, Failure> {
        let query = PodQuery {
            namespace: Some(self.name.namespace.clone()),
            labels: None,
            fields: Some(format!("metadata.name={}", self.name.pod)),
        };
        let listed = self.patience.wait(self.cluster.list_pods(&query)).await?;
        let pods = listed.map_err(|error| error.failure(Attempted::List(query.namespace.as_deref())))?;
        let found = pods.into_iter().find(|pod| pod.metadata.name.as_deref() == Some(&self.name.pod));
        found.ok_or_else(|| {
            Failure::new(Kind::PodState, "the pod is gone: if another has taken its place, run it again")
        })
    }

    /// Adds a debug container and gives its name.
    async fn add(&self, pod: &Pod, target: &Target, image: &str) -> Result<String, Failure> {
        let ContainerName { namespace, pod: name, .. } = self.name;
        let mut refused = None;
        for context in target.contexts() {
            let container = target.container(pod, image, self.needed, context);
            let added = self.patience.wait(self.cluster.add_ephemeral(namespace, name, &container));
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
        let until = Instant::now() + START;
        let [mut pause, longest] = LOOKS;
        loop {
            match progress(&self.pod().await?, &container.container) {
                Progress::Running => return Ok(()),
                Progress::Failed(failure) => {
                    return Err(failure.followed_by(format_args!(" [{image}]")));
                }
                Progress::Waiting => {}
            }
            if Instant::now() + pause > until {
                let name = &container.container;
                let message = format!(
                    "the debug container {name} of {image} does not run after {} s: kubectl describe pod {} tells why",
                    START.as_secs(),
                    self.name.pod
                );
                return Err(Failure::new(Kind::Helper, message));
            }
            self.patience.wait(sleep(pause)).await?;
            pause = (pause * 2).min(longest);
        }
    }
}
