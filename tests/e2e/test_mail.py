"""Mail through a deployed stack of its own, over real TLS, to a server that fails on command.

The address says what happens to the mail: see tests/smtp_server.py. Codes whose mail never arrives
are asked for first and checked last, when they have expired.
"""

import json
import re
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from latchkey_cli.deployment import Deployment
from local import template
from local.stack import ACCESS, NAME, ROOT, Stack, StackError
from tests.ports import free_port
from tests.smtp_server import PASSWORD, USER, Authority, MailServer

pytestmark = pytest.mark.filterwarnings(
    "ignore:Requiring AUTH while not requiring TLS", "ignore::ResourceWarning"
)

CODE_SECONDS = 90
OUTAGE_SECONDS = 30
CODES = 200
IN_FLIGHT = 12  # as in client.py: the stack runs a process for each request

FINAL = {
    "rcpt-550-5.1.1-a@example.com": "bounced",
    "rcpt-550--b@example.com": "bounced",
    "rcpt-551-5.1.6-c@example.com": "bounced",
    "rcpt-553-5.1.3-d@example.com": "bounced",
    "rcpt-554--e@example.com": "failed",
    "rcpt-550-5.7.1-f@example.com": "failed",
    "data-550-g@example.com": "failed",
    "data-554-h@example.com": "failed",
    "slow-3-i@example.com": "sent",
    "fine@example.com": "sent",
    "用户@例子.测试": "sent",
}
TRANSIENT = [
    "rcpt-421-4.3.2-a@example.com",
    "rcpt-450-4.2.0-b@example.com",
    "rcpt-451-4.7.1-c@example.com",
    "rcpt-452-4.2.2-d@example.com",
    "data-451-e@example.com",
    "drop-rcpt-f@example.com",
    "drop-data-g@example.com",
]


