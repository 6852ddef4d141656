//! The walk itself: a repository, an image, a role, a service of two tasks behind a load balancer, and a rolling update while
//! requests come in; then tasks that come as the load asks for them.

mod load;
mod scaling;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::Demo;
use load::Load;

const NAME: &str = "hello";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ecs-tasks.amazonaws.com"}}]}"#;
const EXECUTION_POLICY: &str = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";

/// How often something that comes soon is asked for, a tenth of a second apart.
const ATTEMPTS_MAX: usize = 600;

/// Requests per second while the service is updated.
const LOAD_RATE: u32 = 100;

/// What the later steps need of the earlier ones.
struct Website {
    image: String,
    role: String,
    subnets: Vec<String>,
    group: String,
    dns_name: String,
    target_group: String,
}

pub fn run(demo: &Demo) -> Result<()> {
    let shell = Shell::new(demo)?;
    let website = prepare(demo, &shell)?;
    let definition = register(demo, &shell, &website, 1)?;
    create_service(&shell, &website, &definition)?;
    let page = soon("an answer through the load balancer", || curl(&website.dns_name))?;
    println!("$ curl http://{}/\n{page}", website.dns_name);
    soon("both tasks to be healthy", || healthy(&shell, &website, 2))?;
    update_under_load(demo, &shell, &website)?;
    scaling::run(demo, &shell, &website)?;
    let lines = ["--log-group-name", "/hello"];
    let lines = shell.text("logs filter-log-events", &lines, "events[].message")?;
    println!("the log of its tasks: {}", lines.replace('\t', "; "));
    crate::setup::run(
        Command::new(&demo.program).arg("service").arg("--data-dir").arg(demo.data_dir()).arg(NAME),
    )?;
    tell(demo, &website);
    Ok(())
}

/// Everything that the service refers to.
fn prepare(demo: &Demo, shell: &Shell) -> Result<Website> {
    let image = push_image(demo, shell)?;
    let trust = ["--role-name", NAME, "--assume-role-policy-document", TRUST];
    let role = shell.text("iam create-role", &trust, "Role.Arn")?;
    shell.quiet("iam attach-role-policy", &["--role-name", NAME, "--policy-arn", EXECUTION_POLICY])?;
    let filter = ["--filters", "Name=default-for-az,Values=true"];
    let subnets = shell.text("ec2 describe-subnets", &filter, "Subnets[].SubnetId")?;
    let subnets: Vec<String> = subnets.split_whitespace().map(str::to_owned).collect();
    let vpc = shell.text("ec2 describe-subnets", &filter, "Subnets[0].VpcId")?;
    let group = ["--group-name", NAME, "--description", "port 80 for everybody"];
    let group = shell.text("ec2 create-security-group", &group, "GroupId")?;
    let rule = ["--group-id", &group, "--protocol", "tcp", "--port", "80", "--cidr", "0.0.0.0/0"];
    shell.quiet("ec2 authorize-security-group-ingress", &rule)?;
    let mut options = vec!["--name", NAME, "--security-groups", &group, "--subnets"];
    options.extend(subnets.iter().map(String::as_str));
    let balancer = shell.text("elbv2 create-load-balancer", &options, "LoadBalancers[0].LoadBalancerArn")?;
    let target_group = create_target_group(shell, &vpc)?;
    let forward = format!("Type=forward,TargetGroupArn={target_group}");
    let listener = [
        "--load-balancer-arn",
        &balancer,
        "--protocol",
        "HTTP",
        "--port",
        "80",
        "--default-actions",
        &forward,
    ];
    shell.quiet("elbv2 create-listener", &listener)?;
    let named = ["--load-balancer-arns", balancer.as_str()];
    let dns_name = shell.text("elbv2 describe-load-balancers", &named, "LoadBalancers[0].DNSName")?;
    Ok(Website { image, role, subnets, group, dns_name, target_group })
}

fn create_target_group(shell: &Shell, vpc: &str) -> Result<String> {
    let options = [
        "--name",
        NAME,
        "--protocol",
        "HTTP",
        "--port",
        "80",
        "--vpc-id",
        vpc,
        "--target-type",
        "ip",
        "--health-check-interval-seconds",
        "5",
        "--health-check-timeout-seconds",
        "2",
    ];
    let arn = shell.text("elbv2 create-target-group", &options, "TargetGroups[0].TargetGroupArn")?;
    let delay = "Key=deregistration_delay.timeout_seconds,Value=2";
    let options = ["--target-group-arn", arn.as_str(), "--attributes", delay];
    shell.quiet("elbv2 modify-target-group-attributes", &options)?;
    Ok(arn)
}

