//! `covreport`: see `covreport --help`.

use std::io;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use covreport::cli::Arguments;
use covreport::exit::Exit;
use covreport::notice::say;
use covreport::plan::{Environment, Plan};
use covreport::run::run;
use covreport::signals::survive_the_limit_on_files;

/// A third of a large report was spent in allocating, most of it where threads do.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    survive_the_limit_on_files();
    let arguments = Arguments::of_process();
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let environment = Environment {
        directory: std::env::current_dir().unwrap_or_default(),
        now_ms: u64::try_from(since_epoch.as_millis()).unwrap_or_default(),
        source_date_epoch: std::env::var_os("SOURCE_DATE_EPOCH"),
    };
    let (message, exit) = match Plan::new(arguments, &environment) {
        Err(error) => (error.to_string(), Exit::Unusable),
        Ok(plan) => match run(&plan, &mut io::stderr()) {
            Ok(missing) if missing.is_empty() => return Exit::Success.into(),
            Ok(_) => return Exit::Unusable.into(),
            Err(error) => (error.to_string(), error.exit()),
        },
    };
    // With nobody to read the message, the exit code still says it.
    drop(say(&mut io::stderr(), &format_args!("error: {message}")));
    exit.into()
}
