//! `neargate ps`: the services and the tasks of a cluster.

use serde_json::Value;
use stdx::clock::{Clock, SystemClock, Timestamp};

use super::service::{read, render};
use super::{columns, session, tasks};
use crate::arguments::Ps;

pub fn run(options: &Ps) -> anyhow::Result<()> {
    let api = session::open(&options.data.data_dir)?.api(options.region.as_deref())?;
    let (services, tasks) = session::block_on(async {
        let services = read::services(&api, &options.cluster).await?;
        let mut found = tasks::list(&api, &options.cluster, None, "RUNNING").await?;
        if options.all {
            found.extend(tasks::list(&api, &options.cluster, None, "STOPPED").await?);
            tasks::sort(&mut found);
        }
        Ok((services, found))
    })?;
    print!("{}", render_all(&services, &tasks, SystemClock::new().now()));
    Ok(())
}

/// A cluster without services shows its tasks alone.
fn render_all(services: &[read::Summary], tasks: &[Value], now: Timestamp) -> String {
    let rows: Vec<_> = tasks.iter().map(|task| tasks::row(task, now)).collect();
    let mut output = columns::table(&tasks::HEADER, &rows);
    if !services.is_empty() {
        output.push_str("\nSERVICES\n");
        output.push_str(&render::list(services));
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn services_follow_the_tasks() {
        let now = Timestamp::from_secs(142);
        let task = json!({ "taskArn": "arn:task/default/1", "lastStatus": "RUNNING", "createdAt": 100 });
        let alone = "TASK  DEFINITION  STATUS   HEALTH  ADDRESS  AGE  WHY\n\
                     1     -           RUNNING  -       -        42s\n";
        assert_eq!(render_all(&[], std::slice::from_ref(&task), now), alone);
        let service = json!({
            "serviceName": "web", "status": "ACTIVE", "desiredCount": 1, "runningCount": 1, "pendingCount": 0,
            "deployments": [{ "status": "PRIMARY", "rolloutState": "COMPLETED" }],
        });
        let services = [read::Summary { service, targets: Vec::new() }];
        let expected = format!(
            "{alone}\nSERVICES\n\
             SERVICE  STATUS  DESIRED  RUNNING  PENDING  ROLLOUT    TARGETS\n\
             web      ACTIVE  1        1        0        COMPLETED  -\n"
        );
        assert_eq!(render_all(&services, &[task], now), expected);
    }
}
