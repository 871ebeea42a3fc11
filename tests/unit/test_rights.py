"""A function may do what it does, and nothing else.

Nothing is missing: whatever an operation asks of AWS in any unit test must be allowed by its policy
in template.yaml (recorder.py, conftest.py). Nothing is idle: below is a journey for each function
that takes all its branches in a cold container, and each right must be used on it.
"""

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from latchkey import aws, ids
from latchkey.dynamodb import keys, store, writes
from latchkey.keys import tokens
from latchkey.mail import delivery, send
from latchkey.sessions import session as sessions
from latchkey.users import migration, user
from tests import rights
from tests.rights import FUNCTIONS
from tests.smtp_server import PASSWORD, USER, Authority, MailServer
from tests.unit import recorder
from tests.unit.conftest import (
    CONTEXT,
    ROOT,
    Answer,
    Call,
    Clock,
    Confirm,
    Outbox,
    Prove,
    handler,
    start_container,
)
from tests.unit.operators import operate
from tests.unit.test_encryption import seal, thumbprint

NEW = "countess@example.com"
ELSEWHERE = {"x-device-id": "f" * 32}
THERE = {"x-device-id": "e" * 32}
AGAIN = {"x-request-id": "a" * 32}  # of a request whose answer was lost
BASICS = "POST /auth/v1/user/basic/edit"
# Rights that no journey uses: Lambda polls queues and streams with the function's role.
PLATFORM = {
    "PublishEvents": {
        *((action, table, "*") for action in rights.OF_STREAMS for table in ("Accounts", "Grants")),
        ("sqs:SendMessage", "DeadEvents", "*"),
    },
    "SendMail": {
        (f"sqs:{action}", queue, "*")
        for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
        for queue in ("MailQueue", "NoticeQueue")
    },
}
# What the outbox replaces.
SEND = send.send
TWO_SES_SENDERS = {
    "mail_transport": "ses",
    "fallback_mail_transport": "ses",
    "fallback_sender_address": rights.SENDERS["FallbackSenderAddress"],
}


@dataclass
class World:
    """Ada, her mailbox, and what a journey needs."""

    ada: Answer
    call: Call
    prove: Prove
    confirm: Confirm
    outbox: Outbox
    now: Clock
    configure: Callable[..., None]
    patch: pytest.MonkeyPatch
    folder: Path
    crowd_size: int = 100

    @property
    def bearer(self) -> str:
        return str(self.ada["access_token"])

    def proof(self, address: str = "ada@example.com", bearer: str | None = None) -> str:
        """Prove an address a minute later, when another code may be sent."""
        self.now.time += 60
        return self.prove(address, bearer)

    def cold(self, operation: str, body: object = None, **how: Any) -> Answer:
        """Call an operation in a new container."""
        start_container()
        how = {"bearer": self.bearer} | how
        return self.call(operation, {} if body is None else body, **how)

    def paid(self) -> str:
        """Return a query with a captcha token, which buys the next try. From now on the second
        failure of an account takes one.
        """
        self.configure(failures_per_day=2, code_cooldown_seconds=0)
        claims = {"jti": ids.new_id(), "path": ""}
        expiry = self.now.time + 600
        token = tokens.issue_mac("captcha", claims, now=self.now.time, expires_at=expiry)
        return f"captcha_token={token}"

    def crowd(self) -> None:
        """Sign Ada in on more devices than one transaction can sign out."""
        place = {"pk": {"S": f"USER#{self.ada['sub']}"}}
        session, *_ = aws.dynamodb().query(
            TableName="Grants",
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={":pk": place["pk"], ":sk": {"S": "SESSION#"}},
        )["Items"]
        for number in range(self.crowd_size):
            other = {"S": f"other{number}"}
            copy = {**session, "sk": {"S": f"SESSION#other{number}"}, "sid": other}
            copy["refreshed_at"] = {"N": str(number)}
            aws.dynamodb().put_item(TableName="Grants", Item=copy)

    def tenth(self) -> None:
        """Let the next sign-in be the one that counts Ada's sessions and devices, of which there
        are many.
        """
        self.crowd()
        for number in range(self.crowd_size):
            device = {
                "pk": f"USER#{self.ada['sub']}",
                "sk": f"SESSION-DEVICE#other{number}",
                "name": f"other{number}",
                "tag": "tag",
                "signed_in_at": self.now.time + 1000 + number,  # the newest are forgotten
                "expires_at": self.now.time + 86400,
            }
            store.write(writes.Put(keys.key_of(device), item=device))
        aws.dynamodb().update_item(
            TableName="Accounts",
            Key={"pk": {"S": f"USER#{self.ada['sub']}"}},
            UpdateExpression="SET sign_ins = :count",
            ExpressionAttributeValues={":count": {"N": "9"}},
        )


