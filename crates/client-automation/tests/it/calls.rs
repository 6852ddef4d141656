use client_api::api::Credentials;
use client_automation::Failure;
use client_automation::call::{Call, Caller};
use serde_json::json;
use stdx::clock::SystemClock;
use stdx_net::client::{Client, Options};

use crate::{Seen, lines, serve};

async fn call(
    address: std::net::SocketAddr,
    service: &str,
    operation: &str,
    input: &str,
) -> Result<(), Failure> {
    let client = Client::new(Options::default()).expect("a client");
    let caller = Caller { client, endpoint: format!("http://{address}"), clock: SystemClock::shared() };
    let credentials = Credentials {
        access_key_id: "ASIAEXAMPLE".into(),
        secret_access_key: "secret".into(),
        session_token: Some("token".into()),
    };
    caller.call(Call { region: "eu-west-1", credentials, service, operation, input }).await
}

fn target(seen: &Seen) -> &str {
    seen.headers.get("x-amz-target").map_or("", |value| value.to_str().unwrap_or_default())
}

/// An API that knows one log group, has no room for tasks of one family, and throttles one bus.
fn api(seen: &Seen) -> (u16, String) {
    let refuse = |code: &str| (400, json!({ "__type": code, "message": "no" }).to_string());
    match target(seen) {
        "AmazonEC2ContainerServiceV20141113.RunTask" if seen.body.contains("large") => {
            (200, json!({"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]}).to_string())
        }
        "AmazonEC2ContainerServiceV20141113.RunTask" => {
            (200, json!({"tasks": [{}], "failures": []}).to_string())
        }
        "Logs_20140328.PutLogEvents" if seen.body.contains("new") => refuse("ResourceNotFoundException"),
        "Logs_20140328.CreateLogStream" => (200, String::new()),
        "AWSEvents.PutEvents" => refuse("ThrottlingException"),
        "" if seen.body.starts_with("Action=Publish&") => (
            200,
            "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"
                .into(),
        ),
        _ => refuse("AccessDeniedException"),
    }
}

#[tokio::test]
async fn calls_go_out_signed_and_their_failures_are_told_apart() {
    let (_listening, address, log) = serve(api);
    assert_eq!(call(address, "ecs", "RunTask", r#"{"taskDefinition": "web"}"#).await, Ok(()));
    let full = call(address, "ecs", "RunTask", r#"{"taskDefinition": "large"}"#).await;
    assert_eq!(full, Err(Failure::passing("RESOURCE:MEMORY")));
    assert!(call(address, "events", "PutEvents", "{}").await.is_err_and(|failure| failure.may_pass));
    assert!(call(address, "ecs", "StopTask", "{}").await.is_err_and(|failure| !failure.may_pass));
    assert_eq!(call(address, "sns", "Publish", r#"{"TopicArn": "t", "Message": "a b"}"#).await, Ok(()));
    assert!(call(address, "lambda", "Invoke", "{}").await.is_err_and(|failure| !failure.may_pass));
    let seen = lines(&log);
    let authorization = seen[0].headers["authorization"].to_str().expect("text");
    assert!(authorization.contains("/eu-west-1/ecs/aws4_request"), "{authorization}");
    assert_eq!(seen[0].headers["x-amz-security-token"], "token");
    assert_eq!(
        seen.last().expect("a call").body,
        "Action=Publish&Version=2010-03-31&TopicArn=t&Message=a%20b"
    );
}

#[tokio::test]
async fn a_log_stream_that_is_missing_is_made() {
    let (_listening, address, log) = serve(api);
    let input = json!({"logGroupName": "/aws/events/x", "logStreamName": "new", "logEvents": []}).to_string();
    // It stays missing here: the second attempt of the same call says so.
    assert!(call(address, "logs", "PutLogEvents", &input).await.is_err());
    let seen = lines(&log);
    let targets: Vec<&str> = seen.iter().map(target).collect();
    assert_eq!(
        targets,
        ["Logs_20140328.PutLogEvents", "Logs_20140328.CreateLogStream", "Logs_20140328.PutLogEvents"]
    );
}

#[tokio::test]
async fn nobody_listening_may_pass() {
    let address = "127.0.0.1:1".parse().expect("an address");
    assert!(call(address, "ecs", "RunTask", "{}").await.is_err_and(|failure| failure.may_pass));
}
