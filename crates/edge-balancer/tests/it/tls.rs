//! TLS listeners, and TLS towards targets.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use edge_balancer::unverified;
use link_protocol::edge::{CertificateConfig, EdgeDown};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConnection, ServerConfig, ServerConnection, StreamOwned};
use state_model::elbv2::target::HealthState;

use crate::configs::{balancer, group, listener};
use crate::support::{PATIENCE, Process, own_address, own_port};

/// A server that speaks TLS: HTTP enough for a health check.
fn tls_server() -> SocketAddr {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["target".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            let config = config.clone();
            thread::spawn(move || {
                let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
                let mut buffer = [0; 4096];
                if matches!(stream.read(&mut buffer), Ok(1..)) {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhidden");
                }
                stream.conn.send_close_notify();
                let _ = stream.flush();
            });
        }
    });
    address
}

#[test]
fn tls_is_ended_and_begun_again_towards_targets_of_tls_groups() {
    let process = Process::start();
    let mut control = process.control();
    let target = tls_server();
    let mut config = group("web", "TLS", &[target]);
    config.health_check.protocol = "HTTPS".to_owned();
    config.health_check.matcher = Some("200-399".to_owned());
    control.tell(&EdgeDown::TargetGroup(Box::new(config)));
    let (ip, port) = (own_address(), own_port());
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["one.test".to_owned()]).unwrap();
    let mut listener = listener("TLS", port, &["web"]);
    listener.ssl_policy = Some("ELBSecurityPolicy-TLS13-1-2-2021-06".to_owned());
    listener.certificates.push(CertificateConfig {
        arn: "certificate".to_owned(),
        chain_pem: cert.pem(),
        private_key_pem: signing_key.serialize_pem(),
    });
    control.tell(&EdgeDown::LoadBalancer(Box::new(balancer(ip, vec![listener]))));
    // Over HTTPS, with a certificate that nobody vouches for.
    control.health(target.port(), HealthState::Healthy);
    control.settle();
    let client = unverified::client_config(Vec::new()).unwrap();
    let name = ServerName::try_from("one.test").unwrap();
    let stream = TcpStream::connect(SocketAddr::new(IpAddr::V4(ip), port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = StreamOwned::new(ClientConnection::new(client, name).unwrap(), stream);
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.ends_with("hidden"), "{text}");
    let served = stream.conn.peer_certificates().unwrap();
    assert_eq!(
        served[0].as_ref(),
        cert.der().as_ref(),
        "the certificate is the listener's, not the target's"
    );
}
