//! The table of differences that are known and accepted: an older Go version against the newest, which decides.
//!
//! An entry names the version, says why, and matches as little as it can. One that no case meets any more is a failure,
//! as it would hide the next mistake.

use bstr::{BString, ByteSlice as _};

use crate::snapshot::{Entry, Snapshot};
use crate::verdict::{Aspect, Compared};

/// A difference between an older reference and the newest.
pub(crate) struct Known {
    /// Go versions of the reference.
    pub(crate) versions: &'static [&'static str],
    /// What differs and why.
    pub(crate) reason: &'static str,
    /// Whether this is it.
    pub(crate) applies: fn(&Compared<'_>) -> bool,
}

pub(crate) const KNOWN: &[Known] = &[
    Known {
        versions: &["1.21.13"],
        reason: "os.ReadDir named another system call where an input is no directory",
        applies: |compared| {
            compared.aspects == [Aspect::Stderr]
                && compared.messages[1].contains_str("error: reading inputs: readdirent ")
                && compared.messages[0].contains_str("error: reading inputs: open ")
                && compared.messages[0].contains_str(": not a directory\n")
        },
    },
    Known {
        versions: &["1.21.13"],
        reason: "-pkg and -pcombine name what they write by MD5, later versions by FNV-1a",
        applies: |compared| {
            let combines = compared.arguments.iter().any(|argument| {
                let argument = argument.to_string_lossy();
                argument.contains("-pkg") || argument.contains("-pcombine")
            });
            let [ours, theirs] = [compared.ours, compared.theirs].map(|side| without_hashes(&side.files));
            let [said, meant] = compared.messages.map(without_meta_names);
            let only = |aspect: &Aspect| matches!(aspect, Aspect::File | Aspect::Stderr);
            combines && compared.aspects.iter().all(only) && ours == theirs && said == meant
        },
    },
    Known {
        versions: &["1.21.13", "1.24.11"],
        reason: "a meta file of an unknown version was refused with a slip of the pen",
        applies: |compared| {
            let corrected = compared.messages[1].replace("withn unknown version", "with an unknown version");
            compared.aspects == [Aspect::Stderr] && corrected == compared.messages[0]
        },
    },
];

/// Messages, with the hashes taken out of the names of meta files.
fn without_meta_names(messages: &[u8]) -> Vec<u8> {
    let parts = messages.split_str("covmeta.");
    parts.flat_map(|part| if part.len() > 32 { &part[32..] } else { part }).copied().collect()
}

/// The files, with the hashes taken out of the names of coverage files, their headers, and the headers of packages.
fn without_hashes(files: &Snapshot) -> Vec<(BString, Entry)> {
    let mut all: Vec<(BString, Entry)> = files
        .iter()
        .map(|(name, entry)| {
            let (directory, base) = name.rsplit_once_str("/").unwrap_or((b"", name));
            let kind = base.split(|byte| *byte == b'.').next().unwrap_or(base);
            match entry {
                Entry::File(mode, bytes) if kind == b"covmeta" => {
                    ([directory, b"/covmeta"].concat().into(), Entry::File(*mode, meta_without_hashes(bytes)))
                }
                Entry::Counters(mode, counters) => {
                    let counters = counters.clone().without_hash();
                    ([directory, b"/covcounters"].concat().into(), Entry::Counters(*mode, counters))
                }
                _ => (name.clone(), entry.clone()),
            }
        })
        .collect();
    all.sort_by(|a, b| (&a.0, format!("{:?}", a.1)).cmp(&(&b.0, format!("{:?}", b.1))));
    all
}

fn meta_without_hashes(bytes: &[u8]) -> BString {
    let mut bytes = bytes.to_vec();
    let packages =
        bytes.get(16..24).map_or(0, |count| u64::from_le_bytes(count.try_into().unwrap_or_default()));
    for place in std::iter::once(24).chain(
        (0..packages)
            .filter_map(|index| {
                let at = 56 + 8 * usize::try_from(index).ok()?;
                let offset = u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?);
                Some(usize::try_from(offset).ok()? + 16)
            })
            .collect::<Vec<_>>(),
    ) {
        if let Some(hash) = bytes.get_mut(place..place + 16) {
            hash.fill(0);
        }
    }
    bytes.into()
}
