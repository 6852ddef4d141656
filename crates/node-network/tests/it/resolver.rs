//! Names inside a VPC.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::thread;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use node_network::resolver::zone::{Zone, Zones};
use node_network::resolver::{LINK_LOCAL_ADDRESS, Resolver, ResolverConfig, Upstreams};
use stdx::clock::SystemClock;
use stdx::random::SystemRandom;
use stdx_async::supervisor;

use crate::support::*;

/// A server that knows one address for every name, and ends with the test.
fn upstream() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            let query = Message::from_vec(&buffer[..length]).unwrap();
            let mut answer = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
            answer.add_queries(query.queries.iter().cloned());
            let name = query.queries[0].name().clone();
            answer.add_answer(Record::from_rdata(name, 60, RData::A(A(Ipv4Addr::new(203, 0, 113, 9)))));
            socket.send_to(&answer.to_vec().unwrap(), peer).unwrap();
        }
    });
    address
}

fn question(name: &str) -> Vec<u8> {
    let mut query = Message::new(4711, MessageType::Query, OpCode::Query);
    query.metadata.recursion_desired = true;
    query.add_query(Query::query(Name::from_ascii(name).unwrap(), RecordType::A));
    query.to_vec().unwrap()
}

fn over_udp(server: Ipv4Addr, name: &str) -> Vec<u8> {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
    socket.send_to(&question(name), (server, 53)).unwrap();
    let mut buffer = [0; 1500];
    let (length, _) = socket.recv_from(&mut buffer).unwrap();
    buffer[..length].to_vec()
}

fn over_tcp(server: Ipv4Addr, name: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect((server, 53)).unwrap();
    let question = question(name);
    stream.write_all(&u16::try_from(question.len()).unwrap().to_be_bytes()).unwrap();
    stream.write_all(&question).unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer).unwrap();
    answer
}

/// Asks from inside the task, and says the code and the first address.
async fn ask(
    task: &Task,
    ask: fn(Ipv4Addr, &str) -> Vec<u8>,
    server: Ipv4Addr,
    name: &str,
) -> (ResponseCode, String) {
    let namespace = std::sync::Arc::clone(&task.namespace);
    let name = name.to_owned();
    let answer = supervisor::blocking(move || inside(namespace.descriptor(), || ask(server, &name))).await;
    let answer = Message::from_vec(&answer).unwrap();
    assert_eq!(answer.metadata.id, 4711);
    let first = answer.answers.first().map(|record| record.data.to_string());
    (answer.metadata.response_code, first.unwrap_or_default())
}

#[test]
fn names_are_resolved_inside_a_vpc() {
    on_a_host("names_are_resolved", |instance| async move {
        let network = open(&instance).await;
        let task = task(&network, 4, &["sg-none"]).await;
        let start = |address: Ipv4Addr, upstream: SocketAddr| {
            let config = ResolverConfig {
                vpc_id: VPC.to_owned(),
                addresses: vec![address],
                upstreams: Upstreams::Fixed(vec![upstream]),
            };
            Resolver::start(&network, config, SystemClock::shared(), SystemRandom::shared())
        };
        let vpc_address = task.attached.resolver;
        let resolver = start(vpc_address, upstream()).await.unwrap();
        let mut zone = Zone::new("ec2.internal");
        zone.add_host(&mut Zone::default(), "ip-172-31-0-4.ec2.internal", 60, task.address());
        let zones = Zones { zones: vec![zone] };
        resolver.publish(zones.clone());

        use ResponseCode::{NXDomain, NoError, ServFail};
        let local = (NoError, String::from("172.31.0.4"));
        assert_eq!(ask(&task, over_udp, vpc_address, "ip-172-31-0-4.ec2.internal.").await, local);
        assert_eq!(ask(&task, over_tcp, vpc_address, "ip-172-31-0-4.ec2.internal.").await, local);
        assert_eq!(ask(&task, over_udp, vpc_address, "no.ec2.internal.").await, (NXDomain, String::new()));
        let outside = (NoError, String::from("203.0.113.9"));
        assert_eq!(ask(&task, over_udp, vpc_address, "www.example.com.").await, outside);

        // Nobody listens there: the failure is told, not waited for.
        let refused = start(LINK_LOCAL_ADDRESS, "127.0.0.1:9".parse().unwrap()).await.unwrap();
        for transport in [over_udp, over_tcp] {
            let answer = ask(&task, transport, LINK_LOCAL_ADDRESS, "www.example.com.").await;
            assert_eq!(answer, (ServFail, String::new()));
        }
        drop(refused);

        resolver.silence();
        let namespace = std::sync::Arc::clone(&task.namespace);
        let closed = supervisor::blocking(move || {
            inside(namespace.descriptor(), || {
                let mut stream = TcpStream::connect((vpc_address, 53)).unwrap();
                let question = question("ip-172-31-0-4.ec2.internal.");
                stream.write_all(&u16::try_from(question.len()).unwrap().to_be_bytes()).unwrap();
                stream.write_all(&question).unwrap();
                stream.read(&mut [0; 2]).unwrap_or(0)
            })
        });
        assert_eq!(closed.await, 0, "without DNS support there is no answer");
        resolver.publish(zones);
        assert_eq!(ask(&task, over_udp, vpc_address, "ip-172-31-0-4.ec2.internal.").await, local);
    });
}
