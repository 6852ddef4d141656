use api_auth::Context;
use state_model::cloudwatch::transition::{self, Configured};
use state_model::cloudwatch::{Alarm, AlarmState, MetricSource, MetricWatch, Watch};
use state_tables::{Transaction, View, alarm_changes};
use state_telemetry::metrics::{self, EvaluateError};
use stdx::random;
use wire_schema::{Empty, ServiceError};
use wire_shapes_observe::cloudwatch as wire;

use super::super::CloudWatch;
use super::actions::Actions;
use super::errors::{invalid, too_many_alarms};
use super::limits::{ALARMS_MAX, DESCRIPTION_CHARS_MAX};
use super::violations::{AlarmConstraints, Violations};
use super::{metric_watch, tags};

pub async fn put_metric_alarm(
    context: Context<CloudWatch>,
    input: wire::PutMetricAlarmInput,
) -> Result<Empty, ServiceError> {
    let name = input.alarm_name.clone().unwrap_or_default();
    let arn = context.scope.arn("cloudwatch", &format!("alarm:{name}"));
    context.authorise("cloudwatch:PutMetricAlarm", &arn)?;
    let actions = Actions::of(
        input.ok_actions.clone(),
        input.alarm_actions.clone(),
        input.insufficient_data_actions.clone(),
    );
    let mut violations = Violations::default();
    violations.alarm_name(input.alarm_name.as_ref(), "alarmName");
    violations.length(input.alarm_description.as_deref(), "alarmDescription", 0, DESCRIPTION_CHARS_MAX);
    actions.constrain(&mut violations);
    violations.check()?;
    let watch = metric_watch::watch(&input, &context.scope)?;
    actions.check(&context.scope, false)?;
    check_expressions(&context, &watch)?;
    let wanted = Wanted {
        name,
        watch: Watch::Metric(Box::new(watch)),
        description: input.alarm_description,
        actions_enabled: input.actions_enabled.unwrap_or(true),
        actions,
        tags: input.tags.unwrap_or_default(),
    };
    context.transact(|view, transaction| wanted.put(&context, view, transaction)).await?;
    Ok(Empty {})
}

/// Whether the store can compute them: asked with no time at all, so that nothing is read.
fn check_expressions(context: &Context<CloudWatch>, watch: &MetricWatch) -> Result<(), ServiceError> {
    let MetricSource::Math(queries) = &watch.source else { return Ok(()) };
    let scope = context.scope.to_string();
    let mut made = Vec::new();
    for query in queries {
        let dimensions = query.stat.iter().flat_map(|stat| &stat.dimensions);
        let dimensions: Vec<(&str, &str)> =
            dimensions.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let source = match &query.stat {
            Some(stat) => metrics::Source::Metric {
                id: metrics::MetricId::new(
                    scope.as_str(),
                    stat.namespace.as_str(),
                    stat.name.as_str(),
                    dimensions,
                ),
                stat: metrics::Stat::parse(&stat.stat).map_err(|error| invalid(error.to_string()))?,
                unit: stat.unit.as_deref().and_then(metrics::Unit::parse),
            },
            None => metrics::Source::Expression(query.expression.clone().unwrap_or_default()),
        };
        let own = query.stat.as_ref().map(|stat| stat.period_secs).or(query.period_secs);
        made.push(metrics::Query {
            id: query.id.clone(),
            source,
            period: own.unwrap_or_else(|| watch.source.period_secs()),
            label: query.label.clone(),
            returns_data: query.return_data,
        });
    }
    match metrics::check(&made) {
        Ok(()) => Ok(()),
        Err(EvaluateError::Expression { message, .. }) => Err(invalid(message)),
        Err(error) => Err(ServiceError::internal(error)),
    }
}

/// An alarm as it was asked for.
pub(super) struct Wanted {
    pub name: String,
    pub watch: Watch,
    pub description: Option<String>,
    pub actions_enabled: bool,
    pub actions: Actions,
    pub tags: Vec<wire::Tag>,
}

impl Wanted {
    /// Makes the alarm, or gives the one that there is other settings: its state and its tags stay.
    pub fn put(
        &self,
        context: &Context<CloudWatch>,
        view: &View,
        transaction: &mut Transaction,
    ) -> Result<(), ServiceError> {
        let (now, random) = (context.now, &*context.random);
        let key = Alarm::key_of(&context.scope, &self.name);
        let former = view.alarms.get(&key);
        let alarm = Alarm {
            scope: context.scope.clone(),
            name: self.name.clone(),
            watch: self.watch.clone(),
            description: self.description.clone(),
            actions_enabled: self.actions_enabled,
            ok_actions: self.actions.ok.clone(),
            alarm_actions: self.actions.alarm.clone(),
            insufficient_data_actions: self.actions.insufficient_data.clone(),
            tags: match former {
                Some(former) => former.tags.clone(),
                None => tags::first(&self.tags)?,
            },
            uid: former.map_or_else(|| random::hex(random, 32), |former| former.uid.clone()),
            created_at: former.map_or(now, |former| former.created_at),
            configured_at: now,
        };
        let recorded = view.alarm_states.get(&key).map(|row| &**row.record());
        let state = AlarmState::current(&alarm, recorded);
        let kind = match former {
            None => {
                let count = view.alarms.prefix(&context.scope.key("")).count();
                if count >= ALARMS_MAX {
                    return Err(too_many_alarms(ALARMS_MAX));
                }
                transaction.insert(&alarm);
                Configured::Created
            }
            Some(former) if former.is_composite() != alarm.is_composite() => {
                return Err(invalid(format!(
                    "An alarm with the name {} and of another type already exists.",
                    self.name
                )));
            }
            Some(former) => {
                transaction.update(former, &alarm);
                Configured::Updated
            }
        };
        let item = transition::configured(&alarm, kind, &state, now, random);
        alarm_changes::tell(view, transaction, &[item]);
        Ok(())
    }
}
