//! Connections to targets, opened inside the network namespace of a load balancer's interface.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::net::TcpStream;

/// One dialer per namespace, shared by what uses the same interface.
#[derive(Debug, Default)]
pub struct Dialers(Mutex<HashMap<PathBuf, Weak<Dialer>>>);

impl Dialers {
    pub fn of(&self, namespace: &Path) -> Arc<Dialer> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, dialer| dialer.strong_count() > 0);
        if let Some(dialer) = known.get(namespace).and_then(Weak::upgrade) {
            return dialer;
        }
        let dialer = Arc::new(Dialer::new(namespace));
        known.insert(namespace.to_owned(), Arc::downgrade(&dialer));
        dialer
    }
}

#[derive(Debug)]
pub struct Dialer {
    namespace: PathBuf,
}

impl Dialer {
    /// An empty path means the namespace of this process.
    pub fn new(namespace: &Path) -> Dialer {
        Dialer { namespace: namespace.to_owned() }
    }

    pub fn namespace(&self) -> &Path {
        &self.namespace
    }

    pub async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}
