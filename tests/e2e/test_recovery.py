"""The worst day, rehearsed: a first deployment that fails, a table that is lost, a stack that is
lost, and keys that somebody else may know.
"""

from collections.abc import Iterator

import httpx
import pytest

from latchkey_cli.deployment import Deployment
from local.stack import NAME, Stack, StackError
from tests.e2e import bare_stack
from tests.e2e.bare_stack import SENDER, client, me, outputs, post, sign_up

PASSWORD = "engine1843"
CREDENTIALS = {"username": "ada@example.com", "password": PASSWORD}
# samconfig.toml has it too.
DELETE = ("--on-failure", "DELETE")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with bare_stack.started("e2e-recovery", tmp_path_factory.mktemp("authority")) as stack:
        yield stack


def deploy(stack: Stack, **parameters: str) -> None:
    stack.deploy({"SenderAddress": SENDER, **parameters}, *DELETE)


def tables(stack: Stack) -> list[str]:
    return list(client(stack, "dynamodb").list_tables()["TableNames"])


def keys_of(stack: Stack) -> list[str]:
    url = f"http://127.0.0.1:{stack.api_port}/.well-known/jwks.json"
    return [key["kid"] for key in httpx.get(url, timeout=60).json()["keys"]]


def stack_statuses(stack: Stack) -> list[str]:
    found = client(stack, "cloudformation").list_stacks()["StackSummaries"]
    return [one["StackStatus"] for one in found if one["StackName"] == NAME]


def protected(stack: Stack, name: str) -> tuple[bool, str]:
    dynamodb = client(stack, "dynamodb")
    table = dynamodb.describe_table(TableName=name)["Table"]
    kept = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    history = kept["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    return table["DeletionProtectionEnabled"], history


def back_up(stack: Stack, table: str, name: str) -> str:
    made = client(stack, "dynamodb").create_backup(TableName=table, BackupName=name)
    return str(made["BackupDetails"]["BackupArn"])


def restore(stack: Stack, backup: str, table: str) -> None:
    client(stack, "dynamodb").restore_table_from_backup(TargetTableName=table, BackupArn=backup)


def lose(stack: Stack, table: str) -> None:
    dynamodb = client(stack, "dynamodb")
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName=table)


def test_a_first_deployment_that_fails_leaves_nothing(stack: Stack):
    secret = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:missing-a1b2c3"
    with pytest.raises(StackError, match="MailTemplates"):
        deploy(
            stack,
            MailTransport="smtp",
            SmtpHost="smtp.example.com",
            SmtpUser="ada",
            SmtpSecretArn=secret,
        )
    assert tables(stack) == []
    assert set(stack_statuses(stack)) <= {"DELETE_COMPLETE"}
    kms = client(stack, "kms")
    states = [
        kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]
    ]
    assert all(key["KeyState"] == "PendingDeletion" for key in states if key["KeyManager"] != "AWS")


