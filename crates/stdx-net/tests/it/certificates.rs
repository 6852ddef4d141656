use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use stdx::clock::{FakeClock, SystemClock, Timestamp};
use stdx::random::SystemRandom;
use stdx_net::client::{Client, Options, Override};
use stdx_net::server::{self, Config};
use stdx_net::tls::{self, LocalTls};

use crate::{describe, get, start, text};

fn options(directory: &Path, names: &[&str]) -> tls::Options {
    tls::Options {
        directory: directory.to_owned(),
        authority_name: String::from("Test authority"),
        names: names.iter().map(|name| String::from(*name)).collect(),
        addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        mint: Some(Arc::new(|name| name.ends_with(".example.internal"))),
    }
}

fn open(directory: &Path, names: &[&str]) -> LocalTls {
    tls::open(options(directory, names), SystemClock::shared(), SystemRandom::shared())
        .expect("certificates are made")
}

fn client(tls: &LocalTls, address: SocketAddr) -> Client {
    Client::new(Options {
        extra_authorities: vec![tls.authority_pem.to_string()],
        overrides: Some(Arc::new(move |host, _| {
            (host != "127.0.0.1").then_some(Override { address, tls: true })
        })),
        ..Options::default()
    })
    .expect("the options are valid")
}

#[tokio::test]
async fn one_port_speaks_plain_and_tls() {
    let directory = tempfile::tempdir().expect("a directory");
    let tls = open(directory.path(), &["localhost", "*.host.internal"]);
    let config = Config::default().with_tls(tls.server_config.clone());
    let (_listening, address) = start(&config, server::handler(describe));
    let client = client(&tls, address);

    let plain = client.send(get(&format!("http://{address}/p"))).await.expect("an answer");
    assert_eq!(text(plain).await, "GET /p HTTP/1.1 tls=false name=- 0");
    let by_address = client.send(get(&format!("https://{address}/t"))).await.expect("an answer");
    assert_eq!(text(by_address).await, "GET /t HTTP/2.0 tls=true name=- 0");
    let by_name = client.send(get("https://a.host.internal/t")).await.expect("an answer");
    assert_eq!(text(by_name).await, "GET /t HTTP/2.0 tls=true name=a.host.internal 0");
    let minted = client.send(get("https://x.y.z.example.internal/m")).await.expect("an answer");
    assert_eq!(text(minted).await, "GET /m HTTP/2.0 tls=true name=x.y.z.example.internal 0");
    client.send(get("https://elsewhere.test/")).await.expect_err("no certificate covers this name");
    let untrusting = crate::client();
    untrusting.send(get(&format!("https://{address}/"))).await.expect_err("the authority is unknown to it");
}

#[test]
fn files_are_kept_until_they_no_longer_fit() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("tls");
    let read = |name: &str| std::fs::read_to_string(path.join(name)).expect("the file exists");
    let first = open(&path, &["a.internal"]);
    let (authority, server) = (read("authority.pem"), read("server.pem"));
    for key in ["authority.key", "server.key"] {
        let mode = std::fs::metadata(path.join(key)).expect("the key exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
    let again = open(&path, &["a.internal"]);
    assert_eq!(again.authority_pem, first.authority_pem);
    assert_eq!(read("server.pem"), server);

    open(&path, &["a.internal", "b.internal"]);
    assert_eq!(read("authority.pem"), authority);
    let widened = read("server.pem");
    assert_ne!(widened, server);

    let later = SystemClock::shared().now().plus(Duration::from_secs(380 * 86_400));
    let clock = FakeClock::at(later);
    tls::open(options(&path, &["a.internal", "b.internal"]), clock, SystemRandom::shared()).expect("renewed");
    assert_eq!(read("authority.pem"), authority);
    assert_ne!(read("server.pem"), widened);

    let clock = FakeClock::at(Timestamp::from_secs(later.as_secs() + 3650 * 86_400));
    tls::open(options(&path, &["a.internal"]), clock, SystemRandom::shared()).expect("a new authority");
    assert_ne!(read("authority.pem"), authority);
}

#[test]
fn a_damaged_key_is_told_not_replaced() {
    let directory = tempfile::tempdir().expect("a directory");
    open(directory.path(), &["a.internal"]);
    std::fs::write(directory.path().join("authority.key"), "nonsense").expect("the file can be written");
    let failure =
        tls::open(options(directory.path(), &["a.internal"]), SystemClock::shared(), SystemRandom::shared())
            .expect_err("the key is damaged");
    assert!(failure.to_string().contains("authority.key is damaged"), "{failure}");
}
