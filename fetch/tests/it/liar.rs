//! A container that says and sends whatever it likes, at the seam to the cluster: no archive gets past the rules, and
//! nothing outside the container's own directory changes.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use covfetch::allowance::{Allowance, RunLimits};
use covfetch::capture::{Captured, Collector};
use covfetch::error::{Failure, Kind};
use covfetch::names::{ContainerName, CoverageName};
use covfetch::remote::{Cluster, Connection, End, Execution, RemoteError, Verdict};
use covfetch::resource::Resource;
use covfetch::selection::PodQuery;
use covfetch::store::{Store, hex_digest};
use covfetch::unpack::Limits;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use tar::{Builder, EntryType, Header};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::common::{base_name, recorded};

/// What a container answers to a command.
type Answer = dyn Fn(&ContainerName, &[String]) -> Vec<u8> + Send + Sync;

/// Answers every exec with bytes and then success.
pub(crate) struct Liar {
    answer: Box<Answer>,
    /// Whether the bytes are followed by zeros without end.
    endless: bool,
    execs: AtomicUsize,
}

impl Cluster for Liar {
    fn list_pods<'a>(&'a self, _: &'a PodQuery) -> BoxFuture<'a, Result<Vec<Pod>, RemoteError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn get<'a>(
        &'a self,
        _: &'static Resource,
        _: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<serde_json::Value, RemoteError>> {
        Box::pin(std::future::ready(Err(RemoteError::NotFound("nothing is here".into()))))
    }

    fn list<'a>(
        &'a self,
        _: &'static Resource,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Vec<serde_json::Value>, RemoteError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn connect<'a>(&'a self, _: &'a ContainerName, _: u16) -> BoxFuture<'a, Result<Connection, RemoteError>> {
        panic!("nobody asks for a request")
    }

    fn add_ephemeral<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
        _: &'a k8s_openapi::api::core::v1::EphemeralContainer,
    ) -> BoxFuture<'a, Result<(), RemoteError>> {
        panic!("no image here lacks anything")
    }

    fn create_pod<'a>(&'a self, _: &'a str, _: &'a Pod) -> BoxFuture<'a, Result<(), RemoteError>> {
        panic!("no claim is read here")
    }

    fn delete_pod<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<(), RemoteError>> {
        panic!("no claim is read here")
    }

    fn exec<'a>(
        &'a self,
        name: &'a ContainerName,
        command: &'a [String],
    ) -> BoxFuture<'a, Result<Execution, RemoteError>> {
        self.execs.fetch_add(1, SeqCst);
        let sent = std::io::Cursor::new((self.answer)(name, command));
        let stdout: Box<dyn tokio::io::AsyncRead + Send + Unpin> = if self.endless {
            Box::new(tokio::io::AsyncReadExt::chain(sent, tokio::io::repeat(0)))
        } else {
            Box::new(sent)
        };
        let end = Box::pin(std::future::ready(End { verdict: Verdict::Success, stderr: String::new() }));
        Box::pin(std::future::ready(Ok(Execution { stdout, end })))
    }
}

impl Liar {
    pub(crate) fn new(answer: impl Fn(&ContainerName, &[String]) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self { answer: Box::new(answer), endless: false, execs: AtomicUsize::new(0) }
    }

    /// The same bytes for every command, with zeros without end behind them if asked for.
    pub(crate) fn sending(bytes: Vec<u8>, endless: bool) -> Self {
        Self { endless, ..Self::new(move |_, _| bytes.clone()) }
    }
}

/// Reads from a cluster into a store.
pub(crate) fn collector(cluster: Arc<dyn Cluster>, store: Store) -> Collector {
    Collector {
        cluster,
        store,
        limits: Limits { file_bytes: 1 << 20, container_bytes: 4 << 20, files: 100 },
        flush: None,
        resume: true,
        gzip: false,
        allowance: Arc::new(Allowance::new(RunLimits { bytes: 1 << 30, files: 10_000 })),
        debug_image: None,
        retries: 0,
        timeout: Duration::from_mins(1),
        memory: Arc::new(Semaphore::new(2048)),
        shared: None,
        cancel: CancellationToken::new(),
        bytes: Arc::default(),
    }
}

