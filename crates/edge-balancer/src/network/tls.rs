//! TLS listeners: the balancer ends the client's TLS, and begins another one towards targets of TLS groups.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::stream::{connect, finish};
use super::{Flow, FlowCount, copy, proxy_protocol};
use crate::accept::reset;
use crate::limits;
use crate::metrics::{Counter, Gauge};
use crate::runtime::{Listener, Zone};
use crate::unverified;
use crate::worker::Worker;

pub async fn serve(
    client: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
    listener: Arc<Listener>,
    zone: Arc<Zone>,
    _worker: Rc<Worker>,
) {
    let _count = FlowCount::open(&zone, Counter::NewFlowCountTls, Gauge::ActiveFlowCountTls);
    let Some(config) = listener.state().tls.clone() else { return reset(client) };
    let accepting = TlsAcceptor::from(config).accept(client);
    let Ok(Ok(client)) = timeout(limits::TLS_HANDSHAKE_TIMEOUT, accepting).await else {
        zone.metrics.count(Counter::ClientTlsNegotiationErrorCount);
        return;
    };
    let flow = Flow { client: peer, local };
    let Some((chosen, mut target)) = connect(&listener, &zone, &flow).await else {
        zone.metrics.count(Counter::TcpElbResetCount);
        return reset(client.into_inner().0);
    };
    if chosen.group.options.proxy_protocol_v2
        && target.write_all(&proxy_protocol::header(&flow, true)).await.is_err()
    {
        zone.metrics.count(Counter::TcpTargetResetCount);
        return reset(client.into_inner().0);
    }
    let idle = listener.state().tcp_idle_timeout;
    let count = |bytes| zone.metrics.add(Counter::ProcessedBytes, bytes);
    let end = if chosen.group.config.protocol == "TLS" {
        let alpn = client.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        let connecting = unverified::connect(target, chosen.target.address.ip(), alpn.into_iter().collect());
        let Ok(Ok(target)) = timeout(limits::TLS_HANDSHAKE_TIMEOUT, connecting).await else {
            zone.metrics.count(Counter::TargetTlsNegotiationErrorCount);
            return reset(client.into_inner().0);
        };
        copy::any(client, target, idle, chosen.cut(&listener), &count).await
    } else {
        copy::any(client, target, idle, chosen.cut(&listener), &count).await
    };
    finish(&zone, &end);
}
