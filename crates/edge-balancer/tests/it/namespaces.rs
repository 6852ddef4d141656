//! Sockets in other network namespaces. Needs root.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::sync_channel;
use std::thread;

use edge_balancer::dialer::Dialer;
use nix::sched::{CloneFlags, unshare};

use crate::support::PATIENCE;

/// A namespace with its loopback up, kept as long as the file is open; none without the right to make one.
fn namespace() -> Option<(File, PathBuf, thread::JoinHandle<()>, std::sync::mpsc::SyncSender<()>)> {
    let (made, result) = sync_channel(1);
    let (end, ending) = sync_channel::<()>(1);
    let thread = thread::spawn(move || {
        if unshare(CloneFlags::CLONE_NEWNET).is_err() {
            let _ = made.send(None);
            return;
        }
        let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
        let file = File::open("/proc/thread-self/ns/net").unwrap();
        let listener = TcpListener::bind("127.0.0.1:7000").unwrap();
        let _ = made.send(up.is_ok_and(|status| status.success()).then_some(file));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = stream.and_then(|mut stream| stream.write_all(b"inside"));
            }
        });
        let _ = ending.recv();
    });
    let Some(file) = result.recv().unwrap() else {
        eprintln!("skipped: no right to make a network namespace");
        return None;
    };
    let path = PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), descriptor(&file)));
    Some((file, path, thread, end))
}

fn descriptor(file: &File) -> i32 {
    use std::os::fd::AsRawFd;
    file.as_raw_fd()
}

async fn read(dialer: &Dialer, address: SocketAddr) -> std::io::Result<String> {
    let stream = dialer.connect(address, None).await?.into_std()?;
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = String::new();
    (&stream).read_to_string(&mut text)?;
    Ok(text)
}

#[tokio::test]
async fn targets_are_dialled_from_inside() {
    let Some((_file, path, thread, end)) = namespace() else { return };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 7000));
    let inside = Dialer::new(&path);
    // More than the stock has.
    for _ in 0..100 {
        assert_eq!(read(&inside, address).await.unwrap(), "inside");
    }
    let outside = Dialer::new(Path::new(""));
    assert!(read(&outside, address).await.is_err(), "the server is reachable from outside");
    drop(end);
    thread.join().unwrap();
}

#[tokio::test]
async fn clients_inside_are_accepted_outside() {
    let Some((file, path, thread, end)) = namespace() else { return };
    let inside = Dialer::new(&path);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 8000));
    let listener = inside.listen(address).unwrap();
    listener.set_nonblocking(false).unwrap();
    let client = thread::spawn(move || {
        nix::sched::setns(&file, CloneFlags::CLONE_NEWNET).unwrap();
        TcpStream::connect(address).unwrap().write_all(b"hello").unwrap();
    });
    let (mut stream, _) = listener.accept().unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
    client.join().unwrap();
    drop(end);
    thread.join().unwrap();
}

#[test]
fn a_namespace_that_is_not_there_is_an_error() {
    let dialer = Dialer::new(Path::new("/nowhere/at/all"));
    assert!(dialer.listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).is_err());
}

/// The other address of the peer's own namespace stands for the client: the answer finds it without any routing.
#[tokio::test]
async fn a_target_sees_whom_the_dialer_speaks_for() {
    let Some((file, path, thread, end)) = namespace() else { return };
    // The path leads through the descriptor of the file, which stays open.
    let entered = file.try_clone().unwrap();
    let server = thread::spawn(move || {
        nix::sched::setns(&entered, CloneFlags::CLONE_NEWNET).unwrap();
        let stream = TcpListener::bind("127.0.0.1:7001").unwrap();
        let datagrams = std::net::UdpSocket::bind("127.0.0.1:7002").unwrap();
        (stream, datagrams)
    });
    let (listener, datagrams) = server.join().unwrap();
    datagrams.set_read_timeout(Some(PATIENCE)).unwrap();
    let inside = Dialer::new(&path);
    let client = SocketAddr::from((Ipv4Addr::new(127, 1, 2, 3), 33_333));
    let target = SocketAddr::from((Ipv4Addr::LOCALHOST, 7001));
    let kept = inside.connect(target, Some(client)).await.unwrap();
    assert_eq!(listener.accept().unwrap().1, client);
    // The same two ends once more can't be told apart, another target can.
    assert!(inside.connect(target, Some(client)).await.is_err());
    let other = SocketAddr::from((Ipv4Addr::LOCALHOST, 7000));
    assert_eq!(inside.connect(other, Some(client)).await.unwrap().local_addr().unwrap(), client);
    drop(kept);
    let target = SocketAddr::from((Ipv4Addr::LOCALHOST, 7002));
    let flow = inside.connect_datagram(target, Some(client)).await.unwrap();
    flow.send(b"hello").await.unwrap();
    let (length, peer) = datagrams.recv_from(&mut [0; 16]).unwrap();
    assert_eq!((length, peer), (5, client));
    datagrams.send_to(b"answer", peer).unwrap();
    let mut answer = [0; 16];
    let length = tokio::time::timeout(PATIENCE, flow.recv(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer[..length], b"answer");
    drop(end);
    thread.join().unwrap();
}
