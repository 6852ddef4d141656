//! The node of this machine: its agent, wired to dispatch in process.

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use async_trait::async_trait;
use control_loops::dispatch::{Dispatch, NodeLink};
use control_loops::limits::{DOWN_QUEUE_MAX, UP_QUEUE_MAX};
use link_protocol::ControlServices;
use link_protocol::measured::Measured;
use link_protocol::network::VpcSnapshot;
use node_agent::flow_logs::{FlowLogs, FlowSource};
use node_agent::images::BuiltInRegistry;
use node_agent::names::Resolvers;
use node_agent::network::{VpcOpenError, VpcOpened, socket};
use node_agent::{Agent, AgentConfig, AgentParts, Sandboxes};
use node_images::Images;
use node_network::config::NetworkConfig;
use node_network::{Instance, Network};
use node_runtime::spawner::Spawner;
use node_runtime::spec::RuntimeKind;
use state_model::Scope;
use state_tables::View;
use stdx_async::shutdown::Shutdown;
use stdx_async::supervisor;
use stdx_net::client::Override;
use stdx_net::server::{self, Handler, Listening};
use stdx_net::tls::LocalTls;
use tokio::sync::{mpsc, watch};

use super::stores::Stores;
use super::{Base, LOCAL_NODE, vpc_endpoints};
use crate::config::Isolation;
use crate::control_services::LocalControl;
use crate::edge::Edge;
use crate::host_names::DOMAIN;
use crate::runtimes;

/// Where tasks reach the API inside their VPC.
const API_ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 3);
const API_PORT: u16 = 4566;

/// `measured` takes what the node measures. Returns which interfaces of load balancers are in place.
pub async fn start(
    base: &Base,
    stores: &Stores,
    spawner: Spawner,
    (edge, tls): (&Arc<Edge>, &LocalTls),
    measured: mpsc::Sender<Measured>,
    shutdown: &Shutdown,
) -> anyhow::Result<watch::Receiver<BTreeSet<String>>> {
    let network = Network::open(Instance::of_data_dir(&base.data_dir.root), NetworkConfig::default())
        .await
        .context("the node's networks can't be opened")?;
    let control = Arc::new(LocalControl {
        state: Arc::clone(&base.state),
        keys: Arc::clone(&base.keys),
        clock: Arc::clone(&base.clock),
        random: Arc::clone(&base.random),
        logs: stores.logs.clone(),
        objects: stores.objects.clone(),
        ingest: Arc::clone(&base.ingest),
    });
    let registry = BuiltInRegistry { address: base.config.listen, domain: DOMAIN.to_owned() };
    let flow_logs = FlowLogs::start(
        Arc::clone(&network) as Arc<dyn FlowSource>,
        Arc::clone(&control) as Arc<dyn ControlServices>,
        Arc::clone(&base.clock),
    );
    let api = Arc::clone(edge).into_handler();
    let parts = AgentParts {
        network,
        images: open_images(base, registry.clone())?,
        spawner,
        control,
        clock: Arc::clone(&base.clock),
        random: Arc::clone(&base.random),
        opened: vec![
            Arc::new(ApiInside { handler: api, listening: Mutex::default() }),
            Arc::new(Resolvers::new(
                DOMAIN.to_owned(),
                API_ADDRESS,
                Arc::clone(&base.clock),
                Arc::clone(&base.random),
            )),
            Arc::new(vpc_endpoints::endpoints(Arc::clone(edge), tls)),
            flow_logs,
        ],
    };
    let config = AgentConfig {
        instance: base.data_dir.instance(),
        tasks: base.data_dir.tasks(),
        template_dir: base.data_dir.root.join("node/templates"),
        registry,
        endpoint_url_inside: format!("http://{API_ADDRESS}:{API_PORT}"),
        sandboxes: find_sandboxes(base),
    };
    let (down, down_receiver) = mpsc::channel(DOWN_QUEUE_MAX);
    let (up_sender, up) = mpsc::channel(UP_QUEUE_MAX);
    let agent = Agent::new(config, parts, up_sender);
    supervisor::spawn("agent", agent.run(down_receiver));
    let (edges_attached, attached) = watch::channel(BTreeSet::new());
    let dispatch = Dispatch {
        context: base.loop_context(),
        node: LOCAL_NODE.to_owned(),
        link: NodeLink { down, up },
        log_mode_blocking,
        edges_attached,
        measured,
    };
    supervisor::spawn("dispatch", dispatch.run(shutdown.clone()));
    Ok(attached)
}

/// The account setting `defaultLogDriverMode`.
fn log_mode_blocking(view: &View, scope: &Scope) -> bool {
    api_compute::ecs::default_log_driver_mode(view, scope) == "blocking"
}

/// The built-in registry is reached on the server's own address without TLS, by whatever name a task calls it.
fn open_images(base: &Base, registry: BuiltInRegistry) -> anyhow::Result<Images> {
    let address = base.config.listen;
    let lookup = move |host: &str, _port: u16| {
        node_agent::images::registry_scope(host, &registry).map(|_| Override { address, tls: false })
    };
    let config = node_images::images::Config { overrides: Some(Arc::new(lookup)), ..Default::default() };
    Images::open(&base.data_dir.images(), config, Arc::clone(&base.clock), Arc::clone(&base.random))
        .context("the node's images can't be opened")
}

fn find_sandboxes(base: &Base) -> Sandboxes {
    let instance = base.data_dir.instance();
    let crun = runtimes::find(RuntimeKind::Crun, &instance);
    let namespace = crun.or_else(|| runtimes::find(RuntimeKind::Runc, &instance));
    if namespace.is_none() {
        tracing::warn!("neither crun nor runc is installed: tasks can't be started until one is");
    }
    Sandboxes {
        default_kernel: base.config.isolation == Isolation::Kernel,
        namespace,
        kernel: runtimes::find(RuntimeKind::Runsc, &instance),
    }
}

/// The API on an address inside each VPC, so that SDKs in tasks reach it.
struct ApiInside {
    handler: Handler,
    /// By the VPC.
    listening: Mutex<HashMap<String, Listening>>,
}

impl std::fmt::Debug for ApiInside {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ApiInside").finish_non_exhaustive()
    }
}

#[async_trait]
impl VpcOpened for ApiInside {
    async fn vpc_opened(&self, network: &Network, vpc: &VpcSnapshot) -> Result<(), VpcOpenError> {
        let listener = network.listen_tcp(&vpc.id, socket(API_ADDRESS, API_PORT)).await?;
        let handler = Arc::clone(&self.handler);
        let listening =
            server::serve(listener, &server::Config::default(), handler).map_err(VpcOpenError::Serve)?;
        self.listening.lock().unwrap_or_else(PoisonError::into_inner).insert(vpc.id.clone(), listening);
        Ok(())
    }

    async fn vpc_closed(&self, vpc_id: &str) {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner).remove(vpc_id);
    }
}
