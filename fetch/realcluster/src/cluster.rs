//! The cluster as a test sees it: run, kill and restart, and a kubeconfig that leads to it.

mod config;
mod ephemeral;
mod made;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api;
use crate::cri::Runtime;
use crate::cri::messages::{ContainerState, ContainerStatus, SandboxConfig};
use crate::error::Error;
use crate::image::Image;
use crate::node::Node;
use crate::pod::{Container, Pod, Stage};

pub(crate) use ephemeral::{Ephemeral, Progress, start as start_ephemeral};
pub(crate) use made::{make, remove};

/// How long a container may take to end.
const END_PATIENCE: Duration = Duration::from_secs(30);

/// A pod that runs.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    pub(crate) pod: Pod,
    pub(crate) uid: String,
    pub(crate) sandbox: String,
    sandbox_config: SandboxConfig,
    /// In the order of the pod's containers.
    pub(crate) containers: Vec<Started>,
    /// In the order in which they were added.
    pub(crate) ephemeral: Vec<Ephemeral>,
    /// What a client has made it of, if a client did; its container is the first of the ephemeral ones then.
    pub(crate) made: Option<Value>,
}

/// A container that was started.
#[derive(Debug, Clone)]
pub(crate) struct Started {
    pub(crate) id: String,
    pub(crate) restarts: u32,
}

/// What the API server knows: pods by namespace and name.
pub(crate) struct State {
    pub(crate) runtime: Runtime,
    pods: Mutex<BTreeMap<(String, String), Running>>,
    home: PathBuf,
    node: String,
}

impl State {
    /// The directory with the volumes of a namespace's claims.
    pub(crate) fn claims(&self, namespace: &str) -> PathBuf {
        self.home.join("claims").join(namespace)
    }

    /// The pods, for as long as nobody waits.
    pub(crate) fn pods(&self) -> MutexGuard<'_, BTreeMap<(String, String), Running>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Real containers behind an API server. Dropping it ends and removes everything.
pub struct Cluster {
    // Dropped in this order: nothing is to speak to containerd when it ends.
    executor: tokio::runtime::Runtime,
    node: Node,
    state: Arc<State>,
    address: String,
}

impl Cluster {
    /// Starts containerd and the API server, and a sandbox to see that this machine can run one.
    pub fn start() -> Result<Self, Error> {
        let executor = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(Error::io("start a runtime"))?;
        let (node, runtime) = executor.block_on(Node::start())?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(Error::io("listen on loopback"))?;
        let address = listener.local_addr().map_err(Error::io("listen on loopback"))?;
        let state = Arc::new(State {
            runtime,
            pods: Mutex::default(),
            home: node.home().to_owned(),
            node: node.name().to_owned(),
        });
        executor.spawn(api::serve(listener, Arc::clone(&state)));
        let cluster = Self { executor, node, state, address: format!("http://{address}") };
        let trial = Pod::new("kube-system", "trial");
        cluster.run(trial).map_err(|error| {
            Error::Unavailable(format!("a first sandbox does not start: {error}; {}", cluster.node.log()))
        })?;
        cluster.remove("kube-system", "trial")?;
        Ok(cluster)
    }

    /// Makes an image known; one that is known already stays as it is.
    pub fn import(&self, image: &Image) -> Result<(), Error> {
        self.executor.block_on(self.node.import(&self.state.runtime, image))
    }

    /// Starts a pod and its containers, and lists it from then on.
    pub fn run(&self, pod: Pod) -> Result<(), Error> {
        let uid = format!("{}-{}-{}", self.node.name(), pod.namespace, pod.name);
        let sandbox_config = config::sandbox(&pod, &uid, &self.state);
        std::fs::create_dir_all(&sandbox_config.log_directory).map_err(Error::io("make a directory"))?;
        let runtime = &self.state.runtime;
        let sandbox = self.executor.block_on(runtime.run_sandbox(&sandbox_config))?;
        let key = (pod.namespace.clone(), pod.name.clone());
        let mut running = Running {
            pod,
            uid,
            sandbox,
            sandbox_config,
            containers: Vec::new(),
            ephemeral: Vec::new(),
            made: None,
        };
        for container in &running.pod.containers {
            let id = self.start_container(&running, container, 0)?;
            if container.stage == Stage::Before {
                self.end_of(&id, &container.name)?;
            }
            running.containers.push(Started { id, restarts: 0 });
        }
        self.state.pods().insert(key, running);
        Ok(())
    }

    fn start_container(
        &self,
        running: &Running,
        container: &Container,
        attempt: u32,
    ) -> Result<String, Error> {
        let volumes = self.node.home().join("volumes").join(&running.uid);
        let claims = self.state.claims(&running.pod.namespace);
        for name in container.volumes.keys() {
            let directory = match running.pod.claims.get(name) {
                Some(claim) => claims.join(claim),
                None => volumes.join(name),
            };
            std::fs::create_dir_all(&directory).map_err(Error::io("make a volume"))?;
            let everybody = std::fs::Permissions::from_mode(0o777);
            std::fs::set_permissions(&directory, everybody).map_err(Error::io("make a volume"))?;
        }
        let container = config::container(&running.pod, container, attempt, &volumes, &claims);
        let started =
            self.state.runtime.start_container(&running.sandbox, container, &running.sandbox_config);
        self.executor.block_on(started)
    }

    /// Kills a container's processes with SIGKILL; it stays listed, terminated.
    pub fn kill(&self, namespace: &str, pod: &str, container: &str) -> Result<(), Error> {
        let (_, started) = self.find(namespace, pod, container)?;
        self.executor.block_on(self.state.runtime.kill_container(&started.id))
    }

