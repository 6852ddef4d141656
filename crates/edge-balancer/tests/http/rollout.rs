//! Targets and listeners that come and go while requests run.

use std::cell::Cell;
use std::rc::Rc;

use edge_balancer::metrics::Counter;
use stdx::clock::Timestamp;
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

use crate::support::{Balancer, body, nowhere, ok, raw_target, read_message, run, status, target};

#[test]
fn a_connection_that_its_target_closed_fails_no_request() {
    run(async {
        // Answers one request of each connection as if it kept it, and then closes.
        let served = Rc::new(Cell::new(0));
        let count = served.clone();
        let address = raw_target(move |mut stream| {
            let count = count.clone();
            async move {
                read_message(&mut stream).await;
                count.set(count.get() + 1);
                stream.write_all(ok("fine").unwrap().as_bytes()).await.unwrap();
            }
        })
        .await;
        let balancer = Balancer::to(&[address]).await;
        for _ in 0..20 {
            assert_eq!(body(&balancer.get("/").await), "fine");
        }
        assert_eq!(served.get(), 20);
    });
}

#[test]
fn a_kept_connection_that_closes_on_the_next_request_is_made_good() {
    run(async {
        // Each connection gives one answer, and ends at the second request without one.
        let (asked, served) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let (asked_count, served_count) = (asked.clone(), served.clone());
        let address = raw_target(move |mut stream| {
            let (asked, served) = (asked_count.clone(), served_count.clone());
            async move {
                for turn in 0..2 {
                    if read_message(&mut stream).await.is_empty() {
                        return;
                    }
                    asked.set(asked.get() + 1);
                    if turn == 0 {
                        served.set(served.get() + 1);
                        stream.write_all(ok("fine").unwrap().as_bytes()).await.unwrap();
                    }
                }
            }
        })
        .await;
        let balancer = Balancer::to(&[address]).await;
        for _ in 0..4 {
            assert_eq!(body(&balancer.get("/").await), "fine");
        }
        assert_eq!((asked.get(), served.get()), (7, 4));
        // What can't be repeated safely is not.
        let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
        assert_eq!(status(&balancer.ask(post).await), 502);
    });
}

#[test]
fn a_target_that_cannot_be_reached_is_passed_over() {
    run(async {
        let (address, _) = target(|_| ok("fine")).await;
        let balancer = Balancer::to(&[nowhere().await, address]).await;
        for _ in 0..6 {
            assert_eq!(body(&balancer.get("/").await), "fine");
        }
        assert_eq!(balancer.count(Counter::TargetConnectionErrorCount), 3);
    });
}

#[test]
fn a_draining_target_finishes_what_it_has_until_it_expires() {
    run(async {
        let (begun, release) = (Rc::new(Notify::new()), Rc::new(Notify::new()));
        let (told, may_go) = (begun.clone(), release.clone());
        let old = raw_target(move |mut stream| {
            let (told, may_go) = (told.clone(), may_go.clone());
            async move {
                read_message(&mut stream).await;
                told.notify_one();
                may_go.notified().await;
                let _ = stream.write_all(ok("old").unwrap().as_bytes()).await;
            }
        })
        .await;
        let (new, _) = target(|_| ok("new")).await;
        let balancer = Balancer::to(&[old]).await;
        let get = async |path: &str| body(&balancer.get(path).await).to_owned();
        let drain = || {
            balancer.set_group("group", &[old, new], |group| {
                group.targets[0].draining_since = Some(Timestamp::from_secs(1));
            });
        };
        let (finished, ()) = tokio::join!(get("/slow"), async {
            begun.notified().await;
            drain();
            for _ in 0..4 {
                assert_eq!(get("/").await, "new");
            }
            release.notify_one();
        });
        assert_eq!(finished, "old");

        balancer.set_group("group", &[old], |group| group.targets[0].registered_at = Timestamp::from_secs(2));
        let (cut, ()) = tokio::join!(balancer.get("/slow"), async {
            begun.notified().await;
            // Its draining is over: it is told no longer.
            balancer.set_group("group", &[new], |_| {});
        });
        assert_eq!(status(&cut), 502);
    });
}

#[test]
fn a_change_of_configuration_drops_no_connection_and_an_end_is_announced() {
    run(async {
        let begun = Rc::new(Notify::new());
        let told = begun.clone();
        let address = raw_target(move |mut stream| {
            let told = told.clone();
            async move {
                while let Ok(1..) = stream.peek(&mut [0; 1]).await {
                    told.notify_one();
                    read_message(&mut stream).await;
                    stream.write_all(ok("fine").unwrap().as_bytes()).await.unwrap();
                }
            }
        })
        .await;
        let mut balancer = Balancer::to(&[address]).await;
        let mut client = balancer.connect().await;
        let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        client.write_all(request).await.unwrap();
        assert!(read_message(&mut client).await.contains("Connection: keep-alive"));
        balancer.reconfigure(|config| {
            config.listeners[0].attributes =
                crate::support::attributes(&[("routing.http.response.x_frame_options.header_value", "DENY")]);
        });
        client.write_all(request).await.unwrap();
        assert!(read_message(&mut client).await.contains("X-Frame-Options: DENY"));
        begun.notified().await;

        let mut idle = balancer.connect().await;
        let mut busy = balancer.connect().await;
        busy.write_all(b"POST /busy HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1").await.unwrap();
        begun.notified().await;
        balancer.reconfigure(|config| config.listeners.clear());
        assert_eq!(read_message(&mut idle).await, "");
        busy.write_all(b"2").await.unwrap();
        let answer = read_message(&mut busy).await;
        assert!(answer.contains("Connection: close") && body(&answer) == "fine", "{answer}");
    });
}
