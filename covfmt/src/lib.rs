//! Go's coverage files, read, merged and written without Go.
//!
//! A program built with `go build -cover` writes a *meta file* (`covmeta.<hash>`: packages, functions, units)
//! when it starts and a *counter file* (`covcounters.<hash>.<pid>.<nanoseconds>`) when it ends or is told to.
//! This crate knows the format of Go 1.20 to 1.27 and nothing else: no command line, no network, no printing.
//! The way through it is
//!
//! **paths → Go pods → bytes → decoded tables → merged counts → profile**
//!
//! ```
//! use covfmt::layout::Flavor;
//! use covfmt::merge::{MergeOptions, ModePolicy};
//! use covfmt::mode::{CounterMode, Granularity};
//! use covfmt::pod::{Depth, group, scan};
//! use covfmt::profile::Profile;
//! use covfmt::unit::Unit;
//! use covfmt::write::{CounterWriter, PackageBuilder, SegmentArgs, encode_meta, hash_of_program};
//!
//! # let directory = tempfile::tempdir()?;
//! # let directory = directory.path();
//! // A program with one function of two units ...
//! let units = [
//!     Unit { start_line: 3, end_line: 5, start_column: 15, end_column: 12, statements: 2 },
//!     Unit { start_line: 5, end_line: 7, start_column: 12, end_column: 3, statements: 1 },
//! ];
//! let mut package = PackageBuilder::new(b"example.com/m", b"main", b"example.com/m")?;
//! let function = package.add_function(b"main", b"example.com/m/main.go", false, &units)?;
//! let (mode, granularity) = (CounterMode::Count, Granularity::PerBlock);
//! let hash = hash_of_program([package.hash()], mode, granularity);
//! let meta = encode_meta(hash, mode, granularity, &[package.encode()?])?;
//! std::fs::write(directory.join(format!("covmeta.{hash}")), meta)?;
//!
//! // ... that ran twice ...
//! for run in 1..=2 {
//!     let mut counters = CounterWriter::new(hash, Flavor::GO);
//!     let first_package = covfmt::ids::PackageIndex(0);
//!     counters.append_segment(&SegmentArgs::default(), [(first_package, function, &[run, 0][..])])?;
//!     std::fs::write(directory.join(format!("covcounters.{hash}.1.{run}")), counters.finish())?;
//! }
//!
//! // ... is one Go pod, whose runs are added up.
//! let pods = group(&scan(&[directory], Depth::Recursive)?).pods;
//! let build = covfmt::load::load_pod(&pods[0], MergeOptions::default())?;
//! let profile = Profile::from_builds(&[build], ModePolicy::Strict)?;
//! let package = &profile.packages()[0];
//! assert_eq!(package.path(), "example.com/m");
//! assert_eq!(package.counts(), [3, 0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(clippy::print_stdout, clippy::print_stderr, clippy::exit, clippy::indexing_slicing)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod error;
pub mod hash;
pub mod ids;
pub mod integrity;
pub mod layout;
pub mod load;
pub mod merge;
pub mod meta;
pub mod mode;
pub mod pod;
pub mod profile;
pub mod read;
pub mod source;
pub mod uleb128;
pub mod unit;
pub mod write;
