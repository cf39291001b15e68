//! All targets in one binary: the variable `FUZZ_TARGET` says which. Saves linking one for each.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::run_from_environment(data));
