//! `subtract` and `intersect`: what only one of two sets of runs covers, and what both cover.
//! `cmd/covdata/subtractintersect.go`.

use std::io::Write;

use super::Stop;
use super::options::Options;

pub(super) fn run(options: &Options, _out: &mut dyn Write, messages: &mut dyn Write) -> Result<(), Stop> {
    let name = options.command.name();
    Err(options.fatal(format!("covdata: command \"{name}\" is not supported yet"), messages))
}
