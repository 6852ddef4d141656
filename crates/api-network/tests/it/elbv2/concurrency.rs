//! What is unique stays so when many ask at once.

use super::kit::{Kit, listener_input, rule_input};
use crate::network_kit;

#[tokio::test]
async fn names_stay_unique() {
    let kit = Kit::new().await;
    let inputs = (0..8).map(|at| {
        let input = kit.target_group_input("web", "HTTP");
        wire_shapes_network::elbv2::CreateTargetGroupInput { port: Some(1000 + at), ..input }
    });
    let answers = all(inputs.map(|input| kit.create_target_group(input))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(kit.harness.state.view().elb_target_groups.len(), 1);
    let same = all((0..8).map(|_| kit.create_load_balancer(kit.load_balancer_input("web")))).await;
    assert!(same.iter().all(Result::is_ok), "the same settings are no conflict");
    assert_eq!(kit.harness.state.view().elb_load_balancers.len(), 1);
}

#[tokio::test]
async fn ports_priorities_and_associations_stay_unique() {
    let kit = Kit::new().await;
    let (one, two) = (kit.application("one").await, kit.application("two").await);
    let group = kit.group("web", "HTTP").await;
    let made = all((0..8).map(|at| {
        let load_balancer = if at % 2 == 0 { &one } else { &two };
        kit.create_listener(listener_input(load_balancer, "HTTP", 80, &group))
    }))
    .await;
    let made: Vec<_> = made.into_iter().filter_map(Result::ok).collect();
    assert_eq!(made.len(), 1, "one port of one load balancer, as the group has but one");
    let listener = made[0].listener_arn.clone().expect("an ARN");
    let rules = all((0..8).map(|_| kit.create_rule(rule_input(&listener, 7, "/", &group)))).await;
    assert_eq!(rules.iter().filter(|rule| rule.is_ok()).count(), 1);
}

#[tokio::test]
async fn nothing_that_gets_used_is_deleted() {
    for _ in 0..10 {
        let kit = Kit::new().await;
        let load_balancer = kit.application("web").await;
        let group = kit.group("web", "HTTP").await;
        let (listener, deletion) = tokio::join!(
            kit.create_listener(listener_input(&load_balancer, "HTTP", 80, &group)),
            kit.delete_group(&group)
        );
        assert_ne!(listener.is_ok(), deletion.is_ok(), "exactly one of them can be");
    }
}

#[tokio::test]
async fn no_place_that_gets_used_is_deleted() {
    for _ in 0..10 {
        let kit = Kit::new().await;
        let input = kit.load_balancer_input("web");
        let (load_balancer, deletion) = tokio::join!(
            kit.create_load_balancer(input),
            network_kit::delete_subnet(&kit.harness, &kit.subnets[0])
        );
        assert_ne!(load_balancer.is_ok(), deletion.is_ok(), "exactly one of them can be");
    }
}

/// Runs them all at once.
async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut is_ready = true;
        for (future, output) in &mut running {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(done) => *output = Some(done),
                    std::task::Poll::Pending => is_ready = false,
                }
            }
        }
        if is_ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    running.into_iter().map(|(_, output)| output.expect("all are done")).collect()
}
