//! Tasks as the load asks for them: target tracking on the processor's use, measured each second.

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::load::Load;
use super::{NAME, Shell, Website, healthy, soon};
use crate::demo::Demo;
use crate::setup;

/// Requests of `/cgi-bin/work` a second: more than two tasks of a quarter vCPU do at half of their processor.
const RATE: u32 = 50;
const TASKS_MAX: u32 = 4;
const DIMENSION: [&str; 6] = [
    "--service-namespace",
    "ecs",
    "--resource-id",
    "service/default/hello",
    "--scalable-dimension",
    "ecs:service:DesiredCount",
];
const POLICY: &str = r#"{"TargetValue":50,"ScaleOutCooldown":10,"PredefinedMetricSpecification":{"PredefinedMetricType":"ECSServiceAverageCPUUtilizationHighResolution"}}"#;

#[expect(clippy::disallowed_methods, reason = "the demo measures real time")]
pub fn run(demo: &Demo, shell: &Shell, website: &Website) -> Result<()> {
    println!(
        "\nautoscaling: half of the reserved processor is the target, {RATE} requests a second cost more"
    );
    let maximum = TASKS_MAX.to_string();
    let register = [&DIMENSION[..], &["--min-capacity", "2", "--max-capacity", &maximum]].concat();
    shell.quiet("application-autoscaling register-scalable-target", &register)?;
    let policy = ["--policy-name", "half", "--policy-type", "TargetTrackingScaling"];
    let configuration = ["--target-tracking-scaling-policy-configuration", POLICY];
    let put = [&DIMENSION[..], &policy, &configuration].concat();
    shell.quiet("application-autoscaling put-scaling-policy", &put)?;

    let started = Instant::now();
    let load = Load::start(&website.dns_name, "/cgi-bin/work", RATE);
    let scaled = soon("a higher desired count", || {
        let count =
            shell.silent("ecs describe-services", &["--services", NAME], "services[0].desiredCount")?;
        ensure!(count.parse::<u32>()? > 2, "the desired count is {count}");
        println!("  after {:.1} s: {count} tasks are wanted", started.elapsed().as_secs_f64());
        Ok(count.parse::<usize>()?)
    });
    let served = scaled.and_then(|count| soon("the new tasks to serve", || healthy(shell, website, count)));
    println!("  after {:.1} s: all of them serve", started.elapsed().as_secs_f64());
    // Long enough for the plot to show what it was like afterwards.
    std::thread::sleep(std::time::Duration::from_secs(10));
    let report = load.end();
    served?;
    println!(
        "  {} requests, {} failed; p50 {:.1} ms, p99 {:.1} ms",
        report.requests,
        report.failures.len(),
        report.percentile_ms(0.50),
        report.percentile_ms(0.99)
    );
    ensure!(report.failures.is_empty(), "requests failed while tasks came: {:?}", report.failures.first());
    let query = "ScalingActivities[].[Description, Cause]";
    let activities = ["--service-namespace", "ecs"];
    println!("{}", shell.text("application-autoscaling describe-scaling-activities", &activities, query)?);
    draw(demo)
}

/// The load beside the tasks, here and as a picture that outlives the demo.
fn draw(demo: &Demo) -> Result<()> {
    let graph = || {
        let mut command = Command::new(&demo.program);
        command.args(["graph", NAME, "--minutes", "2", "--data-dir"]).arg(demo.data_dir());
        command
    };
    println!();
    setup::run(&mut graph())?;
    let picture = demo.folder.with_file_name("demo-load.png");
    setup::run(graph().arg("--png").arg(picture))
}
