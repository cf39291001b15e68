//! Many pods of one program on an embedded cluster behind a long line, the ways in which some of them fail, and what
//! `kubectl exec tar`, pod after pod, would have cost. Shared by a test and a benchmark.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use benches::{Corpus, Size};
use covfetch::names::ContainerName;
use covfetch::remote::kube::KubeCluster;
use covfetch::remote::{Cluster as _, Verdict, kubeconfig};
use covfmt::layout::Flavor;
use covfmt::mode::CounterMode;
use covfmt::read::CounterFile;
use covfmt::write::{CounterWriter, SegmentArgs};
use serde_json::json;
use testcluster::{Cluster, Container, Fault, Isolation, Phase, Pod, Times};

use crate::site::{Ran, Site};

/// Bytes of each pod's counter file, at most, and nearly so.
const COUNTER_BYTES: usize = 100 << 10;

/// What the image of each pod has.
const PROGRAMS: [&str; 9] = ["sh", "tar", "kill", "ls", "cat", "wc", "sha256sum", "sleep", "gzip"];

/// Pods `shop/web-000`, `shop/web-001`... of one program, each with a counter file of its own.
pub(crate) struct Fleet {
    pub(crate) site: Site,
    pub(crate) cluster: Cluster,
    program: Program,
    pods: usize,
}

/// What went over the line, and how long that took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// Bytes from the cluster: TLS and HTTP included, TCP and IP not.
    pub(crate) bytes: u64,
    pub(crate) time: Duration,
    /// What processors spent on it in this process and its children: the server, the nodes and the containers, and the
    /// client if it is this process.
    pub(crate) cluster_work: Duration,
    /// And on the client, if it is another process.
    pub(crate) client_work: Duration,
}

impl Fleet {
    /// Starts the pods. `latency` is how long a byte is under way in one direction. Files of 2 MiB meta data and 100 KiB
    /// counters lie in the pods' directories.
    pub(crate) fn start(pods: usize, latency: Duration, tls: bool) -> Self {
        let site = Site::new();
        let program = Program::new();
        std::fs::write(site.home.path().join("meta"), &program.corpus.meta).unwrap();
        let mut builder = Cluster::builder().context("fleet", Some("shop")).latency(latency);
        // Entering namespaces costs the one machine that plays all nodes more than the commands do.
        builder = builder.isolation(Isolation::Mapped).tls(tls);
        for index in 0..pods {
            let volume = volume(&site, index);
            std::fs::create_dir_all(&volume).unwrap();
            std::fs::hard_link(site.home.path().join("meta"), volume.join(program.meta_name())).unwrap();
            std::fs::write(volume.join(program.counter_name(index)), program.counters(index)).unwrap();
            builder = builder.pod(pod(index, container(&site, index)));
        }
        let cluster = builder.start().unwrap();
        cluster.kubeconfig(site.kubeconfig()).unwrap();
        Self { site, cluster, program, pods }
    }

