//! The start-up story of `neargate up`, and its shutdown in reverse.

mod alarms;
mod billing;
mod events;
mod measuring;
mod messages;
mod messaging;
mod node;
mod observing;
mod scaling;
mod stores;
mod vpc_endpoints;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use api_auth::{Authenticator, SessionKeys};
use api_platform::logs::ingest::Ingest;
use api_platform::logs::insights::Queries;
use api_platform::logs::metrics::LogMetrics;
use api_registry::Registry;
use control_loops::driver::{Activation, LoopError, Wake};
use control_loops::edge::{EdgeMetrics, Unseal};
use control_loops::{
    LoopContext, attach, balancers, cleanup, cleanup_endpoints, driver, placement, services,
};
use control_plan::placement::NodeOffer;
use node_network::Instance;
use node_runtime::spawner::Spawner;
use state_model::Scope;
use state_tables::{State, TransactError, ipv6_blocks};
use stdx::clock::{SharedClock, SystemClock};
use stdx::random::{SharedRandom, SystemRandom};
use stdx_async::{shutdown, supervisor};
use stdx_net::{server, tls};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Mutex, watch};
use wire_protocols::sigv4::SigningKeys;

use crate::access_logs::AccessLogs;
use crate::automation::signing::MessageSigner;
use crate::balancer::process::BalancerFiles;
use crate::balancer::{self, Balancer};
use crate::config::Config;
use crate::data_dir::{DataDir, ServerFile};
use crate::edge::{Bodies, Edge, Services};
use crate::host_names::{self, DOMAIN, HostFiles, HostNames};
use crate::limits::DRAIN_MAX;
use crate::metrics::Metrics;
use crate::regions;
use crate::reset::Reset;
use crate::root_credentials::{self, RootCredentials};
use stores::Stores;

/// The only node of an installation without joined ones.
pub const LOCAL_NODE: &str = "local";

/// The parts that most of the start-up needs.
#[derive(Clone, Debug)]
struct Base {
    config: Config,
    data_dir: DataDir,
    clock: SharedClock,
    random: SharedRandom,
    keys: Arc<SessionKeys>,
    state: Arc<State>,
    /// The newest counters of the balancer.
    edge_metrics: EdgeMetrics,
    /// The lines of tasks on their way into the log store.
    ingest: Arc<Ingest>,
}

