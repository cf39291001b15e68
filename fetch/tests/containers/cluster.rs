//! Where the tests run: one cluster for the tests that run at the same time; the last one to end takes it down.

use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use realcluster::{Cluster, Error};

use crate::site::{Ran, Site};

static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());

fn start() -> Option<Cluster> {
    match Cluster::start() {
        Ok(cluster) => Some(cluster),
        Err(error @ Error::Unavailable(_)) => {
            let required = std::env::var("COVDATA_REQUIRE_ORACLES").as_deref() == Ok("1");
            assert!(!required, "containers are required here: {error}");
            println!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Where a test runs the program: a namespace of its own in the shared cluster.
pub(crate) struct Place {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) namespace: &'static str,
    pub(crate) site: Site,
}

impl Place {
    /// `None`, with a word about it, if this machine cannot run containers; where oracles are required that is a failure.
    pub(crate) fn new(namespace: &'static str) -> Option<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let cluster = match shared.upgrade() {
            Some(cluster) => cluster,
            None => Arc::new(start()?),
        };
        *shared = Arc::downgrade(&cluster);
        drop(shared);
        Some(Self::of(cluster, namespace))
    }

    /// In a cluster that no other test uses.
    pub(crate) fn alone(namespace: &'static str) -> Option<Self> {
        Some(Self::of(Arc::new(start()?), namespace))
    }

    fn of(cluster: Arc<Cluster>, namespace: &'static str) -> Self {
        let site = Site::new();
        cluster.kubeconfig(&site.kubeconfig()).unwrap();
        Self { cluster, namespace, site }
    }

    /// Runs the program on the pods with label `app=library`.
    pub(crate) fn fetch(&self, arguments: &[&str]) -> Ran {
        let mut command = self.site.covfetch();
        command.args(["-n", self.namespace, "-l", "app=library"]).args(arguments);
        let ran = Ran::of(&command.output().unwrap());
        self.site.check();
        ran
    }

    /// Runs the program with these arguments only.
    pub(crate) fn fetch_only(&self, arguments: &[&str]) -> Ran {
        let ran =
            Ran::of(&self.site.covfetch().args(["-n", self.namespace]).args(arguments).output().unwrap());
        self.site.check();
        ran
    }

    /// Starts the program, to do something to a pod while it runs.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Child {
        self.begin_only(&[&["-l", "app=library"], arguments].concat())
    }

    /// Starts the program with these arguments only.
    pub(crate) fn begin_only(&self, arguments: &[&str]) -> Child {
        let prepared = self.site.covfetch();
        let mut command = Command::new(prepared.get_program());
        for (name, value) in prepared.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .args(prepared.get_args())
            .args(["-n", self.namespace])
            .args(arguments)
            .current_dir(self.site.home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// How that run ended.
    pub(crate) fn end(&self, child: Child) -> Ran {
        let ran = Ran::of(&child.wait_with_output().unwrap());
        self.site.check();
        ran
    }
}

pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what} did not come about");
        std::thread::sleep(Duration::from_millis(2));
    }
}
