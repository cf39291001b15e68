//! Images and API servers that attack: the real program reads a pod whose shell sends whatever the attacker likes. Each
//! attack fails the pod with a reason, changes nothing outside the store, leaves nothing in it that no Go program wrote, and
//! gets no raw control byte to the terminal. docs/RELIABILITY.md has a line for each test.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::json;
use tar::{Builder, EntryType, Header};
use testcluster::{Container, Fault, Pod, Times};

use crate::common::{Ran, Site, base_name, cluster, pod, recorded};

/// The hash of no program.
const HASH: &str = "0123456789abcdef0123456789abcdef";

/// What a container's shell sends to standard output, and what goes on behind it.
struct Sent {
    bytes: Vec<u8>,
    behind: &'static str,
}

impl Sent {
    fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), behind: "" }
    }

    /// Then a shell script, which may not end.
    fn then(self, behind: &'static str) -> Self {
        Self { behind, ..self }
    }
}

/// Every file below a directory but for the store: what it is, its content and when it was changed.
fn surroundings(site: &Site) -> BTreeMap<PathBuf, (u32, Vec<u8>, i64, i64)> {
    let mut found = BTreeMap::new();
    let mut open = vec![site.home.path().to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).unwrap().map(Result::unwrap) {
            let (path, metadata) = (entry.path(), entry.metadata().unwrap());
            if path == site.store() {
                continue;
            }
            let content = if metadata.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
            found.insert(path.clone(), (metadata.mode(), content, metadata.mtime(), metadata.mtime_nsec()));
            if metadata.is_dir() {
                open.push(path);
            }
        }
    }
    found
}

/// Fetches a pod that attacks; gives the kind of its failure, the program's output and the coverage files in the store.
fn attacked(sent: &Sent, arguments: &[&str]) -> (String, Ran, Vec<String>) {
    let site = Site::new();
    std::fs::write(site.home.path().join("victim"), b"untouched").unwrap();
    let answer = site.home.path().join("answer");
    std::fs::write(&answer, &sent.bytes).unwrap();
    let volume = site.volume("web-0");
    let shell = format!("cat '{}'\n{}", answer.display(), sent.behind);
    let container = Container::new("app").dir(&volume).env("GOCOVERDIR", &volume).script("sh", shell);
    let cluster = cluster().pod(pod("web-0", container)).start().unwrap();
    site.admit(&cluster);
    let before = surroundings(&site);
    let form: &[&str] = if arguments.contains(&"-o") { &[] } else { &["-o", "wide"] };
    let ran = site.fetch(&[&["--retries", "0"], form, arguments].concat());
    assert!(surroundings(&site) == before, "something outside the store was changed");
    site.check();
    let record = site.record("web-0");
    let kind = record["failure"]["kind"].as_str().unwrap_or("none").to_owned();
    let mut files: Vec<String> = site.stored().into_iter().filter(|path| path != "manifest.json").collect();
    for path in &mut files {
        let name = path.strip_prefix("shop/web-0/app/").unwrap_or_else(|| panic!("{path}"));
        assert!(!site.store().join(&*path).is_symlink());
        *path = name.to_owned();
    }
    (kind, ran, files)
}

/// Checks that an attack is refused, and that nothing of it is stored.
#[track_caller]
fn refused(sent: &Sent, arguments: &[&str], kind: &str, words: &str) -> Ran {
    let (found, ran, files) = attacked(sent, arguments);
    assert_eq!((found.as_str(), ran.code), (kind, 3), "{ran:#?}");
    assert!(files.is_empty(), "{files:?}");
    ran.says(words)
}

/// The text of a script that announces files, up to the archive.
fn announced(names: &[&str]) -> Vec<u8> {
    let files: Vec<String> = names.iter().map(|name| format!("file {name}\n")).collect();
    format!("covfetch 1\n{}odd 0\narchive\n", files.concat()).into_bytes()
}

struct Entry<'a> {
    path: &'a [u8],
    kind: EntryType,
    link: &'a str,
    content: &'a [u8],
}

