//! From a question's bytes to an answer from our zones, or the decision to ask others.

use hickory_proto::op::{Edns, Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, PTR, SOA, SRV, TXT};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use stdx::random::{self, Random};

use crate::limits;
use crate::resolver::zone::{RecordData, Zone, Zones};

/// How long a resolver may remember that a name of ours does not exist.
const NEGATIVE_TTL_SECS: u32 = 5;

#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    Answer(Vec<u8>),
    Forward,
    /// Not a question: nothing is said.
    Ignore,
}

/// Decides on `question`; an answer over UDP is cut to what the client takes.
pub fn decide(question: &[u8], zones: &Zones, random: &dyn Random, over_udp: bool) -> Decision {
    // Too short for an id and flags, or an answer itself: an answer to it could begin a loop.
    if question.len() < 12 || question[2] & 0x80 != 0 {
        return Decision::Ignore;
    }
    let Ok(query) = Message::from_vec(question) else {
        return Decision::Answer(bare(question, ResponseCode::FormErr));
    };
    if query.metadata.op_code != OpCode::Query {
        return Decision::Answer(bare(question, ResponseCode::NotImp));
    }
    let [asked] = &query.queries[..] else {
        return Decision::Answer(bare(question, ResponseCode::FormErr));
    };
    let name = asked.name().to_lowercase().to_ascii();
    let Some(zone) = zones.zone_of(name.trim_end_matches('.')) else { return Decision::Forward };
    let answer = match asked.query_class() {
        DNSClass::IN => from_zone(&query, zone, name.trim_end_matches('.'), random),
        _ => reply(&query, ResponseCode::Refused),
    };
    match encode(&answer, &query, over_udp) {
        Some(bytes) => Decision::Answer(bytes),
        None => Decision::Answer(bare(question, ResponseCode::ServFail)),
    }
}

/// An answer with nothing but a code, made from the question's own first bytes.
pub fn bare(question: &[u8], code: ResponseCode) -> Vec<u8> {
    let mut answer = vec![0; 12];
    answer[..2].copy_from_slice(&question[..2]);
    // Answer, with the question's operation and recursion wish; recursion available.
    answer[2] = 0x80 | (question[2] & 0x79);
    answer[3] = 0x80 | code.low();
    answer
}

fn from_zone(query: &Message, zone: &Zone, name: &str, random: &dyn Random) -> Message {
    let asked = &query.queries[0];
    let Some(records) = zone.lookup(name) else {
        // A name between the suffix and an existing name exists, without records.
        let inner = format!(".{name}");
        let is_parent = name == zone.suffix || zone.records.keys().any(|known| known.ends_with(&inner));
        let code = if is_parent { ResponseCode::NoError } else { ResponseCode::NXDomain };
        return negative(query, zone, code);
    };
    let wanted = records.iter().filter_map(|record| {
        let data = record_data(&record.data)?;
        let matches =
            matches!(asked.query_type(), RecordType::ANY) || data.record_type() == asked.query_type();
        matches.then(|| Record::from_rdata(asked.name().clone(), record.ttl_secs, data))
    });
    let mut answers: Vec<Record> = wanted.collect();
    if answers.is_empty() {
        return negative(query, zone, ResponseCode::NoError);
    }
    // Clients take the first address: each should be first now and then.
    let first = random::below(random, u64::try_from(answers.len()).unwrap_or(1));
    answers.rotate_left(usize::try_from(first).unwrap_or(0));
    let mut answer = reply(query, ResponseCode::NoError);
    answer.add_answers(answers);
    answer
}

fn negative(query: &Message, zone: &Zone, code: ResponseCode) -> Message {
    let mut answer = reply(query, code);
    let names = (Name::from_ascii(format!("{}.", zone.suffix)), Name::from_ascii("ns.neargate.internal."));
    if let (Ok(origin), Ok(server)) = names {
        let soa = SOA::new(server.clone(), server, 1, 3600, 600, 86_400, NEGATIVE_TTL_SECS);
        answer.add_authority(Record::from_rdata(origin, NEGATIVE_TTL_SECS, RData::SOA(soa)));
    }
    answer
}

fn reply(query: &Message, code: ResponseCode) -> Message {
    let mut answer = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    answer.metadata.recursion_desired = query.metadata.recursion_desired;
    answer.metadata.recursion_available = true;
    answer.metadata.authoritative = true;
    answer.metadata.response_code = code;
    answer.add_queries(query.queries.iter().cloned());
    if query.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(1232);
        answer.set_edns(edns);
    }
    answer
}