@pytest.fixture
def world(
    ada: Answer,
    call: Call,
    prove: Prove,
    confirm: Confirm,
    outbox: Outbox,
    now: Clock,
    configure: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[World]:
    yield World(ada, call, prove, confirm, outbox, now, configure, monkeypatch, tmp_path)
    start_container()


JOURNEYS: dict[str, Callable[[World], None]] = {}


def journey(take: Callable[[World], None]) -> Callable[[World], None]:
    """Note the journey of the operation that has its name."""
    JOURNEYS[rights.function_of(take.__name__)] = take
    return take


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_function_uses_all_its_rights(world: World, function: str):
    JOURNEYS[function](world)
    idle = {
        (right.action, right.resource, pattern)
        for right in rights.allowed(function)
        for pattern in right.idle(recorder.needed[function])
    }
    assert idle == PLATFORM.get(function, set()), "the journey below does not use these rights"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_what_issues_tokens_may_unwrap_the_signing_key(function: str):
    allowed = [right for right in rights.allowed(function) if right.action == "kms:Decrypt"]
    purposes = {purpose for right in allowed for purpose in right.patterns}
    assert ("signing" in purposes) == (function in rights.ISSUERS)
    assert ("encryption" in purposes) == (function in rights.OPENERS)
    assert purposes <= {"mac", "signing", "encryption"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_right_to_a_table_names_the_items(function: str):
    for right in rights.allowed(function):
        if right.action in rights.OF_STREAMS:  # which has no items by name
            assert function == "PublishEvents"
            continue
        table, _, index = right.resource.partition("/index/")
        assert (table in rights.TABLES) == right.action.startswith("dynamodb:")
        assert not index or function in ("OperatorRead", "ExportUsers")
        table_itself = right.action.partition(":")[2] in rights.OF_TABLES
        assert not table_itself or function in ("RotateKeys", "ProtectAccounts")
        if right.resource in rights.TABLES and not table_itself:
            # A kind of item, or one of the few that have no kind.
            alone = {"KEYRING", "MAILS", "SUPPRESSED"}
            if right.action == "dynamodb:Scan":
                assert function == "IndexUsers"
                continue
            assert all(p in alone or re.fullmatch("[A-Z-]+#\\*", p) for p in right.patterns)


def test_a_statement_must_refuse_a_call_that_names_no_key():
    keys = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["USER#*"]}}
    statement = {"Effect": "Allow", "Action": "dynamodb:Query", "Resource": "Grants"}
    named = {"Null": {"dynamodb:LeadingKeys": "false"}}

    [right] = rights.of(statement | {"Condition": keys | named}, str)

    assert right.patterns == {"USER#*"}
    for lacking in ({}, {"Null": {"dynamodb:LeadingKeys": "true"}}):
        with pytest.raises(AssertionError, match="beside ForAllValues"):
            list(rights.of(statement | {"Condition": keys | lacking}, str))


def test_only_two_functions_may_do_more_with_strict_account_discovery():
    more = {name: set(rights.allowed(name)) for name in FUNCTIONS}
    for name, found in more.items():
        found -= set(rights.allowed(name, without=("IsStrict",)))
    assert {(right.action, right.resource) for right in more.pop("SignIn")} == {
        ("dynamodb:PutItem", "Accounts"),
        ("lambda:InvokeFunction", "BeforeSignUpFunctionArn"),
    }
    assert len(more.pop("SignUp")) == 9
    assert not any(more.values())


def test_a_call_that_no_policy_allows_is_noticed(world: World):
    recorder.noting("get_user", lambda *_: aws.dynamodb().scan(TableName="Grants"))({}, None)
    [(function, need)] = recorder.refused()
    assert (function, need.action) == ("GetUser", "dynamodb:Scan")
    recorder.forget()


def test_a_call_for_an_item_of_another_kind_is_noticed_with_the_statement_that_it_needs(
    world: World,
):
    def count(*_: object) -> None:
        key = {"pk": {"S": "SEND#tag"}, "sk": {"S": "-"}}
        aws.dynamodb().update_item(TableName="Grants", Key=key, UpdateExpression="REMOVE nothing")

    recorder.noting("check_user", count)({}, None)
    [lacking] = recorder.refused()
    assert rights.statement_for(*lacking) == (
        "CheckUser: - {Effect: Allow, Action: dynamodb:UpdateItem, Resource: !GetAtt Grants.Arn, "
        'Condition: {"Null": *keys-named, "ForAllValues:StringLike": '
        '{"dynamodb:LeadingKeys": ["SEND#*", "SEND-IP#*"]}}}'
    )
    recorder.forget()


