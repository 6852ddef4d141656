"""IAM and STS as boto3 uses them."""

import json

import pytest
from botocore.exceptions import ClientError

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "000000000000"}}],
}
DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


@pytest.fixture
def iam(client):
    return client("iam")


def refused(code: str, message: str | None = None):
    """Expects a ClientError of this code, and text when given."""

    class Refused:
        def __enter__(self):
            return self

        def __exit__(self, kind, error, trace):
            assert isinstance(error, ClientError), error
            assert error.response["Error"]["Code"] == code, error
            if message is not None:
                assert error.response["Error"]["Message"] == message
            self.status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            return True

    return Refused()


def test_the_root_knows_who_it_is(client):
    identity = client("sts").get_caller_identity()
    assert identity["Account"] == "000000000000"
    assert identity["Arn"] == "arn:aws:iam::000000000000:root"
    assert identity["UserId"] == "000000000000"


def test_a_user_with_a_key_calls_as_itself(server, iam):
    user = iam.create_user(UserName="caller", Path="/team/", Tags=[{"Key": "a", "Value": "b"}])["User"]
    assert user["Arn"] == "arn:aws:iam::000000000000:user/team/caller"
    assert user["UserId"].startswith("AIDA")
    key = iam.create_access_key(UserName="caller")["AccessKey"]
    sts = server.client(
        "sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    assert sts.get_caller_identity()["Arn"] == user["Arn"]
    iam.update_access_key(UserName="caller", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    with refused("InvalidClientTokenId", "The security token included in the request is invalid.") as error:
        sts.get_caller_identity()
    assert error.status == 403
    with refused("DeleteConflict", "Cannot delete entity, must delete access keys first.") as error:
        iam.delete_user(UserName="caller")
    assert error.status == 409
    iam.delete_access_key(UserName="caller", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="caller")
    with refused("NoSuchEntity", "The user with name caller cannot be found.") as error:
        iam.get_user(UserName="caller")
    assert error.status == 404


def test_refusals_have_the_texts_of_aws(iam):
    iam.create_role(RoleName="texts", AssumeRolePolicyDocument=json.dumps(TRUST))
    with refused("EntityAlreadyExists", "Role with name texts already exists."):
        iam.create_role(RoleName="texts", AssumeRolePolicyDocument=json.dumps(TRUST))
    with refused("MalformedPolicyDocument"):
        iam.create_role(RoleName="texts2", AssumeRolePolicyDocument="{")
    with refused("NoSuchEntity", "The role with name nobody cannot be found."):
        iam.get_role(RoleName="nobody")
    with refused("ValidationError"):
        iam.create_user(UserName="a b")
    iam.delete_role(RoleName="texts")


def test_a_role_comes_back_as_it_was_made(iam):
    made = iam.create_role(
        RoleName="whole", Path="/a/", AssumeRolePolicyDocument=json.dumps(TRUST), Description="of parts",
        MaxSessionDuration=7200, Tags=[{"Key": "k", "Value": "v"}],
    )["Role"]
    got = iam.get_role(RoleName="whole")["Role"]
    assert got["AssumeRolePolicyDocument"] == TRUST
    assert (got["Arn"], got["RoleId"], got["CreateDate"]) == (made["Arn"], made["RoleId"], made["CreateDate"])
    assert (got["Description"], got["MaxSessionDuration"]) == ("of parts", 7200)
    assert got["Tags"] == [{"Key": "k", "Value": "v"}]
    iam.put_role_policy(RoleName="whole", PolicyName="inline", PolicyDocument=json.dumps(DOCUMENT))
    assert iam.get_role_policy(RoleName="whole", PolicyName="inline")["PolicyDocument"] == DOCUMENT
    iam.delete_role_policy(RoleName="whole", PolicyName="inline")
    iam.delete_role(RoleName="whole")


def test_lists_paginate(iam):
    names = [f"page{index}" for index in range(5)]
    for name in names:
        iam.create_user(UserName=name, Path="/pages/")
    pages = iam.get_paginator("list_users").paginate(PathPrefix="/pages/", PaginationConfig={"PageSize": 2})
    assert [user["UserName"] for page in pages for user in page["Users"]] == names
    for name in names:
        iam.delete_user(UserName=name)


def test_managed_policies(iam):
    policy = iam.create_policy(PolicyName="managed", PolicyDocument=json.dumps(DOCUMENT))["Policy"]
    assert policy["DefaultVersionId"] == "v1"
    version = iam.create_policy_version(
        PolicyArn=policy["Arn"], PolicyDocument=json.dumps(DOCUMENT), SetAsDefault=True
    )["PolicyVersion"]
    assert (version["VersionId"], version["IsDefaultVersion"]) == ("v2", True)
    document = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId="v2")["PolicyVersion"]["Document"]
    assert document == DOCUMENT
    iam.delete_policy_version(PolicyArn=policy["Arn"], VersionId="v1")
    iam.create_role(RoleName="attached", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.attach_role_policy(RoleName="attached", PolicyArn=policy["Arn"])
    with refused("DeleteConflict", "Cannot delete a policy attached to entities."):
        iam.delete_policy(PolicyArn=policy["Arn"])
    assert iam.list_entities_for_policy(PolicyArn=policy["Arn"])["PolicyRoles"][0]["RoleName"] == "attached"
    iam.detach_role_policy(RoleName="attached", PolicyArn=policy["Arn"])
    iam.delete_role(RoleName="attached")
    iam.delete_policy(PolicyArn=policy["Arn"])
    known = iam.get_policy(PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")["Policy"]
    assert known["PolicyName"] == "AdministratorAccess"


def test_a_user_assumes_a_role(server, iam):
    iam.create_user(UserName="assumer")
    key = iam.create_access_key(UserName="assumer")["AccessKey"]
    iam.create_role(RoleName="assumed", AssumeRolePolicyDocument=json.dumps(TRUST))
    arn = "arn:aws:iam::000000000000:role/assumed"
    own = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    answer = server.client("sts", **own).assume_role(RoleArn=arn, RoleSessionName="session", DurationSeconds=900)
    credentials = answer["Credentials"]
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::000000000000:assumed-role/assumed/session"
    session = {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }
    identity = server.client("sts", **session).get_caller_identity()
    assert identity["Arn"] == answer["AssumedRoleUser"]["Arn"]
    with refused("InvalidClientTokenId"):
        server.client("sts", **{**session, "aws_session_token": "x" + credentials["SessionToken"]}).get_caller_identity()
    with refused("AccessDenied") as error:
        server.client("sts", **own).assume_role(RoleArn=arn + "x", RoleSessionName="session")
    assert error.status == 403
    iam.delete_role(RoleName="assumed")
    with refused("InvalidClientTokenId"):
        server.client("sts", **session).get_caller_identity()
    iam.delete_access_key(UserName="assumer", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="assumer")


def test_service_linked_roles_are_there_from_the_beginning(iam):
    role = iam.get_role(RoleName="AWSServiceRoleForECS")["Role"]
    assert role["Path"] == "/aws-service-role/ecs.amazonaws.com/"
    with refused("UnmodifiableEntity"):
        iam.delete_role(RoleName="AWSServiceRoleForECS")


def test_the_summary_counts(iam):
    summary = iam.get_account_summary()["SummaryMap"]
    assert summary["AccessKeysPerUserQuota"] == 2
    assert summary["Roles"] >= 3
