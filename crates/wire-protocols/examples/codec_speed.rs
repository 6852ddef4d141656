//! How fast the codec is: `cargo run --release -p wire-protocols --example codec_speed`.
//!
//! A DescribeTasks call with one task as Fargate reports it: read the request, write the response, verify the
//! signature; and a RegisterTaskDefinition request with two containers.

use std::hint::black_box;

use bytes::Bytes;
use http::request::Parts;
use stdx::clock::{Clock, SystemClock};
use wire_protocols::json::{JsonReader, JsonWriter};
use wire_protocols::sigv4::{self, Credentials, Scope, SigningKeys};
use wire_protocols::{Router, message};
use wire_schema::{Instant, Operation, Protocol, Shape};
use wire_shapes_compute::ecs;

const ROUNDS: u32 = 100_000;
const NOW: Instant = Instant::from_secs(1_767_323_045);

fn measure(name: &str, bytes: usize, mut work: impl FnMut()) {
    let clock = SystemClock::new();
    let start = clock.monotonic();
    (0..ROUNDS).for_each(|_| work());
    let each = (clock.monotonic() - start) / ROUNDS;
    println!("{name:<40}{each:>12.2?}{:>12.0}/s {bytes:>8} bytes", 1.0 / each.as_secs_f64());
}

fn read<T: Shape>(text: &str) -> T {
    let mut shape = T::default();
    JsonReader::read_body(text.as_bytes(), &mut shape, false).expect("the sample is JSON");
    shape
}

fn signed_request(body: &str) -> (Parts, String) {
    let mut parts = http::Request::post("/")
        .header("host", "127.0.0.1:4566")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "AmazonEC2ContainerServiceV20141113.DescribeTasks")
        .body(())
        .expect("a request")
        .into_parts()
        .0;
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned();
    let credentials = Credentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: secret.clone(),
        session_token: None,
    };
    let scope = Scope { region: "us-east-1", service: "ecs", now: NOW };
    sigv4::sign(&mut parts, body.as_bytes(), &credentials, scope).expect("headers are plain");
    (parts, secret)
}

fn main() {
    let request = r#"{"cluster":"default","tasks":["arn:aws:ecs:us-east-1:000000000000:task/default/0123456789abcdef0123456789abcdef"],"include":["TAGS"]}"#;
    let response: ecs::DescribeTasksResponse = read(include_str!("describe_tasks.json"));
    let registration = include_str!("register_task_definition.json");
    let (parts, secret) = signed_request(request);
    let body = Bytes::from_static(request.as_bytes());
    let router = Router::new(&[&ecs::SERVICE, &wire_shapes_compute::ecr::SERVICE]);
    let keys = SigningKeys::default();
    let written = JsonWriter::write_body(&response);

    measure("read DescribeTasksRequest", request.len(), || {
        black_box(read::<ecs::DescribeTasksRequest>(black_box(request)));
    });
    measure("write DescribeTasksResponse", written.len(), || {
        black_box(JsonWriter::write_body(black_box(&response)));
    });
    measure("read DescribeTasksResponse", written.len(), || {
        let mut shape = ecs::DescribeTasksResponse::default();
        JsonReader::read_body(black_box(&written), &mut shape, false).expect("our own JSON");
        black_box(shape);
    });
    measure("read RegisterTaskDefinitionRequest", registration.len(), || {
        black_box(read::<ecs::RegisterTaskDefinitionRequest>(black_box(registration)));
    });
    measure("parse and verify a signature", request.len(), || {
        let signed = sigv4::parse(black_box(&parts)).expect("our signature");
        black_box(sigv4::verify(&signed, &keys, &secret, &body, NOW).expect("our signature"));
    });
    measure("verify, route, read, write", written.len(), || {
        let signed = sigv4::parse(black_box(&parts)).expect("our signature");
        let body = sigv4::verify(&signed, &keys, &secret, &body, NOW).expect("our signature");
        let route = router.route(&parts, &body, Some(&signed.service)).expect("our request");
        let operation = ecs::operations::DescribeTasks::SCHEMA;
        let mut input = ecs::DescribeTasksRequest::default();
        message::decode_input(route.protocol, operation, &parts, &body, &mut input).expect("our request");
        black_box(&input);
        let id = "6b1c2c1e-0000-0000-0000-000000000000";
        black_box(message::encode_output(Protocol::AwsJson1_1, &ecs::SERVICE, operation, id, &response));
    });
}