def test_a_mail_from_another_address_is_noticed():
    call = {"FromEmailAddress": "boss@example.com"}
    for need in rights.needs("sesv2", "SendEmail", call):
        assert not any(right.allows(need) for right in rights.allowed("SendMail"))
        lacking = f"SendMail: {need.action} on SES for boss@example.com"
        assert rights.statement_for("SendMail", need) == lacking


@journey
def send_code(w: World) -> None:
    w.now.time += 60
    for _ in range(2):
        w.cold("send_code", {"email": NEW}, headers=AGAIN)
    body, paid = {"email": "eve@example.com"}, w.paid()
    w.call("sign_in", {"username": "eve@example.com", "password": "wrong1843"})
    for _ in range(3):
        w.call("send_code", body)
    w.call("send_code", body, query=paid)
    w.configure(mail_queue_url="https://sqs.eu-central-1.amazonaws.com/1/none")
    assert w.call("send_code", {"email": "bob@example.com"})["error"] == "unavailable"


@journey
def solve_captcha(w: World) -> None:
    token = w.cold("solve_captcha")["token"]
    body = {"token": token, "key": "0000"}
    w.cold("solve_captcha", body, route="POST /auth/v1/captcha/data/verify")


@journey
def verify_code(w: World) -> None:
    sent = w.call("send_code", {"email": NEW}, bearer=w.bearer)
    body = {"verification_id": sent["verification_id"], "verification_code": w.outbox.code(NEW)}
    w.call("verify_code", body | {"verification_code": "x"})
    w.cold("verify_code", body)


@journey
def sign_up(w: World) -> None:
    token = w.proof(NEW)
    for _ in range(2):
        w.cold("sign_up", {"verification_token": token, "username": "countess"}, headers=AGAIN)
    refused = {"verification_token": w.proof("eve@example.com")}
    with hooks(w):
        assert w.call("sign_up", refused)["error"] == "unavailable"
        w.configure(before_sign_up_function_arn="")
        assert w.call("sign_up", refused)["error"] == "unavailable"
    w.configure(account_discovery="strict")
    early = w.prove("bob@example.com")
    w.call("sign_up", {"verification_token": w.proof("bob@example.com")})
    w.call("sign_up", {"verification_token": early})  # who has got an account since
    w.tenth()
    w.call("sign_up", {"verification_token": w.proof()}, headers=ELSEWHERE)
    w.call("sign_up", {"verification_token": w.proof()})  # where her last session is replaced
    w.now.time += 86400
    w.call("sign_up", {"verification_token": w.proof()})


@journey
def sign_in(w: World) -> None:
    migrate(w, "sign_in", {})
    early = w.prove("bob@example.com")
    token = w.proof("bob@example.com")
    w.call("sign_up", {"verification_token": token, "password": "mail1843bag"})
    for _ in range(2):
        w.cold("sign_in", {"verification_token": early}, headers=ELSEWHERE | AGAIN)
    w.tenth()
    w.call("sign_in", {"username": "ada_lovelace", "password": "engine1843"})
    sealed = seal('{"username": "ada@example.com", "password": "engine1843"}')
    body = {"params": sealed, "public_key_thumbprint": thumbprint()}
    w.call("sign_in", body, headers=ELSEWHERE)
    paid, body = w.paid(), {"username": "eve@example.com", "password": "wrong1843"}
    w.call("sign_in", body)
    w.call("sign_in", body, query=paid)
    w.now.time += 86400
    w.call("sign_in", {"verification_token": w.proof()})
    w.configure(account_discovery="strict")
    created = {"verification_token": w.proof("ida@example.com")}
    with hooks(w):
        w.call("sign_in", created)
        w.call("sign_in", {"username": "ada_lovelace", "password": "engine1843"})
    w.call("sign_in", {"verification_token": w.proof(NEW)})


