//! VPC endpoints: listens at their interfaces, each of which has a namespace of its own, so that groups and network ACLs
//! hold as for every interface. What answers is the caller's.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use link_protocol::network::{EndpointSnapshot, VpcSnapshot};
use node_network::Network;
use stdx_net::server::{self, Handler, Listening};
use tokio::sync::{Mutex, watch};
use tracing::warn;

use crate::network::{VpcOpenError, VpcOpened};

const PLAIN_PORT: u16 = 80;
const TLS_PORT: u16 = 443;

/// What answers behind the endpoints.
pub trait EndpointService: Send + Sync + fmt::Debug + 'static {
    /// What answers the requests that come by this endpoint of the VPC, as the endpoint is now.
    fn handler(&self, vpc: &VpcSnapshot, endpoint: &EndpointSnapshot) -> Handler;
}

/// The endpoints that are listening on this node.
#[derive(Debug)]
pub struct VpcEndpoints {
    service: Arc<dyn EndpointService>,
    /// How ports 80 and 443 are served.
    plain: server::Config,
    tls: server::Config,
    /// By VPC and endpoint. Held while listeners come and go.
    open: Mutex<HashMap<String, BTreeMap<String, OpenEndpoint>>>,
}

/// Dropping it closes its listeners and their connections.
struct OpenEndpoint {
    snapshot: EndpointSnapshot,
    /// What answers now: a changed policy holds from the next request on, also on open connections.
    current: watch::Sender<Handler>,
    /// By the interface.
    listening: BTreeMap<String, [Listening; 2]>,
}

impl fmt::Debug for OpenEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OpenEndpoint").field("listening", &self.listening).finish_non_exhaustive()
    }
}

impl OpenEndpoint {
    fn handler(&self) -> Handler {
        let current = self.current.subscribe();
        Arc::new(move |request, connection| {
            let handler = current.borrow().clone();
            handler(request, connection)
        })
    }
}

impl VpcEndpoints {
    /// Serves port 80 as `plain` says and port 443 as `tls` does.
    pub fn new(service: Arc<dyn EndpointService>, plain: server::Config, tls: server::Config) -> Self {
        Self { service, plain, tls, open: Mutex::default() }
    }

    /// Brings one endpoint to what control says.
    async fn ensure(
        &self,
        network: &Network,
        vpc: &VpcSnapshot,
        endpoint: &EndpointSnapshot,
        open: &mut BTreeMap<String, OpenEndpoint>,
    ) -> Result<(), VpcOpenError> {
        let make = || OpenEndpoint {
            snapshot: endpoint.clone(),
            current: watch::channel(self.service.handler(vpc, endpoint)).0,
            listening: BTreeMap::new(),
        };
        let known = open.entry(endpoint.id.clone()).or_insert_with(make);
        if known.snapshot != *endpoint {
            known.current.send_replace(self.service.handler(vpc, endpoint));
            known.snapshot = endpoint.clone();
        }
        known.listening.retain(|eni_id, _| endpoint.interfaces.iter().any(|one| one.eni_id == *eni_id));
        for interface in &endpoint.interfaces {
            if known.listening.contains_key(&interface.eni_id) {
                continue;
            }
            let listening = self.listen(network, &interface.eni_id, known.handler()).await?;
            known.listening.insert(interface.eni_id.clone(), listening);
        }
        Ok(())
    }

    async fn listen(
        &self,
        network: &Network,
        eni_id: &str,
        handler: Handler,
    ) -> Result<[Listening; 2], VpcOpenError> {
        let plain = network.listen_in_edge(eni_id, PLAIN_PORT).await?;
        let tls = network.listen_in_edge(eni_id, TLS_PORT).await?;
        let plain = server::serve(plain, &self.plain, Arc::clone(&handler)).map_err(VpcOpenError::Serve)?;
        let tls = server::serve(tls, &self.tls, handler).map_err(VpcOpenError::Serve)?;
        Ok([plain, tls])
    }
}

#[async_trait]
impl VpcOpened for VpcEndpoints {
    async fn vpc_opened(&self, _network: &Network, _vpc: &VpcSnapshot) -> Result<(), VpcOpenError> {
        Ok(())
    }

    /// Goes on after an endpoint that can't be served, and answers with the failure: the agent tries all again, and those
    /// that listen already stay as they are.
    async fn vpc_changed(
        &self,
        network: &Network,
        vpc: &VpcSnapshot,
    ) -> Result<BTreeSet<String>, VpcOpenError> {
        let mut all = self.open.lock().await;
        let open = all.entry(vpc.id.clone()).or_default();
        open.retain(|id, _| vpc.endpoints.iter().any(|endpoint| endpoint.id == *id));
        let mut failed = None;
        for endpoint in &vpc.endpoints {
            if let Err(failure) = self.ensure(network, vpc, endpoint, open).await {
                let error = &failure as &dyn std::error::Error;
                warn!(endpoint = endpoint.id, error, "a VPC endpoint can't be served");
                failed.get_or_insert(failure);
            }
        }
        let ids = open.keys().cloned().collect();
        if open.is_empty() {
            all.remove(&vpc.id);
        }
        failed.map_or(Ok(ids), Err)
    }

    async fn vpc_closed(&self, vpc_id: &str) {
        self.open.lock().await.remove(vpc_id);
    }
}
