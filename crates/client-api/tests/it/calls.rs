use std::time::Duration;

use bytes::Bytes;
use client_api::api::{ApiClient, CallError, Credentials, ECS, ELBV2, LOGS};
use client_api::events::StreamError;
use http::{Request, Response};
use serde_json::{Value, json};
use stdx::clock::SystemClock;
use stdx_net::body::{Body, read_bounded};
use stdx_net::server::{self, ConnectionInfo};
use wire_protocols::event_stream::frame;
use wire_protocols::sigv4::{SigningKeys, parse, verify};
use wire_schema::Instant;

const SECRET: &str = "a secret";

fn api(address: std::net::SocketAddr, secret: &str) -> ApiClient {
    let credentials = Credentials {
        access_key_id: String::from("AKIDEXAMPLE"),
        secret_access_key: secret.to_owned(),
        session_token: Some(String::from("a token")),
    };
    let endpoint = format!("http://{address}/");
    ApiClient::new(crate::client(), &endpoint, "us-east-1", credentials, SystemClock::shared())
}

/// Verifies the signature as a server does, then answers by the operation's name.
async fn answer(request: Request<Body>, _: ConnectionInfo) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = read_bounded(body, 1 << 20, Duration::from_secs(5)).await.expect("the body arrives");
    let now = Instant::from_millis(SystemClock::shared().now().as_millis());
    let target = parts.headers["x-amz-target"].to_str().expect("text").to_owned();
    let signed = parse(&parts).expect("a signature");
    assert_eq!(signed.session_token.as_deref(), Some("a token"));
    if verify(&signed, &SigningKeys::default(), SECRET, &body, now).is_err() {
        return refuse(403, "InvalidSignatureException", "it differs");
    }
    let input: Value = serde_json::from_slice(&body).expect("JSON");
    let output = match (target.as_str(), input["nextToken"].as_str()) {
        ("AmazonEC2ContainerServiceV20141113.ListTasks", None) => {
            json!({"taskArns": ["a"], "nextToken": "1"})
        }
        ("AmazonEC2ContainerServiceV20141113.ListTasks", Some(_)) => json!({"taskArns": ["b"]}),
        ("AmazonEC2ContainerServiceV20141113.DescribeClusters", _) => input,
        ("Logs_20140328.StartLiveTail", _) => {
            let event = [(":message-type", "event"), (":event-type", "sessionUpdate")];
            let end = [(":message-type", "exception"), (":exception-type", "SessionTimeoutException")];
            let frames = [frame(&event, br#"{"sessionResults":[]}"#), frame(&end, br#"{"message":"over"}"#)];
            // Frames are cut anywhere on their way.
            let pieces: Vec<_> =
                frames.concat().chunks(7).map(Bytes::copy_from_slice).map(Ok::<_, std::io::Error>).collect();
            return Response::new(Body::stream(futures_util::stream::iter(pieces)));
        }
        _ => return refuse(400, "com.amazon#ClusterNotFoundException", "Cluster not found."),
    };
    Response::new(Body::from(output.to_string()))
}

fn refuse(status: u16, code: &str, message: &str) -> Response<Body> {
    let body = json!({"__type": code, "message": message}).to_string();
    Response::builder()
        .status(status)
        .header("x-amzn-requestid", "r-1")
        .body(Body::from(body))
        .expect("a response")
}

#[tokio::test]
async fn calls_are_signed_and_answered() {
    let (_listening, address) = crate::start(server::handler(answer));
    let input = json!({"clusters": ["ä", "b"]});
    let output = api(address, SECRET).call(ECS, "DescribeClusters", &input).await.expect("an answer");
    assert_eq!(output, input);
    let mut arns = Vec::new();
    let page = |page: Value| arns.push(page["taskArns"][0].clone());
    api(address, SECRET).pages(ECS, "ListTasks", json!({}), page).await.expect("two pages");
    assert_eq!(arns, ["a", "b"]);
}

#[tokio::test]
async fn refusals_carry_their_code() {
    let (_listening, address) = crate::start(server::handler(answer));
    let failure = api(address, SECRET).call(ECS, "RunTask", &json!({})).await.expect_err("a refusal");
    assert_eq!(failure.to_string(), "ClusterNotFoundException: Cluster not found.");
    assert!(matches!(failure, CallError::Service { status: 400, request_id: Some(id), .. } if id == "r-1"));
    let failure = api(address, "another").call(ECS, "RunTask", &json!({})).await.expect_err("a refusal");
    assert_eq!(failure.code(), Some("InvalidSignatureException"));
}

#[tokio::test]
async fn streams_are_read_event_by_event() {
    let (_listening, address) = crate::start(server::handler(answer));
    let mut events = api(address, SECRET).stream(LOGS, "StartLiveTail", &json!({})).await.expect("a stream");
    let first = events.next().await.expect("an event").expect("an event");
    assert_eq!((first.name.as_str(), first.payload), ("sessionUpdate", json!({"sessionResults": []})));
    let failure = events.next().await.expect_err("the exception");
    assert!(matches!(failure, StreamError::Exception { code, .. } if code == "SessionTimeoutException"));
}

/// Verifies the signature as a server does, then answers by the action.
async fn answer_query(request: Request<Body>, _: ConnectionInfo) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = read_bounded(body, 1 << 20, Duration::from_secs(5)).await.expect("the body arrives");
    let now = Instant::from_millis(SystemClock::shared().now().as_millis());
    let signed = parse(&parts).expect("a signature");
    verify(&signed, &SigningKeys::default(), SECRET, &body, now).expect("a good signature");
    let (status, answer) = match &body[..] {
        b"Action=DescribeTargetHealth&Version=2015-12-01&TargetGroupArn=arn%3Ax%2F1" => (
            200,
            "<DescribeTargetHealthResponse xmlns=\"x\"><DescribeTargetHealthResult><TargetHealthDescriptions>\
             <member><Target><Id>10.0.0.1</Id></Target><TargetHealth><State>healthy</State></TargetHealth></member>\
             <member><Target><Id>a&amp;b</Id></Target></member>\
             </TargetHealthDescriptions></DescribeTargetHealthResult></DescribeTargetHealthResponse>",
        ),
        _ => (
            400,
            "<ErrorResponse><Error><Code>TargetGroupNotFound</Code><Message>One or more target groups not found\
             </Message></Error><RequestId>r-2</RequestId></ErrorResponse>",
        ),
    };
    Response::builder().status(status).body(Body::from(answer)).expect("a response")
}

#[tokio::test]
async fn queries_are_signed_and_their_answers_read_like_json() {
    let (_listening, address) = crate::start(server::handler(answer_query));
    let api = api(address, SECRET);
    let output = api.query(ELBV2, "DescribeTargetHealth", &[("TargetGroupArn", "arn:x/1")]).await;
    let expected = json!({"TargetHealthDescriptions": [
        {"Target": {"Id": "10.0.0.1"}, "TargetHealth": {"State": "healthy"}},
        {"Target": {"Id": "a&b"}},
    ]});
    assert_eq!(output.expect("an answer"), expected);
    let failure = api.query(ELBV2, "DescribeTargetHealth", &[]).await.expect_err("a refusal");
    assert_eq!(failure.to_string(), "TargetGroupNotFound: One or more target groups not found");
    assert!(matches!(failure, CallError::Service { status: 400, request_id: Some(id), .. } if id == "r-2"));
}
