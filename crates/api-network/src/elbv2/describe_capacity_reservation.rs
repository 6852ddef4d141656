//! DescribeCapacityReservation: no load balancer has one, as none can be made.

use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{DescribeCapacityReservationInput, DescribeCapacityReservationOutput};

use super::{Context, arns};

pub async fn describe_capacity_reservation(
    context: Context,
    input: DescribeCapacityReservationInput,
) -> Result<DescribeCapacityReservationOutput, ServiceError> {
    let arn = arns::required(input.load_balancer_arn, "loadBalancerArn")?;
    context.authorise("elasticloadbalancing:DescribeCapacityReservation", &arn)?;
    arns::load_balancer(&context.view(), &context.scope, &arn)?;
    Ok(DescribeCapacityReservationOutput {
        capacity_reservation_state: Some(Vec::new()),
        ..Default::default()
    })
}