impl<'a> Entry<'a> {
    fn new(path: &'a (impl AsRef<[u8]> + ?Sized), kind: EntryType) -> Self {
        Self { path: path.as_ref(), kind, link: "", content: b"" }
    }

    fn append(&self, archive: &mut Builder<Vec<u8>>) {
        let mut header = Header::new_gnu();
        let fields = header.as_gnu_mut().unwrap();
        fields.name[..self.path.len()].copy_from_slice(self.path);
        fields.linkname[..self.link.len()].copy_from_slice(self.link.as_bytes());
        header.set_entry_type(self.kind);
        header.set_size(self.content.len() as u64);
        header.set_mode(0o777);
        header.set_cksum();
        archive.append(&header, self.content).unwrap();
    }
}

/// An archive of these entries and then of the recorded files, announced as the script does.
fn archive(entries: &[Entry<'_>]) -> Sent {
    let (meta, counters) = (recorded(0).meta, recorded(0).counters.pop().unwrap());
    let mut archive = Builder::new(announced(&[&base_name(&meta), &base_name(&counters)]));
    for entry in entries {
        entry.append(&mut archive);
    }
    for path in [meta, counters] {
        let (name, content) = (base_name(&path), std::fs::read(path).unwrap());
        Entry { content: &content, ..Entry::new(&name, EntryType::Regular) }.append(&mut archive);
    }
    Sent::new(archive.into_inner().unwrap())
}

fn meta() -> String {
    base_name(&recorded(0).meta)
}

#[test]
fn an_honest_pod_is_fetched_in_the_same_way() {
    let (kind, ran, files) = attacked(&archive(&[]), &[]);
    assert_eq!((kind.as_str(), ran.code, files.len()), ("none", 0, 2), "{ran:#?}");
}

#[test]
fn an_entry_that_climbs_out_of_its_directory_is_refused() {
    for path in
        ["../../../../victim", "./../victim", "x/../../victim", "..", &format!("../{}", meta()), "..\\victim"]
    {
        let entry = Entry { content: b"owned", ..Entry::new(path, EntryType::Regular) };
        refused(&archive(&[entry]), &[], "rejected", "no Go program");
    }
}

#[test]
fn an_absolute_entry_is_refused() {
    for path in ["/tmp/covfetch-victim", "//tmp/covfetch-victim", &format!("/{}", meta())] {
        let entry = Entry { content: b"owned", ..Entry::new(path, EntryType::Regular) };
        refused(&archive(&[entry]), &[], "rejected", "no Go program");
    }
    assert!(!Path::new("/tmp/covfetch-victim").exists());
}

/// Also as the first half of the old trick: a link, and then a file through it.
#[test]
fn a_symbolic_link_is_refused() {
    let name = meta();
    let through = format!("{name}/passwd");
    for (link, behind) in [("../../../../victim", name.as_str()), ("/etc", through.as_str())] {
        let entries = [
            Entry { link, ..Entry::new(&name, EntryType::Symlink) },
            Entry { content: b"owned", ..Entry::new(behind, EntryType::Regular) },
        ];
        refused(&archive(&entries), &[], "rejected", "a symbolic link");
    }
}

#[test]
fn a_hard_link_is_refused() {
    for link in ["../../../../victim", "/etc/passwd"] {
        let name = meta();
        refused(
            &archive(&[Entry { link, ..Entry::new(&name, EntryType::Link) }]),
            &[],
            "rejected",
            "a hard link",
        );
    }
}

#[test]
fn devices_pipes_and_directories_are_refused() {
    for (kind, words) in [
        (EntryType::Char, "a device"),
        (EntryType::Block, "a device"),
        (EntryType::Fifo, "a named pipe"),
        (EntryType::Directory, "a directory"),
        (EntryType::Continuous, "an unknown kind"),
    ] {
        refused(&archive(&[Entry::new(&meta(), kind)]), &[], "rejected", words);
    }
}

/// A record of an extended header, with its length in front.
fn record(text: &str) -> String {
    let mut length = text.len() + 3;
    while format!("{length} {text}\n").len() != length {
        length += 1;
    }
    format!("{length} {text}\n")
}

#[test]
fn a_sparse_file_is_refused() {
    refused(&archive(&[Entry::new(&meta(), EntryType::GNUSparse)]), &[], "rejected", "a sparse file");
    for text in ["GNU.sparse.major=1", "GNU.sparse.name=../victim", "GNU.sparse.realsize=99999999999"] {
        let content = record(text);
        let header = Entry { content: content.as_bytes(), ..Entry::new("x", EntryType::XHeader) };
        refused(&archive(&[header]), &[], "rejected", "extended header");
    }
}

#[test]
fn headers_that_rename_lengthen_or_redirect_a_file_are_refused() {
    for text in ["path=../../../../victim", "size=99999999999", "linkpath=/etc/passwd", "hdrcharset=BINARY"] {
        let content = record(text);
        let header = Entry { content: content.as_bytes(), ..Entry::new("x", EntryType::XHeader) };
        refused(&archive(&[header]), &[], "rejected", "extended header");
    }
    for (kind, words) in [
        (EntryType::XGlobalHeader, "a global extended header"),
        (EntryType::GNULongName, "a long name"),
        (EntryType::GNULongLink, "a long name"),
    ] {
        let header = Entry { content: b"../../../../victim\0", ..Entry::new("././@LongLink", kind) };
        refused(&archive(&[header]), &[], "rejected", words);
    }
}

/// The first one is whole and may stay; nothing overwrites it.
#[test]
fn a_name_that_comes_twice_is_refused() {
    let content = std::fs::read(recorded(0).meta).unwrap();
    let name = meta();
    let entry = Entry { content: &content, ..Entry::new(&name, EntryType::Regular) };
    let (kind, ran, files) = attacked(&archive(&[entry]), &[]);
    assert_eq!((kind.as_str(), ran.code), ("rejected", 3), "{ran:#?}");
    ran.says("a file that came before");
    assert!(files.iter().all(|file| *file == name), "{files:?}");
}

#[test]
fn a_huge_file_is_refused_before_it_has_come() {
    let mut header = Header::new_gnu();
    let name = format!("covcounters.{HASH}.1.5");
    header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(1 << 40);
    header.set_cksum();
    let sends = [announced(&[&name]), header.as_bytes().to_vec()].concat();
    refused(&Sent::new(sends).then("exec cat /dev/zero"), &[], "limit", "--max-file-size");
    // Many that are each allowed are not allowed together.
    let content = vec![0; 700 << 10];
    let names = [1, 2].map(|time| format!("covcounters.{HASH}.1.{time}"));
    let entries =
        names.each_ref().map(|name| Entry { content: &content, ..Entry::new(name, EntryType::Regular) });
    refused(&archive(&entries), &["--max-container-size", "1MiB"], "limit", "--max-container-size");
}

#[test]
fn a_stream_without_end_is_cut_off() {
    for (sends, behind, kind) in [
        (Vec::new(), "exec cat /dev/zero", "rejected"),
        (b"covfetch 1\n".to_vec(), "while :; do echo 'ignored tmp.x'; done", "limit"),
        (b"covfetch 1\nodd 0\nend\n".to_vec(), "exec cat /dev/zero", "rejected"),
        (announced(&[]), "exec cat /dev/zero", "limit"),
        (archive(&[]).bytes, "exec cat /dev/zero", "limit"),
    ] {
        let (found, ran, _) = attacked(&Sent { bytes: sends, behind }, &["--timeout", "60s"]);
        assert_eq!((found.as_str(), ran.code), (kind, 3), "{behind}: {ran:#?}");
    }
}

/// Nothing more comes, or only to standard error: the time is up at some point.
#[test]
fn a_stream_that_does_not_end_is_left_when_the_time_is_up() {
    for behind in
        ["exec sleep 1000", "while :; do echo error; done >&2", "exec 1>&-; while :; do echo error; done >&2"]
    {
        let sent = Sent::new(archive(&[]).bytes).then(behind);
        let (kind, ran, files) = attacked(&sent, &["--timeout", "3s"]);
        assert_eq!((kind.as_str(), ran.code, files.len()), ("truncated", 3, 2), "{behind}: {ran:#?}");
        ran.says("not done within 3 s (--timeout)");
    }
}

#[test]
fn tiny_files_without_number_are_cut_off_at_the_limit() {
    let mut archive = Builder::new(announced(&[]));
    for index in 0..3_000 {
        let name = format!("covcounters.{HASH}.1.{index}");
        Entry::new(&name, EntryType::Regular).append(&mut archive);
    }
    let tail = "i=3000; while :; do echo; done";
    let sent = Sent::new(archive.into_inner().unwrap()).then(tail);
    refused(&sent, &["--max-files", "2000"], "limit", "--max-files");
    // A million names, before any file; then entries that are no files.
    let lines =
        "i=0; while :; do i=$((i+1)); echo \"file covcounters.0123456789abcdef0123456789abcdef.1.$i\"; done";
    refused(&Sent::new("covfetch 1\n").then(lines), &["--max-files", "2000"], "limit", "--max-files");
    let mut archive = Builder::new(announced(&[]));
    let content = record("mtime=1");
    for _ in 0..5_000 {
        Entry { content: content.as_bytes(), ..Entry::new("x", EntryType::XHeader) }.append(&mut archive);
    }
    refused(&Sent::new(archive.into_inner().unwrap()), &["--max-files", "2000"], "limit", "too many entries");
}

/// That no raw control byte comes out is checked in every test; here they come in at every place.
#[test]
fn names_and_texts_with_control_characters_are_escaped() {
    let screen = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}\r";
    for name in
        [format!("{}{screen}", meta()), "covmeta.\n".to_owned(), "\u{9b}31m".to_owned(), "\u{7f}".to_owned()]
    {
        let ran =
            refused(&archive(&[Entry::new(&name, EntryType::Regular)]), &[], "rejected", "no Go program");
        assert!(!ran.stderr.contains(['\u{202e}', '\u{9b}']), "{ran:#?}");
    }
    for line in ["", "covfetch 1\nstop ", "covfetch 1\nfile ", "covfetch 1\nflush ", "covfetch 1\n"] {
        refused(&Sent::new(format!("{line}{screen}\n")), &[], "rejected", "unexpected");
    }
    // What is not refused is shown: names of temporary files, what a failing shell says.
    let text = format!("covfetch 1\nignored tmp.cov{screen}\nodd 0\nend\n");
    refused(&Sent::new(text), &["-o", "json"], "empty", "no coverage file");
    let failing = "printf '\\033[2J\\033]0;owned\\007' >&2; exit 3";
    refused(&Sent::new("covfetch 1\n").then(failing), &["-o", "json"], "command", "exit code 3");
}

