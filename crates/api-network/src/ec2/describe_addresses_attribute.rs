//! DescribeAddressesAttribute: names in the reverse DNS. No address has one: nothing here can set them.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    AddressAttribute, AddressAttributeName, DescribeAddressesAttributeRequest,
    DescribeAddressesAttributeResult,
};

use super::errors::{check_dry_run, invalid_parameter_value, missing_parameter};
use super::page::Page;
use super::{Context, ids};

pub async fn describe_addresses_attribute(
    context: Context,
    input: DescribeAddressesAttributeRequest,
) -> Result<DescribeAddressesAttributeResult, ServiceError> {
    context.authorise("ec2:DescribeAddressesAttribute", "*")?;
    match &input.attribute {
        None => return Err(missing_parameter("attribute")),
        Some(AddressAttributeName::DomainName) => {}
        Some(other) => {
            return Err(invalid_parameter_value(format!(
                "Value ({other}) for parameter attribute is invalid. Unknown attribute."
            )));
        }
    }
    let given = input.allocation_ids.unwrap_or_default();
    let page = Page::new(&"domain-name", &given, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let rows = ids::ELASTIC_IP.rows(&view.elastic_ips, &context.scope, &given, &page)?;
    check_dry_run(input.dry_run)?;
    let shown = rows.into_iter().map(|(key, row)| {
        let attribute = AddressAttribute {
            allocation_id: Some(row.id.clone()),
            public_ip: Some(row.public_address.to_string()),
            ..Default::default()
        };
        (key, attribute)
    });
    let (addresses, next_token) = page.take(shown);
    Ok(DescribeAddressesAttributeResult { addresses: Some(addresses), next_token })
}