/// Runs until SIGTERM or SIGINT; tasks go on after it.
pub async fn run(config: Config, spawner: Spawner, banner: fn(&ServerFile)) -> anyhow::Result<()> {
    let signals = Signals::listen()?;
    let clock = SystemClock::shared();
    let random = SystemRandom::shared();
    let data_dir = DataDir::open(&config.data_dir)?;
    // Bound first: a second server on the same port must fail before it touches anything.
    let listener =
        TcpListener::bind(config.listen).with_context(|| format!("can't listen on {}", config.listen))?;
    let listen = listener.local_addr()?;
    let stores = stores::open(&data_dir, &clock, &random)?;
    let keys = stores::session_keys(&data_dir, &*random)?;
    let root = root_credentials::load_or_create(&data_dir, &config.account, &*random)?;
    let (state, feed) = State::load(Arc::clone(&stores.store)).await?;
    let (trigger, shutdown) = shutdown::channel();
    let feed = supervisor::spawn("state-feed", feed.run());
    let config = Config { listen, ..config };
    let log_metrics = Arc::new(LogMetrics::new(stores.metrics.clone()));
    let ingest = Arc::new(Ingest::new(Arc::clone(&state), stores.logs.clone(), Arc::clone(&log_metrics)));
    let base =
        Base { config, data_dir, clock, random, keys, state, edge_metrics: EdgeMetrics::default(), ingest };

    base.make_home(&root).await?;
    base.adopt_ipv6_pool().await?;
    let tls = base.open_tls()?;
    let names = HostNames {
        files: HostFiles::default(),
        instance: base.data_dir.instance(),
        listen,
        authority_pem: tls.authority_pem.to_string(),
    };
    supervisor::spawn("host-names", host_names::follow(Arc::clone(&base.state), names, shutdown.clone()));

    let signer = messages::signer(&base, &tls);
    let edge = Arc::new(base.edge(&stores, &root, &tls, &signer));
    let handler = Arc::clone(&edge).into_handler();
    base.start_loops(&shutdown);
    alarms::start(&base, &stores, &shutdown);
    scaling::start(&base, &stores, &shutdown);
    let measured = measuring::start(&base, &stores, &shutdown);
    let flush = log_metrics.flush_periodically(Arc::clone(&base.clock), shutdown.clone());
    supervisor::spawn("log-metrics", flush);
    events::start(&base, &stores, &shutdown);
    let delivering = messages::start(&base, &stores, (&signer, &tls), &shutdown)?;
    billing::start(&base, &stores, &shutdown);
    let edges_attached = node::start(&base, &stores, spawner, (&edge, &tls), measured, &shutdown).await?;
    let balancer = base.balancer(&stores, edges_attached);
    let access_logs = base.access_logs(&stores, balancer.files.spool.clone());
    supervisor::spawn("balancer", balancer.follow(shutdown.clone()));
    supervisor::spawn("access-logs", access_logs.follow(shutdown.clone()));
    supervisor::spawn(
        "maintenance",
        stores::maintain(base.clone(), stores.clone(), base.acm(&tls), shutdown.clone()),
    );

    let serving = server::Config::default().with_tls(tls.server_config);
    let listening = server::serve(listener, &serving, handler)?;
    let server_file = base.server_file();
    base.data_dir.write_server_file(&server_file)?;
    banner(&server_file);

    signals.or_end_of(feed).await?;
    trigger.fire();
    listening.drain(DRAIN_MAX).await;
    let _attempts_that_go_on_are_made_again = tokio::time::timeout(DRAIN_MAX, delivering).await;
    Ok(())
}

/// The signals that end the server in good order. Listened to from the very start: one that comes between the handler's
/// installation and its first listener would be lost, and `ready` is when the first may come.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Losing the store ends the server too: it can't be gone on from.
    async fn or_end_of(
        mut self,
        feed: tokio::task::JoinHandle<Option<Result<(), state_tables::StateError>>>,
    ) -> anyhow::Result<()> {
        tokio::select! {
            _ = self.terminate.recv() => Ok(()),
            _ = self.interrupt.recv() => Ok(()),
            ended = feed => match ended {
                Ok(Some(Err(error))) => Err(error).context("the state can't be followed any more"),
                _ => anyhow::bail!("the state store has closed"),
            },
        }
    }
}

impl Base {
    fn home(&self) -> Scope {
        Scope::new(&self.config.account, &self.config.region)
    }

    /// The defaults of the home region, and the root's access key.
    async fn make_home(&self, root: &RootCredentials) -> anyhow::Result<()> {
        let now = self.clock.now();
        regions::ensure(&self.state, &self.home(), now, &*self.random)
            .await
            .map_err(|error| anyhow::anyhow!("the default region can't be made: {}", error.message))?;
        if self.state.view().iam_access_keys.contains(&root.access_key_id) {
            return Ok(());
        }
        let id = root.access_key_id.clone();
        let secret = &root.secret_access_key;
        let key = self.keys.seal_access_key(&root.account, None, id, secret, now, &*self.random);
        let mut transaction = state_tables::Transaction::new();
        transaction.put(&key);
        self.state.commit(transaction).await?;
        Ok(())
    }

