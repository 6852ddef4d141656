//! ACM in process: certificates that the test's own authority made, at times of the test's choice.

use std::sync::Arc;
use std::time::Duration;

use api_auth::{Context, Principal};
use api_platform::acm::{self, Acm, renewal};
use state_model::Scope;
use state_model::acm::certificate::certificate_key;
use state_model::elbv2::Listener;
use state_model::elbv2::action::Action;
use state_tables::Transaction;
use stdx::random::SystemRandom;
use stdx_net::tls::authority::{self, Authority, Curve, IssuedPems};
use wire_schema::ServiceError;
use wire_shapes_platform::acm::{self as wire, CertificateDetail, CertificateStatus, KeyAlgorithm};

use crate::harness::{ACCOUNT, Harness, refused};

const DAY: Duration = Duration::from_hours(24);
const MISSING: &str = "arn:aws:acm:us-east-1:000000000000:certificate/11111111-2222-4333-8444-555555555555";

struct Bench {
    harness: Harness,
    service: Arc<Acm>,
    /// Somebody else's authority.
    other: Authority,
    _directory: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let harness = Harness::new().await;
        let directory = tempfile::tempdir().expect("a folder");
        let open = |name: &str| {
            let folder = directory.path().join(name);
            std::fs::create_dir(&folder).expect("a folder");
            authority::load_or_create(&folder, name, harness.now, &SystemRandom).expect("an authority")
        };
        let (own, other) = (open("own"), open("other"));
        let service = Arc::new(Acm { keys: Arc::clone(&harness.keys), authority: Arc::new(own) });
        Self { harness, service, other, _directory: directory }
    }

    fn of(&self, account: &str) -> Context<Acm> {
        Context::new(self.harness.request(Principal::root(account)), Arc::clone(&self.service))
    }

    fn root(&self) -> Context<Acm> {
        self.of(ACCOUNT)
    }

    fn made(&self, name: &str, curve: Curve) -> IssuedPems {
        let names = [name.to_owned()];
        self.other.issue_pems(&names, curve, self.harness.now, &SystemRandom).expect("a certificate")
    }

    async fn import(&self, input: wire::ImportCertificateRequest) -> Result<String, ServiceError> {
        let answer = acm::import_certificate::import_certificate(self.root(), input).await?;
        Ok(answer.certificate_arn.expect("an ARN"))
    }

    async fn request(&self, input: wire::RequestCertificateRequest) -> Result<String, ServiceError> {
        let answer = acm::request_certificate::request_certificate(self.root(), input).await?;
        Ok(answer.certificate_arn.expect("an ARN"))
    }

    async fn describe(&self, arn: &str) -> Result<CertificateDetail, ServiceError> {
        let input = wire::DescribeCertificateRequest { certificate_arn: Some(arn.into()) };
        let answer = acm::describe_certificate::describe_certificate(self.root(), input).await?;
        Ok(answer.certificate.expect("a certificate"))
    }

    async fn delete(&self, arn: &str) -> Result<(), ServiceError> {
        let input = wire::DeleteCertificateRequest { certificate_arn: Some(arn.into()) };
        acm::delete_certificate::delete_certificate(self.root(), input).await.map(|_| ())
    }

    async fn list(&self, input: wire::ListCertificatesRequest) -> (Vec<String>, Option<String>) {
        let answer = acm::list_certificates::list_certificates(self.root(), input).await.expect("a list");
        let listed = answer.certificate_summary_list.unwrap_or_default();
        let names = listed.into_iter().filter_map(|summary| summary.domain_name).collect();
        (names, answer.next_token)
    }

    /// As an HTTPS listener of a load balancer keeps it.
    async fn present(&self, arn: &str) -> Listener {
        let listener = Listener {
            scope: Scope::new(ACCOUNT, "us-east-1"),
            load_balancer: "app/web/0123456789abcdef".into(),
            id: "fedcba9876543210".into(),
            protocol: "HTTPS".into(),
            port: 443,
            default_action: Action::Forward(Default::default()),
            default_rule_id: "0000000000000001".into(),
            certificates: vec![arn.into()],
            ssl_policy: None,
            alpn_policy: None,
            attributes: Default::default(),
            tags: Default::default(),
            default_rule_tags: Default::default(),
            created_at: self.harness.now,
        };
        let mut transaction = Transaction::new();
        transaction.insert(&listener);
        self.harness.state.commit(transaction).await.expect("a commit");
        listener
    }
}

