"""The rights of each function, as the deployed stack has and enforces them.

tests/unit/test_rights.py shows that the functions use all of them and need no others.
"""

import re
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from tests import rights
from tests.e2e.stack import Stack

Statements: TypeAlias = dict[str, list[dict[str, Any]]]

# MailFeedback exists only with SES.
FUNCTIONS = [name for name in rights.FUNCTIONS if name != "MailFeedback"]


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
        [found] = [
            logical
            for logical, name in stack.names.items()
            # The ARN of a secret ends with six more characters.
            if last(arn) == last(name) or last(arn).startswith(f"{last(name)}-")
        ]
        return found

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
    # SES and a second sender are not set up here, and addresses may be discovered.
    allowed = rights.allowed(function, without="IsStrict")
    meant = {right for right in allowed if right.resource in stack.names}
    assert deployed == meant


@pytest.mark.parametrize(
    "function", ["SignIn", "VerifyCode", "SendMail", "RotateKeys", "Discovery"]
)
def test_the_rights_to_the_signing_key_are_enforced(stack: Stack, function: str):
    [ring] = [item for item in stack.items("Accounts") if item["pk"] == "KEYRING"]
    wrapped = next(k["wrapped"].value for k in ring["keys"] if k["purpose"] == "signing")
    role = stack.client("iam").get_role(RoleName=stack.names[f"{function}Role"])["Role"]["Arn"]
    session = stack.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    kms = stack.client(
        "kms",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    arguments = {"CiphertextBlob": wrapped, "EncryptionContext": {"purpose": "signing"}}

    if function in rights.ISSUERS:
        assert kms.decrypt(**arguments)["Plaintext"]
    else:
        with pytest.raises(kms.exceptions.ClientError) as refused:
            kms.decrypt(**arguments)
        assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
