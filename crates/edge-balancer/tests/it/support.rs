//! A balancer process, control's side of its socket, and servers to be targets.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, AtomicU16, Ordering};
use std::thread;
use std::time::Duration;

use link_protocol::edge::{EdgeDown, EdgeUp, HealthReport};
use link_protocol::edge_frame::{self, Decoder};
use state_model::elbv2::target::HealthState;
use tempfile::TempDir;

/// Longer than anything here may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// An address of the loopback network that no other test has.
pub fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let process = std::process::id();
    // Two runs at the same time have the same network only when their processes are thousands apart.
    let [second, third] =
        [91 + process / 250 % 30, process % 250 + 1].map(|byte| u8::try_from(byte).unwrap());
    Ipv4Addr::new(127, second, third, NEXT.fetch_add(1, Ordering::SeqCst))
}

pub fn own_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    NEXT.fetch_add(1, Ordering::SeqCst)
}

/// Ends with all its processes when it is dropped.
pub struct Process {
    pub folder: TempDir,
    keeper: Child,
}

impl Process {
    pub fn start() -> Process {
        let folder = tempfile::tempdir().unwrap();
        let keeper = Process::launch(&folder);
        Process { folder, keeper }
    }

    fn launch(folder: &TempDir) -> Child {
        Command::new(program())
            .arg("balancer")
            .args(["--socket", folder.path().join("edge.sock").to_str().unwrap()])
            .args(["--state", folder.path().join("edge.json").to_str().unwrap()])
            .args(["--spool", folder.path().join("spool").to_str().unwrap()])
            .args(["--workers", "2"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Again, with the same folder, after the one before has ended.
    pub fn start_again(&mut self) {
        self.keeper.wait().unwrap();
        self.keeper = Process::launch(&self.folder);
    }

    pub fn keeper_pid(&self) -> u32 {
        self.keeper.id()
    }

    pub fn control(&self) -> Control {
        let path = self.folder.path().join("edge.sock");
        let stream = until(|| UnixStream::connect(&path).ok());
        Control::new(stream)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let path = self.folder.path().join("edge.sock");
        if let Ok(stream) = UnixStream::connect(path) {
            let mut control = Control::new(stream);
            control.tell(&EdgeDown::Stop { drain_secs: 0 });
            // It closes when it has heard.
            while control.try_hear().is_some() {}
        }
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// The example is built with the tests, into the folder beside theirs.
fn program() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.parent().unwrap().parent().unwrap().join("examples/balancer")
}

pub struct Control {
    stream: UnixStream,
    decoder: Decoder,
    pub worker_pid: u32,
    revision: u64,
    /// Reports that nobody has asked for yet.
    reports: VecDeque<HealthReport>,
    counters: u32,
}

impl Control {
    fn new(stream: UnixStream) -> Control {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut control = Control {
            stream,
            decoder: Decoder::default(),
            worker_pid: 0,
            revision: 0,
            reports: VecDeque::new(),
            counters: 0,
        };
        if let Some(EdgeUp::Hello { pid, .. }) = control.try_hear() {
            control.worker_pid = pid;
        }
        control
    }

    pub fn tell(&mut self, message: &EdgeDown) {
        let _ = self.stream.write_all(&edge_frame::encode(message).unwrap());
    }

    pub fn try_hear(&mut self) -> Option<EdgeUp> {
        loop {
            if let Some(message) = self.decoder.next().unwrap() {
                return Some(message);
            }
            let mut buffer = [0; 65536];
            match self.stream.read(&mut buffer) {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.decoder.push(&buffer[..count]),
            }
        }
    }

    /// The first message that `wanted` takes. Reports of health are kept for [`Control::health`].
    pub fn hear<T>(&mut self, mut wanted: impl FnMut(EdgeUp) -> Option<T>) -> T {
        // Counters come every five seconds: this many without what is waited for is too many.
        for _ in 0..1000 {
            let message = self.try_hear().expect("the balancer goes on talking");
            if let EdgeUp::Health(reports) = &message {
                self.reports.extend(reports.iter().cloned());
            }
            let is_counters = matches!(message, EdgeUp::Metrics(_));
            if let Some(found) = wanted(message) {
                return found;
            }
            self.counters += u32::from(is_counters);
            assert!(self.counters < 12, "waited for a minute in vain");
        }
        panic!("many messages, and not the one that is waited for");
    }

    /// Waits until everything told is in effect.
    pub fn settle(&mut self) {
        self.revision += 1;
        let revision = self.revision;
        self.tell(&EdgeDown::Mark { revision });
        self.hear(|message| (message == EdgeUp::Applied { revision }).then_some(()));
    }

    /// The next report, also of those that came while something else was waited for.
    pub fn next_report(&mut self) -> HealthReport {
        loop {
            if let Some(report) = self.reports.pop_front() {
                return report;
            }
            self.hear(|message| matches!(message, EdgeUp::Health(_)).then_some(()));
        }
    }

    /// Waits until the target with this port is reported in this state.
    pub fn health(&mut self, port: u16, state: HealthState) -> HealthReport {
        let is_it = |report: &HealthReport| report.port == port && report.state == state;
        loop {
            if let Some(index) = self.reports.iter().position(is_it)
                && let Some(report) = self.reports.remove(index)
            {
                return report;
            }
            self.hear(|message| matches!(message, EdgeUp::Health(_)).then_some(()));
        }
    }
}

/// Repeats until there is something. For what has no event: processes of others.
pub fn until<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    for _ in 0..3000 {
        if let Some(found) = attempt() {
            return found;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("waited in vain");
}

/// A server that says `name` to everyone, then what it hears.
pub fn echo_server(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || serve_echo(&listener, name));
    address
}

pub fn serve_echo(listener: &TcpListener, name: &'static str) {
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { return };
        thread::spawn(move || {
            let _ = stream.write_all(name.as_bytes());
            let mut buffer = [0; 65536];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                if stream.write_all(&buffer[..count]).is_err() {
                    return;
                }
            }
        });
    }
}

/// What a server says first.
pub fn greeting(address: SocketAddr, length: usize) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
