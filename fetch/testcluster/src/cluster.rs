//! The handle of a running cluster.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio_util::sync::CancellationToken;

use crate::api::status::{Failure, Status};
use crate::builder::ClusterBuilder;
use crate::error::Error;
use crate::fault::{Fault, ListFault, Planned, PlannedList, Times};
use crate::kubeconfig::Kubeconfig;
use crate::link::Traffic;
use crate::pod::Pod;
use crate::request_log::LoggedRequest;
use crate::resource::Object;
use crate::runtime::Mode;
use crate::state::State;
use crate::tls::ClientIdentity;

/// A running cluster. Dropping it stops the server and kills and reaps every process that it has started.
#[derive(Debug)]
pub struct Cluster {
    pub(crate) url: String,
    pub(crate) authority_pem: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) client: Option<ClientIdentity>,
    pub(crate) contexts: Vec<(String, Option<String>)>,
    pub(crate) state: Arc<State>,
    pub(crate) stop: CancellationToken,
    pub(crate) thread: Option<JoinHandle<()>>,
    pub(crate) _home: tempfile::TempDir,
}

impl Cluster {
    /// Describes a cluster.
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder::default()
    }

    /// `http://127.0.0.1:PORT` or `https://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate of the cluster's authority in PEM, with TLS.
    pub fn authority_pem(&self) -> Option<&str> {
        self.authority_pem.as_deref()
    }

    /// The text of a kubeconfig for this cluster.
    pub fn kubeconfig_text(&self) -> String {
        Kubeconfig {
            server: &self.url,
            authority_pem: self.authority_pem.as_deref(),
            token: self.token.as_deref().filter(|_| self.client.is_none()),
            client: self.client.as_ref().map(|client| (&*client.certificate_pem, &*client.key_pem)),
            contexts: &self.contexts,
        }
        .render()
    }

    /// Writes a kubeconfig file for this cluster.
    pub fn kubeconfig(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        std::fs::write(path, self.kubeconfig_text()).map_err(Error::io(format!("write {}", path.display())))
    }

    /// Whether containers have PID namespaces, as opposed to the mapped `kill`.
    pub fn has_namespaces(&self) -> bool {
        matches!(self.state.node.mode(), Mode::Namespaces { .. })
    }

    /// Adds a pod and starts its processes.
    pub fn add_pod(&self, pod: Pod) -> Result<(), Error> {
        self.state.add_pods(vec![pod])
    }

    /// Adds an object, or puts it in the place of the one with its kind, namespace and name.
    pub fn put_object(&self, object: Object) {
        self.state.lock().put(object);
    }

    /// Deletes a pod at once and kills its processes: an exec in it ends with exit code 137.
    pub fn delete_pod(&self, namespace: &str, name: &str) -> Result<(), Error> {
        self.state.remove_pod(&(namespace.into(), name.into()))
    }

    /// Changes a pod's description: labels, phase, deletion, restart counts. Its name and its processes stay.
    pub fn change_pod(
        &self,
        namespace: &str,
        name: &str,
        change: impl FnOnce(Pod) -> Pod,
    ) -> Result<(), Error> {
        self.state.change_pod(&(namespace.into(), name.into()), change)
    }

    /// Kills a container's first process, and with it everything in the container. It stays so until
    /// [`Self::restart_container`].
    pub fn kill_container(&self, namespace: &str, pod: &str, container: &str) -> Result<(), Error> {
        self.state.running(&(namespace.into(), pod.into()), container)?.kill();
        Ok(())
    }

    /// Starts a container's first process anew, as the kubelet does after its end: the processes that it still has are
    /// killed, its directory stays as it is, and its restart count grows by one.
    pub fn restart_container(&self, namespace: &str, pod: &str, container: &str) -> Result<(), Error> {
        self.state.restart(&(namespace.into(), pod.into()), container)
    }

    /// The exit code of a container's first process, once it has ended.
    pub fn exit_code(&self, namespace: &str, pod: &str, container: &str) -> Result<Option<i32>, Error> {
        Ok(self.state.running(&(namespace.into(), pod.into()), container)?.exit_code())
    }

    /// What a container's first process has written to its standard output and error.
    pub fn container_log(&self, namespace: &str, pod: &str, container: &str) -> Result<String, Error> {
        Ok(self.state.running(&(namespace.into(), pod.into()), container)?.log())
    }

    /// Plans a fault for execs in a container of a pod, or in any of its containers. Several may be planned; all that
    /// apply to an exec happen in it.
    pub fn inject(&self, namespace: &str, pod: &str, container: Option<&str>, fault: Fault, times: Times) {
        self.state.lock().faults.push(Planned {
            namespace: namespace.into(),
            pod: pod.into(),
            container: container.map(str::to_owned),
            fault,
            times,
        });
    }

    /// Plans an HTTP error with a Status object for connections to ports of a pod.
    pub fn inject_forward(
        &self,
        namespace: &str,
        pod: &str,
        code: u16,
        message: &str,
        retry_after: Option<u32>,
        times: Times,
    ) {
        let failure = Status::chosen(code, message, retry_after).into();
        self.state.lock().forward_faults.push(((namespace.into(), pod.into()), failure, times));
    }

    /// Plans a fault for execs in any pod, as in one that a client makes.
    pub fn inject_any(&self, fault: Fault, times: Times) {
        let everywhere = String::new();
        let planned =
            Planned { namespace: everywhere.clone(), pod: everywhere, container: None, fault, times };
        self.state.lock().faults.push(planned);
    }

    /// Plans a fault for lists of pods.
    pub fn inject_list(&self, fault: ListFault, times: Times) {
        let failure = Status::chosen(fault.code, fault.message, fault.retry_after).into();
        self.state.lock().list_faults.push(PlannedList { page: fault.page, failure, times });
    }

    /// Makes a page of a list, counted from 1, fail as it does on an overloaded API server: with 429, `Retry-After`
    /// and plain text ([`Fault::Overloaded`]).
    pub fn overload_list(&self, page: u32, retry_after: u32, times: Times) {
        let failure = Failure::Overloaded(retry_after);
        self.state.lock().list_faults.push(PlannedList { page, failure, times });
    }

    /// Takes all planned faults back.
    pub fn clear_faults(&self) {
        let mut inner = self.state.lock();
        inner.faults.clear();
        inner.list_faults.clear();
        inner.forward_faults.clear();
    }

    /// Makes every continue token that has been given out so far an expired one.
    pub fn expire_continue_tokens(&self) {
        self.state.lock().snapshots.clear();
    }

    /// The requests answered so far, oldest first.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.state.lock().log.clone()
    }

    /// The bytes that have passed between clients and this cluster so far.
    pub fn traffic(&self) -> Traffic {
        self.state.link.traffic()
    }

    /// Forgets the requests answered so far.
    pub fn clear_requests(&self) {
        self.state.lock().log.clear();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.state.stop_all();
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
