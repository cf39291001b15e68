//! A Kubernetes API server on loopback, with pods whose containers are directories and real processes of this host.
//!
//! It is a test double for faults and demos: it speaks real HTTP and real WebSocket and follows Kubernetes'
//! documentation and source, not any client of it. What it cannot show is listed at the end.
//!
//! ```
//! use testcluster::{Cluster, Container, Fault, Pod, Replay, Times};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let recorded = tempfile::tempdir()?;
//! # let hash = "0123456789abcdef0123456789abcdef";
//! # std::fs::write(recorded.path().join(format!("covmeta.{hash}")), "meta")?;
//! # std::fs::write(recorded.path().join(format!("covcounters.{hash}.1.1")), "counters")?;
//! let dir = tempfile::tempdir()?;
//! let app = Container::new("app")
//!     .dir(dir.path())
//!     .env("GOCOVERDIR", dir.path())
//!     .programs(["sh", "kill", "tar"])
//!     .main(
//!         Replay::new()
//!             .meta(recorded.path().join(format!("covmeta.{hash}")))
//!             .counters(recorded.path().join(format!("covcounters.{hash}.1.1"))),
//!     );
//! let cluster = Cluster::builder()
//!     .tls(true)
//!     .token("secret")
//!     .context("testcluster", Some("shop"))
//!     .pod(Pod::new("shop", "web-1").label("app", "web").container(app))
//!     .start()?;
//! cluster.kubeconfig(dir.path().join("kubeconfig"))?; // for any client
//! cluster.inject("shop", "web-1", None, Fault::Cut { after: 1000, reset: false }, Times::Next(1));
//! // ... run the client ...
//! assert!(cluster.requests().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # What is served
//!
//! | What | As in |
//! |---|---|
//! | Status objects, their messages and reasons | k8s.io/apimachinery pkg/api/errors; k8s.io/apiserver pkg/endpoints/handlers/responsewriters |
//! | label and field selectors | k8s.io/apimachinery pkg/labels, pkg/fields; kubernetes pkg/apis/core/v1/conversion.go |
//! | `limit`, `continue`, `remainingItemCount`, expired tokens | k8s.io/apiserver pkg/storage/continue.go, pkg/storage/etcd3/errors.go; "API concepts: Retrieving large results sets in chunks" |
//! | which container is meant, and who may exec | kubernetes pkg/registry/core/pod/strategy.go, pkg/registry/core/pod/rest/authorize.go |
//! | subprotocols, channels, half-close | kubernetes staging/src/k8s.io/streaming/pkg/httpstream/wsstream/conn.go; k8s.io/apiserver pkg/util/proxy/websocket.go |
//! | a port of a pod, over WebSocket | kubernetes staging/src/k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go |
//! | the Status of a v5 session | k8s.io/apiserver pkg/util/proxy/streamtranslator.go; k8s.io/client-go tools/remotecommand/v4.go |
//! | the Status of a v4 session | kubernetes staging/src/k8s.io/cri-streaming/pkg/streaming/remotecommand; containerd internal/cri/server |
//! | what outlives a client | containerd `internal/cri/server/container_execsync.go`, `internal/cri/io/exec_io.go` |
//! | the names of coverage files while they are written | Go src/internal/coverage/cfile/emit.go |
//!
//! The messages are those of Kubernetes 1.36 with containerd 2 ([`ClusterBuilder::containerd`] for 1).
//!
//! # Containers
//!
//! A container is a directory, an environment, a list of programs and a first process ([`Main`]). Programs run as real
//! processes, found on this host's `PATH`; the container's own `PATH` holds the listed ones only, so that a script
//! misses what the image misses. A command outlives the client that started it, and nothing outlives the [`Cluster`]:
//! dropping it kills and reaps all, and should the test itself be killed, a helper process does it.
//!
//! Signals stay inside. With PID namespaces ([`Isolation::Namespaces`]; Linux, as root or where user namespaces are
//! allowed) the kernel sees to it. Without ([`Isolation::Mapped`]) the containers' `kill` is a script, and a function in
//! their shells, that knows the pid 1 and refuses all others; on Linux a seccomp filter makes every way around it fail.
//!
//! # What is not modelled
//!
//! * Watches, writes (but for ephemeral containers, by a strategic merge patch, and pods, made and deleted), other resources than pods, namespaces and the kinds of [`Object`] (get and list), attach,
//!   logs, SPDY, HTTP/2, protobuf, tables.
//! * Controllers: no Deployment makes pods, no Job ends.
//! * The file system: absolute paths are the host's. `GOCOVERDIR` in a spec is therefore a path of this host, inside
//!   the container's directory. Users, groups, capabilities and resources are not changed.
//! * An absolute path of a program in an exec means the listed program if it lies in a directory like `/bin`; in a
//!   script it means the host's file.
//! * The kubelet: nothing is scheduled, restarted or terminated by itself (see [`Cluster::restart_container`]); a
//!   deleted pod is gone at once.
//! * Terminals: `tty` merges no streams, and sizes are ignored.
//! * Request lines over 64 KiB are answered with 414; a real server takes 1 MiB.
//! * Without namespaces: `/proc` is the host's; a real program as first process knows itself by the host's number, and
//!   so do its counter files (a [`Replay`] writes pid 1); commands cannot signal each other.

mod access;
mod api;
mod builder;
mod cluster;
mod container;
mod ephemeral;
mod error;
mod exec;
mod fault;
mod forward;
mod kubeconfig;
mod link;
mod made;
mod object;
mod pod;
mod request_log;
mod resource;
mod runtime;
mod selector;
mod server;
mod state;
mod tls;

pub use builder::ClusterBuilder;
pub use cluster::Cluster;
pub use container::{Container, Main, OnSignal, Replay};
pub use error::Error;
pub use fault::{Fault, ListFault, Times};
pub use link::Traffic;
pub use pod::{Phase, Pod};
pub use request_log::LoggedRequest;
pub use resource::Object;
pub use runtime::Isolation;