#[test]
fn a_file_named_after_another_build_is_refused() {
    let paths = [recorded(0).meta, recorded(0).counters.pop().unwrap()];
    for path in paths {
        let hash = meta().replace("covmeta.", "");
        let (name, content) = (base_name(&path).replace(&hash, HASH), std::fs::read(&path).unwrap());
        let entry = Entry { content: &content, ..Entry::new(&name, EntryType::Regular) };
        let (kind, ran, files) = attacked(&archive(&[entry]), &[]);
        assert_eq!((kind.as_str(), ran.code), ("invalid-file", 3), "{ran:#?}");
        ran.says("another one than in its name");
        assert!(!files.contains(&name), "{files:?}");
    }
}

/// Names that a shell, or tar as an option, could take for something else lie beside the real files.
#[test]
fn file_names_meant_for_a_shell_are_left_alone() {
    let images = [&["sh", "tar", "kill"][..], &["sh", "cat", "wc"], &["tar", "ls"], &["ls", "cat", "wc"]];
    for programs in images {
        let site = Site::new();
        let volume = site.volume("web-0");
        recorded(0).copy_to(&volume);
        for name in [
            "covmeta.$(touch ran)",
            "covmeta.`touch ran`",
            "covmeta.;touch ran;",
            "covmeta.'\"",
            "covmeta.a\ntouch ran\n",
            "covcounters.*.1.1",
            "covcounters.$(touch ran).1.1",
            "-rf",
            "--checkpoint=1",
            "--checkpoint-action=exec=touch ran",
            "--to-command=touch ran",
            "-T",
        ] {
            std::fs::write(volume.join(name), b"x").unwrap();
        }
        let container = Container::new("app").dir(&volume).env("GOCOVERDIR", &volume);
        let cluster =
            cluster().pod(pod("web-0", container.programs(programs.iter().copied()))).start().unwrap();
        site.admit(&cluster);
        let before = surroundings(&site);
        site.fetch(&["-o", "wide"]).expect(0);
        assert!(surroundings(&site) == before, "{programs:?}");
        assert_eq!(site.record("web-0")["files"].as_array().unwrap().len(), 2);
        site.check();
    }
}

