//! One containerd with everything that it starts, in namespaces that end with the process that holds the node.

mod config;

use std::fs::File;
use std::io::BufWriter;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep};

use crate::cri::Runtime;
use crate::error::Error;
use crate::image::Image;
use crate::machine::{busybox, check};

/// How long containerd may take to serve, and an imported image to be known.
const PATIENCE: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(10);

/// A running containerd. Dropping it ends it, kills its containers and removes every trace.
pub(crate) struct Node {
    home: PathBuf,
    janitor: Child,
}

impl Node {
    /// Starts containerd and connects to it.
    pub(crate) async fn start() -> Result<(Self, Runtime), Error> {
        check()?;
        let pause =
            Image::new("pause").busybox(&busybox()?, &["sleep"]).command(["/bin/sleep", "2147483647"]);
        let node = Self::spawn(&pause)?;
        let runtime = node.connect().await?;
        node.import(&runtime, &pause).await?;
        Ok((node, runtime))
    }

    fn spawn(pause: &Image) -> Result<Self, Error> {
        let directory = tempfile::Builder::new()
            .prefix("realcluster-")
            .tempdir()
            .map_err(Error::io("make a temporary directory"))?;
        let home = directory.path();
        let write = |name: &str, text: &str| {
            std::fs::write(home.join(name), text).map_err(Error::io(format!("write {name}")))
        };
        write("config.toml", &config::render(home, pause.reference()))?;
        write("node.sh", include_str!("node.sh"))?;
        write("janitor.sh", include_str!("janitor.sh"))?;
        std::fs::create_dir(home.join("private")).map_err(Error::io("make a directory"))?;
        let janitor = Command::new("sh")
            .arg(home.join("janitor.sh"))
            .arg(home)
            .arg(name_of(home))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C on the terminal is for the test; this one ends with it.
            .process_group(0)
            .spawn()
            .map_err(Error::io("start sh"))?;
        // From here on the directory is the janitor's to remove.
        Ok(Self { home: directory.keep(), janitor })
    }

    /// Names the node where names are shared with others, as of cgroups.
    pub(crate) fn name(&self) -> &str {
        name_of(&self.home)
    }

    /// The node's directory on this machine.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    async fn connect(&self) -> Result<Runtime, Error> {
        let until = Instant::now() + PATIENCE;
        let socket = self.home.join(config::SOCKET);
        loop {
            let error = match Runtime::connect(&socket).await {
                Ok(runtime) => match runtime.version().await {
                    Ok(()) => return Ok(runtime),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            if Instant::now() >= until {
                return Err(Error::Unavailable(format!(
                    "containerd does not serve: {error}; {}",
                    self.log()
                )));
            }
            sleep(PAUSE).await;
        }
    }

    /// Makes an image known to containerd.
    pub(crate) async fn import(&self, runtime: &Runtime, image: &Image) -> Result<(), Error> {
        if runtime.has_image(image.reference()).await? {
            return Ok(());
        }
        let archive = tempfile::NamedTempFile::new_in(&self.home).map_err(Error::io("make a file"))?;
        let file = File::create(archive.path()).map_err(Error::io("make a file"))?;
        image.write_archive(BufWriter::new(file)).map_err(Error::io("write an image"))?;
        let output = tokio::process::Command::new("ctr")
            .arg("--address")
            .arg(self.home.join(config::SOCKET))
            .args(["--namespace", "k8s.io", "images", "import"])
            .arg(archive.path())
            .output()
            .await
            .map_err(Error::io("run ctr"))?;
        if !output.status.success() {
            let output = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Error::Program { program: "ctr".to_owned(), output });
        }
        let until = Instant::now() + PATIENCE;
        while !runtime.has_image(image.reference()).await? {
            if Instant::now() >= until {
                let what = format!("image {}", image.reference());
                return Err(Error::Late { what, seconds: PATIENCE.as_secs() });
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Kills containerd. Its containers live on, as they do when a node's containerd is updated.
    pub(crate) async fn kill_containerd(&self) -> Result<(), Error> {
        const STEP: &str = "kill containerd";
        let stream = UnixStream::connect(self.home.join(config::SOCKET)).await.map_err(Error::io(STEP))?;
        let peer = stream.peer_cred().map_err(Error::io(STEP))?;
        // Who listens, by its number in this process's PID namespace.
        let pid =
            peer.pid().and_then(Pid::from_raw).ok_or_else(|| Error::Unknown("containerd".to_owned()))?;
        kill_process(pid, Signal::KILL).map_err(|error| Error::io(STEP)(error.into()))
    }

    /// The end of containerd's log.
    pub(crate) fn log(&self) -> String {
        let text = std::fs::read(self.home.join("containerd.log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> =
            text.lines().rev().filter(|line| !line.contains("level=info")).take(5).collect();
        format!("its log ends with: {}", lines.into_iter().rev().collect::<Vec<_>>().join(" | "))
    }
}

fn name_of(home: &Path) -> &str {
    home.file_name().and_then(|name| name.to_str()).unwrap_or("realcluster")
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.janitor.stdin.take());
        let _ = self.janitor.wait();
    }
}
