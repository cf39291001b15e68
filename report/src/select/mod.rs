//! What the user leaves out: files by their paths, generated files, code that comments mark.
//!
//! Whole units are left out, of the profile itself, so that every format of a run shows the same: their statements,
//! their lines, and functions that have no others. What was left out is counted and goes with the view.

mod globs;
mod marked;

use std::collections::HashMap;

use bstr::BStr;
use covfmt::profile::{Function, Package, Profile};
use covfmt::unit::Unit;
use rayon::prelude::*;

use crate::checkout::{Checkout, FoundBy, Place, is_go};
use crate::notice::{Notice, some_of};
use crate::source::{SourceText, is_generated, marks, may_be_generated, may_hold_marks};
use crate::view::{Excluded, ExcludedPart, FileUnits, LineRule, PackageView, Places};

pub use globs::FileGlob;
use globs::FileGlobs;
use marked::Marked;

/// What is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// If there are any, only files that one of them matches.
    pub include: Vec<FileGlob>,
    /// No files that one of them matches.
    pub exclude: Vec<FileGlob>,
    /// No generated files.
    pub without_generated: bool,
    /// No code that comments mark.
    pub without_marked: bool,
}

impl Selection {
    /// Whether it may leave anything out.
    pub fn is_active(&self) -> bool {
        !self.include.is_empty() || !self.exclude.is_empty() || self.without_generated || self.without_marked
    }
}

/// What a selection leaves of a profile.
#[derive(Debug)]
pub struct Selected {
    /// What is left; `None` if that is everything.
    pub profile: Option<Profile>,
    /// What is left of the profile with functions where they are, if there is one and not all is left.
    pub located: Option<Profile>,
    /// What was left out.
    pub excluded: Excluded,
    /// What to say.
    pub notices: Vec<Notice>,
}

/// Why a selection cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// Globs that are too large together.
    #[error("--include or --exclude: {0}")]
    Glob(#[from] globset::Error),
    /// Packages or files without code: an empty report would pass for one that says 100 %.
    #[error("what --pkg, --include and --exclude leave holds no statement: there is nothing to report")]
    NoStatements,
    /// An empty report would pass for one that says 0 %, or 100 %.
    #[error(
        "nothing is left of the {files} files, all {excluded}; globs are matched with paths such as {example}"
    )]
    NothingLeft {
        /// Number of files in the data.
        files: usize,
        /// What was left out.
        excluded: Excluded,
        /// The path of one of the files.
        example: String,
    },
}

/// What becomes of one file.
enum Fate {
    Kept,
    ByGlob,
    Generated,
    Marked(Marked),
}

