//! The cluster from outside: raw HTTP, raw WebSocket, the kube crate, and the processes that it starts.

// Not every function that unwraps is a test; all of them serve tests.
#![allow(clippy::unwrap_used, clippy::panic)]

mod exec;
mod faults;
mod go_program;
mod http;
mod kube_client;
mod leftovers;
mod link;
mod replay;
mod signals;
mod support;
