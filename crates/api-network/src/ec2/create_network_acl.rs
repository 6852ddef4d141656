//! CreateNetworkAcl: it denies everything until it has entries, and decides nothing until a subnet has it.

use state_model::ec2::NetworkAcl;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{CreateNetworkAclRequest, CreateNetworkAclResult, ResourceType};

use super::client_tokens::Token;
use super::errors::{check_dry_run, missing_parameter};
use super::limits::NETWORK_ACLS_PER_VPC_MAX;
use super::{Context, ids, network_acl_entries, render, tags};

pub async fn create_network_acl(
    context: Context,
    input: CreateNetworkAclRequest,
) -> Result<CreateNetworkAclResult, ServiceError> {
    let any = context.scope.arn("ec2", "network-acl/*");
    context.authorise("ec2:CreateNetworkAcl", &any)?;
    let anonymous = CreateNetworkAclRequest { client_token: None, dry_run: None, ..input.clone() };
    let token = Token::new("CreateNetworkAcl", input.client_token.clone(), &anonymous)?;
    let vpc_id = input.vpc_id.filter(|id| !id.is_empty()).ok_or_else(|| missing_parameter("vpcId"))?;
    let acl = NetworkAcl {
        scope: context.scope.clone(),
        id: ids::new_id("acl", &*context.random),
        vpc_id,
        is_default: false,
        entries: network_acl_entries::deny_everything(),
        associations: Vec::new(),
        tags: tags::from_specifications(input.tag_specifications, &ResourceType::NetworkAcl)?,
    };
    let shown = context
        .transact(|view, transaction| {
            let made = token.as_ref().map(|token| token.made(view, &context.scope)).transpose()?.flatten();
            if let Some(row) = made.and_then(|id| view.network_acls.get(&context.scope.key(&id))) {
                check_dry_run(input.dry_run)?;
                return Ok(render::network_acl::network_acl(view, row));
            }
            let vpc = ids::VPC.row(&view.vpcs, &context.scope, &acl.vpc_id)?;
            let present = view.network_acls.by("vpc", &context.scope.key(&vpc.id)).count();
            if present >= NETWORK_ACLS_PER_VPC_MAX {
                let message = "The maximum number of network ACLs has been reached.";
                return Err(ServiceError::caller("NetworkAclLimitExceeded", message));
            }
            check_dry_run(input.dry_run)?;
            // The VPC must not go meanwhile.
            transaction.expect(vpc);
            transaction.insert(&acl);
            token.iter().for_each(|token| token.write(transaction, &context.scope, &acl.id));
            Ok(render::network_acl::network_acl(view, &acl))
        })
        .await?;
    Ok(CreateNetworkAclResult { client_token: input.client_token, network_acl: Some(shown) })
}
