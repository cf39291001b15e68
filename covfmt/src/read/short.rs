//! Values of one and two bytes, which most counters are: what ways of reading many of them at once agree on.

/// Reads values from the start of some bytes into some room, up to one that it does not read, which may be any of more than two
/// bytes, or until there may not be bytes or room enough.
pub(super) type ReadShort = fn(&[u8], &mut [u32]) -> Read;

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Read {
    /// Number of bytes.
    pub(super) bytes: usize,
    /// Number of values that they are.
    pub(super) values: usize,
}