    /// Fetches all pods into an empty store. Gives, beside the cost, the most memory that the program held, bytes.
    pub(crate) fn fetch(&self, arguments: &[&str]) -> (Ran, Cost, u64) {
        let _ = std::fs::remove_dir_all(self.site.store());
        if let Some(path) = self.occupied() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"another run's").unwrap();
        }
        self.cluster.clear_requests();
        let command = self.site.covfetch();
        let mut child = std::process::Command::new(command.get_program());
        child.args(command.get_args()).args(["-l", "app=fleet"]).args(arguments);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => child.env(name, value),
                None => child.env_remove(name),
            };
        }
        let [out, err] = ["stdout", "stderr"].map(|name| self.site.home.path().join(name));
        child.current_dir(self.site.home.path());
        child.stdout(std::fs::File::create(&out).unwrap()).stderr(std::fs::File::create(&err).unwrap());
        let (sent, begun, worked) = (self.cluster.traffic().sent, Instant::now(), work("self"));
        let mut child = child.spawn().unwrap();
        let (mut peak, mut client_work) = (0, Duration::ZERO);
        let status = loop {
            peak = memory(child.id()).unwrap_or(peak);
            client_work = work(&child.id().to_string()).unwrap_or(client_work);
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let cost = Cost {
            bytes: self.cluster.traffic().sent - sent,
            time: begun.elapsed(),
            // The client is a child as well, once it has ended.
            cluster_work: since(worked).saturating_sub(client_work),
            client_work,
        };
        let output = std::process::Output {
            status,
            stdout: std::fs::read(out).unwrap(),
            stderr: std::fs::read(err).unwrap(),
        };
        (Ran::of(&output), cost, peak)
    }

    /// What scripts do: `exec tar` in the first so many pods, one after the other, without even storing what comes.
    pub(crate) fn one_by_one(&self, pods: usize) -> Cost {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let access = kubeconfig::load(Some(&self.site.kubeconfig()), None).await.unwrap();
            let api = KubeCluster::new(&access).unwrap();
            let (sent, begun, worked) = (self.cluster.traffic().sent, Instant::now(), work("self"));
            for index in 0..pods {
                let name = ContainerName::new("shop", &name(index), "app").unwrap();
                let volume = volume(&self.site, index).display().to_string();
                let command = ["tar", "-cf", "-", "-C", &volume, "."].map(str::to_owned);
                let mut execution = api.exec(&name, &command).await.unwrap();
                let came = tokio::io::copy(&mut execution.stdout, &mut tokio::io::sink()).await.unwrap();
                assert!(came > 2 << 20, "{came} bytes");
                assert_eq!(execution.end.await.verdict, Verdict::Success);
            }
            Cost {
                bytes: self.cluster.traffic().sent - sent,
                time: begun.elapsed(),
                cluster_work: since(worked),
                client_work: Duration::ZERO,
            }
        })
    }

    /// Number of execs since the last fetch began.
    pub(crate) fn execs(&self) -> usize {
        self.cluster.requests().iter().filter(|request| request.path.ends_with("/exec")).count()
    }

    /// Makes as many pods fail as there are [`ways`] to, evenly spread, each in its own way; gives the failure's kind by
    /// the index of the pod.
    pub(crate) fn spoil(&self) -> BTreeMap<usize, &'static str> {
        let ways = ways();
        let distance = self.pods / ways.len();
        let spoil = |(way, (kind, spoil)): (usize, Way)| {
            let index = way * distance;
            spoil(self, index);
            (index, kind)
        };
        ways.into_iter().enumerate().map(spoil).collect()
    }

    /// Checks that exactly the pods of `spoiled` failed, each as it must and by its name wherever failures are named, and
    /// that everything of all others is there.
    pub(crate) fn check(&self, ran: &Ran, spoiled: &BTreeMap<usize, &'static str>) {
        let run = self.site.run();
        let records = run["containers"].as_array().unwrap();
        assert_eq!(records.len(), self.pods);
        for (index, record) in records.iter().enumerate() {
            let name = name(index);
            assert_eq!(record["pod"], name);
            let row = |line: &str| line.split_whitespace().take(4).eq(["shop", &name, "app", "failed"]);
            let message = record["failure"]["message"].as_str().unwrap_or_default();
            let line = format!("failed  shop/{name}/app: {message}");
            let named = (ran.stdout.lines().any(row), ran.stderr.lines().any(|said| said == line));
            let kind = spoiled.get(&index).copied();
            let state = if kind.is_some() { "failed" } else { "fetched" };
            assert_eq!(record["state"], state, "{record:#}");
            assert_eq!(record["failure"]["kind"].as_str(), kind, "{record:#}");
            assert_eq!(named, (kind.is_some(), kind.is_some()), "{line}\n{ran:#?}");
            if kind.is_none() {
                self.check_whole(index);
            }
        }
        if let Some(path) = self.occupied() {
            assert_eq!(std::fs::read(&path).unwrap(), b"another run's");
            std::fs::remove_file(path).unwrap();
        }
        self.site.check();
    }

    /// Checks that the store has the files of a pod, and the same bytes in them.
    fn check_whole(&self, index: usize) {
        let directory = self.site.store().join(format!("shop/{}/app", name(index)));
        let stored = |name: &str| std::fs::read(directory.join(name)).unwrap();
        assert!(stored(&self.program.meta_name()) == self.program.corpus.meta, "{}", directory.display());
        let counters = stored(&self.program.counter_name(index));
        assert!(counters == self.program.counters(index), "{}", directory.display());
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 2);
    }

    /// The file in whose place the store is to have another one: a file `occupied` says of which pod.
    fn occupied(&self) -> Option<PathBuf> {
        let index = std::fs::read_to_string(self.site.home.path().join("occupied")).ok()?.parse().unwrap();
        let directory = self.site.store().join(format!("shop/{}/app", name(index)));
        Some(directory.join(self.program.counter_name(index)))
    }

    fn fault(&self, index: usize, fault: Fault) {
        self.cluster.inject("shop", &name(index), None, fault, Times::Always);
    }

    fn replace(&self, index: usize, pod: Pod) {
        self.cluster.delete_pod("shop", &name(index)).unwrap();
        self.cluster.add_pod(pod).unwrap();
    }
}

