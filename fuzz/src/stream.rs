//! Any bytes as what a container sends.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::Read;

use covfetch::error::Failure;
use covfetch::names::CoverageName;
use covfetch::unpack::{Form, Limits, Others, unpack as unpack_archives};
use covfmt::pod::FileName;

const LIMITS: Limits = Limits { file_bytes: 4096, container_bytes: 10_000, files: 8 };

/// The first byte chooses the form. Whatever comes out has a name that Go writes and keeps to the limits.
pub(crate) fn unpack(data: &[u8]) {
    let Some((form, stream)) = data.split_first() else { return };
    let (mut seen, total, read_in_part) = (BTreeSet::new(), Cell::new(0), form & 4 != 0);
    let mut receive = |name: &CoverageName, size: u64, content: &mut dyn Read| -> Result<(), Failure> {
        assert!(FileName::parse(name.as_str().as_bytes()).is_some() && !name.as_str().contains('/'));
        assert!(seen.insert(name.clone()), "{name} came twice");
        assert!(size <= LIMITS.file_bytes);
        let mut bytes = Vec::new();
        // Who keeps a file need not read it to its end.
        let most = if read_in_part { size / 2 } else { u64::MAX };
        let read = content.take(most).read_to_end(&mut bytes);
        assert!(bytes.len() as u64 <= size);
        total.set(total.get() + bytes.len());
        drop(read);
        Ok(())
    };
    let result = match form % 4 {
        0 => unpack_archives(stream, &LIMITS, Others::Refuse, &mut receive),
        1 => unpack_archives(stream, &LIMITS, Others::Skip, &mut receive),
        2 => Form::Plain.unpack(stream, &LIMITS, &mut receive),
        _ => {
            let names: [&[u8]; 2] = [
                b"covmeta.0123456789abcdef0123456789abcdef",
                b"covcounters.0123456789abcdef0123456789abcdef.1.17",
            ];
            let sizes = names.map(|name| (CoverageName::parse(name).unwrap(), u64::from(form / 8)));
            Form::Sized(sizes.into()).unpack(stream, &LIMITS, &mut receive)
        }
    };
    assert!(total.get() as u64 <= LIMITS.container_bytes && seen.len() as u64 <= LIMITS.files);
    if let Err(failure) = result {
        assert!(!failure.to_string().chars().any(char::is_control), "{failure:?}");
    }
}