fn push_image(demo: &Demo, shell: &Shell) -> Result<String> {
    let uri =
        shell.text("ecr create-repository", &["--repository-name", NAME], "repository.repositoryUri")?;
    demo.make_image_root()?;
    let image = format!("{uri}:latest");
    println!("$ neargate image push {} {image}", demo.image_root().display());
    crate::setup::run(
        Command::new(&demo.program)
            .args(["image", "push", "--data-dir"])
            .arg(demo.data_dir())
            .args(["--env", "PATH=/bin", "--cmd", "sh"])
            .arg(demo.image_root())
            .arg(&image),
    )?;
    Ok(image)
}

/// A revision of the task definition whose page tells its version. Yields the revision's ARN.
fn register(demo: &Demo, shell: &Shell, website: &Website, version: u32) -> Result<String> {
    let script = "echo serving version $VERSION; echo \"Hello from version $VERSION on $(cat /proc/sys/kernel/hostname)\" \
                  > /www/index.html; exec httpd -f -p 80 -h /www";
    let definition = json!({
        "family": NAME,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": website.role,
        "containerDefinitions": [{
            "name": "web",
            "image": website.image,
            "command": ["sh", "-c", script],
            "environment": [{ "name": "VERSION", "value": version.to_string() }],
            "portMappings": [{ "containerPort": 80 }],
            "stopTimeout": 2,
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": "/hello",
                    "awslogs-region": shell.region(),
                    "awslogs-stream-prefix": "web",
                    "awslogs-create-group": "true"
                }
            }
        }]
    });
    let path = demo.folder.join(format!("task-definition-{version}.json"));
    fs::write(&path, serde_json::to_vec_pretty(&definition)?).context("writing the task definition")?;
    let file = format!("file://{}", path.display());
    shell.text(
        "ecs register-task-definition",
        &["--cli-input-json", &file],
        "taskDefinition.taskDefinitionArn",
    )
}

fn create_service(shell: &Shell, website: &Website, definition: &str) -> Result<()> {
    let network = format!(
        "awsvpcConfiguration={{subnets=[{}],securityGroups=[{}],assignPublicIp=ENABLED}}",
        website.subnets.join(","),
        website.group
    );
    let balancer = format!("targetGroupArn={},containerName=web,containerPort=80", website.target_group);
    let options = [
        "--service-name",
        NAME,
        "--task-definition",
        definition,
        "--desired-count",
        "2",
        "--launch-type",
        "FARGATE",
        "--network-configuration",
        &network,
        "--load-balancers",
        &balancer,
    ];
    shell.quiet("ecs create-service", &options)
}

/// New tasks come, are found healthy and take over; old ones finish what they have begun. Nobody who asks notices.
fn update_under_load(demo: &Demo, shell: &Shell, website: &Website) -> Result<()> {
    let definition = register(demo, shell, website, 2)?;
    println!("\na rolling update to version 2, while {LOAD_RATE} requests a second come in:");
    let load = Load::start(&website.dns_name, "/", LOAD_RATE);
    shell.quiet("ecs update-service", &["--service", NAME, "--task-definition", &definition])?;
    let done = soon("the end of the deployment", || deployed(shell));
    let report = load.end();
    done?;
    println!(
        "  {} requests, {} failed; p50 {:.1} ms, p99 {:.1} ms; steady after {:.1} s (2 s of it draining)",
        report.requests,
        report.failures.len(),
        report.percentile_ms(0.50),
        report.percentile_ms(0.99),
        report.lasted.as_secs_f64()
    );
    for (version, count) in &report.versions {
        println!("  {count} answers of version {version}");
    }
    ensure!(report.failures.is_empty(), "requests failed during the update: {:?}", report.failures.first());
    ensure!(report.versions.len() == 2, "the update did not go from version 1 to version 2");
    Ok(())
}

