//! `neargate image push`: packs a folder, or reads an archive, and pushes it to the server's registry.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use client_api::destination::Destination;
use client_api::endpoint;
use client_api::image::Image;
use client_api::pack::{self, Compression, Settings};
use client_api::push::{self, Event, Target};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::arguments::ImagePush;

pub fn run(options: &ImagePush) -> anyhow::Result<()> {
    let destination: Destination = options.uri.parse()?;
    anyhow::ensure!(
        endpoint::is_registry(&destination.registry),
        "{} is not a registry of the server: give the URI that `aws ecr describe-repositories` prints",
        destination.registry
    );
    let session = super::session::open(&options.data.data_dir)?;
    let image = read(options)?;
    let client = endpoint::client(&session.server.endpoint)?;
    let api = session.api(endpoint::region_of(&destination.registry))?;
    let digest = super::session::block_on(async {
        let auth = push::authorization(&api).await.context("the server gave no access to its registry")?;
        let registry = format!("http://{}", destination.registry);
        let target =
            Target::new(client, &registry, &destination.repository, &auth).with_progress(Bars::sink());
        target.push(&image, &destination.tag).await.with_context(|| format!("pushing to {destination}"))
    })?;
    println!("{destination} {digest}");
    Ok(())
}

/// The image to push: from a folder with the options' settings, or from an archive, which has its own.
fn read(options: &ImagePush) -> anyhow::Result<Image> {
    let source = &options.source;
    let spinner = ProgressBar::new_spinner().with_message(format!("Reading {}", source.display()));
    spinner.enable_steady_tick(Duration::from_millis(100));
    let image = if source.is_dir() {
        let settings = Settings {
            entrypoint: options.entrypoint.clone(),
            cmd: options.cmd.clone(),
            env: options.env.clone(),
            ..Settings::default()
        };
        pack::folder(source, &settings, Compression::Gzip).map_err(anyhow::Error::from)
    } else {
        let settings = [&options.entrypoint, &options.cmd, &options.env];
        anyhow::ensure!(
            settings.iter().all(|words| words.is_empty()),
            "--entrypoint, --cmd and --env are for folders: {} holds its own",
            source.display()
        );
        Image::from_archive(source).map_err(anyhow::Error::from)
    };
    spinner.finish_and_clear();
    image
}

/// A bar for each layer that is sent. Nothing is drawn where nobody looks.
struct Bars {
    all: MultiProgress,
    by_digest: Mutex<HashMap<String, ProgressBar>>,
}

impl Bars {
    fn sink() -> push::Progress {
        let bars = Self { all: MultiProgress::new(), by_digest: Mutex::default() };
        Arc::new(move |event| bars.show(event))
    }

    fn show(&self, event: Event) {
        let mut known = self.by_digest.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::BlobStarted { digest, bytes } => {
                let bar = self.all.add(ProgressBar::new(bytes).with_message(short(&digest)));
                let template = "{msg} {bar:30} {bytes:>10}/{total_bytes} {bytes_per_sec}";
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style);
                }
                known.insert(digest, bar);
            }
            Event::BlobBytes { digest, bytes } => {
                if let Some(bar) = known.get(&digest) {
                    bar.set_position(bytes);
                }
            }
            Event::BlobDone { digest } => {
                if let Some(bar) = known.remove(&digest) {
                    bar.finish();
                }
            }
            Event::BlobSkipped { digest, .. } => {
                // Told for the eye only: the result is the same.
                let _ = self.all.println(format!("{} is there already", short(&digest)));
            }
            Event::ManifestDone { .. } => {}
        }
    }
}

/// The first twelve digits, as other tools show them.
fn short(digest: &str) -> String {
    digest.trim_start_matches("sha256:").chars().take(12).collect()
}
