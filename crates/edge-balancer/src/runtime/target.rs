//! One registration of a target, with what is observed of it.

use std::net::{SocketAddr, SocketAddrV4};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use link_protocol::edge::{HealthReport, LastHealth, TargetConfig};
use state_model::elbv2::target::HealthState;
use stdx::clock::Timestamp;
use tokio::sync::Notify;

use super::signal::Signal;

/// The same object as long as the registration is the same: pools of connections can be kept by its `serial`.
#[derive(Debug)]
pub struct Target {
    pub id: String,
    pub address: SocketAddr,
    /// `None`: serves every zone.
    pub availability_zone: Option<String>,
    pub registered_at: Timestamp,
    /// Never the same for two targets of this process.
    pub serial: u64,
    /// Requests, or connections of a network load balancer.
    pub in_flight: AtomicU32,
    /// Its draining is over, or it is gone: whatever still uses it is to be ended.
    pub expired: Signal,
    /// Told to connections that are open when it turned unhealthy for good: network load balancers cut them.
    pub cut: Notify,
    draining: AtomicBool,
    state: AtomicU8,
    healthy_since_ms: AtomicI64,
    verdict: Mutex<LastHealth>,
}

static NEXT_SERIAL: AtomicU64 = AtomicU64::new(1);

impl Target {
    pub(super) fn new(config: &TargetConfig, now: Timestamp) -> Target {
        let verdict = config.last_health.clone().unwrap_or(LastHealth {
            state: HealthState::Initial,
            reason: Some("Elb.RegistrationInProgress".to_owned()),
            description: Some("Target registration is in progress".to_owned()),
            since: now,
        });
        let target = Target {
            id: config.id.clone(),
            address: SocketAddr::V4(SocketAddrV4::new(config.address, config.port)),
            availability_zone: config.availability_zone.clone(),
            registered_at: config.registered_at,
            serial: NEXT_SERIAL.fetch_add(1, Ordering::Relaxed),
            in_flight: AtomicU32::new(0),
            expired: Signal::default(),
            cut: Notify::new(),
            draining: AtomicBool::new(false),
            state: AtomicU8::new(0),
            healthy_since_ms: AtomicI64::new(0),
            verdict: Mutex::new(verdict.clone()),
        };
        target.set_health(verdict);
        target
    }

    /// Whether `config` tells of this very registration.
    pub(super) fn is(&self, config: &TargetConfig) -> bool {
        self.id == config.id
            && self.registered_at == config.registered_at
            && self.address == SocketAddr::V4(SocketAddrV4::new(config.address, config.port))
            && self.availability_zone == config.availability_zone
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn health(&self) -> HealthState {
        match self.state.load(Ordering::Acquire) {
            1 => HealthState::Healthy,
            2 => HealthState::Unhealthy,
            3 => HealthState::Draining,
            _ => HealthState::Initial,
        }
    }

    pub fn is_healthy(&self) -> bool {
        self.health() == HealthState::Healthy && !self.is_draining()
    }

    /// No new connection or request goes to it.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Since when it is healthy without a break: slow start counts from here.
    pub fn healthy_since(&self) -> Option<Timestamp> {
        (self.health() == HealthState::Healthy)
            .then(|| Timestamp(self.healthy_since_ms.load(Ordering::Relaxed)))
    }

    pub fn verdict(&self) -> LastHealth {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn report(&self, target_group_arn: &str) -> HealthReport {
        let verdict = self.verdict();
        HealthReport {
            target_group_arn: target_group_arn.to_owned(),
            target_id: self.id.clone(),
            port: self.port(),
            registered_at: self.registered_at,
            state: verdict.state,
            reason: verdict.reason,
            description: verdict.description,
            since: verdict.since,
        }
    }

    /// Afterwards the group is to be refreshed: [`super::TargetGroupSlot::set_health`] does both.
    pub(super) fn set_health(&self, verdict: LastHealth) {
        let state = match verdict.state {
            HealthState::Initial => 0,
            HealthState::Healthy => 1,
            HealthState::Unhealthy => 2,
            HealthState::Draining => 3,
        };
        if verdict.state == HealthState::Healthy && self.state.load(Ordering::Acquire) != 1 {
            self.healthy_since_ms.store(verdict.since.as_millis(), Ordering::Relaxed);
        }
        self.state.store(state, Ordering::Release);
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = verdict;
    }

    pub(super) fn drain(&self, since: Timestamp) {
        self.draining.store(true, Ordering::Release);
        self.set_health(LastHealth {
            state: HealthState::Draining,
            reason: Some("Target.DeregistrationInProgress".to_owned()),
            description: Some("Target deregistration is in progress".to_owned()),
            since,
        });
    }
}