@journey
def grant_token(w: World) -> None:
    body = {"grant_type": "password", "password": "engine1843"}
    migrate(w, "grant_token", body)
    w.tenth()
    w.cold("grant_token", body | {"username": "ada_lovelace"}, headers=ELSEWHERE)
    w.call("grant_token", body | {"username": "ada@example.com"})
    theirs = w.call("grant_token", body | {"username": "ada_lovelace"}, headers=ELSEWHERE)
    for _ in range(2):
        again = {"grant_type": "refresh_token", "refresh_token": theirs["refresh_token"]}
        with hooks(w):
            w.call("grant_token", again)
        w.now.time += 31
    paid, body = w.paid(), body | {"username": "eve@example.com"}
    w.call("grant_token", body)
    w.call("grant_token", body, query=paid)


@journey
def revoke_token(w: World) -> None:
    w.cold("revoke_token", {"token": w.ada["refresh_token"]})


@journey
def sign_out(w: World) -> None:
    w.cold("sign_out")


@journey
def get_user(w: World) -> None:
    w.cold("get_user")


@journey
def edit_profile(w: World) -> None:
    w.cold("edit_profile", {"name": "Ada"})
    w.call("edit_profile", {"username": "countess"}, bearer=w.bearer)
    w.proof(NEW, w.bearer)
    w.crowd()
    body = {
        "email": NEW,
        "encrypt_password": seal("engine1843"),
        "encrypt_new_password": seal("engine1844"),
        "public_key_thumbprint": thumbprint(),
    }
    w.cold("edit_profile", body, route=BASICS)


@journey
def sudo(w: World) -> None:
    token = w.proof()
    w.cold("sudo", {"password": "engine1843"})
    w.call("sudo", {"verification_token": token}, bearer=w.bearer)


@journey
def set_password(w: World) -> None:
    token = w.confirm(w.ada)
    w.crowd()
    w.cold("set_password", {"new_password": "engine1844", "sudo_token": token})


@journey
def change_email(w: World) -> None:
    proof = w.proof(NEW)
    token = w.confirm(w.ada)
    w.crowd()
    w.cold("change_email", {"email": NEW, "sudo_token": token, "verification_token": proof})


@journey
def reset_password(w: World) -> None:
    early = w.prove("bob@example.com")
    w.call("sign_up", {"verification_token": w.proof("bob@example.com")})
    token = w.proof()
    w.crowd()
    body = {"new_password": "engine1844", "verification_token": token}
    w.cold("reset_password", body, headers=ELSEWHERE)
    w.call("reset_password", {"new_password": "engine1844", "verification_token": early})


@journey
def check_user(w: World) -> None:
    w.cold("check_user", query="username=ada%40example.com")
    w.call("check_user", query="username=ada_lovelace")


@journey
def query_user(w: World) -> None:
    w.cold("query_user", query=f"id={w.ada['sub']}")
    w.call("query_user", query="email=ada%40example.com", bearer=w.bearer)
    w.call("query_user", query="username=ada_lovelace", bearer=w.bearer)


@journey
def list_providers(w: World) -> None:
    w.cold("list_providers")


@journey
def security_history(w: World) -> None:
    w.cold("security_history", query="")


@journey
def list_sessions(w: World) -> None:
    w.cold("list_sessions")


@journey
def revoke_all(w: World) -> None:
    w.cold("revoke_all")


@journey
def revoke_device(w: World) -> None:
    w.cold("revoke_device")


@journey
def delete_user(w: World) -> None:
    token = w.confirm(w.ada)
    w.cold("delete_user", query=f"sudo_token={token}")


@journey
def introspect_token(w: World) -> None:
    w.cold("introspect_token", {"token": w.ada["access_token"]})


@journey
def encryption_key(w: World) -> None:
    w.cold("encryption_key")


@journey
def sign_in_with_code(w: World) -> None:
    early = w.prove("bob@example.com")
    home: dict[str, str] = {}
    sent = w.call("send_code", {"email": "eve@example.com"})
    wrong = {"verification_id": sent["verification_id"], "verification_code": "x"}
    w.cold("sign_in_with_code", wrong)
    w.now.time += 86400
    for address, headers in (
        ("ida@example.com", ELSEWHERE),
        ("bob@example.com", ELSEWHERE),
        ("ada@example.com", ELSEWHERE),
        ("ada@example.com", home),  # where her last session is replaced
    ):
        w.now.time += 60
        sent = w.call("send_code", {"email": address})
        body = {"verification_id": sent["verification_id"]}
        body["verification_code"] = w.outbox.code(address)
        if address == "bob@example.com":  # Who signs up after the code was asked for.
            w.call("sign_up", {"verification_token": early})
        if address == "ada@example.com":
            w.tenth()
        for _ in range(2):
            w.cold("sign_in_with_code", body, headers=headers | AGAIN)
    for address in ("max@example.com", "ada@example.com"):
        w.now.time += 60
        sent = w.call("send_code", {"email": address})
        body = {"verification_id": sent["verification_id"]}
        body["verification_code"] = w.outbox.code(address)
        with hooks(w):
            w.call("sign_in_with_code", body)


