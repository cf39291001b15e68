//! The target `modfile`; see the crate.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::run("modfile", data));
