//! What `debugdump` says of files before it comes to functions. `cmd/covdata/dump.go`.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use covfmt::merge::RunArgs;

use super::go_files::granularity_name;
use super::pod::OpenPod;

/// What stands before the counter files of a Go pod: `VisitMetaDataFile`.
pub(super) fn write_modes(pod: &OpenPod, out: &mut dyn Write) -> io::Result<()> {
    let (mode, granularity) = (pod.tables.mode(), granularity_name(pod.mode.1));
    write!(out, "Cover mode: {mode}\nCover granularity: {granularity}\n")
}

/// What is said about a counter file: `BeginCounterDataFile`.
pub(super) fn data_file(path: &Path, args: &RunArgs) -> Vec<u8> {
    let mut line = [b"data file ", path.as_os_str().as_bytes()].concat();
    for (key, value) in [("GOOS", &args.goos), ("GOARCH", &args.goarch)] {
        if !value.is_empty() {
            line.extend_from_slice(&[b" ", key.as_bytes(), b"=", value].concat());
        }
    }
    if !args.argv.is_empty() {
        let arguments: Vec<&[u8]> = args.argv.iter().map(AsRef::as_ref).collect();
        line.extend_from_slice(&[b"  program args: [", arguments.join(&b' ').as_slice(), b"]\n"].concat());
    }
    line.push(b'\n');
    line
}