/// What became of a container that sent these bytes, with the files that are in the store then.
pub(crate) fn capture(sends: Vec<u8>, endless: bool) -> (Result<(), Failure>, Vec<String>) {
    let root = tempfile::tempdir().unwrap();
    let outside = root.path().join("outside");
    std::fs::write(&outside, b"untouched").unwrap();
    let store = Store::open(&root.path().join("store")).unwrap();
    let liar = Arc::new(Liar::sending(sends, endless));
    let collector = collector(Arc::clone(&liar) as Arc<dyn Cluster>, store);
    let name = ContainerName::new("shop", "web-0", "app").unwrap();
    let mut captured = Captured::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let result = runtime.block_on(collector.capture(&name, "/cov", &mut captured));
    assert_eq!(std::fs::read(&outside).unwrap(), b"untouched");
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 2, "something was written beside the store");
    assert_eq!(liar.execs.load(SeqCst), 1);
    let mut files = Vec::new();
    list(&root.path().join("store"), &mut files);
    if let Err(failure) = &result {
        assert!(!failure.message.contains(char::is_control), "{failure:?}");
        assert!(failure.message.chars().count() < 2_200);
    }
    (result, files)
}

fn list(directory: &Path, files: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        assert!(!path.is_symlink());
        if path.is_dir() { list(&path, files) } else { files.push(base_name(&path)) }
    }
}

fn announced(names: &[&str]) -> Vec<u8> {
    let files: Vec<String> = names.iter().map(|name| format!("file {name}\n")).collect();
    format!("covfetch 1\n{}odd 0\narchive\n", files.concat()).into_bytes()
}

pub(crate) fn append(
    builder: &mut Builder<Vec<u8>>,
    path: &[u8],
    kind: EntryType,
    link: &str,
    content: &[u8],
) {
    let mut header = Header::new_gnu();
    header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path);
    header.as_gnu_mut().unwrap().linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o777);
    header.set_cksum();
    builder.append(&header, content).unwrap();
}

/// The recorded files as an archive, behind `first`.
pub(crate) fn honest(first: impl FnOnce(&mut Builder<Vec<u8>>)) -> Vec<u8> {
    let files = recorded(0);
    let paths = [files.meta.clone(), files.counters[0].clone()];
    let names: Vec<String> = paths.iter().map(|path| base_name(path)).collect();
    let mut builder = Builder::new(announced(&[&names[0], &names[1]]));
    first(&mut builder);
    for (path, name) in paths.iter().zip(&names) {
        let bytes = std::fs::read(path).unwrap();
        append(&mut builder, format!("./{name}").as_bytes(), EntryType::Regular, "", &bytes);
    }
    builder.into_inner().unwrap()
}

#[test]
fn an_honest_container_is_believed() {
    let (result, files) = capture(honest(|_| ()), false);
    result.unwrap();
    assert_eq!(files.len(), 2);
}

#[test]
fn entries_that_no_directory_of_coverage_files_has_are_refused() {
    let meta = base_name(&recorded(0).meta);
    let cases: Vec<(Vec<u8>, EntryType, &str)> = vec![
        (b"../../../outside".to_vec(), EntryType::Regular, ""),
        (format!("../{meta}").into_bytes(), EntryType::Regular, ""),
        (b"/etc/cron.d/evil".to_vec(), EntryType::Regular, ""),
        (meta.clone().into_bytes(), EntryType::Symlink, "../../../../outside"),
        (b"link".to_vec(), EntryType::Symlink, "/"),
        (meta.clone().into_bytes(), EntryType::Link, "/etc/passwd"),
        (b"dir/".to_vec(), EntryType::Directory, ""),
        (b"null".to_vec(), EntryType::Char, ""),
        (meta.clone().into_bytes(), EntryType::GNUSparse, ""),
        (b"././@LongLink".to_vec(), EntryType::GNULongName, ""),
        (format!("{meta}\x1b]0;owned\x07").into_bytes(), EntryType::Regular, ""),
        (b"CON".to_vec(), EntryType::Regular, ""),
        (format!("{meta}:stream").into_bytes(), EntryType::Regular, ""),
        (format!("..\\{meta}").into_bytes(), EntryType::Regular, ""),
    ];
    for (path, kind, link) in cases {
        let (result, files) = capture(honest(|builder| append(builder, &path, kind, link, b"x")), false);
        let failure = result.unwrap_err();
        assert_eq!(failure.kind, Kind::Rejected, "{failure}");
        assert!(files.is_empty(), "{files:?}");
    }
}

