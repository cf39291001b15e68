//! What reading any file takes in memory: a fixed multiple of its size. Alone in its program, as it counts all of it.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]
#![allow(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use covfmt::ids::MetaHash;
use covfmt::integrity::check_integrity;
use covfmt::meta::MetaTables;
use covfmt::mode::{CounterMode, Granularity};
use covfmt::pod::{Depth, group, scan};
use covfmt::read::{CounterFile, MetaFile};
use covfmt::write::encode_meta;

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came; counting does not touch the memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Bytes of memory for a byte of a file. The worst is a table of empty strings: a byte each in the file.
const MULTIPLE: usize = 48;
/// What does not depend on the file: threads that decode packages.
const CONSTANT: usize = 1 << 20;

/// Reads a file in every way; gives the most memory that was taken at once, in bytes.
fn peak(bytes: &[u8]) -> usize {
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    drop(MetaTables::decode(bytes));
    drop(MetaFile::parse(bytes).and_then(|file| check_integrity(&file)));
    if let Ok(file) = CounterFile::parse(bytes) {
        drop(file.check());
        for segment in file.segments() {
            drop(segment.argv());
        }
    }
    PEAK.load(Ordering::Relaxed).saturating_sub(before)
}

/// A package whose string table holds nothing but empty strings, and one of functions without units.
fn swollen() -> Vec<Vec<u8>> {
    let blob = |strings: u32, functions: u32| {
        let (mut table, mut body) = (Vec::new(), Vec::new());
        covfmt::uleb128::append(&mut table, strings.into());
        table.resize(table.len() + strings as usize, 0);
        let head = 44 + 4 * functions + u32::try_from(table.len()).unwrap();
        for function in 0..functions {
            body.extend((head + 4 * function).to_le_bytes());
        }
        body.extend(&table);
        body.resize(body.len() + 4 * functions as usize, 0);
        let length = 44 + u32::try_from(body.len()).unwrap();
        let fields = [length, 0, 0, 0, 0, 0, 0, 0, 0, strings, functions];
        [fields.iter().flat_map(|field| field.to_le_bytes()).collect(), body].concat()
    };
    let file =
        |blob| encode_meta(MetaHash([0; 16]), CounterMode::Set, Granularity::PerBlock, &[blob]).unwrap();
    let mut counters = [b"\0cwm\x01\0\0\0", &[0; 16][..], &[2, 0, 0, 0, 0, 0, 0, 0], &[0; 8]].concat();
    // A million empty strings, and args that refer to them.
    let mut strings = Vec::new();
    covfmt::uleb128::append(&mut strings, 1_000_000);
    strings.resize(strings.len() + 1_000_000, 0);
    counters.extend(u32::try_from(strings.len()).unwrap().to_le_bytes());
    counters.extend(4_u32.to_le_bytes());
    counters.extend(&strings);
    counters.extend([1, 0, 0, 0]);
    counters.extend(b"\0cwm\0\0\0\0\x01\0\0\0\0\0\0\0");
    vec![file(blob(1_000_000, 0)), file(blob(1, 200_000)), counters]
}

#[test]
fn memory_is_a_fixed_multiple_of_the_file() {
    let mut inputs = swollen();
    let data =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/recorded/1.27.3/server-atomic/data/pod-0");
    for pod in group(&scan(&[data], Depth::Recursive).unwrap()).pods {
        for path in [&pod.meta, &pod.counters[0].path] {
            let whole = std::fs::read(path).unwrap();
            // Whatever number is made larger, nothing is allocated for what is not there.
            for at in 0..whole.len() {
                let mut bytes = whole.clone();
                bytes[at] = 0xff;
                inputs.push(bytes);
            }
        }
    }
    peak(&inputs[0]);
    let mut worst = 0;
    for bytes in &inputs {
        let taken = peak(bytes);
        assert!(taken <= MULTIPLE * bytes.len() + CONSTANT, "{taken} bytes for {}", bytes.len());
        if bytes.len() > CONSTANT / 2 {
            worst = worst.max(taken / bytes.len());
        }
    }
    println!("{} files; {worst} bytes of memory for a byte of the largest, at worst", inputs.len());
    assert!(worst >= 4, "nothing was counted");
}
