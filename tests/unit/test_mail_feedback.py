import json
from typing import Any

import pytest

from latchkey.keys import keyring, rotation
from latchkey.mail import delivery
from tests.unit.conftest import CONTEXT, NOW, ROOT, Answer, Call, Clock, handler

ADA = "ada@example.com"


@pytest.fixture
def sent(call: Call, ada: Answer, now: Clock) -> str:
    now.time += 60
    verification_id = str(call("send_code")["verification_id"])
    delivery.record(verification_id, "sent")
    return verification_id


def feedback(verification_id: str, kind: str, **details: Any) -> None:
    event = json.loads((ROOT / "events/mail_feedback.json").read_text())
    mail = event["detail"]["mail"]
    mail["tags"]["id"] = [verification_id] if verification_id else []
    event["detail"] = {"eventType": kind, "mail": mail, **details}
    handler("mail_feedback")(event, CONTEXT)


def bounce(kind: str, address: str = ADA) -> dict[str, Any]:
    return {"bounceType": kind, "bouncedRecipients": [{"emailAddress": address}]}


def state(call: Call, verification_id: str) -> str:
    answer = call("get_verification", path=f"/auth/v1/verification/{verification_id}")
    return str(answer["delivery"])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("mail_feedback", "bounced"),
        ("mail_feedback.complaint", "complained"),
        ("mail_feedback.delivery", None),
    ],
)
def test_the_fixtures_are_a_bounce_a_complaint_and_a_delivery(
    now: Clock, name: str, reason: str | None
):
    handler("mail_feedback")(json.loads((ROOT / f"events/{name}.json").read_text()), CONTEXT)
    found = delivery.suppressed(ADA, now=now.time)
    assert (found.reason if found else None) == reason


def test_a_delivery_is_delivered(call: Call, sent: str):
    feedback(sent, "Delivery")
    assert state(call, sent) == "delivered"


@pytest.mark.parametrize(
    ("kind", "suppressed"), [("Permanent", True), ("Transient", False), ("Undetermined", False)]
)
def test_only_a_hard_bounce_keeps_the_address_from_mails(
    call: Call, sent: str, now: Clock, kind: str, suppressed: bool
):
    feedback(sent, "Bounce", bounce=bounce(kind))
    assert state(call, sent) == "bounced"
    assert bool(delivery.suppressed(ADA, now=now.time)) == suppressed


def test_a_complaint_keeps_the_address_from_mails(call: Call, sent: str, now: Clock):
    recipients = [{"emailAddress": "Ada <Ada@Example.com>"}]
    feedback(sent, "Complaint", complaint={"complainedRecipients": recipients})
    assert state(call, sent) == "complained"
    found = delivery.suppressed(ADA, now=now.time)
    assert found is not None
    assert found.reason == "complained"


def test_a_rejected_mail_has_failed(call: Call, sent: str):
    feedback(sent, "Reject", reject={"reason": "Bad content"})
    assert state(call, sent) == "failed"


def test_a_delay_decides_nothing(call: Call, sent: str):
    feedback(sent, "DeliveryDelay", deliveryDelay={"delayType": "MailboxFull"})
    assert state(call, sent) == "sent"


def test_an_event_that_comes_twice_counts_once(
    call: Call, sent: str, capsys: pytest.CaptureFixture[str]
):
    for _ in range(2):
        feedback(sent, "Bounce", bounce=bounce("Permanent"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    counted = [line for line in lines if line.get("delivery") == "bounced"]
    assert len(counted) == 1
    assert ADA not in json.dumps(lines)


def test_a_bounced_notice_suppresses_too(now: Clock):
    feedback("", "Bounce", bounce=bounce("Permanent"))
    assert delivery.suppressed(ADA, now=now.time)


def test_a_suppression_outlives_the_change_of_keys(now: Clock):
    delivery.suppress(ADA, "bounced", now=NOW + 90 * 86400)
    assert rotation.rotate("", now=NOW + 90 * 86400)
    keyring.forget()
    now.time = NOW + 92 * 86400
    assert delivery.suppressed(ADA, now=now.time)
