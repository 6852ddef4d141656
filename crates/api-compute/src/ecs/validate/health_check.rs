//! Container health checks.

use state_model::ecs::container_definition::HealthCheck;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use super::numbers::within;
use crate::ecs::errors::client;

const INTERVAL_SECS: (u32, u32) = (5, 300);
const INTERVAL_SECS_DEFAULT: u32 = 30;
const TIMEOUT_SECS: (u32, u32) = (2, 60);
const TIMEOUT_SECS_DEFAULT: u32 = 5;
const RETRIES: (u32, u32) = (1, 10);
const RETRIES_DEFAULT: u32 = 3;
const START_PERIOD_SECS: (u32, u32) = (0, 300);

/// Fills the defaults in: they are part of what the API shows.
pub fn health_check(container: &str, given: wire::HealthCheck) -> Result<HealthCheck, ServiceError> {
    let command = given.command.unwrap_or_default();
    if !matches!(command.first().map(String::as_str), Some("CMD" | "CMD-SHELL" | "NONE")) {
        return Err(client(format!(
            "Invalid health check command for container '{container}'. The command must start with CMD or \
             CMD-SHELL."
        )));
    }
    if command.len() < 2 && command[0] != "NONE" {
        return Err(client(format!("Health check command cannot be empty for container '{container}'.")));
    }
    let field = |name: &str, value, range| within(container, name, value, range);
    Ok(HealthCheck {
        command,
        interval_secs: field("interval", given.interval, INTERVAL_SECS)?.unwrap_or(INTERVAL_SECS_DEFAULT),
        timeout_secs: field("timeout", given.timeout, TIMEOUT_SECS)?.unwrap_or(TIMEOUT_SECS_DEFAULT),
        retries: field("retries", given.retries, RETRIES)?.unwrap_or(RETRIES_DEFAULT),
        start_period_secs: field("startPeriod", given.start_period, START_PERIOD_SECS)?,
    })
}