/// Whether the newest deployment is the only one, and complete.
fn deployed(shell: &Shell) -> Result<()> {
    let query = "services[0].[length(deployments), deployments[0].rolloutState, runningCount]";
    let state = shell.silent("ecs describe-services", &["--services", NAME], query)?;
    let words: Vec<&str> = state.split_whitespace().collect();
    ensure!(words == ["1", "COMPLETED", "2"], "deployments, state and running tasks: {state}");
    Ok(())
}

fn healthy(shell: &Shell, website: &Website, count: usize) -> Result<()> {
    let options = ["--target-group-arn", website.target_group.as_str()];
    let states = shell.silent(
        "elbv2 describe-target-health",
        &options,
        "TargetHealthDescriptions[].TargetHealth.State",
    )?;
    let healthy = states.split_whitespace().filter(|state| *state == "healthy").count();
    ensure!(healthy == count, "the targets are {states}");
    Ok(())
}

fn curl(host: &str) -> Result<String> {
    let url = format!("http://{host}/");
    let output =
        Command::new("curl").args(["-fsS", "--max-time", "2", &url]).output().context("running curl")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn soon<T>(what: &str, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    for _ in 1..ATTEMPTS_MAX {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(_) => sleep(Duration::from_millis(100)),
        }
    }
    attempt().with_context(|| format!("waiting for {what}"))
}

fn tell(demo: &Demo, website: &Website) {
    let (program, data) = (demo.program.display(), demo.data_dir());
    let (data, aws) = (data.display(), demo.bin.join("aws"));
    let aws = aws.display();
    println!(
        "\nWhat to try next, in another shell:\n\n  \
         eval \"$({program} env --data-dir {data})\"\n  \
         curl -I http://{dns}/\n  \
         {program} service --watch --data-dir {data} {NAME}\n  \
         {program} graph --data-dir {data} {NAME}\n  \
         {program} cost --data-dir {data}\n  \
         {aws} application-autoscaling describe-scaling-activities --service-namespace ecs\n  \
         {aws} ecs update-service --service {NAME} --desired-count 4\n  \
         {aws} elbv2 describe-target-health --target-group-arn {group}\n  \
         {program} ps --data-dir {data}\n  \
         {aws} ecs delete-service --service {NAME} --force",
        dns = website.dns_name,
        group = website.target_group
    );
}

/// The AWS CLI in the environment that `neargate env` prints.
struct Shell<'a> {
    demo: &'a Demo,
    variables: BTreeMap<String, String>,
}

impl<'a> Shell<'a> {
    fn new(demo: &'a Demo) -> Result<Self> {
        let output =
            Command::new(&demo.program).arg("env").arg("--data-dir").arg(demo.data_dir()).output()?;
        ensure!(output.status.success(), "neargate env: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let pairs = text.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
        let variables =
            pairs.map(|(name, value)| (name.to_owned(), value.trim_matches(['"', '\'']).to_owned()));
        Ok(Self { demo, variables: variables.collect() })
    }

    fn region(&self) -> &str {
        self.variables.get("AWS_REGION").map_or("us-east-1", String::as_str)
    }

    /// Runs the command and shows it as a user would type it.
    fn aws(&self, operation: &str, options: &[&str]) -> Result<String> {
        let words: Vec<&str> = operation.split(' ').chain(options.iter().copied()).collect();
        if !options.contains(&"--query") || operation != "logs filter-log-events" {
            println!("$ aws {operation}");
        }
        let output = Command::new(self.demo.bin.join("aws"))
            .args(&words)
            .envs(&self.variables)
            .env("AWS_PAGER", "")
            .output()
            .context("running the AWS CLI")?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "aws {operation}: {}", told.trim());
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// As [`Shell::text`], for what is asked again and again.
    fn silent(&self, operation: &str, options: &[&str], query: &str) -> Result<String> {
        let output = Command::new(self.demo.bin.join("aws"))
            .args(operation.split(' '))
            .args(options)
            .args(["--output", "text", "--query", query])
            .envs(&self.variables)
            .env("AWS_PAGER", "")
            .output()
            .context("running the AWS CLI")?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "aws {operation}: {}", told.trim());
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn quiet(&self, operation: &str, options: &[&str]) -> Result<()> {
        self.aws(operation, options).map(|_| ())
    }

    fn text(&self, operation: &str, options: &[&str], query: &str) -> Result<String> {
        let options: Vec<&str> =
            options.iter().copied().chain(["--output", "text", "--query", query]).collect();
        self.aws(operation, &options)
    }
}
