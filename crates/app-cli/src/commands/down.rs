//! `neargate down`: stops every task and removes every trace from the host. Works after a `kill -9` of the server.

use app_server::data_dir::DataDir;

use crate::arguments::DataDirOption;

pub fn run(options: &DataDirOption) -> anyhow::Result<()> {
    if !options.data_dir.is_dir() {
        println!("{} doesn't exist: nothing to do", options.data_dir.display());
        return Ok(());
    }
    let data_dir = DataDir::open(&options.data_dir)?;
    let errors = app_server::down::run(&data_dir);
    for error in &errors {
        eprintln!("neargate: {error:#}");
    }
    anyhow::ensure!(
        errors.is_empty(),
        "{} thing(s) could not be removed; run `neargate down` again",
        errors.len()
    );
    println!(
        "down: no task runs, nothing is left on the host; state and images stay in {}",
        data_dir.root.display()
    );
    Ok(())
}
