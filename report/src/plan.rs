//! What a run of `covreport` is to do: every decision made, nothing read yet but the environment.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use covfmt::pod::FileName;

use crate::checkout::{PathMaps, find_root};
use crate::cli::{Arguments, Branches, ReportOptions, Snapshots};
use crate::format::{CoberturaOptions, CountLimit, Format, Kind, LcovOptions, NeedOfFiles, Timestamp};
use crate::notice::Notice;
use crate::select::Selection;
use crate::sink::Target;
use crate::view::{PackagePatterns, PathStyle};

/// Where `covfetch` puts what it fetches.
const DEFAULT_INPUT: &str = "reports/coverage";

/// The decisions of one run.
#[allow(clippy::struct_excessive_bools, reason = "independent decisions, each with a name")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What to read.
    pub inputs: Vec<PathBuf>,
    /// Whether no input was named, so that the default is meant.
    pub default_input: bool,
    /// The reports, one of them at most on standard output; none only if merged files are written.
    pub reports: Vec<Report>,
    /// The directory for merged coverage files, if they are asked for.
    pub covdata: Option<PathBuf>,
    /// The repository's root; `None` if there is none or it is not wanted.
    pub root: Option<PathBuf>,
    /// Whether it is the user's wish that there is no root.
    pub no_checkout: bool,
    /// Whether lines have branches.
    pub branches: bool,
    /// Where files are according to the user.
    pub maps: PathMaps,
    /// How files are shown.
    pub paths: PathStyle,
    /// Which packages; `None` means all.
    pub packages: Option<PackagePatterns>,
    /// Which files, and which code in them.
    pub selection: Selection,
    /// Whether all runs of a manifest are read.
    pub all_runs: bool,
    /// What several counter files of one process are; `None` if nobody said.
    pub snapshots: Option<Snapshots>,
    /// Whether reports are made of incomplete input.
    pub keep_going: bool,
    /// Whether warnings are errors.
    pub strict: bool,
    /// Whether files that should be equal are compared in full.
    pub verify: bool,
    /// Number of threads; `None` means one per processor.
    pub threads: Option<usize>,
    /// What to say about the decisions.
    pub notices: Vec<Notice>,
}

/// One report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How it is written.
    pub format: Format,
    /// Where it goes.
    pub target: Target,
}

/// What decisions depend on beside the arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// The current directory.
    pub directory: PathBuf,
    /// Milliseconds since 1970.
    pub now_ms: u64,
    /// The variable `SOURCE_DATE_EPOCH`.
    pub source_date_epoch: Option<OsString>,
}

impl Environment {
    /// The variable `SOURCE_DATE_EPOCH`, if it holds anything: empty is how some shells and CI files unset a variable.
    fn source_date_epoch(&self) -> Option<&OsString> {
        self.source_date_epoch.as_ref().filter(|value| !value.is_empty())
    }
}

/// A command line that cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// Two reports for standard output.
    #[error(
        "--{first} and --{second} would both go to standard output: give one of them a file, as in --{second}=FILE"
    )]
    TwoOnStdout {
        /// The first of them.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// An empty file name.
    #[error("--{0}= names no file")]
    EmptyTarget(&'static str),
    /// A report that would replace a coverage file or a manifest.
    #[error("{} has the name of an input file: a report would replace it", Path::new(.0).display())]
    TargetIsInput(OsString),
    /// Absolute paths of no repository.
    #[error(
        "--absolute-paths needs a repository, and there is none at or above the current directory: give it with --root"
    )]
    NoRoot,
    /// Merged files of some packages only.
    #[error(
        "--covdata writes whole builds, so it does not go with --pkg, --include, --exclude or --exclude-generated: select \
         in reports of the result, or use covdata merge -pkg"
    )]
    WholeBuilds,
    /// `SOURCE_DATE_EPOCH` is no number.
    #[error("SOURCE_DATE_EPOCH is {0:?}, which is no number of seconds")]
    SourceDateEpoch(OsString),
}