@journey
def update_password(w: World) -> None:
    w.crowd()
    body = {
        "username": "ada_lovelace",
        "password": seal("engine1843"),
        "new_password": seal("engine1844"),
        "public_key_thumbprint": thumbprint(),
    }
    w.cold("update_password", body | {"username": "nobody@example.com"})
    w.call("update_password", body | {"username": "nobody@example.com"}, query=w.paid())
    w.cold("update_password", body)


@journey
def discovery(w: World) -> None:
    w.cold("discovery")


@journey
def unknown_route(w: World) -> None:
    w.cold("unknown_route")


@journey
def get_verification(w: World) -> None:
    sent = w.call("send_code", {"email": NEW})
    w.cold("get_verification", path=f"/auth/v1/verification/{sent['verification_id']}")


@journey
def send_mail(w: World) -> None:
    w.patch.setattr(send, "send", SEND)
    w.configure(**TWO_SES_SENDERS)
    w.call("sign_in", {"username": "ada_lovelace", "password": "engine1843"}, headers=ELSEWHERE)
    start_container()
    w.outbox.deliver()  # A notice; SES refuses it, for nobody has verified our addresses.
    with hooks(w):
        w.call("send_code", {"email": "eve@example.com"})
        w.outbox.deliver()
    w.configure(mail_transport="smtp")  # Without a server, so the second sender is asked.
    w.call("send_code", {"email": NEW})
    w.outbox.deliver()
    with mail_server(w) as server:
        w.call("send_code", {"email": "rcpt-550-5.1.1-bob@example.com"})
        w.outbox.deliver()
        server.login = "535 5.7.8 no"
        rotate(w)
        w.call("send_code", {"email": NEW})
        w.call("sign_in", {"username": "ada_lovelace", "password": "engine1843"}, headers=THERE)
        start_container()
        assert len(w.outbox.deliver()) == 2  # a code and a notice


@journey
def send_test_mail(w: World) -> None:
    w.configure(**TWO_SES_SENDERS)
    operate("send_test_mail", "mail.test", to="ada@example.com")
    with mail_server(w):
        assert operate("send_test_mail", "mail.test", to="ada@example.com")["result"]["accepted"]


@journey
def mail_feedback(w: World) -> None:
    start_container()
    handler("mail_feedback")(json.loads((ROOT / "events/mail_feedback.json").read_text()), CONTEXT)


@journey
def operator_read(w: World) -> None:
    start_container()
    w.cold("sign_in", {"username": "ada@example.com", "password": "wrong1843"})
    w.now.time += 60
    w.call("send_code", {"email": "ada@example.com"})
    start_container()
    whom = {"user": "ada@example.com"}
    acts: dict[str, dict[str, str]] = {
        "users.list": {"order": "address", "prefix": "ada"},
        "users.show": whom,
        "users.history": {"user": "ada_lovelace"},
        "suppressions.list": {},
        "keys.list": {},
    }
    for act, request in acts.items():
        assert "result" in operate("operator_read", act, **request)


@journey
def operator_change(w: World) -> None:
    w.cold("sign_in", {"username": "ada@example.com", "password": "wrong1843"})
    w.crowd()
    start_container()
    whom = {"user": "ada_lovelace"}
    delivery.suppress("ada@example.com", "bounced", now=w.now.time)
    session = sessions.among(store.query(keys.sessions(w.ada["sub"])), now=w.now.time)[0]
    changes: list[tuple[str, dict[str, Any]]] = [
        ("users.create", {"email": NEW, "username": "countess"}),
        ("users.unlock", {"user": "ada@example.com"}),
        ("sessions.end", whom | {"sid": session.sid}),
        ("users.sign-out", whom),
        ("users.set-groups", whom | {"groups": ["staff"]}),
        ("users.disable", whom),
        ("users.enable", whom),
        ("users.require-reset", whom),
        ("users.set-email", whom | {"email": "ada@example.org"}),
        ("suppressions.lift", {"email": "ada@example.com"}),
        ("users.delete", whom),
    ]
    for act, request in changes:
        assert "result" in operate("operator_change", act, **request), act


