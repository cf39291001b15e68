//! What the command line means, decided once: the second level of arguments, from which everything else is made.

use std::path::PathBuf;
use std::time::Duration;

use crate::allowance::RunLimits;
use crate::claim;
use crate::cli::{Cli, Form};
use crate::dns::is_dns_label;
use crate::error::Fatal;
use crate::flush::{FlushRequest, FlushUrl, Method, Process, words};
use crate::selection::{Selection, check_pattern};
use crate::skaffold::Skaffold;
use crate::unpack::Limits;
use crate::workload::{self, Workload, WorkloadKind};

/// Memory for files on their way to the store, bytes, over all containers; a file as large as the limit must fit.
const MEMORY: u64 = 512 << 20;

/// Where files go if nobody says; where `covreport` looks for them.
const DEFAULT_STORE: &str = "reports/coverage";

/// What pods that read claims are made of if nobody says.
const HELPER_IMAGE: &str = "busybox:1.37.0";

/// The resolved options.
#[derive(Debug, Clone)]
// Each is a flag of its own, not a state of the others.
#[allow(clippy::struct_excessive_bools)]
pub struct Options {
    /// Kubeconfig file, if named.
    pub kubeconfig: Option<PathBuf>,
    /// Context, if named.
    pub context: Option<String>,
    /// Whether the namespaces were named for this run, rather than taken from a context or from Skaffold.
    pub namespaces_named: bool,
    /// Whether the namespaces are still to be taken from the context.
    pub namespace_of_context: bool,
    /// What was taken from Skaffold's environment, each with its variable; for people.
    pub taken: Vec<String>,
    /// What to read.
    pub selection: Selection,
    /// The flush to ask for.
    pub flush: Option<FlushRequest>,
    /// Process whose environment tells a directory that the pod's spec does not have.
    pub process: Process,
    /// Image for ephemeral containers beside those that have nothing to copy with.
    pub debug_image: Option<String>,
    /// Image for pods that read claims.
    pub helper_image: String,
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
    /// How much is logged, 0 to 3.
    pub verbosity: u8,
    /// Crashed, completed and empty containers are no failure.
    pub allow_empty: bool,
    /// Copy a meta file that containers have in common from one of them only.
    pub dedupe: bool,
    /// Have files sent through gzip where the image has it.
    pub gzip: bool,
    /// Containers at the same time.
    pub parallel: usize,
    /// Attempts beyond the first.
    pub retries: usize,
    /// Time for one container.
    pub timeout: Duration,
    /// What one container may send.
    pub limits: Limits,
    /// What all containers together may send.
    pub run_limits: RunLimits,
    /// Memory for files on their way to the store, KiB.
    pub memory_kib: usize,
}

