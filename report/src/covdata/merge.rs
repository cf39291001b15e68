//! `merge`: the counters of all runs of a build in one file. `cmd/covdata/merge.go`, `metamerge.go`.

use std::io::Write;

use super::Stop;
use super::options::Options;

pub(super) fn run(options: &Options, _out: &mut dyn Write, messages: &mut dyn Write) -> Result<(), Stop> {
    Err(options.fatal("covdata: command \"merge\" is not supported yet", messages))
}