def test_users_survive_a_lost_table_and_a_lost_stack(stack: Stack):
    deploy(stack, DailyBackups="on")
    first, names = sign_up(stack, "ada@example.com", password=PASSWORD), outputs(stack)
    [kid] = keys_of(stack)
    left = dict(pair.split("=") for pair in names["StaysBehind"].split())
    table, key = left["AccountsTable"], left["WrappingKeyArn"]
    assert protected(stack, table) == (True, "ENABLED")
    assert selected_for_backup(stack) == [table]

    # The table is restored, as another one, into the stack that is there.
    copy = back_up(stack, table, "daily")
    client(stack, "dynamodb").delete_item(
        TableName=table, Key={"pk": {"S": f"USER#{first['sub']}"}}
    )
    assert "access_token" not in post(stack, "signin", CREDENTIALS)
    restore(stack, copy, "restored")
    assert protected(stack, "restored") == (False, "DISABLED")
    deploy(stack, AccountsTable="restored", DailyBackups="on")
    assert post(stack, "signin", CREDENTIALS)["sub"] == first["sub"]
    assert me(stack, first["access_token"])["sub"] == first["sub"]
    assert protected(stack, "restored") == (True, "ENABLED")
    assert table in tables(stack)
    assert selected_for_backup(stack) == ["restored"]

    # With another key, the update is refused and rolled back, and nobody notices.
    other = client(stack, "kms").create_key()["KeyMetadata"]["Arn"]
    why = refusal(stack, AccountsTable="restored", WrappingKeyArn=other)
    assert "WrappingKeyArn: the keys in restored are not wrapped by" in why
    assert post(stack, "signin", CREDENTIALS)["sub"] == first["sub"]

    # The stack is lost. The table is kept, and protected.
    client(stack, "cloudformation").delete_stack(StackName=NAME)
    client(stack, "cloudformation").get_waiter("stack_delete_complete").wait(StackName=NAME)
    assert sorted(tables(stack)) == sorted([table, "restored"])
    assert protected(stack, "restored")[0]

    # The table is lost too. It comes from the back-up, into a new stack.
    lose(stack, "restored")
    restore(stack, copy, "again")
    deploy(stack, AccountsTable="again", WrappingKeyArn=key)
    assert keys_of(stack) == [kid]
    assert post(stack, "signin", CREDENTIALS)["sub"] == first["sub"]
    sign_up(stack, "grace@example.com")
    assert protected(stack, "again") == (True, "ENABLED")


def test_keys_that_somebody_else_may_know_are_good_for_nothing(stack: Stack):
    tokens, before = post(stack, "signin", CREDENTIALS), keys_of(stack)
    issuer = outputs(stack)["Issuer"]
    assert rotate(stack, reason="asked") != []
    assert rotate(stack, reason="asked") == []
    assert len(rotate(stack, reason="compromised")) == 3
    start_containers(stack)

    after = keys_of(stack)
    assert len(after) == 1
    assert set(before).isdisjoint(after)
    assert me(stack, tokens["access_token"])["error"] == "unauthenticated"
    body = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert post(stack, "token", body)["error"] == "invalid_grant"

    again = post(stack, "signin", CREDENTIALS)
    assert again["sub"] == tokens["sub"]
    assert me(stack, again["access_token"])["sub"] == tokens["sub"]
    url = f"http://127.0.0.1:{stack.api_port}/.well-known/openid-configuration"
    assert httpx.get(url, timeout=60).json()["issuer"] == issuer


def selected_for_backup(stack: Stack) -> list[str]:
    """Return the names of the tables that AWS Backup copies, with a plan of 35 days."""
    backup = client(stack, "backup")
    found = []
    for plan in backup.list_backup_plans()["BackupPlansList"]:
        [rule] = backup.get_backup_plan(BackupPlanId=plan["BackupPlanId"])["BackupPlan"]["Rules"]
        assert rule["Lifecycle"]["DeleteAfterDays"] == 35
        for one in backup.list_backup_selections(BackupPlanId=plan["BackupPlanId"])[
            "BackupSelectionsList"
        ]:
            selection = backup.get_backup_selection(
                BackupPlanId=plan["BackupPlanId"], SelectionId=one["SelectionId"]
            )["BackupSelection"]
            found += [arn.rpartition("/")[2] for arn in selection["Resources"]]
    return found


def refusal(stack: Stack, **parameters: str) -> str:
    with pytest.raises(StackError) as raised:
        deploy(stack, **parameters)
    return " ".join(str(raised.value).split())


def rotate(stack: Stack, **asked: str) -> list[str]:
    answer = Deployment(NAME, local_port=stack.stack_port).call("keys.rotate", **asked)
    return list(answer["made"])


def start_containers(stack: Stack) -> None:
    """Have functions read the keyring again: a container caches it for five minutes."""
    functions = client(stack, "lambda")
    for function in functions.list_functions()["Functions"]:
        variables = function["Environment"]["Variables"] | {"KEYS_READ_AGAIN": "1"}
        functions.update_function_configuration(
            FunctionName=function["FunctionName"], Environment={"Variables": variables}
        )
