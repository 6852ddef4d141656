//! CreateInternetGateway: attached to nothing yet.

use state_model::ec2::InternetGateway;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{CreateInternetGatewayRequest, CreateInternetGatewayResult, ResourceType};

use super::errors::{check_dry_run, limit_exceeded};
use super::limits::INTERNET_GATEWAYS_MAX;
use super::{Context, ids, render, tags};

pub async fn create_internet_gateway(
    context: Context,
    input: CreateInternetGatewayRequest,
) -> Result<CreateInternetGatewayResult, ServiceError> {
    context.authorise("ec2:CreateInternetGateway", &context.scope.arn("ec2", "internet-gateway/*"))?;
    let gateway = InternetGateway {
        scope: context.scope.clone(),
        id: ids::new_id("igw", &*context.random),
        vpc_id: None,
        tags: tags::from_specifications(input.tag_specifications, &ResourceType::InternetGateway)?,
    };
    context
        .transact(|view, transaction| {
            if view.internet_gateways.prefix(&context.scope.key("")).count() >= INTERNET_GATEWAYS_MAX {
                return Err(limit_exceeded("InternetGatewayLimitExceeded", "internet gateways"));
            }
            check_dry_run(input.dry_run)?;
            transaction.insert(&gateway);
            Ok(())
        })
        .await?;
    let internet_gateway = Some(render::internet_gateway::internet_gateway(&gateway));
    Ok(CreateInternetGatewayResult { internet_gateway })
}
