//! The command line, as data.

use std::net::SocketAddr;
use std::path::PathBuf;

use app_server::config;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Fargate on machines you own: ECS, ECR, VPC networking, logs and IAM for unmodified AWS clients.
#[derive(Debug, Parser)]
#[command(name = "neargate", version, propagate_version = true, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything in the foreground; prints one `ready` line with the endpoint
    Up(Up),
    /// Print the shell variables that point AWS clients here: eval "$(neargate env)"
    Env(DataDirOption),
    /// Stop every task and remove every trace from the host
    Down(DataDirOption),
    /// List tasks and services
    Ps(Ps),
    /// Show services, or one with its deployments, tasks, target health and events
    Service(Service),
    /// Draw the load of a service beside its tasks
    Graph(Graph),
    /// Print the log lines of a task
    Logs(Logs),
    /// What was used and what it costs
    Cost(Cost),
    /// Work with images on hosts without Docker
    #[command(subcommand)]
    Image(Image),
    /// Print the completion script of a shell
    Completion(Completion),
}

#[derive(Debug, Args)]
pub struct DataDirOption {
    /// Where state, images and logs are kept
    #[arg(long, value_name = "DIR", default_value = config::DATA_DIR_DEFAULT, env = "NEARGATE_DATA_DIR")]
    pub data_dir: PathBuf,
}

#[derive(Debug, Args)]
pub struct Up {
    #[command(flatten)]
    pub data: DataDirOption,
    /// Address of the API and the registry
    #[arg(long, value_name = "ADDR:PORT", default_value = config::LISTEN_DEFAULT)]
    pub listen: SocketAddr,
    /// Region whose defaults are made at the first start
    #[arg(long, default_value = config::REGION_DEFAULT)]
    pub region: String,
    /// Account of the root credentials
    #[arg(long, value_name = "ID", default_value = config::ACCOUNT_DEFAULT)]
    pub account: String,
    /// Accept unknown access keys as the account's root, for existing test suites; only on a loopback address
    #[arg(long)]
    pub any_credentials: bool,
    /// Addresses of load balancers that face the internet; outside of 127.0.0.0/8 the host takes those that are used
    #[arg(long, value_name = "CIDR", default_value = config::PUBLIC_POOL_DEFAULT)]
    pub public_pool: String,
    /// Addresses of which VPCs get their IPv6 blocks, routed to this host: a /24 to a /56; without it, a unique local /48 that is
    /// drawn once
    #[arg(long, value_name = "CIDR")]
    pub ipv6_pool: Option<String>,
    /// Where state is kept: `embedded`, or the URL of a store that several machines share
    #[arg(long, value_name = "URL", default_value = "embedded")]
    pub store: String,
    /// What separates tasks whose definition doesn't choose by its tag neargate:isolation
    #[arg(long, value_enum, default_value_t = Isolation::Namespace)]
    pub isolation: Isolation,
    /// CPU units (1024 per vCPU) that all tasks may take together; without it there is no bound. FARGATE_SPOT tasks yield
    #[arg(long, value_name = "UNITS")]
    pub capacity_cpu: Option<u32>,
    /// Memory that all tasks may take together; without it there is no bound
    #[arg(long, value_name = "MIB")]
    pub capacity_memory: Option<u32>,
    /// JSON file of what an hour of use costs; without it, AWS's prices in us-east-1
    #[arg(long, value_name = "FILE")]
    pub price_table: Option<PathBuf>,
    /// What takes mails of SNS: smtp://[USER:PASSWORD@]HOST:PORT, or smtps://…; without it they are kept in DIR/outbox
    #[arg(long, value_name = "URL")]
    pub smtp_relay: Option<String>,
    /// Whom these mails come from
    #[arg(long, value_name = "ADDRESS")]
    pub smtp_from: Option<String>,
    /// Form of the server's own log on standard error
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Which log lines of the server are shown, for example info or node_agent=debug
    #[arg(long, value_name = "FILTER", default_value = "warn", env = "NEARGATE_LOG")]
    pub log: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Isolation {
    /// Namespaces of the host's kernel (crun, or runc)
    Namespace,
    /// A kernel of its own (gVisor's runsc)
    Kernel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Args)]
pub struct Ps {
    #[command(flatten)]
    pub data: DataDirOption,
    #[arg(long, default_value = "default")]
    pub cluster: String,
    /// Also show tasks that stopped during the last hour
    #[arg(long, short)]
    pub all: bool,
    /// Region, if not the server's own
    #[arg(long)]
    pub region: Option<String>,
}

#[derive(Debug, Args)]
pub struct Service {
    #[command(flatten)]
    pub data: DataDirOption,
    /// The service's name or ARN; without it, all services are listed
    pub name: Option<String>,
    #[arg(long, default_value = "default")]
    pub cluster: String,
    /// Show it live until Ctrl-C
    #[arg(long, short)]
    pub watch: bool,
    /// Region, if not the server's own
    #[arg(long)]
    pub region: Option<String>,
}

#[derive(Debug, Args)]
pub struct Graph {
    #[command(flatten)]
    pub data: DataDirOption,
    /// The service's name or ARN
    pub name: String,
    #[arg(long, default_value = "default")]
    pub cluster: String,
    /// How far to look back
    #[arg(long, short, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1440))]
    pub minutes: u32,
    /// Write a picture instead of drawing here
    #[arg(long, value_name = "FILE")]
    pub png: Option<PathBuf>,
    /// Region, if not the server's own
    #[arg(long)]
    pub region: Option<String>,
}

#[derive(Debug, Args)]
pub struct Logs {
    #[command(flatten)]
    pub data: DataDirOption,
    /// The task's id or ARN
    pub task: String,
    #[arg(long, default_value = "default")]
    pub cluster: String,
    /// Only this container's lines
    #[arg(long)]
    pub container: Option<String>,
    /// Go on with new lines as they are written
    #[arg(long, short)]
    pub follow: bool,
    /// Region, if not the server's own
    #[arg(long)]
    pub region: Option<String>,
}

#[derive(Debug, Args)]
pub struct Cost {
    #[command(flatten)]
    pub data: DataDirOption,
    /// One row per: service, cluster, day, usage-type, or tag:KEY (a cost allocation tag)
    #[arg(long, value_name = "WHAT", default_value = "service")]
    pub by: String,
    /// First day, in UTC; without it, the first of this month
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub since: Option<String>,
    /// Last day, in UTC; without it, today
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub until: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Image {
    /// Push a root filesystem folder, or a docker or OCI archive, to a repository
    Push(ImagePush),
}

#[derive(Debug, Args)]
pub struct ImagePush {
    #[command(flatten)]
    pub data: DataDirOption,
    /// A folder that becomes the image's root, or an archive of `docker save` or of the OCI layout
    #[arg(value_name = "DIR|ARCHIVE")]
    pub source: PathBuf,
    /// The repository's URI as DescribeRepositories returns it, with an optional tag
    pub uri: String,
    /// Entry point of an image made from a folder; repeat for each word
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    pub entrypoint: Vec<String>,
    /// Command of an image made from a folder; repeat for each word
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    pub cmd: Vec<String>,
    /// Environment of an image made from a folder
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Completion {
    pub shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