impl Options {
    /// Resolves the command line. What it leaves open is taken from Skaffold's environment, then from the defaults.
    pub fn resolve(cli: Cli, skaffold: &Skaffold) -> Result<Self, Fatal> {
        let workloads = workload::parse(&cli.workloads).map_err(Fatal::usage)?;
        cli.containers.iter().try_for_each(|pattern| check_pattern(pattern)).map_err(Fatal::usage)?;
        let mut taken = Vec::new();
        let mut take = |what: String, variable: &str| taken.push(format!("{what} ({variable})"));
        let mut namespaces = cli.namespaces;
        let namespaces_named = !namespaces.is_empty();
        if namespaces.is_empty() && !cli.all_namespaces && !skaffold.namespaces.is_empty() {
            namespaces.clone_from(&skaffold.namespaces);
            take(format!("namespaces {}", namespaces.join(",")), "SKAFFOLD_NAMESPACES");
        }
        if let Some(name) = namespaces.iter().find(|name| !is_dns_label(name)) {
            return Err(Fatal::usage(format!("\"{name}\" cannot be the name of a namespace")));
        }
        let mut labels = cli.labels;
        if labels.is_none()
            && workloads.is_empty()
            && let Some(of_run) = skaffold.labels().map_err(Fatal::usage)?
        {
            take(format!("labels {of_run}"), "SKAFFOLD_RUN_ID");
            labels = Some(of_run);
        }
        let context = cli.context.or_else(|| {
            let context = skaffold.context.clone()?;
            take(format!("context {context}"), "SKAFFOLD_KUBE_CONTEXT");
            Some(context)
        });
        let to = cli.to.unwrap_or_else(|| match &skaffold.work_dir {
            Some(work_dir) => {
                let to = work_dir.join(DEFAULT_STORE);
                take(format!("output to {}", to.display()), "SKAFFOLD_WORK_DIR");
                to
            }
            None => PathBuf::from(DEFAULT_STORE),
        });
        check_from(cli.from.as_deref(), &workloads)?;
        let debug_image = cli.debug_image.map(|image| check_image("--debug-image", image)).transpose()?;
        let helper_image = cli.helper_image.map(|image| check_image("--helper-image", image)).transpose()?;
        let helper_image = helper_image.or(debug_image.clone()).unwrap_or_else(|| HELPER_IMAGE.to_owned());
        let process = cli.process.map_or(Process::Id(cli.pid), Process::Name);
        let method = match (cli.signal, cli.flush_url, cli.flush_exec) {
            (Some(signal), _, _) => Some(Method::Signal(signal, process.clone())),
            (_, Some(url), _) => Some(Method::Request(FlushUrl { method: cli.flush_method, ..url })),
            (_, _, Some(line)) => {
                let words = words(&line).map_err(|why| Fatal::usage(format!("--flush-exec: {why}")))?;
                Some(Method::Command(words))
            }
            _ => None,
        };
        method.as_ref().map_or(Ok(()), |method| check_flush(method, &workloads))?;
        let whole = cli.flush_timeout.as_secs() + u64::from(cli.flush_timeout.subsec_nanos() > 0);
        let flush = method.map(|method| FlushRequest { method, timeout: Duration::from_secs(whole) });
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
        namespaces.sort();
        namespaces.dedup();
        let namespace_of_context = namespaces.is_empty() && !cli.all_namespaces;
        Ok(Self {
            kubeconfig: cli.kubeconfig,
            context,
            taken,
            namespaces_named,
            namespace_of_context,
            selection: Selection {
                namespaces: (!cli.all_namespaces).then_some(namespaces),
                workloads,
                labels: labels.filter(|labels| !labels.is_empty()),
                fields: cli.fields.filter(|fields| !fields.is_empty()),
                containers: cli.containers,
                from: cli.from,
            },
            flush,
            process,
            debug_image,
            helper_image,
            to,
            fresh: cli.fresh,
            dry_run: cli.dry_run,
            form: cli.output,
            quiet: cli.quiet,
            verbosity: cli.verbose,
            allow_empty: cli.allow_empty,
            dedupe: !cli.no_dedupe,
            gzip: cli.gzip,
            parallel: cli.parallel.get(),
            retries: cli.retries,
            timeout: cli.timeout,
            limits,
            run_limits: RunLimits { bytes: cli.max_run_size.as_u64(), files: cli.max_run_files },
            memory_kib,
        })
    }
}

/// The directory of `--from`, which means another place where it is one on a volume.
fn check_from(from: Option<&str>, workloads: &[Workload]) -> Result<(), Fatal> {
    let Some(from) = from else { return Ok(()) };
    if from.is_empty() || from.contains('\0') {
        return Err(Fatal::usage("--from needs a directory"));
    }
    let claims = workloads.iter().any(|workload| workload.kind == WorkloadKind::Claim);
    if claims && claim::directory(Some(from)).is_none() {
        return Err(Fatal::usage("--from is a directory on the volume here: it cannot lead out of it by .."));
    }
    Ok(())
}

/// Nothing runs on a volume that could be told to write.
fn check_flush(method: &Method, workloads: &[Workload]) -> Result<(), Fatal> {
    let is_claim = |workload: &Workload| workload.kind == WorkloadKind::Claim;
    if workloads.is_empty() || !workloads.iter().all(is_claim) {
        return Ok(());
    }
    let message = format!(
        "{}: nothing can be signalled through a claim, whose volume has no process: leave the option out, or name the pods that write there",
        method.option()
    );
    Err(Fatal::usage(message))
}