#[test]
fn the_same_name_twice_is_refused_and_the_first_one_kept() {
    let meta = recorded(0).meta;
    let bytes = std::fs::read(&meta).unwrap();
    let name = base_name(&meta);
    let sends = honest(|builder| append(builder, name.as_bytes(), EntryType::Regular, "", &bytes));
    let (result, files) = capture(sends, false);
    assert_eq!(result.unwrap_err().kind, Kind::Rejected);
    assert_eq!(files, [name]);
}

#[test]
fn streams_without_end_are_cut_off() {
    for (sends, kind) in [
        (Vec::new(), Kind::Rejected),
        (announced(&[]), Kind::Limit),
        (honest(|_| ()), Kind::Limit),
        (b"covfetch 1\nodd 0\nend\n".to_vec(), Kind::Rejected),
    ] {
        assert_eq!(capture(sends, true).0.unwrap_err().kind, kind);
    }
    // A file of which only the header is true.
    let mut header = Header::new_gnu();
    let name = base_name(&recorded(0).meta);
    header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(1 << 40);
    header.set_cksum();
    let mut sends = announced(&[&name]);
    sends.extend(header.as_bytes());
    assert_eq!(capture(sends, true).0.unwrap_err().kind, Kind::Limit);
}

/// Who keeps files back must say how many, or one that is lost would not be missed.
#[test]
fn files_that_are_kept_back_are_counted() {
    let files = recorded(0);
    let (meta, counters) = (base_name(&files.meta), base_name(&files.counters[0]));
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let name = ContainerName::new("shop", "web-0", "app").unwrap();
    let keep = |path: &Path, base: &str| {
        let bytes = std::fs::read(path).unwrap();
        store.put(&name, &CoverageName::parse(base.as_bytes()).unwrap(), &bytes).unwrap();
        format!("kept {} {base}\n", hex_digest(&bytes))
    };
    let kept = keep(&files.meta, &meta) + &keep(&files.counters[0], &counters);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for (count, whole) in [("old 2\n", true), ("old 1\n", false), ("old 3\n", false), ("", false)] {
        let sends = format!("covfetch 1\n{kept}{count}odd 0\nend\n").into_bytes();
        let liar = Arc::new(Liar::new(move |_, _| sends.clone()));
        let collector = collector(liar, store.clone());
        let mut captured = Captured::default();
        let result = runtime.block_on(collector.capture(&name, "/cov", &mut captured));
        assert_eq!(
            result.as_ref().err().map(|failure| failure.kind),
            (!whole).then_some(Kind::Truncated),
            "{count}"
        );
        assert_eq!(captured.files.len(), if whole { 2 } else { 0 }, "{count}");
    }
}

/// A million empty files cost no more than the limit allows.
#[test]
fn files_without_number_are_cut_off() {
    let mut builder = Builder::new(announced(&[]));
    for index in 0..200 {
        let name = format!("covcounters.0123456789abcdef0123456789abcdef.1.{index}");
        append(&mut builder, name.as_bytes(), EntryType::Regular, "", b"");
    }
    let (result, files) = capture(builder.into_inner().unwrap(), false);
    assert_eq!(result.unwrap_err().kind, Kind::Limit);
    assert!(files.is_empty());
}

#[test]
fn text_that_the_script_does_not_write_is_refused() {
    for text in [
        &b"Last login: today\n"[..],
        b"covfetch 2\n",
        b"covfetch 1\nfile covmeta.../../x\n",
        b"covfetch 1\nrun rm\n",
        // Nobody asked for a digest instead of the file.
        b"covfetch 1\nkept 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef covmeta.0123456789abcdef0123456789abcdef\nodd 0\nend\n",
        b"covfetch 1\n\xff\xfe\n",
        b"covfetch 1\nstop \x1b[2J\n",
    ] {
        let (result, files) = capture(text.to_vec(), false);
        assert_eq!(result.unwrap_err().kind, Kind::Rejected, "{text:?}");
        assert!(files.is_empty());
    }
    let long = [b"covfetch 1\n".to_vec(), vec![b'a'; 1 << 20]].concat();
    assert_eq!(capture(long, false).0.unwrap_err().kind, Kind::Rejected);
}

/// A success that covers less than was announced is a cut, wherever it was made.
#[test]
fn a_stream_cut_at_any_byte_is_no_success() {
    let whole = honest(|_| ());
    let mut cuts: Vec<usize> = (0..whole.len()).step_by(97).collect();
    cuts.extend([whole.len() - 1, whole.len() - 512, whole.len() - 513, whole.len() - 1024]);
    for end in cuts {
        let (result, _) = capture(whole[..end].to_vec(), false);
        let failure = result.expect_err(&format!("cut at byte {end} of {}", whole.len()));
        assert_eq!(failure.kind, Kind::Truncated, "cut at byte {end}: {failure}");
    }
}