fn encode(answer: &Message, query: &Message, over_udp: bool) -> Option<Vec<u8>> {
    let bytes = answer.to_vec().ok()?;
    let offered = query.edns.as_ref().map_or(0, |edns| usize::from(edns.max_payload()));
    if !over_udp || bytes.len() <= offered.max(limits::DNS_UDP_BYTES) {
        return Some(bytes);
    }
    let mut cut = answer.clone();
    cut.answers.clear();
    cut.authorities.clear();
    cut.metadata.truncation = true;
    cut.to_vec().ok()
}

fn record_data(data: &RecordData) -> Option<RData> {
    let full = |name: &str| Name::from_ascii(format!("{}.", name.trim_end_matches('.'))).ok();
    Some(match data {
        RecordData::A(address) => RData::A(A(*address)),
        RecordData::Ptr(name) => RData::PTR(PTR(full(name)?)),
        RecordData::Srv { priority, weight, port, target } => {
            RData::SRV(SRV::new(*priority, *weight, *port, full(target)?))
        }
        RecordData::Txt(texts) => RData::TXT(TXT::new(texts.clone())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolver::zone::private_dns_name;
    use hickory_proto::op::Query;
    use std::net::Ipv4Addr;
    use stdx::random::SeededRandom;

    fn zones() -> Zones {
        let mut forward = Zone::new("ec2.internal");
        let mut reverse = Zone::new("31.172.in-addr.arpa");
        let address = Ipv4Addr::new(172, 31, 0, 4);
        forward.add_host(&mut reverse, &private_dns_name(address, "us-east-1"), 60, address);
        for last in 0..60 {
            forward.add("many.sub.ec2.internal", 60, RecordData::A(Ipv4Addr::new(172, 31, 1, last)));
        }
        Zones { zones: vec![forward, reverse] }
    }

    fn ask(name: &str, kind: RecordType, over_udp: bool) -> Decision {
        let mut query = Message::new(77, MessageType::Query, OpCode::Query);
        query.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
        decide(&query.to_vec().unwrap(), &zones(), &*SeededRandom::shared(1), over_udp)
    }

    fn check(name: &str, kind: RecordType, code: ResponseCode, answers: &[&str]) {
        let Decision::Answer(bytes) = ask(name, kind, true) else { panic!("{name} is not answered") };
        let answer = Message::from_vec(&bytes).unwrap();
        assert_eq!(answer.metadata.id, 77);
        assert_eq!(answer.metadata.response_code, code, "{name}");
        let found: Vec<String> = answer.answers.iter().map(|record| record.data.to_string()).collect();
        assert_eq!(found, answers, "{name}");
        assert_eq!(answer.authorities.len(), usize::from(answers.is_empty()), "{name}");
    }

    #[test]
    fn zones_answer() {
        use ResponseCode::{NXDomain, NoError};
        check("IP-172-31-0-4.ec2.internal.", RecordType::A, NoError, &["172.31.0.4"]);
        check("ip-172-31-0-4.ec2.internal.", RecordType::AAAA, NoError, &[]);
        check("4.0.31.172.in-addr.arpa.", RecordType::PTR, NoError, &["ip-172-31-0-4.ec2.internal."]);
        check("nobody.ec2.internal.", RecordType::A, NXDomain, &[]);
        check("sub.ec2.internal.", RecordType::A, NoError, &[]);
        assert_eq!(ask("example.com.", RecordType::A, true), Decision::Forward);
    }

    #[test]
    fn long_answers_are_cut_over_udp_only() {
        let answers = |over_udp| {
            let Decision::Answer(bytes) = ask("many.sub.ec2.internal.", RecordType::A, over_udp) else {
                panic!()
            };
            let answer = Message::from_vec(&bytes).unwrap();
            (answer.metadata.truncation, answer.answers.len())
        };
        assert_eq!(answers(true), (true, 0));
        assert_eq!(answers(false), (false, 60));
    }

    #[test]
    fn malformed_questions_get_honest_answers() {
        let zones = zones();
        let random = SeededRandom::shared(1);
        let decide = |bytes: &[u8]| decide(bytes, &zones, &*random, true);
        assert_eq!(decide(b"short"), Decision::Ignore);
        assert_eq!(decide(&[0, 1, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Decision::Ignore);
        let no_question = [0, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(decide(&no_question), Decision::Answer(vec![0, 9, 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0]));
        let cut = [0, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 60, b'a'];
        assert_eq!(decide(&cut), Decision::Answer(vec![0, 9, 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0]));
        let update = [0, 9, 0x28, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(matches!(decide(&update), Decision::Answer(answer) if answer[3] & 15 == 4));
    }
}
