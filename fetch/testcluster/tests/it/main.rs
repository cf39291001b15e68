//! The cluster from outside: raw HTTP, raw WebSocket, the kube crate, and the processes that it starts.

// Not every function that unwraps is a test; all of them serve tests.
#![allow(clippy::unwrap_used, clippy::panic)]

mod exec;
mod faults;
mod http;
mod processes;
mod support;
