//! Pods that clients make: of one container with the volume of one claim, run as a kubelet would run them.

use std::sync::Arc;

use serde_json::Value;

use super::{Ephemeral, Progress, Running, State, config};
use crate::cri::messages::{ContainerConfig, Mount};
use crate::error::Error;
use crate::pod::Pod;

/// Lists a pod from now on, and starts it in the background.
pub(crate) fn make(state: &Arc<State>, namespace: &str, object: Value) -> Result<(), Error> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let mut pod = Pod::new(namespace, &name);
    for (key, value) in object["metadata"]["labels"].as_object().into_iter().flatten() {
        pod = pod.label(key, value.as_str().unwrap_or_default());
    }
    let uid = format!("{}-{namespace}-{name}", state.node);
    let sandbox_config = config::sandbox(&pod, &uid, state);
    std::fs::create_dir_all(&sandbox_config.log_directory).map_err(Error::io("make a directory"))?;
    let spec = object["spec"]["containers"][0].clone();
    let running = Running {
        pod,
        uid,
        sandbox: String::new(),
        sandbox_config,
        containers: Vec::new(),
        ephemeral: vec![Ephemeral { spec, progress: Progress::Creating }],
        made: Some(object),
    };
    state.pods().insert((namespace.to_owned(), name), running.clone());
    tokio::spawn(run(Arc::clone(state), running));
    Ok(())
}

/// Starts a listed pod and keeps what comes of it. One that was removed meanwhile is taken down again.
async fn run(state: Arc<State>, running: Running) {
    let (sandbox, progress) = match state.runtime.run_sandbox(&running.sandbox_config).await {
        Ok(sandbox) => (sandbox.clone(), start(&state, &running, &sandbox).await),
        Err(error) => (String::new(), Err(error)),
    };
    let stuck = |error: Error| Progress::Stuck("CreateContainerError", error.to_string());
    let progress = progress.unwrap_or_else(stuck);
    {
        let mut pods = state.pods();
        if let Some(held) = pods.get_mut(&(running.pod.namespace, running.pod.name)) {
            held.sandbox = sandbox;
            if let Some(container) = held.ephemeral.first_mut() {
                container.progress = progress;
            }
            return;
        }
    }
    let _ = state.runtime.remove_sandbox(&sandbox).await;
}

async fn start(state: &State, running: &Running, sandbox: &str) -> Result<Progress, Error> {
    let Some(Ephemeral { spec, .. }) = running.ephemeral.first() else {
        return Err(Error::Unknown("a container".to_owned()));
    };
    let image = spec["image"].as_str().unwrap_or_default();
    if !state.runtime.has_image(image).await? {
        let message = format!("Back-off pulling image {image:?}");
        return Ok(Progress::Stuck("ImagePullBackOff", message));
    }
    let config = container(state, running, spec);
    let id = state.runtime.start_container(sandbox, config, &running.sandbox_config).await?;
    Ok(Progress::Started(id))
}

/// The container: as an ephemeral one, with the volume and the groups of the pod.
fn container(state: &State, running: &Running, spec: &Value) -> ContainerConfig {
    let object = running.made.as_ref().unwrap_or(&Value::Null);
    let mut config = config::ephemeral(&running.pod, spec, None);
    let volume = &object["spec"]["volumes"][0]["persistentVolumeClaim"];
    let mount = &spec["volumeMounts"][0];
    if let (Some(claim), Some(path)) = (volume["claimName"].as_str(), mount["mountPath"].as_str()) {
        config.mounts.push(Mount {
            container_path: path.to_owned(),
            host_path: state.claims(&running.pod.namespace).join(claim).display().to_string(),
            readonly: mount["readOnly"] == true,
        });
    }
    let groups = object["spec"]["securityContext"]["supplementalGroups"].as_array();
    if let Some(security) = config.linux.as_mut().and_then(|linux| linux.security_context.as_mut()) {
        security.supplemental_groups = groups.into_iter().flatten().filter_map(Value::as_i64).collect();
    }
    config
}

/// Kills and removes a pod.
pub(crate) async fn remove(state: &State, namespace: &str, name: &str) -> Result<(), Error> {
    let removed = state.pods().remove(&(namespace.to_owned(), name.to_owned()));
    let running = removed.ok_or_else(|| Error::Unknown(format!("{namespace}/{name}")))?;
    // Who is starting one takes it down himself.
    if running.sandbox.is_empty() { Ok(()) } else { state.runtime.remove_sandbox(&running.sandbox).await }
}
