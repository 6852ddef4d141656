//! The managed policies that every account has from the beginning, read-only: those that ECS's users attach.
//!
//! Names and ARNs are AWS's; descriptions and documents are our own, and allow what the work here needs.

use state_model::scope::PARTITION;
use stdx::clock::Timestamp;
use wire_shapes_platform::iam;

use super::shapes::{self, Detail};

#[derive(Debug)]
pub struct AwsManaged {
    pub name: &'static str,
    pub path: &'static str,
    /// `ANPA…`
    pub id: &'static str,
    pub description: &'static str,
    pub document: &'static str,
    pub created_at: Timestamp,
}

pub fn find(arn: &str) -> Option<&'static AwsManaged> {
    let name = arn.rsplit('/').next()?;
    POLICIES.iter().find(|policy| policy.name == name && policy.arn() == arn)
}

impl AwsManaged {
    pub fn arn(&self) -> String {
        format!("arn:{PARTITION}:iam::aws:policy{}{}", self.path, self.name)
    }

    pub fn shape(&self, attachments: usize, boundaries: usize, detail: Detail) -> iam::Policy {
        iam::Policy {
            policy_name: Some(self.name.to_owned()),
            policy_id: Some(self.id.to_owned()),
            arn: Some(self.arn()),
            path: Some(self.path.to_owned()),
            default_version_id: Some("v1".to_owned()),
            attachment_count: i32::try_from(attachments).ok(),
            permissions_boundary_usage_count: i32::try_from(boundaries).ok(),
            is_attachable: Some(true),
            description: (detail == Detail::Full).then(|| self.description.to_owned()),
            create_date: Some(shapes::instant(self.created_at)),
            update_date: Some(shapes::instant(self.created_at)),
            tags: (detail == Detail::Full).then(Vec::new),
        }
    }

    pub fn version_shape(&self, with_document: bool) -> iam::PolicyVersion {
        iam::PolicyVersion {
            document: with_document.then(|| shapes::document(self.document)),
            version_id: Some("v1".to_owned()),
            is_default_version: Some(true),
            create_date: Some(shapes::instant(self.created_at)),
        }
    }
}

