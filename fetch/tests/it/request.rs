//! `--flush-url`: a request to the pods through the API server, to a program that answers as programs do, and worse.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use testcluster::{Cluster, OnSignal, Times};

use crate::common::{Ran, Site, base_name, cluster, pod, recorded};

/// The port that the pod's program listens on.
const PORT: u16 = 8080;

/// A program's endpoint: what it was asked, and what it answers.
struct Endpoint {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Endpoint {
    /// Answers each request's head with bytes, then closes the connection. It listens as long as the test runs.
    fn new(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heads = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let head = read_head(&mut stream);
                heads.lock().unwrap().push(head.clone());
                // The client may have enough before the end.
                let _ = stream.write_all(&answer(&head));
            }
        });
        Self { address, asked }
    }

    /// The first lines of the requests.
    fn asked(&self) -> Vec<String> {
        let heads = self.asked.lock().unwrap();
        heads.iter().map(|head| head.lines().next().unwrap_or_default().to_owned()).collect()
    }
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// An answer with a body.
fn answer(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Writes a counter file as the program would, a new one each time.
fn writer(volume: PathBuf) -> impl Fn() + Send + 'static {
    let counters = recorded(0).counters[0].clone();
    let written = AtomicUsize::new(0);
    move || {
        let number = written.fetch_add(1, Ordering::SeqCst);
        let name = base_name(&counters).rsplit_once('.').unwrap().0.to_owned();
        let stamp = 1_700_000_000_000_000_000_u64 + number as u64;
        let temporary = volume.join("tmp.writing");
        std::fs::copy(&counters, &temporary).unwrap();
        std::fs::rename(temporary, volume.join(format!("{name}.{stamp}"))).unwrap();
    }
}

/// A pod that flushes by this endpoint only, without a shell or with one.
fn start(site: &Site, endpoint: &Endpoint, programs: &[&str]) -> Cluster {
    let container = site.app("web-0").main(recorded(0).replay().on_signal(OnSignal::Ignore));
    let container = container.port(PORT, endpoint.address);
    let container = if programs.is_empty() { container } else { only(site, endpoint, programs) };
    let cluster = cluster().tls(true).token("secret").pod(pod("web-0", container)).start().unwrap();
    site.admit(&cluster);
    cluster
}

fn only(site: &Site, endpoint: &Endpoint, programs: &[&str]) -> testcluster::Container {
    let volume = site.volume("web-0");
    testcluster::Container::new("app")
        .dir(&volume)
        .env("GOCOVERDIR", &volume)
        .programs(programs.iter().copied())
        .main(recorded(0).replay())
        .port(PORT, endpoint.address)
}

fn fetch(site: &Site, arguments: &[&str]) -> Ran {
    let url = ["--flush-url", ":8080/debug/flush"];
    site.fetch(&[&url[..], arguments].concat())
}

fn stored_counters(directory: &Path) -> usize {
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("covcounters.")).count()
}

#[test]
fn a_request_flushes_with_a_shell_and_without() {
    for programs in [&[][..], &["ls", "tar"]] {
        let site = Site::new();
        let write = writer(site.volume("web-0"));
        let endpoint = Endpoint::new(move |_| {
            write();
            answer("204 No Content", "")
        });
        let cluster = start(&site, &endpoint, programs);
        fetch(&site, &[]).expect(0);
        assert_eq!(endpoint.asked(), ["POST /debug/flush HTTP/1.1"]);
        let flush = site.record("web-0")["flush"].clone();
        assert_eq!((&flush["method"], &flush["outcome"]), (&"request".into(), &"flushed".into()));
        assert_eq!(flush["by"], "POST http://localhost:8080/debug/flush");
        assert_eq!(flush["files"].as_array().unwrap().len(), 1, "{flush}");
        let forwards = cluster.requests().iter().filter(|one| one.path.ends_with("/portforward")).count();
        assert_eq!(forwards, 1);
        // Each run makes one new file, and waits for it.
        fetch(&site, &["--flush-method", "get"]).expect(0);
        assert_eq!(endpoint.asked()[1], "GET /debug/flush HTTP/1.1");
        assert_eq!(site.record("web-0")["flush"]["files"].as_array().unwrap().len(), 1);
        assert_eq!(stored_counters(&site.store().join("shop/web-0/app")), 2);
        site.check();
    }
}

