//! Identifiers: their form, and what is said of one that is malformed or unknown.

use std::collections::BTreeSet;

use state_model::{Record, Scope};
use state_tables::{Row, Table};
use stdx::random::{self, Random};
use wire_schema::ServiceError;

use super::errors::invalid_parameter_value;
use super::limits::IDS_MAX;
use super::page::{Page, digest};

/// A new identifier as AWS makes them today: a zero and sixteen hexadecimal digits.
pub fn new_id(prefix: &str, random: &dyn Random) -> String {
    format!("{prefix}-0{}", random::hex(random, 16))
}

/// An identifier that follows from `source`: of what there is once for one source.
pub fn derived_id(prefix: &str, source: &str) -> String {
    format!("{prefix}-0{:016x}", digest(source))
}

/// A kind of resource by its identifiers. The spelling of the codes follows no rule, so each is written out.
#[derive(Debug)]
pub struct Kind {
    /// With its dash.
    pub prefix: &'static str,
    pub malformed: &'static str,
    pub not_found: &'static str,
    /// How messages call it, before the identifier.
    pub noun: &'static str,
}

pub const VPC: Kind = Kind {
    prefix: "vpc-",
    malformed: "InvalidVpcID.Malformed",
    not_found: "InvalidVpcID.NotFound",
    noun: "vpc ID",
};
pub const SUBNET: Kind = Kind {
    prefix: "subnet-",
    malformed: "InvalidSubnetID.Malformed",
    not_found: "InvalidSubnetID.NotFound",
    noun: "subnet ID",
};
pub const SECURITY_GROUP: Kind = Kind {
    prefix: "sg-",
    malformed: "InvalidGroupId.Malformed",
    not_found: "InvalidGroup.NotFound",
    noun: "security group",
};
pub const SECURITY_GROUP_RULE: Kind = Kind {
    prefix: "sgr-",
    malformed: "InvalidSecurityGroupRuleId.Malformed",
    not_found: "InvalidSecurityGroupRuleId.NotFound",
    noun: "security group rule ID",
};
pub const NETWORK_INTERFACE: Kind = Kind {
    prefix: "eni-",
    malformed: "InvalidNetworkInterfaceId.Malformed",
    not_found: "InvalidNetworkInterfaceID.NotFound",
    noun: "networkInterface ID",
};
pub const ROUTE_TABLE: Kind = Kind {
    prefix: "rtb-",
    malformed: "InvalidRouteTableId.Malformed",
    not_found: "InvalidRouteTableID.NotFound",
    noun: "routeTable ID",
};
pub const INTERNET_GATEWAY: Kind = Kind {
    prefix: "igw-",
    malformed: "InvalidInternetGatewayId.Malformed",
    not_found: "InvalidInternetGatewayID.NotFound",
    noun: "internetGateway ID",
};
pub const NETWORK_ACL: Kind = Kind {
    prefix: "acl-",
    malformed: "InvalidNetworkAclId.Malformed",
    not_found: "InvalidNetworkAclID.NotFound",
    noun: "networkAcl ID",
};
pub const EGRESS_ONLY_INTERNET_GATEWAY: Kind = Kind {
    prefix: "eigw-",
    malformed: "InvalidEgressOnlyInternetGatewayId.Malformed",
    not_found: "InvalidGatewayID.NotFound",
    noun: "eigw ID",
};
pub const NAT_GATEWAY: Kind = Kind {
    prefix: "nat-",
    malformed: "InvalidNatGatewayID.Malformed",
    not_found: "NatGatewayNotFound",
    noun: "NatGateway",
};
pub const ELASTIC_IP: Kind = Kind {
    prefix: "eipalloc-",
    malformed: "InvalidAllocationID.Malformed",
    not_found: "InvalidAllocationID.NotFound",
    noun: "allocation ID",
};
pub const DHCP_OPTIONS: Kind = Kind {
    prefix: "dopt-",
    malformed: "InvalidDhcpOptionsId.Malformed",
    not_found: "InvalidDhcpOptionID.NotFound",
    noun: "dhcpOption ID",
};
pub const PREFIX_LIST: Kind = Kind {
    prefix: "pl-",
    malformed: "InvalidPrefixListId.Malformed",
    not_found: "InvalidPrefixListID.NotFound",
    noun: "prefix list ID",
};
pub const VPC_ENDPOINT: Kind = Kind {
    prefix: "vpce-",
    malformed: "InvalidVpcEndpointId.Malformed",
    not_found: "InvalidVpcEndpointId.NotFound",
    noun: "Vpc Endpoint Id",
};
pub const VPC_PEERING_CONNECTION: Kind = Kind {
    prefix: "pcx-",
    malformed: "InvalidVpcPeeringConnectionId.Malformed",
    not_found: "InvalidVpcPeeringConnectionID.NotFound",
    noun: "vpcPeeringConnection ID",
};
pub const FLOW_LOG: Kind = Kind {
    prefix: "fl-",
    malformed: "InvalidFlowLogId.Malformed",
    not_found: "InvalidFlowLogId.NotFound",
    noun: "flow log ID",
};

