//! `covdata`: a drop-in for `go tool covdata`.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use covreport::threads::bound_global_pool;

/// A third of a large report was spent in allocating, most of it where threads do.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    covreport::signals::survive_the_limit_on_files();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    bound_global_pool();
    ExitCode::from(covreport::covdata::main(&arguments, &mut io::stdout().lock(), &mut io::stderr()))
}
