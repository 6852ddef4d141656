//! DescribeInstanceTypeOfferings: every type that is described is offered everywhere.

use std::collections::BTreeMap;

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    DescribeInstanceTypeOfferingsRequest, DescribeInstanceTypeOfferingsResult, InstanceType,
    InstanceTypeOffering, LocationType,
};

use super::errors::{check_dry_run, invalid_parameter_value};
use super::filters::Filters;
use super::page::Page;
use super::{Context, instance_types, zones};

const FILTERS: &[&str] = &["instance-type", "location"];

pub async fn describe_instance_type_offerings(
    context: Context,
    input: DescribeInstanceTypeOfferingsRequest,
) -> Result<DescribeInstanceTypeOfferingsResult, ServiceError> {
    context.authorise("ec2:DescribeInstanceTypeOfferings", "*")?;
    let location_type = input.location_type.unwrap_or(LocationType::Region);
    let region = &context.scope.region;
    let locations: Vec<String> = match &location_type {
        LocationType::Region => vec![region.clone()],
        LocationType::AvailabilityZone => {
            zones::of_region(region).into_iter().map(|zone| zone.name).collect()
        }
        LocationType::AvailabilityZoneId => {
            zones::of_region(region).into_iter().map(|zone| zone.id).collect()
        }
        LocationType::Outpost => Vec::new(),
        LocationType::Other(other) => {
            return Err(invalid_parameter_value(format!(
                "Value ({other}) for parameter locationType is invalid."
            )));
        }
    };
    let filters = Filters::new(input.filters, FILTERS)?;
    let said = (&filters, &location_type);
    let page = Page::new(&said, &[], input.next_token.as_deref(), input.max_results)?;
    check_dry_run(input.dry_run)?;
    let mut offered = BTreeMap::new();
    for facts in instance_types::ALL {
        for location in &locations {
            let matches = filters.match_resource(&BTreeMap::new(), |name| match name {
                "instance-type" => vec![facts.name.to_owned()],
                "location" => vec![location.clone()],
                _ => Vec::new(),
            });
            let offering = InstanceTypeOffering {
                instance_type: Some(InstanceType::from(facts.name)),
                location: Some(location.clone()),
                location_type: Some(location_type.clone()),
            };
            if matches {
                offered.insert(format!("{} {location}", facts.name), offering);
            }
        }
    }
    offered.retain(|key, _| page.after.as_ref().is_none_or(|after| key > after));
    let (offerings, next_token) = page.take(offered.into_iter());
    Ok(DescribeInstanceTypeOfferingsResult { instance_type_offerings: Some(offerings), next_token })
}
