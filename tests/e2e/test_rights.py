"""What each function may do, as the deployed stack has it: what it uses, and nothing else."""

import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from tests.e2e.stack import Stack

Statements: TypeAlias = dict[str, list[dict[str, Any]]]

READ, BATCH = "dynamodb:GetItem", "dynamodb:BatchGetItem"
PUT, UPDATE, DELETE = "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"
QUERY, CHECK = "dynamodb:Query", "dynamodb:ConditionCheckItem"
BATCH_WRITE = "dynamodb:BatchWriteItem"
DECRYPT, SEND = {"kms:Decrypt"}, {"sqs:SendMessage"}

# By function: the resources it may touch and how. MailFeedback comes with SES only.
RIGHTS: dict[str, dict[str, set[str]]] = {
    "SendCode": {
        "Accounts": {READ, BATCH},
        "Grants": {BATCH, PUT, UPDATE},
        "WrappingKey": DECRYPT,
        "MailQueue": {"sqs:SendMessage"},
    },
    "VerifyCode": {"Accounts": {READ}, "Grants": {PUT, UPDATE}, "WrappingKey": DECRYPT},
    "SignUp": {"Accounts": {READ, PUT}, "Grants": {PUT, UPDATE}, "WrappingKey": DECRYPT},
    "SignIn": {
        "Accounts": {READ, BATCH, UPDATE},
        "Grants": {BATCH, PUT, UPDATE},
        "WrappingKey": DECRYPT,
        "MailQueue": SEND,
    },
    "GrantToken": {
        "Accounts": {READ, BATCH, UPDATE},
        "Grants": {BATCH, PUT, UPDATE, DELETE},
        "WrappingKey": DECRYPT,
        "MailQueue": SEND,
    },
    "RevokeToken": {"Accounts": {READ}, "Grants": {DELETE}, "WrappingKey": DECRYPT},
    "SignOut": {"Accounts": {READ}, "Grants": {DELETE}},
    "GetUser": {"Accounts": {READ, BATCH}, "Grants": {BATCH}},
    "EditProfile": {
        "Accounts": {READ, BATCH, UPDATE, PUT, DELETE},
        "Grants": {BATCH, CHECK, QUERY, UPDATE, PUT, DELETE, BATCH_WRITE},
        "WrappingKey": DECRYPT,
        "MailQueue": SEND,
    },
    "Sudo": {"Accounts": {READ, BATCH}, "Grants": {BATCH, UPDATE}, "WrappingKey": DECRYPT},
    "SetPassword": {
        "Accounts": {READ, BATCH, UPDATE},
        "Grants": {BATCH, CHECK, QUERY, PUT, DELETE, BATCH_WRITE},
        "WrappingKey": DECRYPT,
        "MailQueue": SEND,
    },
    "ChangeEmail": {
        "Accounts": {READ, BATCH, UPDATE, PUT, DELETE},
        "Grants": {BATCH, CHECK, UPDATE, QUERY, PUT, DELETE, BATCH_WRITE},
        "WrappingKey": DECRYPT,
        "MailQueue": SEND,
    },
    "ResetPassword": {
        "Accounts": {READ, BATCH, UPDATE},
        "Grants": {BATCH, UPDATE, QUERY, PUT, DELETE, BATCH_WRITE},
        "WrappingKey": DECRYPT,
        "MailQueue": SEND,
    },
    "CheckUser": {"Accounts": {READ}, "Grants": {UPDATE}},
    "QueryUser": {"Accounts": {READ, BATCH}, "Grants": {BATCH, UPDATE}},
    "ListProviders": {"Accounts": {READ, BATCH}, "Grants": {BATCH}},
    "SecurityHistory": {"Accounts": {READ, BATCH}, "Grants": {BATCH, QUERY}},
    "RevokeAll": {"Accounts": {READ}, "Grants": {QUERY, BATCH_WRITE}},
    "RevokeDevice": {"Accounts": {READ}, "Grants": {QUERY, BATCH_WRITE}},
    "DeleteUser": {
        "Accounts": {READ, BATCH, DELETE},
        "Grants": {BATCH, QUERY, DELETE, BATCH_WRITE},
        "WrappingKey": DECRYPT,
        "MailQueue": SEND,
    },
    "IntrospectToken": {"Accounts": {READ, BATCH}, "Grants": {BATCH}, "WrappingKey": DECRYPT},
    "EncryptedSignIn": {
        "Accounts": {READ, BATCH, PUT, UPDATE},
        "Grants": {BATCH, UPDATE, QUERY, PUT, DELETE, BATCH_WRITE},
        "WrappingKey": DECRYPT,
        "MailQueue": SEND,
    },
    "Discovery": {"Accounts": {READ}},
    "UnknownRoute": {},
    "SendMail": {
        "Accounts": {READ},
        "Grants": {READ, BATCH, PUT, UPDATE},
        "WrappingKey": DECRYPT,
        "MailQueue": {
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:GetQueueAttributes",
        },
        "SmtpSecret": {"secretsmanager:GetSecretValue"},
    },
    "GetVerification": {"Grants": {READ}},
    "SendTestMail": {"SmtpSecret": {"secretsmanager:GetSecretValue"}},
    "LiftSuppression": {
        "Accounts": {READ},
        "Grants": {READ, BATCH, DELETE},
        "WrappingKey": DECRYPT,
    },
    "RotateKeys": {"Accounts": {READ, PUT}, "WrappingKey": {"kms:Encrypt"}},
}
# By function: which keys of Accounts it may touch; all others may read the keyring only.
KEYS = {
    "SendCode": {"KEYRING", "EMAIL#*", "USER#*"},
    "SignUp": {"KEYRING", "USER#*", "EMAIL#*", "USERNAME#*"},
    "SignIn": {"KEYRING", "USER#*", "EMAIL#*", "USERNAME#*"},
    "GetUser": {"KEYRING", "USER#*"},
    "GrantToken": {"EMAIL#*", "KEYRING", "USER#*", "USERNAME#*"},
    "EditProfile": {"EMAIL#*", "KEYRING", "USER#*", "USERNAME#*"},
    "Sudo": {"KEYRING", "USER#*"},
    "SetPassword": {"KEYRING", "USER#*"},
    "ChangeEmail": {"EMAIL#*", "KEYRING", "USER#*"},
    "ResetPassword": {"EMAIL#*", "KEYRING", "USER#*"},
    "CheckUser": {"EMAIL#*", "USERNAME#*"},
    "QueryUser": {"EMAIL#*", "KEYRING", "USER#*", "USERNAME#*"},
    "ListProviders": {"KEYRING", "USER#*"},
    "SecurityHistory": {"KEYRING", "USER#*"},
    "DeleteUser": {"EMAIL#*", "KEYRING", "USER#*", "USERNAME#*"},
    "IntrospectToken": {"KEYRING", "USER#*"},
    "EncryptedSignIn": {"EMAIL#*", "KEYRING", "USER#*", "USERNAME#*"},
    "SendMail": {"KEYRING", "USER#*"},
    "GetVerification": set(),
    "SendTestMail": set(),
}
ISSUERS = {"SignUp", "SignIn", "GrantToken", "EncryptedSignIn"}
OPENERS = {"SignIn", "EditProfile", "EncryptedSignIn"}