/// The kind of failure, and what leads to it.
type Way = (&'static str, fn(&Fleet, usize));

/// Twenty ways to fail: the line, the API server, the node, the container, its files, the store.
fn ways() -> Vec<Way> {
    vec![
        ("truncated", |fleet, index| fleet.fault(index, Fault::Cut { after: 20_000, reset: false })),
        ("truncated", |fleet, index| fleet.fault(index, Fault::Cut { after: 50_000, reset: true })),
        ("truncated", |fleet, index| fleet.fault(index, Fault::TruncatedSuccess { after: 30_000 })),
        ("no-status", |fleet, index| fleet.fault(index, Fault::NoStatus)),
        ("command", |fleet, index| fleet.fault(index, Fault::ExitCode(2))),
        ("forbidden", |fleet, index| fleet.fault(index, Fault::refuse(403, "pods \"web\" is forbidden: "))),
        ("pod-state", |fleet, index| fleet.fault(index, Fault::refuse(404, "pods \"web\" not found"))),
        ("unreachable", |fleet, index| fleet.fault(index, Fault::refuse(500, "error dialing backend: EOF"))),
        ("unreachable", |fleet, index| fleet.fault(index, Fault::Overloaded { retry_after: 1 })),
        ("pod-state", |fleet, index| fleet.fault(index, Fault::Kill { after: 1 })),
        ("pod-state", |fleet, index| fleet.cluster.kill_container("shop", &name(index), "app").unwrap()),
        ("pod-state", |fleet, index| {
            let done = container(&fleet.site, index).main(testcluster::Main::Exited(0));
            fleet.replace(index, pod(index, done).phase(Phase::Succeeded));
        }),
        ("missing-dir", |fleet, index| {
            std::fs::rename(volume(&fleet.site, index), fleet.site.home.path().join("away")).unwrap();
        }),
        ("empty", |fleet, index| {
            fleet.remove(index, &fleet.program.meta_name());
            fleet.remove(index, &fleet.program.counter_name(index));
        }),
        ("meta-only", |fleet, index| fleet.remove(index, &fleet.program.counter_name(index))),
        ("missing-meta", |fleet, index| fleet.remove(index, &fleet.program.meta_name())),
        ("invalid-file", |fleet, index| {
            let counters = fleet.program.counters(index);
            let path = volume(&fleet.site, index).join(fleet.program.counter_name(index));
            std::fs::write(path, &counters[..counters.len() - 1]).unwrap();
        }),
        ("no-tar", |fleet, index| {
            let volume = volume(&fleet.site, index);
            let bare = Container::new("app")
                .dir(home(&fleet.site, index))
                .env("GOCOVERDIR", volume)
                .programs(["sh"]);
            fleet.replace(index, pod(index, bare));
        }),
        ("conflict", |fleet, index| {
            std::fs::write(fleet.site.home.path().join("occupied"), index.to_string()).unwrap();
        }),
        ("no-coverage-dir", |fleet, index| {
            let secret = json!({"env": [
                {"name": "GOCOVERDIR", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            ]});
            let bare = Container::new("app").dir(home(&fleet.site, index)).overlay(secret);
            fleet.replace(index, pod(index, bare));
        }),
    ]
}

impl Fleet {
    fn remove(&self, index: usize, file: &str) {
        std::fs::remove_file(volume(&self.site, index).join(file)).unwrap();
    }
}

fn name(index: usize) -> String {
    format!("web-{index:03}")
}

/// The working directory of a pod's container.
fn home(site: &Site, index: usize) -> PathBuf {
    site.home.path().join("volumes").join(name(index))
}

/// Its coverage directory.
fn volume(site: &Site, index: usize) -> PathBuf {
    home(site, index).join("cov")
}

fn container(site: &Site, index: usize) -> Container {
    Container::new("app").dir(home(site, index)).env("GOCOVERDIR", volume(site, index)).programs(PROGRAMS)
}

fn pod(index: usize, container: Container) -> Pod {
    Pod::new("shop", name(index)).label("app", "fleet").container(container)
}

/// The most memory that a process has held so far, bytes; `None` once it has ended.
fn memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

/// The processor time of a process and of those of its children that have been waited for; `None` once it has ended.
fn work(process: &str) -> Option<Duration> {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Behind the name, which may hold anything: user, system, and the same of children, in hundredths of a second.
    let (_, fields) = status.rsplit_once(')')?;
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(Duration::from_millis(ticks * 10))
}

fn since(worked: Option<Duration>) -> Duration {
    work("self").unwrap_or_default().saturating_sub(worked.unwrap_or_default())
}

/// One program, and what each pod of it has counted.
struct Program {
    corpus: Corpus,
    functions: Vec<(covfmt::ids::PackageIndex, covfmt::ids::FunctionIndex, Vec<u32>)>,
}

impl Program {
    fn new() -> Self {
        let size = Size { packages: 200, functions: 156, runs: 1 };
        let corpus = Corpus::generate(size, CounterMode::Atomic, 9).unwrap();
        assert!(
            (2_000_000..2_200_000).contains(&corpus.meta.len()),
            "{} bytes of meta data",
            corpus.meta.len()
        );
        let file = CounterFile::parse(&corpus.counters[0]).unwrap();
        let mut functions = Vec::new();
        for segment in file.segments() {
            let mut entries = segment.functions();
            while let Some(entry) = entries.read_next().unwrap() {
                let mut values = vec![0; entry.counters as usize];
                entries.fold_counters(|index, value| values[index] = value).unwrap();
                functions.push((entry.package, entry.function, values));
            }
        }
        let mut program = Self { corpus, functions };
        // What did not run in a pod is not in its file.
        let all = program.counters(0).len();
        assert!(all > COUNTER_BYTES, "{all} bytes of counters");
        program.functions.truncate(program.functions.len() * COUNTER_BYTES / all);
        while program.counters(0).len() > COUNTER_BYTES {
            program.functions.pop();
        }
        program
    }

    fn meta_name(&self) -> String {
        format!("covmeta.{}", self.corpus.hash)
    }

    fn counter_name(&self, pod: usize) -> String {
        format!("covcounters.{}.1.{}", self.corpus.hash, 1_700_000_000_000_000_000_u64 + pod as u64)
    }

    /// The counter file of a pod; its arguments make it unlike all others.
    fn counters(&self, pod: usize) -> Vec<u8> {
        let pod = format!("/app/{}", name(pod));
        let args = [("argc", "1"), ("argv0", &pod), ("GOARCH", "amd64"), ("GOOS", "linux")];
        let args = args.map(|(key, value)| (key.into(), value.into())).to_vec();
        let mut writer = CounterWriter::new(self.corpus.hash, Flavor::GO);
        let entries =
            self.functions.iter().map(|(package, function, values)| (*package, *function, values.as_slice()));
        writer.append_segment(&SegmentArgs::new(args), entries).unwrap();
        writer.finish()
    }
}
