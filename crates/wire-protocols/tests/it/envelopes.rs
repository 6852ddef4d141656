//! An error in each protocol's envelope.

use expect_test::{Expect, expect};
use wire_protocols::Body;
use wire_protocols::error_envelope::encode_error;
use wire_schema::{Protocol, ServiceError, ServiceSchema};
use wire_shapes_compute::ecs;
use wire_shapes_network::ec2;
use wire_shapes_platform::iam;

use crate::shapes::{cloudwatch, eks, s3};

/// Status, headers and body as text.
fn shown(response: &http::Response<Body>) -> String {
    let mut text = response.status().as_u16().to_string();
    for (name, value) in response.headers() {
        text.push_str(&format!("\n{name}: {}", String::from_utf8_lossy(value.as_bytes())));
    }
    let body = response.body().bytes().expect("not a stream");
    format!("{text}\n\n{}", String::from_utf8_lossy(body))
}

fn check_error(
    service: &'static ServiceSchema,
    protocol: Protocol,
    operation: &str,
    error: ServiceError,
    expected: Expect,
) {
    expected.assert_eq(&shown(&encode_error(
        protocol,
        service,
        service.operation(operation),
        "req-1",
        &error,
    )));
}

#[test]
fn json_errors_have_their_envelopes() {
    let not_found = ecs::ClusterNotFoundException { message: Some("Cluster not found.".to_owned()) };
    check_error(
        &ecs::SERVICE,
        Protocol::AwsJson1_1,
        "RunTask",
        not_found.into(),
        expect![[r#"
        400
        x-amzn-requestid: req-1
        content-type: application/x-amz-json-1.1

        {"__type":"ClusterNotFoundException","message":"Cluster not found."}"#]],
    );
    let conflict = ServiceError::caller("ConflictException", "a \"b\"").field("resourceIds", vec!["x", "y"]);
    check_error(
        &ecs::SERVICE,
        Protocol::AwsJson1_1,
        "RunTask",
        conflict,
        expect![[r#"
        400
        x-amzn-requestid: req-1
        content-type: application/x-amz-json-1.1

        {"__type":"ConflictException","resourceIds":["x","y"],"message":"a \"b\""}"#]],
    );
    check_error(
        &ecs::SERVICE,
        Protocol::AwsJson1_1,
        "RunTask",
        ServiceError::internal("a secret"),
        expect![[r#"
        500
        x-amzn-requestid: req-1
        content-type: application/x-amz-json-1.1

        {"__type":"ServerException","message":"The request processing has failed because of an unknown error, exception or failure."}"#]],
    );
}

#[test]
fn other_errors_have_their_envelopes() {
    let no_entity = || ServiceError::caller("NoSuchEntity", "The user with name <a> cannot be found.");
    check_error(
        &iam::SERVICE,
        Protocol::AwsQuery,
        "GetUser",
        no_entity(),
        expect![[r#"
        404
        x-amzn-requestid: req-1
        content-type: text/xml

        <ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>The user with name &lt;a&gt; cannot be found.</Message></Error><RequestId>req-1</RequestId></ErrorResponse>"#]],
    );
    let no_group = ServiceError::caller("InvalidGroup.NotFound", "The security group 'sg-1' does not exist");
    check_error(
        &ec2::SERVICE,
        Protocol::Ec2Query,
        "DescribeSecurityGroups",
        no_group,
        expect![[r#"
        400
        x-amzn-requestid: req-1
        content-type: text/xml;charset=UTF-8

        <?xml version="1.0" encoding="UTF-8"?>
        <Response><Errors><Error><Code>InvalidGroup.NotFound</Code><Message>The security group 'sg-1' does not exist</Message></Error></Errors><RequestID>req-1</RequestID></Response>"#]],
    );
}

#[test]
fn rest_and_query_compatible_errors_have_their_envelopes() {
    let in_use = ServiceError::caller("ResourceInUseException", "in use");
    check_error(
        &eks::SERVICE,
        Protocol::RestJson1,
        "CreateCluster",
        in_use,
        expect![[r#"
        409
        x-amzn-requestid: req-1
        content-type: application/json
        x-amzn-errortype: ResourceInUseException

        {"__type":"ResourceInUseException","message":"in use"}"#]],
    );
    let no_bucket = ServiceError::caller("NoSuchBucket", "no bucket").with_status(404);
    check_error(
        &s3::SERVICE,
        Protocol::RestXml,
        "GetObject",
        no_bucket,
        expect![[r#"
        404
        x-amz-request-id: req-1
        content-type: application/xml

        <?xml version="1.0" encoding="UTF-8"?>
        <Error><Code>NoSuchBucket</Code><Message>no bucket</Message><RequestId>req-1</RequestId></Error>"#]],
    );
    let no_alarm = ServiceError::caller("ResourceNotFound", "no alarm");
    check_error(
        &cloudwatch::SERVICE,
        Protocol::AwsJson1_0,
        "SetAlarmState",
        no_alarm,
        expect![[r#"
        404
        x-amzn-requestid: req-1
        content-type: application/x-amz-json-1.0
        x-amzn-query-error: ResourceNotFound;Sender

        {"__type":"ResourceNotFound","message":"no alarm"}"#]],
    );
}

#[test]
fn cbor_errors_have_their_envelope() {
    let error = ServiceError::caller("ResourceNotFound", "no alarm");
    let operation = cloudwatch::SERVICE.operation("SetAlarmState");
    let response = encode_error(Protocol::RpcV2Cbor, &cloudwatch::SERVICE, operation, "req-1", &error);
    assert_eq!(response.headers()["smithy-protocol"], "rpc-v2-cbor");
    assert_eq!(response.headers()["content-type"], "application/cbor");
    let body = response.body().bytes().expect("not a stream");
    assert_eq!(&body[..], b"\xbf\x66__type\x70ResourceNotFound\x67message\x68no alarm\xff");
}
