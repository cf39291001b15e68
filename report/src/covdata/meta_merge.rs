//! What `merge`, `subtract` and `intersect` gather and write: packages, their counters, the args of the runs.
//! `cmd/covdata/metamerge.go`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bstr::BString;
use covfmt::ids::{FunctionIndex, MetaHash, PackageIndex};
use covfmt::layout::META_PREFIX;
use covfmt::merge::{Counts, RunArgs};
use covfmt::meta::{FunctionTable, PackageTable};
use covfmt::write::{CombinedPackage, WriteError, encode_counters, encode_meta_with_bytes, hash_of_blobs};

use super::go_text::{clean_path, join_path, system_error};
use super::options::{Options, Output};
use super::pod::{OpenPod, bytes_of};
use super::sums::{Modes, PodSums};
use super::{Command, Stop};
use crate::coverage_dir::{CoverageFileError, write_counters, write_meta};
use crate::scratch::NEW_FILE_MODE;

/// The result so far: of the current Go pod, or with `-pcombine` of all.
#[derive(Debug)]
pub(super) struct MetaMerge<'o> {
    options: &'o Options,
    directory: &'o [u8],
    pub(super) modes: Modes,
    packages: Vec<MergedPackage>,
    by_path: HashMap<BString, usize>,
    /// What the args of the runs have in common.
    pub(super) args: Option<RunArgs>,
}

#[derive(Debug)]
struct MergedPackage {
    content: Content,
    /// By function.
    counters: BTreeMap<u32, Vec<u32>>,
}

#[derive(Debug)]
enum Content {
    /// The meta file is copied as it is.
    Copied,
    /// As it stands in the meta file, for `-pkg`.
    Blob(Vec<u8>),
    /// The functions of all programs, for `-pcombine`.
    Combined(Box<CombinedPackage>),
}

impl<'o> MetaMerge<'o> {
    pub(super) fn new(options: &'o Options) -> Self {
        let directory = match &options.output {
            Output::Directory(directory) => directory.as_slice(),
            _ => b"",
        };
        Self {
            options,
            directory,
            modes: Modes::default(),
            packages: Vec::new(),
            by_path: HashMap::new(),
            args: None,
        }
    }

    /// `visitMetaDataFile`.
    pub(super) fn begin_pod(&mut self, pod: &OpenPod, messages: &mut dyn Write) -> Result<(), Stop> {
        let strict = self.options.command != Command::Merge;
        self.modes.agree(pod, strict).map_err(|message| self.options.fatal(message, messages))
    }

    /// Takes in the packages asked for, and their counters.
    pub(super) fn add_packages(
        &mut self,
        pod: &OpenPod,
        sums: &PodSums,
        messages: &mut dyn Write,
    ) -> Result<(), Stop> {
        let selects = self.options.packages.is_some() && !self.options.pcombine;
        let blobs = if selects { pod.blobs() } else { Vec::new() };
        for (index, table) in (0_u32..).zip(pod.tables.packages()) {
            if !self.options.wants(table.path()) {
                continue;
            }
            let slot = if let Some(slot) = self.by_path.get(table.path()) {
                *slot
            } else {
                let blob = blobs.get(index as usize).copied();
                self.add_package(table, blob, messages)?
            };
            let functions = pod.tables.functions_of(table).iter().zip(table.function_positions());
            for (function, (entry, position)) in (0_u32..).zip(functions) {
                let counters = sums.counters(pod, (index, function), position);
                self.add_function(pod, slot, function, entry, counters, messages)?;
            }
        }
        Ok(())
    }

    /// `visitPackage`, for one that is new.
    fn add_package(
        &mut self,
        table: &PackageTable,
        blob: Option<&[u8]>,
        messages: &mut dyn Write,
    ) -> Result<usize, Stop> {
        let content = if self.options.pcombine {
            let package = CombinedPackage::new(table.path(), table.name(), table.module());
            let package = package.map_err(|error| {
                let message = format!("fatal error creating meta-data builder: {error}");
                self.options.fatal(message, messages)
            })?;
            Content::Combined(Box::new(package))
        } else {
            blob.map_or(Content::Copied, |blob| Content::Blob(blob.to_vec()))
        };
        let slot = self.packages.len();
        self.packages.push(MergedPackage { content, counters: BTreeMap::new() });
        self.by_path.insert(table.path().to_owned(), slot);
        Ok(slot)
    }

