//! Requests and the operations they mean.

use http::request::Parts;
use wire_protocols::{RouteError, Router};
use wire_shapes_compute::ecs;
use wire_shapes_network::ec2;
use wire_shapes_platform::{iam, logs};

use crate::shapes::{cloudwatch, eks, route53, s3};

const TARGET: &str = "AmazonEC2ContainerServiceV20141113";

fn router() -> Router {
    Router::new(&[
        &ecs::SERVICE,
        &ec2::SERVICE,
        &iam::SERVICE,
        &logs::SERVICE,
        &cloudwatch::SERVICE,
        &eks::SERVICE,
        &route53::SERVICE,
        &s3::SERVICE,
    ])
}

fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
    let mut builder = http::Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(()).expect("a request").into_parts().0
}

fn routed(parts: &Parts, body: &str, signing_name: Option<&str>) -> String {
    match router().route(parts, body.as_bytes(), signing_name) {
        Ok(route) => format!("{} {:?} {}", route.service.name, route.protocol, route.operation),
        Err(RouteError::NotAnApi) => "not an API".to_owned(),
        Err(RouteError::Refused { service, protocol, error }) => {
            format!("{} {protocol:?} {:?} {error}", service.name, error.status)
        }
    }
}

fn check(parts: Parts, body: &str, signing_name: Option<&str>, expected: &str) {
    assert_eq!(routed(&parts, body, signing_name), expected, "{} {}", parts.method, parts.uri);
}

#[test]
fn targets_name_an_operation() {
    let json = |target: &str| parts("POST", "/", &[("x-amz-target", target)]);
    check(json(&format!("{TARGET}.RunTask")), "", Some("ecs"), "ecs AwsJson1_1 RunTask");
    check(json(&format!("{TARGET}.RunTask")), "", None, "ecs AwsJson1_1 RunTask");
    check(
        json(&format!("{TARGET}.CreateDaemon")),
        "",
        Some("ecs"),
        "ecs AwsJson1_1 Some(501) NotImplementedException: The operation CreateDaemon of ECS is not implemented by this endpoint.",
    );
    check(
        json(&format!("{TARGET}.Nonsense")),
        "",
        Some("ecs"),
        "ecs AwsJson1_1 None UnknownOperationException: The requested operation is not recognized by the service.",
    );
    check(
        json("Other.RunTask"),
        "",
        Some("ecs"),
        "ecs AwsJson1_1 None UnknownOperationException: The requested operation is not recognized by the service.",
    );
    check(
        parts(
            "POST",
            "/",
            &[
                ("x-amz-target", "GraniteServiceVersion20100801.PutMetricData"),
                ("content-type", "application/x-amz-json-1.0"),
            ],
        ),
        "",
        Some("monitoring"),
        "cloudwatch AwsJson1_0 PutMetricData",
    );
    check(
        parts(
            "POST",
            "/service/GraniteServiceVersion20100801/operation/PutMetricData",
            &[("smithy-protocol", "rpc-v2-cbor")],
        ),
        "",
        Some("monitoring"),
        "cloudwatch RpcV2Cbor PutMetricData",
    );
}

#[test]
fn actions_name_an_operation() {
    let form = || parts("POST", "/", &[("content-type", "application/x-www-form-urlencoded; charset=utf-8")]);
    check(
        form(),
        "Action=PutMetricData&Version=2010-08-01",
        Some("monitoring"),
        "cloudwatch AwsQuery PutMetricData",
    );
    check(form(), "Version=2010-05-08&Action=GetUser", Some("iam"), "iam AwsQuery GetUser");
    check(form(), "Action=DescribeVpcs", Some("ec2"), "ec2 Ec2Query DescribeVpcs");
    check(form(), "Action=GetUser&Version=2010-05-08", None, "iam AwsQuery GetUser");
    check(parts("GET", "/?Action=DescribeVpcs", &[]), "", Some("ec2"), "ec2 Ec2Query DescribeVpcs");
    check(
        form(),
        "Action=Nonsense",
        Some("iam"),
        "iam AwsQuery None InvalidAction: The action Nonsense is not valid for this web service.",
    );
    check(
        form(),
        "Action=RunInstances",
        Some("ec2"),
        "ec2 Ec2Query Some(501) NotImplemented: The operation RunInstances of EC2 is not implemented by this endpoint.",
    );
    check(
        form(),
        "",
        Some("iam"),
        "iam AwsQuery None MissingAction: The request is missing an action or a required parameter.",
    );
}

/// Half understood, these would delete a bucket or replace an object.
#[test]
fn sub_resources_of_s3_are_not_passed_over() {
    let refused = |name: &str| {
        format!(
            "s3 RestXml Some(501) NotImplemented: The sub-resource '{name}' of S3 is not implemented by this endpoint."
        )
    };
    check(parts("PUT", "/b/k?partNumber=1&uploadId=u", &[]), "", Some("s3"), &refused("uploadId"));
    check(parts("GET", "/b/k?torrent", &[]), "", Some("s3"), &refused("torrent"));
    check(parts("DELETE", "/b?policy", &[]), "", Some("s3"), &refused("policy"));
    check(parts("PUT", "/b/k?x-id=PutObject", &[]), "", Some("s3"), "s3 RestXml PutObject");
}

#[test]
fn paths_name_an_operation() {
    check(parts("GET", "/clusters/a", &[]), "", Some("eks"), "eks RestJson1 DescribeCluster");
    check(
        parts("GET", "/2013-04-01/hostedzone/Z1", &[]),
        "",
        Some("route53"),
        "route53 RestXml GetHostedZone",
    );
    check(
        parts("POST", "/2013-04-01/hostedzone/Z1/rrset", &[]),
        "",
        Some("route53"),
        "route53 RestXml ChangeResourceRecordSets",
    );
    check(parts("PUT", "/b/k/l", &[]), "", Some("s3"), "s3 RestXml PutObject");
    check(parts("POST", "/b/k/l?uploads", &[]), "", Some("s3"), "s3 RestXml CreateMultipartUpload");
    check(parts("GET", "/b?list-type=2", &[]), "", Some("s3"), "s3 RestXml ListObjectsV2");
    check(parts("GET", "/b/?list-type=2&prefix=", &[]), "", Some("s3"), "s3 RestXml ListObjectsV2");
    check(
        parts("GET", "/clusters", &[("host", "eks.eu-west-1.amazonaws.com")]),
        "",
        None,
        "eks RestJson1 ListClusters",
    );
    check(
        parts("GET", "/nothing/here", &[]),
        "",
        Some("eks"),
        "eks RestJson1 Some(404) UnknownOperationException: The requested operation is not recognized.",
    );
    check(parts("GET", "/v2/", &[("host", "127.0.0.1:4566")]), "", None, "not an API");
}