impl Plan {
    /// Makes the decisions.
    pub fn new(arguments: Arguments, environment: &Environment) -> Result<Self, UsageError> {
        let mut notices = Vec::new();
        let mut reports = Vec::new();
        for (kind, value) in &arguments.reports.0 {
            let target = target(*kind, value)?;
            reports.push(Report { format: format(*kind, &arguments.report_options, environment)?, target });
        }
        let selects = !arguments.pkg.is_empty()
            || !arguments.include.is_empty()
            || !arguments.exclude.is_empty()
            || arguments.exclude_generated;
        if arguments.covdata.is_some() && selects {
            return Err(UsageError::WholeBuilds);
        }
        if reports.is_empty() && arguments.covdata.is_none() {
            reports.push(Report { format: Format::Percent, target: Target::Stdout });
        }
        let mut on_stdout = reports.iter().filter(|report| report.target == Target::Stdout);
        if let (Some(first), Some(second)) = (on_stdout.next(), on_stdout.next()) {
            let (first, second) = (first.format.name(), second.format.name());
            return Err(UsageError::TwoOnStdout { first, second });
        }
        let dated = |report: &Report| report.format.kind() == Kind::Cobertura;
        if reports.iter().any(dated) && environment.source_date_epoch().is_some() {
            notices.push(Notice::warning(
                "the Cobertura report is dated by SOURCE_DATE_EPOCH; Codecov rejects reports older than 12 hours",
            ));
        }

        notices.extend(idle_options(&arguments, &reports));

        let default_input = arguments.inputs.is_empty();
        let inputs = if default_input { vec![PathBuf::from(DEFAULT_INPUT)] } else { arguments.inputs };
        let root = match arguments.root {
            _ if arguments.no_checkout => None,
            Some(root) => Some(root),
            None => find_root(&environment.directory),
        };
        if arguments.absolute_paths && root.is_none() {
            return Err(UsageError::NoRoot);
        }
        let patterns =
            arguments.pkg.iter().map(|pattern| pattern.as_bytes()).collect::<Vec<_>>().join(&b","[..]);
        let packages = (!arguments.pkg.is_empty()).then(|| PackagePatterns::parse(&patterns));
        Ok(Self {
            inputs,
            default_input,
            reports,
            covdata: arguments.covdata,
            root,
            no_checkout: arguments.no_checkout,
            branches: arguments.report_options.branches == Branches::Units,
            maps: PathMaps::new(arguments.map),
            paths: PathStyle { absolute: arguments.absolute_paths, external: arguments.include_external },
            packages,
            selection: Selection {
                include: arguments.include,
                exclude: arguments.exclude,
                without_generated: arguments.exclude_generated,
                without_marked: !arguments.count_ignored,
            },
            all_runs: arguments.all_runs,
            snapshots: arguments.snapshots,
            keep_going: arguments.keep_going,
            strict: arguments.strict,
            verify: arguments.verify,
            threads: arguments.threads.map(usize::from),
            notices,
        })
    }

    /// Whether it matters how often code ran, and not only whether it did.
    pub fn shows_counts(&self) -> bool {
        self.covdata.is_some() || self.reports.iter().any(|report| report.format.kind().shows_counts())
    }

    /// Whether there is a report that says how much ran, and not only what there is.
    pub fn shows_coverage(&self) -> bool {
        self.reports.iter().any(|report| report.format.kind() != Kind::Pkglist)
    }

    /// What the most demanding of the reports wants of files. Without a repository nothing is looked for that a report
    /// can do without: the lines would only be those of whole blocks.
    pub fn files(&self) -> NeedOfFiles {
        let needs = self.reports.iter().map(|report| report.format.kind().files());
        match needs.max().unwrap_or(NeedOfFiles::None) {
            NeedOfFiles::IfFound if self.root.is_none() => NeedOfFiles::None,
            needed => needed,
        }
    }
}

/// Options that none of the reports is concerned by, each with what to say.
fn idle_options(arguments: &Arguments, reports: &[Report]) -> Vec<Notice> {
    let options = &arguments.report_options;
    let none = |shows: fn(Kind) -> bool| !reports.iter().any(|report| shows(report.format.kind()));
    let asked = [
        (options.branches == Branches::None && none(Kind::shows_branches), "--branches=none", "branches"),
        (
            options.clamp_counts && none(Kind::clamps_on_request),
            "--clamp-counts",
            "counts that are not clamped anyway",
        ),
        (arguments.absolute_paths && none(Kind::shows_files), "--absolute-paths", "paths of files"),
        (
            arguments.include_external && none(|kind| kind.files() > NeedOfFiles::None),
            "--include-external",
            "lines",
        ),
    ];
    let idle = asked.iter().filter(|(is_idle, ..)| *is_idle);
    idle.map(|(_, option, what)| {
        Notice::note(format!("{option} changes nothing: no report of this run shows {what}"))
    })
    .collect()
}

