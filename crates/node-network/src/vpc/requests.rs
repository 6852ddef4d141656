//! What a VPC's thread can be asked.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::config::{
    AttachedEni, EniConfig, FlowCount, GroupRules, NetnsTarget, PrefixListConfig, VpcConfig,
};
use crate::error::NetworkError;
use crate::vpc::counters::InterfaceCounters;

pub type Reply<T> = oneshot::Sender<Result<T, NetworkError>>;

#[derive(Debug)]
pub enum Request {
    Configure {
        config: VpcConfig,
        reply: Reply<()>,
    },
    Attach {
        eni: EniConfig,
        target: NetnsTarget,
        reply: Reply<AttachedEni>,
    },
    Detach {
        eni_id: String,
        reply: Reply<()>,
    },
    SetEniGroups {
        eni_id: String,
        groups: Vec<String>,
        reply: Reply<()>,
    },
    SetGroup {
        rules: GroupRules,
        reply: Reply<()>,
    },
    RemoveGroup {
        group_id: String,
        reply: Reply<()>,
    },
    SetPublicAddress {
        eni_id: String,
        public: Option<Ipv4Addr>,
        reply: Reply<()>,
    },
    LetSpeakForClients {
        eni_id: String,
        reply: Reply<()>,
    },
    SetPrefixList {
        list: PrefixListConfig,
        reply: Reply<()>,
    },
    RemovePrefixList {
        list_id: String,
        reply: Reply<()>,
    },
    /// Makes the link to a peering's other VPC, whose namespace this is.
    LinkPeering {
        peering_id: String,
        peer: Arc<OwnedFd>,
        reply: Reply<()>,
    },
    /// Answers when the peering's link really sends.
    AwaitPeering {
        peering_id: String,
        reply: Reply<()>,
    },
    /// A peering's link came or went.
    Rewire {
        reply: Reply<()>,
    },
    TakeFlows {
        reply: Reply<Vec<FlowCount>>,
    },
    ListenTcp {
        address: SocketAddrV4,
        reply: Reply<TcpListener>,
    },
    BindUdp {
        address: SocketAddrV4,
        reply: Reply<UdpSocket>,
    },
    Counters {
        eni_id: String,
        reply: Reply<InterfaceCounters>,
    },
    /// Of every interface, by its id.
    AllCounters {
        reply: Reply<BTreeMap<String, InterfaceCounters>>,
    },
    Interfaces {
        reply: Reply<Vec<String>>,
    },
    InterfaceAddresses {
        reply: Reply<BTreeMap<String, Ipv4Addr>>,
    },
    Retain {
        eni_ids: BTreeSet<String>,
        reply: Reply<()>,
    },
    Maintain,
}