@dataclass
class Mailing:
    """A stack, its API, and the mail servers that it uses."""

    stack: Stack
    http: httpx.Client
    first: MailServer
    second: MailServer

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.stack.endpoint, **ACCESS)  # type: ignore[call-overload]

    def deploy(self, **changes: str) -> None:
        defaults = {name: str(value) for name, value in template.defaults().items()}
        values = {
            **defaults,
            "MailTransport": "smtp",
            "SenderAddress": "login@latchkey.test",
            "SmtpHost": "127.0.0.1",
            "SmtpPort": str(self.first.port),
            "SmtpSecurity": "STARTTLS",
            "SmtpUser": USER,
            "SmtpSecretArn": self.stack.store_secret("smtp", PASSWORD),
            "IssuerUrl": "http://127.0.0.1",
            "CodeSeconds": str(CODE_SECONDS),
            "CodeCooldownSeconds": "0",
            "CodesPerSourcePerHour": "1000000",
            "MailRetrySeconds": "1",
            **changes,
        }
        self.stack.deploy(values)

    def name(self, resource: str) -> str:
        found = self.client("cloudformation").describe_stack_resource(
            StackName=NAME, LogicalResourceId=resource
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def ask(self, address: str, **headers: str) -> str:
        answer = self.http.post("/auth/v1/verification", json={"email": address}, headers=headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["verification_id"])

    def verify(self, verification_id: str, code: str) -> str:
        body = {"verification_id": verification_id, "verification_code": code}
        answer = self.http.post("/auth/v1/verification/verify", json=body).json()
        assert "verification_token" in answer, answer
        return str(answer["verification_token"])

    def delivery(self, verification_id: str) -> str:
        item = self.client("dynamodb").get_item(
            TableName=self.name("Grants"),
            Key={"pk": {"S": f"VERIFICATION#{verification_id}"}, "sk": {"S": "-"}},
            ConsistentRead=True,
        )["Item"]
        state = str(item["delivery"]["S"])
        return "queued" if state == "sending" else state  # it goes back if it is not accepted

    def decided(self, verification_id: str, before: str = "queued") -> str:
        """Wait until the state of a mail changes."""
        wait(lambda: self.delivery(verification_id) != before)
        return self.delivery(verification_id)

    def logged(self, start: int = 0) -> list[dict[str, Any]]:
        text = self.stack.functions_log.read_text()[start:]
        found = [json.loads(line) for line in re.findall(r"^\S+: (\{.*\})$", text, re.M)]
        return [line for line in found if "_aws" not in line]  # metrics are lines of their own

    def mark(self) -> int:
        return len(self.stack.functions_log.read_text())


def wait(what: Callable[[], Any], seconds: float = 30) -> Any:
    """Wait for the first result that is true, and return it."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def mailing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailing]:
    """Return the deployed stack. Its build is kept between runs, its tables are not."""
    home = ROOT / ".local/e2e-mail"
    for kept in ("state", "s3"):
        _remove(home / kept)
    home.mkdir(parents=True, exist_ok=True)
    authority = Authority(tmp_path_factory.mktemp("authority"))
    api = free_port()
    stack = Stack(home, api, free_port(), authority.path)
    with (
        MailServer(authority, "STARTTLS") as first,
        MailServer(authority, "SSL") as second,
        httpx.Client(base_url=f"http://127.0.0.1:{api}", timeout=60) as http,
    ):
        try:
            stack.start()
            stack.build()
            mailing = Mailing(stack, http, first, second)
            mailing.deploy()
            yield mailing
        finally:
            stack.stop()


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


@pytest.fixture(scope="module", autouse=True)
def doomed(mailing: Mailing) -> dict[str, str]:
    """Ask for the codes whose mail never arrives, and return their verifications."""
    return {address: mailing.ask(address) for address in TRANSIENT}


def test_a_mail_is_accepted_within_a_second_of_the_answer(mailing: Mailing):
    seconds = []
    for number in range(10):
        address = f"quick{number}@example.com"
        mailing.ask(address)
        answered = time.time()
        [mail] = wait(partial(mailing.first.to, address))
        seconds.append(mail.at - answered)
    median = statistics.median(seconds)
    print(f"from the answer to the accepted mail: median {median * 1000:.0f} ms")
    assert median < 1


def test_final_faults_end_at_once_as_the_table_says(mailing: Mailing):
    asked = {address: mailing.ask(address) for address in FINAL}
    for address, state in FINAL.items():
        assert mailing.decided(asked[address]) == state, address
    [mail] = mailing.first.to("用户@xn--fsqu00a.xn--0zwm56d")
    mailing.verify(asked["用户@例子.测试"], mail.code)


def test_an_address_that_bounced_is_left_alone_until_an_operator_lifts_it(mailing: Mailing):
    address = "rcpt-550-5.1.1-a@example.com"
    again = mailing.ask(address)
    wait(lambda: mailing.delivery(again) == "suppressed")
    # The address has no user, so the state only says whether the mail has left.
    told = mailing.http.get(f"/auth/v1/verification/{again}").json()
    assert told["delivery"] == "failed"
    lifted = operator(mailing).call("suppressions.lift", email=address)
    assert "bounced" in lifted["message"]
    again = mailing.ask(address)
    wait(lambda: mailing.delivery(again) == "bounced")


def operator(mailing: Mailing) -> Deployment:
    return Deployment(NAME, local_port=mailing.stack.stack_port)


SERVERS: list[tuple[dict[str, Any], str, str]] = [
    ({"greeting": "421 4.3.2 busy"}, "closing", "moment"),
    ({"starttls": "454 4.7.0 no TLS now"}, "busy", "moment"),
    ({"login": "535 5.7.8 wrong"}, "login", "sender"),
    ({"certificate_for": ("other.example",)}, "certificate", "sender"),
]


@pytest.mark.parametrize(("misbehaviour", "cause", "blame"), SERVERS)
def test_a_mail_arrives_once_the_server_behaves_again(
    mailing: Mailing, misbehaviour: dict[str, Any], cause: str, blame: str
):
    server, mark = mailing.first, mailing.mark()
    before = {name: getattr(server, name) for name in misbehaviour}
    server.down()  # an open connection would not notice it
    for name, value in misbehaviour.items():
        setattr(server, name, value)
    server.up()
    address = f"patient-{len(mailing.first.received)}@example.com"
    asked = mailing.ask(address)

    def failed() -> bool:
        lines = [line for line in mailing.logged(mark) if line["message"] == "mail not sent"]
        return any((line["cause"], line["blame"]) == (cause, blame) for line in lines)

    try:
        wait(failed)
        assert mailing.delivery(asked) == "queued"
    finally:
        server.down()
        for name, value in before.items():
            setattr(server, name, value)
        server.up()
    wait(lambda: mailing.first.to(address))
    wait(lambda: mailing.delivery(asked) == "sent")
    [mail] = mailing.first.to(address)
    mailing.verify(asked, mail.code)


def test_a_test_mail_names_the_step(mailing: Mailing):
    answer = operator(mailing).call("mail.test", to="operator@example.com")
    assert (answer["accepted"], answer["senders"][0]["reply"]) == (True, "250 2.0.0 accepted")
    mailing.first.login = "535 5.7.8 no"
    answer = operator(mailing).call("mail.test", to="operator@example.com")
    mailing.first.login = ""
    [report] = answer["senders"]
    assert (report["accepted"], report["step"], report["cause"]) == (False, "login", "login")
    assert PASSWORD not in json.dumps(answer)


def test_a_new_device_is_mailed_in_the_language_of_its_request(mailing: Mailing):
    address, password = "ada@example.com", "engine1843"
    asked = mailing.ask(address)
    [mail] = wait(lambda: mailing.first.to(address))
    token = mailing.verify(asked, mail.code)
    home, abroad = ({"x-device-id": "home"}, {"x-device-id": "abroad", "accept-language": "fr"})
    body = {"verification_token": token, "password": password}
    answer = mailing.http.post("/auth/v1/signup", json=body, headers=home)
    assert answer.status_code == 200, answer.text
    for device in (home, abroad):
        body = {"username": address, "password": password}
        answer = mailing.http.post("/auth/v1/signin", json=body, headers=device)
        assert answer.status_code == 200, answer.text
    _, notice = wait(lambda: found if len(found := mailing.first.to(address)) == 2 else None)
    assert notice.message["subject"] == "Nouvelle connexion à Latchkey"
    # This address has a user, so the state is the true one.
    asked = mailing.ask(address)
    wait(lambda: mailing.delivery(asked) == "sent")
    assert mailing.http.get(f"/auth/v1/verification/{asked}").json()["delivery"] == "sent"


def sign_up(mailing: Mailing, address: str, password: str) -> str:
    """Create an account and return its id."""
    asked = mailing.ask(address)
    [mail] = wait(lambda: mailing.first.to(address))
    body = {"verification_token": mailing.verify(asked, mail.code), "password": password}
    answer = mailing.http.post("/auth/v1/signup", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["sub"])


def test_a_sixth_notice_a_day_is_left_out_and_told_of_the_next_day(mailing: Mailing):
    address, password = "beleaguered@example.com", "engine1843"
    sub, mark = sign_up(mailing, address, password), mailing.mark()

    def sign_in(device: int) -> None:
        body = {"username": address, "password": password}
        headers = {"x-device-id": f"{device:032x}"}
        answer = mailing.http.post("/auth/v1/signin", json=body, headers=headers)
        assert answer.status_code == 200, answer.text

    def dropped() -> bool:
        lines = [line for line in mailing.logged(mark) if "got enough" in line["message"]]
        return len(lines) == 3

    for device in range(8):
        sign_in(device)
    wait(dropped)
    wait(lambda: len(mailing.first.to(address)) >= 6)  # the code, and five notices
    assert len(mailing.first.to(address)) == 6
    mailing.client("dynamodb").update_item(
        TableName=mailing.name("Grants"),
        Key={"pk": {"S": f"NOTICES#{sub}"}, "sk": {"S": "new_device"}},
        UpdateExpression="ADD window_at :day",
        ExpressionAttributeValues={":day": {"N": "-86400"}},
    )
    sign_in(8)
    wait(lambda: len(mailing.first.to(address)) == 7)
    assert "that were not sent: 3" in mailing.first.to(address)[-1].text


def test_codes_go_out_at_once_while_a_hundred_notices_wait(mailing: Mailing):
    sqs, url = mailing.client("sqs"), mailing.name("NoticeQueue")

    def waiting() -> int:
        found = sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(found["Attributes"]["ApproximateNumberOfMessages"])

    for number in range(100):
        notice = {"kind": "account_deleted", "sub": f"gone{number}", "at": int(time.time())}
        body = {"notice": notice | {"address": f"slow-1-{number}@example.com"}}
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))
    wait(lambda: mailing.first.to("slow-1-0@example.com"))
    try:
        seconds = []
        for number in range(10):
            address = f"prompt{number}@example.com"
            mailing.ask(address)
            answered = time.time()
            [mail] = wait(partial(mailing.first.to, address))
            seconds.append(mail.at - answered)
        # Two containers have five each.
        assert waiting() > 0
        print(f"while notices wait: codes after {statistics.median(seconds) * 1000:.0f} ms")
        assert max(seconds) < 2
    finally:
        sqs.purge_queue(QueueUrl=url)


def test_200_codes_asked_for_while_the_server_is_down_all_arrive_once(mailing: Mailing):
    addresses = [f"outage{number}@example.com" for number in range(CODES)]
    mailing.first.down()
    began = time.monotonic()
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        asked = dict(zip(addresses, pool.map(mailing.ask, addresses), strict=True))
    took = time.monotonic() - began
    time.sleep(max(0, OUTAGE_SECONDS - took))
    mailing.first.up()
    back = time.monotonic()
    wait(
        lambda: (
            all(mailing.first.to(address) for address in addresses)
            or time.monotonic() - began > CODE_SECONDS
        ),
        CODE_SECONDS + 10,
    )
    print(
        f"{CODES} codes asked for in {took:.0f} s, all mailed {time.monotonic() - back:.0f} s "
        f"after the server was back"
    )
    arrived = 0
    for address, verification_id in asked.items():
        mails = mailing.first.to(address)
        if not mails:  # its code expired before the server was back
            assert mailing.decided(verification_id) == "failed"
            continue
        assert len(mails) == 1, address
        mailing.verify(verification_id, mails[0].code)
        arrived += 1
    assert arrived == CODES


def test_the_second_sender_takes_over_while_the_first_is_down(mailing: Mailing):
    mailing.deploy(
        FallbackTransport="smtp",
        FallbackSenderAddress="second@latchkey.test",
        FallbackSmtpHost="localhost",
        FallbackSmtpPort=str(mailing.second.port),
        FallbackSmtpSecurity="SSL",
        FallbackSmtpUser=USER,
        FallbackSmtpSecretArn=mailing.stack.store_secret("fallback-smtp", PASSWORD),
    )
    mailing.first.down()
    asked = mailing.ask("failover@example.com")
    [mail] = wait(lambda: mailing.second.to("failover@example.com"))
    assert mail.sender == "second@latchkey.test"
    mailing.verify(asked, mail.code)
    mailing.first.up()
    time.sleep(6)  # the first one is not tried again for 5 s
    mailing.ask("after@example.com")
    wait(lambda: mailing.first.to("after@example.com"))
    assert not mailing.second.to("after@example.com")


def test_what_no_mail_got_through_for_is_dropped_with_its_code(
    mailing: Mailing, doomed: dict[str, str]
):
    def dropped() -> bool:
        lines = [line for line in mailing.logged() if line.get("delivery") == "failed"]
        return set(doomed.values()) <= {line["verification_id"] for line in lines}

    wait(dropped, CODE_SECONDS)
    assert not any(mailing.first.to(address) for address in doomed)
    lines = [line for line in mailing.logged() if line["message"] == "mail not sent"]
    for verification_id in doomed.values():
        tries = [line for line in lines if line["verification_id"] == verification_id]
        assert len(tries) >= 4, "it was not tried again"
    queue = mailing.client("sqs").get_queue_attributes(
        QueueUrl=mailing.name("DeadMails"), AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert queue["Attributes"]["ApproximateNumberOfMessages"] == "0"


def test_nothing_confidential_is_logged(mailing: Mailing):
    logged = mailing.stack.functions_log.read_text()
    assert "example.com" not in logged
    assert PASSWORD not in logged


NO_SECRET = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:missing-a1B2c3"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"SmtpSecretArn": ""}, "SmtpSecretArn is missing"),
        ({"SmtpSecretArn": NO_SECRET}, "SmtpSecretArn: the password could not be read: Resource"),
        ({"SmtpSecretArn": "authorization-code"}, "SmtpSecretArn"),
        ({"SenderAddress": "nobody"}, "SenderAddress"),
        ({"AllowedOrigins": "example.com"}, "AllowedOrigins"),
    ],
)
def test_a_deployment_that_cannot_work_fails_and_says_why(
    mailing: Mailing, change: dict[str, str], problem: str
):
    with pytest.raises(StackError, match=problem):
        mailing.deploy(**change)


@pytest.fixture
def ses(mailing: Mailing) -> Mailing:
    """Deploy with SES. The recipient is an identity as well, as it must be in SES's sandbox."""
    mailing.deploy(MailTransport="ses")
    for identity in ("login@latchkey.test", "boss@latchkey.test", "ada@example.com"):
        mailing.client("sesv2").create_email_identity(EmailIdentity=identity)
    return mailing


def test_ses_sends_and_tells_what_became_of_it(ses: Mailing):
    address = "ada@example.com"
    asked = ses.ask(address)
    wait(lambda: ses.delivery(asked) == "sent")
    messages = httpx.get(f"{ses.stack.endpoint}/_ministack/ses/messages").text
    assert address in messages
    # Only SES may put SES's events onto the bus. So this tests the rule, and invokes the function.
    event = json.loads((ROOT / "events/mail_feedback.json").read_text())
    event["detail"]["mail"]["tags"]["id"] = [asked]
    event["detail"]["mail"]["tags"]["ses:configuration-set"] = [ses.name("MailEvents")]
    events = ses.client("events")
    rule = events.describe_rule(Name=ses.name("MailFeedbackSes"))
    matched = events.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(event))
    assert matched["Result"]
    answer = ses.client("lambda").invoke(
        FunctionName=ses.name("MailFeedback"), Payload=json.dumps(event)
    )
    assert "FunctionError" not in answer, answer
    assert ses.decided(asked, "sent") == "bounced"
    again = ses.ask(address)
    assert ses.decided(again) == "suppressed"


def test_no_mail_is_sent_by_ses_from_another_address(ses: Mailing):
    function = ses.client("lambda").get_function(FunctionName=ses.name("SendMail"))
    role = function["Configuration"]["Role"]
    session = ses.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    client = boto3.client(
        "sesv2",
        endpoint_url=ses.stack.endpoint,
        region_name=ACCESS["region_name"],
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )

    def send(sender: str) -> Any:
        return client.send_email(
            FromEmailAddress=sender,
            Destination={"ToAddresses": ["ada@example.com"]},
            Content={"Raw": {"Data": b"From: x\r\n\r\nhello"}},
        )

    assert send("login@latchkey.test")["MessageId"]
    with pytest.raises(client.exceptions.ClientError, match="is not authorized"):
        send("boss@latchkey.test")
