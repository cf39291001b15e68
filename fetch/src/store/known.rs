//! What the store has of a container already, so that it need not be sent again.

use std::fs;

use super::{Digest, Store, Stored, hex_digest};
use crate::names::{ContainerName, CoverageName};

impl Store {
    /// The time of the newest counter file of a container, nanoseconds since 1970; 0 if there are meta files only, `None` if
    /// there is nothing.
    pub fn newest(&self, container: &ContainerName) -> Option<u64> {
        let entries = fs::read_dir(self.root.join(container.directory())).ok()?;
        let names =
            entries.filter_map(|entry| CoverageName::parse(entry.ok()?.file_name().as_encoded_bytes()));
        names.map(|name| name.writer().map_or(0, |writer| writer.nanoseconds)).max()
    }

    /// A file of a container with its bytes, if it has this digest as it lies there now.
    pub fn held(
        &self,
        container: &ContainerName,
        name: &CoverageName,
        digest: &Digest,
    ) -> Option<(Stored, Vec<u8>)> {
        let path = self.root.join(container.directory()).join(name.as_str());
        if !fs::symlink_metadata(&path).ok()?.is_file() {
            return None;
        }
        let bytes = fs::read(&path).ok()?;
        let sha256 = hex_digest(&bytes);
        let stored = Stored { size: bytes.len() as u64, sha256, new: false };
        (stored.sha256 == digest.as_str()).then_some((stored, bytes))
    }

    /// Bytes of a container's file as it lies there, if it does.
    pub fn size(&self, container: &ContainerName, name: &CoverageName) -> Option<u64> {
        let path = self.root.join(container.directory()).join(name.as_str());
        fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file).map(|metadata| metadata.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_bytes_and_not_by_its_name() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let container = ContainerName::new("shop", "web-0", "app").unwrap();
        assert_eq!(store.newest(&container), None);
        let hash = "0123456789abcdef0123456789abcdef";
        let name = |text: &str| CoverageName::parse(text.as_bytes()).unwrap();
        let meta = name(&format!("covmeta.{hash}"));
        store.put(&container, &meta, b"meta").unwrap();
        assert_eq!(store.newest(&container), Some(0));
        let counters = name(&format!("covcounters.{hash}.7.1700000000000000000"));
        store.put(&container, &counters, b"counters").unwrap();
        store.put(&container, &name(&format!("covcounters.{hash}.9.5")), b"older").unwrap();
        assert_eq!(store.newest(&container), Some(1_700_000_000_000_000_000));

        let digest = |bytes: &[u8]| Digest::parse(&hex_digest(bytes)).unwrap();
        let (stored, bytes) = store.held(&container, &counters, &digest(b"counters")).unwrap();
        assert_eq!((stored.new, stored.size, &bytes[..]), (false, 8, &b"counters"[..]));
        assert_eq!(store.held(&container, &counters, &digest(b"other")), None);
        // Damaged since.
        let path = home.path().join(container.directory()).join(counters.as_str());
        fs::write(path, b"damaged!").unwrap();
        assert_eq!(store.held(&container, &counters, &digest(b"counters")), None);
        assert_eq!(store.size(&container, &counters), Some(8));
    }
}
