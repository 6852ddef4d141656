//! DescribeAvailabilityZones: the three of the request's region.

use std::collections::BTreeMap;

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    AvailabilityZone, AvailabilityZoneOptInStatus, AvailabilityZoneState, DescribeAvailabilityZonesRequest,
    DescribeAvailabilityZonesResult,
};

use super::Context;
use super::errors::{check_dry_run, invalid_parameter_value};
use super::filters::Filters;
use super::zones::{self, Zone};

const FILTERS: &[&str] = &[
    "group-long-name",
    "group-name",
    "message",
    "opt-in-status",
    "parent-zone-id",
    "parent-zone-name",
    "region-name",
    "state",
    "zone-id",
    "zone-name",
    "zone-type",
];

pub async fn describe_availability_zones(
    context: Context,
    input: DescribeAvailabilityZonesRequest,
) -> Result<DescribeAvailabilityZonesResult, ServiceError> {
    context.authorise("ec2:DescribeAvailabilityZones", "*")?;
    let filters = Filters::new(input.filters, FILTERS)?;
    let region = &context.scope.region;
    let zones = zones::of_region(region);
    let (names, ids) = (input.zone_names.unwrap_or_default(), input.zone_ids.unwrap_or_default());
    if let Some(unknown) = names.iter().find(|name| zones.iter().all(|zone| zone.name != **name)) {
        return Err(invalid_parameter_value(format!("Invalid availability zone: [{unknown}]")));
    }
    if let Some(unknown) = ids.iter().find(|id| zones.iter().all(|zone| zone.id != **id)) {
        return Err(invalid_parameter_value(format!("Invalid availability zone-id: [{unknown}]")));
    }
    check_dry_run(input.dry_run)?;
    let found = zones
        .iter()
        .filter(|zone| names.is_empty() || names.contains(&zone.name))
        .filter(|zone| ids.is_empty() || ids.contains(&zone.id))
        .filter(|zone| filters.match_resource(&BTreeMap::new(), |name| values(region, zone, name)))
        .map(|zone| render(region, zone));
    Ok(DescribeAvailabilityZonesResult { availability_zones: Some(found.collect()) })
}

fn render(region: &str, zone: &Zone) -> AvailabilityZone {
    AvailabilityZone {
        group_name: Some(group_name(region)),
        messages: Some(Vec::new()),
        network_border_group: Some(region.to_owned()),
        opt_in_status: Some(AvailabilityZoneOptInStatus::OptInNotRequired),
        region_name: Some(region.to_owned()),
        state: Some(AvailabilityZoneState::Available),
        zone_id: Some(zone.id.clone()),
        zone_name: Some(zone.name.clone()),
        zone_type: Some(String::from("availability-zone")),
        ..Default::default()
    }
}

fn group_name(region: &str) -> String {
    format!("{region}-zg-1")
}

fn values(region: &str, zone: &Zone, filter: &str) -> Vec<String> {
    let value = match filter {
        "group-name" => group_name(region),
        "opt-in-status" => String::from("opt-in-not-required"),
        "region-name" => region.to_owned(),
        "state" => String::from("available"),
        "zone-id" => zone.id.clone(),
        "zone-name" => zone.name.clone(),
        "zone-type" => String::from("availability-zone"),
        // No zone has a parent or a message.
        _ => return Vec::new(),
    };
    vec![value]
}
