//! What the command line means, decided once: the second level of arguments, from which everything else is made.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::{Cli, Form};
use crate::error::Fatal;
use crate::flush::FlushRequest;
use crate::names::is_dns_label;
use crate::selection::Selection;
use crate::unpack::Limits;

/// Memory for files on their way to the store, bytes, over all containers; a file as large as the limit must fit.
const MEMORY: u64 = 512 << 20;

/// The resolved options.
#[derive(Debug, Clone)]
// Each is a flag of its own, not a state of the others.
#[allow(clippy::struct_excessive_bools)]
pub struct Options {
    /// Kubeconfig file, if named.
    pub kubeconfig: Option<PathBuf>,
    /// Context, if named.
    pub context: Option<String>,
    /// Whether the namespaces are still to be taken from the context.
    pub namespace_of_context: bool,
    /// What to read.
    pub selection: Selection,
    /// The flush to ask for.
    pub flush: Option<FlushRequest>,
    /// The store.
    pub to: PathBuf,
    /// Set older runs aside first.
    pub fresh: bool,
    /// Change nothing.
    pub dry_run: bool,
    /// Form of the summary.
    pub form: Form,
    /// No progress.
    pub quiet: bool,
    /// Crashed, completed and empty containers are no failure.
    pub allow_empty: bool,
    /// Containers at the same time.
    pub parallel: usize,
    /// Attempts beyond the first.
    pub retries: usize,
    /// Time for one container.
    pub timeout: Duration,
    /// What one container may send.
    pub limits: Limits,
    /// Memory for files on their way to the store, KiB.
    pub memory_kib: usize,
}

impl Options {
    /// Resolves the command line.
    pub fn resolve(cli: Cli) -> Result<Self, Fatal> {
        for name in cli.namespaces.iter().chain(&cli.containers) {
            if !is_dns_label(name) {
                return Err(Fatal::usage(format!(
                    "\"{name}\" cannot be the name of a namespace or a container"
                )));
            }
        }
        if let Some(from) = &cli.from
            && (from.is_empty() || from.contains('\0'))
        {
            return Err(Fatal::usage("--from needs a directory"));
        }
        let flush = cli.signal.map(|signal| {
            let whole = cli.flush_timeout.as_secs() + u64::from(cli.flush_timeout.subsec_nanos() > 0);
            FlushRequest { signal, pid: cli.pid, timeout: Duration::from_secs(whole) }
        });
        let limits = Limits {
            file_bytes: cli.max_file_size.as_u64(),
            container_bytes: cli.max_container_size.as_u64(),
            files: cli.max_files,
        };
        let kib = limits.file_bytes.max(MEMORY) / 1024 + 1;
        let memory_kib = u32::try_from(kib).ok().and_then(|kib| usize::try_from(kib).ok());
        let Some(memory_kib) = memory_kib else {
            return Err(Fatal::usage("--max-file-size is larger than 4 TiB"));
        };
        let mut namespaces = cli.namespaces;
        namespaces.sort();
        namespaces.dedup();
        let namespace_of_context = namespaces.is_empty() && !cli.all_namespaces;
        Ok(Self {
            kubeconfig: cli.kubeconfig,
            context: cli.context,
            namespace_of_context,
            selection: Selection {
                namespaces: (!cli.all_namespaces).then_some(namespaces),
                labels: cli.labels.filter(|labels| !labels.is_empty()),
                fields: cli.fields.filter(|fields| !fields.is_empty()),
                containers: cli.containers,
                from: cli.from,
            },
            flush,
            to: cli.to,
            fresh: cli.fresh,
            dry_run: cli.dry_run,
            form: cli.output,
            quiet: cli.quiet,
            allow_empty: cli.allow_empty,
            parallel: cli.parallel.get(),
            retries: cli.retries,
            timeout: cli.timeout,
            limits,
            memory_kib,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn resolve(arguments: &[&str]) -> Result<Options, Fatal> {
        let line = ["covfetch"].into_iter().chain(arguments.iter().copied());
        Options::resolve(Cli::try_parse_from(line).unwrap())
    }

    #[test]
    fn namespaces_come_from_the_line_or_from_the_context() {
        let options = resolve(&[]).unwrap();
        assert!(options.namespace_of_context);
        let options = resolve(&["-A"]).unwrap();
        assert_eq!((options.namespace_of_context, options.selection.namespaces), (false, None));
        let options = resolve(&["-n", "b,a", "-n", "b"]).unwrap();
        assert_eq!(options.selection.namespaces, Some(vec!["a".into(), "b".into()]));
        assert!(resolve(&["-n", "../x"]).is_err());
        assert!(resolve(&["-c", "a/b"]).is_err());
    }

    #[test]
    fn nothing_is_signalled_unless_asked() {
        assert_eq!(resolve(&[]).unwrap().flush, None);
        let flush = resolve(&["--signal", "USR1", "--flush-timeout", "1500ms"]).unwrap().flush.unwrap();
        assert_eq!((flush.pid.get(), flush.timeout), (1, Duration::from_secs(2)));
        assert!(Cli::try_parse_from(["covfetch", "--pid", "7"]).is_err());
        assert!(Cli::try_parse_from(["covfetch", "--signal", "KILL"]).is_err());
    }

    #[test]
    fn a_file_as_large_as_the_limit_fits_into_memory() {
        let options = resolve(&["--max-file-size", "1GiB"]).unwrap();
        assert!(options.memory_kib as u64 > options.limits.file_bytes / 1024);
        assert!(resolve(&["--max-file-size", "9999999GiB"]).is_err());
    }
}