    /// VPCs keep their blocks, so an installation can't change its pool for one that doesn't hold them.
    async fn adopt_ipv6_pool(&self) -> anyhow::Result<()> {
        let source = self.config.ipv6_source;
        let adopted =
            self.state.transact(|view, transaction| ipv6_blocks::adopt(view, transaction, source)).await;
        match adopted {
            Ok(()) => Ok(()),
            Err(TransactError::Refused(outside)) => anyhow::bail!(
                "--ipv6-pool: a VPC has the block {outside}, which isn't of this pool. Name a pool that holds it, or start \
                 without the option, disassociate the block, and start again"
            ),
            Err(TransactError::Commit(error)) => Err(error).context("the IPv6 pool can't be adopted"),
        }
    }

    fn open_tls(&self) -> anyhow::Result<tls::LocalTls> {
        let domain_suffix = format!(".{DOMAIN}");
        let options = tls::Options {
            directory: self.data_dir.tls(),
            authority_name: format!("Neargate {}", self.data_dir.instance()),
            names: vec![DOMAIN.to_owned(), format!("*.{DOMAIN}"), "localhost".to_owned()],
            addresses: vec![self.config.listen.ip()],
            mint: Some(Arc::new(move |name: &str| {
                name.ends_with(&domain_suffix) || vpc_endpoints::is_endpoint_name(name)
            })),
        };
        Ok(tls::open(options, Arc::clone(&self.clock), Arc::clone(&self.random))?)
    }

    fn loop_context(&self) -> LoopContext {
        LoopContext {
            state: Arc::clone(&self.state),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
        }
    }

    fn balancer(&self, stores: &Stores, attached: watch::Receiver<BTreeSet<String>>) -> Balancer {
        let keys = Arc::clone(&self.keys);
        let wiring = balancer::Wiring {
            context: self.loop_context(),
            node: LOCAL_NODE.to_owned(),
            instance: Instance::of_data_dir(&self.data_dir.root),
            unseal: Unseal(Arc::new(move |certificate| keys.unseal_certificate_key(certificate))),
            attached,
            metrics: self.edge_metrics.clone(),
            store: stores.metrics.clone(),
        };
        Balancer::new(BalancerFiles::of(&self.data_dir), wiring)
    }

    fn access_logs(&self, stores: &Stores, spool: PathBuf) -> AccessLogs {
        AccessLogs {
            state: Arc::clone(&self.state),
            objects: stores.objects.clone(),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            spool,
        }
    }

    fn start_loops(&self, shutdown: &shutdown::Shutdown) {
        let nodes = vec![NodeOffer { name: LOCAL_NODE.to_owned(), capacity: self.config.capacity }];
        let pool = self.config.public_pool;
        let place = move |context: LoopContext| {
            let nodes = nodes.clone();
            async move {
                let placed = placement::activate(context.clone(), nodes, pool).await?;
                // In one loop: both give out addresses of the same subnets.
                match balancers::activate(context, LOCAL_NODE, pool).await? {
                    Activation::Again => Ok(Activation::Again),
                    Activation::Idle(_) => Ok(placed),
                }
            }
        };
        self.drive("placement", Wake::Changes, shutdown, place);
        self.drive("interfaces", Wake::Changes, shutdown, cleanup::interfaces);
        self.drive("endpoints", Wake::Changes, shutdown, cleanup_endpoints::endpoints);
        self.drive("peerings", Wake::Time, shutdown, cleanup_endpoints::peerings);
        let memory = services::Memory::default();
        let keep_services = move |context| services::activate(context, memory.clone());
        self.drive("services", Wake::Changes, shutdown, keep_services);
        let memory = attach::Memory::default();
        let keep_targets = move |context| attach::activate(context, memory.clone());
        self.drive("attach", Wake::Changes, shutdown, keep_targets);
        self.drive("history", Wake::Time, shutdown, cleanup::history);
        // What deleted NAT gateways leave.
        self.drive("nat-gateways", Wake::Changes, shutdown, cleanup::nat_gateways);
        self.drive("nat-gateway-history", Wake::Time, shutdown, cleanup::expired_nat_gateways);
    }

