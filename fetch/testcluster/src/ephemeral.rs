//! Ephemeral containers: added to a pod that runs, never changed and never removed
//! (kubernetes pkg/apis/core/validation/validation.go, `ValidatePodEphemeralContainersUpdate`).

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::status::Status;
use crate::object::timestamp;
use crate::state::{PodKey, State};

/// An ephemeral container of a pod.
#[derive(Debug)]
pub(crate) struct Ephemeral {
    /// As the API has it.
    pub(crate) spec: Value,
    since: Timestamp,
    progress: Progress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Running,
    Creating,
    NoImage,
}

impl Ephemeral {
    pub(crate) fn name(&self) -> &str {
        self.spec["name"].as_str().unwrap_or_default()
    }

    /// `exit` is the code of the process that it ends with, once that has ended.
    pub(crate) fn status(&self, exit: Option<i32>) -> Value {
        let image = &self.spec["image"];
        let state = match (self.progress, exit) {
            (Progress::Running, None) => json!({"running": {"startedAt": timestamp(self.since)}}),
            (Progress::Running, Some(_)) => json!({"terminated": {"exitCode": 137, "reason": "Error"}}),
            (Progress::Creating, _) => json!({"waiting": {"reason": "ContainerCreating"}}),
            (Progress::NoImage, _) => {
                let message = format!("Back-off pulling image {image}");
                json!({"waiting": {"reason": "ImagePullBackOff", "message": message}})
            }
        };
        json!({
            "name": self.name(), "image": image, "imageID": "", "ready": false, "restartCount": 0, "state": state,
        })
    }
}

impl State {
    /// Adds the containers of a strategic merge patch to a pod and gives its object.
    pub(crate) fn add_ephemeral(&self, key: &PodKey, patch: &Value) -> Result<Value, Status> {
        let wanted = patch
            .pointer("/spec/ephemeralContainers")
            .and_then(Value::as_array)
            .ok_or_else(|| Status::bad_request("nothing but spec.ephemeralContainers is modelled"))?;
        let mut inner = self.lock();
        let images = inner.images.clone();
        let missing = || Status::not_found("pods", &key.1);
        let invalid = |why: &str| {
            Status::chosen(422, format!("Pod {:?} is invalid: spec.ephemeralContainers: {why}", key.1), None)
        };
        for spec in wanted {
            let record = inner.pods.get_mut(key).ok_or_else(missing)?;
            let name = spec["name"].as_str().unwrap_or_default();
            if let Some(held) = record.ephemeral.iter().find(|held| held.name() == name) {
                if held.spec == *spec {
                    continue;
                }
                return Err(invalid("Forbidden: existing ephemeral containers may not be changed"));
            }
            let mut others = record.pod.all();
            if name.is_empty() || others.any(|other| other.name == name) {
                return Err(invalid("name: Required value, and one of its own"));
            }
            let target = spec["targetContainerName"].as_str().unwrap_or_default();
            let beside = record.running.get(target).cloned();
            let Some(beside) = beside else { return Err(invalid("targetContainerName: Not found")) };
            let image = spec["image"].as_str().unwrap_or_default();
            let progress = match images.get(image) {
                None => Progress::NoImage,
                Some(None) => Progress::Creating,
                Some(Some(programs)) => {
                    let label = format!("{}/{}/{name}", key.0, key.1);
                    let started = self.node.start_beside(&beside, &label, programs);
                    let started = started.map_err(|error| Status::chosen(500, error.to_string(), None))?;
                    record.running.insert(name.to_owned(), Arc::new(started));
                    Progress::Running
                }
            };
            record.ephemeral.push(Ephemeral { spec: spec.clone(), since: Timestamp::now(), progress });
        }
        let record = inner.pods.get(key).ok_or_else(missing)?;
        Ok(record.object())
    }
}
