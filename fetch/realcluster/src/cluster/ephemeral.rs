//! Ephemeral containers: added to a pod that runs, never changed and never removed.

use std::sync::Arc;

use serde_json::Value;

use super::{Running, State, config, position};
use crate::error::Error;

/// An ephemeral container of a pod.
#[derive(Debug, Clone)]
pub(crate) struct Ephemeral {
    /// As the API has it.
    pub(crate) spec: Value,
    pub(crate) progress: Progress,
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The kubelet has not started it yet.
    Creating,
    /// It was started, and has this id.
    Started(String),
    /// It cannot be started: the reason as one word, and a message.
    Stuck(&'static str, String),
}

impl Ephemeral {
    pub(crate) fn name(&self) -> &str {
        self.spec["name"].as_str().unwrap_or_default()
    }
}

/// Starts an ephemeral container that the pod has by now, as its kubelet would, and keeps what comes of it.
pub(crate) async fn start(state: Arc<State>, key: (String, String), name: String) {
    let found = {
        let pods = state.pods();
        pods.get(&key).and_then(|running| {
            let added = running.ephemeral.iter().find(|added| added.name() == name)?;
            Some((running.clone(), added.spec.clone()))
        })
    };
    let Some((running, spec)) = found else { return };
    let progress = match try_start(&state, &running, &spec).await {
        Ok(progress) => progress,
        Err(error) => Progress::Stuck("CreateContainerError", error.to_string()),
    };
    if let Some(running) = state.pods().get_mut(&key)
        && let Some(added) = running.ephemeral.iter_mut().find(|added| added.name() == name)
    {
        added.progress = progress;
    }
}

async fn try_start(state: &State, running: &Running, spec: &Value) -> Result<Progress, Error> {
    let image = spec["image"].as_str().unwrap_or_default();
    if !state.runtime.has_image(image).await? {
        let message = format!("Back-off pulling image {image:?}");
        return Ok(Progress::Stuck("ImagePullBackOff", message));
    }
    let context = &spec["securityContext"];
    if context["runAsNonRoot"] == true && context["runAsUser"] == 0 {
        let message = "container's runAsUser breaks non-root policy".to_owned();
        return Ok(Progress::Stuck("CreateContainerConfigError", message));
    }
    let target = match spec["targetContainerName"].as_str() {
        Some(target) => {
            let (index, _) = position(running, target)?;
            running.containers.get(index).map(|started| started.id.as_str())
        }
        None => None,
    };
    let config = config::ephemeral(&running.pod, spec, target);
    let id = state.runtime.start_container(&running.sandbox, config, &running.sandbox_config).await?;
    Ok(Progress::Started(id))
}
