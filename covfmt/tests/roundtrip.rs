//! Whatever the writers write, the readers read back, and the writers then write the same bytes.

mod model;

use covfmt::layout::META_HEADER_BYTES;
use covfmt::read::{CounterFile, MetaFile};
use model::program_with_runs;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_meta_file_comes_back_as_it_was((program, _) in program_with_runs()) {
        let (hash, bytes) = program.encode();
        let file = MetaFile::parse(&bytes).unwrap();
        prop_assert_eq!(file.header().hash, hash);
        prop_assert_eq!(file.header().mode, program.mode);
        prop_assert_eq!(file.header().total_length, bytes.len() as u64);
        prop_assert_eq!(MetaFile::parse_header(&bytes[..META_HEADER_BYTES]).unwrap(), *file.header());
        prop_assert_eq!(file.package_count() as usize, program.packages.len());
        for (read, wrote) in file.packages().zip(&program.packages) {
            let read = read.unwrap();
            prop_assert_eq!(read.path(), &wrote.path[..]);
            prop_assert_eq!(read.name(), &wrote.name[..]);
            prop_assert_eq!(read.module(), &wrote.module[..]);
            let mut functions = read.functions();
            for function in &wrote.functions {
                let mut units = Vec::new();
                let record = functions.read_next(&mut units).unwrap().unwrap();
                prop_assert_eq!(record.name, &function.name[..]);
                prop_assert_eq!(record.file, &function.file[..]);
                prop_assert_eq!(record.literal, function.literal);
                prop_assert_eq!(&units, &function.units);
            }
            prop_assert!(functions.read_next(&mut Vec::new()).unwrap().is_none());
        }
    }

    #[test]
    fn a_counter_file_comes_back_as_it_was((program, runs) in program_with_runs()) {
        let (hash, _) = program.encode();
        for run in &runs {
            let bytes = run.encode(hash);
            let file = CounterFile::parse(&bytes).unwrap();
            prop_assert_eq!(file.header().meta_hash, hash);
            prop_assert_eq!(file.header().flavor, run.flavor);
            prop_assert_eq!(file.segments().len(), run.segments.len());
            for (read, wrote) in file.segments().iter().zip(&run.segments) {
                let args: Vec<_> = wrote.args.iter().map(|(k, v)| (k.as_str().into(), v.as_str().into())).collect();
                prop_assert_eq!(read.args(), args);
                prop_assert_eq!(read.function_count(), wrote.entries.len() as u64);
                let mut functions = read.functions();
                for (package, function, values) in &wrote.entries {
                    let head = functions.read_next().unwrap().unwrap();
                    prop_assert_eq!((head.package.0, head.function.0), (*package, *function));
                    let mut counters = vec![0; head.counters as usize];
                    functions.fold_counters(|index, value| counters[index] = value).unwrap();
                    prop_assert_eq!(&counters, values);
                }
                prop_assert!(functions.read_next().unwrap().is_none());
            }
        }
    }
}