/// Between two attempts a directory may be emptied, or the pod be replaced by one of its name: what the first attempt saw is
/// missing then, whole as the second may be.
#[test]
fn what_one_attempt_saw_and_the_next_does_not_is_missing() {
    let whole = honest(|_| ());
    let lost = format!("{}1", base_name(&recorded(0).counters[0]));
    let more =
        [format!("covfetch 1\nfile {lost}\n").into_bytes(), whole["covfetch 1\n".len()..].to_vec()].concat();
    let tries = AtomicUsize::new(0);
    let liar = Liar::new(move |_, _| match tries.fetch_add(1, SeqCst) {
        0 => more[..more.len() - 2_000].to_vec(),
        _ => whole.clone(),
    });
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(&root.path().join("store")).unwrap();
    let collector = Collector { retries: 1, ..collector(Arc::new(liar), store) };
    let name = ContainerName::new("shop", "web-0", "app").unwrap();
    let mut captured = Captured::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let failure = runtime.block_on(collector.capture(&name, "/cov", &mut captured)).unwrap_err();
    assert_eq!((failure.kind, captured.attempts), (Kind::Truncated, 2), "{failure}");
    assert!(failure.message.contains(&format!("1 files, such as {lost}, were in /cov")), "{failure}");
    assert_eq!(captured.files.len(), 2);
}

/// The recorded files as a shell without tar sends them.
pub(crate) fn honest_without_tar() -> Vec<u8> {
    let files = recorded(0);
    let paths = [files.meta.clone(), files.counters[0].clone()];
    let mut sends = announced(&[&base_name(&paths[0]), &base_name(&paths[1])]);
    sends.truncate(sends.len() - "archive\n".len());
    sends.extend(b"plain\n");
    for path in &paths {
        let size = std::fs::metadata(path).unwrap().len();
        sends.extend(format!("{size} ./{}\n", base_name(path)).as_bytes());
    }
    sends.extend(b"data\n");
    for path in &paths {
        sends.extend(std::fs::read(path).unwrap());
    }
    sends.extend(b"end\n");
    sends
}

#[test]
fn a_container_without_tar_is_believed_no_more_than_one_with_it() {
    let whole = honest_without_tar();
    let (result, files) = capture(whole.clone(), false);
    result.unwrap();
    assert_eq!(files.len(), 2);
    for end in (0..whole.len()).step_by(61).chain([whole.len() - 1, whole.len() - 4, whole.len() - 5]) {
        let failure = capture(whole[..end].to_vec(), false).0.expect_err(&format!("cut at byte {end}"));
        assert_eq!(failure.kind, Kind::Truncated, "cut at byte {end}: {failure}");
    }
    assert_eq!(capture(whole, true).0.unwrap_err().kind, Kind::Rejected);
    // A file without end, and lines without end.
    let meta = base_name(&recorded(0).meta);
    for (lines, kind) in [
        (format!("{} ./{meta}\ndata\n", 1_u64 << 40), Kind::Limit),
        (format!("4 ./{meta}/../../outside\ndata\nxxxx"), Kind::Rejected),
        (format!("1 ./{meta}\n").repeat(1000), Kind::Limit),
    ] {
        let sends = [b"covfetch 1\nodd 0\nplain\n".to_vec(), lines.into_bytes()].concat();
        let (result, files) = capture(sends, true);
        assert_eq!(result.unwrap_err().kind, kind);
        assert!(files.is_empty());
    }
}

#[test]
fn announced_files_that_do_not_come_are_missed() {
    let files = recorded(0);
    let (meta, counters) = (base_name(&files.meta), base_name(&files.counters[0]));
    let mut builder = Builder::new(announced(&[&meta, &counters, &format!("{counters}1")]));
    for path in [&files.meta, &files.counters[0]] {
        let mut bytes = Vec::new();
        std::fs::File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
        append(&mut builder, base_name(path).as_bytes(), EntryType::Regular, "", &bytes);
    }
    let failure = capture(builder.into_inner().unwrap(), false).0.unwrap_err();
    assert_eq!(failure.kind, Kind::Truncated);
    assert!(failure.message.contains("though announced"), "{failure}");
}
