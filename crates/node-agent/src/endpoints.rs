//! The endpoints that every VPC of the node gets from the agent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use link_protocol::ControlServices;
use link_protocol::network::VpcSnapshot;
use node_network::Network;
use stdx::clock::SharedClock;
use stdx::random::SharedRandom;
use stdx_net::server::{self, Listening};

use crate::directory::Directory;
use crate::environment::METADATA_ADDRESS;
use crate::limits::METADATA_CONNECTIONS_MAX;
use crate::metadata::server::Endpoint;
use crate::network::{VpcOpenError, VpcOpened, socket};

/// 169.254.170.2 port 80.
#[derive(Debug)]
pub struct MetadataEndpoints {
    pub directory: Directory,
    pub control: Arc<dyn ControlServices>,
    pub clock: SharedClock,
    pub random: SharedRandom,
    /// By the VPC.
    pub listening: Mutex<HashMap<String, Listening>>,
}

#[async_trait]
impl VpcOpened for MetadataEndpoints {
    async fn vpc_opened(&self, network: &Network, vpc: &VpcSnapshot) -> Result<(), VpcOpenError> {
        let listener = network.listen_tcp(&vpc.id, socket(METADATA_ADDRESS, 80)).await?;
        let endpoint = Endpoint {
            vpc_id: vpc.id.clone(),
            directory: self.directory.clone(),
            control: Arc::clone(&self.control),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
        };
        let config = server::Config::new(METADATA_CONNECTIONS_MAX);
        let listening =
            server::serve(listener, &config, endpoint.into_handler()).map_err(VpcOpenError::Serve)?;
        self.listening.lock().unwrap_or_else(PoisonError::into_inner).insert(vpc.id.clone(), listening);
        Ok(())
    }

    async fn vpc_closed(&self, vpc_id: &str) {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner).remove(vpc_id);
    }
}
