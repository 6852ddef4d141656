//! The threads that carry traffic. All accept from the same sockets; a connection stays with the thread that took it.

use std::net::{TcpListener, UdpSocket};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stdx::clock::SharedClock;
use stdx::random::SharedRandom;
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, LocalSet, spawn_local};

use crate::accept;
use crate::access_log;
use crate::http;
use crate::limits;
use crate::network::datagrams;
use crate::runtime::{Listener, Zone};
use crate::worker::Worker;

/// What is served on a socket.
#[derive(Debug)]
pub struct Service {
    pub listener: Arc<Listener>,
    pub zone: Arc<Zone>,
    /// In the host's own namespace, where no security group is enforced by the kernel.
    pub public: bool,
}

#[derive(Debug)]
pub enum Command {
    /// Connections that are served already stay as they are.
    Accept {
        id: u64,
        socket: TcpListener,
        service: Arc<Service>,
    },
    Datagrams {
        id: u64,
        socket: UdpSocket,
        service: Arc<Service>,
    },
    Forget {
        id: u64,
    },
    /// Answered when all commands before have taken effect.
    Barrier(oneshot::Sender<()>),
}

/// What all workers have in common.
#[derive(Clone, Debug)]
pub struct Shared {
    pub clock: SharedClock,
    pub random: SharedRandom,
    pub access_log: Arc<access_log::Sink>,
    /// Connections of clients.
    pub connections: Arc<AtomicUsize>,
    pub connections_max: usize,
    /// What cookies of stickiness are sealed with.
    pub cookie_key: [u8; 32],
}

#[derive(Debug)]
pub struct Workers {
    commands: Vec<mpsc::Sender<Command>>,
    shared: Shared,
}

impl Workers {
    pub fn start(count: usize, shared: Shared) -> std::io::Result<Workers> {
        let mut commands = Vec::with_capacity(count);
        for index in 0..count {
            let (sender, receiver) = mpsc::channel(limits::WORKER_COMMANDS_MAX);
            let shared = shared.clone();
            std::thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(move || serve(index, &shared, receiver))?;
            commands.push(sender);
        }
        Ok(Workers { commands, shared })
    }

    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Acquire)
    }

    /// Every worker accepts from it.
    pub async fn accept(&self, id: u64, socket: &TcpListener, service: &Arc<Service>) -> std::io::Result<()> {
        for worker in &self.commands {
            let socket = socket.try_clone()?;
            // A worker that is gone has panicked: the others go on.
            let _ = worker.send(Command::Accept { id, socket, service: service.clone() }).await;
        }
        Ok(())
    }

    /// One worker has all flows of the socket: datagrams of a flow must meet the same table.
    pub async fn datagrams(
        &self,
        id: u64,
        socket: &UdpSocket,
        service: &Arc<Service>,
    ) -> std::io::Result<()> {
        let index = usize::try_from(id).unwrap_or(0) % self.commands.len().max(1);
        let socket = socket.try_clone()?;
        if let Some(worker) = self.commands.get(index) {
            let _ = worker.send(Command::Datagrams { id, socket, service: service.clone() }).await;
        }
        Ok(())
    }

    pub async fn forget(&self, id: u64) {
        for worker in &self.commands {
            let _ = worker.send(Command::Forget { id }).await;
        }
    }

    pub async fn barrier(&self) {
        for worker in &self.commands {
            let (sender, receiver) = oneshot::channel();
            if worker.send(Command::Barrier(sender)).await.is_ok() {
                let _ = receiver.await;
            }
        }
    }
}

fn serve(index: usize, shared: &Shared, mut commands: mpsc::Receiver<Command>) {
    let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(failure) => {
            tracing::error!(index, %failure, "a worker's runtime could not be made");
            return;
        }
    };
    let worker = Rc::new(Worker::new(index, shared));
    LocalSet::new().block_on(&runtime, async move {
        spawn_local(http::local::sweep_pools(worker.clone()));
        let mut sockets: Vec<(u64, AbortHandle)> = Vec::new();
        while let Some(command) = commands.recv().await {
            match command {
                Command::Accept { id, socket, service } => {
                    forget(&mut sockets, id);
                    let task = spawn_local(accept::run(socket, service, worker.clone()));
                    sockets.push((id, task.abort_handle()));
                }
                Command::Datagrams { id, socket, service } => {
                    forget(&mut sockets, id);
                    let task = spawn_local(datagrams::run(socket, service, worker.clone()));
                    sockets.push((id, task.abort_handle()));
                }
                Command::Forget { id } => forget(&mut sockets, id),
                Command::Barrier(done) => {
                    // Aborted tasks drop their sockets when the loop comes round to them.
                    tokio::task::yield_now().await;
                    let _ = done.send(());
                }
            }
        }
    });
}

fn forget(sockets: &mut Vec<(u64, AbortHandle)>, id: u64) {
    sockets.retain(|(known, task)| {
        if *known == id {
            task.abort();
        }
        *known != id
    });
}
