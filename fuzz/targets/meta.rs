//! The target `meta`; see the crate.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::run("meta", data));
