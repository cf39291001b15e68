//! A run of `covreport` on one page: plan -> targets -> profile -> view -> reports -> final names.

use std::io::{self, Write};

use bstr::ByteSlice as _;
use covfmt::profile::{Package, Profile};
use rayon::ThreadPoolBuilder;

use crate::checkout::Checkout;
use crate::exit::Exit;
use crate::format::NeedOfFiles;
use crate::load::{InputError, Loaded, load};
use crate::merged::{MergedBuild, MergedDirectory, MergedError};
use crate::missing::MissingInput;
use crate::notice::{Notice, say, some_of};
use crate::plan::Plan;
use crate::recount::{Recount, is_suspicious, recount};
use crate::relocate::relocate;
use crate::select::{SelectError, select};
use crate::sink::{Sink, SinkError};
use crate::view::{FilesError, Findings, LeftOut, Places, View, ViewError};

/// Why no report was written.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The input is missing, incomplete or damaged.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The profile cannot be shown.
    #[error(transparent)]
    View(#[from] ViewError),
    /// Nothing is left to show.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// A report could not be written.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// Merged coverage files could not be written.
    #[error(transparent)]
    Merged(#[from] MergedError),
    /// Two reports would overwrite each other.
    #[error("--{first} and --{second} would both write {path}")]
    SameTarget {
        /// The first report.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// Their file.
        path: String,
    },
    /// The directory given with `--root` is none.
    #[error("the repository's root {path} cannot be read: {source}")]
    Root {
        /// The directory.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// Something was said that is an error with `--strict`.
    #[error("{0} of the messages above are errors because of --strict: no report was written")]
    Strict(usize),
    /// Threads could not be started.
    #[error("cannot start threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

impl RunError {
    /// The exit code that it means.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Input(error) if error.is_unusable() => Exit::Unusable,
            Self::Merged(error) if error.is_usage() => Exit::Unusable,
            Self::SameTarget { .. }
            | Self::Strict(_)
            | Self::Select(_)
            | Self::View(ViewError::Files(FilesError::NothingFound { .. })) => Exit::Unusable,
            _ => Exit::Failure,
        }
    }
}

/// Carries out a plan. Remarks go to `messages`, as soon as they are known; reports go where the plan says. Gives what
/// is not in them though it should be: with `keep_going` only.
pub fn run(plan: &Plan, messages: &mut (dyn Write + Send)) -> Result<Vec<MissingInput>, RunError> {
    let pool = ThreadPoolBuilder::new().num_threads(plan.threads.unwrap_or(0)).build()?;
    pool.install(|| run_here(plan, messages))
}

fn run_here(plan: &Plan, messages: &mut (dyn Write + Send)) -> Result<Vec<MissingInput>, RunError> {
    let mut said = Said { messages, strict: plan.strict, refused: 0 };
    said.tell(&plan.notices);
    // The directory first: reports may go there, too.
    let merged =
        plan.covdata.as_ref().map(|directory| MergedDirectory::open(directory, &plan.inputs)).transpose()?;
    let sinks = open_sinks(plan)?;
    let Loaded { profile, builds, notices, missing } = load(plan)?;
    said.tell(&notices);
    let Some(mut profile) = profile else {
        write(plan, None, &builds, merged, sinks, &mut said)?;
        return Ok(missing);
    };
    said.tell(&correct_statements(&mut profile, plan)?);

    let mut whole = View::new(&profile)?;
    let mut located = None;
    let needed = plan.files();
    let (checkout, places) = if needed != NeedOfFiles::None || plan.selection.is_active() {
        let checkout = open_checkout(plan, &profile)?;
        let mut places = Places::find(&whole.packages, &checkout);
        located = relocate(&profile, &places, &checkout);
        if let Some(located) = &located {
            whole.locate(&profile, located)?;
            places = Places::find(whole.packages_by_place(), &checkout);
        }
        said.tell(&idle_maps(&whole, &checkout));
        (checkout, places)
    } else {
        (Checkout::default(), Places::default())
    };
    let by_place = whole.packages_by_place();
    let selected = select(&plan.selection, &profile, located.as_ref(), by_place, &places, &checkout)?;
    said.tell(&selected.notices);
    let mut view = match &selected.profile {
        Some(left) => {
            let mut view = View::new(left)?;
            selected.located.iter().try_for_each(|located| view.locate(left, located))?;
            view
        }
        None => whole,
    };
    view.excluded = selected.excluded;
    view.missing = missing;
    if view.statements.total == 0 && plan.shows_coverage() {
        if plan.packages.is_some() || selected.profile.is_some() {
            return Err(SelectError::NoStatements.into());
        }
        said.tell(&[Notice::warning(
            "the data holds no statement: reports are empty, which is neither 0 % nor 100 %",
        )]);
    }
    if needed != NeedOfFiles::None {
        match view.add_files(&places, &checkout, plan.paths) {
            Ok(findings) => said.tell(&remarks(&findings, &checkout, plan)),
            Err(ViewError::Files(error)) if needed == NeedOfFiles::IfFound => {
                said.tell(&[Notice::warning(format!("lines and functions are not counted: {error}"))]);
            }
            Err(error) => return Err(error.into()),
        }
        if needed == NeedOfFiles::WithDigests {
            view.add_digests(&checkout);
            said.tell(&missing_digests(&view));
        }
        if !plan.branches {
            view.drop_branches();
        }
    }
    write(plan, Some(&view), &builds, merged, sinks, &mut said)?;
    Ok(view.missing)
}

/// What is said, as soon as it is known.
struct Said<'m> {
    messages: &'m mut (dyn Write + Send),
    strict: bool,
    /// Number of messages that `--strict` makes errors of.
    refused: usize,
}

