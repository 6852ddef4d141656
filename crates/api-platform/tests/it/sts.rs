//! STS through its handlers.

use api_auth::{Authentication, AuthenticationError, Authenticator, Principal};
use api_platform::iam::roles::{create_role, delete_role};
use api_platform::iam::users::create_user;
use api_platform::sts::assume_role::assume_role;
use api_platform::sts::get_caller_identity::get_caller_identity;
use api_platform::sts::get_session_token::get_session_token;
use stdx::clock::Timestamp;
use wire_shapes_platform::{iam, sts};

use crate::harness::{ACCOUNT, Harness, refused, trust};

const ROLE: &str = "arn:aws:iam::000000000000:role/web";

async fn user(harness: &Harness, name: &str) -> Principal {
    let input = iam::CreateUserRequest { user_name: Some(name.into()), ..Default::default() };
    let user = create_user(harness.iam(), input).await.expect("created").user.expect("a user");
    Principal::User {
        account: ACCOUNT.into(),
        name: name.into(),
        arn: user.arn.expect("an arn"),
        user_id: user.user_id.expect("an id"),
    }
}

async fn role(harness: &Harness, principal: &str) {
    let input = iam::CreateRoleRequest {
        role_name: Some("web".into()),
        assume_role_policy_document: Some(trust(principal)),
        ..Default::default()
    };
    create_role(harness.iam(), input).await.expect("created");
}

fn request() -> sts::AssumeRoleRequest {
    sts::AssumeRoleRequest {
        role_arn: Some(ROLE.into()),
        role_session_name: Some("s1".into()),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_trusted_user_becomes_the_role() {
    let harness = Harness::new().await;
    let bo = user(&harness, "bo").await;
    let al = user(&harness, "al").await;
    role(&harness, r#"{"AWS":"arn:aws:iam::000000000000:user/bo"}"#).await;
    refused(
        assume_role(harness.sts_as(al), request()).await,
        "AccessDenied",
        "User: arn:aws:iam::000000000000:user/al is not authorized to perform: sts:AssumeRole on resource: \
         arn:aws:iam::000000000000:role/web",
    );
    let answer = assume_role(harness.sts_as(bo), request()).await.expect("assumed");
    let assumed = answer.assumed_role_user.expect("who");
    assert_eq!(assumed.arn.as_deref(), Some("arn:aws:sts::000000000000:assumed-role/web/s1"));

    let credentials = answer.credentials.expect("credentials");
    let (key, token) =
        (credentials.access_key_id.expect("a key"), credentials.session_token.expect("a token"));
    let authenticator = Authenticator { keys: harness.keys.clone(), any_credentials: None };
    let ask = |now: Timestamp| authenticator.authenticate(&harness.state.view(), &key, Some(&token), now);
    let Ok(Authentication::Verify { secret, principal }) = ask(harness.now) else { panic!("a session") };
    assert_eq!(Some(secret), credentials.secret_access_key);
    let identity = get_caller_identity(harness.sts_as(principal), Default::default()).await.expect("told");
    assert_eq!(identity.arn, assumed.arn);
    assert_eq!(identity.user_id, assumed.assumed_role_id);
    let expiration = Timestamp::from_millis(credentials.expiration.expect("a time").millis);
    assert_eq!(ask(expiration), Err(AuthenticationError::ExpiredToken));

    let input = iam::DeleteRoleRequest { role_name: Some("web".into()) };
    delete_role(harness.iam(), input).await.expect("deleted");
    assert_eq!(ask(harness.now), Err(AuthenticationError::InvalidToken));
}

#[tokio::test]
async fn sessions_have_bounds() {
    let harness = Harness::new().await;
    role(&harness, r#"{"AWS":"000000000000"}"#).await;
    let root = || harness.sts_as(Principal::root(ACCOUNT));
    let lasting = |seconds| sts::AssumeRoleRequest { duration_seconds: Some(seconds), ..request() };
    refused(
        assume_role(root(), lasting(100)).await,
        "ValidationError",
        "1 validation error detected: Value '100' at 'durationSeconds' failed to satisfy constraint: Member must have \
         value greater than or equal to 900",
    );
    refused(
        assume_role(root(), lasting(7200)).await,
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    );
    assume_role(root(), lasting(900)).await.expect("assumed");
    let named = sts::AssumeRoleRequest { role_session_name: Some("s 1".into()), ..request() };
    assert_eq!(assume_role(root(), named).await.expect_err("refused").code, "ValidationError");
    let policy = sts::AssumeRoleRequest { policy: Some("{".into()), ..request() };
    refused(assume_role(root(), policy).await, "MalformedPolicyDocument", "Syntax errors in policy.");
    let tagged = sts::Tag { key: Some("a".into()), value: Some("b".into()) };
    let tags = sts::AssumeRoleRequest { tags: Some(vec![tagged]), ..request() };
    refused(
        assume_role(root(), tags).await,
        "AccessDenied",
        "User: arn:aws:iam::000000000000:root is not authorized to perform: sts:TagSession on resource: \
         arn:aws:iam::000000000000:role/web",
    );
}

#[tokio::test]
async fn a_user_gets_a_session_of_itself() {
    let harness = Harness::new().await;
    let bo = user(&harness, "bo").await;
    let answer = get_session_token(harness.sts_as(bo.clone()), Default::default()).await.expect("a session");
    let credentials = answer.credentials.expect("credentials");
    let authenticator = Authenticator { keys: harness.keys.clone(), any_credentials: None };
    let (key, token) =
        (credentials.access_key_id.expect("a key"), credentials.session_token.expect("a token"));
    let found = authenticator.authenticate(&harness.state.view(), &key, Some(&token), harness.now);
    assert_eq!(found.expect("a session").principal(), &bo);
}