impl Kind {
    pub fn check(&self, id: &str) -> Result<(), ServiceError> {
        let digits = id.strip_prefix(self.prefix).unwrap_or_default();
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if is_hex && matches!(digits.len(), 8 | 17) {
            return Ok(());
        }
        let message = format!("Invalid id: \"{id}\" (expecting \"{}...\")", self.prefix);
        Err(ServiceError::caller(self.malformed, message))
    }

    pub fn unknown(&self, id: &str) -> ServiceError {
        ServiceError::caller(self.not_found, format!("The {} '{id}' does not exist", self.noun))
    }

    /// The row with this identifier.
    pub fn row<'v, R: Record>(
        &self,
        table: &'v Table<R>,
        scope: &Scope,
        id: &str,
    ) -> Result<&'v Row<R>, ServiceError> {
        self.check(id)?;
        table.get(&scope.key(id)).ok_or_else(|| self.unknown(id))
    }

    /// The rows of a `Describe…` in order of their keys, from where `page` begins: those that `ids` names,
    /// all of which must exist, or all of the scope.
    pub fn rows<'v, R: Record>(
        &self,
        table: &'v Table<R>,
        scope: &Scope,
        ids: &[String],
        page: &Page,
    ) -> Result<Vec<(String, &'v Row<R>)>, ServiceError> {
        if ids.is_empty() {
            let prefix = scope.key("");
            let rows = table.after(&prefix, page.after.as_deref());
            return Ok(rows.map(|(key, row)| (key.to_owned(), row)).collect());
        }
        let unique = unique(ids)?;
        let rows: Result<Vec<_>, ServiceError> =
            unique.into_iter().map(|id| Ok((scope.key(id), self.row(table, scope, id)?))).collect();
        let mut rows = rows?;
        rows.retain(|(key, _)| page.after.as_ref().is_none_or(|after| key > after));
        Ok(rows)
    }
}

/// The identifiers without repetitions, in order.
pub fn unique(ids: &[String]) -> Result<BTreeSet<&str>, ServiceError> {
    if ids.len() > IDS_MAX {
        return Err(invalid_parameter_value(format!("A request can name at most {IDS_MAX} identifiers.")));
    }
    Ok(ids.iter().map(String::as_str).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::random::SeededRandom;

    #[test]
    fn identifiers_keep_their_form() {
        let id = new_id("sg", &*SeededRandom::shared(1));
        assert_eq!(id.len(), 20);
        assert!(SECURITY_GROUP.check(&id).is_ok());
        assert!(SECURITY_GROUP.check("sg-12345678").is_ok());
        for wrong in
            ["", "sg-", "sg-123", "sgr-12345678", "sg-1234567g", "vpc-12345678", "sg-0123456789ABCDEF0"]
        {
            let error = SECURITY_GROUP.check(wrong).unwrap_err();
            assert_eq!(error.code, "InvalidGroupId.Malformed");
            assert_eq!(error.message, format!("Invalid id: \"{wrong}\" (expecting \"sg-...\")"));
        }
    }
}
