//! Listeners at the interfaces that have a namespace of their own: those of VPC endpoints.

use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsFd;

use stdx_async::supervisor;

use crate::config::check_identifier;
use crate::error::NetworkError;
use crate::namespace;
use crate::network::Network;

impl Network {
    /// Listens at an interface that [`Network::attach_edge`] has attached, under the interface's own groups. The peer of a
    /// connection is the client's address. The listener doesn't block.
    pub async fn listen_in_edge(&self, eni_id: &str, port: u16) -> Result<TcpListener, NetworkError> {
        check_identifier("interface", eni_id)?;
        let path = self.instance().edge_dir().join(eni_id);
        supervisor::blocking(move || {
            let opened = namespace::open(&path)?;
            namespace::inside(opened.as_fd(), || listen(port))
        })
        .await
    }
}

fn listen(port: u16) -> Result<TcpListener, NetworkError> {
    let address = (Ipv4Addr::UNSPECIFIED, port);
    let listener =
        TcpListener::bind(address).map_err(NetworkError::system("listen at a VPC endpoint's interface"))?;
    listener.set_nonblocking(true).map_err(NetworkError::system("prepare a listener"))?;
    Ok(listener)
}
