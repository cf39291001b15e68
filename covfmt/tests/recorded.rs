//! Every file that a Go program or the reference tool wrote is read, and written again byte for byte.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::path::Path;

use covfmt::ids::MetaHash;
use covfmt::layout::FOOTER_BYTES;
use covfmt::merge::MergeOptions;
use covfmt::pod::{Depth, FileName, group, scan};
use covfmt::read::{CounterFile, MetaFile};
use covfmt::write::{
    CounterWriter, PackageBuilder, SegmentArgs, encode_meta, hash_of_blobs, hash_of_program,
};

fn rewrite_meta(bytes: &[u8]) -> Vec<u8> {
    let file = MetaFile::parse(bytes).unwrap();
    let mut blobs = Vec::new();
    for package in file.packages() {
        let package = package.unwrap();
        let mut builder = PackageBuilder::new(package.path(), package.name(), package.module()).unwrap();
        let mut functions = package.functions();
        let mut units = Vec::new();
        while let Some(record) = functions.read_next(&mut units).unwrap() {
            builder.add_function(record.name, record.file, record.literal, &units).unwrap();
            units.clear();
        }
        blobs.push(builder.encode_with_hash(package.header().hash).unwrap());
    }
    let header = file.header();
    encode_meta(header.hash, header.mode, header.granularity, &blobs).unwrap()
}

fn rewrite_counters(bytes: &[u8]) -> Vec<u8> {
    let file = CounterFile::parse(bytes).unwrap();
    let mut writer = CounterWriter::new(file.header().meta_hash, file.header().flavor);
    for segment in file.segments() {
        let mut entries = Vec::new();
        let mut functions = segment.functions();
        while let Some(head) = functions.read_next().unwrap() {
            let mut values = vec![0; head.counters as usize];
            functions.fold_counters(|index, value| values[index] = value).unwrap();
            entries.push((head.package, head.function, values));
        }
        let args = SegmentArgs::new(segment.args().to_vec()).with_strings(segment.strings().strings());
        writer.append_segment(&args, entries.iter().map(|(p, f, v)| (*p, *f, v.as_slice()))).unwrap();
    }
    writer.finish()
}

/// Whether the hash in the header follows from what the file says, by either of the two rules.
fn explains_hash(bytes: &[u8]) -> bool {
    let file = MetaFile::parse(bytes).unwrap();
    let header = file.header();
    let hashes: Vec<MetaHash> = file.packages().map(|p| p.unwrap().header().hash).collect();
    let blobs: Vec<&[u8]> = (0..file.package_count())
        .map(|i| file.package_bytes(covfmt::ids::PackageIndex(i)).unwrap())
        .collect();
    header.hash == hash_of_program(hashes, header.mode, header.granularity)
        || header.hash == hash_of_blobs(&blobs)
}

#[test]
fn go_files_come_back_byte_for_byte() {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/recorded");
    let files = scan(&[&testdata], Depth::Recursive).unwrap();
    let (mut metas, mut counters, mut versions, mut explained) = (0, 0, BTreeSet::new(), 0);
    for file in &files {
        let bytes = || std::fs::read(&file.path).unwrap();
        let name = file.path.file_name().unwrap().as_encoded_bytes();
        match FileName::parse(name) {
            Some(FileName::Meta { .. }) => {
                assert!(rewrite_meta(&bytes()) == bytes(), "{}", file.path.display());
                let version = file.path.strip_prefix(&testdata).unwrap().iter().next().unwrap();
                let version = version.to_str().unwrap().to_owned();
                // Go 1.21 hashed with MD5.
                if !version.contains("1.21") {
                    assert!(explains_hash(&bytes()), "{}", file.path.display());
                    explained += 1;
                }
                versions.insert(version);
                metas += 1;
            }
            Some(FileName::Counters { .. }) => {
                assert!(rewrite_counters(&bytes()) == bytes(), "{}", file.path.display());
                assert!(bytes().len() > FOOTER_BYTES);
                counters += 1;
            }
            Some(FileName::Temporary) | None => {}
        }
    }
    println!("{metas} meta files, {counters} counter files, of {versions:?}; {explained} hashes explained");
    assert!(metas > 20 && counters > 40 && explained > 15, "the recorded data has shrunk");
    for version in ["1.21", "1.24", "1.26", "1.27"] {
        assert!(versions.iter().any(|v| v.contains(version)), "no data of Go {version}");
    }
}

#[test]
fn go_pods_load() {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/recorded");
    let files = scan(&[&testdata], Depth::Recursive).unwrap();
    let mut directories: Vec<_> = files.iter().filter_map(|f| f.path.parent()).collect();
    directories.dedup();
    let mut hit = 0;
    for directory in directories {
        for pod in group(&scan(&[directory], Depth::Shallow).unwrap()).pods {
            let build = covfmt::load::load_pod(&pod, MergeOptions::default()).unwrap();
            hit += build.counts().units().iter().filter(|count| **count > 0).count();
        }
    }
    assert!(hit > 500, "{hit} units were hit");
}
