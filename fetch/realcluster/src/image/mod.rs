//! Images made by hand: some files of this machine, no registry, no base.

mod archive;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::machine::libraries;

/// What lies at a path of an image.
#[derive(Debug, Clone)]
enum Entry {
    /// A copy of a file of this machine, executable.
    File(PathBuf),
    /// A symbolic link.
    Link(String),
    /// An empty directory with these permission bits.
    Directory(u32),
}

/// The description of an image.
#[derive(Debug, Clone)]
pub struct Image {
    reference: String,
    /// Paths have no leading slash, as in an archive.
    entries: BTreeMap<String, Entry>,
    environment: Vec<String>,
    command: Vec<String>,
    user: String,
}

impl Image {
    /// An image with an empty `/tmp` and nothing else.
    pub fn new(name: &str) -> Self {
        Self {
            // A registry that does not exist, so that no mistake can lead to one that does.
            reference: format!("images.invalid/{name}:1"),
            entries: BTreeMap::from([("tmp".to_owned(), Entry::Directory(0o1777))]),
            environment: vec!["PATH=/usr/bin:/bin:/app".to_owned()],
            command: Vec::new(),
            user: String::new(),
        }
    }

    /// Gives the image another name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.reference = format!("images.invalid/{name}:1");
        self
    }

    /// What a container's spec calls the image.
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// Copies a file of this machine, executable for all, to an absolute path.
    #[must_use]
    pub fn file(self, path: &str, source: &Path) -> Self {
        self.entry(path, Entry::File(source.to_owned()))
    }

    /// Makes a directory of root's with these permission bits.
    #[must_use]
    pub fn directory(self, path: &str, bits: u32) -> Self {
        self.entry(path, Entry::Directory(bits))
    }

    /// Puts a static busybox and links for some of its programs in `/bin`.
    #[must_use]
    pub fn busybox(self, busybox: &Path, programs: &[&str]) -> Self {
        let image = self.file("/bin/busybox", busybox);
        programs.iter().fold(image, |image, program| {
            image.entry(&format!("/bin/{program}"), Entry::Link("busybox".to_owned()))
        })
    }

    /// Copies a program of this machine to `/bin/NAME`, and the libraries that it needs to where it looks for them.
    pub fn program(self, name: &str, source: &Path) -> Result<Self, Error> {
        let image = self.file(&format!("/bin/{name}"), source);
        let libraries = libraries(source)?;
        Ok(libraries.iter().fold(image, |image, library| image.file(&library.to_string_lossy(), library)))
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push(format!("{name}={value}"));
        self
    }

    /// Sets the command that runs if the container names none.
    #[must_use]
    pub fn command<'a>(mut self, command: impl IntoIterator<Item = &'a str>) -> Self {
        self.command = command.into_iter().map(str::to_owned).collect();
        self
    }

    /// Sets the user and group id that its command runs as.
    #[must_use]
    pub fn user(mut self, id: u32) -> Self {
        self.user = format!("{id}:{id}");
        self
    }

    /// Makes a symbolic link.
    #[must_use]
    pub fn link(self, path: &str, target: &str) -> Self {
        self.entry(path, Entry::Link(target.to_owned()))
    }

    fn entry(mut self, path: &str, entry: Entry) -> Self {
        self.entries.insert(path.trim_start_matches('/').to_owned(), entry);
        self
    }
}
