//! Describes a cluster and starts it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::cluster::Cluster;
use crate::error::Error;
use crate::link::Link;
use crate::pod::Pod;
use crate::resource::Object;
use crate::runtime::{Isolation, Node};
use crate::server::serve;
use crate::state::State;
use crate::tls::Identity;

/// What a cluster will be like; made by [`Cluster::builder`].
#[derive(Debug, Default)]
#[must_use]
pub struct ClusterBuilder {
    tls: bool,
    token: Option<String>,
    client_certificate: bool,
    isolation: Isolation,
    containerd: Option<u8>,
    latency: Duration,
    contexts: Vec<(String, Option<String>)>,
    denied: Vec<(String, String, Option<String>)>,
    pods: Vec<Pod>,
    objects: Vec<Object>,
    allowed: Option<Vec<(String, String, Option<String>)>>,
    images: BTreeMap<String, Option<Vec<String>>>,
    claims: BTreeMap<(String, String), PathBuf>,
}

impl ClusterBuilder {
    /// Serves HTTPS with a certificate of the cluster's own authority; plain HTTP by default.
    pub fn tls(mut self, tls: bool) -> Self {
        self.tls = tls;
        self
    }

    /// Asks for this bearer token. Without a token and a client certificate everyone is let in.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Asks for the client certificate that the kubeconfig carries, and turns TLS on. With a token too, either will do,
    /// and the kubeconfig carries the certificate only.
    pub fn client_certificate(mut self) -> Self {
        self.client_certificate = true;
        self.tls = true;
        self
    }

    /// How containers are kept apart from the host.
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.isolation = isolation;
        self
    }

    /// The major version of the containerd that the node pretends to run, 1 or 2 (the default): it shows in the form
    /// of the Status that ends a v4 session.
    pub fn containerd(mut self, major: u8) -> Self {
        self.containerd = Some(major);
        self
    }

    /// How long bytes are under way between clients and the server, in each direction: a question and its answer take
    /// twice that, and so do TCP's handshake and each round of TLS's. The bandwidth stays what it is. Zero by default.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Adds a context to the kubeconfig, with a namespace or without. The first is the current one; without any there
    /// is one named `testcluster`, without namespace.
    pub fn context(mut self, name: impl Into<String>, namespace: Option<&str>) -> Self {
        self.contexts.push((name.into(), namespace.map(str::to_owned)));
        self
    }

    /// Grants a right, in one namespace or in all, named as for [`Self::deny`]. From the first one on, nothing else is
    /// allowed.
    pub fn allow(mut self, verb: &str, resource: &str, namespace: Option<&str>) -> Self {
        let right = (verb.into(), resource.into(), namespace.map(str::to_owned));
        self.allowed.get_or_insert_default().push(right);
        self
    }

    /// Takes a right away, in one namespace or in all: a verb (`get`, `list`, `create`) on a resource (`pods`,
    /// `pods/exec`, `pods/portforward`, `configmaps`, `deployments.apps`, `namespaces`).
    pub fn deny(mut self, verb: &str, resource: &str, namespace: Option<&str>) -> Self {
        self.denied.push((verb.into(), resource.into(), namespace.map(str::to_owned)));
        self
    }

    /// Adds a pod.
    pub fn pod(mut self, pod: Pod) -> Self {
        self.pods.push(pod);
        self
    }

    /// Adds pods.
    pub fn pods(mut self, pods: impl IntoIterator<Item = Pod>) -> Self {
        self.pods.extend(pods);
        self
    }

    /// Adds a ConfigMap.
    pub fn config_map<'a>(
        mut self,
        namespace: &str,
        name: &str,
        data: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let data: BTreeMap<&str, &str> = data.into_iter().collect();
        self.objects.extend(Object::new("ConfigMap", namespace, name, serde_json::json!({ "data": data })));
        self
    }

    /// Adds an object: a workload, a Service, a ConfigMap.
    pub fn object(mut self, object: Object) -> Self {
        self.objects.push(object);
        self
    }

    /// Adds a bound `PersistentVolumeClaim` with an access mode (`ReadWriteOnce`, ...), whose volume is a directory of this
    /// host. A container that a client makes has it as its working directory, wherever it is mounted.
    pub fn claim(mut self, namespace: &str, name: &str, mode: &str, directory: impl Into<PathBuf>) -> Self {
        let body = serde_json::json!({
            "spec": {"accessModes": [mode], "volumeMode": "Filesystem"}, "status": {"phase": "Bound"},
        });
        self.objects.extend(Object::new("PersistentVolumeClaim", namespace, name, body));
        self.claims.insert((namespace.to_owned(), name.to_owned()), directory.into());
        self
    }

    /// Adds an image for containers that clients make, with its programs; with `None` a container of it never starts.
    /// Others cannot be pulled.
    pub fn image<'a>(mut self, name: &str, programs: Option<impl IntoIterator<Item = &'a str>>) -> Self {
        let programs = programs.map(|programs| programs.into_iter().map(str::to_owned).collect());
        self.images.insert(name.to_owned(), programs);
        self
    }

    /// Starts the containers' processes and the server, and returns when all of them are up. May be called from
    /// synchronous and asynchronous code alike: the server has a thread of its own.
    pub fn start(mut self) -> Result<Cluster, Error> {
        let home = tempfile::Builder::new()
            .prefix("testcluster-")
            .tempdir()
            .map_err(Error::io("create a temporary directory"))?;
        let identity = self.tls.then(Identity::make).transpose()?;
        let client =
            identity.as_ref().filter(|_| self.client_certificate).map(|identity| identity.client.clone());
        let access = Access {
            tokens: self.token.iter().cloned().collect(),
            client_certificate: client.as_ref().map(|client| client.certificate_der.clone()),
            denied: std::mem::take(&mut self.denied),
            allowed: self.allowed.take(),
        };
        let node = Node::new(home.path(), self.isolation)?;
        let state = Arc::new(State::new(node, access, self.containerd.unwrap_or(2), Link::new(self.latency)));
        state.lock().images = std::mem::take(&mut self.images);
        state.lock().claims = std::mem::take(&mut self.claims);
        self.objects.drain(..).for_each(|object| state.lock().put(object));
        if self.contexts.is_empty() {
            self.contexts.push(("testcluster".into(), None));
        }

        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("listen on 127.0.0.1"))?;
        let address = listener.local_addr().map_err(Error::io("look at the listener's address"))?;
        let stop = CancellationToken::new();
        let acceptor = identity.as_ref().map(|identity| identity.acceptor.clone());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("testcluster")
            .enable_all()
            .build()
            .map_err(Error::io("start a runtime"))?;
        let thread = {
            let (state, stop) = (Arc::clone(&state), stop.clone());
            std::thread::spawn(move || {
                runtime.block_on(async {
                    // The listener is bound already: what can fail here is the operating system.
                    let _ = serve(listener, acceptor, Arc::clone(&state), stop).await;
                    // All containers are gone: what was exec'd in them ends now, and is waited for.
                    state.tasks.close();
                    let _ =
                        tokio::time::timeout(std::time::Duration::from_secs(10), state.tasks.wait()).await;
                });
            })
        };
        let scheme = if self.tls { "https" } else { "http" };
        let cluster = Cluster {
            url: format!("{scheme}://{address}"),
            authority_pem: identity.map(|identity| identity.authority_pem),
            token: self.token,
            client,
            contexts: self.contexts,
            state: Arc::clone(&state),
            stop,
            thread: Some(thread),
            _home: home,
        };
        // From here on an error drops the cluster, and with it whatever has been started.
        state.add_pods(self.pods)?;
        Ok(cluster)
    }
}