impl Said<'_> {
    fn tell(&mut self, notices: &[Notice]) {
        for notice in notices {
            self.refused += usize::from(self.strict && notice.is_refused_if_strict());
            // Nobody to tell is no reason to stop.
            drop(say(&mut *self.messages, notice));
        }
    }
}

/// Writes reports and merged files; they get their names when all of them are written.
fn write(
    plan: &Plan,
    view: Option<&View<'_>>,
    builds: &[MergedBuild],
    mut merged: Option<MergedDirectory>,
    mut sinks: Vec<Sink>,
    said: &mut Said<'_>,
) -> Result<(), RunError> {
    if said.refused != 0 {
        return Err(RunError::Strict(said.refused));
    }
    if let Some(merged) = &mut merged {
        merged.stage(builds)?;
    }
    // Files first: if one of them fails, nothing has been printed.
    let mut order: Vec<usize> = (0..sinks.len()).collect();
    order.sort_by_key(|index| sinks.get(*index).is_some_and(Sink::is_stdout));
    for index in order {
        if let (Some(view), Some(sink), Some(report)) = (view, sinks.get_mut(index), plan.reports.get(index))
        {
            let bytes = sink.write(|out| report.format.write(view, out))?;
            if let Some(text) = report.format.size_note(bytes) {
                said.tell(&[Notice::note(text)]);
            }
        }
    }
    merged.map_or(Ok(()), MergedDirectory::finish)?;
    sinks.into_iter().try_for_each(Sink::finish)?;
    Ok(())
}

fn open_sinks(plan: &Plan) -> Result<Vec<Sink>, RunError> {
    let mut sinks: Vec<Sink> = Vec::new();
    for report in &plan.reports {
        let sink = Sink::open(&report.target)?;
        let same = |other: &Sink| other.final_path().is_some() && other.final_path() == sink.final_path();
        if let Some((_, first)) = sinks.iter().zip(&plan.reports).find(|(other, _)| same(other)) {
            let path = sink.final_path().map(|path| path.display().to_string()).unwrap_or_default();
            return Err(RunError::SameTarget {
                first: first.format.name(),
                second: report.format.name(),
                path,
            });
        }
        sinks.push(sink);
    }
    Ok(sinks)
}

fn open_checkout(plan: &Plan, profile: &Profile) -> Result<Checkout, RunError> {
    let maps = plan.maps.clone();
    let Some(root) = &plan.root else { return Ok(Checkout::none(maps)) };
    let modules = profile.packages().iter().map(Package::module);
    Checkout::open(root, modules, maps)
        .map_err(|source| RunError::Root { path: root.display().to_string(), source })
}

/// Data that looks like Go 1.27.0's and 1.27.1's is rare, and only there sources are read for the sake of statements.
fn correct_statements(profile: &mut Profile, plan: &Plan) -> Result<Vec<Notice>, RunError> {
    if !is_suspicious(profile) {
        return Ok(Vec::new());
    }
    let checkout = open_checkout(plan, profile)?;
    let Recount { functions, untold } = recount(profile, &checkout);
    let mut notices = Vec::new();
    if functions != 0 {
        notices.push(Notice::note(format!(
            "Go 1.27.0 and 1.27.1 count statements too often (golang/go#80974): {functions} functions counted anew from their \
             source"
        )));
    }
    if !untold.is_empty() {
        notices.push(Notice::warning(format!(
            "statements of these files look as if counted too often, as Go 1.27.0 and 1.27.1 do (golang/go#80974), and their \
             source is not here to count anew; percentages of statements may be wrong, lines are right: {} ({}); build with a \
             later Go, or name the repository with --root",
            untold.len(),
            some_of(&untold)
        )));
    }
    Ok(notices)
}