/// A format with the options that it was given.
fn format(kind: Kind, options: &ReportOptions, environment: &Environment) -> Result<Format, UsageError> {
    let limit = if options.clamp_counts { CountLimit::Int32 } else { CountLimit::None };
    Ok(match kind {
        Kind::Percent => Format::Percent,
        Kind::Func => Format::Func,
        Kind::Pkglist => Format::Pkglist,
        Kind::Markdown => Format::Markdown(options.markdown_for),
        Kind::Textfmt => Format::Textfmt(limit),
        Kind::Lcov => Format::Lcov(LcovOptions {
            test_name: options.test_name.clone().unwrap_or_default(),
            functions: options.lcov_functions,
            limit,
        }),
        Kind::Cobertura => Format::Cobertura(CoberturaOptions {
            timestamp: timestamp(environment)?,
            compact: options.cobertura_compact,
        }),
        Kind::Codecov => Format::Codecov,
        Kind::Coveralls => Format::Coveralls,
        Kind::Sonarqube => Format::Sonarqube,
        Kind::Jacoco => Format::Jacoco,
        Kind::Json => Format::Json,
    })
}

fn target(kind: Kind, value: &OsStr) -> Result<Target, UsageError> {
    match value.as_bytes() {
        b"" => Err(UsageError::EmptyTarget(kind.name())),
        b"-" => Ok(Target::Stdout),
        _ if is_input(Path::new(value)) => Err(UsageError::TargetIsInput(value.to_owned())),
        _ => Ok(Target::of_path(Path::new(value))),
    }
}

/// Whether a path has the name of a file that is read, and that nobody wants to be replaced by a report.
pub(crate) fn is_input(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name == "manifest.json" || FileName::parse(name.as_bytes()).is_some()
}

