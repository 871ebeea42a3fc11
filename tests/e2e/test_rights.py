"""The rights of each function, as the deployed stack has and enforces them.

tests/unit/test_rights.py shows that the functions use all of them and need no others.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from botocore.exceptions import ClientError

from tests import rights
from tests.e2e.stack import Stack

Statements: TypeAlias = dict[str, list[dict[str, Any]]]

# These exist only with SES and with an event bus.
FUNCTIONS = [name for name in rights.FUNCTIONS if name not in ("MailFeedback", "PublishEvents")]


@pytest.fixture(scope="module")
def statements(stack: Stack) -> Statements:
    """Return the statements of each function's own policies."""
    iam = stack.client("iam")
    found: Statements = {}
    for function in FUNCTIONS:
        role = stack.names[f"{function}Role"]
        attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        # This policy of AWS allows a function to write its log, and nothing else.
        assert [p["PolicyArn"].rpartition("/")[2] for p in attached] == [
            "AWSLambdaBasicExecutionRole"
        ]
        found[function] = []
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            found[function] += document["Statement"]
    return found


@pytest.fixture(scope="module")
def logical(stack: Stack) -> Callable[[str], str]:
    """Return a function that finds the template's name of the resource of an ARN."""

    def last(name: str) -> str:
        return re.split(r"[:/]", name)[-1]

    def name_of(arn: str) -> str:
        if ":secretsmanager:" in arn:  # not of the stack: a parameter names it
            return "SmtpSecretArn"
        arn, mark, index = arn.partition("/index/")
        [found] = [logical for logical, name in stack.names.items() if last(arn) == last(name)]
        return found + mark + index

    return name_of


def test_every_function_is_in_the_template(stack: Stack):
    client = stack.client("cloudformation")
    found = client.describe_stack_resources(StackName="latchkey")["StackResources"]
    functions = {
        r["LogicalResourceId"] for r in found if r["ResourceType"] == "AWS::Lambda::Function"
    }
    assert functions == set(FUNCTIONS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_statement_has_a_wildcard(statements: Statements, function: str):
    for statement in statements[function]:
        assert statement["Effect"] == "Allow"
        for entry in [*rights.as_list(statement["Action"]), *rights.as_list(statement["Resource"])]:
            assert "*" not in entry
        assert not statement.keys() & {"NotAction", "NotResource"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_what_the_template_says_and_no_more(
    stack: Stack, statements: Statements, logical: Callable[[str], str], function: str
):
    deployed = {r for entry in statements[function] for r in rights.of(entry, logical)}
    # SES, a second sender and hooks are not set up here, and addresses may be discovered.
    allowed = rights.allowed(function, without=("IsStrict", "HasSessionHook", "HasMigration"))
    deployed_here = {*stack.names, "SmtpSecretArn"}
    meant = {one for one in allowed if one.resource.partition("/")[0] in deployed_here}
    assert deployed == meant


@pytest.mark.parametrize(
    "function", ["SignIn", "VerifyCode", "SendMail", "RotateKeys", "Discovery"]
)
def test_the_rights_to_the_signing_key_are_enforced(stack: Stack, function: str):
    [ring] = [item for item in stack.items("Accounts") if item["pk"] == "KEYRING"]
    wrapped = next(k["wrapped"].value for k in ring["keys"] if k["purpose"] == "signing")
    kms = client_of(stack, stack.names[f"{function}Role"], "kms")
    arguments = {"CiphertextBlob": wrapped, "EncryptionContext": {"purpose": "signing"}}

    if function in rights.ISSUERS:
        assert kms.decrypt(**arguments)["Plaintext"]
    else:
        assert is_denied(kms.decrypt, **arguments)


@pytest.fixture(scope="module")
def put(stack: Stack) -> Iterator[None]:
    """Put an item of each of two kinds into Grants for these tests."""
    client, table = stack.client("dynamodb"), stack.names["Grants"]
    for kind in ("USER", "VERIFICATION"):
        client.put_item(TableName=table, Item=key(kind))
    yield
    for kind in ("USER", "VERIFICATION"):
        client.delete_item(TableName=table, Key=key(kind))


# Each call is allowed to the function for the first kind of item, and refused for the second.
CALLS: dict[str, tuple[str, str, str, Callable[[Any, str, list[str]], Any]]] = {
    "GetItem": (
        *("GetVerification", "VERIFICATION", "USER"),
        lambda client, table, kinds: [
            client.get_item(TableName=table, Key=key(kind)) for kind in kinds
        ],
    ),
    "UpdateItem": (
        *("VerifyCode", "VERIFICATION", "USER"),
        lambda client, table, kinds: [
            client.update_item(TableName=table, Key=key(kind), UpdateExpression="REMOVE nothing")
            for kind in kinds
        ],
    ),
    "PutItem": (
        *("VerifyCode", "USER", "VERIFICATION"),
        lambda client, table, kinds: [
            client.put_item(TableName=table, Item=key(kind)) for kind in kinds
        ],
    ),
    "BatchGetItem": (
        *("GetUser", "USER", "VERIFICATION"),
        lambda client, table, kinds: client.batch_get_item(
            RequestItems={table: {"Keys": [key(kind) for kind in kinds]}}
        ),
    ),
    "BatchWriteItem": (
        *("RevokeAll", "USER", "VERIFICATION"),
        lambda client, table, kinds: client.batch_write_item(
            RequestItems={table: [{"DeleteRequest": {"Key": key(kind)}} for kind in kinds]}
        ),
    ),
    "Query": (
        *("SecurityHistory", "USER", "VERIFICATION"),
        lambda client, table, kinds: [
            client.query(
                TableName=table,
                KeyConditionExpression="#key = :key",
                ExpressionAttributeNames={"#key": "pk"},
                ExpressionAttributeValues={":key": key(kind)["pk"]},
            )
            for kind in kinds
        ],
    ),
    "TransactWriteItems": (
        *("SignUp", "USER", "VERIFICATION"),
        lambda client, table, kinds: client.transact_write_items(
            TransactItems=[{"Put": {"TableName": table, "Item": key(kind)}} for kind in kinds]
        ),
    ),
}


@pytest.mark.usefixtures("put")
@pytest.mark.parametrize("call", CALLS)
def test_a_function_may_touch_only_its_kinds_of_items(stack: Stack, call: str):
    function, own, other, make = CALLS[call]
    client = client_of(stack, stack.names[f"{function}Role"], "dynamodb")
    table = stack.names["Grants"]
    make(client, table, [own])
    for kinds in ([other], [own, other]):
        assert is_denied(make, client, table, kinds)


def test_a_transaction_may_touch_each_kind_of_item_in_its_own_way(stack: Stack):
    """Each item is judged by its own action: sign_up puts sessions and uses verifications up."""
    client = client_of(stack, stack.names["SignUpRole"], "dynamodb")
    table = stack.names["Grants"]

    def write(put: str, update: str) -> None:
        change = {"Key": key(update), "UpdateExpression": "REMOVE nothing"}
        client.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": table, "Item": key(put)}},
                {"Update": {"TableName": table, **change}},
            ]
        )

    write(put="USER", update="VERIFICATION")
    assert is_denied(write, put="VERIFICATION", update="USER")


