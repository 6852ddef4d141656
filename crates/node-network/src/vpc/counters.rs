//! What passed an interface, as the task sees it.

use serde::{Deserialize, Serialize};

use crate::netlink::link::LinkCounters;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceCounters {
    pub rx_bytes: u64,
    pub rx_packets: u64,
    pub rx_errors: u64,
    pub rx_dropped: u64,
    pub tx_bytes: u64,
    pub tx_packets: u64,
    pub tx_errors: u64,
    pub tx_dropped: u64,
}

impl From<LinkCounters> for InterfaceCounters {
    /// The counters are read at the outer end: what it received, the task sent.
    fn from(outer: LinkCounters) -> Self {
        Self {
            rx_bytes: outer.sent_bytes,
            rx_packets: outer.sent_packets,
            rx_errors: outer.sent_errors,
            rx_dropped: outer.sent_dropped,
            tx_bytes: outer.received_bytes,
            tx_packets: outer.received_packets,
            tx_errors: outer.received_errors,
            tx_dropped: outer.received_dropped,
        }
    }
}
