//! Pods that clients make: of one container, of an image that the test has named, with a claim's volume.

use serde_json::{Value, json};

use crate::api::status::Status;
use crate::container::Container;
use crate::pod::{Phase, Pod};
use crate::state::State;

impl State {
    /// Makes a pod of a client's object and gives the object that it has become.
    pub(crate) fn make_pod(&self, namespace: &str, object: &Value) -> Result<Value, Status> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let name = text("/metadata/name");
        if name.is_empty() {
            return Err(Status::chosen(422, "Pod \"\" is invalid: metadata.name: Required value", None));
        }
        let key = (namespace.to_owned(), name.to_owned());
        if self.lock().pods.contains_key(&key) {
            return Err(Status::chosen(409, format!("pods {name:?} already exists"), None));
        }
        let image = text("/spec/containers/0/image");
        let (programs, volume) = {
            let inner = self.lock();
            let claim = text("/spec/volumes/0/persistentVolumeClaim/claimName");
            let volume = inner.claims.get(&(namespace.to_owned(), claim.to_owned())).cloned();
            (inner.images.get(image).cloned(), volume)
        };
        let mut container = Container::new(text("/spec/containers/0/name")).image(image);
        if let Some(volume) = volume {
            container = container.dir(volume);
        }
        let mut pod = Pod::new(namespace, name).restart_policy(text("/spec/restartPolicy"));
        // What the object says, under what the cluster knows of it.
        let mut overlay = json!({"metadata": object["metadata"], "spec": object["spec"]});
        match programs {
            Some(Some(programs)) => pod = pod.container(container.programs(programs)),
            Some(None) => pod = pod.phase(Phase::Pending).container(container),
            None => {
                let waiting = json!({"reason": "ImagePullBackOff", "message": format!("Back-off pulling image {image:?}")});
                overlay["status"] = json!({"phase": "Pending", "containerStatuses": [{
                    "name": text("/spec/containers/0/name"), "image": image, "imageID": "", "ready": false,
                    "restartCount": 0, "state": {"waiting": waiting},
                }]});
                pod = pod.phase(Phase::Pending).container(container);
            }
        }
        self.add_pods(vec![pod.overlay(overlay)])
            .map_err(|error| Status::chosen(500, error.to_string(), None))?;
        let inner = self.lock();
        let made = inner.pods.get(&key).ok_or_else(|| Status::not_found("pods", name))?;
        Ok(made.object())
    }
}
