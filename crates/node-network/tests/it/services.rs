//! What the VPC itself answers to its tasks.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::support::*;

const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 2);

#[test]
fn a_service_knows_its_peer_by_address() {
    on_a_host("a_service_knows_its_peer", |instance| async move {
        let network = open(&instance).await;
        // Security groups have no say: on AWS too, the link-local services need no rule.
        let first = task(&network, 4, &["sg-none"]).await;
        let second = task_in(&network, 5, "172.31.16.0/20", &["sg-none"]).await;
        let listener = network.listen_tcp(VPC, SocketAddrV4::new(METADATA, 80)).await.unwrap();
        let hidden = network.listen_tcp(VPC, SocketAddrV4::new(METADATA, 81)).await.unwrap();
        drop(hidden);
        listener.set_nonblocking(false).unwrap();
        for task in [&first, &second] {
            let mut connection = task.tcp(METADATA, 80).unwrap();
            let (mut accepted, peer) = listener.accept().unwrap();
            assert_eq!(peer.ip(), task.address());
            accepted.write_all(format!("{:<15}", "hello").as_bytes()).unwrap();
            assert_eq!(connection.ask().as_deref(), Some("hello"));
        }
        assert!(first.tcp(METADATA, 22).is_none());
        assert!(!first.ping(METADATA), "only what is served answers");
        assert!(tcp(METADATA, 80).is_none(), "the host is not a task");
        // The same address again, as after a restart.
        drop(listener);
        network.listen_tcp(VPC, SocketAddrV4::new(METADATA, 80)).await.unwrap();
    });
}
