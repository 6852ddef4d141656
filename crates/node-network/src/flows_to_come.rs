//! Stands for the counts of flows until the data plane has them: with its own `take_flows` this file goes.

use crate::config::FlowCount;
use crate::error::NetworkError;
use crate::network::Network;

impl Network {
    /// What interfaces of the VPC sent and received since the last call. None is counted yet.
    pub async fn take_flows(&self, _vpc_id: &str) -> Result<Vec<FlowCount>, NetworkError> {
        Ok(Vec::new())
    }
}
