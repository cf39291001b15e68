//! Pods that play back recorded coverage.

use std::path::{Path, PathBuf};

use testcluster::{Cluster, ClusterBuilder, Container, Pod, Replay};

pub(crate) use crate::site::{Ran, Site};

/// Programs of an ordinary image.
pub(crate) const USUAL: [&str; 8] = ["sh", "tar", "kill", "ls", "cat", "sleep", "date", "dd"];

/// The recorded HTTP service, four pods flushed by SIGUSR1.
pub(crate) fn recorded(pod: usize) -> Recorded {
    Recorded::open(&testdata().join(format!("recorded/1.27.3/server-atomic/data/pod-{pod}")))
}

pub(crate) fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata")
}

/// The coverage files of one directory.
pub(crate) struct Recorded {
    pub(crate) meta: PathBuf,
    pub(crate) counters: Vec<PathBuf>,
}

impl Recorded {
    pub(crate) fn open(directory: &Path) -> Self {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let is_meta = |path: &PathBuf| base_name(path).starts_with("covmeta.");
        let meta = files.iter().find(|path| is_meta(path)).unwrap().clone();
        Self { meta, counters: files.into_iter().filter(|path| !is_meta(path)).collect() }
    }

    /// Writes one counter file when it is told to, and has written nothing before.
    pub(crate) fn replay(&self) -> Replay {
        Replay::new().meta(&self.meta).counters(self.counters.last().unwrap())
    }

    /// Copies everything, as if the program had exited.
    pub(crate) fn copy_to(&self, directory: &Path) {
        for file in self.counters.iter().chain([&self.meta]) {
            std::fs::copy(file, directory.join(base_name(file))).unwrap();
        }
    }
}

pub(crate) fn base_name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

impl Site {
    /// A home on a file system in memory, where there is one: for tests that would wait for the disk only.
    pub(crate) fn in_memory() -> Self {
        let home = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self { home: home.unwrap() }
    }

    /// A directory for a container's files.
    pub(crate) fn volume(&self, name: &str) -> PathBuf {
        let path = self.home.path().join("volumes").join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// A container `app` with the usual programs and GOCOVERDIR on a volume of its own.
    pub(crate) fn app(&self, pod: &str) -> Container {
        let volume = self.volume(pod);
        Container::new("app").dir(&volume).env("GOCOVERDIR", &volume).programs(USUAL)
    }

    /// A pod `shop/NAME` with label `app=library` whose container flushes on SIGUSR1.
    pub(crate) fn pod(&self, name: &str, recorded: &Recorded) -> Pod {
        pod(name, self.app(name).main(recorded.replay()))
    }

    /// Runs the program in namespace `shop` with these arguments only.
    pub(crate) fn fetch_only(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.covfetch().args(["-n", "shop"]).args(arguments).output().unwrap())
    }

    /// The pods of the newest run, in order, each with its state, as `web-0:fetched`.
    pub(crate) fn states(&self) -> String {
        let run = self.run();
        let state = |record: &serde_json::Value| {
            format!("{}:{}", record["pod"].as_str().unwrap(), record["state"].as_str().unwrap())
        };
        run["containers"].as_array().unwrap().iter().map(state).collect::<Vec<_>>().join(" ")
    }

    /// Runs the program on the pods with label `app=library`, in namespace `shop`.
    pub(crate) fn fetch(&self, arguments: &[&str]) -> Ran {
        let mut command = self.covfetch();
        command.args(["-n", "shop", "-l", "app=library"]).args(arguments);
        Ran::of(&command.output().unwrap())
    }

    /// Runs the program to its success and gives the most memory that it had, bytes; 0 where the system does not tell.
    pub(crate) fn peak_memory(&self, arguments: &[&str]) -> u64 {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("covfetch"));
        command.args(["--to", "store", "-q"]).args(arguments).current_dir(self.home.path());
        command.env("KUBECONFIG", self.kubeconfig()).env("HOME", self.home.path());
        let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        loop {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
            peak = peak.max(kib.unwrap_or_default() * 1024);
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                return peak;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// Writes the kubeconfig.
    pub(crate) fn admit(&self, cluster: &Cluster) {
        cluster.kubeconfig(self.kubeconfig()).unwrap();
    }
}

pub(crate) fn pod(name: &str, container: Container) -> Pod {
    Pod::new("shop", name).label("app", "library").container(container)
}

/// A cluster with one context, in namespace `shop`.
pub(crate) fn cluster() -> ClusterBuilder {
    Cluster::builder().context("test", Some("shop"))
}
