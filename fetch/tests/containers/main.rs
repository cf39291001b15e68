//! The real program against real containers: containerd, runc and its exec, with shells and tars as images have them.
//!
//! Containers run the recorded service, get the recorded requests, and must give the recorded numbers.
// Helpers of tests fail the test by panicking, as the tests themselves do.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

mod claims;
mod cluster;
mod debug;
mod directories;
mod ends;
mod environment;
mod gzip;
mod images;
mod many;
mod means;
mod recorded;
mod replicas;
mod service;
mod sidecars;
mod signals;
#[path = "../shared/site.rs"]
mod site;
mod tarless;
