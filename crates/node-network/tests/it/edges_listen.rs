//! Listeners of VPC endpoints: at their own interfaces, under their own groups.

use std::io::{Read, Write};
use std::thread;

use node_network::config::Traffic;

use crate::support::*;

#[test]
fn an_endpoint_is_reached_as_its_groups_say() {
    on_a_host("an_endpoint_is_reached", |instance| async move {
        let network = open(&instance).await;
        let everyone = (Traffic::All, "0.0.0.0/0");
        network.set_group(VPC, group("sg-endpoint", &[(tcp_port(80), "sg-web")], &[])).await.unwrap();
        network.set_group(VPC, group("sg-web", &[], &[everyone])).await.unwrap();
        network.set_group(VPC, group("sg-other", &[], &[everyone])).await.unwrap();
        let eni = eni_config(9, "172.31.16.0/20", &["sg-endpoint"]);
        assert!(network.listen_in_edge(&eni.eni_id, 80).await.is_err(), "nothing is attached yet");
        network.attach_edge(eni.clone()).await.unwrap();
        let listener = network.listen_in_edge(&eni.eni_id, 80).await.unwrap();
        listener.set_nonblocking(false).unwrap();
        // Tells each client its address, as `support::tcp` asks for it.
        thread::spawn(move || {
            while let Ok((mut stream, peer)) = listener.accept() {
                let _asked = stream.read(&mut [0; 16]);
                let _told = stream.write_all(peer.ip().to_string().as_bytes());
            }
        });
        let web = task(&network, 5, &["sg-web"]).await;
        let other = task(&network, 6, &["sg-other"]).await;
        assert!(web.tcp(eni.address, 80).is_some(), "its group lets this one in");
        assert!(other.tcp(eni.address, 80).is_none(), "and nobody else");
        let known = network.interface_addresses(VPC).await.unwrap();
        assert_eq!(known.get(&eni.eni_id), Some(&eni.address));
        assert_eq!(known.len(), 3);
        assert!(network.listen_in_edge("../x", 80).await.is_err(), "an id is no path");
    });
}
