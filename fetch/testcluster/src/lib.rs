//! A Kubernetes API server on loopback, with pods whose containers are directories and real processes of the host.
//!
//! It is a test double: it speaks real HTTP and real WebSocket, and behaves as Kubernetes' documentation and source
//! say, so that a client which is right here has a good chance of being right on a real cluster, and so that faults
//! can be made at will.

mod access;
mod api;
mod builder;
mod cluster;
mod container;
mod error;
mod exec;
mod fault;
mod kubeconfig;
mod object;
mod pod;
mod request_log;
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
pub use pod::{Phase, Pod};
pub use request_log::LoggedRequest;
pub use runtime::Isolation;
