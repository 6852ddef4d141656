//! AssociateDhcpOptions: another set for a VPC, or with `default` none at all.

use state_model::ec2::Vpc;
use state_model::ec2::dhcp_options::NO_OPTIONS;
use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::AssociateDhcpOptionsRequest;

use super::errors::{check_dry_run, missing_parameter};
use super::{Context, ids, region_dhcp_options};

pub async fn associate_dhcp_options(
    context: Context,
    input: AssociateDhcpOptionsRequest,
) -> Result<Empty, ServiceError> {
    let vpc_id = input.vpc_id.ok_or_else(|| missing_parameter("vpcId"))?;
    let options_id = input.dhcp_options_id.ok_or_else(|| missing_parameter("dhcpOptionsId"))?;
    context.authorise("ec2:AssociateDhcpOptions", &context.scope.arn("ec2", &format!("vpc/{vpc_id}")))?;
    context
        .transact(|view, transaction| {
            let scope = &context.scope;
            let row = ids::VPC.row(&view.vpcs, scope, &vpc_id)?;
            if options_id != NO_OPTIONS {
                region_dhcp_options::check(view, scope, &options_id)?;
            }
            check_dry_run(input.dry_run)?;
            if row.dhcp_options_id == options_id {
                return Ok(Empty {});
            }
            // The set that the VPC had stays, also when so far only the VPC told of it.
            region_dhcp_options::write_down(view, scope, transaction, &row.dhcp_options_id);
            match view.dhcp_options.get(&scope.key(&options_id)) {
                // Whoever deletes it at the same time must see that it is in use now.
                Some(options) => transaction.update(options, options.record()),
                None => region_dhcp_options::write_down(view, scope, transaction, &options_id),
            }
            let mut vpc = Vpc::clone(row.record());
            vpc.dhcp_options_id.clone_from(&options_id);
            transaction.update(row, &vpc);
            Ok(Empty {})
        })
        .await
}
