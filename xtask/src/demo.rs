//! `demo`: from a bare machine to a task that answers, with nothing but what a user has: the program and the AWS CLI.

mod walk;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::setup;

/// The endpoint that tools for local AWS expect; the demo takes another when this one is in use.
const PORT: u16 = 4566;

/// A page that costs some milliseconds of processor time.
const WORK: &str = r#"#!/bin/sh
i=0
while [ $i -lt 8000 ]; do i=$((i+1)); done
page="Hello from version ${VERSION:-0} on $(cat /proc/sys/kernel/hostname)"
printf 'Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s' ${#page} "$page"
"#;

/// What the demo works with.
pub struct Demo {
    pub program: PathBuf,
    /// Of the Python environment: `aws` lies there.
    pub bin: PathBuf,
    /// Everything that the demo writes.
    pub folder: PathBuf,
    pub endpoint: String,
}

pub fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let (mut once, mut debug) = (false, false);
    for argument in arguments {
        match argument.as_str() {
            "--once" => once = true,
            "--debug" => debug = true,
            _ => bail!("usage: cargo xtask demo [--once] [--debug]"),
        }
    }
    ensure!(setup::is_root(), "containers, networks and mounts need root: run the demo with sudo or as root");
    setup::packages(false)?;
    let bin = setup::python(root)?;
    println!("building");
    let (profile, folder) = if debug { ("dev", "debug") } else { ("release", "release") };
    let build = ["build", "--profile", profile, "--package", "app-cli"];
    setup::run(Command::new("cargo").args(build).current_dir(root))?;
    let target = setup::target_dir(root);
    let mut demo = Demo {
        program: target.join(folder).join("neargate"),
        bin,
        folder: target.join("demo"),
        endpoint: String::new(),
    };
    demo.clear()?;
    let server = demo.start()?;
    let walked = walk::run(&demo);
    if once || walked.is_err() {
        let stopped = demo.tear_down(server);
        return walked.and(stopped);
    }
    demo.stay(&server)
}

impl Demo {
    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The root filesystem that becomes the image.
    pub fn image_root(&self) -> PathBuf {
        self.folder.join("image")
    }

    /// What an earlier demo left: it may still run.
    fn clear(&self) -> Result<()> {
        if self.data_dir().exists() {
            self.neargate_down()?;
        }
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder).context("removing the earlier demo")?;
        }
        fs::create_dir_all(&self.folder).context("making the demo's folder")
    }

    fn neargate_down(&self) -> Result<()> {
        setup::run(Command::new(&self.program).arg("down").arg("--data-dir").arg(self.data_dir()))
    }

    /// Starts the server, out of reach of the terminal's Ctrl-C, and waits until it is ready.
    fn start(&mut self) -> Result<Child> {
        let port = if TcpListener::bind(("127.0.0.1", PORT)).is_ok() { PORT } else { free_port()? };
        let log = fs::File::create(self.folder.join("server.log")).context("making the server's log")?;
        let mut server = Command::new(&self.program)
            .args(["up", "--listen", &format!("127.0.0.1:{port}"), "--data-dir"])
            .arg(self.data_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("starting neargate up")?;
        let output = server.stdout.take().context("the server's output")?;
        for line in BufReader::new(output).lines() {
            if let Some(endpoint) = line?.strip_prefix("ready ") {
                endpoint.clone_into(&mut self.endpoint);
                println!("neargate is ready at {}", self.endpoint);
                return Ok(server);
            }
        }
        let log = fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
        bail!("neargate up ended with {} before it was ready\n{log}", server.wait()?)
    }

    fn tear_down(&self, mut server: Child) -> Result<()> {
        let down = self.neargate_down();
        if server.try_wait()?.is_none() {
            // `down` ends the server; one that doesn't listen is ended here.
            let _ = server.kill();
        }
        let _ = server.wait();
        down?;
        fs::remove_dir_all(&self.folder).context("removing the demo's folder")
    }

    /// Becomes a shell that waits for Ctrl-C and then takes everything down. The server stays this process's child.
    fn stay(&self, server: &Child) -> Result<()> {
        const SCRIPT: &str = r#"
            trap 'trap "" INT TERM; echo; "$0" down --data-dir "$1" && rm -rf "$2"; exit $?' INT TERM
            while kill -0 "$3" 2>/dev/null; do sleep 1; done
            echo "the server has ended; its log: $2/server.log"; exit 1
        "#;
        println!("\nCtrl-C ends the demo and takes everything down.");
        let failure = Command::new("sh")
            .args(["-c", SCRIPT])
            .arg(&self.program)
            .arg(self.data_dir())
            .arg(&self.folder)
            .arg(server.id().to_string())
            .exec();
        Err(failure).context("starting the shell that waits")
    }

    /// A small root filesystem out of Debian's static busybox: nothing is downloaded.
    pub fn make_image_root(&self) -> Result<()> {
        let root = self.image_root();
        for folder in ["bin", "etc", "tmp", "www/cgi-bin"] {
            fs::create_dir_all(root.join(folder)).context("making the image's folders")?;
        }
        let busybox = root.join("bin/busybox");
        fs::copy("/bin/busybox", &busybox).context("copying busybox")?;
        fs::set_permissions(&busybox, fs::Permissions::from_mode(0o755))?;
        for applet in
            ["sh", "httpd", "wget", "echo", "sleep", "cat", "ls", "ps", "env", "date", "nslookup", "ip"]
        {
            symlink("busybox", root.join("bin").join(applet)).context("naming an applet")?;
        }
        fs::write(root.join("etc/passwd"), "root:x:0:0:root:/:/bin/sh\n")?;
        fs::write(root.join("www/index.html"), "Hello from a task of your own.\n")?;
        let work = root.join("www/cgi-bin/work");
        fs::write(&work, WORK)?;
        fs::set_permissions(&work, fs::Permissions::from_mode(0o755))?;
        Ok(())
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0)).context("finding a free port")?.local_addr()?.port())
}
