//! `neargate service`: the services of a cluster, or one with its deployments, tasks, targets and events; live with
//! `--watch`.

pub mod read;
pub mod render;

use std::io::IsTerminal;
use std::time::Duration;

use client_api::api::ApiClient;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use stdx::clock::{Clock, SystemClock, Timestamp};

use super::session;
use crate::arguments::Service;

/// Between two looks of `--watch`.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What is looked at.
#[derive(Clone, Debug, PartialEq)]
enum Shown {
    All(Vec<read::Summary>),
    One(Box<read::Detail>),
}

impl Shown {
    fn render(&self, now: Timestamp) -> String {
        match self {
            Shown::All(services) => render::list(services),
            Shown::One(detail) => render::detail(detail, now),
        }
    }
}

pub fn run(options: &Service) -> anyhow::Result<()> {
    let api = session::open(&options.data.data_dir)?.api(options.region.as_deref())?;
    session::block_on(async {
        let first = look(&api, options).await?;
        if !options.watch {
            print!("{}", first.render(SystemClock::new().now()));
            return Ok(());
        }
        let watching = async {
            match std::io::stdout().is_terminal() {
                true => redraw(&api, options, first).await,
                false => print_changes(&api, options, first).await,
            }
        };
        tokio::select! {
            ended = watching => ended,
            interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        }
    })
}

async fn look(api: &ApiClient, options: &Service) -> anyhow::Result<Shown> {
    Ok(match &options.name {
        None => Shown::All(read::services(api, &options.cluster).await?),
        Some(name) => Shown::One(Box::new(read::detail(api, &options.cluster, name).await?)),
    })
}

/// Draws over what was drawn before. A server that is away for a while is told below what was last seen.
async fn redraw(api: &ApiClient, options: &Service, first: Shown) -> anyhow::Result<()> {
    let canvas = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
    canvas.set_style(ProgressStyle::with_template("{msg}")?);
    // Its last drawing stays when the watch ends.
    let canvas = Canvas(canvas);
    let mut seen = first;
    let mut trouble = String::new();
    loop {
        canvas.0.set_message(format!("{}{trouble}", seen.render(SystemClock::new().now())));
        canvas.0.tick();
        tokio::time::sleep(LOOK_INTERVAL).await;
        match look(api, options).await {
            Ok(shown) => (seen, trouble) = (shown, String::new()),
            Err(error) => trouble = format!("\n{error:#}; trying again\n"),
        }
    }
}

struct Canvas(ProgressBar);

impl Drop for Canvas {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// For files and pipes: a further picture whenever something other than an age is different.
async fn print_changes(api: &ApiClient, options: &Service, first: Shown) -> anyhow::Result<()> {
    let mut seen = first;
    print!("{}", seen.render(SystemClock::new().now()));
    loop {
        tokio::time::sleep(LOOK_INTERVAL).await;
        match look(api, options).await {
            Ok(shown) if shown != seen => {
                print!("\n{}", shown.render(SystemClock::new().now()));
                seen = shown;
            }
            Ok(_) => {}
            Err(error) => eprintln!("neargate: {error:#}; trying again"),
        }
    }
}