/// An image's name, as far as it can be told without a registry.
fn check_image(option: &str, image: String) -> Result<String, Fatal> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/@".contains(&byte);
    if image.is_empty() || image.starts_with('-') || !image.bytes().all(fits) {
        return Err(Fatal::usage(format!("{option}: \"{image}\" cannot be the name of an image")));
    }
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn resolve(arguments: &[&str]) -> Result<Options, Fatal> {
        let line = ["covfetch"].into_iter().chain(arguments.iter().copied());
        Options::resolve(Cli::try_parse_from(line).unwrap(), &Skaffold::default())
    }

    /// In a hook of Skaffold.
    fn hooked(arguments: &[&str]) -> Result<Options, Fatal> {
        let line = ["covfetch"].into_iter().chain(arguments.iter().copied());
        let skaffold = Skaffold {
            context: Some("kind".into()),
            namespaces: vec!["shop".into(), "pay".into()],
            run_id: Some("7f-1".into()),
            work_dir: Some("/work".into()),
        };
        Options::resolve(Cli::try_parse_from(line).unwrap(), &skaffold)
    }

    #[test]
    fn in_a_hook_of_skaffold_the_bare_word_works() {
        let options = hooked(&[]).unwrap();
        assert_eq!(options.context.as_deref(), Some("kind"));
        assert_eq!(options.selection.namespaces, Some(vec!["pay".into(), "shop".into()]));
        assert_eq!(options.selection.labels.as_deref(), Some("skaffold.dev/run-id=7f-1"));
        assert_eq!(options.to, PathBuf::from("/work/reports/coverage"));
        assert!(!options.namespace_of_context);
        assert_eq!(options.taken.len(), 4, "{:?}", options.taken);
    }

    #[test]
    fn flags_win_over_skaffold() {
        let options = hooked(&["-n", "x", "-l", "a=b", "--context", "c", "--to", "t"]).unwrap();
        assert_eq!(options.selection.namespaces, Some(vec!["x".into()]));
        assert_eq!(options.selection.labels.as_deref(), Some("a=b"));
        assert_eq!((options.context.as_deref(), options.to), (Some("c"), PathBuf::from("t")));
        assert!(options.taken.is_empty(), "{:?}", options.taken);
    }

    #[test]
    fn what_selects_pods_otherwise_replaces_the_run_of_skaffold() {
        assert_eq!(hooked(&["deploy/x"]).unwrap().selection.labels, None);
        assert_eq!(hooked(&["-A"]).unwrap().selection.namespaces, None);
        // Fields come on top of labels, as in kubectl.
        let options = hooked(&["--field-selector", "status.phase=Running"]).unwrap();
        assert_eq!(options.selection.labels.as_deref(), Some("skaffold.dev/run-id=7f-1"));
        // An empty selector was asked for: everything.
        assert_eq!(hooked(&["-l", ""]).unwrap().selection.labels, None);
    }

    #[test]
    fn workloads_go_with_neither_selectors_nor_all_namespaces() {
        for arguments in [
            &["covfetch", "deploy/x", "-l", "a=b"][..],
            &["covfetch", "deploy/x", "--field-selector", "a=b"],
            &["covfetch", "deploy/x", "-A"],
        ] {
            assert!(Cli::try_parse_from(arguments).is_err(), "{arguments:?}");
        }
        assert!(resolve(&["secret/x"]).is_err());
        assert_eq!(resolve(&["deploy", "a", "b"]).unwrap().selection.workloads.len(), 2);
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
        assert_eq!((flush.pid(), flush.timeout), (Some(1), Duration::from_secs(2)));
        assert_eq!(resolve(&["--pid", "7"]).unwrap().flush, None);
        assert!(Cli::try_parse_from(["covfetch", "--signal", "KILL"]).is_err());
        for arguments in [
            &["covfetch", "--signal", "USR1", "--flush-url", ":80/x"][..],
            &["covfetch", "--flush-exec", "x", "--flush-url", ":80/x"],
            &["covfetch", "--flush-method", "GET"],
            &["covfetch", "--process", "x", "--pid", "7"],
        ] {
            assert!(Cli::try_parse_from(arguments).is_err(), "{arguments:?}");
        }
        let url = resolve(&["--flush-url", ":80/x", "--flush-method", "get"]).unwrap().flush.unwrap();
        let Method::Request(url) = url.method else { panic!("a request") };
        assert_eq!(url.to_string(), "GET http://localhost:80/x");
        assert!(resolve(&["--flush-exec", "'open"]).is_err());
    }

    #[test]
    fn nothing_is_flushed_through_claims_alone() {
        for flush in [["--signal", "USR1"], ["--flush-url", ":80/x"], ["--flush-exec", "x"]] {
            let error = resolve(&[&["pvc/a", "pvc/b"][..], &flush].concat()).unwrap_err().to_string();
            assert!(error.contains(flush[0]) && error.contains("through a claim"), "{error}");
            assert!(resolve(&[&["pvc/a", "deploy/b"][..], &flush].concat()).is_ok());
        }
        assert!(resolve(&["pvc/a"]).is_ok());
    }

    #[test]
    fn images_are_named_as_images_are() {
        for image in ["busybox", "busybox:1.37", "registry.example:5000/a/b_c@sha256:5f0c"] {
            assert_eq!(resolve(&["--debug-image", image]).unwrap().debug_image.as_deref(), Some(image));
        }
        for image in ["", "a b", "a;b", "--x"] {
            assert!(resolve(&[&format!("--debug-image={image}")]).is_err(), "{image}");
        }
    }

    #[test]
    fn a_file_as_large_as_the_limit_fits_into_memory() {
        let options = resolve(&["--max-file-size", "1GiB"]).unwrap();
        assert!(options.memory_kib as u64 > options.limits.file_bytes / 1024);
        assert!(resolve(&["--max-file-size", "9999999GiB"]).is_err());
    }
}
