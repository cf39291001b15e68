//! Pods in real containers, behind an API server on loopback: Debian's containerd and runc, started for one test and gone
//! after it.
//!
//! The embedded cluster (`testcluster`) injects faults; this one shows that what is said there about containers is so.
//! Sandboxes and containers are started through the container runtime interface, as a kubelet starts them. An exec goes
//! through the API server to containerd's own streaming server, which is what kubelets have behind them: the request
//! for the upgrade and all that follows it pass unchanged.
//!
//! ```no_run
//! use realcluster::{Cluster, Container, Image, Pod, busybox};
//!
//! # fn main() -> Result<(), realcluster::Error> {
//! let cluster = Cluster::start()?;
//! let image = Image::new("small").busybox(&busybox()?, &["sh", "tar", "sleep"]);
//! cluster.import(&image)?;
//! let sleeper = Container::new("main", &image).command(["/bin/sleep", "1000"]);
//! cluster.run(Pod::new("shop", "web-0").label("app", "web").container(sleeper))?;
//! cluster.kubeconfig("kubeconfig".as_ref())?; // for any client
//! # Ok(())
//! # }
//! ```
//!
//! # What is left behind
//!
//! Nothing. containerd and everything under it live in a mount namespace and a PID namespace of their own: the kernel
//! kills the processes and undoes the mounts when the first process of these namespaces ends, and that one ends when a
//! pipe does whose other end only the [`Cluster`] holds. So a cluster that is dropped, a test that panics and a test
//! that is killed all come to the same. A containerd that runs on the machine already is not touched: socket, root,
//! state, images, cgroups and `/run` are others.
//!
//! # What is not real
//!
//! * The kubelet and the API server: nothing is scheduled or restarted by itself, pods are listed by `k=v` selectors, and
//!   nobody is refused anything. Ephemeral containers are started when they are added, and pods that clients make when they
//!   are made: of one container, with the volume of one claim. A real API server speaks v5 of the exec protocol with its
//!   clients and translates; here the client meets containerd's own version.
//! * Claims: each is a directory of this machine.
//! * The network: pods use the host's.

mod api;
mod cluster;
mod cri;
mod error;
mod image;
mod machine;
mod node;
mod pod;
mod rpc;

pub use cluster::Cluster;
pub use error::Error;
pub use image::Image;
pub use machine::{busybox, find_program};
pub use pod::{Container, Pod, Rights, Standard};