fn timestamp(environment: &Environment) -> Result<Timestamp, UsageError> {
    let Some(value) = environment.source_date_epoch() else { return Ok(Timestamp(environment.now_ms)) };
    let seconds: Option<u64> = value.to_str().and_then(|text| text.parse().ok());
    let milliseconds = seconds.and_then(|seconds| seconds.checked_mul(1000));
    milliseconds.map(Timestamp).ok_or_else(|| UsageError::SourceDateEpoch(value.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::FunctionRecords;
    use clap::Parser as _;

    fn environment() -> Environment {
        Environment { directory: "/nowhere".into(), now_ms: 1_234_567, source_date_epoch: None }
    }

    fn plan(arguments: &[&str]) -> Result<Plan, UsageError> {
        let arguments = Arguments::try_parse_from([&["covreport"], arguments].concat()).unwrap();
        Plan::new(arguments, &environment())
    }

    fn reports(arguments: &[&str]) -> Vec<(&'static str, Target)> {
        let reports = plan(arguments).unwrap().reports;
        reports.into_iter().map(|report| (report.format.name(), report.target)).collect()
    }

    #[test]
    fn percent_on_standard_output_is_the_default() {
        assert_eq!(reports(&[]), [("percent", Target::Stdout)]);
        assert_eq!(reports(&["--lcov=a"]), [("lcov", Target::File("a".into()))]);
        assert_eq!(reports(&["--textfmt=-"]), [("textfmt", Target::Stdout)]);
        assert_eq!(
            reports(&["--cobertura=a", "--percent"]),
            [("percent", Target::Stdout), ("cobertura", Target::File("a".into()))]
        );
    }

    #[test]
    fn only_one_report_fits_on_standard_output() {
        let error = plan(&["--lcov", "--percent"]).unwrap_err();
        assert_eq!(error, UsageError::TwoOnStdout { first: "percent", second: "lcov" });
        for stdout in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
            assert_eq!(reports(&[&format!("--lcov={stdout}")]), [("lcov", Target::Stdout)]);
        }
        assert_eq!(plan(&["--lcov="]).unwrap_err(), UsageError::EmptyTarget("lcov"));
        for input in ["d/covmeta.x", "covcounters.x.1.2", "d/manifest.json"] {
            let error = plan(&[&format!("--lcov={input}")]).unwrap_err();
            assert_eq!(error, UsageError::TargetIsInput(input.into()));
        }
    }

    #[test]
    fn options_that_change_nothing_are_named() {
        let said = |arguments: &[&str]| -> Vec<String> {
            plan(arguments).unwrap().notices.iter().map(ToString::to_string).collect()
        };
        let idle = [
            (
                &["--branches=none"][..],
                "--branches=none changes nothing: no report of this run shows branches",
            ),
            (&["--cobertura", "--clamp-counts"], "--clamp-counts changes nothing"),
            (&["--textfmt", "--absolute-paths", "--root=/r"], "--absolute-paths changes nothing"),
            (&["--covdata=d", "--include-external"], "--include-external changes nothing"),
        ];
        for (arguments, expected) in idle {
            let said = said(arguments);
            assert!(said.len() == 1 && said[0].contains(expected), "{arguments:?}: {said:?}");
        }
        for arguments in [
            &["--branches=none", "--percent", "--lcov=a"][..],
            &["--branches=units"],
            &["--textfmt", "--clamp-counts"],
            &["--func", "--absolute-paths", "--root=/r"],
            &["--include-external"],
        ] {
            assert_eq!(said(arguments), Vec::<String>::new(), "{arguments:?}");
        }
    }

    #[test]
    fn merged_files_are_whole_builds() {
        assert_eq!(reports(&["--covdata=d"]), []);
        assert_eq!(plan(&["--covdata=d"]).unwrap().covdata, Some("d".into()));
        for selection in ["--pkg=a", "--include=a", "--exclude=a", "--exclude-generated"] {
            assert_eq!(plan(&["--covdata=d", selection]).unwrap_err(), UsageError::WholeBuilds);
        }
    }

    #[test]
    fn no_input_means_where_covfetch_writes() {
        let plan_of = |arguments: &[&str]| plan(arguments).unwrap();
        assert_eq!(plan_of(&[]).inputs, [PathBuf::from("reports/coverage")]);
        assert!(plan_of(&[]).default_input && !plan_of(&["a"]).default_input);
        assert_eq!(plan_of(&["a", "b"]).inputs, [PathBuf::from("a"), PathBuf::from("b")]);
    }

    #[test]
    fn patterns_may_be_given_in_either_way() {
        let expected = Some(PackagePatterns::parse(b"a,b/...,c"));
        assert_eq!(plan(&["--pkg", "a,b/...", "--pkg=c"]).unwrap().packages, expected);
        assert_eq!(plan(&[]).unwrap().packages, None);
    }

    #[test]
    fn absolute_paths_need_a_root() {
        assert_eq!(plan(&["--absolute-paths"]), Err(UsageError::NoRoot));
        let paths = plan(&["--absolute-paths", "--root", "/r"]).unwrap().paths;
        assert_eq!(paths, PathStyle { absolute: true, external: false });
        let both = ["covreport", "--absolute-paths", "--no-checkout"];
        assert!(Arguments::try_parse_from(both).is_err());
    }

    #[test]
    fn reports_get_their_options() {
        let first = |arguments: &[&str]| plan(arguments).map(|plan| plan.reports[0].format.clone()).unwrap();
        assert_eq!(first(&["--textfmt", "--clamp-counts"]), Format::Textfmt(CountLimit::Int32));
        let lcov = first(&["--lcov", "--test-name=it_1", "--lcov-functions=fnl"]);
        let (test_name, functions) = ("it_1".to_owned(), FunctionRecords::Fnl);
        assert_eq!(lcov, Format::Lcov(LcovOptions { test_name, functions, limit: CountLimit::None }));
        assert!(!plan(&["--branches=none"]).unwrap().branches);
        // An option without its report, and values that are none.
        for wrong in [
            &["--percent", "--cobertura-compact"][..],
            &["--test-name=a"],
            &["--lcov-functions=fnl"],
            &["--markdown-for=summary"],
            &["--lcov", "--test-name=a-b"],
            &["--branches=some"],
        ] {
            assert!(Arguments::try_parse_from([&["covreport"], wrong].concat()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_reports_need_of_files_is_what_the_most_demanding_needs() {
        for (arguments, files) in [
            (&["--textfmt=a", "--pkglist=b"][..], NeedOfFiles::None),
            (&["--root=r"], NeedOfFiles::IfFound),
            (&["--no-checkout"], NeedOfFiles::None),
            (&["--percent=a", "--lcov=b"], NeedOfFiles::Required),
            (&["--coveralls=a", "--lcov=b"], NeedOfFiles::WithDigests),
        ] {
            assert_eq!(plan(arguments).unwrap().files(), files);
        }
    }

    #[test]
    fn the_time_is_taken_from_the_environment() {
        let cobertura = |epoch: Option<&str>| {
            let arguments = Arguments::try_parse_from(["covreport", "--cobertura=a"]).unwrap();
            let environment = Environment { source_date_epoch: epoch.map(OsString::from), ..environment() };
            Plan::new(arguments, &environment)
                .map(|plan| (plan.reports[0].format.clone(), plan.notices.len()))
        };
        let at = |milliseconds| {
            Format::Cobertura(CoberturaOptions { timestamp: Timestamp(milliseconds), compact: false })
        };
        assert_eq!(cobertura(None), Ok((at(1_234_567), 0)));
        assert_eq!(cobertura(Some("17")), Ok((at(17_000), 1)));
        assert_eq!(cobertura(Some("")), Ok((at(1_234_567), 0)));
        for wrong in ["soon", "-1", "99999999999999999999"] {
            assert_eq!(cobertura(Some(wrong)), Err(UsageError::SourceDateEpoch(wrong.into())));
        }
    }
}
