//! node-runtime: how a task's containers really run. A supervisor process per task, forked from a spawner,
//! mounts
//! root file systems, drives an OCI runtime by the pure lifecycle machine, keeps output in a spool and exit
//! codes on
//! disk, and undoes everything at the end.
//!
//! **Invariant:** a supervisor needs neither the server nor a network to go on, never resolves a name or an
//! image, and
//! leaves no mount, cgroup or process behind; what it could not undo stands in the task's status.

pub mod cgroup;
pub mod client;
mod filter;
mod identity;
pub mod lifecycle;
pub mod limits;
mod oci;
pub mod protocol;
mod rootfs;
mod runtime;
mod signal;
pub mod spawner;
pub mod spec;
pub mod spool;
pub mod status;
pub mod storage;
mod supervisor;
mod sys;
pub mod taskdir;
pub mod teardown;
