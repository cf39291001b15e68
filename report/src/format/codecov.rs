//! Codecov's custom coverage format: per file, per line, the hits or, for a line of which a part ran, `"1/2"`.
//! <https://docs.codecov.com/docs/codecov-custom-coverage-format>
//!
//! Lines without code are left out, which says the same as `null`. Codecov takes `k/n` for hit if k is n and for missed
//! if k is 0, so those lines have their hits here and say more.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::CountLimit;
use crate::view::{Line, SourceFile, View};

pub(super) fn write(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    #[derive(serde::Serialize)]
    struct Report<'v> {
        coverage: Files<'v>,
    }
    serde_json::to_writer(&mut *out, &Report { coverage: Files(&view.files) })?;
    out.write_all(b"\n")
}

struct Files<'v>(&'v [SourceFile<'v>]);

impl Serialize for Files<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let with_lines = self.0.iter().filter(|file| !file.lines.is_empty());
        serializer.collect_map(with_lines.map(|file| (file.path.as_str(), Lines(&file.lines))))
    }
}

struct Lines<'v>(&'v [Line]);

impl Serialize for Lines<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for line in self.0 {
            map.serialize_key(&line.number)?;
            if line.partial() {
                map.serialize_value(&format_args!("{}/{}", line.branches_hit(), line.branches.len()))?;
            } else {
                map.serialize_value(&CountLimit::Int32.of(line.hits))?;
            }
        }
        map.end()
    }
}
