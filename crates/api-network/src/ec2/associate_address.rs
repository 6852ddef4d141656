//! AssociateAddress: makes an Elastic IP address stand for a private address of an interface.

use state_model::ec2::elastic_ip::ElasticIpAssociation;
use state_model::ec2::network_interface::InterfaceOwner;
use state_model::ec2::{ElasticIp, NetworkInterface};
use state_tables::{Row, Transaction, View};
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{AssociateAddressRequest, AssociateAddressResult};

use super::errors::{
    self, check_dry_run, invalid_parameter_combination, invalid_parameter_value, missing_parameter,
};
use super::{Context, elastic_ip_lookup, ids};

pub async fn associate_address(
    context: Context,
    input: AssociateAddressRequest,
) -> Result<AssociateAddressResult, ServiceError> {
    let any = context.scope.arn("ec2", "elastic-ip/*");
    context.authorise("ec2:AssociateAddress", &any)?;
    if let Some(id) = input.instance_id.as_ref().filter(|id| !id.is_empty()) {
        if input.network_interface_id.is_some() {
            return Err(invalid_parameter_combination(
                "You may specify instance id or network interface id, but not both in the same call",
            ));
        }
        return Err(errors::instance_not_found(id));
    }
    let interface_id =
        input.network_interface_id.as_deref().ok_or_else(|| missing_parameter("networkInterfaceId"))?;
    let new_id = ids::new_id("eipassoc", &*context.random);
    let association_id = context
        .transact(|view, transaction| {
            let address = find(view, &context, &input)?;
            let interface =
                ids::NETWORK_INTERFACE.row(&view.network_interfaces, &context.scope, interface_id)?;
            if interface.owner() != InterfaceOwner::User {
                return Err(errors::not_permitted());
            }
            let association = association(&new_id, interface, input.private_ip_address.as_deref())?;
            if !view.internet_gateways.any_by("vpc", &context.scope.key(&interface.vpc_id)) {
                return Err(elastic_ip_lookup::no_internet_gateway(&interface.vpc_id));
            }
            elastic_ip_lookup::check_movable(view, address)?;
            let allowed = input.allow_reassociation.unwrap_or(true);
            associate(view, transaction, (address, interface), association, allowed, input.dry_run)
        })
        .await?;
    Ok(AssociateAddressResult { association_id: Some(association_id) })
}

fn find<'v>(
    view: &'v View,
    context: &Context,
    input: &AssociateAddressRequest,
) -> Result<&'v Row<ElasticIp>, ServiceError> {
    match (&input.allocation_id, &input.public_ip) {
        (Some(_), Some(_)) => Err(invalid_parameter_combination(
            "You may specify public IP or allocation id, but not both in the same call",
        )),
        (Some(id), None) => ids::ELASTIC_IP.row(&view.elastic_ips, &context.scope, id),
        (None, Some(text)) => elastic_ip_lookup::by_address(view, &context.scope, text),
        (None, None) => Err(missing_parameter("allocationId")),
    }
}

fn association(
    id: &str,
    interface: &NetworkInterface,
    private_address: Option<&str>,
) -> Result<ElasticIpAssociation, ServiceError> {
    let private_address = match private_address {
        None => interface.address,
        Some(text) => interface.addresses().find(|address| address.to_string() == text).ok_or_else(|| {
            invalid_parameter_value(format!(
                "Network interface '{}' does not have the private IP address '{text}'",
                interface.id
            ))
        })?,
    };
    let network_interface_id = interface.id.clone();
    Ok(ElasticIpAssociation { id: id.to_owned(), network_interface_id, private_address })
}

/// The same again changes nothing. Otherwise both ends lose what they had, when that is allowed.
fn associate(
    view: &View,
    transaction: &mut Transaction,
    (address, interface): (&Row<ElasticIp>, &Row<NetworkInterface>),
    association: ElasticIpAssociation,
    allowed: bool,
    dry_run: Option<bool>,
) -> Result<String, ServiceError> {
    let place = (&association.network_interface_id, association.private_address);
    if let Some(former) = &address.association {
        if (&former.network_interface_id, former.private_address) == place {
            check_dry_run(dry_run)?;
            return Ok(former.id.clone());
        }
        if !allowed {
            return Err(elastic_ip_lookup::already_associated(&address.id, &former.id));
        }
    }
    let present = elastic_ip_lookup::of_private_address(view, interface, association.private_address);
    if let Some((other, former)) = present {
        if !allowed {
            return Err(elastic_ip_lookup::already_associated(&interface.id, &former.id));
        }
        transaction.update(other, &ElasticIp { association: None, ..ElasticIp::clone(other.record()) });
    }
    check_dry_run(dry_run)?;
    let id = association.id.clone();
    // The interface must neither go meanwhile nor be given two addresses at once.
    transaction.update(interface, interface.record());
    transaction
        .update(address, &ElasticIp { association: Some(association), ..ElasticIp::clone(address.record()) });
    Ok(id)
}