/// Names become directories; Kubernetes allows none of these, but who says that it is Kubernetes?
#[test]
fn names_that_an_api_server_makes_up_lead_nowhere() {
    let site = Site::new();
    let screen = "\u{1b}[2J";
    let of_metadata = |index: usize, metadata: serde_json::Value| {
        let volume = site.volume(&format!("web-{index}"));
        recorded(0).copy_to(&volume);
        let container =
            Container::new("app").dir(&volume).env("GOCOVERDIR", &volume).programs(crate::common::USUAL);
        pod(&format!("web-{index}"), container).overlay(json!({ "metadata": metadata }))
    };
    let names = ["../../../victim", "/tmp/covfetch-victim", "..", "a/b", "", &format!("web{screen}")];
    let pods = names.iter().enumerate().map(|(index, name)| of_metadata(index, json!({ "name": name })));
    let moved = of_metadata(names.len(), json!({"namespace": "../.."}));
    let cluster = cluster().pods(pods).pod(moved).start().unwrap();
    site.admit(&cluster);
    let before = surroundings(&site);
    // In all namespaces: an API server does not list foreign ones under one.
    let output = site.covfetch().args(["-A", "-l", "app=library", "-o", "wide"]).output().unwrap();
    Ran::of(&output).expect(3).says("which Kubernetes does not allow");
    assert!(surroundings(&site) == before);
    let run = site.run();
    let records = run["containers"].as_array().unwrap();
    assert_eq!(records.len(), names.len() + 1, "{run:#}");
    assert!(records.iter().all(|record| record["failure"]["kind"] == "rejected"), "{run:#}");
    assert_eq!(site.stored().len(), 1, "the manifest alone");
    assert!(!Path::new("/tmp/covfetch-victim").exists());
}

