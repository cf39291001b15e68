//! Go coverage files.