@journey
def import_users(w: World) -> None:
    w.patch.setattr("latchkey.operators.importing.AT_ONCE", 1)
    rows = [{"email": NEW, "username": "countess"}, {"email": "none@example.com"}]
    for dry_run in (True, False):
        assert "result" in operate("import_users", "users.import", rows=rows, dry_run=dry_run)


@journey
def export_users(w: World) -> None:
    operate("export_users", "users.export")  # one user
    store.write(*user.create_writes(user.new(NEW, now=w.now.time)))
    assert len(operate("export_users", "users.export")["result"]["rows"]) == 2


@journey
def index_users(w: World) -> None:
    for name in ("USER#" + w.ada["sub"], "EMAIL#ada@example.com", "USERNAME#ada_lovelace"):
        aws.dynamodb().update_item(
            TableName="Accounts",
            Key={"pk": {"S": name}},
            UpdateExpression="REMOVE directory, entry",
        )
    assert operate("index_users", "users.reindex")["result"]["items"] == 3


@journey
def rotate_keys(w: World) -> None:
    rotate(w)
    w.patch.setattr("latchkey.cloudformation._put", lambda *_: None)
    deploy = {"ResponseURL": "", "ResourceProperties": {"Issuer": "https://id.example.com"}}
    handler("rotate_keys")(deploy, CONTEXT)


@journey
def protect_accounts(w: World) -> None:
    w.patch.setattr("latchkey.cloudformation._put", lambda *_: None)
    aws.dynamodb().update_continuous_backups(
        TableName="Accounts",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False},
    )
    handler("protect_accounts")({"ResponseURL": ""}, CONTEXT)
    aws.dynamodb().update_table(TableName="Accounts", DeletionProtectionEnabled=False)


@journey
def publish_events(w: World) -> None:
    w.configure(event_bus_name="EventBusName")
    boto3.client("events").create_event_bus(Name="EventBusName")
    start_container()
    event = json.loads((ROOT / "events/publish_events.json").read_text())
    assert handler("publish_events")(event, CONTEXT) == {"batchItemFailures": []}
    boto3.client("events").delete_event_bus(Name="EventBusName")


@contextlib.contextmanager
def hooks(w: World) -> Iterator[None]:
    """Have hooks that do not exist, so that each of them fails."""
    names = (
        "BeforeSignUpFunctionArn",
        "ClaimsFunctionArn",
        "MessageFunctionArn",
        "MigrationFunctionArn",
    )
    arn = "arn:aws:lambda:eu-central-1:123456789012:function:"
    variables = [re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in names]
    w.configure(**{v: arn + name for v, name in zip(variables, names, strict=True)})
    yield
    w.configure(**dict.fromkeys(variables, ""))


def migrate(w: World, operation: str, body: dict[str, str]) -> None:
    """Sign in as a user of another system, whose function does not exist, and then answers."""
    body = body | {"username": "moved@example.com", "password": "there1843bag"}
    w.configure(
        migration_function_arn="arn:aws:lambda:eu-central-1:1:function:MigrationFunctionArn"
    )
    w.call(operation, body)
    known = migration.MigrationAnswer(accepted=True, email_verified=True, username="from_there")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latchkey.hooks.ask", lambda *_: known)
        assert w.call(operation, body).status == 200
    w.configure(migration_function_arn="")


def rotate(w: World) -> None:
    """Rotate the keys, so that an address has a name under each of two."""
    w.now.time += 90 * 86400
    handler("rotate_keys")({"detail-type": "Scheduled Event"}, CONTEXT)
    start_container()


@contextlib.contextmanager
def mail_server(w: World) -> Iterator[MailServer]:
    """Run a mail server, and let both senders use it."""
    authority = Authority(w.folder)
    w.patch.setenv("SSL_CERT_FILE", str(authority.path))
    with MailServer(authority) as server:
        for prefix, name in (("", "SmtpSecretArn"), ("fallback_", "FallbackSmtpSecretArn")):
            secret = boto3.client("secretsmanager").create_secret(Name=name, SecretString=PASSWORD)
            variables = {
                "mail_transport": "smtp",
                "sender_address": "login@example.com",
                "smtp_host": server.host,
                "smtp_port": server.port,
                "smtp_security": server.security,
                "smtp_user": USER,
                "smtp_secret_arn": secret["ARN"],
            }
            w.configure(**{prefix + name: value for name, value in variables.items()})
        yield server
    for name in ("SmtpSecretArn", "FallbackSmtpSecretArn"):
        boto3.client("secretsmanager").delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