    /// `visitFunc`.
    fn add_function(
        &mut self,
        pod: &OpenPod,
        slot: usize,
        mut function: u32,
        entry: &FunctionTable,
        counters: Option<&[u32]>,
        messages: &mut dyn Write,
    ) -> Result<(), Stop> {
        let Some(package) = self.packages.get_mut(slot) else { return Ok(()) };
        let tables = &pod.tables;
        if let Content::Combined(combined) = &mut package.content {
            let (name, file) = (tables.name_of(entry), tables.file_of(entry));
            let index = combined.function(name, file, entry.literal(), tables.units_of(entry));
            function = index.map_err(|error| self.options.fatal(error.to_string(), messages))?.0;
        }
        let Some(counters) = counters else { return Ok(()) };
        match package.counters.get_mut(&function) {
            None => {
                package.counters.insert(function, counters.to_vec());
                Ok(())
            }
            Some(sums) if self.options.command == Command::Merge => {
                self.modes.merge(sums, counters, self.options, messages)
            }
            Some(_) => {
                let message = b": a package is in this file twice, which is supported by merge only";
                Err(self.options.fatal([bytes_of(&pod.path), message].concat(), messages))
            }
        }
    }

    /// Writes the files of a Go pod and begins anew. `endPod`.
    pub(super) fn end_pod(&mut self, pod: &OpenPod, messages: &mut dyn Write) -> Result<(), Stop> {
        let hash = if self.options.packages.is_some() {
            self.write_meta(messages)?
        } else {
            self.copy_meta(&pod.path, messages)?;
            pod.tables.hash()
        };
        self.write_counters(hash, messages)?;
        self.packages.clear();
        self.by_path.clear();
        self.modes = Modes::default();
        Ok(())
    }

    /// Writes the files of a Go pod that is taken as a whole, with its ordinary counters: what taking in its packages and
    /// [`MetaMerge::end_pod`] do, without copying the counters. `false`, and nothing is done, if packages are selected or
    /// combined, or one is in the file twice.
    pub(super) fn copy_pod(
        &mut self,
        pod: &OpenPod,
        counts: &Counts,
        messages: &mut dyn Write,
    ) -> Result<bool, Stop> {
        let mut paths = HashSet::new();
        let whole = self.options.packages.is_none() && !self.options.pcombine && self.packages.is_empty();
        if !whole || !pod.tables.packages().iter().all(|package| paths.insert(package.path())) {
            return Ok(false);
        }
        self.copy_meta(&pod.path, messages)?;
        let args = self.args.take().unwrap_or_default();
        let bytes = encode_counters(pod.tables.hash(), &args, counts.recorded_functions(&pod.tables));
        self.put_counters(pod.tables.hash(), bytes, messages)?;
        self.modes = Modes::default();
        Ok(true)
    }

    /// Writes the files of all Go pods together. `Finish` with `-pcombine`.
    pub(super) fn write_combined(&mut self, messages: &mut dyn Write) -> Result<(), Stop> {
        let hash = self.write_meta(messages)?;
        self.write_counters(hash, messages)
    }

    /// `copyMetaDataFile`.
    fn copy_meta(&self, from: &Path, messages: &mut dyn Write) -> Result<(), Stop> {
        let read = fs::read(from).and_then(|bytes| Ok((bytes, fs::metadata(from)?.mode() & 0o7777)));
        let (bytes, mode) = read.map_err(|error| {
            let message = [b"opening input meta-data file ", bytes_of(from), b": "].concat();
            self.failed(message, "open", from, &error, messages)
        })?;
        let name = from.file_name().map(std::ffi::OsStr::as_bytes).unwrap_or_default();
        let path = path_of(join_path(self.directory, name));
        write_meta(&path, &bytes, mode).map_err(|error| {
            let message = |what: &[u8]| [what, b" output meta-data file ", bytes_of(&path), b": "].concat();
            match &error {
                CoverageFileError::Open { source, .. } => {
                    self.failed(message(b"opening"), "open", &path, source, messages)
                }
                CoverageFileError::Write { source, .. } => {
                    self.failed(message(b"writing"), "write", &path, source, messages)
                }
            }
        })
    }

