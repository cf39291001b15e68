//! The JSON of Coveralls: per file, the hits of all its lines in order, `null` for those without code, and branches as
//! quadruples of line, block, branch and hits. <https://docs.coveralls.io/api-jobs-endpoint>
//!
//! Token, service and commit are not known here: what uploads adds them. `source_digest` is the MD5 of the file; where
//! there is no source it is left out and the list of lines ends with the last one that has code.

use std::io::{self, Write};

use serde::ser::{Serialize, Serializer};

use super::CountLimit;
use crate::view::{SourceFile, View};

pub(super) fn write(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    #[derive(serde::Serialize)]
    struct Report<'v> {
        source_files: Files<'v>,
    }
    serde_json::to_writer(&mut *out, &Report { source_files: Files(&view.files) })?;
    out.write_all(b"\n")
}

struct Files<'v>(&'v [SourceFile<'v>]);

impl Serialize for Files<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct File<'v> {
            name: &'v str,
            #[serde(skip_serializing_if = "Option::is_none")]
            source_digest: Option<&'v str>,
            coverage: Hits<'v>,
            branches: Branches<'v>,
        }
        let with_lines = self.0.iter().filter(|file| !file.lines.is_empty());
        serializer.collect_seq(with_lines.map(|file| File {
            name: &file.path,
            source_digest: file.digest.as_ref().map(|digest| digest.md5.as_str()),
            coverage: Hits(file),
            branches: Branches(file),
        }))
    }
}

/// One element per line of the file.
struct Hits<'v>(&'v SourceFile<'v>);

impl Serialize for Hits<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let last = self.0.lines.last().map_or(0, |line| line.number);
        let count = self.0.digest.as_ref().map_or(0, |digest| digest.lines).max(last);
        let mut lines = self.0.lines.iter().peekable();
        serializer.collect_seq((1..=count).map(|number| {
            let line = lines.next_if(|line| line.number == number)?;
            Some(CountLimit::Int32.of(line.hits))
        }))
    }
}

struct Branches<'v>(&'v SourceFile<'v>);

impl Serialize for Branches<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let branches = self.0.lines.iter().flat_map(|line| {
            let numbered = (0_u32..).zip(&line.branches);
            numbered.flat_map(|(branch, count)| [line.number, 0, branch, CountLimit::Int32.of(*count)])
        });
        serializer.collect_seq(branches)
    }
}
