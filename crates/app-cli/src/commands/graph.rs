//! `neargate graph`: a service's load beside its tasks, drawn in the terminal or as a picture.

mod chart;
mod read;

use std::fs;

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use stdx::clock::{Clock, SystemClock};

use super::session;
use crate::arguments::Graph;
use chart::Chart;

pub fn run(options: &Graph) -> anyhow::Result<()> {
    let api = session::open(&options.data.data_dir)?.api(options.region.as_deref())?;
    session::block_on(async {
        let minutes = options.minutes;
        let lines = read::lines(&api, &options.cluster, &options.name).await?;
        if let Some(path) = &options.png {
            let picture = read::picture(&api, &options.name, &lines, minutes).await?;
            let bytes = STANDARD.decode(picture).context("the picture isn't base 64")?;
            fs::write(path, bytes).with_context(|| format!("{} can't be written", path.display()))?;
            return session::print(&format!("{}\n", path.display()));
        }
        let period = read::period(minutes);
        let until = SystemClock::new().now();
        let measured = read::measured(&api, &lines, minutes, period, until).await?;
        let count = measured.first().map_or(1, Vec::len);
        let width = (read::COLUMNS_MAX as usize / count.max(1)).max(1);
        let mut text = String::new();
        for (line, values) in lines.iter().zip(&measured) {
            text += &Chart { title: line.title, unit: line.unit, values, width }.render();
        }
        text += &chart::time_axis(minutes, count * width);
        session::print(&text)
    })
}
