//! IAM through its handlers.

use api_auth::{Authentication, AuthenticationError, Authenticator, Principal, access_keys, last_use, roles};
use api_platform::defaults;
use api_platform::iam::access_keys::{
    create_access_key, delete_access_key, get_access_key_last_used, list_access_keys, update_access_key,
};
use api_platform::iam::attachments::{
    attach_role_policy, attach_user_policy, detach_role_policy, list_attached_role_policies,
    list_entities_for_policy,
};
use api_platform::iam::inline_policies::{
    get_role_policy, list_role_policies, put_role_policy, put_user_policy,
};
use api_platform::iam::policies::{create_policy, delete_policy, get_policy, list_policies};
use api_platform::iam::policy_versions::{
    create_policy_version, delete_policy_version, get_policy_version, list_policy_versions,
    set_default_policy_version,
};
use api_platform::iam::roles::{create_role, delete_role, get_role, list_roles, update_role};
use api_platform::iam::service_linked_roles::{create_service_linked_role, delete_service_linked_role};
use api_platform::iam::tags::{list_role_tags, tag_role, untag_role};
use api_platform::iam::users::{create_user, delete_user, get_user, list_users, update_user};
use state_model::iam::LastUse;
use state_tables::Transaction;
use wire_schema::ServiceError;
use wire_shapes_platform::iam;

use crate::harness::{ACCOUNT, DOCUMENT, Harness, refused, seeded, trust};

async fn user(harness: &Harness, name: &str) -> Result<iam::CreateUserResponse, ServiceError> {
    let input = iam::CreateUserRequest { user_name: Some(name.into()), ..Default::default() };
    create_user(harness.iam(), input).await
}

async fn role(harness: &Harness, name: &str, trust: String) -> Result<iam::CreateRoleResponse, ServiceError> {
    let input = iam::CreateRoleRequest {
        role_name: Some(name.into()),
        assume_role_policy_document: Some(trust),
        ..Default::default()
    };
    create_role(harness.iam(), input).await
}

#[tokio::test]
async fn users_come_and_go() {
    let harness = Harness::new().await;
    let made = user(&harness, "bo").await.expect("created").user.expect("a user");
    assert_eq!(made.arn.as_deref(), Some("arn:aws:iam::000000000000:user/bo"));
    assert!(made.user_id.as_deref().is_some_and(|id| id.starts_with("AIDA") && id.len() == 21));
    refused(user(&harness, "BO").await, "EntityAlreadyExists", "User with name BO already exists.");
    refused(
        user(&harness, "b o").await,
        "ValidationError",
        "The specified value for userName is invalid. It must contain only alphanumeric characters and/or the \
         following: +=,.@_-",
    );
    let missing = iam::GetUserRequest { user_name: Some("al".into()) };
    refused(get_user(harness.iam(), missing).await, "NoSuchEntity", "The user with name al cannot be found.");

    let rename = iam::UpdateUserRequest {
        user_name: Some("bo".into()),
        new_user_name: Some("Bob".into()),
        new_path: Some("/team/".into()),
    };
    let key = create_access_key(harness.iam(), iam::CreateAccessKeyRequest { user_name: Some("bo".into()) });
    let key = key.await.expect("a key").access_key.expect("a key");
    update_user(harness.iam(), rename).await.expect("renamed");
    let id = key.access_key_id.clone().expect("an id");
    let found = access_keys::lookup(&harness.state.view(), &harness.keys, &id).expect("found");
    assert_eq!(found.secret, key.secret_access_key.expect("a secret"));
    assert_eq!(found.principal.arn(), "arn:aws:iam::000000000000:user/team/Bob");

    let delete = |name: &str| {
        let input = iam::DeleteUserRequest { user_name: Some(name.into()) };
        delete_user(harness.iam(), input)
    };
    refused(delete("bob").await, "DeleteConflict", "Cannot delete entity, must delete access keys first.");
    let input = iam::DeleteAccessKeyRequest { user_name: Some("Bob".into()), access_key_id: Some(id) };
    delete_access_key(harness.iam(), input).await.expect("deleted");
    delete("bob").await.expect("deleted");
    let listed = list_users(harness.iam(), Default::default()).await.expect("listed");
    assert_eq!(listed.users.expect("users"), Vec::new());
}

