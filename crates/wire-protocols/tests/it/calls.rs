//! From a request to its answer: routes, tables, envelopes and event streams.

use std::time::Duration;

use bytes::Bytes;
use expect_test::{Expect, expect};
use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use http::request::Parts;
use wire_protocols::error_envelope::encode_error;
use wire_protocols::{Body, Call, RouteError, Router, ServiceTable};
use wire_schema::{Operation, Protocol, ServiceError, ServiceSchema};
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

#[test]
fn requests_find_their_operation() {
    let json = |target: &str| parts("POST", "/", &[("x-amz-target", target)]);
    let check = |parts: Parts, body: &str, signing_name: Option<&str>, expected: &str| {
        assert_eq!(routed(&parts, body, signing_name), expected, "{} {}", parts.method, parts.uri);
    };
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
fn errors_have_their_envelopes() {
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

/// What the handlers here get besides their input.
#[derive(Clone)]
struct Context {
    fail: bool,
}

async fn list_clusters(
    context: Context,
    input: ecs::ListClustersRequest,
) -> Result<ecs::ListClustersResponse, ServiceError> {
    if context.fail {
        return Err(ServiceError::caller("InvalidParameterException", "no"));
    }
    assert_ne!(input.max_results, Some(13), "a bug");
    let arns = vec![format!("cluster-{}", input.max_results.unwrap_or(0))];
    Ok(ecs::ListClustersResponse { cluster_arns: Some(arns), next_token: None })
}

fn call(operation: &str, context: Context, body: &'static str) -> String {
    let table =
        ServiceTable::new(&ecs::SERVICE).operation::<ecs::operations::ListClusters, _, _>(list_clusters);
    assert!(table.missing().contains(&"RunTask") && !table.missing().contains(&"ListClusters"));
    let parts = parts("POST", "/", &[]);
    let body = Bytes::from(body);
    let call =
        Call { protocol: Protocol::AwsJson1_1, operation, parts: &parts, body: &body, request_id: "req-1" };
    let response = table.call(context, call).now_or_never().expect("the handler does not wait");
    format!(
        "{} {}",
        response.status().as_u16(),
        String::from_utf8_lossy(response.body().bytes().expect("not a stream"))
    )
}

#[test]
fn a_table_answers_every_call() {
    let good = || Context { fail: false };
    assert_eq!(call("ListClusters", good(), "{\"maxResults\": 5}"), "200 {\"clusterArns\":[\"cluster-5\"]}");
    assert_eq!(
        call("ListClusters", Context { fail: true }, "{}"),
        "400 {\"__type\":\"InvalidParameterException\",\"message\":\"no\"}"
    );
    assert!(call("ListClusters", good(), "{").starts_with("400 {\"__type\":\"SerializationException\""));
    assert!(
        call("ListClusters", good(), "{\"maxResults\": 13}")
            .starts_with("500 {\"__type\":\"ServerException\"")
    );
    assert!(call("RunTask", good(), "{}").starts_with("501 {\"__type\":\"NotImplementedException\""));
}

async fn start_live_tail(
    _context: Context,
    _input: logs::StartLiveTailRequest,
) -> Result<
    (logs::StartLiveTailResponse, impl futures_util::Stream<Item = Event> + Send + 'static),
    ServiceError,
> {
    let start = logs::LiveTailSessionStart { request_id: Some("r".to_owned()), ..Default::default() };
    let start = logs::StartLiveTailResponseStream { session_start: Some(start), ..Default::default() };
    let end = ServiceError::caller("SessionTimeoutException", "three hours");
    Ok((logs::StartLiveTailResponse::default(), stream::iter([Ok(start), Err(end)])))
}

type Event = Result<logs::StartLiveTailResponseStream, ServiceError>;

#[test]
fn a_stream_is_sent_in_frames() {
    let table = ServiceTable::new(&logs::SERVICE)
        .event_stream::<logs::operations::StartLiveTail, _, _, _, _>(start_live_tail);
    let (parts, body) = (parts("POST", "/", &[]), Bytes::from_static(b"{}"));
    let operation = logs::operations::StartLiveTail::SCHEMA.name;
    let call =
        Call { protocol: Protocol::AwsJson1_1, operation, parts: &parts, body: &body, request_id: "req-1" };
    let response =
        table.call(Context { fail: false }, call).now_or_never().expect("the handler does not wait");
    assert_eq!(response.headers()["content-type"], "application/vnd.amazon.eventstream");
    let Body::Stream(frames) = response.into_body() else { panic!("not a stream") };
    let frames: Vec<Bytes> = frames.collect().now_or_never().expect("the stream does not wait");
    let read: Vec<String> = frames.iter().map(|frame| read_frame(frame)).collect();
    assert_eq!(
        read,
        [
            ":event-type=initial-response :content-type=application/x-amz-json-1.1 :message-type=event {}",
            ":event-type=sessionStart :content-type=application/x-amz-json-1.1 :message-type=event {\"requestId\":\"r\"}",
            ":exception-type=SessionTimeoutException :content-type=application/x-amz-json-1.1 \
             :message-type=exception {\"message\":\"three hours\"}",
        ]
    );
}

/// Reads a frame as the format's description says, checksums included.
fn read_frame(frame: &[u8]) -> String {
    let number = |at: usize| u32::from_be_bytes(frame[at..at + 4].try_into().expect("four bytes"));
    let (total, headers_length) = (number(0) as usize, number(4) as usize);
    assert_eq!(total, frame.len());
    assert_eq!(number(8), crc32fast::hash(&frame[..8]));
    assert_eq!(number(total - 4), crc32fast::hash(&frame[..total - 4]));
    let mut text = String::new();
    let mut headers = &frame[12..12 + headers_length];
    while !headers.is_empty() {
        let name_length = usize::from(headers[0]);
        let (name, rest) = headers[1..].split_at(name_length);
        assert_eq!(rest[0], 7, "a text header");
        let value_length = usize::from(u16::from_be_bytes([rest[1], rest[2]]));
        let (value, rest) = rest[3..].split_at(value_length);
        text.push_str(&format!("{}={} ", String::from_utf8_lossy(name), String::from_utf8_lossy(value)));
        headers = rest;
    }
    text + &String::from_utf8_lossy(&frame[12 + headers_length..total - 4])
}

#[test]
fn dropping_a_stream_ends_the_operation() {
    struct Guard(std::sync::mpsc::SyncSender<()>);
    impl Drop for Guard {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    let table = ServiceTable::new(&logs::SERVICE)
        .event_stream::<logs::operations::StartLiveTail, _, _, _, _>(move |_context: Context, _input| {
            let guard = Guard(sender.clone());
            let events = stream::pending::<Event>().map(move |event| {
                let _ = &guard;
                event
            });
            async { Ok((logs::StartLiveTailResponse::default(), events)) }
        });
    let (parts, body) = (parts("POST", "/", &[]), Bytes::new());
    let call = Call {
        protocol: Protocol::AwsJson1_1,
        operation: "StartLiveTail",
        parts: &parts,
        body: &body,
        request_id: "r",
    };
    let response =
        table.call(Context { fail: false }, call).now_or_never().expect("the handler does not wait");
    assert!(receiver.try_recv().is_err());
    drop(response);
    assert!(receiver.recv_timeout(Duration::from_secs(5)).is_ok());
}
