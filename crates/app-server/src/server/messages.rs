//! The loops that carry messages to their subscribers, and everything that is to be delivered to whom it is for.

use std::sync::{Arc, Mutex, OnceLock};

use anyhow::Context as _;
use control_loops::deliveries::Deliveries;
use control_loops::driver::Wake;
use control_loops::messages;
use state_model::sns::notification::Signer;
use stdx_async::shutdown::Shutdown;
use stdx_async::supervisor;
use stdx_net::tls::LocalTls;
use tokio::task::JoinHandle;

use super::Base;
use super::stores::Stores;
use crate::automation::connections::StoredConnections;
use crate::automation::signing::MessageSigner;
use crate::automation::{Automation, Parts};
use crate::host_names::DOMAIN;

/// Returns the deliveries loop: what it is trying at the shutdown should be written down.
pub(super) fn start(
    base: &Base,
    stores: &Stores,
    (signer, tls): (&Arc<MessageSigner>, &LocalTls),
    shutdown: &Shutdown,
) -> anyhow::Result<JoinHandle<Option<()>>> {
    let (metrics, signing) = (stores.metrics.clone(), Arc::clone(signer) as Arc<dyn Signer>);
    let give = move |context| messages::activate(context, Arc::clone(&signing), metrics.clone());
    base.drive("messages", Wake::Changes, shutdown, give);
    base.drive("topic-leftovers", Wake::Time, shutdown, messages::leftovers);
    let automation = Automation::new(Parts {
        config: &base.config,
        data_dir: &base.data_dir,
        state: Arc::clone(&base.state),
        keys: Arc::clone(&base.keys),
        clock: Arc::clone(&base.clock),
        random: Arc::clone(&base.random),
        authority: tls.authority_pem.to_string(),
        connections: Arc::new(StoredConnections {
            state: Arc::clone(&base.state),
            keys: Arc::clone(&base.keys),
        }),
    })
    .context("nothing can be delivered")?;
    let deliveries = Deliveries {
        context: base.loop_context(),
        executor: Arc::new(automation),
        metrics: stores.metrics.clone(),
    };
    Ok(supervisor::spawn("deliveries", deliveries.run(shutdown.clone())))
}

pub(super) fn signer(base: &Base, tls: &LocalTls) -> Arc<MessageSigner> {
    let listen = base.config.listen;
    let endpoint = match listen.ip().is_unspecified() {
        true => format!("http://{DOMAIN}:{}", listen.port()),
        false => format!("http://{listen}"),
    };
    Arc::new(MessageSigner {
        key_file: base.data_dir.keys().join("sns.pem"),
        authority: Arc::clone(&tls.authority),
        endpoint,
        clock: Arc::clone(&base.clock),
        random: Arc::clone(&base.random),
        key: OnceLock::new(),
        certificate: Mutex::default(),
    })
}
