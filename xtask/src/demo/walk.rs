//! The walk itself: a repository, an image, a role, a task, its logs, a request.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::Demo;

const NAME: &str = "hello";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ecs-tasks.amazonaws.com"}}]}"#;
const EXECUTION_POLICY: &str = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";

/// How often something that comes soon is asked for, a tenth of a second apart.
const ATTEMPTS_MAX: usize = 100;

pub fn run(demo: &Demo) -> Result<()> {
    let shell = Shell::new(demo)?;
    let uri = push_image(demo, &shell)?;
    let role = shell.text(
        "iam create-role",
        &["--role-name", NAME, "--assume-role-policy-document", TRUST],
        "Role.Arn",
    )?;
    shell.quiet("iam attach-role-policy", &["--role-name", NAME, "--policy-arn", EXECUTION_POLICY])?;
    register(demo, &shell, &uri, &role)?;
    let task = start(&shell)?;
    shell.quiet("ecs wait tasks-running", &["--tasks", &task])?;
    let query = "tasks[0].attachments[0].details[?name=='privateIPv4Address'].value | [0]";
    let address = shell.text("ecs describe-tasks", &["--tasks", &task], query)?;
    println!("\nthe task runs at {address}");
    let page = soon("an answer of the task", || curl(&address))?;
    println!("$ curl http://{address}/\n{page}");
    let events = ["--log-group-name", "/hello"];
    let lines = soon("a line in the log", || {
        let lines = shell.text("logs filter-log-events", &events, "events[].message")?;
        ensure!(!lines.is_empty() && lines != "None", "none yet");
        Ok(lines)
    })?;
    println!("its log says: {lines}");
    tell(demo, &task, &address);
    Ok(())
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

fn register(demo: &Demo, shell: &Shell, image: &str, role: &str) -> Result<()> {
    let script = "echo serving on port 80 as $(cat /proc/sys/kernel/hostname); exec httpd -f -p 80 -h /www";
    let definition = json!({
        "family": NAME,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": role,
        "containerDefinitions": [{
            "name": "web",
            "image": image,
            "command": ["sh", "-c", script],
            "portMappings": [{ "containerPort": 80 }],
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
    let path = demo.folder.join("task-definition.json");
    fs::write(&path, serde_json::to_vec_pretty(&definition)?).context("writing the task definition")?;
    let file = format!("file://{}", path.display());
    shell.quiet("ecs register-task-definition", &["--cli-input-json", &file])
}

/// Runs the task in a subnet of the default VPC, open to the host on port 80.
fn start(shell: &Shell) -> Result<String> {
    let filter = ["--filters", "Name=default-for-az,Values=true"];
    let subnet = shell.text("ec2 describe-subnets", &filter, "Subnets[0].SubnetId")?;
    let group = ["--group-name", NAME, "--description", "port 80 for everybody"];
    let group = shell.text("ec2 create-security-group", &group, "GroupId")?;
    let rule = ["--group-id", &group, "--protocol", "tcp", "--port", "80", "--cidr", "0.0.0.0/0"];
    shell.quiet("ec2 authorize-security-group-ingress", &rule)?;
    let network =
        format!("awsvpcConfiguration={{subnets=[{subnet}],securityGroups=[{group}],assignPublicIp=ENABLED}}");
    let options =
        ["--task-definition", NAME, "--launch-type", "FARGATE", "--network-configuration", &network];
    let answer: Value =
        serde_json::from_str(&shell.aws("ecs run-task", &options)?).context("reading the answer")?;
    match answer["tasks"][0]["taskArn"].as_str() {
        Some(arn) => Ok(arn.to_owned()),
        None => bail!("no task was started: {}", answer["failures"]),
    }
}

fn curl(address: &str) -> Result<String> {
    let url = format!("http://{address}/");
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

fn tell(demo: &Demo, task: &str, address: &str) {
    let (program, data) = (demo.program.display(), demo.data_dir());
    let (data, aws) = (data.display(), demo.bin.join("aws"));
    let aws = aws.display();
    let id = task.rsplit('/').next().unwrap_or(task);
    println!(
        "\nWhat to try next, in another shell:\n\n  \
         eval \"$({program} env --data-dir {data})\"\n  \
         curl http://{address}/\n  \
         {aws} ecs describe-tasks --tasks {id}\n  \
         {program} logs --follow --data-dir {data} {id}\n  \
         {program} ps --data-dir {data}\n  \
         {aws} ecs stop-task --task {id}"
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

    fn quiet(&self, operation: &str, options: &[&str]) -> Result<()> {
        self.aws(operation, options).map(|_| ())
    }

    fn text(&self, operation: &str, options: &[&str], query: &str) -> Result<String> {
        let options: Vec<&str> =
            options.iter().copied().chain(["--output", "text", "--query", query]).collect();
        self.aws(operation, &options)
    }
}
