//! What a fleet costs: covfetch on many pods of one program, against one `exec tar` after the other, over a long line.
//!
//! ```text
//! cargo bench --package covfetch --bench fleet
//! cargo bench --package covfetch --bench fleet -- --pods 100 --latency 5
//! cargo bench --package covfetch --bench fleet -- --gzip
//! ```
//!
//! One machine plays the client, the API server and all nodes, so that processor time which a cluster spreads over its
//! nodes is spent here: what is measured is a lower bound of the gain. The program ends with an error unless covfetch
//! needs at most a tenth of the bytes and of the time, holds no more memory for all pods than for a tenth of them (by
//! half), and loses nothing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "it ends by panicking, as tests do"
)]

#[path = "../tests/shared/fleet.rs"]
mod fleet;
#[path = "../tests/shared/site.rs"]
#[allow(dead_code, reason = "tests use all of it")]
mod site;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use fleet::{Cost, Fleet};

/// Measures covfetch on a fleet of pods of one program.
#[derive(Debug, Parser)]
struct Arguments {
    /// Pods; twenty of them will be made to fail at the end.
    #[arg(long, default_value = "500")]
    pods: usize,
    /// How long a byte is under way in one direction, milliseconds.
    #[arg(long, default_value = "20")]
    latency: u64,
    /// Containers that covfetch reads at the same time.
    #[arg(long, default_value = "16")]
    parallel: usize,
    /// Have covfetch's files sent through gzip.
    #[arg(long)]
    gzip: bool,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Arguments { pods, parallel, .. } = arguments;
    let latency = Duration::from_millis(arguments.latency);
    let parallel = parallel.to_string();
    let gzip: &[&str] = if arguments.gzip { &["--gzip"] } else { &[] };
    let quietly = [&["-q", "--parallel", &parallel], gzip].concat();
    println!("{pods} pods of one program, {latency:?} in each direction, TLS");

    let few = Fleet::start(pods / 10, latency, true);
    let (ran, _, memory_of_few) = few.fetch(&quietly);
    few.check(&ran.expect(0), &BTreeMap::new());
    drop(few);

    let fleet = Fleet::start(pods, latency, true);
    let (ran, all, memory) = fleet.fetch(&quietly);
    fleet.check(&ran.expect(0), &BTreeMap::new());
    println!("covfetch, all there: {}, {} execs, {} of memory", said(all), fleet.execs(), mebibytes(memory));
    println!("covfetch with {} pods: {} of memory", pods / 10, mebibytes(memory_of_few));

    let one_by_one = fleet.one_by_one(pods);
    println!("exec tar, one after the other: {}", said(one_by_one));
    let bytes = ratio(one_by_one.bytes, all.bytes);
    let time = ratio(micros(one_by_one.time), micros(all.time));
    println!("that is {bytes:.1} times the bytes and {time:.1} times the time");

    let spoiled = fleet.spoil();
    let (ran, cost, _) = fleet.fetch(&[&["--parallel", &parallel], gzip].concat());
    fleet.check(&ran.expect(3), &spoiled);
    let whole = pods - spoiled.len();
    println!("{} spoiled pods: all named, the other {whole} all there, in {}", spoiled.len(), said(cost));

    let memory_is_flat = memory * 2 <= memory_of_few * 3;
    if bytes >= 10.0 && time >= 10.0 && memory_is_flat {
        return ExitCode::SUCCESS;
    }
    println!("less than ten times, or memory that grows with the number of pods");
    ExitCode::FAILURE
}

fn said(cost: Cost) -> String {
    let [time, client, cluster] =
        [cost.time, cost.client_work, cost.cluster_work].map(|time| time.as_secs_f64());
    let bytes = mebibytes(cost.bytes);
    format!("{time:.2} s, {bytes} (processor: client {client:.2} s, cluster {cluster:.2} s)")
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap()
}

/// Precision is of no concern in a ratio that is shown with two digits.
#[allow(clippy::cast_precision_loss)]
fn ratio(one: u64, other: u64) -> f64 {
    one as f64 / other.max(1) as f64
}