/// Coveralls compares sources by their digests.
fn missing_digests(view: &View<'_>) -> Vec<Notice> {
    let without: Vec<&str> =
        view.files.iter().filter(|file| file.digest.is_none()).map(|file| file.path.as_str()).collect();
    if without.is_empty() {
        return Vec::new();
    }
    vec![Notice::warning(format!(
        "files in the Coveralls report without source_digest, which Coveralls wants of each, as their source is not here: {} \
         ({}); make the report in the repository, or name it with --root",
        without.len(),
        some_of(&without)
    ))]
}

fn idle_maps(view: &View<'_>, checkout: &Checkout) -> Vec<Notice> {
    let names: Vec<_> = view.packages.iter().flat_map(|p| &p.files).map(|f| f.name.to_str_lossy()).collect();
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let idle = checkout.maps().without_match(&names);
    let first = names.first().unwrap_or(&"");
    let idle = idle.iter().map(|map| {
        Notice::warning(format!(
            "--map {map} is for none of the files: FROM is the start of a name in the data, such as {first}"
        ))
    });
    idle.collect()
}

fn remarks(findings: &Findings, checkout: &Checkout, plan: &Plan) -> Vec<Notice> {
    let external = plan.paths.external;
    let mut notices = Vec::new();
    let Findings {
        without_source,
        mismatched,
        unsure,
        directed,
        guessed,
        outside,
        unknown,
        ambiguous_modules,
    } = findings;
    let root = checkout.root().map(|root| root.display().to_string());
    if !without_source.is_empty() {
        notices.push(match &root {
            Some(root) => Notice::warning(format!(
                "files without source below {root}, whose lines are those of whole blocks, braces and comments included: \
                 {} ({}); check out the commit that was built, or say with --map where they are",
                without_source.len(),
                some_of(without_source)
            )),
            None if plan.no_checkout => Notice::note(
                "no repository: paths are import paths without the module's, and lines are those of whole blocks, \
                 braces and comments included",
            ),
            None => Notice::warning(
                "no repository at or above the current directory: paths are import paths without the module's, and \
                 lines are those of whole blocks, braces and comments included; --root DIR names one, --no-checkout \
                 says that this is wanted",
            ),
        });
    }
    notices.extend(mismatched.iter().map(|(path, why)| {
        Notice::warning(format!(
            "{path} is not the source that was compiled: {why}; its lines are those of whole blocks; \
             check out the commit that was built"
        ))
    }));
    if !directed.is_empty() {
        notices.push(Notice::warning(format!(
            "files that //line directives name, whose code is not found in the Go files that hold the directives: {} ({}); their \
             lines are the places that the directives give; have those Go files here as they were compiled, generated ones too, \
             or build with Go 1.27",
            directed.len(),
            some_of(directed)
        )));
    }
    notices.extend(unsure.iter().map(|path| {
        Notice::warning(format!(
            "{path} is named by //line directives, and its units may be places in more than one file: its lines may be those \
             of several files together, and have no branches; give directives of each Go file a name of their own"
        ))
    }));
    if !ambiguous_modules.is_empty() {
        notices.push(Notice::warning(format!(
            "modules that several directories declare, of which the first with the file is taken: {}",
            some_of(ambiguous_modules)
        )));
    }
    if !guessed.is_empty() {
        let guesses: Vec<String> = guessed.iter().map(|(name, path)| format!("{name} is {path}")).collect();
        notices.push(Notice::note(format!(
            "files found by the end of their paths: {} ({})",
            guesses.len(),
            some_of(&guesses)
        )));
    }
    let sorted = |files: &LeftOut| -> String {
        let mut names: Vec<&str> = files.names.iter().map(String::as_str).collect();
        names.sort_unstable();
        format!("{} with {} statements ({})", names.len(), files.statements, some_of(&names))
    };
    if !outside.names.is_empty() && !external {
        notices.push(Notice::note(format!(
            "files outside the repository, left out of lines and functions, but not of totals of statements: {}; \
             --include-external shows them",
            sorted(outside)
        )));
    }
    if !unknown.names.is_empty() {
        let shown = if external {
            "shown under these names"
        } else {
            "left out of lines and functions, but not of totals of statements"
        };
        notices.push(Notice::warning(format!(
            "files that no file of the repository could be found for, or more than one, {shown}: {}; --map FROM=TO says \
             where they are, --root DIR where the repository is",
            sorted(unknown)
        )));
    }
    notices
}
