//! HTTP/1 from end to end.

use std::rc::Rc;

use edge_balancer::metrics::Counter;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

use crate::support::{Balancer, attributes, body, ok, raw_target, read_message, run, status, target};

#[test]
fn requests_follow_each_other_over_kept_connections() {
    run(async {
        let (address, asked) = target(|request| ok(request.lines().next().unwrap_or(""))).await;
        let balancer = Balancer::to(&[address]).await;
        let mut client = balancer.connect().await;
        let from = client.local_addr().unwrap();
        for path in ["/one?a=b", "/two"] {
            let text = format!("GET {path} HTTP/1.1\r\nHost: a.com:80\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n");
            client.write_all(text.as_bytes()).await.unwrap();
            let answer = read_message(&mut client).await;
            assert_eq!(body(&answer), format!("GET {path} HTTP/1.1"));
            assert!(answer.contains("Connection: keep-alive\r\n"), "{answer}");
        }
        let first = asked.borrow()[0].clone();
        for line in [
            "Host: a.com\r\n".to_owned(),
            format!("X-Forwarded-For: 9.9.9.9, {}\r\n", from.ip()),
            "X-Forwarded-Proto: http\r\n".to_owned(),
            "X-Forwarded-Port: 80\r\n".to_owned(),
            "X-Amzn-Trace-Id: Root=1-".to_owned(),
        ] {
            assert!(first.contains(&line), "{line:?} in {first}");
        }
        assert_eq!(balancer.count(Counter::NewConnectionCount), 1);
        assert_eq!(balancer.count(Counter::RequestCount), 2);
        assert_eq!(balancer.count(Counter::HttpCodeTarget2xxCount), 2);
    });
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    run(async {
        let (address, _) = target(|request| ok(request.split(' ').nth(1).unwrap_or(""))).await;
        let balancer = Balancer::to(&[address]).await;
        let mut client = balancer.connect().await;
        let text =
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        client.write_all(text.as_bytes()).await.unwrap();
        let mut answers = String::new();
        client.read_to_string(&mut answers).await.unwrap();
        assert!(answers.find("/1") < answers.find("/2"), "{answers}");
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2);
    });
}

