//! Cost allocation tags: by which tags costs are told apart.

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use super::line::{CLUSTER_TAG, SERVICE_TAG};
use crate::record::Record;

/// Tags with this prefix are made by AWS's services.
pub const AWS_PREFIX: &str = "aws:";

/// What was decided about a tag. Written by UpdateCostAllocationTagsStatus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostAllocationTag {
    pub account: String,
    pub tag: String,
    pub is_active: bool,
    pub updated_at: Timestamp,
}

impl CostAllocationTag {
    pub fn key_of(account: &str, tag: &str) -> String {
        format!("{account}/{tag}")
    }

    /// What holds for a tag that nothing was decided about: only the two that ECS gives to everything are active.
    pub fn is_active_by_default(tag: &str) -> bool {
        tag == CLUSTER_TAG || tag == SERVICE_TAG
    }
}

impl Record for CostAllocationTag {
    const TABLE: &'static str = "billing-cost-tag";

    fn key(&self) -> String {
        Self::key_of(&self.account, &self.tag)
    }
}
