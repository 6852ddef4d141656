//! Calls with short names, and what most tests begin with.

use std::sync::Arc;

use api_auth::{Context, Principal, RequestContext};
use api_network::elbv2::{self, Elbv2};
use state_model::acm::Certificate;
use state_model::acm::certificate::CertificateOrigin;
use state_model::region::Region;
use stdx::clock::Timestamp;
use stdx::random::SystemRandom;
use wire_schema::ServiceError;
use wire_shapes_network::elbv2 as wire;

use crate::harness::{ACCOUNT, Harness, now};

pub struct Kit {
    pub harness: Harness,
    /// One per zone.
    pub subnets: Vec<String>,
    pub vpc: String,
}

impl Kit {
    pub async fn new() -> Self {
        let harness = Harness::new().await;
        let region = Region { scope: harness.scope.clone(), created_at: now() };
        harness.write(|transaction| transaction.insert(&region)).await;
        let view = harness.state.view();
        let subnets = view.subnets.iter().map(|(_, row)| row.id.clone()).collect();
        let vpc = harness.default_vpc();
        Self { harness, subnets, vpc }
    }

    pub fn context(&self) -> Context<Elbv2> {
        self.context_at(now())
    }

    pub fn context_at(&self, now: Timestamp) -> Context<Elbv2> {
        let request = RequestContext {
            state: Arc::clone(&self.harness.state),
            scope: self.harness.scope.clone(),
            principal: Principal::root(ACCOUNT),
            now,
            random: SystemRandom::shared(),
            request_id: "r".into(),
            source_ip: None,
            endpoint: None,
        };
        Context::new(request, Arc::new(Elbv2))
    }

    pub fn load_balancer_input(&self, name: &str) -> wire::CreateLoadBalancerInput {
        wire::CreateLoadBalancerInput {
            name: Some(name.into()),
            subnets: Some(self.subnets[..2].to_vec()),
            ..Default::default()
        }
    }

    pub async fn create_load_balancer(
        &self,
        input: wire::CreateLoadBalancerInput,
    ) -> Result<wire::LoadBalancer, ServiceError> {
        let made = elbv2::create_load_balancer::create_load_balancer(self.context(), input).await?;
        Ok(only(made.load_balancers))
    }

    /// The ARN of an application load balancer.
    pub async fn application(&self, name: &str) -> String {
        let made = self.create_load_balancer(self.load_balancer_input(name)).await;
        made.expect("it is made").load_balancer_arn.expect("it has an ARN")
    }

    /// The ARN of a network load balancer.
    pub async fn network(&self, name: &str) -> String {
        let input = wire::CreateLoadBalancerInput {
            r#type: Some(wire::LoadBalancerTypeEnum::Network),
            ..self.load_balancer_input(name)
        };
        let made = self.create_load_balancer(input).await;
        made.expect("it is made").load_balancer_arn.expect("it has an ARN")
    }

    pub async fn describe_load_balancer(&self, arn: &str) -> wire::LoadBalancer {
        let input = wire::DescribeLoadBalancersInput {
            load_balancer_arns: Some(vec![arn.to_owned()]),
            ..Default::default()
        };
        let found = elbv2::describe_load_balancers::describe_load_balancers(self.context(), input).await;
        only(found.expect("it is there").load_balancers)
    }

    pub async fn delete_load_balancer(&self, arn: &str) -> Result<(), ServiceError> {
        let input = wire::DeleteLoadBalancerInput { load_balancer_arn: Some(arn.to_owned()) };
        elbv2::delete_load_balancer::delete_load_balancer(self.context(), input).await.map(drop)
    }

    pub fn target_group_input(&self, name: &str, protocol: &str) -> wire::CreateTargetGroupInput {
        wire::CreateTargetGroupInput {
            name: Some(name.into()),
            port: Some(80),
            protocol: Some(protocol.into()),
            target_type: Some(wire::TargetTypeEnum::Ip),
            vpc_id: Some(self.vpc.clone()),
            ..Default::default()
        }
    }

    pub async fn create_target_group(
        &self,
        input: wire::CreateTargetGroupInput,
    ) -> Result<wire::TargetGroup, ServiceError> {
        let made = elbv2::create_target_group::create_target_group(self.context(), input).await?;
        Ok(only(made.target_groups))
    }

    /// The ARN of a group of addresses.
    pub async fn group(&self, name: &str, protocol: &str) -> String {
        let made = self.create_target_group(self.target_group_input(name, protocol)).await;
        made.expect("it is made").target_group_arn.expect("it has an ARN")
    }

    pub async fn delete_group(&self, arn: &str) -> Result<(), ServiceError> {
        let input = wire::DeleteTargetGroupInput { target_group_arn: Some(arn.to_owned()) };
        elbv2::delete_target_group::delete_target_group(self.context(), input).await.map(drop)
    }

