//! The command line as typed. What it means is decided in [`crate::options`].

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, ValueEnum};

use crate::exit::EXIT_CODES;
use crate::flush::{FlushUrl, HttpMethod, ProcessName, Signal};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  covfetch -n shop -l app=checkout                 what the pods have written so far
  covfetch -n shop -l app=checkout --signal USR1   tell them to write first, and wait for it
  covfetch -n shop --flush-url :8080/debug/flush   make them write by a request to each pod
  covfetch -n shop deployment/checkout svc/cart    the pods of workloads
  covfetch -n shop pvc/coverage --from nightly     a directory of a volume whose pods have ended
  covfetch -A -l coverage=yes -c 'server*' --from /cov
  covfetch -l app=checkout --dry-run               what would be done
  covreport                                        the report on what was fetched";

/// Collect Go coverage files (covmeta.*, covcounters.*) from Kubernetes pods.
///
/// Finds the coverage directory of every selected container (GOCOVERDIR in the pod's spec or in its process's
/// environment, or --from), asks the program to write its counters if told how (--signal, --flush-url, --flush-exec), copies the files with tar,
/// checks each of them, and stores them under DIR/NAMESPACE/POD/CONTAINER/. DIR/manifest.json says what each run found,
/// and what it failed to fetch.
///
/// In a deploy hook of Skaffold, context, namespaces and labels of what it deployed are the defaults.
#[derive(Debug, Parser)]
// Each is a flag of its own, not a state of the others.
#[allow(clippy::struct_excessive_bools)]
#[command(name = "covfetch", version, styles = STYLES, max_term_width = 100)]
#[command(after_help = EXIT_CODES, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub struct Cli {
    /// Workloads whose pods are meant: KIND/NAME (pod, deployment, statefulset, daemonset, replicaset, job, cronjob,
    /// service, or kubectl's short names), or a pod's name; or pvc/NAME, a volume that pods have left their files on
    /// [default: all pods]
    #[arg(value_name = "WORKLOAD", help_heading = "Which pods")]
    pub workloads: Vec<String>,

    /// Namespaces to search; several are separated by commas [default: the context's]
    #[arg(
        short,
        long = "namespace",
        value_name = "NAMESPACE",
        value_delimiter = ',',
        help_heading = "Which pods"
    )]
    pub namespaces: Vec<String>,

    /// Search all namespaces
    #[arg(short = 'A', long, conflicts_with_all = ["namespaces", "workloads"], help_heading = "Which pods")]
    pub all_namespaces: bool,

    /// Label selector, as kubectl takes it (app=web,tier!=cache)
    #[arg(
        short = 'l',
        long = "selector",
        value_name = "LABELS",
        conflicts_with = "workloads",
        help_heading = "Which pods"
    )]
    pub labels: Option<String>,

    /// Field selector, as kubectl takes it (metadata.name=web-0)
    #[arg(
        long = "field-selector",
        value_name = "FIELDS",
        conflicts_with = "workloads",
        help_heading = "Which pods"
    )]
    pub fields: Option<String>,

    /// Container to read, or a pattern (app-*); may be repeated [default: every container that sets GOCOVERDIR]
    #[arg(
        short,
        long = "container",
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Which pods"
    )]
    pub containers: Vec<String>,

    /// Coverage directory in the containers, instead of GOCOVERDIR; with pvc/NAME: on the volume, instead of its root
    #[arg(long, value_name = "DIR", help_heading = "Which pods")]
    pub from: Option<String>,

    /// Kubeconfig file [default: the files of KUBECONFIG, else ~/.kube/config, else in-cluster]
    #[arg(long, value_name = "FILE", help_heading = "Which cluster")]
    pub kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig [default: its current context]
    #[arg(long, value_name = "NAME", help_heading = "Which cluster")]
    pub context: Option<String>,

    /// Send this signal first, and wait until the program has written its counters; nothing is signalled otherwise.
    /// USR1, USR2, HUP or WINCH for a program with a handler; TERM for one without: it ends, its container is started
    /// again, and its files must lie on a volume
    #[arg(long, value_name = "SIGNAL", group = "flush", help_heading = "Flush")]
    pub signal: Option<Signal>,

    /// Process to signal, and to ask for a GOCOVERDIR that the pod's spec does not have; as numbered in its container
    #[arg(long, value_name = "PID", default_value = "1", help_heading = "Flush")]
    pub pid: NonZeroU32,

    /// The same by its name, as ps shows it; there must be one of that name
    #[arg(long, value_name = "NAME", conflicts_with = "pid", help_heading = "Flush")]
    pub process: Option<ProcessName>,

    /// Send a request to the pods first (`:8080/debug/flush` or `http://localhost:8080/debug/flush`), through the API server's
    /// port-forward, and wait for the new counter file; redirects are not followed
    #[arg(long, value_name = "URL", group = "flush", help_heading = "Flush")]
    pub flush_url: Option<FlushUrl>,

    /// Method of that request
    #[arg(
        long,
        value_name = "METHOD",
        default_value = "POST",
        ignore_case = true,
        requires = "flush_url",
        help_heading = "Flush"
    )]
    pub flush_method: HttpMethod,

    /// Run a command in the containers first, and wait for the new counter file. Words are split and quoted as in a
    /// shell, and no shell runs them: for one, write 'sh -c "..."'
    #[arg(long, value_name = "COMMAND", group = "flush", help_heading = "Flush")]
    pub flush_exec: Option<String>,

    /// How long to wait for the new counter file, rounded up to whole seconds
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration, requires = "flush", help_heading = "Flush")]
    pub flush_timeout: Duration,

    /// Where the files and the manifest go [default: reports/coverage]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub to: Option<PathBuf>,

    /// Set the files of older runs aside (to DIR/.older) before fetching
    #[arg(long, help_heading = "Output")]
    pub fresh: bool,

    /// Print what would be done, and change nothing; the exit code is that of the run as far as it can be foretold
    #[arg(long, help_heading = "Output")]
    pub dry_run: bool,

    /// Form of the summary on standard output
    #[arg(short, long, value_name = "FORM", default_value = "table", help_heading = "Output")]
    pub output: Form,

    /// No progress on standard error
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// Log the steps on standard error, line by line; -vv with details, -vvv with the requests to the API server
    #[arg(short, long, action = clap::ArgAction::Count, conflicts_with = "quiet", help_heading = "Output")]
    pub verbose: u8,

    /// Containers that are crashed or completed, or hold no counter file, are listed and no failure
    #[arg(long, help_heading = "Output")]
    pub allow_empty: bool,

    /// Image with a shell and tar (busybox:1.37) for an ephemeral container beside each container whose own image has
    /// nothing to copy or to signal with; it stays in the pod, and ends by itself
    #[arg(long, value_name = "IMAGE", help_heading = "Images without tar")]
    pub debug_image: Option<String>,

    /// Image with a shell and tar for the pod that reads a pvc/NAME and is removed after it
    /// [default: that of --debug-image, else busybox:1.37.0]
    #[arg(long, value_name = "IMAGE", help_heading = "Images without tar")]
    pub helper_image: Option<String>,

    /// Have every file sent, even if it is here from an earlier run, or another container has sent the same meta file or
    /// has the same directory
    #[arg(long, help_heading = "Limits")]
    pub no_dedupe: bool,

    /// Have files sent through gzip, where an image has it and a shell: for lines slower than some 100 Mbit/s. Sends about
    /// half the bytes, and costs the container 25 ms of processor time for each MiB
    #[arg(long, help_heading = "Limits")]
    pub gzip: bool,

    /// Containers to read at the same time
    #[arg(long, value_name = "N", default_value = "16", value_parser = at_least_one, help_heading = "Limits")]
    pub parallel: NonZeroUsize,

    /// Further attempts after a failure that may pass (cut streams, 429, 5xx)
    #[arg(long, value_name = "N", default_value = "3", help_heading = "Limits")]
    pub retries: usize,

    /// Time for one container, all attempts together; --flush-timeout comes on top
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration, help_heading = "Limits")]
    pub timeout: Duration,

    /// Largest file to accept
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = size, help_heading = "Limits")]
    pub max_file_size: ByteSize,

    /// Most to accept from one container
    #[arg(long, value_name = "SIZE", default_value = "2GiB", value_parser = size, help_heading = "Limits")]
    pub max_container_size: ByteSize,

    /// Most files to accept from one container
    #[arg(long, value_name = "N", default_value = "100000", help_heading = "Limits")]
    pub max_files: u64,

    /// Most new bytes to accept from all containers together; those that would exceed it fail, and no other one is begun
    #[arg(long, value_name = "SIZE", default_value = "16GiB", value_parser = size, help_heading = "Limits")]
    pub max_run_size: ByteSize,

    /// Most new files to accept from all containers together
    #[arg(long, value_name = "N", default_value = "1000000", help_heading = "Limits")]
    pub max_run_files: u64,
}