#[test]
fn texts_from_an_api_server_are_escaped() {
    let site = Site::new();
    let screen = "\u{1b}[2J\u{1b}]0;owned\u{7}\nerror: all is well\r\u{202e}";
    let dressed = |name: &str| {
        let container = site.app(name).image(format!("image{screen}"));
        pod(name, container).node(format!("node{screen}"))
    };
    let status = json!({"status": {"phase": "Pending", "containerStatuses": null, "reason": screen, "message": screen}});
    let waiting: Pod = dressed("web-1").overlay(status);
    let cluster = cluster().pod(dressed("web-0")).pod(waiting).start().unwrap();
    site.admit(&cluster);
    cluster.inject("shop", "web-0", None, Fault::refuse(500, format!("dial{screen}")), Times::Always);
    for form in ["table", "wide", "json"] {
        let ran = site.fetch(&["--retries", "0", "-o", form]).expect(3);
        // One line stays one line.
        assert!(!ran.stderr.lines().any(|line| line.starts_with("error: all is well")), "{ran:#?}");
        assert!(!ran.stdout.contains('\u{202e}') && !ran.stderr.contains('\u{202e}'), "{ran:#?}");
    }
    let list =
        testcluster::ListFault { page: 1, code: 403, message: format!("no{screen}"), retry_after: None };
    cluster.inject_list(list, Times::Always);
    site.fetch(&[]).expect(2).says("not allowed");
}
