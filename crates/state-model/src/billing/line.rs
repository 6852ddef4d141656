//! Lines of the bill: usage by what has a price, with the dimensions that Cost Explorer tells apart.

use super::prices::{PriceTable, Rate};
use super::region_codes;
use super::usage::{Architecture, Attributes, Quantities};
use crate::billing::amount::Quantity;

pub const SERVICE: &str = "Amazon Elastic Container Service";
pub const SERVICE_CODE: &str = "AmazonECS";
pub const OPERATION: &str = "FargateTask";
pub const RECORD_TYPE: &str = "Usage";

/// Tags that every task's usage has, as if ECS managed tags were on: the cluster's name and the service's.
pub const CLUSTER_TAG: &str = "aws:ecs:clusterName";
pub const SERVICE_TAG: &str = "aws:ecs:serviceName";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    Cpu,
    Memory,
    Storage,
}

impl Item {
    pub const ALL: [Item; 3] = [Item::Cpu, Item::Memory, Item::Storage];

    pub const fn unit(self) -> &'static str {
        match self {
            Item::Cpu => "vCPU-Hours",
            Item::Memory | Item::Storage => "GB-Hours",
        }
    }

    pub fn quantity(self, quantities: &Quantities) -> Quantity {
        match self {
            Item::Cpu => quantities.cpu(),
            Item::Memory => quantities.memory(),
            Item::Storage => quantities.storage(),
        }
    }
}

/// One line: an item of one usage.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    pub account: &'a str,
    pub attributes: &'a Attributes,
    pub item: Item,
}

/// Dimensions that lines differ in, or all share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Dimension {
    Service,
    ServiceCode,
    UsageType,
    Region,
    LinkedAccount,
    Operation,
    RecordType,
    PurchaseType,
}

impl Dimension {
    pub const ALL: [Dimension; 8] = [
        Dimension::Service,
        Dimension::ServiceCode,
        Dimension::UsageType,
        Dimension::Region,
        Dimension::LinkedAccount,
        Dimension::Operation,
        Dimension::RecordType,
        Dimension::PurchaseType,
    ];

    /// As the API names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Dimension::Service => "SERVICE",
            Dimension::ServiceCode => "SERVICE_CODE",
            Dimension::UsageType => "USAGE_TYPE",
            Dimension::Region => "REGION",
            Dimension::LinkedAccount => "LINKED_ACCOUNT",
            Dimension::Operation => "OPERATION",
            Dimension::RecordType => "RECORD_TYPE",
            Dimension::PurchaseType => "PURCHASE_TYPE",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.as_str() == text)
    }
}

impl Line<'_> {
    pub fn usage_type(&self) -> String {
        let region = region_codes::of(&self.attributes.region);
        let spot = if self.attributes.is_spot { "SpotUsage-" } else { "" };
        let arm = if self.attributes.architecture == Architecture::Arm { "ARM-" } else { "" };
        match self.item {
            Item::Cpu => format!("{region}-{spot}Fargate-{arm}vCPU-Hours:perCPU"),
            Item::Memory => format!("{region}-{spot}Fargate-{arm}GB-Hours"),
            Item::Storage => format!("{region}-Fargate-EphemeralStorage-GB-Hours"),
        }
    }

    pub fn rate(&self) -> Rate {
        let (arm, spot) = (self.attributes.architecture == Architecture::Arm, self.attributes.is_spot);
        match (self.item, spot, arm) {
            (Item::Storage, _, _) => Rate::EphemeralStorageGbHour,
            (Item::Cpu, false, false) => Rate::VcpuHour,
            (Item::Cpu, false, true) => Rate::ArmVcpuHour,
            (Item::Cpu, true, false) => Rate::SpotVcpuHour,
            (Item::Cpu, true, true) => Rate::SpotArmVcpuHour,
            (Item::Memory, false, false) => Rate::GbHour,
            (Item::Memory, false, true) => Rate::ArmGbHour,
            (Item::Memory, true, false) => Rate::SpotGbHour,
            (Item::Memory, true, true) => Rate::SpotArmGbHour,
        }
    }

    pub fn cost(&self, quantity: Quantity, prices: &PriceTable) -> super::amount::Cost {
        quantity.at(prices.of(&self.attributes.region, self.rate()))
    }

    pub fn dimension(&self, dimension: Dimension) -> String {
        let fixed = match dimension {
            Dimension::UsageType => return self.usage_type(),
            Dimension::Service => SERVICE,
            Dimension::ServiceCode => SERVICE_CODE,
            Dimension::Region => &self.attributes.region,
            Dimension::LinkedAccount => self.account,
            Dimension::Operation => OPERATION,
            Dimension::RecordType => RECORD_TYPE,
            Dimension::PurchaseType if self.attributes.is_spot => "Spot Instances",
            Dimension::PurchaseType => "On Demand Instances",
        };
        fixed.to_owned()
    }

    /// None when it doesn't have the tag.
    pub fn tag(&self, key: &str) -> Option<&str> {
        match key {
            CLUSTER_TAG => Some(&self.attributes.cluster),
            SERVICE_TAG => self.attributes.service.as_deref(),
            _ => self.attributes.tags.get(key).map(String::as_str),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_types_are_those_of_the_bill() {
        use Architecture::{Arm, X86};
        for (region, architecture, is_spot, item, expected) in [
            ("us-east-1", X86, false, Item::Cpu, "USE1-Fargate-vCPU-Hours:perCPU"),
            ("us-east-1", X86, false, Item::Memory, "USE1-Fargate-GB-Hours"),
            ("us-east-1", Arm, true, Item::Storage, "USE1-Fargate-EphemeralStorage-GB-Hours"),
            ("eu-west-1", Arm, false, Item::Cpu, "EU-Fargate-ARM-vCPU-Hours:perCPU"),
            ("eu-west-2", Arm, false, Item::Memory, "EUW2-Fargate-ARM-GB-Hours"),
            ("us-east-1", X86, true, Item::Cpu, "USE1-SpotUsage-Fargate-vCPU-Hours:perCPU"),
            ("my-rack-1", X86, true, Item::Memory, "MY-RACK-1-SpotUsage-Fargate-GB-Hours"),
        ] {
            let attributes = Attributes {
                region: region.into(),
                cluster: "default".into(),
                service: None,
                family: "web".into(),
                architecture,
                is_spot,
                tags: Default::default(),
            };
            let line = Line { account: "000000000000", attributes: &attributes, item };
            assert_eq!(line.usage_type(), expected);
        }
    }
}
