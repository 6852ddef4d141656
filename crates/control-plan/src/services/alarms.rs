//! Alarms that end a deployment.
//!
//! Source: "How CloudWatch alarms detect Amazon ECS deployment failures" in the ECS Developer Guide.

use std::time::Duration;

use state_model::cloudwatch::{Alarm, AlarmState, StateValue, Watch};
use state_model::ecs::service::{DeploymentAlarms, Service};
use state_model::ecs::service_deployment::DeploymentStatus;
use state_tables::View;

use super::{Planner, events};
use crate::limits::COMPUTED_BAKE_MAX;

pub(super) const REASON: &str = "Service deployment rolled back because an alarm was detected.";
const FAILURE: &str = "Service deployment failed because an alarm was detected.";

/// Alarms of a service's deployments, as far as they are enabled.
#[derive(Clone, Debug, Default)]
pub struct AlarmsView<'a> {
    pub rollback: bool,
    /// Names of those that are in ALARM.
    pub in_alarm: Vec<&'a str>,
}

impl Planner<'_, '_> {
    /// Alarms that are in ALARM already say nothing about what is about to be deployed: none is watched then.
    pub(super) fn begin_alarms(&mut self) {
        let alarms = self.snapshot.alarms.as_ref();
        self.progress.alarms_ignored = alarms.is_some_and(|alarms| !alarms.in_alarm.is_empty());
    }

    /// Whether an alarm ends the deployment.
    pub(super) fn ends_by_alarm(&mut self) -> bool {
        let Some(alarms) = &self.snapshot.alarms else { return false };
        let is_watched =
            self.progress.status == DeploymentStatus::InProgress && !self.progress.alarms_ignored;
        if !is_watched || alarms.in_alarm.is_empty() {
            return false;
        }
        self.progress.triggered_alarms = alarms.in_alarm.iter().map(|name| (*name).to_owned()).collect();
        let failed = events::failed_by_alarm(self.snapshot.name, &self.wanted_id());
        self.text(failed);
        if !alarms.rollback || !self.roll_back(REASON) {
            self.end_unsuccessfully(FAILURE);
        }
        true
    }
}

fn enabled(service: &Service) -> Option<&DeploymentAlarms> {
    service.deployment_configuration.alarms.as_ref().filter(|alarms| alarms.enable)
}

/// Names that no alarm has are passed over.
fn rows<'v>(
    view: &'v View,
    service: &'v Service,
    names: &'v [String],
) -> impl Iterator<Item = (&'v str, &'v Alarm)> {
    names.iter().filter_map(|name| {
        let row = view.alarms.get(&Alarm::key_of(&service.scope, name))?;
        Some((name.as_str(), &**row.record()))
    })
}

pub(super) fn of_view<'v>(view: &'v View, service: &'v Service) -> Option<AlarmsView<'v>> {
    let alarms = enabled(service)?;
    let is_in_alarm = |alarm: &Alarm| {
        let recorded = view.alarm_states.get(&Alarm::key_of(&alarm.scope, &alarm.name));
        AlarmState::current(alarm, recorded.map(|row| &**row.record())).value == StateValue::Alarm
    };
    let rows = rows(view, service, &alarms.names).filter(|(_, alarm)| is_in_alarm(alarm));
    Some(AlarmsView { rollback: alarms.rollback, in_alarm: rows.map(|(name, _)| name).collect() })
}

/// How long a deployment is watched after it has reached its tasks: as long as was asked for; else as long as the alarms need to
/// notice anything, within bounds.
pub(super) fn bake(view: &View, service: &Service) -> Duration {
    let configuration = &service.deployment_configuration;
    if let Some(minutes) = configuration.bake_time_minutes {
        return Duration::from_secs(60 * u64::from(minutes));
    }
    let Some(alarms) = enabled(service) else { return Duration::ZERO };
    let spans = rows(view, service, &alarms.names).map(|(_, alarm)| match &alarm.watch {
        Watch::Metric(watch) => u64::from(watch.evaluation_periods) * u64::from(watch.source.period_secs()),
        Watch::Composite(_) => 60,
    });
    Duration::from_secs(spans.max().unwrap_or(0)).min(COMPUTED_BAKE_MAX)
}