/// What was found out about one file.
struct Judged<'v, 'p> {
    package: &'p BStr,
    file: &'v FileUnits<'p>,
    path: &'v str,
    fate: Fate,
    /// A question about it that only its source could answer.
    unanswered: Option<Unanswered>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unanswered {
    /// Whether it is generated: there is no source.
    Generated,
    /// Which code its marks mean: the source is another.
    Marks,
}

/// Applies a selection to the files of a profile. `located` is the same profile with functions in the files that they are in, if
/// that is another; of it, else of the profile, `packages` are those of the view, and `places` the places of their files.
pub fn select<'p>(
    selection: &Selection,
    profile: &Profile,
    located: Option<&Profile>,
    packages: &[PackageView<'p>],
    places: &Places<'p>,
    checkout: &Checkout,
) -> Result<Selected, SelectError> {
    let judge = Judge {
        include: FileGlobs::new(&selection.include)?,
        exclude: FileGlobs::new(&selection.exclude)?,
        selection,
        places,
        checkout,
    };
    let files: Vec<_> = packages
        .iter()
        .flat_map(|package| package.files.iter().map(move |file| (package.path, file)))
        .filter_map(|(package, file)| Some((package, file, places.get(package, file.name)?)))
        .collect();
    let judged: Vec<Judged<'_, '_>> =
        files.into_par_iter().map(|(package, file, place)| judge.file(package, file, place)).collect();

    let excluded = count(&judged);
    let mut notices = judge.idle_globs(&judged);
    notices.extend(remarks(&judged, checkout));
    let out: HashMap<(&BStr, &BStr), &Fate> = judged
        .iter()
        .filter(|judged| match &judged.fate {
            Fate::Kept => false,
            Fate::Marked(marked) => !marked.units.is_empty(),
            Fate::ByGlob | Fate::Generated => true,
        })
        .map(|judged| ((judged.package, judged.file.name), &judged.fate))
        .collect();
    // No glob can be asked about a package that had no files from the start: nothing is left of it either.
    let globs = !(selection.include.is_empty() && selection.exclude.is_empty());
    let drop_empty = globs && packages.iter().any(|package| package.files.is_empty());
    if out.is_empty() && !drop_empty {
        return Ok(Selected { profile: None, located: None, excluded, notices });
    }
    let excluded_of = |package: &Package, function: &Function<'_>| {
        let units = function.units;
        match out.get(&(package.path(), function.file))? {
            Fate::Kept => None,
            Fate::ByGlob | Fate::Generated => Some(vec![true; units.len()]),
            Fate::Marked(marked) => Some(units.iter().map(|unit| marked.units.contains(unit)).collect()),
        }
    };
    let left_located =
        located.map(|located| located.without(|package, _, function| excluded_of(package, function)));
    let show = |left: Profile| if drop_empty { left.without_empty_packages() } else { left };
    let left = match located {
        None => profile.without(|package, _, function| excluded_of(package, function)),
        // The same units, function by function, whatever they are called here.
        Some(located) => {
            let packages: HashMap<&BStr, &Package> =
                located.packages().iter().map(|package| (package.path(), package)).collect();
            profile.without(|package, number, _| {
                let package = packages.get(package.path())?;
                excluded_of(package, &package.function(number)?)
            })
        }
    };
    if left.packages().iter().all(|package| package.functions().len() == 0) {
        let example = judged.first().map(|judged| judged.path.to_owned()).unwrap_or_default();
        return Err(SelectError::NothingLeft { files: judged.len(), excluded, example });
    }
    if !out.is_empty() {
        notices.insert(0, Notice::note(format!("excluded: {excluded}")));
    }
    Ok(Selected { profile: Some(show(left)), located: left_located.map(show), excluded, notices })
}

struct Judge<'s> {
    include: FileGlobs<'s>,
    exclude: FileGlobs<'s>,
    selection: &'s Selection,
    places: &'s Places<'s>,
    checkout: &'s Checkout,
}

impl Judge<'_> {
    fn file<'v, 'p>(&self, package: &'p BStr, file: &'v FileUnits<'p>, place: &'v Place) -> Judged<'v, 'p> {
        let path = place.path.as_str();
        let kept = (self.include.is_empty() || self.include.matches(path)) && !self.exclude.matches(path);
        let (fate, unanswered) = if kept { self.by_source(file, place) } else { (Fate::ByGlob, None) };
        Judged { package, file, path, fate, unanswered }
    }

    fn by_source(&self, file: &FileUnits<'_>, place: &Place) -> (Fate, Option<Unanswered>) {
        let Selection { without_generated, without_marked, .. } = *self.selection;
        // A file that a `//line` directive names is no Go.
        if !(without_generated || without_marked) || !is_go(&place.path) {
            return (Fate::Kept, None);
        }
        if place.by.is_inside() && !self.places.is_worth_reading(&place.path) {
            return (Fate::Kept, None);
        }
        let readable = place.by.is_inside() || place.path.starts_with('/');
        let Some(bytes) = readable.then(|| self.checkout.read(&place.path)).flatten() else {
            let ask = without_generated && place.by != FoundBy::Outside;
            return (Fate::Kept, ask.then_some(Unanswered::Generated));
        };
        let ask_generated = without_generated && may_be_generated(&bytes);
        if !(ask_generated || without_marked && may_hold_marks(&bytes)) {
            return (Fate::Kept, None);
        }
        let text = SourceText::new(bytes);
        let fits = LineRule::with_source(&text, file.units.iter().map(|counted| counted.unit)).is_ok();
        // What was guessed and does not fit is another file.
        if !fits && place.by == FoundBy::Suffix {
            return (Fate::Kept, ask_generated.then_some(Unanswered::Generated));
        }
        if ask_generated && is_generated(&text) {
            return (Fate::Generated, None);
        }
        let marks = if without_marked { marks(&text) } else { Vec::new() };
        match (marks.is_empty(), fits) {
            (true, _) => (Fate::Kept, None),
            (false, false) => (Fate::Kept, Some(Unanswered::Marks)),
            (false, true) => {
                let functions = file.functions.iter().map(|function| function.units);
                (Fate::Marked(marked::apply(&text, &marks, functions)), None)
            }
        }
    }

    fn idle_globs(&self, judged: &[Judged<'_, '_>]) -> Vec<Notice> {
        let paths = || judged.iter().map(|judged| judged.path);
        let example = paths().next().unwrap_or_default();
        let named = [("--include", &self.include), ("--exclude", &self.exclude)];
        let idle = named.iter().flat_map(|(option, globs)| {
            globs.without_match(paths()).into_iter().map(move |glob| {
                Notice::warning(format!(
                    "{option} {glob} matches none of the {} files; globs are matched with paths such as {example}",
                    judged.len()
                ))
            })
        });
        idle.collect()
    }
}