/// Forms of the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// One line for each container.
    Table,
    /// The table with node, image, directory and flush.
    Wide,
    /// The run as the manifest has it.
    Json,
}

/// A time as people write it: `30s`, `1m30s`, `500ms`.
fn duration(text: &str) -> Result<Duration, String> {
    let invalid = || format!("\"{text}\" is no time; write 30s, 2m or 1h30m");
    let parsed: jiff::SignedDuration = text.parse().map_err(|_| invalid())?;
    let duration = Duration::try_from(parsed).map_err(|_| invalid())?;
    // Longer than a day is a slip; far longer would overflow clocks.
    if duration.is_zero() || duration > Duration::from_hours(24) {
        return Err(format!("\"{text}\" is not between 1 ms and 24 h"));
    }
    Ok(duration)
}

/// A size as people write it: `500kB`, `256MiB`.
fn size(text: &str) -> Result<ByteSize, String> {
    text.parse().map_err(|_| format!("\"{text}\" is no size; write 500kB, 256MiB or 2GiB"))
}

/// A number of things to do at the same time.
fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| format!("\"{text}\" is no number of containers; write 1 or more"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_and_numbers_are_explained() {
        assert_eq!(size("256MiB"), Ok(ByteSize::mib(256)));
        assert_eq!(size("10"), Ok(ByteSize::b(10)));
        for text in ["", "10x", "-1", "MiB"] {
            assert!(size(text).is_err_and(|why| why.contains("is no size; write")), "{text}");
        }
        assert_eq!(at_least_one("3").map(NonZeroUsize::get), Ok(3));
        for text in ["", "0", "-1", "many"] {
            assert!(at_least_one(text).is_err_and(|why| why.contains("write 1 or more")), "{text}");
        }
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for text in ["", "x", "-5s", "0s", "30", "9999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
