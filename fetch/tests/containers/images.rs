//! The kinds of images there are, by what they hold besides the service.

use std::path::Path;

use realcluster::{Image, busybox, find_program};

/// Programs that the script and its user may want.
const USUAL: [&str; 8] = ["sh", "tar", "kill", "ls", "cat", "sleep", "date", "dd"];

/// Busybox, as in `alpine` and `busybox`.
pub(crate) fn small(service: &Path) -> Image {
    with_service("small", service).busybox(&busybox().unwrap(), &USUAL)
}

/// The same with busybox's gzip.
pub(crate) fn small_with_gzip(service: &Path) -> Image {
    let programs = [&USUAL[..], &["gzip"]].concat();
    with_service("small-gzip", service).busybox(&busybox().unwrap(), &programs)
}

/// A shell, coreutils, GNU tar and GNU gzip.
pub(crate) fn ordinary_with_gzip(service: &Path) -> Image {
    let programs = ["tar", "sh", "ls", "cat", "sleep", "date", "dd", "gzip"];
    with_programs(with_service("ordinary-gzip", service), &programs)
}

/// A shell, coreutils and GNU tar, as in `debian` and `ubuntu`.
pub(crate) fn ordinary(service: &Path) -> Image {
    with_programs(with_service("ordinary", service), &["tar", "sh", "ls", "cat", "sleep", "date", "dd"])
}

/// The same without tar, as in the minimal images of Fedora and Amazon Linux.
pub(crate) fn tarless(service: &Path) -> Image {
    with_programs(with_service("tarless", service), &["sh", "ls", "cat", "sleep", "date", "dd", "wc"])
}

/// A shell and nothing that copies.
pub(crate) fn copyless(service: &Path) -> Image {
    with_programs(with_service("copyless", service), &["sh", "ls", "sleep", "date"])
}

/// Coreutils without tar and without a shell, with the `kill` of procps.
pub(crate) fn shellless(service: &Path) -> Image {
    with_programs(with_service("shellless", service), &["ls", "cat", "wc", "kill"])
}

/// Nothing else, as `FROM scratch` and distroless images.
pub(crate) fn bare(service: &Path) -> Image {
    with_service("bare", service)
}

/// What debug containers are made of: busybox and nothing else.
pub(crate) fn debugger() -> Image {
    let programs = ["readlink", "tr", "grep", "wc", "sha256sum", "touch"];
    Image::new("debugger").busybox(&busybox().unwrap(), &[&USUAL[..], &programs].concat())
}

fn with_service(name: &str, service: &Path) -> Image {
    Image::new(name)
        .file("/app/library", service)
        .directory("/coverage", 0o777)
        .directory("/sealed", 0o700)
        .directory("/unwritable", 0o755)
}

fn with_programs(image: Image, programs: &[&str]) -> Image {
    programs.iter().fold(image, |image, name| image.program(name, &find_program(name).unwrap()).unwrap())
}