@pytest.fixture(scope="module")
def statements(stack: Stack) -> Statements:
    """Return the statements of each function's own policies."""
    iam = stack.client("iam")
    found: Statements = {}
    for function in RIGHTS:
        role = stack.names[f"{function}Role"]
        attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        # It may write its log, which is all that this policy of AWS allows.
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
    """Return a function that names the resource of an ARN as the template does."""

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


def test_every_function_is_in_the_table(stack: Stack):
    client = stack.client("cloudformation")
    found = client.describe_stack_resources(StackName="latchkey")["StackResources"]
    functions = {
        r["LogicalResourceId"] for r in found if r["ResourceType"] == "AWS::Lambda::Function"
    }
    assert functions == RIGHTS.keys()


@pytest.mark.parametrize("function", RIGHTS)
def test_no_statement_has_a_wildcard(statements: Statements, function: str):
    for statement in statements[function]:
        assert statement["Effect"] == "Allow"
        for entry in [*_list(statement["Action"]), *_list(statement["Resource"])]:
            assert "*" not in entry
        assert not statement.keys() & {"NotAction", "NotResource"}


@pytest.mark.parametrize("function", RIGHTS)
def test_a_function_may_do_what_it_uses_and_no_more(
    statements: Statements, logical: Callable[[str], str], function: str
):
    rights: dict[str, set[str]] = defaultdict(set)
    for statement in statements[function]:
        for arn in _list(statement["Resource"]):
            rights[logical(arn)] |= set(_list(statement["Action"]))
    assert rights == RIGHTS[function]


@pytest.mark.parametrize("function", RIGHTS)
def test_a_function_may_touch_only_its_kinds_of_accounts_items(
    statements: Statements, logical: Callable[[str], str], function: str
):
    keys: set[str] = set()
    for statement in statements[function]:
        if "Accounts" in {logical(arn) for arn in _list(statement["Resource"])}:
            keys |= set(statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
    assert keys == KEYS.get(function, set() if function == "UnknownRoute" else {"KEYRING"})


@pytest.mark.parametrize("function", RIGHTS)
def test_only_what_issues_tokens_may_unwrap_the_signing_key(statements: Statements, function: str):
    purposes: set[str] = set()
    for statement in statements[function]:
        if "kms:Decrypt" in _list(statement["Action"]):
            condition = statement["Condition"]["StringEquals"]
            purposes |= set(_list(condition["kms:EncryptionContext:purpose"]))
    assert ("signing" in purposes) == (function in ISSUERS)
    assert ("encryption" in purposes) == (function in OPENERS)
    assert purposes <= {"mac", "signing", "encryption"}


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

    if function in ISSUERS:
        assert kms.decrypt(**arguments)["Plaintext"]
    else:
        with pytest.raises(kms.exceptions.ClientError) as refused:
            kms.decrypt(**arguments)
        assert refused.value.response["Error"]["Code"] == "AccessDeniedException"


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
