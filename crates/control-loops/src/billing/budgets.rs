//! The budgets loop: compares what was spent with every budget, and tells the subscribers in the transaction that notes it.

use std::sync::{Arc, Mutex, PoisonError};

use control_plan::billing::budgets::{self, Evaluation};
use state_model::billing::budget::Subscriber;
use state_model::billing::prices::PriceTable;
use state_model::billing::spend;
use state_model::delivery::{Action, Backoff, Delivery, Email, Retry};
use state_model::sns::PendingMessage;
use state_model::{Record, Scope};
use state_tables::{Transaction, View};
use stdx::clock::Timestamp;

use crate::LoopContext;
use crate::driver::{Activation, LoopError};
use crate::limits::BUDGETS_PERIOD;

/// Budgets belong to no region; where a message of one must name one, it is this.
const GLOBAL_REGION: &str = "us-east-1";

/// How long a mail is tried for.
const MAIL_AGE_SECS_MAX: u64 = 86_400;
const MAIL_RETRIES_MAX: u32 = 50;

#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Remembered>>);

#[derive(Debug, Default)]
struct Remembered {
    former: Option<Arc<View>>,
    all_due_at: Option<Timestamp>,
}

/// Woken by changes of budgets, and each minute: what runs costs more all the time.
pub async fn activate(
    context: LoopContext,
    prices: Arc<PriceTable>,
    memory: Memory,
) -> Result<Activation, LoopError> {
    let view = context.state.view();
    let now = context.clock.now();
    let (keys, next) = memory.due(&view, now);
    for key in keys {
        context
            .state
            .transact(|view, transaction| {
                if let Some(evaluation) = budgets::plan(view, &key, &prices, now) {
                    write(&context, transaction, &evaluation, now);
                } else if let Some(state) = view.budget_states.get(&key)
                    && !view.budgets.contains(&key)
                {
                    transaction.delete(state);
                }
                Ok::<_, LoopError>(())
            })
            .await?;
    }
    memory.lock().former = Some(view);
    Ok(Activation::Idle(next))
}

impl Memory {
    fn lock(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys of budgets that are to be looked at, and when all are again.
    fn due(&self, view: &View, now: Timestamp) -> (Vec<String>, Option<Timestamp>) {
        let mut remembered = self.lock();
        if view.budgets.is_empty() && view.budget_states.is_empty() {
            remembered.all_due_at = None;
            return (Vec::new(), None);
        }
        match (&remembered.former, remembered.all_due_at) {
            (Some(former), Some(at)) if now < at => {
                let changed = view.budgets.changed_since(&former.budgets);
                (changed.map(|changed| changed.key.to_owned()).collect(), Some(at))
            }
            _ => {
                let next = now.plus(BUDGETS_PERIOD);
                remembered.all_due_at = Some(next);
                remembered.former = None;
                let mut keys: Vec<String> = view.budgets.iter().map(|(key, _)| key.to_owned()).collect();
                let orphans = view.budget_states.iter().filter(|(key, _)| !view.budgets.contains(key));
                keys.extend(orphans.map(|(key, _)| key.to_owned()));
                (keys, Some(next))
            }
        }
    }
}

fn write(context: &LoopContext, transaction: &mut Transaction, evaluation: &Evaluation<'_>, now: Timestamp) {
    transaction.expect(evaluation.budget);
    match evaluation.former {
        Some(former) => transaction.update(former, &evaluation.state),
        None => transaction.insert(&evaluation.state),
    }
    let budget = evaluation.budget;
    for notification in &evaluation.due {
        let (subject, text) = spend::message(budget, &notification.trigger, &evaluation.standing, now);
        for subscriber in &notification.subscribers {
            match subscriber {
                Subscriber::Sns(topic) => {
                    let random = &*context.random;
                    transaction.insert(&PendingMessage::of_service(
                        topic,
                        &subject,
                        text.clone(),
                        now,
                        random,
                    ));
                }
                Subscriber::Email(address) => {
                    let email = Email {
                        to: address.clone(),
                        subject: subject.clone(),
                        body: text.clone(),
                        headers: Default::default(),
                    };
                    let retry = Retry {
                        retries_max: MAIL_RETRIES_MAX,
                        age_max_secs: MAIL_AGE_SECS_MAX,
                        backoff: Backoff::Exponential,
                    };
                    let scope = Scope::new(&budget.account, GLOBAL_REGION);
                    let lane = format!("{}/{address}", budget.arn());
                    let action = Action::Email(email);
                    transaction.insert(&Delivery::new(&scope, &lane, action, retry, now, &*context.random));
                }
            }
        }
    }
    debug_assert_eq!(evaluation.state.key(), budget.key());
}
