//! TCP listeners.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::copy::{self, End};
use super::source::{self, Source};
use super::{Chosen, Flow, FlowCount, choose, proxy_protocol};
use crate::accept::reset;
use crate::limits;
use crate::metrics::{Counter, Gauge};
use crate::runtime::{Listener, Zone};
use crate::worker::Worker;

pub async fn serve(
    client: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
    listener: Arc<Listener>,
    zone: Arc<Zone>,
    _worker: Rc<Worker>,
) {
    let _count = FlowCount::open(&zone, Counter::NewFlowCountTcp, Gauge::ActiveFlowCountTcp);
    let flow = Flow { client: peer, local };
    let Some((chosen, mut target)) = connect(&listener, &zone, &flow).await else {
        zone.metrics.count(Counter::TcpElbResetCount);
        return reset(client);
    };
    if chosen.group.options.proxy_protocol_v2
        && target.write_all(&proxy_protocol::header(&flow, true)).await.is_err()
    {
        zone.metrics.count(Counter::TcpTargetResetCount);
        return reset(client);
    }
    let idle = listener.state().tcp_idle_timeout;
    let count = |bytes| zone.metrics.add(Counter::ProcessedBytes, bytes);
    let end = copy::plain(&client, &target, idle, chosen.cut(&listener), &count).await;
    finish(&zone, &end);
    if !matches!(end, End::Closed) {
        // Neither side takes what it has for complete.
        reset(client);
        reset(target);
    }
}

pub(super) fn finish(zone: &Zone, end: &End) {
    match end {
        End::Closed => {}
        End::Idle | End::Cut => zone.metrics.count(Counter::TcpElbResetCount),
        End::ClientBroke(_) => zone.metrics.count(Counter::TcpClientResetCount),
        End::TargetBroke(_) => zone.metrics.count(Counter::TcpTargetResetCount),
    }
}

/// A target that can't be reached is passed over for another: the client hasn't been promised any.
pub(super) async fn connect(listener: &Listener, zone: &Zone, flow: &Flow) -> Option<(Chosen, TcpStream)> {
    let mut tried = Vec::new();
    while tried.len() < limits::TARGETS_TRIED_MAX {
        let (group, target) = choose::target(listener, zone, flow, &tried)?;
        let chosen = Chosen::new(group, target);
        let source = source::of(flow, zone, &chosen.group.options, &listener.load_balancer.state());
        if source == Source::Refused {
            zone.metrics.count(Counter::RejectedFlowCount);
            return None;
        }
        let connecting = zone.dialer.connect(chosen.target.address, source.client());
        match timeout(limits::CONNECT_TIMEOUT, connecting).await {
            Ok(Ok(stream)) => return Some((chosen, stream)),
            Ok(Err(_)) | Err(_) => {
                let path = &listener.load_balancer.path;
                let metrics = chosen.group.metrics(path, &zone.config.availability_zone);
                metrics.count(Counter::TargetConnectionErrorCount);
                tried.push(chosen.target.serial);
            }
        }
    }
    None
}
