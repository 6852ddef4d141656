//! DescribeAccountAttributes: those that concern networks.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    AccountAttribute, AccountAttributeValue, DescribeAccountAttributesRequest,
    DescribeAccountAttributesResult,
};

use super::errors::{check_dry_run, invalid_parameter_value};
use super::limits::{ELASTIC_IPS_MAX, GROUPS_PER_INTERFACE_MAX};
use super::{Context, group_lookup};

pub async fn describe_account_attributes(
    context: Context,
    input: DescribeAccountAttributesRequest,
) -> Result<DescribeAccountAttributesResult, ServiceError> {
    context.authorise("ec2:DescribeAccountAttributes", "*")?;
    let view = context.view();
    let default_vpc = group_lookup::default_vpc(&view, &context.scope);
    let default_vpc = default_vpc.map_or_else(|| String::from("none"), |vpc| vpc.id.clone());
    let attributes = [
        ("supported-platforms", String::from("VPC")),
        ("vpc-max-security-groups-per-interface", GROUPS_PER_INTERFACE_MAX.to_string()),
        ("default-vpc", default_vpc),
        ("max-elastic-ips", ELASTIC_IPS_MAX.to_string()),
        ("vpc-max-elastic-ips", ELASTIC_IPS_MAX.to_string()),
    ];
    let wanted = input.attribute_names.unwrap_or_default();
    for name in &wanted {
        if attributes.iter().all(|(known, _)| *known != name.as_str()) {
            return Err(invalid_parameter_value(format!(
                "Value ( {name} ) for parameter attributeName is invalid. Unknown attribute."
            )));
        }
    }
    check_dry_run(input.dry_run)?;
    let found = attributes
        .into_iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|one| one.as_str() == *name))
        .map(|(name, value)| AccountAttribute {
            attribute_name: Some(String::from(name)),
            attribute_values: Some(vec![AccountAttributeValue { attribute_value: Some(value) }]),
        });
    Ok(DescribeAccountAttributesResult { account_attributes: Some(found.collect()) })
}
