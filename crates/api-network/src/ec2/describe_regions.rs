//! DescribeRegions: those that every AWS account has, and the one of the request. Any other works too once it
//! is named.

use std::collections::{BTreeMap, BTreeSet};

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DescribeRegionsRequest, DescribeRegionsResult, Region};

use super::Context;
use super::errors::{check_dry_run, invalid_parameter_value};
use super::filters::Filters;

const FILTERS: &[&str] = &["endpoint", "opt-in-status", "region-name"];

const REGIONS: &[&str] = &[
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

const OPT_IN_STATUS: &str = "opt-in-not-required";

pub async fn describe_regions(
    context: Context,
    input: DescribeRegionsRequest,
) -> Result<DescribeRegionsResult, ServiceError> {
    context.authorise("ec2:DescribeRegions", "*")?;
    let filters = Filters::new(input.filters, FILTERS)?;
    let wanted = input.region_names.unwrap_or_default();
    let mut regions: BTreeSet<&str> = REGIONS.iter().copied().collect();
    regions.insert(&context.scope.region);
    if let Some(unknown) = wanted.iter().find(|name| !regions.contains(name.as_str())) {
        return Err(invalid_parameter_value(format!("Invalid region names: [{unknown}]")));
    }
    check_dry_run(input.dry_run)?;
    let found = regions
        .into_iter()
        .filter(|name| wanted.is_empty() || wanted.iter().any(|one| one == name))
        .filter(|name| filters.match_resource(&BTreeMap::new(), |filter| values(name, filter)))
        .map(|name| Region {
            endpoint: Some(endpoint(name)),
            opt_in_status: Some(String::from(OPT_IN_STATUS)),
            region_name: Some(name.to_owned()),
            ..Default::default()
        });
    Ok(DescribeRegionsResult { regions: Some(found.collect()) })
}

fn endpoint(region: &str) -> String {
    format!("ec2.{region}.amazonaws.com")
}

fn values(region: &str, filter: &str) -> Vec<String> {
    match filter {
        "endpoint" => vec![endpoint(region)],
        "opt-in-status" => vec![String::from(OPT_IN_STATUS)],
        "region-name" => vec![region.to_owned()],
        _ => Vec::new(),
    }
}