fn count(judged: &[Judged<'_, '_>]) -> Excluded {
    let mut excluded = Excluded::default();
    for Judged { file, fate, .. } in judged {
        let statements_of = |units: &dyn Fn(&Unit) -> bool| -> u64 {
            let units = file.units.iter().map(|counted| &counted.unit).filter(|unit| units(unit));
            units.map(|unit| u64::from(unit.statements)).sum()
        };
        let (part, statements) = match fate {
            Fate::Kept => continue,
            Fate::ByGlob => (&mut excluded.by_glob, file.statements()),
            Fate::Generated => (&mut excluded.generated, file.statements()),
            Fate::Marked(marked) if marked.units.is_empty() => continue,
            Fate::Marked(marked) => {
                (&mut excluded.marked, statements_of(&|unit| marked.units.contains(unit)))
            }
        };
        *part = ExcludedPart { files: part.files + 1, statements: part.statements + statements };
    }
    excluded
}

fn remarks(judged: &[Judged<'_, '_>], checkout: &Checkout) -> Vec<Notice> {
    let mut notices = Vec::new();
    let unanswered = |question: Unanswered| -> Vec<&str> {
        judged.iter().filter(|judged| judged.unanswered == Some(question)).map(|judged| judged.path).collect()
    };
    let unread = unanswered(Unanswered::Generated);
    if !unread.is_empty() {
        let why = match checkout.root() {
            Some(root) => format!("files whose source is not below {} are kept", root.display()),
            None => "files are kept, as sources are not read without a repository, nor with --no-checkout"
                .to_owned(),
        };
        notices.push(Notice::warning(format!(
            "--exclude-generated cannot tell which files are generated: {why}: {} ({})",
            unread.len(),
            some_of(&unread)
        )));
    }
    let stale = unanswered(Unanswered::Marks);
    if !stale.is_empty() {
        notices.push(Notice::warning(format!(
            "comments that exclude code are not heeded where the source is not the one that was compiled: {}",
            some_of(&stale)
        )));
    }
    let places = |lines: &dyn Fn(&Marked) -> &[u32]| -> Vec<String> {
        let marked = judged.iter().filter_map(|judged| match &judged.fate {
            Fate::Marked(marked) => Some((judged.path, lines(marked))),
            _ => None,
        });
        marked.flat_map(|(path, lines)| lines.iter().map(move |line| format!("{path}:{line}"))).collect()
    };
    for (lines, what) in [
        (
            places(&|marked| &marked.idle),
            "that stand at no code, or where it is not clear at which, exclude nothing",
        ),
        (
            places(&|marked| &marked.partial),
            "that exclude lines, but not all of what Go counts as one: only what is excluded as a whole is left out; put \
             LCOV_EXCL_START and LCOV_EXCL_STOP around the whole block, or //coverage:ignore at it",
        ),
        (
            places(&|marked| &marked.open),
            "LCOV_EXCL_START without LCOV_EXCL_STOP exclude all code up to the end of the file",
        ),
    ] {
        if !lines.is_empty() {
            notices.push(Notice::warning(format!("comments {what}: {} ({})", lines.len(), some_of(&lines))));
        }
    }
    notices
}