    /// Runs a loop by its name until the shutdown.
    fn drive<F>(
        &self,
        name: &'static str,
        wake: Wake,
        shutdown: &shutdown::Shutdown,
        activate: impl FnMut(LoopContext) -> F + Send + 'static,
    ) where
        F: Future<Output = Result<Activation, LoopError>> + Send + 'static,
    {
        let drive = driver::drive(name, wake, self.loop_context(), shutdown.clone(), activate);
        supervisor::spawn(name, drive);
    }

    fn ec2(&self) -> api_network::ec2::Ec2 {
        api_network::ec2::Ec2 { public_pool: self.config.public_pool, ipv6_source: self.config.ipv6_source }
    }

    fn edge(
        &self,
        stores: &Stores,
        root: &RootCredentials,
        tls: &tls::LocalTls,
        signer: &Arc<MessageSigner>,
    ) -> Edge {
        let suffix = format!("{DOMAIN}:{}", self.config.listen.port());
        let queries = Arc::new(Queries::default());
        let services = Services::default()
            .with(api_compute::ecs::service(), api_compute::ecs::Ecs::default())
            .with(api_compute::ecr::service(), stores.ecr(suffix, &self.keys))
            .with(api_network::ec2::service(), self.ec2())
            .with(api_platform::acm::table(), self.acm(tls))
            .with(api_network::elbv2::service(), api_network::elbv2::Elbv2)
            .with(api_platform::iam::table(), api_platform::iam::Iam { keys: Arc::clone(&self.keys) })
            .with(api_platform::s3::table(), api_platform::s3::S3 { objects: stores.objects.clone() })
            .with(api_platform::sts::table(), api_platform::sts::Sts { keys: Arc::clone(&self.keys) })
            .with(
                api_platform::logs::table(),
                api_platform::logs::Logs {
                    store: stores.logs.clone(),
                    metrics: self.ingest.metrics(),
                    queries: Arc::clone(&queries),
                    clock: Arc::clone(&self.clock),
                },
            );
        let services = observing::services(services, stores, &self.config);
        let services = messaging::services(services, stores, &self.keys, signer);
        let any_credentials = self.config.any_credentials.then(|| self.config.account.clone());
        Edge {
            state: Arc::clone(&self.state),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            authenticator: Authenticator { keys: Arc::clone(&self.keys), any_credentials },
            signing_keys: SigningKeys::default(),
            router: wire_protocols::Router::new(&services.schemas()),
            services,
            registry: Registry {
                state: Arc::clone(&self.state),
                blobs: stores.blobs.clone(),
                keys: SessionKeys::clone(&self.keys),
                clock: Arc::clone(&self.clock),
                random: Arc::clone(&self.random),
                default_region: self.config.region.clone(),
            },
            metrics: Metrics::new(self.edge_metrics.clone()),
            reset: Reset {
                state: Arc::clone(&self.state),
                clock: Arc::clone(&self.clock),
                random: Arc::clone(&self.random),
                allowed: self.config.any_credentials,
                home: self.home(),
                root_key_id: root.access_key_id.clone(),
                logs: stores.logs.clone(),
                metrics: stores.metrics.clone(),
                ingest: Arc::clone(&self.ingest),
                queries,
                blobs: stores.blobs.clone(),
                running: Mutex::new(()),
            },
            bodies: Bodies::default(),
            signer: Arc::clone(signer),
        }
    }

    fn acm(&self, tls: &tls::LocalTls) -> api_platform::acm::Acm {
        api_platform::acm::Acm { keys: Arc::clone(&self.keys), authority: Arc::clone(&tls.authority) }
    }

    fn server_file(&self) -> ServerFile {
        ServerFile {
            pid: std::process::id(),
            endpoint: format!("http://{}", self.config.listen),
            region: self.config.region.clone(),
            account: self.config.account.clone(),
        }
    }
}
