//! Reports from Go's coverage files: the library behind `covreport` and `covdata`.
//!
//! `covreport` goes one way: arguments ([`cli`]) -> decisions ([`plan`]) -> merged profile ([`load`]) -> finished view
//! ([`view`], with [`source`], [`checkout`] and [`relocate`] for files and lines, less what [`select`] leaves out) -> writers ([`format`](mod@format)) -> targets
//! ([`sink`]). [`run`](mod@run) is that way on one page.

pub mod checkout;
pub mod cli;
pub mod covdata;
pub mod coverage_dir;
pub mod exit;
pub mod format;
pub mod load;
pub mod manifest;
pub mod merged;
pub mod missing;
pub mod notice;
pub mod plan;
pub mod recount;
pub mod relocate;
mod remarks;
pub mod run;
mod scratch;
pub mod select;
pub mod signals;
pub mod sink;
pub mod source;
pub mod threads;
pub mod view;