#[tokio::test]
async fn a_user_has_two_keys_at_most() {
    let harness = Harness::new().await;
    user(&harness, "bo").await.expect("created");
    let create =
        || create_access_key(harness.iam(), iam::CreateAccessKeyRequest { user_name: Some("bo".into()) });
    let first = create().await.expect("first").access_key.expect("a key");
    create().await.expect("second");
    refused(create().await, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2");
    let input = iam::ListAccessKeysRequest { user_name: Some("bo".into()), ..Default::default() };
    let listed = list_access_keys(harness.iam(), input).await.expect("listed");
    assert_eq!(listed.access_key_metadata.expect("keys").len(), 2);

    let id = first.access_key_id.expect("an id");
    let authenticator = Authenticator { keys: harness.keys.clone(), any_credentials: None };
    let ask = || authenticator.authenticate(&harness.state.view(), &id, None, harness.now);
    assert!(matches!(ask(), Ok(Authentication::Verify { .. })));
    let input = iam::UpdateAccessKeyRequest {
        user_name: Some("bo".into()),
        access_key_id: Some(id.clone()),
        status: Some(iam::StatusType::Inactive),
    };
    update_access_key(harness.iam(), input).await.expect("updated");
    assert_eq!(ask(), Err(AuthenticationError::InvalidToken));
}

#[tokio::test]
async fn any_credentials_are_somebodys_root() {
    let harness = Harness::new().await;
    let any = Authenticator { keys: harness.keys.clone(), any_credentials: Some(ACCOUNT.into()) };
    let view = harness.state.view();
    for (access_key, account) in [("test", ACCOUNT), ("123456789012", "123456789012")] {
        let expect = Authentication::Unchecked { principal: Principal::root(account) };
        assert_eq!(any.authenticate(&view, access_key, None, harness.now), Ok(expect.clone()));
        assert_eq!(any.authenticate(&view, access_key, Some("whatever"), harness.now), Ok(expect));
    }
}

#[tokio::test]
async fn roles_keep_their_trust_policy() {
    let harness = Harness::new().await;
    let made = role(&harness, "web", trust(r#"{"Service":"ecs-tasks.amazonaws.com"}"#)).await;
    let made = made.expect("created").role.expect("a role");
    assert!(made.role_id.as_deref().is_some_and(|id| id.starts_with("AROA")));
    assert!(made.assume_role_policy_document.is_some_and(|text| text.starts_with("%7B%22Version%22")));
    let again = role(&harness, "web", trust("\"*\"")).await;
    refused(again, "EntityAlreadyExists", "Role with name web already exists.");
    refused(
        role(&harness, "bad", "{".into()).await,
        "MalformedPolicyDocument",
        "This policy contains invalid Json",
    );
    let view = harness.state.view();
    assert!(roles::assumable(&view, ACCOUNT, "web", roles::ECS_TASKS).is_ok());
    let arn = "arn:aws:iam::000000000000:role/web";
    assert!(roles::assumable(&view, ACCOUNT, arn, roles::ECS_TASKS).is_ok());
    assert_eq!(
        roles::assumable(&view, ACCOUNT, arn, "ec2.amazonaws.com").err(),
        Some(roles::RoleError::NotTrusted)
    );
    let missing = roles::assumable(&view, ACCOUNT, "nobody", roles::ECS_TASKS).err();
    assert_eq!(missing, Some(roles::RoleError::NotFound));

    let update = iam::UpdateRoleRequest {
        role_name: Some("web".into()),
        max_session_duration: Some(100),
        ..Default::default()
    };
    refused(
        update_role(harness.iam(), update).await,
        "ValidationError",
        "1 validation error detected: Value '100' at 'maxSessionDuration' failed to satisfy constraint: Member must \
         have value greater than or equal to 3600",
    );
}

#[tokio::test]
async fn roles_hold_policies() {
    let harness = Harness::new().await;
    role(&harness, "web", trust("\"*\"")).await.expect("created");
    let role_name = Some("web".to_owned());
    let put = iam::PutRolePolicyRequest {
        role_name: role_name.clone(),
        policy_name: Some("p".into()),
        policy_document: Some(DOCUMENT.into()),
    };
    put_role_policy(harness.iam(), put).await.expect("put");
    let get = iam::GetRolePolicyRequest { role_name: role_name.clone(), policy_name: Some("q".into()) };
    refused(
        get_role_policy(harness.iam(), get).await,
        "NoSuchEntity",
        "The role policy with name q cannot be found.",
    );
    let list = iam::ListRolePoliciesRequest { role_name: role_name.clone(), ..Default::default() };
    let names = list_role_policies(harness.iam(), list).await.expect("listed").policy_names;
    assert_eq!(names, Some(vec!["p".to_owned()]));

    let execution = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";
    let attach = |arn: &str| {
        let input =
            iam::AttachRolePolicyRequest { role_name: role_name.clone(), policy_arn: Some(arn.into()) };
        attach_role_policy(harness.iam(), input)
    };
    attach(execution).await.expect("attached");
    attach(execution).await.expect("attached again");
    let unknown = "arn:aws:iam::000000000000:policy/nothing";
    refused(
        attach(unknown).await,
        "NoSuchEntity",
        "Policy arn:aws:iam::000000000000:policy/nothing does not exist or is not attachable.",
    );
    let list = iam::ListAttachedRolePoliciesRequest { role_name: role_name.clone(), ..Default::default() };
    let attached = list_attached_role_policies(harness.iam(), list).await.expect("listed");
    assert_eq!(attached.attached_policies.map(|policies| policies.len()), Some(1));
    let entities =
        iam::ListEntitiesForPolicyRequest { policy_arn: Some(execution.into()), ..Default::default() };
    let entities = list_entities_for_policy(harness.iam(), entities).await.expect("listed");
    assert_eq!(entities.policy_roles.map(|roles| roles.len()), Some(1));

    let delete = || delete_role(harness.iam(), iam::DeleteRoleRequest { role_name: role_name.clone() });
    refused(delete().await, "DeleteConflict", "Cannot delete entity, must detach all policies first.");
    let detach =
        iam::DetachRolePolicyRequest { role_name: role_name.clone(), policy_arn: Some(execution.into()) };
    detach_role_policy(harness.iam(), detach).await.expect("detached");
    refused(delete().await, "DeleteConflict", "Cannot delete entity, must delete policies first.");
}

#[tokio::test]
async fn managed_policies_have_versions() {
    let harness = Harness::new().await;
    let input = iam::CreatePolicyRequest {
        policy_name: Some("p".into()),
        policy_document: Some(DOCUMENT.into()),
        ..Default::default()
    };
    let made = create_policy(harness.iam(), input.clone()).await.expect("created").policy.expect("a policy");
    refused(
        create_policy(harness.iam(), input).await,
        "EntityAlreadyExists",
        "A policy called p already exists. Duplicate names are not allowed.",
    );
    let policy_arn = made.arn;
    assert_eq!(policy_arn.as_deref(), Some("arn:aws:iam::000000000000:policy/p"));
    let add = |set_as_default| {
        let input = iam::CreatePolicyVersionRequest {
            policy_arn: policy_arn.clone(),
            policy_document: Some(DOCUMENT.into()),
            set_as_default: Some(set_as_default),
        };
        create_policy_version(harness.iam(), input)
    };
    for number in 2..=5 {
        let version = add(number == 3).await.expect("added").policy_version.expect("a version");
        assert_eq!(version.version_id, Some(format!("v{number}")));
        assert_eq!(version.is_default_version, Some(number == 3));
    }
    let too_many = add(false).await.expect_err("refused");
    assert_eq!(too_many.code, "LimitExceeded");
    let delete = |id: &str| {
        let input =
            iam::DeletePolicyVersionRequest { policy_arn: policy_arn.clone(), version_id: Some(id.into()) };
        delete_policy_version(harness.iam(), input)
    };
    refused(delete("v3").await, "DeleteConflict", "Cannot delete the default version of a policy.");
    delete("v1").await.expect("deleted");
    let default =
        iam::SetDefaultPolicyVersionRequest { policy_arn: policy_arn.clone(), version_id: Some("v5".into()) };
    set_default_policy_version(harness.iam(), default).await.expect("set");
    let get = iam::GetPolicyVersionRequest { policy_arn: policy_arn.clone(), version_id: Some("v1".into()) };
    assert_eq!(get_policy_version(harness.iam(), get).await.expect_err("gone").code, "NoSuchEntity");
    let list = iam::ListPolicyVersionsRequest { policy_arn: policy_arn.clone(), ..Default::default() };
    let versions =
        list_policy_versions(harness.iam(), list).await.expect("listed").versions.expect("versions");
    let ids: Vec<_> = versions.into_iter().filter_map(|version| version.version_id).collect();
    assert_eq!(ids, ["v5", "v4", "v3", "v2"]);

    user(&harness, "bo").await.expect("created");
    let attach =
        iam::AttachUserPolicyRequest { user_name: Some("bo".into()), policy_arn: policy_arn.clone() };
    attach_user_policy(harness.iam(), attach).await.expect("attached");
    let get = iam::GetPolicyRequest { policy_arn: policy_arn.clone() };
    let policy = get_policy(harness.iam(), get).await.expect("got").policy.expect("a policy");
    assert_eq!(policy.attachment_count, Some(1));
    let gone = delete_policy(harness.iam(), iam::DeletePolicyRequest { policy_arn }).await;
    refused(gone, "DeleteConflict", "Cannot delete a policy attached to entities.");
    let local = iam::ListPoliciesRequest { scope: Some(iam::PolicyScopeType::Local), ..Default::default() };
    let local = list_policies(harness.iam(), local).await.expect("listed").policies.expect("policies");
    assert_eq!(local.len(), 1);
}

#[tokio::test]
async fn an_inline_policy_has_a_size() {
    let harness = Harness::new().await;
    user(&harness, "bo").await.expect("created");
    let long = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:{}","Resource":"*"}}]}}"#,
        "x".repeat(2100)
    );
    let put = iam::PutUserPolicyRequest {
        user_name: Some("bo".into()),
        policy_name: Some("p".into()),
        policy_document: Some(long),
    };
    refused(
        put_user_policy(harness.iam(), put).await,
        "LimitExceeded",
        "Maximum policy size of 2048 bytes exceeded for user bo",
    );
}

#[tokio::test]
async fn service_linked_roles_belong_to_their_service() {
    let harness = Harness::new().await;
    let mut transaction = Transaction::new();
    defaults::write_account(&harness.state.view(), &mut transaction, ACCOUNT, harness.now, &*seeded());
    harness.state.commit(transaction).await.expect("written");
    let mut again = Transaction::new();
    defaults::write_account(&harness.state.view(), &mut again, ACCOUNT, harness.now, &*seeded());
    assert!(again.is_empty());

    let role_name = Some("AWSServiceRoleForECS".to_owned());
    let got = get_role(harness.iam(), iam::GetRoleRequest { role_name: role_name.clone() }).await;
    let arn = got.expect("there").role.expect("a role").arn;
    let expect = "arn:aws:iam::000000000000:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS";
    assert_eq!(arn.as_deref(), Some(expect));
    refused(
        delete_role(harness.iam(), iam::DeleteRoleRequest { role_name: role_name.clone() }).await,
        "UnmodifiableEntity",
        "Cannot perform the operation on the protected role 'AWSServiceRoleForECS' - this role is only modifiable by \
         AWS",
    );
    let create = || {
        let aws_service_name = Some("ecs.amazonaws.com".to_owned());
        let input = iam::CreateServiceLinkedRoleRequest { aws_service_name, ..Default::default() };
        create_service_linked_role(harness.iam(), input)
    };
    refused(
        create().await,
        "InvalidInput",
        "Service role name AWSServiceRoleForECS has been taken in this account, please try a different suffix.",
    );
    let input = iam::DeleteServiceLinkedRoleRequest { role_name };
    delete_service_linked_role(harness.iam(), input).await.expect("deleted");
    create().await.expect("made again");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let harness = Harness::new().await;
    for index in 0..5 {
        role(&harness, &format!("r{index}"), trust("\"*\"")).await.expect("created");
    }
    let mut marker = None;
    let mut names = Vec::new();
    loop {
        let input = iam::ListRolesRequest { max_items: Some(2), marker, ..Default::default() };
        let page = list_roles(harness.iam(), input).await.expect("listed");
        names.extend(page.roles.expect("roles").into_iter().filter_map(|role| role.role_name));
        marker = page.marker;
        if page.is_truncated != Some(true) {
            break;
        }
    }
    assert_eq!(names, ["r0", "r1", "r2", "r3", "r4"]);
}

#[tokio::test]
async fn tag_keys_have_no_case() {
    let harness = Harness::new().await;
    role(&harness, "web", trust("\"*\"")).await.expect("created");
    let role_name = Some("web".to_owned());
    let tag = |key: &str, value: &str| {
        let tags = Some(vec![iam::Tag { key: Some(key.into()), value: Some(value.into()) }]);
        tag_role(harness.iam(), iam::TagRoleRequest { role_name: role_name.clone(), tags })
    };
    tag("Team", "a").await.expect("tagged");
    tag("team", "b").await.expect("tagged");
    let list = || {
        let input = iam::ListRoleTagsRequest { role_name: role_name.clone(), ..Default::default() };
        list_role_tags(harness.iam(), input)
    };
    let tags = list().await.expect("listed").tags.expect("tags");
    assert_eq!(tags, [iam::Tag { key: Some("team".into()), value: Some("b".into()) }]);
    let untag = iam::UntagRoleRequest { role_name: role_name.clone(), tag_keys: Some(vec!["TEAM".into()]) };
    untag_role(harness.iam(), untag).await.expect("untagged");
    assert_eq!(list().await.expect("listed").tags, Some(Vec::new()));
}

#[tokio::test]
async fn whoever_is_gone_may_do_nothing() {
    let harness = Harness::new().await;
    let gone = Principal::User {
        account: ACCOUNT.into(),
        name: "gone".into(),
        arn: "arn:aws:iam::000000000000:user/gone".into(),
        user_id: "AIDAGONE".into(),
    };
    refused(
        list_users(harness.iam_as(gone), Default::default()).await,
        "AccessDenied",
        "User: arn:aws:iam::000000000000:user/gone is not authorized to perform: iam:ListUsers on resource: \
         arn:aws:iam::000000000000:user/",
    );
}

#[tokio::test]
async fn a_use_is_remembered_coarsely() {
    let harness = Harness::new().await;
    user(&harness, "bo").await.expect("created");
    let key = create_access_key(harness.iam(), iam::CreateAccessKeyRequest { user_name: Some("bo".into()) });
    let id = key.await.expect("a key").access_key.and_then(|key| key.access_key_id).expect("an id");
    let principal = access_keys::lookup(&harness.state.view(), &harness.keys, &id).expect("found").principal;
    let used = |minutes| LastUse {
        at: harness.now.plus(std::time::Duration::from_mins(minutes)),
        region: "us-east-1".into(),
        service: "ecs".into(),
    };
    let remember = |minutes| last_use::transaction(&harness.state.view(), &id, &principal, &used(minutes));
    let first = remember(0).expect("a first use is written");
    harness.state.commit(first).await.expect("written");
    assert!(remember(14).is_none());
    assert!(remember(15).is_some());
    let input = iam::GetAccessKeyLastUsedRequest { access_key_id: Some(id.clone()) };
    let told = get_access_key_last_used(harness.iam(), input).await.expect("told");
    let told = told.access_key_last_used.expect("a use");
    assert_eq!((told.service_name.as_deref(), told.region.as_deref()), (Some("ecs"), Some("us-east-1")));
}
