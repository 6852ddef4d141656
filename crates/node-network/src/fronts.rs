//! Load balancers' interfaces that speak for their clients: what the VPC and their own namespace need for it.

use std::os::fd::AsFd;

use stdx_async::supervisor;

use crate::config::{Family, check_identifier};
use crate::error::NetworkError;
use crate::namespace;
use crate::netlink::rule::{self, Rule};
use crate::netlink::{Batch, Socket, local_route};
use crate::network::Network;
use crate::vpc::TASK_INTERFACE;
use crate::vpc::requests::Request;

/// In the interface's namespace, which has no other rules of ours: behind the kernel's table of own addresses.
const TO_ALL: u32 = 100;
const TO_ALL_TABLE: u32 = 0x4000_0000;

impl Network {
    /// Lets an interface that [`Network::attach_edge`] has attached send from the addresses of its clients, and brings it the
    /// answers. This stays as long as the interface does: connections that were begun so go on.
    pub async fn let_speak_for_clients(&self, vpc_id: &str, eni_id: &str) -> Result<(), NetworkError> {
        check_identifier("interface", eni_id)?;
        let path = self.instance().edge_dir().join(eni_id);
        supervisor::blocking(move || {
            let opened = namespace::open(&path)?;
            namespace::inside(opened.as_fd(), take_answers)
        })
        .await?;
        self.ask(vpc_id, |reply| Request::LetSpeakForClients { eni_id: eni_id.to_owned(), reply }).await
    }
}

/// What comes by the interface is for this namespace, which forwards nothing: its sockets know whose it is.
fn take_answers() -> Result<(), NetworkError> {
    let mut batch = Batch::default();
    local_route::add(&mut batch, TO_ALL_TABLE);
    let of_interface = Rule {
        family: Family::Ipv4,
        priority: TO_ALL,
        source: None,
        destination: None,
        input_link: Some(TASK_INTERFACE.to_owned()),
        mark: None,
        table: Some(TO_ALL_TABLE),
    };
    rule::add(&mut batch, &of_interface);
    Socket::route()?.execute(batch)
}
