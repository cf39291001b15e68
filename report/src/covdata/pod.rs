//! A Go pod as the reference visits it: its meta file, then its counter files, then its packages.
//! `cmd/internal/cov/readcovdata.go`.

use std::io::Write;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use covfmt::ids::PackageIndex;
use covfmt::merge::RunArgs;
use covfmt::meta::MetaTables;
use covfmt::pod::{CounterRef, GoPod};
use covfmt::read::MetaFile;
use covfmt::source::FileBytes;

use super::go_files::{Failure, GoCounterFile, GoMetaFile, PackageFailure, Unreadable, read_file};
use super::go_text::system_error;
use super::options::Options;
use super::{Command, Stop};

/// Reads the Go pods of a command, one after the other.
#[derive(Debug)]
pub(super) struct PodReader<'o> {
    options: &'o Options,
    /// Whether the reference has met an error that it forgets to pass on. From then on it says nothing of what it cannot
    /// read, and passes over it. `processPackage`, `fatal`.
    silent: bool,
}

/// A Go pod whose meta file was read.
#[derive(Debug)]
pub(super) struct OpenPod {
    /// Path of the meta file.
    pub(super) path: PathBuf,
    pub(super) tables: MetaTables,
    /// The bytes for mode and granularity in the header.
    pub(super) mode: (u8, u8),
    bytes: FileBytes,
    /// Set if the meta file is not as Go writes it: what the reference makes of it.
    odd: Option<OddMeta>,
}

#[derive(Debug, Default)]
struct OddMeta {
    /// The packages' numbers of functions up to the first that cannot be opened.
    function_counts: Vec<u32>,
    /// The first package that cannot be opened, and why.
    closed: Option<(usize, Failure)>,
    /// Where the reference breaks down within a package; those behind it were not read.
    broken: Option<String>,
    /// The first error at a function that the reference forgets; functions are missing behind it.
    forgotten: Option<String>,
}

/// What a command does with the counters of a Go pod.
pub(super) trait CounterVisitor {
    /// A counter file was opened.
    fn begin_file(&mut self, file: &CounterRef, args: &RunArgs);

    /// A function was read from it: package and function, and the counters.
    fn function(&mut self, key: (u32, u32), counters: &[u32], messages: &mut dyn Write) -> Result<(), Stop>;
}

impl<'o> PodReader<'o> {
    pub(super) fn new(options: &'o Options) -> Self {
        Self { options, silent: false }
    }

    /// Reads the meta file; `None` if the pod is passed over without a word.
    pub(super) fn open(&self, pod: &GoPod, messages: &mut dyn Write) -> Result<Option<OpenPod>, Stop> {
        self.options.trace_pod(pod, messages);
        let path = bytes_of(&pod.meta);
        let bytes = FileBytes::open(&pod.meta).or_else(|_| {
            let mut bytes = Vec::new();
            read_file(&pod.meta, &mut bytes).map(|()| bytes.into())
        });
        let opened = match bytes {
            Ok(bytes) => OpenPod::parse(&pod.meta, bytes, self.options),
            Err(Unreadable::Read(why)) => {
                let message = [b"decoding meta-file ", path, b": ", &why].concat();
                return self.unreadable(&message, messages).map(|()| None);
            }
            Err(Unreadable::Open(_)) => {
                let message = [b"unable to open meta-file ", path].concat();
                return self.unreadable(&message, messages).map(|()| None);
            }
        };
        match opened {
            Ok(open) => Ok(Some(open)),
            Err(Failure::Said(why)) => {
                let message = [b"decoding meta-file ", path, b": ", why.as_bytes()].concat();
                self.unreadable(&message, messages).map(|()| None)
            }
            Err(Failure::Broken(why)) => Err(self.broken(&pod.meta, &why, messages)),
        }
    }

    /// Visits the counter files in their order, as the reference does.
    pub(super) fn visit_counters(
        &self,
        files: &[CounterRef],
        visitor: &mut dyn CounterVisitor,
        messages: &mut dyn Write,
    ) -> Result<(), Stop> {
        let (mut bytes, mut counters) = (Vec::new(), Vec::new());
        for file in files {
            let path = bytes_of(&file.path);
            let failed: Vec<u8> = match read_file(&file.path, &mut bytes) {
                Err(Unreadable::Open(error)) => {
                    let why = [b": open ", path, b": ", system_error(&error).as_bytes()].concat();
                    self.unreadable(&[b"opening counter data file ", path, &why].concat(), messages)?;
                    continue;
                }
                Err(Unreadable::Read(why)) => why,
                Ok(()) => match visit_file(file, &bytes, visitor, &mut counters, messages)? {
                    None => continue,
                    Some(Failure::Said(why)) => why.into(),
                    Some(Failure::Broken(why)) => return Err(self.broken(&file.path, &why, messages)),
                },
            };
            self.unreadable(&[b"reading counter data file ", path, b": ", &failed].concat(), messages)?;
        }
        Ok(())
    }

