//! What a task sees, and how its interface comes and goes.

use std::sync::Arc;
use std::time::Duration;

use node_network::NetworkError;
use node_network::config::NetnsTarget;

use crate::support::*;

#[test]
fn a_task_sees_its_interface() {
    on_a_host("a_task_sees_its_interface", |instance| async move {
        let network = open(&instance).await;
        let task = task(&network, 4, &["sg-a"]).await;
        let links = task.inside(|| run("ip -o link show eth1"));
        assert!(links.contains("mtu 9001") && links.contains("0a:00:00:00:00:04"), "{links}");
        let addresses = task.inside(|| run("ip -o addr show"));
        assert!(addresses.contains("172.31.0.4/20 brd 172.31.15.255"), "{addresses}");
        assert!(!addresses.contains("fe80"), "{addresses}");
        let routes = task.inside(|| run("ip route"));
        assert!(routes.contains("default via 172.31.0.1 dev eth1"), "{routes}");
        assert_eq!(task.attached.gateway.to_string(), "172.31.0.1");
        assert_eq!(task.attached.resolver.to_string(), "172.31.0.2");
    });
}

#[test]
fn interfaces_come_and_go() {
    on_a_host("interfaces_come_and_go", |instance| async move {
        let network = open(&instance).await;
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        let first = task(&network, 4, &["sg-a"]).await;
        let second = task(&network, 5, &["sg-a"]).await;
        assert!(first.ping(second.address()));
        // A repeated attach changes nothing.
        let target = NetnsTarget::Ready(Arc::clone(&second.namespace));
        assert_eq!(network.attach(second.eni.clone(), target).await.unwrap(), second.attached);
        assert!(first.ping(second.address()));

        network.detach(VPC, &second.eni.eni_id).await.unwrap();
        network.detach(VPC, &second.eni.eni_id).await.unwrap();
        assert!(!first.ping(second.address()));
        assert!(!second.ping(first.address()));
        // The address can be given again, to another task.
        drop(second);
        let third = task(&network, 5, &["sg-a"]).await;
        assert!(first.ping(third.address()));
        let strange = network.counters(VPC, "eni-ffff").await;
        assert!(matches!(strange, Err(NetworkError::UnknownInterface(_))));
        let counters = network.counters(VPC, &third.eni.eni_id).await.unwrap();
        let all = network.all_counters(VPC).await.unwrap();
        assert!(all.contains_key(&third.eni.eni_id) && !all.contains_key("eni-ffff"), "{all:?}");
        assert!(
            counters.rx_packets >= 1 && counters.tx_packets >= 1 && counters.rx_bytes > 40,
            "{counters:?}"
        );
    });
}

#[test]
fn any_namespace_can_be_a_target() {
    on_a_host("any_namespace_can_be_a_target", |instance| async move {
        let network = open(&instance).await;
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        let first = task(&network, 4, &["sg-a"]).await;
        let mut process =
            std::process::Command::new("unshare").args(["--net", "sleep", "60"]).spawn().unwrap();
        let path = format!("/proc/{}/ns/net", process.id());
        let own = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
        while std::fs::read_link(&path).unwrap() == own {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let eni = eni_config(6, "172.31.16.0/20", &["sg-a"]);
        network.attach(eni.clone(), NetnsTarget::Process(process.id())).await.unwrap();
        assert!(first.ping(eni.address));
        network.attach(eni.clone(), NetnsTarget::Path(path.into())).await.unwrap();
        assert!(first.ping(eni.address));
        // With the last process the namespace ends, and with it the interface; its detachment still works.
        process.kill().unwrap();
        process.wait().unwrap();
        network.detach(VPC, &eni.eni_id).await.unwrap();
        assert!(!first.ping(eni.address));
    });
}

#[test]
fn wrong_wishes_are_refused() {
    on_a_host("wrong_wishes_are_refused", |instance| async move {
        let network = open(&instance).await;
        let namespace = Arc::new(network.acquire_namespace(VPC).await.unwrap());
        let target = || NetnsTarget::Ready(Arc::clone(&namespace));
        let mut eni = eni_config(4, "10.9.0.0/24", &["sg-a"]);
        assert!(matches!(network.attach(eni.clone(), target()).await, Err(NetworkError::ForeignSubnet(_))));
        eni.vpc_id = String::from("vpc-unknown");
        assert!(matches!(network.attach(eni.clone(), target()).await, Err(NetworkError::UnknownVpc(_))));
        let bad = eni_config(4, "172.31.0.0/20", &["sg-a; flush ruleset"]);
        assert!(matches!(network.attach(bad, target()).await, Err(NetworkError::Identifier { .. })));
        let gone = NetnsTarget::Path("/nonexistent".into());
        let fine = eni_config(4, "172.31.0.0/20", &["sg-a"]);
        assert!(matches!(network.attach(fine.clone(), gone).await, Err(NetworkError::File { .. })));
        network.attach(fine, target()).await.unwrap();
    });
}

#[test]
fn a_hundred_tasks_at_once() {
    on_a_host("a_hundred_tasks_at_once", |instance| async move {
        let network = open(&instance).await;
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        let clock = stdx::clock::SystemClock::shared();
        let begun = clock.monotonic();
        let mut tasks = Vec::new();
        for number in 0..100_u8 {
            let network = Arc::clone(&network);
            tasks.push(stdx_async::supervisor::spawn("attach", async move {
                task(&network, 100 + number, &["sg-a"]).await
            }));
        }
        let mut attached = Vec::new();
        for task in tasks {
            attached.push(task.await.unwrap().unwrap());
        }
        let elapsed = clock.monotonic() - begun;
        eprintln!("100 tasks attached in {elapsed:?}");
        assert!(attached[0].ping(attached[99].address()));
        assert_eq!(network.interfaces(VPC).await.unwrap().len(), 100);
        assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
    });
}

#[test]
fn an_address_goes_from_one_task_to_the_next() {
    on_a_host("an_address_goes_on", |instance| async move {
        let network = open(&instance).await;
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        let peer = task(&network, 4, &["sg-a"]).await;
        let mut former = task(&network, 5, &["sg-a"]).await;
        for number in 0..10_u8 {
            let namespace = Arc::new(network.acquire_namespace(VPC).await.unwrap());
            let mut eni = former.eni.clone();
            eni.eni_id = format!("eni-heir{number}");
            let target = NetnsTarget::Ready(Arc::clone(&namespace));
            // Both requests arrive together.
            let gone = network.detach(VPC, &former.eni.eni_id);
            let came = network.attach(eni.clone(), target);
            let (gone, came) = tokio::join!(gone, came);
            gone.unwrap();
            former = Task { namespace, eni, attached: came.unwrap() };
            assert!(peer.ping(former.address()) && ping(former.address()), "round {number}");
        }
    });
}