@pytest.mark.parametrize("keys_are_named", [True, False])
def test_a_call_that_names_no_key_is_refused_by_null_alone(stack: Stack, keys_are_named: bool):
    """A role has a function's statement with a Scan among its actions, once without `Null`."""
    condition: dict[str, Any] = {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["VERIFICATION#*"]}
    }
    if keys_are_named:
        condition["Null"] = {"dynamodb:LeadingKeys": "false"}
    statement = {
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem", "dynamodb:Scan"],
        "Resource": "*",
        "Condition": condition,
    }
    iam, role = stack.client("iam"), f"null-{keys_are_named}"
    trust = iam.get_role(RoleName=stack.names["GetUserRole"])["Role"]["AssumeRolePolicyDocument"]
    document = {"Version": "2012-10-17", "Statement": [statement]}
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=json.dumps(document))
    client, table = client_of(stack, role, "dynamodb"), stack.names["Grants"]

    client.get_item(TableName=table, Key=key("VERIFICATION"))
    assert is_denied(client.get_item, TableName=table, Key=key("USER"))
    assert is_denied(client.scan, TableName=table) == keys_are_named


@pytest.mark.parametrize("function", ["SendCode", "SignIn", "DeleteUser"])
def test_no_function_may_read_a_whole_table(stack: Stack, function: str):
    client = client_of(stack, stack.names[f"{function}Role"], "dynamodb")
    for table in (stack.names["Accounts"], stack.names["Grants"]):
        assert is_denied(client.scan, TableName=table)
        assert is_denied(client.execute_statement, Statement=f'SELECT * FROM "{table}"')


def key(kind: str) -> dict[str, dict[str, str]]:
    """Return the key of an item of a kind, which no other test has."""
    return {"pk": {"S": f"{kind}#rights"}, "sk": {"S": "-"}}


def client_of(stack: Stack, role: str, service: str) -> Any:
    """Return a client with the rights of a role."""
    arn = stack.client("iam").get_role(RoleName=role)["Role"]["Arn"]
    session = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return stack.client(
        service,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )


def is_denied(call: Callable[..., object], *arguments: object, **named: object) -> bool:
    """Say whether a call is refused for want of a right."""
    try:
        call(*arguments, **named)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return True
    return False