    /// An error as the reference's system calls have it: what was done, with what, and why it failed.
    fn failed(
        &self,
        message: Vec<u8>,
        what: &str,
        path: &Path,
        error: &io::Error,
        messages: &mut dyn Write,
    ) -> Stop {
        let (path, why) = (clean_path(bytes_of(path)), system_error(error));
        let why = [what.as_bytes(), b" ", path.as_slice(), b": ", why.as_bytes()].concat();
        self.options.fatal([message, why].concat(), messages)
    }

    /// Writes a meta file of the packages gathered, and gives its hash. `emitMeta`.
    fn write_meta(&self, messages: &mut dyn Write) -> Result<MetaHash, Stop> {
        let encoded = self.encode_meta().map_err(|error| self.options.fatal(error.to_string(), messages));
        let (hash, bytes) = encoded?;
        let path = path_of(join_path(self.directory, format!("{META_PREFIX}.{hash}").as_bytes()));
        write_meta(&path, &bytes, NEW_FILE_MODE).map_err(|error| match &error {
            CoverageFileError::Open { source, .. } => {
                let message = [b"unable to open output meta-data file ", bytes_of(&path), b": "].concat();
                self.failed(message, "open", &path, source, messages)
            }
            CoverageFileError::Write { source, .. } => {
                let message = [b"error writing ", bytes_of(&path), b": "].concat().repeat(2);
                self.failed(message, "write", &path, source, messages)
            }
        })?;
        Ok(hash)
    }

    fn encode_meta(&self) -> Result<(MetaHash, Vec<u8>), WriteError> {
        let blobs = self.packages.iter().map(|package| match &package.content {
            Content::Copied => Ok(Vec::new()),
            Content::Blob(blob) => Ok(blob.clone()),
            Content::Combined(combined) => combined.encode(),
        });
        let blobs = blobs.collect::<Result<Vec<Vec<u8>>, WriteError>>()?;
        let hash = hash_of_blobs(&blobs);
        Ok((hash, encode_meta_with_bytes(hash, self.modes.mode, self.modes.granularity, &blobs)?))
    }

    /// Writes the counters gathered. `emitCounters`.
    fn write_counters(&mut self, hash: MetaHash, messages: &mut dyn Write) -> Result<(), Stop> {
        let args = self.args.take().unwrap_or_default();
        let packages = (0_u32..).map(PackageIndex).zip(&self.packages);
        let functions = packages.flat_map(|(index, package)| {
            let counters = package.counters.iter();
            counters.map(move |(function, counters)| (index, FunctionIndex(*function), counters.as_slice()))
        });
        let bytes = encode_counters(hash, &args, functions);
        self.put_counters(hash, bytes, messages)
    }

    fn put_counters(
        &self,
        hash: MetaHash,
        bytes: Result<Vec<u8>, WriteError>,
        messages: &mut dyn Write,
    ) -> Result<(), Stop> {
        let bytes = bytes.map_err(|error| self.options.fatal(error.to_string(), messages))?;
        let directory = path_of(join_path(self.directory, b"."));
        let written = write_counters(&directory, hash, &bytes);
        written.map(|_| ()).map_err(|error| match &error {
            CoverageFileError::Open { path, source } => {
                let name = clean_path(bytes_of(path));
                let message = [b"opening counter data file ", name.as_slice(), b": "].concat();
                self.failed(message, "open", path, source, messages)
            }
            CoverageFileError::Write { path, source } => {
                let message = b"counter file write failed: write error: ".to_vec();
                self.failed(message, "write", path, source, messages)
            }
        })
    }
}

fn path_of(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}
