//! Requests that botocore wrote, and responses that botocore reads; `tests/vectors.py` makes and checks them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use wire_protocols::json::{JsonReader, JsonWriter};
use wire_protocols::{Router, message};
use wire_schema::{Operation, Protocol, ServiceSchema, Shape};
use wire_shapes_compute::{ecr, ecs};
use wire_shapes_network::ec2;
use wire_shapes_platform::{iam, logs, sts};

use crate::shapes::{cloudwatch, eks, route53, s3};

/// What a file of vectors is about.
struct Subject {
    protocol: Protocol,
    service: &'static ServiceSchema,
}

type Check = fn(&Subject, &Value) -> Value;

macro_rules! checks {
    ($service:ident: $($operation:ident),* $(,)?) => {
        BTreeMap::from([$((stringify!($operation), check::<$service::operations::$operation> as Check)),*])
    };
}

#[test]
fn ecs_json() {
    let checks =
        checks!(ecs: RegisterTaskDefinition, RunTask, DescribeTasks, CreateCluster, ListTagsForResource);
    run("ecs.json", Protocol::AwsJson1_1, &ecs::SERVICE, &checks);
}

#[test]
fn ecr_json() {
    let checks =
        checks!(ecr: CreateRepository, BatchGetImage, UploadLayerPart, GetAuthorizationToken, DescribeImages);
    run("ecr.json", Protocol::AwsJson1_1, &ecr::SERVICE, &checks);
}

#[test]
fn logs_json() {
    let checks = checks!(logs: CreateLogGroup, PutLogEvents, FilterLogEvents, GetLogEvents, TagLogGroup);
    run("logs.json", Protocol::AwsJson1_1, &logs::SERVICE, &checks);
}

#[test]
fn iam_and_sts_query() {
    let checks =
        checks!(iam: CreateRole, GetUser, ListRoles, DeleteUser, GetAccountSummary, ListAttachedRolePolicies);
    run("iam.query", Protocol::AwsQuery, &iam::SERVICE, &checks);
    let checks = checks!(sts: AssumeRole, GetCallerIdentity);
    run("sts.query", Protocol::AwsQuery, &sts::SERVICE, &checks);
}

#[test]
fn ec2_query() {
    let checks = checks!(ec2: AuthorizeSecurityGroupIngress, CreateSecurityGroup, CreateTags,
        DescribeNetworkInterfaces, DescribeSecurityGroups, DescribeVpcs);
    run("ec2.ec2", Protocol::Ec2Query, &ec2::SERVICE, &checks);
}

#[test]
fn cloudwatch_in_all_its_protocols() {
    let checks = checks!(cloudwatch: PutMetricData, GetMetricData, DescribeAlarms, SetAlarmState);
    run("cloudwatch.json", Protocol::AwsJson1_0, &cloudwatch::SERVICE, &checks);
    run("cloudwatch.query", Protocol::AwsQuery, &cloudwatch::SERVICE, &checks);
    run("cloudwatch.smithy-rpc-v2-cbor", Protocol::RpcV2Cbor, &cloudwatch::SERVICE, &checks);
}

#[test]
fn eks_rest_json() {
    let checks = checks!(eks: CreateCluster, ListClusters, TagResource, UntagResource);
    run("eks.rest-json", Protocol::RestJson1, &eks::SERVICE, &checks);
}

#[test]
fn route53_and_s3_rest_xml() {
    let checks = checks!(route53: ChangeResourceRecordSets, ListHostedZones, CreateHostedZone);
    run("route53.rest-xml", Protocol::RestXml, &route53::SERVICE, &checks);
    let checks = checks!(s3: PutObject, GetObject, ListObjectsV2, DeleteObjects, CreateMultipartUpload,
        PutBucketTagging, GetObjectAttributes, PutBucketLifecycleConfiguration, GetBucketAcl);
    run("s3.rest-xml", Protocol::RestXml, &s3::SERVICE, &checks);
}

fn run(name: &str, protocol: Protocol, service: &'static ServiceSchema, checks: &BTreeMap<&str, Check>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/vectors/{name}.jsonl"));
    let text = fs::read_to_string(&path).unwrap_or_default();
    let subject = Subject { protocol, service };
    let mut updated = String::new();
    let mut seen = Vec::new();
    for line in text.lines() {
        let mut case: Value = serde_json::from_str(line).expect("a vector is JSON");
        let operation = case["operation"].as_str().expect("a vector names its operation").to_owned();
        let response = checks[operation.as_str()](&subject, &case);
        if std::env::var_os("UPDATE_VECTORS").is_none() {
            assert_eq!(readable(&response), readable(&case["response"]), "{name} {operation}: response");
        }
        case["response"] = response;
        updated.push_str(&format!("{case}\n"));
        seen.push(operation);
    }
    assert_eq!(seen.len(), checks.len(), "{name}: every operation has a vector");
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        fs::write(path, updated).expect("the vectors can be written");
    }
}

/// Shows the body as text where it is text.
fn readable(response: &Value) -> String {
    let body = STANDARD.decode(response["body"].as_str().unwrap_or_default()).unwrap_or_default();
    format!("{} {} {}", response["status"], response["headers"], String::from_utf8_lossy(&body))
}

/// Reads the recorded request and writes the recorded output.
fn check<O: Operation>(subject: &Subject, case: &Value) -> Value {
    let name = O::SCHEMA.name;
    let request = &case["request"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut builder =
        http::Request::builder().method(text(&request["method"]).as_str()).uri(text(&request["uri"]));
    for (key, value) in request["headers"].as_object().into_iter().flatten() {
        builder = builder.header(key, text(value));
    }
    let body = Bytes::from(STANDARD.decode(text(&request["body"])).expect("a recorded body is base64"));
    let (parts, ()) = builder.body(()).expect("a recorded request is one").into_parts();

    let router = Router::new(&[
        &ecs::SERVICE,
        &ecr::SERVICE,
        &logs::SERVICE,
        &iam::SERVICE,
        &sts::SERVICE,
        &ec2::SERVICE,
        &cloudwatch::SERVICE,
        &eks::SERVICE,
        &route53::SERVICE,
        &s3::SERVICE,
    ]);
    let route = router
        .route(&parts, &body, Some(subject.service.signing_name))
        .expect("a recorded request is routed");
    assert_eq!(
        (route.service.id, route.protocol, route.operation),
        (subject.service.id, subject.protocol, name)
    );

    let mut input = O::Input::default();
    message::decode_input(subject.protocol, O::SCHEMA, &parts, &body, &mut input)
        .expect("a recorded request is read");
    assert_eq!(as_json(&input), case["input"], "{name}: input");

    let mut output = O::Output::default();
    let source = case["output"].to_string();
    JsonReader::read_body(source.as_bytes(), &mut output, false).expect("a recorded output is read");
    assert_eq!(as_json(&output), case["output"], "{name}: output");
    let response = message::encode_output(subject.protocol, subject.service, O::SCHEMA, "req-1", &output);
    let headers: BTreeMap<&str, String> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let body = response.body().bytes().expect("an output is not a stream");
    json!({ "status": response.status().as_u16(), "headers": headers, "body": STANDARD.encode(body) })
}

fn as_json<T: Shape>(shape: &T) -> Value {
    serde_json::from_slice(&JsonWriter::write_body(shape)).expect("our writer writes JSON")
}
