//! What a VPC's thread can be asked.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};

use tokio::sync::oneshot;

use crate::config::{AttachedEni, EniConfig, GroupRules, NetnsTarget, VpcConfig};
use crate::error::NetworkError;
use crate::vpc::counters::InterfaceCounters;

pub type Reply<T> = oneshot::Sender<Result<T, NetworkError>>;

#[derive(Debug)]
pub enum Request {
    Configure { config: VpcConfig, reply: Reply<()> },
    Attach { eni: EniConfig, target: NetnsTarget, reply: Reply<AttachedEni> },
    Detach { eni_id: String, reply: Reply<()> },
    SetEniGroups { eni_id: String, groups: Vec<String>, reply: Reply<()> },
    SetGroup { rules: GroupRules, reply: Reply<()> },
    RemoveGroup { group_id: String, reply: Reply<()> },
    ListenTcp { address: SocketAddrV4, reply: Reply<TcpListener> },
    BindUdp { address: SocketAddrV4, reply: Reply<UdpSocket> },
    Counters { eni_id: String, reply: Reply<InterfaceCounters> },
    Interfaces { reply: Reply<Vec<String>> },
    InterfaceAddresses { reply: Reply<BTreeMap<String, Ipv4Addr>> },
    Retain { eni_ids: BTreeSet<String>, reply: Reply<()> },
    Maintain,
}
