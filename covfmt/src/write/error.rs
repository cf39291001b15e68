//! What cannot be written in the format.

/// A structure that the format has no room for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// A package without an import path (`encodemeta/encode.go`, `NewCoverageMetaDataBuilder`).
    #[error("invalid empty package path")]
    EmptyPackagePath,
    /// A length or number above the width of its field.
    #[error("{what} of {value} does not fit in 32 bits")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// Its value.
        value: usize,
    },
    /// An argument that is missing from the string table given for it.
    #[error("the string table given lacks {text:?}")]
    MissingString {
        /// The string, lossily as text.
        text: String,
    },
}

/// A number for a field of 32 bits.
pub(super) fn field32(what: &'static str, value: usize) -> Result<u32, WriteError> {
    u32::try_from(value).map_err(|_| WriteError::TooLarge { what, value })
}
