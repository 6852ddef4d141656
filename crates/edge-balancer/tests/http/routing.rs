//! Where requests go, and who comes back to where it was.

use std::collections::HashSet;

use edge_balancer::metrics::Counter;
use state_model::elbv2::action::{Action, FixedResponse, Redirect};
use state_model::elbv2::condition::{Condition, Patterns, Transform, TransformKind};

use crate::support::{Balancer, attributes, body, forward, ok, rule, run, status, target};

/// The cookies that an answer sets, as a client sends them back.
fn cookies(answer: &str) -> String {
    let set = answer.split("\r\n").filter_map(|line| line.strip_prefix("Set-Cookie: "));
    set.filter_map(|cookie| cookie.split(';').next()).collect::<Vec<_>>().join("; ")
}

fn with_cookies(cookies: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a.com\r\nCookie: {cookies}\r\n\r\n")
}

fn path(pattern: &str) -> Vec<Condition> {
    vec![Condition::PathPattern(Patterns::Wildcards(vec![pattern.to_owned()]))]
}

#[test]
fn rules_redirect_answer_and_rewrite() {
    run(async {
        let (address, asked) = target(|_| ok("target")).await;
        let balancer = Balancer::start(|config| {
            let redirect = Action::Redirect(Redirect {
                protocol: "HTTPS".to_owned(),
                port: "443".to_owned(),
                host: "#{host}".to_owned(),
                path: "/#{path}".to_owned(),
                query: "#{query}".to_owned(),
                status: 301,
            });
            let fixed = Action::FixedResponse(FixedResponse {
                status: 418,
                content_type: Some("application/json".to_owned()),
                body: Some("{}".to_owned()),
            });
            let mut rewritten = rule(3, path("/api/*"), forward(&[("group", 1)], None));
            rewritten.transforms = vec![Transform {
                kind: TransformKind::UrlRewrite,
                regex: "^/api/(.*)$".to_owned(),
                replace: "/v2/$1".to_owned(),
            }];
            let listener = &mut config.listeners[0];
            listener.rules =
                vec![rule(1, path("/secure*"), redirect), rule(2, path("/fixed"), fixed), rewritten];
            listener.attributes = attributes(&[
                ("routing.http.response.server.enabled", "false"),
                ("routing.http.response.x_frame_options.header_value", "DENY"),
            ]);
        })
        .await;
        balancer.set_group("group", &[address], |_| {});
        let answer = balancer.get("/secure/x?y=z").await;
        assert_eq!(status(&answer), 301);
        assert!(answer.contains("Location: https://a.com:443/secure/x?y=z\r\n"), "{answer}");
        let answer = balancer.get("/fixed").await;
        assert_eq!((status(&answer), body(&answer)), (418, "{}"));
        assert!(answer.contains("Content-Type: application/json\r\n"), "{answer}");
        assert!(answer.contains("X-Frame-Options: DENY\r\n") && !answer.contains("Server:"), "{answer}");
        assert_eq!(body(&balancer.get("/api/users?q").await), "target");
        assert!(asked.borrow()[0].starts_with("GET /v2/users?q HTTP/1.1\r\n"));
        assert_eq!(balancer.count(Counter::HttpRedirectCount), 1);
        assert_eq!(balancer.count(Counter::HttpFixedResponseCount), 1);
    });
}

#[test]
fn round_robin_takes_turns_and_a_cookie_stays() {
    run(async {
        let (one, _) = target(|_| ok("one")).await;
        let (two, _) = target(|_| ok("two")).await;
        let balancer = Balancer::to(&[one, two]).await;
        let mut seen = HashSet::new();
        for _ in 0..2 {
            seen.insert(body(&balancer.get("/").await).to_owned());
        }
        assert_eq!(seen.len(), 2);

        let sticky = |group: &mut link_protocol::edge::TargetGroupConfig| {
            group.attributes =
                attributes(&[("stickiness.enabled", "true"), ("stickiness.type", "lb_cookie")]);
        };
        balancer.set_group("group", &[one, two], sticky);
        let first = balancer.get("/").await;
        assert!(
            first.contains("Set-Cookie: AWSALB=") && first.contains("Set-Cookie: AWSALBCORS="),
            "{first}"
        );
        assert!(first.contains("; Path=/; SameSite=None\r\n"), "{first}");
        let kept = cookies(&first);
        for _ in 0..5 {
            assert_eq!(body(&balancer.ask(&with_cookies(&kept)).await), body(&first));
        }
        // Its target is gone: another one, and another cookie.
        let rest = if body(&first) == "one" { two } else { one };
        balancer.set_group("group", &[rest], sticky);
        let moved = balancer.ask(&with_cookies(&kept)).await;
        assert_ne!(body(&moved), body(&first));
        assert_ne!(cookies(&moved), kept);
        assert_eq!(balancer.count(Counter::NonStickyRequestCount), 2);
    });
}

