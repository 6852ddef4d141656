//! AllocateAddress: an Elastic IP address out of the pool of public addresses.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use state_model::Scope;
use state_model::ec2::public_address::PublicAddressOwner;
use state_model::ec2::{ElasticIp, PublicAddress};
use state_tables::View;
use state_tables::public_addresses::{self, PublicPool};
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{AllocateAddressRequest, AllocateAddressResult, DomainType, ResourceType};

use super::elastic_ip_lookup::address_not_found;
use super::errors::{check_dry_run, invalid_parameter_value};
use super::limits::ELASTIC_IPS_MAX;
use super::render::elastic_ip::POOL;
use super::{Context, ids, tags};

pub async fn allocate_address(
    context: Context,
    input: AllocateAddressRequest,
) -> Result<AllocateAddressResult, ServiceError> {
    let any = context.scope.arn("ec2", "elastic-ip/*");
    context.authorise("ec2:AllocateAddress", &any)?;
    check_source(&context.scope, &input)?;
    let wanted = input.address.as_deref().filter(|text| !text.is_empty());
    let wanted: Option<Ipv4Addr> =
        wanted.map(|text| text.parse().map_err(|_| address_not_found(text))).transpose()?;
    let tags = tags::from_specifications(input.tag_specifications, &ResourceType::ElasticIp)?;
    let id = ids::new_id("eipalloc", &*context.random);
    let made = context
        .transact(|view, transaction| {
            if view.elastic_ips.prefix(&context.scope.key("")).count() >= ELASTIC_IPS_MAX {
                let message = "The maximum number of addresses has been reached.";
                return Err(ServiceError::caller("AddressLimitExceeded", message));
            }
            let address = match wanted {
                Some(address) => check_wanted(view, context.service.public_pool, address)?,
                None => public_addresses::free(
                    view,
                    context.service.public_pool,
                    &BTreeSet::new(),
                    &*context.random,
                )
                .ok_or_else(insufficient_capacity)?,
            };
            check_dry_run(input.dry_run)?;
            let made = ElasticIp {
                scope: context.scope.clone(),
                id: id.clone(),
                public_address: address,
                association: None,
                tags: tags.clone(),
            };
            transaction.insert(&PublicAddress {
                address,
                scope: context.scope.clone(),
                owner: PublicAddressOwner::ElasticIp(id.clone()),
            });
            transaction.insert(&made);
            Ok(made)
        })
        .await?;
    Ok(AllocateAddressResult {
        allocation_id: Some(made.id),
        domain: Some(DomainType::Vpc),
        network_border_group: Some(context.scope.region.clone()),
        public_ip: Some(made.public_address.to_string()),
        public_ipv4_pool: Some(String::from(POOL)),
        ..Default::default()
    })
}

/// There is one pool, one border group, and no network but VPCs.
fn check_source(scope: &Scope, input: &AllocateAddressRequest) -> Result<(), ServiceError> {
    if let Some(domain) = input.domain.as_ref().filter(|domain| **domain != DomainType::Vpc) {
        return Err(invalid_parameter_value(format!("Value ({domain}) for parameter domain is invalid.")));
    }
    let other_pool = input.public_ipv4_pool.as_ref().filter(|pool| *pool != POOL);
    if let Some(pool) = other_pool.or(input.customer_owned_ipv4_pool.as_ref()).or(input.ipam_pool_id.as_ref())
    {
        let message = format!("The pool ID '{pool}' does not exist");
        return Err(ServiceError::caller("InvalidPoolID.NotFound", message));
    }
    match &input.network_border_group {
        Some(group) if *group != scope.region => Err(invalid_parameter_value(format!(
            "Value ({group}) for parameter networkBorderGroup is invalid."
        ))),
        _ => Ok(()),
    }
}

fn check_wanted(view: &View, pool: PublicPool, address: Ipv4Addr) -> Result<Ipv4Addr, ServiceError> {
    if !pool.0.contains(address) {
        return Err(address_not_found(&address.to_string()));
    }
    let text = address.to_string();
    if view.public_addresses.contains(&text)
        || view.elb_load_balancer_placements.any_by("public-address", &text)
    {
        return Err(ServiceError::caller(
            "AuthFailure",
            format!("The address '{address}' does not belong to you."),
        ));
    }
    Ok(address)
}

pub fn insufficient_capacity() -> ServiceError {
    ServiceError::service(
        "InsufficientAddressCapacity",
        "Not enough available addresses to satisfy your request: the pool of public addresses has no free address.",
    )
    .with_status(503)
}
