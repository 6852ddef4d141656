//! Deliveries carried out: calls of the installation's own API in roles, requests to the world, mails.

pub mod connections;
pub mod signing;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use api_auth::principal::Principal;
use api_auth::roles::{self, RoleError};
use api_auth::{SessionCredentials, SessionKeys};
use async_trait::async_trait;
use client_api::api::Credentials;
use client_automation::Failure;
use client_automation::call::{self, Caller};
use client_automation::connection::Connections;
use client_automation::email::{self, Mailer};
use client_automation::http_call::{self, HttpSender};
use control_loops::deliveries::{Executor, Outcome};
use state_model::Scope;
use state_model::delivery::{Action, Call, Delivery, Email, HttpCall};
use state_model::sns::notification::FROM_NAME;
use state_tables::State;
use stdx::clock::SharedClock;
use stdx::random::SharedRandom;
use stdx_net::client::{Client, Options};

use crate::config::{Config, MAIL_FROM_DEFAULT};
use crate::data_dir::DataDir;

/// How long a session lives that is made for one call.
const SESSION_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// One attempt at a time, whatever kind it is.
#[derive(Debug)]
pub struct Automation {
    state: Arc<State>,
    keys: Arc<SessionKeys>,
    clock: SharedClock,
    random: SharedRandom,
    caller: Caller,
    sender: HttpSender,
    mailer: Mailer,
}

/// What an [`Automation`] is made of.
#[derive(Debug)]
pub struct Parts<'a> {
    pub config: &'a Config,
    pub data_dir: &'a DataDir,
    pub state: Arc<State>,
    pub keys: Arc<SessionKeys>,
    pub clock: SharedClock,
    pub random: SharedRandom,
    /// The installation's own, as PEM: its balancers may be subscribed too.
    pub authority: String,
    pub connections: Arc<dyn Connections>,
}

impl Automation {
    pub fn new(parts: Parts<'_>) -> anyhow::Result<Self> {
        let Parts { config, data_dir, state, keys, clock, random, authority, connections } = parts;
        let client = Client::new(Options { plain_everywhere: true, ..Options::default() })
            .context("the client of the own API can't be made")?;
        let caller = Caller { client, endpoint: own_endpoint(config), clock: Arc::clone(&clock) };
        let sender = HttpSender::new(vec![authority], connections, Arc::clone(&clock))
            .context("the client of endpoints can't be made")?;
        let from = config.smtp_from.as_deref().unwrap_or(MAIL_FROM_DEFAULT);
        let mailer = Mailer::new(config.smtp_relay.as_deref(), from, data_dir.outbox())?;
        Ok(Self { state, keys, clock, random, caller, sender, mailer })
    }

    async fn call(&self, delivery: &Delivery, call: &Call) -> Result<(), Failure> {
        let principal = self.principal(&delivery.scope, &delivery.id, call)?;
        let session = self.keys.issue(principal, SESSION_LIFETIME, self.clock.now(), &*self.random);
        let call = call::Call {
            region: &delivery.scope.region,
            credentials: credentials(session),
            service: &call.service,
            operation: &call.operation,
            input: &call.input,
        };
        self.caller.call(call).await
    }

    /// Without a role, the service itself in the account that the delivery is for.
    fn principal(&self, scope: &Scope, session: &str, call: &Call) -> Result<Principal, Failure> {
        let Some(role_arn) = &call.role_arn else {
            return Ok(Principal::Service { account: scope.account.clone(), name: call.principal.clone() });
        };
        let view = self.state.view();
        let role = roles::assumable(&view, &scope.account, role_arn, &call.principal).map_err(|error| {
            let because = match error {
                RoleError::NotFound => "there is no such role",
                RoleError::NotTrusted => "its trust policy does not name the service",
            };
            Failure::lasting(format!("{} can't assume {role_arn}: {because}", call.principal))
        })?;
        // A role of another account would act there with what nobody there gave.
        if role.account != scope.account {
            return Err(Failure::lasting(format!("{role_arn} belongs to another account")));
        }
        Ok(roles::service_session(role, session, &call.principal))
    }

    async fn http(&self, call: &HttpCall) -> Result<(), Failure> {
        let call = http_call::HttpCall {
            method: &call.method,
            url: &call.url,
            headers: &call.headers,
            body: &call.body,
            connection: call.connection.as_deref(),
            timeout: Duration::from_secs(call.timeout_secs.into()),
        };
        self.sender.send(call).await
    }

    async fn email(&self, delivery: &Delivery, email: &Email) -> Result<(), Failure> {
        let email = email::Email {
            id: &delivery.id,
            from_name: email.headers.get(FROM_NAME).map_or("AWS Notifications", String::as_str),
            to: &email.to,
            subject: &email.subject,
            body: &email.body,
            now: self.clock.now(),
        };
        self.mailer.send(email).await
    }
}

#[async_trait]
impl Executor for Automation {
    async fn execute(&self, delivery: &Delivery) -> Outcome {
        let outcome = match &delivery.action {
            Action::Call(call) => self.call(delivery, call).await,
            Action::Http(call) => self.http(call).await,
            Action::Email(email) => self.email(delivery, email).await,
        };
        match outcome {
            Ok(()) => Outcome::Arrived,
            Err(Failure { text, may_pass: true }) => Outcome::Failed(text),
            Err(Failure { text, may_pass: false }) => Outcome::Refused(text),
        }
    }
}

fn credentials(session: SessionCredentials) -> Credentials {
    Credentials {
        access_key_id: session.access_key_id,
        secret_access_key: session.secret_access_key,
        session_token: Some(session.session_token),
    }
}

/// Where this server reaches itself.
fn own_endpoint(config: &Config) -> String {
    let mut listen = config.listen;
    if listen.ip().is_unspecified() {
        listen.set_ip(if listen.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    format!("http://{listen}")
}
