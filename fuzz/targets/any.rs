//! All targets in one binary: the variable `FUZZ_TARGET` says which, and `FUZZ_SEEDS` may name a directory that seeds are written to
//! if it is empty. Saves linking one for each.
#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz::write_seeds_if_asked(), |data: &[u8]| fuzz::run_from_environment(data));