#[test]
fn bodies_stream_both_ways_before_they_are_complete() {
    run(async {
        // The target answers with each piece as it gets it.
        let address = raw_target(|mut stream| async move {
            let mut buffer = vec![0; 4096];
            let mut seen = String::new();
            while !seen.contains("\r\n\r\n") {
                let length = stream.read(&mut buffer).await.unwrap();
                seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
            // The first piece may have come with the head.
            stream.write_all(body(&seen).as_bytes()).await.unwrap();
            loop {
                let length = stream.read(&mut buffer).await.unwrap();
                if length == 0 || buffer[..length].ends_with(b"0\r\n\r\n") {
                    stream.write_all(b"0\r\n\r\n").await.unwrap();
                    return;
                }
                stream.write_all(&buffer[..length]).await.unwrap();
            }
        })
        .await;
        let balancer = Balancer::to(&[address]).await;
        let mut client = balancer.connect().await;
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        client.write_all(head.as_bytes()).await.unwrap();
        let mut seen = String::new();
        for piece in ["alpha", "beta!", "gamma"] {
            client.write_all(format!("5\r\n{piece}\r\n").as_bytes()).await.unwrap();
            while !seen.contains(&format!("5\r\n{piece}\r\n")) {
                let mut buffer = [0; 1024];
                let length = client.read(&mut buffer).await.unwrap();
                assert!(length > 0, "{seen}");
                seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
        }
        client.write_all(b"0\r\n\r\n").await.unwrap();
        client.read_to_string(&mut seen).await.unwrap();
        assert!(seen.ends_with("\r\n0\r\n\r\n"), "{seen}");
    });
}

#[test]
fn large_bodies_arrive_whole() {
    run(async {
        let (address, asked) = target(|_| ok(&"x".repeat(3_000_000))).await;
        let balancer = Balancer::to(&[address]).await;
        let sent = "y".repeat(2_000_000);
        let text = format!("PUT /big HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{sent}", sent.len());
        let answer = balancer.ask(&text).await;
        assert_eq!(body(&answer).len(), 3_000_000);
        assert_eq!(body(&asked.borrow()[0]).len(), 2_000_000);
        assert!(balancer.count(Counter::ProcessedBytes) > 5_000_000);
    });
}

#[test]
fn answers_without_a_length_are_framed_for_the_client() {
    run(async {
        let (address, _) = target(|request| {
            let close = request.contains("/close");
            let head = if close { "HTTP/1.1 200 OK\r\n\r\nuntil the end" } else { "" };
            (!close).then(|| "HTTP/1.1 204 No Content\r\n\r\n".to_owned()).or(Some(head.to_owned()))
        })
        .await;
        let closing = raw_target(|mut stream| async move {
            read_message(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nuntil the end").await.unwrap();
        })
        .await;
        let balancer = Balancer::to(&[closing]).await;
        let answer = balancer.get("/").await;
        assert!(answer.contains("Transfer-Encoding: chunked\r\n"), "{answer}");
        assert!(answer.ends_with("d\r\nuntil the end\r\n0\r\n\r\n"), "{answer}");
        let old = balancer.ask("GET / HTTP/1.0\r\n\r\n").await;
        assert!(old.contains("Connection: close\r\n") && old.ends_with("\r\n\r\nuntil the end"), "{old}");

        balancer.set_group("group", &[address], |_| {});
        let mut client = balancer.connect().await;
        for _ in 0..2 {
            client.write_all(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
            let mut buffer = [0; 1024];
            let length = client.read(&mut buffer).await.unwrap();
            assert_eq!(status(&String::from_utf8_lossy(&buffer[..length])), 204);
        }
    });
}

#[test]
fn a_client_that_waits_for_continue_is_told_to_go_on() {
    run(async {
        let (address, asked) = target(|_| ok("done")).await;
        let balancer = Balancer::to(&[address]).await;
        let mut client = balancer.connect().await;
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
        client.write_all(head.as_bytes()).await.unwrap();
        let mut interim = [0; 25];
        client.read_exact(&mut interim).await.unwrap();
        assert_eq!(&interim[..], b"HTTP/1.1 100 Continue\r\n\r\n");
        client.write_all(b"body").await.unwrap();
        assert_eq!(body(&read_message(&mut client).await), "done");
        assert_eq!(body(&asked.borrow()[0]), "body");
    });
}

#[test]
fn a_websocket_is_carried_until_a_side_ends() {
    run(async {
        let ended = Rc::new(Notify::new());
        let told = ended.clone();
        let address = raw_target(move |mut stream| {
            let told = told.clone();
            async move {
                let request = read_message(&mut stream).await;
                assert!(request.contains("Connection: Upgrade\r\nUpgrade: websocket\r\n"), "{request}");
                let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello";
                stream.write_all(head.as_bytes()).await.unwrap();
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await.unwrap();
                told.notify_one();
            }
        })
        .await;
        let balancer = Balancer::to(&[address]).await;
        let mut client = balancer.connect().await;
        let head = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nping";
        client.write_all(head.as_bytes()).await.unwrap();
        let mut seen = String::new();
        while !seen.ends_with("helloping") {
            let mut buffer = [0; 1024];
            let length = client.read(&mut buffer).await.unwrap();
            assert!(length > 0, "{seen}");
            seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
        assert!(seen.starts_with("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"), "{seen}");
        drop(client);
        ended.notified().await;
    });
}

#[test]
fn an_access_log_entry_is_written_for_each_request() {
    run(async {
        let (address, _) = target(|_| ok("four")).await;
        let balancer = Balancer::start(|config| {
            config.attributes =
                attributes(&[("access_logs.s3.enabled", "true"), ("access_logs.s3.bucket", "b")]);
        })
        .await;
        balancer.set_group("group", &[address], |_| {});
        balancer
            .ask("GET /x?y HTTP/1.1\r\nHost: a.com\r\nUser-Agent: test\r\nConnection: close\r\n\r\n")
            .await;
        tokio::task::yield_now().await;
        let line = balancer.log.try_recv().expect("an entry").line;
        assert!(line.starts_with("http 2"), "{line}");
        for part in [
            " 200 200 ",
            "\"GET http://a.com:80/x?y HTTP/1.1\" \"test\" - - group \"Root=1-",
            "\" 0 2",
            "\"forward\"",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    });
}