fn importing(pems: &IssuedPems) -> wire::ImportCertificateRequest {
    wire::ImportCertificateRequest {
        certificate: Some(pems.certificate.clone().into()),
        private_key: Some(pems.key.clone().into()),
        certificate_chain: Some(pems.chain.clone().into()),
        ..Default::default()
    }
}

fn requesting(name: &str) -> wire::RequestCertificateRequest {
    wire::RequestCertificateRequest { domain_name: Some(name.into()), ..Default::default() }
}

fn tag(key: &str, value: &str) -> wire::Tag {
    wire::Tag { key: Some(key.into()), value: Some(value.into()) }
}

#[tokio::test]
async fn an_imported_certificate_is_kept_and_its_key_is_sealed() {
    let bench = Bench::new().await;
    let pems = bench.made("a.example", Curve::P256);
    let arn = bench.import(importing(&pems)).await.expect("imported");
    let detail = bench.describe(&arn).await.expect("described");
    assert_eq!(detail.domain_name.as_deref(), Some("a.example"));
    assert_eq!(detail.status, Some(CertificateStatus::Issued));
    assert_eq!(detail.key_algorithm.map(|kind| kind.as_str().to_owned()).as_deref(), Some("EC-prime256v1"));
    assert_eq!(detail.signature_algorithm.as_deref(), Some("SHA256WITHECDSA"));
    assert_eq!(detail.in_use_by, Some(vec![]));
    assert!(detail.imported_at.is_some() && detail.issued_at.is_none());
    let input = wire::GetCertificateRequest { certificate_arn: Some(arn.clone()) };
    let got = acm::get_certificate::get_certificate(bench.root(), input).await.expect("got");
    let shown = |text: Option<String>| text.unwrap_or_default().replace("\r\n", "\n").trim().to_owned();
    assert_eq!(shown(got.certificate), pems.certificate.replace("\r\n", "\n").trim());
    assert_eq!(shown(got.certificate_chain), pems.chain.replace("\r\n", "\n").trim());
    let view = bench.harness.state.view();
    let record = view.acm_certificates.get(&certificate_key(&arn).expect("a key")).expect("a record");
    assert!(!record.sealed_private_key.contains("PRIVATE"));
    let opened = bench.harness.keys.unseal_certificate_key(record).expect("it opens");
    assert_eq!(opened.trim(), pems.key.trim());
}