    pub async fn create_listener(
        &self,
        input: wire::CreateListenerInput,
    ) -> Result<wire::Listener, ServiceError> {
        let made = elbv2::create_listener::create_listener(self.context(), input).await?;
        Ok(only(made.listeners))
    }

    /// The ARN of a listener that forwards to the group.
    pub async fn listener(&self, load_balancer: &str, protocol: &str, port: i32, group: &str) -> String {
        let made = self.create_listener(listener_input(load_balancer, protocol, port, group)).await;
        made.expect("it is made").listener_arn.expect("it has an ARN")
    }

    pub async fn create_rule(&self, input: wire::CreateRuleInput) -> Result<wire::Rule, ServiceError> {
        let made = elbv2::create_rule::create_rule(self.context(), input).await?;
        Ok(only(made.rules))
    }

    pub async fn describe_rules(&self, listener: &str) -> Vec<wire::Rule> {
        let input =
            wire::DescribeRulesInput { listener_arn: Some(listener.to_owned()), ..Default::default() };
        let found = elbv2::describe_rules::describe_rules(self.context(), input).await;
        found.expect("the listener is there").rules.expect("rules")
    }

    pub async fn register(
        &self,
        group: &str,
        targets: Vec<wire::TargetDescription>,
    ) -> Result<(), ServiceError> {
        let input =
            wire::RegisterTargetsInput { target_group_arn: Some(group.to_owned()), targets: Some(targets) };
        elbv2::register_targets::register_targets(self.context(), input).await.map(drop)
    }

    pub async fn deregister(&self, group: &str, targets: Vec<wire::TargetDescription>) {
        let input =
            wire::DeregisterTargetsInput { target_group_arn: Some(group.to_owned()), targets: Some(targets) };
        let done = elbv2::deregister_targets::deregister_targets(self.context(), input).await;
        done.expect("it succeeds");
    }

    pub async fn health(
        &self,
        group: &str,
        targets: Option<Vec<wire::TargetDescription>>,
    ) -> Vec<wire::TargetHealthDescription> {
        let input = wire::DescribeTargetHealthInput {
            target_group_arn: Some(group.to_owned()),
            targets,
            ..Default::default()
        };
        let found = elbv2::describe_target_health::describe_target_health(self.context(), input).await;
        found.expect("the group is there").target_health_descriptions.expect("descriptions")
    }

    /// The ARN of a certificate in ACM.
    pub async fn certificate(&self, id: &str) -> String {
        let record = Certificate {
            scope: self.harness.scope.clone(),
            id: id.to_owned(),
            domain_name: String::from("web.test"),
            subject_alternative_names: vec![String::from("web.test")],
            origin: CertificateOrigin::Imported,
            certificate_pem: String::new(),
            chain_pem: String::new(),
            sealed_private_key: String::new(),
            key_algorithm: String::from("EC_prime256v1"),
            signature_algorithm: String::new(),
            serial: String::new(),
            subject: String::new(),
            issuer: String::new(),
            not_before: now(),
            not_after: now(),
            created_at: now(),
            issued_at: now(),
            idempotency_token: None,
            tags: Default::default(),
        };
        self.harness.write(|transaction| transaction.insert(&record)).await;
        record.arn()
    }
}

pub fn listener_input(
    load_balancer: &str,
    protocol: &str,
    port: i32,
    group: &str,
) -> wire::CreateListenerInput {
    wire::CreateListenerInput {
        default_actions: Some(vec![forward(group)]),
        load_balancer_arn: Some(load_balancer.to_owned()),
        port: Some(port),
        protocol: Some(protocol.into()),
        ..Default::default()
    }
}

pub fn rule_input(listener: &str, priority: i32, path: &str, group: &str) -> wire::CreateRuleInput {
    wire::CreateRuleInput {
        actions: Some(vec![forward(group)]),
        conditions: Some(vec![wire::RuleCondition {
            field: Some("path-pattern".into()),
            values: Some(vec![path.to_owned()]),
            ..Default::default()
        }]),
        listener_arn: Some(listener.to_owned()),
        priority: Some(priority),
        ..Default::default()
    }
}

pub fn forward(group: &str) -> wire::Action {
    wire::Action {
        r#type: Some(wire::ActionTypeEnum::Forward),
        target_group_arn: Some(group.to_owned()),
        ..Default::default()
    }
}

pub fn target(id: &str, port: Option<i32>) -> wire::TargetDescription {
    wire::TargetDescription { id: Some(id.to_owned()), port, ..Default::default() }
}

pub fn certificate(arn: &str) -> Vec<wire::Certificate> {
    vec![wire::Certificate { certificate_arn: Some(arn.to_owned()), is_default: None }]
}

#[track_caller]
pub fn only<T>(list: Option<Vec<T>>) -> T {
    let mut list = list.expect("a list");
    assert_eq!(list.len(), 1);
    list.remove(0)
}
