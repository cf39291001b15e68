//! Archives as tar writes them, cut at every byte, and archives that no tar writes.

use std::io::Write;

use tar::{Builder, Header};

use super::*;

const HASH: &str = "0123456789abcdef0123456789abcdef";

fn limits() -> Limits {
    Limits { file_bytes: 4096, container_bytes: 8192, files: 8 }
}

fn meta() -> String {
    format!("covmeta.{HASH}")
}

fn counters(nanoseconds: u64) -> String {
    format!("covcounters.{HASH}.1.{nanoseconds}")
}

/// Appends an entry whose header says exactly what the arguments say; `path` is not checked by the library.
fn append(builder: &mut Builder<Vec<u8>>, path: &[u8], kind: EntryType, content: &[u8]) {
    let mut header = Header::new_ustar();
    header.as_ustar_mut().unwrap().name[..path.len()].copy_from_slice(path);
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    builder.append(&header, content).unwrap();
}

fn archive(entries: &[(&[u8], EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (path, kind, content) in entries {
        append(&mut builder, path, *kind, content);
    }
    builder.into_inner().unwrap()
}

/// Files by name with their content, and how the archive ended.
type Outcome = (Vec<(String, Vec<u8>)>, Result<(), Failure>);

fn run(bytes: &[u8], others: Others) -> Outcome {
    let mut files = Vec::new();
    let result = unpack(bytes, &limits(), others, &mut |name, _, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(|error| broken(&error))?;
        files.push((name.to_string(), bytes));
        Ok(())
    });
    (files, result)
}

fn refusal(bytes: &[u8]) -> Failure {
    let failure = run(bytes, Others::Refuse).1.unwrap_err();
    assert!(!failure.message.contains(char::is_control), "{failure:?}");
    failure
}

fn good() -> Vec<u8> {
    let (meta, counters) = (format!("./{}", meta()), counters(5));
    archive(&[
        (b"./", EntryType::Directory, b""),
        (meta.as_bytes(), EntryType::Regular, b"meta"),
        (counters.as_bytes(), EntryType::Regular, &[0; 1024]),
    ])
}

#[test]
fn files_come_out_whole_with_or_without_padding() {
    let mut bytes = good();
    for padding in [0, 512, 10240] {
        bytes.resize(bytes.len() + padding, 0);
        let (files, result) = run(&bytes, Others::Refuse);
        result.unwrap();
        assert_eq!(files, [(meta(), b"meta".to_vec()), (counters(5), vec![0; 1024])]);
    }
}

#[test]
fn archives_behind_each_other_are_one() {
    let mut bytes = good();
    bytes.resize(bytes.len().next_multiple_of(10240), 0);
    bytes.extend(archive(&[(counters(6).as_bytes(), EntryType::Regular, b"more")]));
    let (files, result) = run(&bytes, Others::Refuse);
    result.unwrap();
    assert_eq!(files.len(), 3);
    bytes.extend(archive(&[(counters(5).as_bytes(), EntryType::Regular, b"again")]));
    assert!(refusal(&bytes).message.contains("came before"));
}

/// The second file ends in zeros, so that a cut behind it looks like an end mark to a careless reader.
#[test]
fn a_cut_at_any_byte_is_noticed() {
    let bytes = good();
    for end in 0..bytes.len() {
        let (files, result) = run(&bytes[..end], Others::Refuse);
        let failure = result.expect_err(&format!("cut at byte {end} of {}", bytes.len()));
        assert_eq!(failure.kind, Kind::Truncated, "cut at byte {end}: {failure}");
        assert_ne!(failure.retry, crate::error::Retry::No);
        assert!(files.len() <= 2);
    }
}

#[test]
fn only_plain_files_with_the_names_of_go_pass() {
    let (meta, counters) = (meta(), counters(5));
    let cases: Vec<(Vec<u8>, EntryType, &str)> = vec![
        (format!("../{meta}").into(), EntryType::Regular, "no Go program"),
        (format!("/{meta}").into(), EntryType::Regular, "no Go program"),
        (format!("././{meta}").into(), EntryType::Regular, "no Go program"),
        (format!("sub/{meta}").into(), EntryType::Regular, "no Go program"),
        (format!("./../{counters}").into(), EntryType::Regular, "no Go program"),
        (b"/etc/cron.d/x".to_vec(), EntryType::Regular, "no Go program"),
        (b"covmeta.foo".to_vec(), EntryType::Regular, "no Go program"),
        (format!("{meta}\x1b[2J").into(), EntryType::Regular, "no Go program"),
        (format!("{meta}\n").into(), EntryType::Regular, "no Go program"),
        (b"tmp.covmeta.x".to_vec(), EntryType::Regular, "no Go program"),
        (meta.clone().into(), EntryType::Symlink, "symbolic link"),
        (meta.clone().into(), EntryType::Link, "hard link"),
        (meta.clone().into(), EntryType::Char, "device"),
        (meta.clone().into(), EntryType::Block, "device"),
        (meta.clone().into(), EntryType::Fifo, "named pipe"),
        (meta.clone().into(), EntryType::Directory, "directory"),
        (b"..".to_vec(), EntryType::Directory, "directory"),
        (meta.clone().into(), EntryType::GNUSparse, "sparse"),
        (b"././@LongLink".to_vec(), EntryType::GNULongName, "long name"),
        (b"././@LongLink".to_vec(), EntryType::GNULongLink, "long name"),
        (meta.clone().into(), EntryType::Continuous, "unknown kind"),
        (meta.clone().into(), EntryType::new(b'Z'), "unknown kind"),
        (b"pax_global_header".to_vec(), EntryType::XGlobalHeader, "global extended header"),
    ];
    for (path, kind, words) in cases {
        let failure = refusal(&archive(&[(&path, kind, b"")]));
        assert_eq!(failure.kind, Kind::Rejected, "{failure}");
        assert!(failure.message.contains(words), "{kind:?}: {failure}");
    }
    // In the ustar form the directory can hide in the prefix field.
    let mut header = Header::new_ustar();
    header.as_ustar_mut().unwrap().name[..meta.len()].copy_from_slice(meta.as_bytes());
    header.as_ustar_mut().unwrap().prefix[..4].copy_from_slice(b"../x");
    header.set_size(0);
    header.set_cksum();
    let mut builder = Builder::new(Vec::new());
    builder.append(&header, &b""[..]).unwrap();
    assert!(refusal(&builder.into_inner().unwrap()).message.contains("no Go program"));
}

#[test]
fn extended_headers_change_nothing() {
    let pax = |record: &str| {
        let mut length = record.len() + 3;
        while format!("{length} {record}\n").len() != length {
            length += 1;
        }
        format!("{length} {record}\n")
    };
    let with = |record: &str| {
        archive(&[
            (b"./PaxHeaders/x", EntryType::XHeader, pax(record).as_bytes()),
            (meta().as_bytes(), EntryType::Regular, b"meta"),
        ])
    };
    let (files, result) = run(&with("mtime=1700000000.123"), Others::Refuse);
    result.unwrap();
    assert_eq!(files, [(meta(), b"meta".to_vec())]);
    for record in
        ["path=../../x", "size=99999", "linkpath=/etc/passwd", "GNU.sparse.major=1", "SCHILY.xattr.a=b"]
    {
        let failure = refusal(&with(record));
        assert!(failure.message.contains("extended header"), "{failure}");
    }
    let garbage = archive(&[(b"x", EntryType::XHeader, b"not a record")]);
    assert_eq!(refusal(&garbage).kind, Kind::Rejected);
    let long = archive(&[(b"x", EntryType::XHeader, &vec![b'a'; 70_000])]);
    assert_eq!(refusal(&long).kind, Kind::Rejected);
}

#[test]
fn limits_hold() {
    let large = archive(&[(meta().as_bytes(), EntryType::Regular, &[1; 4097])]);
    assert!(refusal(&large).message.contains("--max-file-size"));
    let names: Vec<String> = (0..9).map(counters).collect();
    let of = |content: &[u8]| {
        let entries: Vec<_> =
            names.iter().map(|name| (name.as_bytes(), EntryType::Regular, content)).collect();
        archive(&entries)
    };
    assert!(refusal(&of(b"")).message.contains("--max-files"));
    assert!(refusal(&of(&[1; 3000])).message.contains("--max-container-size"));
    // A size that is only claimed is refused before anything is read.
    let mut header = Header::new_ustar();
    header.as_ustar_mut().unwrap().name[..40].copy_from_slice(meta().as_bytes());
    header.set_size(u64::MAX / 2);
    header.set_cksum();
    assert_eq!(refusal(header.as_bytes()).kind, Kind::Limit);
    let directories = vec![(&b"./"[..], EntryType::Directory, &b""[..]); 100];
    assert_eq!(refusal(&archive(&directories)).kind, Kind::Limit);
}

/// A stream without end is cut off, whatever it consists of.
#[test]
fn an_endless_stream_is_cut_off() {
    let mut endless = io::repeat(0);
    let failure = unpack(&mut endless, &limits(), Others::Refuse, &mut |_, _, _| Ok(())).unwrap_err();
    assert_eq!(failure.kind, Kind::Limit);
    let mut bytes = good();
    let endless = io::Cursor::new(std::mem::take(&mut bytes)).chain(io::repeat(0));
    let failure = unpack(endless, &limits(), Others::Refuse, &mut |_, _, content| {
        io::copy(content, &mut io::sink()).map_err(|error| broken(&error))?;
        Ok(())
    })
    .unwrap_err();
    assert_eq!(failure.kind, Kind::Limit);
}

#[test]
fn a_whole_directory_may_hold_other_files() {
    let bytes = archive(&[
        (b"./", EntryType::Directory, b""),
        (b"./app.log", EntryType::Regular, b"x"),
        (meta().as_bytes(), EntryType::Regular, b"meta"),
    ]);
    let (files, result) = run(&bytes, Others::Skip);
    result.unwrap();
    assert_eq!(files.len(), 1);
    assert_eq!(refusal(&bytes).kind, Kind::Rejected);
    let nested = archive(&[(b"./a/../b", EntryType::Regular, b"x")]);
    assert_eq!(run(&nested, Others::Skip).1.unwrap_err().kind, Kind::Rejected);
}

/// The reader of the stream says why it ended; that, and no guess, is the failure.
#[test]
fn the_streams_own_failure_is_kept() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other(Failure::interrupted()))
        }
    }
    let bytes = good();
    for end in [0, 100, 512, 1600] {
        let stream = io::Cursor::new(bytes[..end].to_vec()).chain(Fails);
        let failure = unpack(stream, &limits(), Others::Refuse, &mut |_, _, content| {
            io::copy(content, &mut io::sink()).map_err(|error| broken(&error))?;
            Ok(())
        })
        .unwrap_err();
        assert_eq!(failure.kind, Kind::Unfinished, "after {end} bytes: {failure}");
    }
}

#[test]
fn garbage_is_refused() {
    let mut state = 1_u32;
    for _ in 0..200 {
        let mut bytes = Vec::new();
        for _ in 0..1500 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            bytes.write_all(&[state.to_be_bytes()[0]]).unwrap();
        }
        assert!(run(&bytes, Others::Refuse).1.is_err());
    }
}