#[tokio::test]
async fn what_does_not_fit_together_is_not_imported() {
    let bench = Bench::new().await;
    let pems = bench.made("a.example", Curve::P256);
    let stranger = bench.service.authority.issue_pems(
        &["a.example".to_owned()],
        Curve::P256,
        bench.harness.now,
        &SystemRandom,
    );
    let stranger = stranger.expect("a certificate");
    let good = || importing(&pems);
    let twice = format!("{}{}", pems.certificate, pems.chain);
    let disordered = "Unable to validate certificate chain. The certificate chain must start with the immediate signing \
                      certificate, followed by any intermediaries in order. The index within the chain of the invalid \
                      certificate is: ";
    type Change<'a> = &'a dyn Fn(&mut wire::ImportCertificateRequest);
    let cases: [(Change<'_>, &str); 9] = [
        (
            &|input| input.certificate = Some("nonsense".into()),
            "The certificate is not in PEM format or is not valid.",
        ),
        (
            &|input| input.certificate = Some(twice.clone().into()),
            "The certificate field contains more than one certificate. You can specify only one certificate in this field.",
        ),
        (
            &|input| input.private_key = Some("nonsense".into()),
            "The private key is not in PEM format or is not valid.",
        ),
        (
            &|input| input.private_key = Some("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA".into()),
            "The private key is encrypted. Only unencrypted private keys are supported.",
        ),
        (
            &|input| input.private_key = Some(stranger.key.clone().into()),
            "The private key does not match the certificate.",
        ),
        (
            &|input| input.certificate_chain = None,
            "Provided certificate is not a valid self signed. Please provide either a valid self-signed certificate or \
             certificate chain.",
        ),
        (
            &|input| input.certificate_chain = Some("nonsense".into()),
            "The certificate chain is not in PEM format or is not valid.",
        ),
        (&|input| input.certificate_chain = Some(stranger.chain.clone().into()), &format!("{disordered}0")),
        (
            &|input| input.certificate_chain = Some(format!("{}{}", pems.chain, stranger.chain).into()),
            &format!("{disordered}1"),
        ),
    ];
    for (change, message) in cases {
        let mut input = good();
        change(&mut input);
        refused(bench.import(input).await, "ValidationException", message);
    }
    assert!(bench.harness.state.view().acm_certificates.is_empty());
    bench.import(good()).await.expect("the unchanged request is taken");
}

#[tokio::test]
async fn a_certificate_is_taken_while_it_is_valid_and_says_when_it_no_longer_is() {
    let mut bench = Bench::new().await;
    let pems = bench.made("a.example", Curve::P256);
    let arn = bench.import(importing(&pems)).await.expect("imported");
    let now = bench.harness.now;
    bench.harness.now = now.minus(2 * DAY);
    let early = "The certificate is not in effect yet, is not valid.";
    refused(bench.import(importing(&pems)).await, "ValidationException", early);
    bench.harness.now = now.plus(400 * DAY);
    let late = "The certificate is expired, is not valid.";
    refused(bench.import(importing(&pems)).await, "ValidationException", late);
    assert_eq!(bench.describe(&arn).await.expect("described").status, Some(CertificateStatus::Expired));
    let expired = wire::ListCertificatesRequest {
        certificate_statuses: Some(vec![CertificateStatus::Expired]),
        ..Default::default()
    };
    assert_eq!(bench.list(expired).await.0, ["a.example"]);
}

#[tokio::test]
async fn a_reimport_keeps_the_arn_and_the_tags() {
    let bench = Bench::new().await;
    let tagged = wire::ImportCertificateRequest {
        tags: Some(vec![tag("team", "web")]),
        ..importing(&bench.made("a.example", Curve::P256))
    };
    let arn = bench.import(tagged).await.expect("imported");
    let before = bench.describe(&arn).await.expect("described");
    let again = |pems: &IssuedPems| wire::ImportCertificateRequest {
        certificate_arn: Some(arn.clone()),
        ..importing(pems)
    };
    let next = bench.made("a.example", Curve::P256);
    assert_eq!(bench.import(again(&next)).await.expect("imported again"), arn);
    let after = bench.describe(&arn).await.expect("described");
    assert_ne!(after.serial, before.serial);
    let input = wire::ListTagsForCertificateRequest { certificate_arn: Some(arn.clone()) };
    let tags = acm::list_tags_for_certificate::list_tags_for_certificate(bench.root(), input).await;
    assert_eq!(tags.expect("tags").tags, Some(vec![tag("team", "web")]));

    let other_kind = bench.import(again(&bench.made("a.example", Curve::P384))).await;
    let message = "The key type and size can't change on re-import: the certificate has EC_prime256v1, the new one \
                   EC_secp384r1.";
    refused(other_kind, "ValidationException", message);
    let other_name = bench.import(again(&bench.made("b.example", Curve::P256))).await;
    let message = "A re-imported certificate must have a domain name of the one it replaces.";
    refused(other_name, "ValidationException", message);
    let with_tags = wire::ImportCertificateRequest { tags: Some(vec![tag("a", "b")]), ..again(&next) };
    refused(bench.import(with_tags).await, "ValidationException", "Tagging is not permitted on re-import.");
    let issued = bench.request(requesting("a.internal")).await.expect("issued");
    let over_issued =
        wire::ImportCertificateRequest { certificate_arn: Some(issued.clone()), ..importing(&next) };
    let message = format!("Certificate {issued} was not imported and can't be re-imported.");
    refused(bench.import(over_issued).await, "ValidationException", &message);
}

#[tokio::test]
async fn internal_names_are_issued_at_once() {
    let bench = Bench::new().await;
    let input = wire::RequestCertificateRequest {
        subject_alternative_names: Some(vec!["*.web.internal".into(), "WEB.internal".into()]),
        key_algorithm: Some(KeyAlgorithm::EcSecp384r1),
        ..requesting("web.internal")
    };
    let arn = bench.request(input).await.expect("issued");
    let detail = bench.describe(&arn).await.expect("described");
    assert_eq!(detail.status, Some(CertificateStatus::Issued));
    assert_eq!(detail.r#type, Some(wire::CertificateType::AmazonIssued));
    let names = ["web.internal".to_owned(), "*.web.internal".to_owned()];
    assert_eq!(detail.subject_alternative_names.as_deref(), Some(&names[..]));
    let validations = detail.domain_validation_options.expect("validations");
    assert_eq!(validations.len(), 2);
    assert!(validations.iter().all(|one| one.validation_status == Some(wire::DomainStatus::Success)));
    let usages: Vec<_> =
        detail.key_usages.unwrap_or_default().into_iter().filter_map(|usage| usage.name).collect();
    assert_eq!(usages, [wire::KeyUsageName::DigitalSignature]);
    assert_eq!(detail.key_algorithm.map(|kind| kind.as_str().to_owned()).as_deref(), Some("EC-secp384r1"));
}

#[tokio::test]
async fn what_cannot_be_issued_is_refused() {
    let bench = Bench::new().await;
    let base = || requesting("a.internal");
    let many = (0..100).map(|number| format!("n{number}.internal")).collect();
    let checks = [
        (wire::RequestCertificateRequest::default(), "ValidationException", "'domainName'"),
        (requesting("www.example.com"), "ValidationException", "no public authority can validate"),
        (
            wire::RequestCertificateRequest { key_algorithm: Some(KeyAlgorithm::Rsa2048), ..base() },
            "InvalidParameterException",
            "makes no RSA_2048 keys",
        ),
        (
            wire::RequestCertificateRequest {
                validation_method: Some(wire::ValidationMethod::Email),
                ..base()
            },
            "ValidationException",
            "no mail is ever sent",
        ),
        (
            wire::RequestCertificateRequest {
                certificate_authority_arn: Some("arn:aws:acm-pca:x".into()),
                ..base()
            },
            "InvalidParameterException",
            "AWS Private CA is not served",
        ),
        (
            wire::RequestCertificateRequest { idempotency_token: Some("not a word".into()), ..base() },
            "ValidationException",
            r"\w+",
        ),
        (
            wire::RequestCertificateRequest {
                domain_validation_options: Some(vec![wire::DomainValidationOption {
                    domain_name: Some("a.internal".into()),
                    validation_domain: Some("b.internal".into()),
                }]),
                ..base()
            },
            "InvalidDomainValidationOptionsException",
            "b.internal",
        ),
        (
            wire::RequestCertificateRequest { subject_alternative_names: Some(many), ..base() },
            "LimitExceededException",
            "at most 100",
        ),
    ];
    for (input, code, part) in checks {
        let error = bench.request(input).await.expect_err("the call is refused");
        assert_eq!(error.code, code, "{}", error.message);
        assert!(error.message.contains(part), "{}", error.message);
    }
    assert!(bench.harness.state.view().acm_certificates.is_empty());
}

#[tokio::test]
async fn a_token_stands_for_its_certificate_for_an_hour() {
    let mut bench = Bench::new().await;
    let with_token = |name: &str| wire::RequestCertificateRequest {
        idempotency_token: Some("once".into()),
        ..requesting(name)
    };
    let first = bench.request(with_token("a.internal")).await.expect("issued");
    assert_eq!(bench.request(with_token("a.internal")).await.expect("the same"), first);
    assert_ne!(bench.request(with_token("b.internal")).await.expect("another name"), first);
    assert_ne!(bench.request(requesting("a.internal")).await.expect("no token"), first);
    bench.harness.now = bench.harness.now.plus(Duration::from_hours(1));
    assert_ne!(bench.request(with_token("a.internal")).await.expect("an hour later"), first);
}

#[tokio::test]
async fn a_certificate_in_use_is_not_deleted() {
    let bench = Bench::new().await;
    let arn = bench.request(requesting("a.internal")).await.expect("issued");
    assert_eq!(eligibility(&bench, &arn).await, wire::RenewalEligibility::Ineligible);
    let listener = bench.present(&arn).await;
    assert_eq!(eligibility(&bench, &arn).await, wire::RenewalEligibility::Eligible);
    let balancer = listener.load_balancer_arn();
    assert_eq!(bench.describe(&arn).await.expect("described").in_use_by, Some(vec![balancer]));
    let message = format!("Certificate {arn} is in use.");
    refused(bench.delete(&arn).await, "ResourceInUseException", &message);
    let view = bench.harness.state.view();
    let row = view.elb_listeners.get(&state_model::Record::key(&listener)).expect("the listener");
    let mut transaction = Transaction::new();
    transaction.delete(row);
    bench.harness.state.commit(transaction).await.expect("a commit");
    bench.delete(&arn).await.expect("deleted");
    refused(
        bench.describe(&arn).await,
        "ResourceNotFoundException",
        &format!("Could not find certificate {arn}."),
    );
}

async fn eligibility(bench: &Bench, arn: &str) -> wire::RenewalEligibility {
    bench.describe(arn).await.expect("described").renewal_eligibility.expect("it is told")
}

#[tokio::test]
async fn an_issued_certificate_in_use_is_renewed_before_its_end() {
    let mut bench = Bench::new().await;
    let tagged =
        wire::RequestCertificateRequest { tags: Some(vec![tag("a", "1")]), ..requesting("a.internal") };
    let used = bench.request(tagged).await.expect("issued");
    let unused = bench.request(requesting("b.internal")).await.expect("issued");
    let imported = bench.import(importing(&bench.made("c.example", Curve::P256))).await.expect("imported");
    bench.present(&used).await;
    let renew = async |bench: &Bench, days: u32| {
        let at = bench.harness.now.plus(days * DAY);
        renewal::renew(&bench.harness.state, &bench.service, at, &SystemRandom).await.expect("renewed")
    };
    let serials = async |bench: &Bench| {
        let mut serials = Vec::new();
        for arn in [&used, &unused, &imported] {
            serials.push(bench.describe(arn).await.expect("described").serial.expect("a serial"));
        }
        serials
    };
    let before = serials(&bench).await;
    assert_eq!(renew(&bench, 336).await, 0, "more than sixty days are left");
    assert_eq!(renew(&bench, 338).await, 1);
    assert_eq!(renew(&bench, 338).await, 0, "once");
    let after = serials(&bench).await;
    assert_ne!(after[0], before[0]);
    assert_eq!(after[1..], before[1..]);
    bench.harness.now = bench.harness.now.plus(400 * DAY);
    let detail = bench.describe(&used).await.expect("described");
    assert_eq!(
        (detail.status, detail.domain_name),
        (Some(CertificateStatus::Issued), Some("a.internal".into()))
    );
    let view = bench.harness.state.view();
    let record = view.acm_certificates.get(&certificate_key(&used).expect("a key")).expect("a record");
    assert_eq!(record.tags.len(), 1);
    assert!(bench.harness.keys.unseal_certificate_key(record).is_some());
}

#[tokio::test]
async fn arns_of_nothing_and_of_others_are_told_apart_from_malformed_ones() {
    let bench = Bench::new().await;
    let arn = bench.request(requesting("a.internal")).await.expect("issued");
    let message = format!("Could not find certificate {MISSING}.");
    refused(bench.describe(MISSING).await, "ResourceNotFoundException", &message);
    let input = wire::DescribeCertificateRequest { certificate_arn: Some(arn.clone()) };
    let stranger = acm::describe_certificate::describe_certificate(bench.of("111111111111"), input).await;
    refused(stranger, "ResourceNotFoundException", &format!("Could not find certificate {arn}."));
    let wrong = "arn:aws:acm:us-east-1:000000000000:thing/1";
    refused(bench.delete(wrong).await, "InvalidArnException", &format!("Invalid arn: {wrong}"));
    let error = bench.describe("nonsense").await.expect_err("malformed");
    assert_eq!(error.code, "ValidationException");
}

#[tokio::test]
async fn lists_have_pages_orders_and_filters() {
    let mut bench = Bench::new().await;
    for name in ["a.internal", "b.internal", "c.internal"] {
        bench.request(requesting(name)).await.expect("issued");
        bench.harness.now = bench.harness.now.plus(Duration::from_secs(1));
    }
    let pems = bench.made("d.example", Curve::P384);
    bench.import(importing(&pems)).await.expect("imported");
    let sorted = |order: wire::SortOrder, next_token: Option<String>| wire::ListCertificatesRequest {
        sort_by: Some(wire::SortBy::CreatedAt),
        sort_order: Some(order),
        max_items: Some(3),
        next_token,
        ..Default::default()
    };
    let (first, token) = bench.list(sorted(wire::SortOrder::Ascending, None)).await;
    assert_eq!(first, ["a.internal", "b.internal", "c.internal"]);
    let (second, end) = bench.list(sorted(wire::SortOrder::Ascending, token.clone())).await;
    assert_eq!((second, end), (vec!["d.example".to_owned()], None));
    let (newest, _) = bench.list(sorted(wire::SortOrder::Descending, None)).await;
    assert_eq!(newest, ["d.example", "c.internal", "b.internal"]);
    let foreign = sorted(wire::SortOrder::Descending, token);
    let refusal = acm::list_certificates::list_certificates(bench.root(), foreign).await;
    refused(refusal, "InvalidArgsException", "The specified NextToken is not valid.");
    assert_eq!(bench.list(Default::default()).await.0.len(), 4);
    let of = |includes: wire::Filters| wire::ListCertificatesRequest {
        includes: Some(includes),
        ..Default::default()
    };
    let checks = [
        (wire::Filters { key_types: Some(vec![KeyAlgorithm::EcSecp384r1]), ..Default::default() }, 1),
        (wire::Filters { key_types: Some(vec![KeyAlgorithm::Rsa2048]), ..Default::default() }, 0),
        (
            wire::Filters {
                key_usage: Some(vec![wire::KeyUsageName::DigitalSignature]),
                ..Default::default()
            },
            4,
        ),
        (wire::Filters { key_usage: Some(vec![wire::KeyUsageName::CrlSigning]), ..Default::default() }, 0),
        (wire::Filters { export_option: Some(wire::CertificateExport::Enabled), ..Default::default() }, 0),
    ];
    for (includes, count) in checks {
        assert_eq!(bench.list(of(includes.clone())).await.0.len(), count, "{includes:?}");
    }
}

#[tokio::test]
async fn tags_come_and_go() {
    let bench = Bench::new().await;
    let arn = bench.request(requesting("a.internal")).await.expect("issued");
    let add = async |tags: Vec<wire::Tag>| {
        let input =
            wire::AddTagsToCertificateRequest { certificate_arn: Some(arn.clone()), tags: Some(tags) };
        acm::add_tags_to_certificate::add_tags_to_certificate(bench.root(), input).await
    };
    let remove = async |tags: Vec<wire::Tag>| {
        let input =
            wire::RemoveTagsFromCertificateRequest { certificate_arn: Some(arn.clone()), tags: Some(tags) };
        acm::remove_tags_from_certificate::remove_tags_from_certificate(bench.root(), input).await
    };
    let listed = async || {
        let input = wire::ListTagsForCertificateRequest { certificate_arn: Some(arn.clone()) };
        let answer = acm::list_tags_for_certificate::list_tags_for_certificate(bench.root(), input).await;
        answer.expect("tags").tags.unwrap_or_default()
    };
    add(vec![tag("a", "1"), tag("b", "2")]).await.expect("tagged");
    remove(vec![tag("a", "other"), wire::Tag { key: Some("b".into()), value: None }])
        .await
        .expect("untagged");
    assert_eq!(listed().await, [tag("a", "1")]);
    let reserved = add(vec![tag("aws:x", "1")]).await.expect_err("reserved");
    assert_eq!(reserved.code, "InvalidTagException");
    let many = (0..50).map(|number| tag(&format!("k{number}"), "")).collect();
    assert_eq!(add(many).await.expect_err("too many").code, "TooManyTagsException");
    assert_eq!(add(vec![]).await.expect_err("none").code, "ValidationException");
    assert_eq!(listed().await, [tag("a", "1")]);
}
