//! Calls through a service's table, also those whose answer is a stream of events.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use http::request::Parts;
use wire_protocols::{Body, Call, ServiceTable};
use wire_schema::{Operation, Protocol, ServiceError};
use wire_shapes_compute::ecs;
use wire_shapes_platform::logs;

fn parts() -> Parts {
    http::Request::post("/").body(()).expect("a request").into_parts().0
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
    let parts = parts();
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
    let (parts, body) = (parts(), Bytes::from_static(b"{}"));
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
    let (parts, body) = (parts(), Bytes::new());
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
