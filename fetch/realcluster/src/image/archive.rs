//! An image as `docker save` writes it, which containerd imports: a layer, a configuration, a manifest.
//!
//! The form is that of github.com/moby/docker-image-spec (v1.2, "Combined Image JSON + Filesystem Changeset Format").

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use serde_json::json;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use super::{Entry, Image};

impl Image {
    /// Writes the archive.
    pub(crate) fn write_archive(&self, out: impl Write) -> io::Result<()> {
        let layer = self.layer()?;
        let config = json!({
            "architecture": architecture(),
            "os": "linux",
            "config": {"Env": self.environment, "Cmd": self.command, "User": self.user},
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", hex(&layer))]},
        })
        .to_string();
        let config_name = format!("{}.json", hex(config.as_bytes()));
        let manifest =
            json!([{"Config": config_name, "RepoTags": [self.reference], "Layers": ["layer.tar"]}])
                .to_string();
        let mut archive = Builder::new(out);
        for (name, bytes) in [
            (config_name.as_str(), config.as_bytes()),
            ("layer.tar", &layer),
            ("manifest.json", manifest.as_bytes()),
        ] {
            let mut header = header(EntryType::Regular, 0o644);
            header.set_size(bytes.len() as u64);
            archive.append_data(&mut header, name, bytes)?;
        }
        archive.into_inner()?.flush()
    }

    /// The files. Parents that nobody asked for are directories that only root may write to.
    fn layer(&self) -> io::Result<Vec<u8>> {
        let mut layer = Builder::new(Vec::new());
        let mut made: Vec<&Path> = Vec::new();
        for (path, entry) in &self.entries {
            let path = Path::new(path);
            let mut parents: Vec<&Path> =
                path.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()).collect();
            parents.reverse();
            for parent in parents {
                if !made.contains(&parent) && !self.entries.contains_key(&*parent.to_string_lossy()) {
                    layer.append_data(&mut header(EntryType::Directory, 0o755), parent, io::empty())?;
                    made.push(parent);
                }
            }
            match entry {
                Entry::File(source) => {
                    let bytes = std::fs::read(source)?;
                    let mut header = header(EntryType::Regular, 0o755);
                    header.set_size(bytes.len() as u64);
                    layer.append_data(&mut header, path, bytes.as_slice())?;
                }
                Entry::Link(target) => {
                    layer.append_link(&mut header(EntryType::Symlink, 0o777), path, target)?;
                }
                Entry::Directory(bits) => {
                    layer.append_data(&mut header(EntryType::Directory, *bits), path, io::empty())?;
                }
            }
        }
        layer.into_inner()
    }
}

fn header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header.set_mtime(0);
    header
}

/// The machine's architecture by Go's name, which images use.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        // Nothing can go wrong with a String.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_before_their_files() {
        let image = Image::new("x").file("/a/b/c", Path::new("/proc/self/cmdline")).directory("/a/d", 0o777);
        let layer = image.layer().unwrap();
        let mut archive = tar::Archive::new(layer.as_slice());
        let paths: Vec<String> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(paths, ["a", "a/b", "a/b/c", "a/d", "tmp"]);
    }
}
