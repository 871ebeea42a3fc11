"""What a user is told of unasked: sign-ins from new devices, and the theft of a token."""

from collections.abc import Callable

import boto3
import pytest

from latchkey.caller import Caller
from latchkey.limits import budget
from latchkey.mail import notices, queue
from latchkey.sessions import refresh
from latchkey.users import user
from tests.unit.conftest import Answer, Call, Clock, Outbox

PASSWORD = {"username": "ada@example.com", "password": "engine1843"}
OTHER = {"x-device-id": "another-device", "user-agent": "Firefox/140.0 (Windows NT 10.0)"}


def notice_kinds(outbox: Outbox) -> list[str]:
    outbox.deliver()
    return [letter.kind for letter in outbox.mails if letter.kind not in CODES]


CODES = ("sign_up", "sign_in", "confirm")


def test_signing_up_and_in_again_on_one_device_mails_nothing(
    call: Call, outbox: Outbox, ada: Answer
):
    call("sign_in", PASSWORD)
    assert notice_kinds(outbox) == []


def test_a_new_device_is_mailed_once(call: Call, outbox: Outbox, ada: Answer):
    for _ in range(2):
        call("sign_in", PASSWORD, headers=OTHER, source="198.51.100.7")
    assert notice_kinds(outbox) == ["new_device"]
    text = outbox.mails[-1].text
    assert all(fact in text for fact in ("2026-11-22 12:00 UTC", "Firefox, Windows"))
    assert "198.51.100.7" in text


def test_a_new_device_that_signs_in_by_code_is_mailed(
    call: Call, outbox: Outbox, ada: Answer, prove: Callable[..., str], now: Clock
):
    now.time += 60
    body = {"verification_token": prove()}
    call("sign_in", body, headers=OTHER)
    assert notice_kinds(outbox) == ["new_device"]


def test_a_device_that_does_not_say_its_id_is_new_once(call: Call, outbox: Outbox, ada: Answer):
    for _ in range(2):
        call("sign_in", PASSWORD, headers={"x-device-id": ""})
    assert notice_kinds(outbox) == ["new_device"]


@pytest.mark.parametrize(("seconds", "mails"), [(-1, 0), (0, 1)])
def test_a_device_is_forgotten_in_the_end(
    call: Call, outbox: Outbox, ada: Answer, now: Clock, seconds: int, mails: int
):
    now.time += budget.DEVICE_SECONDS + seconds
    call("sign_in", PASSWORD)
    assert len(notice_kinds(outbox)) == mails


def test_a_wrong_password_mails_nothing(call: Call, outbox: Outbox, ada: Answer):
    call("sign_in", PASSWORD | {"password": "wrong1234"}, headers=OTHER)
    assert notice_kinds(outbox) == []


def test_the_theft_of_a_refresh_token_is_mailed(
    call: Call, outbox: Outbox, ada: Answer, now: Clock
):
    body = {"grant_type": "refresh_token", "refresh_token": ada["refresh_token"]}
    call("grant_token", body)
    assert notice_kinds(outbox) == []
    now.time += refresh.GRACE_SECONDS + 1
    assert call("grant_token", body)["error"] == "invalid_grant"
    assert notice_kinds(outbox) == ["token_theft"]


def waiting(url: str) -> int:
    attributes = boto3.client("sqs").get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(attributes["Attributes"]["ApproximateNumberOfMessages"])


def test_codes_and_notices_wait_in_queues_of_their_own(
    call: Call, outbox: Outbox, ada: Answer, now: Clock
):
    outbox.deliver()
    now.time += 60
    call("sign_in", PASSWORD, headers=OTHER)
    assert (waiting(outbox.codes), waiting(outbox.notices)) == (0, 1)
    call("send_code")
    assert (waiting(outbox.codes), waiting(outbox.notices)) == (1, 1)


def test_a_sign_in_is_not_undone_by_a_queue_that_refuses(
    call: Call, outbox: Outbox, ada: Answer, configure: Callable[..., None]
):
    configure(notice_queue_url=outbox.notices + "-none")
    assert call("sign_in", PASSWORD, headers=OTHER).status == 200


@pytest.mark.parametrize("kind", ["password_changed", "address_changed", "account_deleted"])
def test_a_notice_goes_to_the_address_that_an_account_had(
    outbox: Outbox, now: Clock, kind: queue.NoticeKind
):
    caller = Caller("r", "", b"", "d", False, "203.0.113.7", "curl/8", "es", "", {}, "/")
    former = user.new("old@example.com", now=now.time)
    notices.notify(kind, "some-sub", caller, now=now.time, former=former)
    assert notice_kinds(outbox) == [kind]
    assert (outbox.mails[0].to, outbox.mails[0].language) == ("old@example.com", "es")