#[test]
fn an_application_cookie_stays_when_the_target_sets_it() {
    run(async {
        let answer = |name: &'static str| {
            move |request: &str| {
                let cookie = if request.contains("/login") { "Set-Cookie: session=1\r\n" } else { "" };
                Some(format!("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n{cookie}\r\n{name}"))
            }
        };
        let (one, _) = target(answer("one")).await;
        let (two, _) = target(answer("two")).await;
        let balancer = Balancer::to(&[]).await;
        balancer.set_group("group", &[one, two], |group| {
            group.attributes = attributes(&[
                ("stickiness.enabled", "true"),
                ("stickiness.type", "app_cookie"),
                ("stickiness.app_cookie.cookie_name", "session"),
            ]);
        });
        assert!(!balancer.get("/").await.contains("AWSALBAPP"));
        let first = balancer.get("/login").await;
        assert!(first.contains("Set-Cookie: AWSALBAPP-0="), "{first}");
        for _ in 0..4 {
            assert_eq!(body(&balancer.ask(&with_cookies(&cookies(&first))).await), body(&first));
        }
    });
}

#[test]
fn groups_share_by_weight_and_keep_their_clients() {
    run(async {
        let (blue, _) = target(|_| ok("blue")).await;
        let (green, _) = target(|_| ok("green")).await;
        let mut balancer = Balancer::start(|config| {
            config.listeners[0].default_action = forward(&[("blue", 3), ("green", 1)], Some(60));
        })
        .await;
        balancer.set_group("blue", &[blue], |_| {});
        balancer.set_group("green", &[green], |_| {});
        let mut blues = 0;
        let mut last = String::new();
        for _ in 0..100 {
            last = balancer.get("/").await;
            blues += usize::from(body(&last) == "blue");
        }
        assert!((55..95).contains(&blues), "{blues}");
        let kept = cookies(&last);
        assert!(kept.starts_with("AWSALBTG="), "{kept}");
        for _ in 0..10 {
            assert_eq!(body(&balancer.ask(&with_cookies(&kept)).await), body(&last));
        }
        // A group that takes no more clients keeps none either.
        let other =
            if body(&last) == "blue" { [("blue", 0), ("green", 1)] } else { [("blue", 1), ("green", 0)] };
        balancer.reconfigure(|config| config.listeners[0].default_action = forward(&other, Some(60)));
        assert_ne!(body(&balancer.ask(&with_cookies(&kept)).await), body(&last));
    });
}

#[test]
fn invalid_header_names_are_dropped_when_asked() {
    run(async {
        let (address, asked) = target(|_| ok("")).await;
        let mut balancer = Balancer::to(&[address]).await;
        let request = "GET / HTTP/1.1\r\nHost: a.com\r\nX_Odd: 1\r\nX-Fine: 2\r\n\r\n";
        balancer.ask(request).await;
        balancer.reconfigure(|config| {
            config.attributes = attributes(&[("routing.http.drop_invalid_header_fields.enabled", "true")]);
        });
        balancer.ask(request).await;
        let asked = asked.borrow();
        assert!(asked[0].contains("X_odd: 1") && asked[0].contains("X-Fine"), "{}", asked[0]);
        assert!(!asked[1].contains("X_odd") && asked[1].contains("X-Fine"), "{}", asked[1]);
        assert_eq!(balancer.count(Counter::DroppedInvalidHeaderRequestCount), 1);
    });
}
