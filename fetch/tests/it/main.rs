//! The real program against the embedded cluster: real HTTP, real WebSocket, real processes, recorded coverage files.
// Helpers of tests fail the test by panicking, as the tests themselves do.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

mod access;
mod attacks;
mod capture;
mod claims;
mod command;
mod common;
mod debug;
mod environment;
mod faults;
mod fleet;
mod flush;
mod gzip;
mod hostile;
mod interrupt;
mod killed;
mod liar;
mod many;
mod people;
mod program;
mod reliability;
mod replicas;
mod request;
mod resume;
mod rights;
mod run_limits;
mod script;
mod selection;
mod shared_metas;
mod sidecars;
#[path = "../shared/site.rs"]
mod site;
mod skaffold;
mod store;
mod tarless;
mod terminate;
mod workloads;
