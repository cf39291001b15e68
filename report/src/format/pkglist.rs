//! The import paths of the packages, one per line, sorted: the lines of `go tool covdata pkglist`.
//! `cmd/covdata/dump.go`, `Finish`.

use std::io::{self, Write};

use crate::view::View;

pub(super) fn write(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    view.packages.iter().try_for_each(|package| {
        out.write_all(package.path)?;
        out.write_all(b"\n")
    })
}
