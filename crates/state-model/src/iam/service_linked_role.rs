//! Roles that belong to a service: made for it, changed and deleted by nobody else.

use stdx::clock::Timestamp;

use super::role::Role;

/// How long their sessions last.
const SESSION_DURATION_S: i32 = 3_600;

/// Of Application Auto Scaling, for services.
pub const ECS_AUTOSCALING: &str = "ecs.application-autoscaling.amazonaws.com";

/// What a service's role looks like.
#[derive(Clone, Copy, Debug)]
pub struct Template {
    pub service: &'static str,
    pub role_name: &'static str,
    pub policy_arn: &'static str,
    pub description: &'static str,
}

/// The services that have a role here.
pub const TEMPLATES: &[Template] = &[
    Template {
        service: "ecs.amazonaws.com",
        role_name: "AWSServiceRoleForECS",
        policy_arn: "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy",
        description: "Role to enable Amazon ECS to manage your cluster.",
    },
    Template {
        service: "elasticloadbalancing.amazonaws.com",
        role_name: "AWSServiceRoleForElasticLoadBalancing",
        policy_arn: "arn:aws:iam::aws:policy/aws-service-role/AWSElasticLoadBalancingServiceRolePolicy",
        description: "Allows ELB to call AWS services on your behalf.",
    },
    Template {
        service: "ecs.application-autoscaling.amazonaws.com",
        role_name: "AWSServiceRoleForApplicationAutoScaling_ECSService",
        policy_arn: "arn:aws:iam::aws:policy/aws-service-role/AWSApplicationAutoscalingECSServicePolicy",
        description: "Lets Application Auto Scaling change the desired count of services.",
    },
];

/// `id` is `AROA…`.
pub fn new_role(template: &Template, account: &str, id: String, now: Timestamp) -> Role {
    let service = template.service;
    Role {
        account: account.to_owned(),
        name: template.role_name.to_owned(),
        path: format!("/aws-service-role/{service}/"),
        id,
        created_at: now,
        trust_policy: format!(
            "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":{{\"Service\":\
             \"{service}\"}},\"Action\":\"sts:AssumeRole\"}}]}}"
        ),
        description: Some(template.description.to_owned()),
        session_duration_s_max: SESSION_DURATION_S,
        permissions_boundary: None,
        linked_service: Some(service.to_owned()),
        inline_policies: Default::default(),
        attached_policies: vec![template.policy_arn.to_owned()],
        tags: Default::default(),
        last_used: None,
    }
}

/// The role's template for the service that has it.
pub fn template_of(service: &str) -> Option<&'static Template> {
    TEMPLATES.iter().find(|template| template.service == service)
}

impl Template {
    pub fn role_arn(&self, account: &str) -> String {
        let path = format!("/aws-service-role/{}/", self.service);
        super::arn(account, "role", &path, self.role_name)
    }
}