#[test]
fn an_answer_that_is_no_success_is_told_and_what_is_there_is_copied() {
    let long = format!("\u{1b}[2Jcannot write\r\n{}", "x".repeat(1 << 20));
    for (status, extra, body, words) in [
        ("302 Found", "Location: http://169.254.169.254/latest\r\n", "", "redirects are not followed"),
        ("307 Temporary Redirect", "Location: /elsewhere\r\n", "", "to /elsewhere"),
        ("500 Internal Server Error", "", long.as_str(), "\\u{1b}[2Jcannot write"),
        ("405 Method Not Allowed", "", "", "try --flush-method GET"),
        ("404 Not Found", "", "404 page not found", "is it the path of --flush-url?"),
    ] {
        let site = Site::new();
        recorded(0).copy_to(&site.volume("web-0"));
        let reply = format!("HTTP/1.1 {status}\r\n{extra}Content-Length: {}\r\n\r\n{body}", body.len());
        let endpoint = Endpoint::new(move |_| reply.clone().into_bytes());
        let _cluster = start(&site, &endpoint, &[]);
        let ran = fetch(&site, &[]).expect(3).says(words);
        assert!(ran.stderr.len() < 4000, "{} bytes", ran.stderr.len());
        // Asked once, and nobody else was.
        assert_eq!(endpoint.asked().len(), 1, "{ran:#?}");
        let record = site.record("web-0");
        assert_eq!(record["failure"]["kind"], "flush-failed");
        assert_eq!(record["flush"]["outcome"], "failed");
        assert_eq!(record["files"].as_array().unwrap().len(), 2, "{record:#}");
        site.check();
    }
}

#[test]
fn a_success_without_a_new_file_is_no_flush() {
    let site = Site::new();
    let endpoint = Endpoint::new(|_| answer("200 OK", "done"));
    let _cluster = start(&site, &endpoint, &[]);
    fetch(&site, &["--flush-timeout", "1s"]).expect(3).says("does not make the program write");
    assert_eq!(site.record("web-0")["failure"]["kind"], "meta-only");
    site.check();
}

#[test]
fn an_answer_that_never_comes_is_waited_for_no_longer_than_asked() {
    let site = Site::new();
    let endpoint = Endpoint::new(|_| {
        std::thread::sleep(Duration::from_mins(5));
        Vec::new()
    });
    let _cluster = start(&site, &endpoint, &[]);
    let begun = Instant::now();
    fetch(&site, &["--flush-timeout", "1s"]).expect(3).says("no answer to POST http://localhost:8080");
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
}

/// The connection broke after the request: it is not sent again, because two snapshots would count twice.
#[test]
fn a_lost_answer_is_not_asked_for_again() {
    for flushes in [true, false] {
        let site = Site::new();
        let write = writer(site.volume("web-0"));
        let endpoint = Endpoint::new(move |_| {
            if flushes {
                write();
            }
            Vec::new()
        });
        let _cluster = start(&site, &endpoint, &[]);
        let ran = fetch(&site, &["--flush-timeout", "1s"]);
        if flushes {
            ran.expect(0);
        } else {
            ran.expect(3).says("no answer came to POST");
        }
        assert_eq!(endpoint.asked().len(), 1);
        site.check();
    }
}

#[test]
fn a_port_that_nobody_listens_on_is_named() {
    let site = Site::new();
    let endpoint = Endpoint::new(|_| Vec::new());
    let _cluster = start(&site, &endpoint, &[]);
    let ran = site.fetch(&["--flush-url", "http://localhost:9/flush"]).expect(3);
    ran.says("port 9 of the pod cannot be reached").says("connection refused");
    assert_eq!(site.record("web-0")["failure"]["kind"], "flush-failed");
    assert!(endpoint.asked().is_empty());
}

#[test]
fn an_api_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not() {
    let site = Site::new();
    let write = writer(site.volume("web-0"));
    let endpoint = Endpoint::new(move |_| {
        write();
        answer("200 OK", "")
    });
    let cluster = start(&site, &endpoint, &[]);
    cluster.inject_forward("shop", "web-0", 429, "too many requests", Some(1), Times::Next(1));
    cluster.inject_forward("shop", "web-0", 500, "error dialing backend: EOF", None, Times::Next(1));
    fetch(&site, &[]).expect(0);
    assert_eq!((site.record("web-0")["attempts"].as_u64(), endpoint.asked().len()), (Some(3), 1));
    cluster.inject_forward("shop", "web-0", 403, "pods \"web-0\" is forbidden: ", None, Times::Always);
    fetch(&site, &[]).expect(3).says("get and create on pods/portforward in namespace shop");
    let record = site.record("web-0");
    assert_eq!(record["failure"]["kind"], "forbidden");
    // What is there came all the same.
    assert_eq!(record["files"].as_array().unwrap().len(), 2, "{record:#}");
    assert_eq!(endpoint.asked().len(), 1);
    site.check();
}

#[test]
fn a_build_that_cannot_flush_is_not_asked() {
    let site = Site::new();
    let endpoint = Endpoint::new(|_| answer("200 OK", ""));
    let set =
        crate::common::Recorded::open(&crate::common::testdata().join("recorded/1.27.3/cases-set/data/all"));
    let container = site.app("web-0").main(set.replay()).port(PORT, endpoint.address);
    let cluster = cluster().pod(pod("web-0", container)).start().unwrap();
    site.admit(&cluster);
    fetch(&site, &[]).expect(3).says("nothing was requested: the build counts in set mode");
    assert!(endpoint.asked().is_empty());
}
