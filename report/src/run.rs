//! A run of `covreport` on one page: plan -> targets -> profile -> view -> reports -> final names.

use std::io::{self, Write};
use std::mem::ManuallyDrop;

use covfmt::profile::{Package, Profile};
use rayon::ThreadPoolBuilder;

use crate::checkout::Checkout;
use crate::exit::Exit;
use crate::format::NeedOfFiles;
use crate::load::{InputError, Loaded, load};
use crate::merged::{MergedBuild, MergedDirectory, MergedError};
use crate::missing::MissingInput;
use crate::notice::{Notice, say, some_of};
use crate::plan::{Plan, is_input};
use crate::recount::{Recount, is_suspicious, recount};
use crate::relocate::relocate;
use crate::remarks;
use crate::select::{SelectError, select};
use crate::sink::{Sink, SinkError};
use crate::threads::number_of_threads;
use crate::view::{FilesError, Places, View, ViewError};

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
    /// A report would replace a coverage file or a manifest, behind a link.
    #[error("--{format}: {path} has the name of an input file: a report would replace it")]
    TargetIsInput {
        /// The report.
        format: &'static str,
        /// The file, links resolved.
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
    #[error("because of --strict no report was written; messages above that it makes errors: {0}")]
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
            | Self::TargetIsInput { .. }
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
    let pool = ThreadPoolBuilder::new().num_threads(number_of_threads(plan.threads)).build()?;
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
    let Some(profile) = profile else {
        write(plan, None, &builds, merged, sinks, &mut said)?;
        return Ok(missing);
    };
    // Taking a large profile and its view apart takes a twentieth of a run, of which this is the end.
    let mut profile = ManuallyDrop::new(profile);
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
        said.tell(&remarks::idle_maps(&whole, &checkout));
        said.tell(&remarks::misleading_maps(&whole, &places, &checkout));
        said.tell(remarks::unheeded_comments(plan).as_slice());
        (checkout, places)
    } else {
        (Checkout::default(), Places::default())
    };
    let by_place = whole.packages_by_place();
    let selected = select(&plan.selection, &profile, located.as_ref(), by_place, &places, &checkout)?;
    said.tell(&selected.notices);
    let view = match &selected.profile {
        Some(left) => {
            let mut view = View::new(left)?;
            selected.located.iter().try_for_each(|located| view.locate(left, located))?;
            view
        }
        None => whole,
    };
    let mut view = ManuallyDrop::new(view);
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
            Ok(findings) => said.tell(&remarks::on_files(&findings, &checkout, plan)),
            Err(ViewError::Files(error)) if needed == NeedOfFiles::IfFound => {
                said.tell(&[Notice::warning(format!("lines and functions are not counted: {error}"))]);
            }
            Err(error) => return Err(error.into()),
        }
        if needed == NeedOfFiles::WithDigests {
            view.add_digests(&checkout);
            said.tell(&remarks::missing_digests(&view));
        }
        if !plan.branches {
            view.drop_branches();
        }
    }
    write(plan, Some(&view), &builds, merged, sinks, &mut said)?;
    Ok(std::mem::take(&mut view.missing))
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
            let refused = self.strict && notice.is_refused_if_strict();
            self.refused += usize::from(refused);
            // Nobody to tell is no reason to stop.
            drop(if refused {
                say(&mut *self.messages, &format_args!("error because of --strict: {}", notice.text()))
            } else {
                say(&mut *self.messages, notice)
            });
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
        let format = report.format.name();
        if let Some(path) = sink.final_path().filter(|path| is_input(path)) {
            return Err(RunError::TargetIsInput { format, path: path.display().to_string() });
        }
        if let Some((_, first)) = sinks.iter().zip(&plan.reports).find(|(other, _)| other.is_same(&sink)) {
            let (first, path) = (first.format.name(), sink.shown());
            return Err(RunError::SameTarget { first, second: format, path });
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
