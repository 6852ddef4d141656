//! What the balancer answers when nobody else can.

use std::time::Duration;

use edge_balancer::metrics::Counter;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{
    Balancer, attributes, body, forward, nowhere, ok, raw_target, read_message, run, status, target,
};

#[test]
fn malformed_requests_have_their_codes() {
    run(async {
        let (address, asked) = target(|_| ok("")).await;
        let balancer = Balancer::to(&[address]).await;
        let long = "a".repeat(20_000);
        for (request, code) in [
            ("nonsense\r\n\r\n".to_owned(), 400),
            ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
            (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 414),
            (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), 400),
            ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 405),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n".to_owned(), 501),
            ("GET / HTTP/3.0\r\nHost: a\r\n\r\n".to_owned(), 505),
            (format!("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {}\r\n\r\n", "1.1.1.1,".repeat(31)), 463),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned(), 400),
        ] {
            let answer = balancer.ask(&request).await;
            assert_eq!(status(&answer), code, "{} {answer}", &request[..request.len().min(80)]);
            assert!(answer.contains("Server: awselb/2.0\r\n"), "{answer}");
            assert!(body(&answer).starts_with("<html>"), "{answer}");
        }
        assert!(asked.borrow().iter().all(|request| request.contains("chunked")));
        assert_eq!(balancer.count(Counter::HttpCodeElb4xxCount), 7);
        assert_eq!(balancer.count(Counter::HttpCodeElb5xxCount), 2);
    });
}

#[test]
fn targets_that_fail_are_answered_for() {
    run(async {
        let balancer = Balancer::to(&[]).await;
        assert_eq!(status(&balancer.get("/").await), 503);
        balancer.runtime.remove_target_group("group");
        assert_eq!(status(&balancer.get("/").await), 503);

        balancer.set_group("group", &[nowhere().await], |_| {});
        assert_eq!(status(&balancer.get("/").await), 502);
        assert_eq!(balancer.count(Counter::TargetConnectionErrorCount), 1);

        for answer in ["nonsense", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", ""] {
            let address = raw_target(move |mut stream| async move {
                read_message(&mut stream).await;
                stream.write_all(answer.as_bytes()).await.unwrap();
            })
            .await;
            balancer.set_group("group", &[address], |_| {});
            assert_eq!(status(&balancer.get("/").await), 502, "{answer}");
        }
        let large = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(40_000));
        let (address, _) = target(move |_| Some(large.clone())).await;
        balancer.set_group("group", &[address], |_| {});
        assert_eq!(status(&balancer.get("/").await), 502);
        assert_eq!(balancer.count(Counter::HttpCodeElb502Count), 5);
        assert_eq!(balancer.count(Counter::HttpCodeElb503Count), 2);
    });
}

#[test]
fn an_answer_that_is_cut_off_is_not_made_whole() {
    run(async {
        let address = raw_target(|mut stream| async move {
            read_message(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await.unwrap();
        })
        .await;
        let balancer = Balancer::to(&[address]).await;
        let mut client = balancer.connect().await;
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(body(&answer), "half");
    });
}

#[test]
fn a_silent_target_is_a_504_and_a_silent_client_is_closed() {
    run(async {
        let address = raw_target(|mut stream| async move {
            let mut all = Vec::new();
            let _ = stream.read_to_end(&mut all).await;
        })
        .await;
        let balancer = Balancer::start(|config| {
            config.attributes = attributes(&[("idle_timeout.timeout_seconds", "1")]);
        })
        .await;
        balancer.set_group("group", &[address], |_| {});
        let mut silent = balancer.connect().await;
        let mut slow = balancer.connect().await;
        slow.write_all(b"GET / HT").await.unwrap();
        assert_eq!(status(&balancer.get("/").await), 504);
        let mut answer = String::new();
        silent.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "");
        slow.read_to_string(&mut answer).await.unwrap();
        assert_eq!(status(&answer), 408);
    });
}

#[test]
fn a_client_that_leaves_is_a_460() {
    run(async {
        let (asked, mut was_asked) = tokio::sync::mpsc::channel(1);
        let address = raw_target(move |mut stream| {
            let asked = asked.clone();
            async move {
                read_message(&mut stream).await;
                asked.send(()).await.unwrap();
                // The balancer gives up the target's connection too.
                assert_eq!(stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
                asked.send(()).await.unwrap();
            }
        })
        .await;
        let balancer = Balancer::to(&[address]).await;
        let mut client = balancer.connect().await;
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        was_asked.recv().await.unwrap();
        drop(client);
        was_asked.recv().await.unwrap();
        while balancer.count(Counter::HttpCodeElb4xxCount) == 0 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn desync_modes_close_or_refuse() {
    run(async {
        let (address, asked) = target(|_| ok("ok")).await;
        let ambiguous =
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        for (mode, code, closes) in
            [("monitor", 200, false), ("defensive", 200, true), ("strictest", 400, true)]
        {
            let balancer = Balancer::start(|config| {
                config.attributes = attributes(&[("routing.http.desync_mitigation_mode", mode)]);
            })
            .await;
            balancer.set_group("group", &[address], |_| {});
            let answer = balancer.ask(ambiguous).await;
            assert_eq!(
                (status(&answer), answer.contains("Connection: close")),
                (code, closes),
                "{mode} {answer}"
            );
            let counter = Counter::DesyncMitigationModeNonCompliantRequestCount;
            tokio::time::timeout(Duration::from_secs(1), async {
                while balancer.count(counter) == 0 {
                    tokio::task::yield_now().await;
                }
            })
            .await
            .expect("it is counted");
        }
        assert!(asked.borrow().iter().all(|request| !request.contains("Content-Length")));
    });
}

#[test]
fn nothing_is_forwarded_when_all_weights_are_zero() {
    run(async {
        let (address, _) = target(|_| ok("")).await;
        let mut balancer = Balancer::to(&[address]).await;
        balancer.reconfigure(|config| config.listeners[0].default_action = forward(&[("group", 0)], None));
        assert_eq!(status(&balancer.get("/").await), 503);
    });
}
