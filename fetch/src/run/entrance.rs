//! Into the store: what killed runs left is removed, what older runs stored is set aside if that was asked for.

use crate::error::Fatal;
use crate::manifest;
use crate::options::Options;
use crate::progress::note;
use crate::store::{Presence, Store};

/// Refuses a file in the place of the store. Changes nothing.
pub(super) fn check(options: &Options) -> Result<(), Fatal> {
    if std::fs::metadata(&options.to).is_ok_and(|found| !found.is_dir()) {
        let message = format!("--to {} is a file, not a directory", options.to.display());
        return Err(Fatal::usage(message));
    }
    Ok(())
}

/// Opens the store for the run of this id. The run is in the store until the presence is dropped.
pub(super) fn enter(options: &Options, run_id: &str) -> Result<(Store, Presence), Fatal> {
    check(options)?;
    let store = Store::open(&options.to)
        .map_err(|error| Fatal::disk(format!("--to {} cannot be made", options.to.display()), error))?;
    let place = store.root().display().to_string();
    let locked = |error| Fatal::disk(format!("{place} cannot be locked"), error);
    let mut presence = Presence::enter(&store).map_err(locked)?;
    let left = presence.clear(&store, manifest::unended(store.root()));
    if left > 0 && !options.quiet {
        let files = if left == 1 { "file" } else { "files" };
        note(&format!("{left} unfinished {files} of a run that was killed removed from {place}"));
    }
    if options.fresh {
        if !presence.is_alone() {
            let message = format!(
                "--fresh would move the files of another run that is writing to {place} now: wait for it to end, or choose another directory with --to"
            );
            return Err(Fatal::usage(message));
        }
        manifest::set_aside(store.root(), run_id)?;
    }
    presence.share().map_err(locked)?;
    Ok((store, presence))
}
