//! DescribeListenerCertificates: the default one first.

use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{
    Certificate, DescribeListenerCertificatesInput, DescribeListenerCertificatesOutput,
};

use super::page::Page;
use super::{Context, arns};

pub async fn describe_listener_certificates(
    context: Context,
    input: DescribeListenerCertificatesInput,
) -> Result<DescribeListenerCertificatesOutput, ServiceError> {
    let arn = arns::required(input.listener_arn, "listenerArn")?;
    context.authorise("elasticloadbalancing:DescribeListenerCertificates", "*")?;
    let page = Page::new(input.marker.as_deref(), input.page_size)?;
    let view = context.view();
    let row = arns::listener(&view, &context.scope, &arn)?;
    // Their place is their key: it puts the default one first.
    let keyed = row.certificates.iter().enumerate().map(|(at, arn)| {
        let shown = Certificate { certificate_arn: Some(arn.clone()), is_default: Some(at == 0) };
        (format!("{at:04}"), shown)
    });
    let (found, next_marker) = page.take(keyed);
    Ok(DescribeListenerCertificatesOutput { certificates: Some(found), next_marker })
}
