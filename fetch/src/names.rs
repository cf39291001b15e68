//! Names that come from outside and become file names: checked here, and nowhere else turned into paths.

use std::fmt;

use covfmt::ids::MetaHash;
use covfmt::pod::FileName;

use crate::dns::{is_dns_label, is_dns_subdomain};
use crate::error::{Failure, Kind};
use crate::escape::one_line;

/// Names a container in the cluster. Made only of names that are safe as path components.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerName {
    /// Namespace, a DNS label.
    pub namespace: String,
    /// Pod, a DNS subdomain.
    pub pod: String,
    /// Container, a DNS label.
    pub container: String,
}

impl ContainerName {
    /// Checks the three names against Kubernetes' own rules, which leave no room for `/`, `..` or control bytes.
    pub fn new(namespace: &str, pod: &str, container: &str) -> Result<Self, Failure> {
        for (what, name, fits) in [
            ("namespace", namespace, is_dns_label(namespace)),
            ("pod", pod, is_dns_subdomain(pod)),
            ("container", container, is_dns_label(container)),
        ] {
            if !fits {
                let message = format!(
                    "the API server gave \"{name}\" as a {what} name, which Kubernetes does not allow"
                );
                return Err(Failure::new(Kind::Rejected, message));
            }
        }
        Ok(Self { namespace: namespace.into(), pod: pod.into(), container: container.into() })
    }

    /// Where the container's files are stored, relative to the store, with forward slashes.
    pub fn directory(&self) -> String {
        format!("{}/{}/{}", self.namespace, self.pod, self.container)
    }
}

impl fmt::Display for ContainerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.namespace, self.pod, self.container)
    }
}

/// The name of a file that a Go program wrote: `covmeta.<32 hex>` or `covcounters.<32 hex>.<pid>.<nanoseconds>`.
///
/// Stricter than what the readers accept: what a pod sends must be exactly what the Go runtime writes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CoverageName {
    text: String,
    hash: MetaHash,
    counters: Option<Writer>,
}

/// The process that wrote a counter file, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Writer {
    /// Process id inside the container.
    pub pid: u32,
    /// Nanoseconds since 1970, by the clock of the container's node.
    pub nanoseconds: u64,
}

impl CoverageName {
    /// Takes a base name apart; `None` if no Go program writes such a name.
    pub fn parse(name: &[u8]) -> Option<Self> {
        let parsed = FileName::parse(name)?;
        let (tag, counters) = match parsed {
            FileName::Meta { tag } => (tag, None),
            FileName::Counters { tag, pid, nanos } => {
                let nanoseconds = std::str::from_utf8(nanos).ok()?.parse().ok()?;
                (tag, Some(Writer { pid: u32::try_from(pid).ok()?, nanoseconds }))
            }
            FileName::Temporary => return None,
        };
        let lower_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if tag.len() != 32 || !tag.iter().all(lower_hex) {
            return None;
        }
        let hash = MetaHash::from_hex(tag)?;
        let text = String::from_utf8(name.to_vec()).ok()?;
        let canonical = match counters {
            None => true,
            Some(writer) => text.ends_with(&format!(".{}.{}", writer.pid, writer.nanoseconds)),
        };
        // Leading zeros would give one run two names.
        (canonical && text.len() <= 100).then_some(Self { text, hash, counters })
    }

    /// The base name.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The hash in the name, which ties counter files to their meta file.
    pub fn hash(&self) -> MetaHash {
        self.hash
    }

    /// The writer of a counter file; `None` for a meta file.
    pub fn writer(&self) -> Option<Writer> {
        self.counters
    }

    /// Whether this is a meta file's name.
    pub fn is_meta(&self) -> bool {
        self.counters.is_none()
    }
}

impl fmt::Display for CoverageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A file name for an error message: quoted, escaped and short.
pub fn quoted(name: &[u8]) -> String {
    let shown = name.get(..name.len().min(120)).unwrap_or(name);
    format!("\"{}\"", one_line(&String::from_utf8_lossy(shown)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_names_are_kubernetes_names() {
        assert!(ContainerName::new("shop", "web-6d5f7.x", "main").is_ok());
        for (namespace, pod, container) in [
            ("..", "web", "main"),
            ("shop", "..", "main"),
            ("shop", "a/../../b", "main"),
            ("shop", "web", "../x"),
            ("shop", "web", ""),
            ("", "web", "main"),
            ("Shop", "web", "main"),
            ("shop", "web", "-x"),
            ("shop", "web\n", "main"),
            ("shop", "web\u{1b}[2J", "main"),
            ("shop", "a..b", "main"),
        ] {
            let failure = ContainerName::new(namespace, pod, container).unwrap_err();
            assert_eq!(failure.kind, Kind::Rejected);
            assert!(!failure.message.contains(char::is_control), "{failure}");
        }
    }

    #[test]
    fn only_what_go_writes_is_a_coverage_name() {
        let hash = "0123456789abcdef0123456789abcdef";
        let meta = CoverageName::parse(format!("covmeta.{hash}").as_bytes()).unwrap();
        assert!(meta.is_meta());
        let counters =
            CoverageName::parse(format!("covcounters.{hash}.7.1700000000000000000").as_bytes()).unwrap();
        assert_eq!(counters.writer(), Some(Writer { pid: 7, nanoseconds: 1_700_000_000_000_000_000 }));
        assert_eq!(counters.hash(), meta.hash());
        for name in [
            "covmeta.foo".to_owned(),
            format!("covmeta.{}", hash.to_uppercase()),
            format!("covmeta.{hash}.1"),
            format!("covmeta.{hash}/"),
            format!("covmeta.{hash}\n"),
            format!("covcounters.{hash}.01.5"),
            format!("covcounters.{hash}.1.05"),
            format!("covcounters.{hash}.1.99999999999999999999999"),
            format!("covcounters.{hash}.4294967296.5"),
            format!("covcounters.{hash}.-1.5"),
            format!("tmp.covmeta.{hash}"),
            format!("../covmeta.{hash}"),
            String::new(),
        ] {
            assert_eq!(CoverageName::parse(name.as_bytes()), None, "{name}");
        }
    }
}