    /// What is to be said behind the packages that could be read. `false` if the rest of the pod is passed over.
    pub(super) fn finish(&mut self, pod: &OpenPod, messages: &mut dyn Write) -> Result<bool, Stop> {
        let Some(odd) = &pod.odd else { return Ok(true) };
        if let Some(words) = &odd.forgotten {
            // It is not forgotten under -h, where the reference panics on the spot.
            if self.options.panic_on_error {
                let path = bytes_of(&pod.path);
                self.unreadable(
                    &[b"reading meta-data file ", path, b": ", words.as_bytes()].concat(),
                    messages,
                )?;
            }
            self.silent = true;
        }
        if let Some(why) = &odd.broken {
            return Err(self.broken(&pod.path, why, messages));
        }
        match &odd.closed {
            None => Ok(true),
            Some((_, Failure::Broken(why))) => Err(self.broken(&pod.path, why, messages)),
            Some((index, Failure::Said(_))) => {
                let message = pod.closed_message(*index);
                self.unreadable(&message, messages).map(|()| false)
            }
        }
    }

    /// An error of the reference's reader, unless it is silent by now.
    fn unreadable(&self, message: &[u8], messages: &mut dyn Write) -> Result<(), Stop> {
        if self.silent { Ok(()) } else { Err(self.options.unreadable(message, messages)) }
    }

    /// Where the reference breaks down.
    fn broken(&self, path: &Path, why: &str, messages: &mut dyn Write) -> Stop {
        self.options.fatal([bytes_of(path), b": ", why.as_bytes()].concat(), messages)
    }
}

impl OpenPod {
    fn parse(path: &Path, bytes: FileBytes, options: &Options) -> Result<Self, Failure> {
        if let Ok(tables) = MetaTables::decode(&bytes) {
            let mode = (tables.mode().to_byte(), tables.granularity().to_byte());
            return Ok(Self { path: path.into(), tables, mode, bytes, odd: None });
        }
        let file = GoMetaFile::parse(&bytes)?;
        let copies = matches!(options.command, Command::Merge | Command::Subtract | Command::Intersect);
        let named = !copies || options.pcombine;
        let mut odd = OddMeta::default();
        for index in 0..file.package_count() {
            match file.function_count(index) {
                Ok(count) => odd.function_counts.push(count),
                Err(failure) => {
                    odd.closed = Some((index, failure));
                    break;
                }
            }
        }
        let mut packages = Vec::new();
        for index in 0..odd.function_counts.len() {
            match file.package(index, |path| options.wants(path), named) {
                Ok(package) => packages.push(package),
                Err(PackageFailure::Function(package, words)) => {
                    odd.forgotten.get_or_insert(words);
                    packages.push(*package);
                }
                Err(PackageFailure::Head(failure)) => {
                    odd.broken = Some(failure.words().to_owned());
                    break;
                }
                Err(PackageFailure::Broken(why)) => {
                    odd.broken = Some(why);
                    break;
                }
            }
        }
        let (tables, mode) = (MetaTables::assemble(file.header(), packages), file.mode_bytes());
        Ok(Self { path: path.into(), tables, mode, bytes, odd: Some(odd) })
    }

    /// Whether the meta file is as Go writes it.
    pub(super) fn is_ordinary(&self) -> bool {
        self.odd.is_none()
    }

    /// The number of functions of each package, as the commands that print check counters against. The error is the
    /// reference's words.
    pub(super) fn function_counts(&self) -> Result<Vec<u32>, Vec<u8>> {
        match &self.odd {
            None => {
                let packages = self.tables.packages().iter();
                let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
                Ok(packages.map(|package| count(package.function_positions().len())).collect())
            }
            Some(OddMeta { closed: Some((index, _)), .. }) => Err(self.closed_message(*index)),
            Some(odd) => Ok(odd.function_counts.clone()),
        }
    }

    fn closed_message(&self, index: usize) -> Vec<u8> {
        let closed = self.odd.as_ref().and_then(|odd| odd.closed.as_ref());
        let why = closed.map(|(_, failure)| failure.words()).unwrap_or_default();
        let start = format!("reading pkg {index} from meta-file ");
        [start.as_bytes(), bytes_of(&self.path), b": ", why.as_bytes()].concat()
    }

    /// The bytes of each package, as they stand in the meta file.
    pub(super) fn blobs(&self) -> Vec<&[u8]> {
        let packages = self.tables.packages().len();
        if self.is_ordinary()
            && let Ok(file) = MetaFile::parse(&self.bytes)
        {
            let indices = (0_u32..).take(packages).map(PackageIndex);
            return indices.map(|index| file.package_bytes(index).unwrap_or_default()).collect();
        }
        let Ok(file) = GoMetaFile::parse(&self.bytes) else { return Vec::new() };
        let range = |index| file.package_range(index).ok().and_then(|range| self.bytes.get(range));
        (0..packages).map(|index| range(index).unwrap_or_default()).collect()
    }
}

/// Visits one counter file; gives why the reference does not go on with it.
fn visit_file(
    file: &CounterRef,
    bytes: &[u8],
    visitor: &mut dyn CounterVisitor,
    counters: &mut Vec<u32>,
    messages: &mut dyn Write,
) -> Result<Option<Failure>, Stop> {
    let mut reader = match GoCounterFile::parse(bytes) {
        Ok(reader) => reader,
        Err(failure) => return Ok(Some(failure)),
    };
    visitor.begin_file(file, reader.args());
    loop {
        match reader.read_next(counters) {
            Ok(Some(key)) => visitor.function(key, counters, messages)?,
            Ok(None) => return Ok(None),
            Err(failure) => return Ok(Some(failure)),
        }
    }
}

/// The bytes of a path.
pub(super) fn bytes_of(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}
