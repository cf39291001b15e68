//! What some consumers check of a source file: its MD5 and the number of its lines.

use bstr::ByteSlice as _;
use md5::{Digest as _, Md5};
use rayon::prelude::*;

use super::files::SourceFile;
use crate::checkout::Checkout;

/// The contents of a source file, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceDigest {
    /// MD5 in lower-case hexadecimal digits.
    pub md5: String,
    /// Number of lines; a last one without a line end counts.
    pub lines: u32,
}

impl SourceDigest {
    /// Of the bytes of a file.
    pub fn of(bytes: &[u8]) -> Self {
        let md5 = format!("{:032x}", u128::from_be_bytes(Md5::digest(bytes).into()));
        let ends = bytes.find_iter(b"\n").count();
        let lines = ends + usize::from(!matches!(bytes.last(), None | Some(b'\n')));
        Self { md5, lines: u32::try_from(lines).unwrap_or(u32::MAX) }
    }
}

/// Reads the files that are there.
pub(super) fn add_digests(files: &mut [SourceFile<'_>], checkout: &Checkout) {
    files.par_iter_mut().for_each(|file| {
        file.digest = checkout.read(&file.path).map(|bytes| SourceDigest::of(&bytes));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_md5sum_and_wc() {
        let digest = |bytes: &[u8]| SourceDigest::of(bytes);
        // printf '' | md5sum; printf 'a\nb' | md5sum
        assert_eq!(digest(b""), SourceDigest { md5: "d41d8cd98f00b204e9800998ecf8427e".into(), lines: 0 });
        assert_eq!(digest(b"a\nb").lines, 2);
        assert_eq!(digest(b"a\nb\n").lines, 2);
        assert_eq!(digest(b"a\nb").md5, "8cdeb44417f3c26826595d5820cf5700");
    }
}
