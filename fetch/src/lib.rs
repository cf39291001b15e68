//! Collects Go coverage files from Kubernetes pods and proves that it has them all.
//!
//! The flow, one module for each arrow: **selection -> plan -> flush -> exec/tar stream -> unpack -> validate ->
//! store -> manifest.** [`run`] is that flow on one page; [`remote`] is the only module that knows a cluster.
#![deny(clippy::print_stdout, clippy::print_stderr, clippy::exit, clippy::indexing_slicing)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod allowance;
pub mod capture;
pub mod claim;
pub mod cli;
pub mod debug;
pub mod dns;
pub mod environment;
pub mod error;
pub mod escape;
pub mod exit;
pub mod flush;
pub mod guard;
pub mod listing;
mod locking;
pub mod log;
pub mod manifest;
pub mod names;
pub mod options;
pub mod owner;
pub mod plan;
pub mod probe;
pub mod progress;
mod reach;
pub mod remote;
pub mod resource;
pub mod retry;
pub mod rights;
pub mod run;
pub mod script;
pub mod selection;
pub mod skaffold;
pub mod store;
pub mod summary;
pub mod unpack;
pub mod validate;
pub mod workload;
