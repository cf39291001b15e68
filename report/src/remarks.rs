//! What is said about a view: files that were not found, or not as they were compiled, and what to do about it.

use std::collections::BTreeMap;
use std::path::Path;

use bstr::ByteSlice as _;

use crate::checkout::{Checkout, FoundBy};
use crate::format::NeedOfFiles;
use crate::notice::{Notice, some_of};
use crate::plan::Plan;
use crate::view::{Findings, LeftOut, Places, View};

/// Coveralls compares sources by their digests.
pub(crate) fn missing_digests(view: &View<'_>) -> Vec<Notice> {
    let without: Vec<&str> =
        view.files.iter().filter(|file| file.digest.is_none()).map(|file| file.path.as_str()).collect();
    if without.is_empty() {
        return Vec::new();
    }
    vec![Notice::warning(format!(
        "files in the Coveralls report without source_digest, which Coveralls wants of each, as their source is not here: {} \
         ({}); make the report where the sources are, or leave these files out with --exclude",
        without.len(),
        some_of(&without)
    ))]
}

/// Maps that are for none of the files.
pub(crate) fn idle_maps(view: &View<'_>, checkout: &Checkout) -> Vec<Notice> {
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

/// Without a repository there are no comments to heed, and what they would exclude counts.
pub(crate) fn unheeded_comments(plan: &Plan) -> Option<Notice> {
    let silent = plan.root.is_none() && !plan.no_checkout && plan.files() == NeedOfFiles::None;
    (silent && plan.selection.without_marked && plan.shows_coverage()).then(|| {
        Notice::note(
            "no repository at or above the current directory: comments in sources that exclude code are not heeded; --root DIR \
             names one, --count-ignored or --no-checkout says that this is wanted",
        )
    })
}

/// Maps that lead to a directory where they should lead to a file, or below a file.
pub(crate) fn misleading_maps(view: &View<'_>, places: &Places<'_>, checkout: &Checkout) -> Vec<Notice> {
    let Some(root) = checkout.root() else { return Vec::new() };
    let files = view.packages_by_place().iter().flat_map(|package| {
        package.files.iter().filter_map(|file| Some((file.name, places.get(package.path, file.name)?)))
    });
    let wrong = files.filter(|(_, place)| place.by == FoundBy::Map).filter_map(|(name, place)| {
        let path = root.join(&place.path);
        let what = if path.is_dir() {
            "which is a directory: the whole name of a file goes to a file"
        } else if path.parent().is_some_and(Path::is_file) {
            "which is below a file: the start of a name goes to a directory"
        } else {
            return None;
        };
        Some((format!("{name} to {}", place.path), what))
    });
    let mut by_what: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    wrong.for_each(|(map, what)| by_what.entry(what).or_default().push(map));
    let said = by_what.iter().map(|(what, maps)| {
        Notice::warning(format!(
            "--map takes {} of the files where none is: {}, {what}",
            maps.len(),
            some_of(maps)
        ))
    });
    said.collect()
}

/// How the files were found, and which of them were not.
pub(crate) fn on_files(findings: &Findings, checkout: &Checkout, plan: &Plan) -> Vec<Notice> {
    let mut notices = Vec::new();
    let Findings {
        without_source, mismatched, unsure, directed, misplaced, guessed, ambiguous_modules, ..
    } = findings;
    let root = checkout.root().map(|root| root.display().to_string());
    let unheeded = if plan.selection.without_marked {
        ", and comments that exclude code in them are not heeded"
    } else {
        ""
    };
    if !without_source.is_empty() {
        notices.push(match &root {
            Some(root) => Notice::warning(format!(
                "files without source below {root}, whose lines are those of whole blocks, braces and comments \
                 included{unheeded}: {} ({}); check out the commit that was built, or say with --map where they are",
                without_source.len(),
                some_of(without_source)
            )),
            None if plan.no_checkout => Notice::note(
                "no repository: paths are import paths without the module's, and lines are those of whole blocks, \
                 braces and comments included",
            ),
            None => Notice::warning(format!(
                "no repository at or above the current directory: paths are import paths without the module's, and \
                 lines are those of whole blocks, braces and comments included{unheeded}; --root DIR names one, --no-checkout \
                 says that this is wanted"
            )),
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
    if !misplaced.is_empty() {
        let units: usize = misplaced.iter().map(|(_, units)| units).sum();
        let files: Vec<String> = misplaced.iter().map(|(path, units)| format!("{path}: {units}")).collect();
        notices.push(Notice::warning(format!(
            "units that end before the line that they begin on, as //line directives make them up to Go 1.26, or are on line 0: \
             {units} ({}); their statements count, and their lines are the first ones only",
            some_of(&files)
        )));
    }
    if !ambiguous_modules.is_empty() {
        notices.push(Notice::warning(format!(
            "modules that several directories declare, of which the first with the file is taken: {}; --map MODULE=DIRECTORY says \
             which it is",
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
    notices.extend(not_in_repository(findings, plan.paths.external));
    notices
}

/// Files that are not in the repository.
fn not_in_repository(Findings { outside, unknown, renamed, .. }: &Findings, external: bool) -> Vec<Notice> {
    let mut notices = Vec::new();
    if !renamed.is_empty() {
        let shown: Vec<String> = renamed.iter().map(|(path, own)| format!("{path} is {own}")).collect();
        notices.push(Notice::note(format!(
            "files outside the repository that have the path of one in it, and are shown under another: {} ({})",
            shown.len(),
            some_of(&shown)
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