    /// Waits until a container has ended and gives its exit code.
    pub fn wait(&self, namespace: &str, pod: &str, container: &str) -> Result<i32, Error> {
        let (_, started) = self.find(namespace, pod, container)?;
        self.end_of(&started.id, &format!("{namespace}/{pod}/{container}"))
    }

    fn end_of(&self, id: &str, name: &str) -> Result<i32, Error> {
        let until = Instant::now() + END_PATIENCE;
        loop {
            let status: ContainerStatus = self.executor.block_on(self.state.runtime.status(id))?;
            if status.state() == ContainerState::Exited {
                return Ok(status.exit_code);
            }
            if Instant::now() >= until {
                let what = format!("the end of {name}");
                return Err(Error::Late { what, seconds: END_PATIENCE.as_secs() });
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Kills a container and starts it again in its sandbox, as a kubelet does: its own files are new, volumes are kept.
    pub fn restart(&self, namespace: &str, pod: &str, container: &str) -> Result<(), Error> {
        self.kill(namespace, pod, container)?;
        let (running, started) = self.find(namespace, pod, container)?;
        let (index, spec) = position(&running, container)?;
        let restarts = started.restarts + 1;
        let id = self.start_container(&running, spec, restarts)?;
        let mut pods = self.state.pods();
        let running = pods.get_mut(&(namespace.to_owned(), pod.to_owned()));
        if let Some(slot) = running.and_then(|running| running.containers.get_mut(index)) {
            *slot = Started { id, restarts };
        }
        Ok(())
    }

    /// Kills and removes a pod, which is no longer listed before it is dead.
    pub fn remove(&self, namespace: &str, pod: &str) -> Result<(), Error> {
        let key = (namespace.to_owned(), pod.to_owned());
        let removed = self.state.pods().remove(&key);
        let running = removed.ok_or_else(|| Error::Unknown(format!("{namespace}/{pod}")))?;
        self.executor.block_on(self.state.runtime.remove_sandbox(&running.sandbox))
    }

    /// What a container has written on its standard streams, in the form of the kubelet's log files.
    pub fn log(&self, namespace: &str, pod: &str, container: &str) -> Result<String, Error> {
        let (running, started) = self.find(namespace, pod, container)?;
        let path = PathBuf::from(&running.sandbox_config.log_directory)
            .join(config::log_name(container, started.restarts));
        std::fs::read_to_string(&path).map_err(Error::io(format!("read {}", path.display())))
    }

    /// Kills containerd with SIGKILL: streams end, and the API server gets no answers from then on.
    pub fn kill_containerd(&self) -> Result<(), Error> {
        self.executor.block_on(self.node.kill_containerd())
    }

    /// Where on this machine a volume of a pod lies.
    pub fn volume(&self, namespace: &str, pod: &str, volume: &str) -> Result<PathBuf, Error> {
        let pods = self.state.pods();
        let unknown = || Error::Unknown(format!("{namespace}/{pod}"));
        let running = pods.get(&(namespace.to_owned(), pod.to_owned())).ok_or_else(unknown)?;
        Ok(self.node.home().join("volumes").join(&running.uid).join(volume))
    }

    /// The specs of the ephemeral containers that a pod has been given.
    pub fn ephemeral(&self, namespace: &str, pod: &str) -> Result<Vec<serde_json::Value>, Error> {
        let pods = self.state.pods();
        let unknown = || Error::Unknown(format!("{namespace}/{pod}"));
        let running = pods.get(&(namespace.to_owned(), pod.to_owned())).ok_or_else(unknown)?;
        Ok(running.ephemeral.iter().map(|added| added.spec.clone()).collect())
    }

    /// Where on this machine the volume of a claim lies.
    pub fn claim(&self, namespace: &str, claim: &str) -> PathBuf {
        self.state.claims(namespace).join(claim)
    }

    /// The pods that a namespace has, by name.
    pub fn pods(&self, namespace: &str) -> Vec<String> {
        let pods = self.state.pods();
        pods.keys().filter(|(of, _)| of == namespace).map(|(_, name)| name.clone()).collect()
    }

    /// How a container's processes are named in this machine's `/proc/<pid>/cgroup`.
    pub fn container_cgroup(&self, namespace: &str, pod: &str, container: &str) -> Result<String, Error> {
        let (_, started) = self.find(namespace, pod, container)?;
        Ok(format!("/{}/{}", self.node.name(), started.id))
    }

    /// The directory of this machine that everything of the cluster lies in; it is gone with the cluster.
    pub fn home(&self) -> &Path {
        self.node.home()
    }

    /// Writes a kubeconfig file.
    pub fn kubeconfig(&self, path: &Path) -> Result<(), Error> {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "realcluster", "cluster": {"server": self.address}}],
            "users": [{"name": "tester", "user": {}}],
            "contexts": [{"name": "realcluster", "context": {"cluster": "realcluster", "user": "tester"}}],
            "current-context": "realcluster",
        });
        std::fs::write(path, config.to_string()).map_err(Error::io("write the kubeconfig"))
    }

    fn find(&self, namespace: &str, pod: &str, container: &str) -> Result<(Running, Started), Error> {
        let pods = self.state.pods();
        let unknown = || Error::Unknown(format!("{namespace}/{pod}/{container}"));
        let running = pods.get(&(namespace.to_owned(), pod.to_owned())).ok_or_else(unknown)?;
        let (index, _) = position(running, container)?;
        let started = running.containers.get(index).ok_or_else(unknown)?;
        Ok((running.clone(), started.clone()))
    }
}

/// Where in the pod a container stands.
pub(crate) fn position<'a>(running: &'a Running, container: &str) -> Result<(usize, &'a Container), Error> {
    let mut containers = running.pod.containers.iter().enumerate();
    containers.find(|(_, one)| one.name == container).ok_or_else(|| Error::Unknown(container.to_owned()))
}