/// In the order of their ARNs.
pub const POLICIES: &[AwsManaged] = &[
    AwsManaged {
        name: "AWSCodeDeployRoleForECS",
        path: "/",
        id: "ANPAFJX22LNE7GYZR2V7F",
        description: "What deploying to ECS needs.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecs:DescribeServices","#,
            r#""ecs:CreateTaskSet","ecs:UpdateServicePrimaryTaskSet","ecs:DeleteTaskSet","#,
            r#""elasticloadbalancing:DescribeTargetGroups","elasticloadbalancing:DescribeListeners","#,
            r#""elasticloadbalancing:ModifyListener","elasticloadbalancing:DescribeRules","#,
            r#""elasticloadbalancing:ModifyRule","lambda:InvokeFunction","cloudwatch:DescribeAlarms","#,
            r#""sns:Publish","s3:GetObject","s3:GetObjectVersion"],"Resource":"*"},{"Effect":"Allow","#,
            r#""Action":"iam:PassRole","Resource":"*","#,
            r#""Condition":{"StringLike":{"iam:PassedToService":["ecs-tasks.amazonaws.com"]}}}]}"#,
        ),
        created_at: Timestamp::from_secs(1543000000),
    },
    AwsManaged {
        name: "AWSXRayDaemonWriteAccess",
        path: "/",
        id: "ANPAWDG4A54J4KGUTPTW7",
        description: "Writing traces.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","#,
            r#""Action":["xray:PutTraceSegments","xray:PutTelemetryRecords","xray:GetSamplingRules","#,
            r#""xray:GetSamplingTargets","xray:GetSamplingStatisticSummaries"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1535000000),
    },
    AwsManaged {
        name: "AdministratorAccess",
        path: "/",
        id: "ANPA34SN6YCLNSZWWPS7E",
        description: "Everything.",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
        created_at: Timestamp::from_secs(1423000000),
    },
    AwsManaged {
        name: "AmazonEC2ContainerRegistryFullAccess",
        path: "/",
        id: "ANPATX444PKMLX3J62TB7",
        description: "Everything of the registry.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:*","#,
            r#""cloudtrail:LookupEvents"],"Resource":"*"},{"Effect":"Allow","#,
            r#""Action":"iam:CreateServiceLinkedRole","Resource":"*","#,
            r#""Condition":{"StringEquals":{"iam:AWSServiceName":["replication.ecr.amazonaws.com"]}}}]}"#,
        ),
        created_at: Timestamp::from_secs(1450000000),
    },
    AwsManaged {
        name: "AmazonEC2ContainerRegistryPowerUser",
        path: "/",
        id: "ANPA26ZNZUW2KAWMBKKL3",
        description: "Pushing and pulling images.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","#,
            r#""Action":["ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","#,
            r#""ecr:GetDownloadUrlForLayer","ecr:GetRepositoryPolicy","ecr:DescribeRepositories","#,
            r#""ecr:ListImages","ecr:DescribeImages","ecr:BatchGetImage","ecr:GetLifecyclePolicy","#,
            r#""ecr:GetLifecyclePolicyPreview","ecr:ListTagsForResource","#,
            r#""ecr:DescribeImageScanFindings","ecr:InitiateLayerUpload","ecr:UploadLayerPart","#,
            r#""ecr:CompleteLayerUpload","ecr:PutImage"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1450000000),
    },
    AwsManaged {
        name: "AmazonEC2ContainerRegistryPullOnly",
        path: "/",
        id: "ANPAERGQSYSQAVX5FLUIE",
        description: "Pulling images, and nothing else.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","#,
            r#""Action":["ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","#,
            r#""ecr:GetDownloadUrlForLayer","ecr:BatchGetImage","ecr:BatchImportUpstreamImage"],"#,
            r#""Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1728000000),
    },
    AwsManaged {
        name: "AmazonEC2ContainerRegistryReadOnly",
        path: "/",
        id: "ANPAOAGVS3FUMPKKQOIZK",
        description: "Pulling images.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","#,
            r#""Action":["ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","#,
            r#""ecr:GetDownloadUrlForLayer","ecr:GetRepositoryPolicy","ecr:DescribeRepositories","#,
            r#""ecr:ListImages","ecr:DescribeImages","ecr:BatchGetImage","ecr:GetLifecyclePolicy","#,
            r#""ecr:GetLifecyclePolicyPreview","ecr:ListTagsForResource","#,
            r#""ecr:DescribeImageScanFindings"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1450000000),
    },
    AwsManaged {
        name: "AmazonEC2FullAccess",
        path: "/",
        id: "ANPA5QVFJWVU5YLIKNZH5",
        description: "Everything of EC2, load balancing and scaling.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:*","#,
            r#""elasticloadbalancing:*","cloudwatch:*","autoscaling:*"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1423000000),
    },
    AwsManaged {
        name: "AmazonEC2ReadOnlyAccess",
        path: "/",
        id: "ANPAYVCB6H7AGFCSEIHGO",
        description: "Reading EC2.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:Describe*","#,
            r#""ec2:Get*","elasticloadbalancing:Describe*","cloudwatch:ListMetrics","#,
            r#""cloudwatch:GetMetricStatistics","cloudwatch:Describe*","autoscaling:Describe*"],"#,
            r#""Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1423000000),
    },
    AwsManaged {
        name: "AmazonECSInfrastructureRolePolicyForLoadBalancers",
        path: "/",
        id: "ANPASDYFFMFI5R7KLTWHE",
        description: "What shifting traffic in a deployment needs.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","#,
            r#""Action":["elasticloadbalancing:Describe*","elasticloadbalancing:ModifyListener","#,
            r#""elasticloadbalancing:ModifyRule","elasticloadbalancing:RegisterTargets","#,
            r#""elasticloadbalancing:DeregisterTargets"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1753000000),
    },
    AwsManaged {
        name: "AmazonECS_FullAccess",
        path: "/",
        id: "ANPA3QLQQX6XNVUKFYXH5",
        description: "Everything of ECS, and what its services need around it.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","#,
            r#""Action":["application-autoscaling:*","autoscaling:*","cloudformation:*","cloudwatch:*","#,
            r#""codedeploy:*","ec2:Describe*","ec2:*SecurityGroup*","ec2:CreateTags","ecs:*","#,
            r#""elasticloadbalancing:*","events:*","iam:ListAttachedRolePolicies","#,
            r#""iam:ListInstanceProfiles","iam:ListRoles","lambda:ListFunctions","logs:CreateLogGroup","#,
            r#""logs:DescribeLogGroups","logs:FilterLogEvents","route53:*HostedZone*","#,
            r#""servicediscovery:*","sns:ListTopics"],"Resource":"*"},{"Effect":"Allow","#,
            r#""Action":["ssm:GetParameter*"],"Resource":"arn:aws:ssm:*:*:parameter/aws/service/ecs*"},"#,
            r#"{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","#,
            r#""Condition":{"StringLike":{"iam:PassedToService":"ecs-tasks.amazonaws.com"}}},"#,
            r#"{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","#,
            r#""Condition":{"StringLike":{"iam:PassedToService":"ecs.amazonaws.com"}}},"#,
            r#"{"Effect":"Allow","Action":"iam:CreateServiceLinkedRole","Resource":"*","#,
            r#""Condition":{"StringEquals":{"iam:AWSServiceName":["ecs.amazonaws.com","#,
            r#""elasticloadbalancing.amazonaws.com","ecs.application-autoscaling.amazonaws.com"]}}}]}"#,
        ),
        created_at: Timestamp::from_secs(1509000000),
    },
    AwsManaged {
        name: "AmazonS3FullAccess",
        path: "/",
        id: "ANPAM4IUABDSGPXMCW4U2",
        description: "Everything of S3.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","#,
            r#""s3-object-lambda:*"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1423000000),
    },
    AwsManaged {
        name: "AmazonS3ReadOnlyAccess",
        path: "/",
        id: "ANPAYZAUAF34BQNVMLD6I",
        description: "Reading S3.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*","#,
            r#""s3:Describe*","s3-object-lambda:Get*","s3-object-lambda:List*"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1423000000),
    },
    AwsManaged {
        name: "AmazonSSMReadOnlyAccess",
        path: "/",
        id: "ANPAZGJFUPM5NUCF2N4ES",
        description: "Reading parameters and documents.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:Describe*","#,
            r#""ssm:Get*","ssm:List*"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1432000000),
    },
    AwsManaged {
        name: "AmazonVPCFullAccess",
        path: "/",
        id: "ANPAUXX6BR7KTAU4VFSNE",
        description: "Everything of the network.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:*Vpc*","#,
            r#""ec2:*Subnet*","ec2:*SecurityGroup*","ec2:*Route*","ec2:*Gateway*","#,
            r#""ec2:*NetworkInterface*","ec2:*Address*","ec2:*Tags","ec2:Describe*"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1423000000),
    },
    AwsManaged {
        name: "CloudWatchFullAccess",
        path: "/",
        id: "ANPAVJ77TCHBJCUGMTB75",
        description: "Everything of CloudWatch and its logs.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","#,
            r#""Action":["autoscaling:Describe*","cloudwatch:*","logs:*","sns:*","iam:GetPolicy","#,
            r#""iam:GetPolicyVersion","iam:GetRole"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1423000000),
    },
    AwsManaged {
        name: "CloudWatchLogsFullAccess",
        path: "/",
        id: "ANPA52GJG75OTRLGUILQ3",
        description: "Everything of CloudWatch Logs.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:*","#,
            r#""cloudwatch:GenerateQuery"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1423000000),
    },
    AwsManaged {
        name: "CloudWatchLogsReadOnlyAccess",
        path: "/",
        id: "ANPAOHKWXZM5AJI35PZ5I",
        description: "Reading logs.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:Describe*","#,
            r#""logs:Get*","logs:List*","logs:StartQuery","logs:StopQuery","logs:TestMetricFilter","#,
            r#""logs:FilterLogEvents","logs:StartLiveTail","logs:StopLiveTail"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1423000000),
    },
    AwsManaged {
        name: "ElasticLoadBalancingFullAccess",
        path: "/",
        id: "ANPADF7PIJKYXI6EJ2ORJ",
        description: "Everything of load balancing.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","#,
            r#""Action":["elasticloadbalancing:*","ec2:Describe*"],"Resource":"*"},{"Effect":"Allow","#,
            r#""Action":"iam:CreateServiceLinkedRole","Resource":"*","#,
            r#""Condition":{"StringEquals":{"iam:AWSServiceName":["elasticloadbalancing.amazonaws.com"]}}}]}"#,
        ),
        created_at: Timestamp::from_secs(1537000000),
    },
    AwsManaged {
        name: "IAMFullAccess",
        path: "/",
        id: "ANPATMJ5T63DJOLG2WPDQ",
        description: "Everything of IAM.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","#,
            r#""Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1423000000),
    },
    AwsManaged {
        name: "IAMReadOnlyAccess",
        path: "/",
        id: "ANPALX6RHJC5OXFALFNF6",
        description: "Reading everything of IAM.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:Get*","iam:List*","#,
            r#""iam:Generate*","iam:Simulate*"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1423000000),
    },
    AwsManaged {
        name: "PowerUserAccess",
        path: "/",
        id: "ANPALHG27PL3YBRYSN4HT",
        description: "Everything but IAM and the organisation.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*","#,
            r#""organizations:*","account:*"],"Resource":"*"},{"Effect":"Allow","#,
            r#""Action":["iam:CreateServiceLinkedRole","iam:DeleteServiceLinkedRole","iam:ListRoles","#,
            r#""organizations:DescribeOrganization","account:ListRegions"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1423000000),
    },
    AwsManaged {
        name: "ReadOnlyAccess",
        path: "/",
        id: "ANPAEBQRJMRUNJOVKCUK2",
        description: "Reading everything.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["*:BatchGet*","#,
            r#""*:Describe*","*:Get*","*:List*","*:Lookup*","*:Search*","*:View*","#,
            r#""logs:FilterLogEvents","logs:StartLiveTail","logs:StartQuery","logs:StopQuery","#,
            r#""ecr:BatchCheck*"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1423000000),
    },
    AwsManaged {
        name: "SecretsManagerReadWrite",
        path: "/",
        id: "ANPAGSUMYPFSTAJVF7JUQ",
        description: "Everything of Secrets Manager.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["secretsmanager:*","#,
            r#""kms:DescribeKey","kms:ListAliases","kms:ListKeys","tag:GetResources"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1522000000),
    },
    AwsManaged {
        name: "AWSApplicationAutoscalingECSServicePolicy",
        path: "/aws-service-role/",
        id: "ANPAZPID6OOB6YEEZK6ZV",
        description: "What scaling services does.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecs:DescribeServices","#,
            r#""ecs:UpdateService","cloudwatch:PutMetricAlarm","cloudwatch:DescribeAlarms","#,
            r#""cloudwatch:DeleteAlarms","cloudwatch:GetMetricData"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1509000000),
    },
    AwsManaged {
        name: "AWSElasticLoadBalancingServiceRolePolicy",
        path: "/aws-service-role/",
        id: "ANPAO6H3R4ZKBK6MG4KKM",
        description: "What load balancing does in a network.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:Describe*","#,
            r#""ec2:CreateNetworkInterface","ec2:DeleteNetworkInterface","#,
            r#""ec2:ModifyNetworkInterfaceAttribute","ec2:AssociateAddress","ec2:DisassociateAddress","#,
            r#""ec2:AttachNetworkInterface","ec2:DetachNetworkInterface","ec2:AssignIpv6Addresses","#,
            r#""ec2:UnassignIpv6Addresses","logs:CreateLogDelivery"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1505000000),
    },
    AwsManaged {
        name: "AmazonECSServiceRolePolicy",
        path: "/aws-service-role/",
        id: "ANPA75Q7NZQ7VVPOWBY3V",
        description: "What ECS does for clusters.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","#,
            r#""Action":["ec2:AttachNetworkInterface","ec2:CreateNetworkInterface*","#,
            r#""ec2:DeleteNetworkInterface*","ec2:Describe*","ec2:DetachNetworkInterface","#,
            r#""elasticloadbalancing:DeregisterTargets","elasticloadbalancing:Describe*","#,
            r#""elasticloadbalancing:RegisterTargets","route53:*HostedZone*","route53:*HealthCheck*","#,
            r#""servicediscovery:*","autoscaling:Describe*","cloudwatch:*Alarm*","logs:CreateLogGroup","#,
            r#""logs:CreateLogStream","logs:DescribeLogGroups","logs:PutLogEvents"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1507000000),
    },
    AwsManaged {
        name: "AmazonEC2ContainerServiceAutoscaleRole",
        path: "/service-role/",
        id: "ANPAMMXKNEXT32WLKZG7N",
        description: "What scaling services by alarms needs.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecs:DescribeServices","#,
            r#""ecs:UpdateService","cloudwatch:DescribeAlarms","cloudwatch:PutMetricAlarm"],"#,
            r#""Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1463000000),
    },
    AwsManaged {
        name: "AmazonEC2ContainerServiceEventsRole",
        path: "/service-role/",
        id: "ANPAPMDBPQIRMK6ZK5O6V",
        description: "What starting tasks by events needs.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecs:RunTask"],"#,
            r#""Resource":"*"},{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","#,
            r#""Condition":{"StringLike":{"iam:PassedToService":"ecs-tasks.amazonaws.com"}}},"#,
            r#"{"Effect":"Allow","Action":"ecs:TagResource","Resource":"*","#,
            r#""Condition":{"StringEquals":{"ecs:CreateAction":["RunTask"]}}}]}"#,
        ),
        created_at: Timestamp::from_secs(1484000000),
    },
    AwsManaged {
        name: "AmazonEC2ContainerServiceRole",
        path: "/service-role/",
        id: "ANPAHWB3UQ3C6MACCUED3",
        description: "What a service of ECS needs of a load balancer.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","#,
            r#""Action":["ec2:AuthorizeSecurityGroupIngress","ec2:Describe*","#,
            r#""elasticloadbalancing:DeregisterInstancesFromLoadBalancer","#,
            r#""elasticloadbalancing:DeregisterTargets","elasticloadbalancing:Describe*","#,
            r#""elasticloadbalancing:RegisterInstancesWithLoadBalancer","#,
            r#""elasticloadbalancing:RegisterTargets"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1428000000),
    },
    AwsManaged {
        name: "AmazonECSTaskExecutionRolePolicy",
        path: "/service-role/",
        id: "ANPAZPE3WVQW6NHOK26I7",
        description: "What starting a task needs: its image and its logs.",
        document: concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","#,
            r#""Action":["ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","#,
            r#""ecr:GetDownloadUrlForLayer","ecr:BatchGetImage","logs:CreateLogStream","#,
            r#""logs:PutLogEvents"],"Resource":"*"}]}"#,
        ),
        created_at: Timestamp::from_secs(1510000000),
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use api_auth::policy::PolicyDocument;
    use api_auth::policy::document::Kind;

    use super::*;

    #[test]
    fn every_document_is_well_formed_and_every_arn_its_own() {
        for policy in POLICIES {
            let parsed = PolicyDocument::parse(policy.document, Kind::Identity);
            assert!(parsed.is_ok(), "{}: {parsed:?}", policy.name);
            assert_eq!(find(&policy.arn()).map(|found| found.id), Some(policy.id));
        }
        let ids: BTreeSet<_> = POLICIES.iter().map(|policy| policy.id).collect();
        assert_eq!(ids.len(), POLICIES.len());
        let arns: Vec<_> = POLICIES.iter().map(AwsManaged::arn).collect();
        assert!(arns.is_sorted());
    }

    #[test]
    fn paths_are_part_of_the_arn() {
        assert!(find("arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy").is_some());
        assert!(find("arn:aws:iam::aws:policy/AmazonECSTaskExecutionRolePolicy").is_none());
        assert!(find("arn:aws:iam::aws:policy/AdministratorAccess").is_some());
    }
}
