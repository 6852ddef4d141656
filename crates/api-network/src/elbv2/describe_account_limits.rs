//! DescribeAccountLimits: the quotas that hold here.

use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{DescribeAccountLimitsInput, DescribeAccountLimitsOutput, Limit};

use super::Context;
use super::limits::{
    CERTIFICATES_MAX, CONDITION_VALUES_MAX, CONDITION_WILDCARDS_MAX, LISTENERS_MAX, LOAD_BALANCERS_MAX,
    RULES_MAX, TARGET_GROUPS_MAX, TARGET_GROUPS_PER_ACTION_MAX, TARGET_GROUPS_PER_LOAD_BALANCER_MAX,
    TARGETS_MAX,
};
use super::page::Page;

/// In order of names.
const LIMITS: &[(&str, usize)] = &[
    ("application-load-balancers", LOAD_BALANCERS_MAX),
    ("certificates-per-application-load-balancer", CERTIFICATES_MAX),
    ("certificates-per-network-load-balancer", CERTIFICATES_MAX),
    ("condition-values-per-alb-rule", CONDITION_VALUES_MAX),
    ("condition-wildcards-per-alb-rule", CONDITION_WILDCARDS_MAX),
    ("listeners-per-application-load-balancer", LISTENERS_MAX),
    ("listeners-per-network-load-balancer", LISTENERS_MAX),
    ("network-load-balancers", LOAD_BALANCERS_MAX),
    ("rules-per-application-load-balancer", RULES_MAX),
    ("target-groups", TARGET_GROUPS_MAX),
    ("target-groups-per-action-on-application-load-balancer", TARGET_GROUPS_PER_ACTION_MAX),
    ("target-groups-per-action-on-network-load-balancer", 1),
    ("target-groups-per-application-load-balancer", TARGET_GROUPS_PER_LOAD_BALANCER_MAX),
    ("targets-per-target-group", TARGETS_MAX),
];

pub async fn describe_account_limits(
    context: Context,
    input: DescribeAccountLimitsInput,
) -> Result<DescribeAccountLimitsOutput, ServiceError> {
    context.authorise("elasticloadbalancing:DescribeAccountLimits", "*")?;
    let page = Page::new(input.marker.as_deref(), input.page_size)?;
    let limit =
        |(name, max): &(&str, usize)| Limit { max: Some(max.to_string()), name: Some((*name).to_owned()) };
    let (limits, next_marker) = page.take(LIMITS.iter().map(|one| (one.0.to_owned(), limit(one))));
    Ok(DescribeAccountLimitsOutput { limits: Some(limits), next_marker })
}
