"""The mailer's side of the queue: what is sent, when again, and when never."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from functions.send_mail import app
from latchkey.dynamodb import keys, store
from latchkey.mail import delivery, queue, render, samples, send, transport
from tests.unit import recorder
from tests.unit.conftest import CONTEXT, Answer, Call, Clock, Outbox, SignIn, handler

Refuse = Callable[[transport.NotSent], list[render.RenderedMail]]


def records(*orders: object, tries: int = 1) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": str(number),
                "receiptHandle": str(number),
                "attributes": {"ApproximateReceiveCount": str(tries)},
                "eventSourceARN": "arn:aws:sqs:eu-central-1:1:MailQueue",
                "body": json.dumps(order),
            }
            for number, order in enumerate(orders)
        ]
    }


def order(call: Call, address: str = "ada@example.com") -> dict[str, str]:
    sent = call("send_code", {"email": address})
    return {"verification_id": sent["verification_id"], "language": "en"}


def again(event: dict[str, Any]) -> list[str]:
    failures = handler("send_mail")(event, CONTEXT)["batchItemFailures"]
    return [failure["itemIdentifier"] for failure in failures]


def state_of(order: dict[str, str]) -> str:
    [item] = store.get(keys.verification(order["verification_id"]))
    assert item is not None
    return str(item["delivery"])


@pytest.fixture
def refuse(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Return a function that lets the sender fail from now on, and returns what it was given."""

    def use(fault: transport.NotSent) -> list[render.RenderedMail]:
        tried: list[render.RenderedMail] = []

        def fail(letter: render.RenderedMail) -> None:
            tried.append(letter)
            raise fault

        monkeypatch.setattr(send, "send", fail)
        return tried

    return use


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the seconds that messages were postponed by."""
    made: list[int] = []
    monkeypatch.setattr(queue, "postpone", lambda *_, seconds: made.append(seconds))
    return made


LATER = transport.TryLater("connection", "connection")
OURS = transport.WrongSender("login", "login")
NO_MAILBOX = transport.Undeliverable("recipient", "no-mailbox", no_mailbox=True)
REFUSED = transport.Undeliverable("message", "message-refused")


def test_a_message_that_comes_twice_mails_once(call: Call, outbox: Outbox):
    event = records(order(call))
    assert again(event) == again(event) == []
    assert len(outbox.mails) == 1


@pytest.mark.parametrize(("seconds", "mails"), [(599, 1), (600, 0)])
def test_a_dead_code_is_not_mailed(
    call: Call, outbox: Outbox, now: Clock, seconds: int, mails: int
):
    asked = order(call)
    now.time += seconds
    assert again(records(asked)) == []
    assert len(outbox.mails) == mails
    assert state_of(asked) == ("sent" if mails else "failed")


def test_an_unknown_verification_is_dropped(outbox: Outbox):
    assert again(records({"verification_id": "gone", "language": "en"})) == []


def test_a_bad_message_delays_no_neighbour(call: Call, outbox: Outbox, pauses: list[int]):
    assert again(records({"notice": 1}, order(call), "text")) == ["0", "2"]
    assert len(outbox.mails) == 1
    assert pauses == [60, 60]


def test_what_has_failed_before_comes_after_its_neighbours(call: Call, outbox: Outbox):
    fresh = records(order(call, "bob@example.com"))["Records"]
    old = records(order(call), tries=3)["Records"]
    assert again({"Records": old + fresh}) == []
    assert [letter.to for letter in outbox.mails] == ["bob@example.com", "ada@example.com"]


def test_what_a_slow_batch_has_no_time_for_goes_elsewhere_at_once(
    call: Call, outbox: Outbox, pauses: list[int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app, "BATCH_SECONDS", -1)
    assert again(records(order(call))) == ["0"]
    assert pauses == [0]
    assert outbox.mails == []


@pytest.mark.parametrize("fault", [LATER, OURS])
def test_a_mail_that_was_not_accepted_comes_again_with_the_same_code(
    call: Call,
    outbox: Outbox,
    refuse: Refuse,
    pauses: list[int],
    fault: transport.NotSent,
    monkeypatch: pytest.MonkeyPatch,
):
    asked = order(call)
    tried = refuse(fault)
    assert again(records(asked)) == ["0"]
    assert state_of(asked) == "queued"
    monkeypatch.setattr(send, "send", outbox.mails.append)
    assert again(records(asked)) == []
    assert outbox.mails == tried
    assert state_of(asked) == "sent"


def test_pauses_double_and_end_with_the_code(
    call: Call, refuse: Refuse, pauses: list[int], now: Clock
):
    asked, began = order(call), now.time
    tried = refuse(LATER)
    tries = 0
    while again(records(asked, tries=(tries := tries + 1))):
        now.time += pauses[-1]
    assert pauses[:6] == [5, 10, 20, 40, 80, 160]
    assert tries == len(pauses) + 1 < 20
    assert 560 <= now.time - began < 600
    assert state_of(asked) == "failed"
    assert {letter.subject for letter in tried} == {tried[0].subject.replace("0", "0")}


def test_each_queue_itself_holds_a_postponed_message_back(
    call: Call, outbox: Outbox, ada: Answer, sign_in: SignIn, refuse: Refuse, now: Clock
):
    now.time += 60
    order(call)
    sign_in()
    refuse(LATER)
    assert len(outbox.deliver()) == 2
    assert outbox.deliver() == []
    postponed = {
        n for n in recorder.needed["SendMail"] if n.action == "sqs:ChangeMessageVisibility"
    }
    assert {need.resource for need in postponed} == {"MailQueue", "NoticeQueue"}
    for url in (outbox.codes, outbox.notices):
        attributes = boto3.client("sqs").get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
        )["Attributes"]
        assert attributes["ApproximateNumberOfMessagesNotVisible"] == "1"


@pytest.mark.parametrize(
    ("fault", "state", "suppressed"),
    [(NO_MAILBOX, "bounced", True), (REFUSED, "failed", False)],
)
def test_what_is_final_is_not_tried_again(
    call: Call,
    refuse: Refuse,
    now: Clock,
    fault: transport.NotSent,
    state: str,
    suppressed: bool,
):
    asked = order(call)
    tried = refuse(fault)
    assert again(records(asked)) == again(records(asked)) == []
    assert len(tried) == 1
    assert state_of(asked) == state
    assert bool(delivery.suppressed("ada@example.com", now=now.time)) == suppressed


@pytest.mark.parametrize(("seconds", "mails"), [(14 * 86400 - 1, 0), (14 * 86400, 1)])
def test_an_address_that_bounced_is_left_alone_for_a_time(
    call: Call, outbox: Outbox, now: Clock, seconds: int, mails: int
):
    delivery.suppress("ada@example.com", "bounced", now=now.time)
    now.time += seconds
    asked = order(call)
    assert again(records(asked)) == []
    assert len(outbox.mails) == mails
    assert state_of(asked) == ("sent" if mails else "suppressed")


def notice(kind: str, sub: str, at: int, **fields: str) -> dict[str, Any]:
    return {"language": "en", "notice": {"kind": kind, "sub": sub, "at": at, **fields}}


def test_a_notice_goes_to_the_address_of_now(call: Call, outbox: Outbox, ada: Answer, now: Clock):
    outbox.mails.clear()
    assert again(records(notice("new_device", ada["sub"], now.time))) == []
    [letter] = outbox.mails
    assert (letter.to, letter.kind) == ("ada@example.com", "new_device")


def test_a_notice_of_a_changed_address_goes_to_the_old_one(outbox: Outbox, now: Clock):
    order = notice("address_changed", "gone", now.time, address="old@example.com")
    assert again(records(order)) == []
    assert [letter.to for letter in outbox.mails] == ["old@example.com"]


def test_a_notice_speaks_the_language_of_the_user(
    call: Call, outbox: Outbox, prove: Callable[..., str], now: Clock
):
    user = call("sign_up", {"verification_token": prove(), "locale": "de-AT"})
    again(records(notice("password_changed", user["sub"], now.time)))
    assert outbox.mails[-1].subject == "Ihr Passwort bei Latchkey wurde geändert"


@pytest.mark.parametrize(("seconds", "mails"), [(4 * 3600 - 1, 1), (4 * 3600, 0)])
def test_a_notice_is_not_mailed_too_late(outbox: Outbox, now: Clock, seconds: int, mails: int):
    order = notice("account_deleted", "gone", now.time, address="ada@example.com")
    now.time += seconds
    assert again(records(order)) == []
    assert len(outbox.mails) == mails


def test_no_log_line_holds_the_address_or_the_code(
    call: Call, outbox: Outbox, capsys: pytest.CaptureFixture[str]
):
    handler("send_mail")(records(order(call)), CONTEXT)
    [letter] = outbox.mails
    logged = capsys.readouterr().out
    assert letter.to not in logged
    assert letter.subject.split()[0] not in logged
    line = json.loads(logged.splitlines()[-1])
    assert (line["message"], line["delivery"], line["seconds"]) == ("mail", "sent", 0)


def test_the_words_that_metrics_go_by_are_the_template_s(
    configure: Callable[..., None], capsys: pytest.CaptureFixture[str]
):
    configure(mail_transport="smtp", smtp_host="")
    with pytest.raises(transport.WrongSender):
        send.send(samples.render_sample("sign_in", "en"))
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["message"], line["blame"]) == ("mail not sent", "sender")
    assert line["cause"] == "configuration"
