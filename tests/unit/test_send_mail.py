import json
from typing import get_args

import pytest

from latchkey import letters, mail, postman
from tests.unit.conftest import Call, Clock, Outbox, handler


def records(*orders: object) -> dict[str, object]:
    return {"Records": [{"messageId": str(i), "body": json.dumps(o)} for i, o in enumerate(orders)]}


def order(call: Call, address: str = "ada@example.com") -> dict[str, str]:
    sent = call("send_code", {"email": address})
    return {"verification_id": sent["verification_id"], "language": "en"}


def again(event: dict[str, object]) -> list[str]:
    failures = handler("send_mail")(event, None)["batchItemFailures"]
    return [failure["itemIdentifier"] for failure in failures]


def test_a_message_that_comes_twice_mails_once(call: Call, outbox: Outbox):
    event = records(order(call))
    assert again(event) == again(event) == []
    assert len(outbox.letters) == 1


@pytest.mark.parametrize(("seconds", "mails"), [(599, 1), (600, 0)])
def test_a_dead_code_is_not_mailed(
    call: Call, outbox: Outbox, now: Clock, seconds: int, mails: int
):
    event = records(order(call))
    now.time += seconds
    assert again(event) == []
    assert len(outbox.letters) == mails


def test_an_unknown_verification_is_dropped(outbox: Outbox):
    assert again(records({"verification_id": "gone", "language": "en"})) == []


def test_a_bad_message_delays_no_neighbour(call: Call, outbox: Outbox):
    assert again(records({"nonsense": 1}, order(call), "text")) == ["0", "2"]
    assert len(outbox.letters) == 1


def test_a_mail_that_was_not_accepted_comes_again_with_the_same_code(
    call: Call, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
):
    tried: list[letters.Letter] = []

    def busy(letter: letters.Letter) -> None:
        tried.append(letter)
        raise postman.TryLater("451")

    event = records(order(call))
    with monkeypatch.context() as broken:
        broken.setattr(postman, "send", busy)
        assert again(event) == ["0"]
    assert again(event) == []
    assert outbox.letters == tried


def test_a_mailbox_that_is_none_is_not_tried_again(
    call: Call, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
):
    def refuse(_: letters.Letter) -> None:
        raise postman.Undeliverable("550")

    event = records(order(call))
    with monkeypatch.context() as broken:
        broken.setattr(postman, "send", refuse)
        assert again(event) == []
    assert again(event) == []
    assert outbox.letters == []


def test_no_log_line_holds_the_address_or_the_code(
    call: Call, outbox: Outbox, capsys: pytest.CaptureFixture[str]
):
    handler("send_mail")(records(order(call)), None)
    [letter] = outbox.letters
    logged = capsys.readouterr().out
    assert letter.to not in logged
    assert letter.subject.split()[0] not in logged


@pytest.mark.parametrize("kind", get_args(mail.NoticeKind))
@pytest.mark.parametrize("language", mail.LANGUAGES)
def test_a_notice_is_told_in_the_readers_language(outbox: Outbox, kind: str, language: str):
    notice = {"kind": kind, "address": "ada@example.com", "language": language}
    assert again(records(notice)) == []
    [letter] = outbox.letters
    assert letter.to == "ada@example.com"
    assert "Latchkey" in letter.subject
    assert "Latchkey" in letter.text
    assert ("您" in letter.html) is (language == "zh-CN")


def test_a_notice_that_was_not_accepted_comes_again(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
):
    def busy(_: letters.Letter) -> None:
        raise postman.TryLater("421")

    monkeypatch.setattr(postman, "send", busy)
    notice = {"kind": "email_changed", "address": "ada@example.com", "language": "en"}
    assert again(records(notice)) == ["0"]


def test_a_notice_to_a_mailbox_that_is_none_is_dropped(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
):
    def refuse(_: letters.Letter) -> None:
        raise postman.Undeliverable("550")

    monkeypatch.setattr(postman, "send", refuse)
    notice = {"kind": "email_changed", "address": "ada@example.com", "language": "en"}
    assert again(records(notice)) == []


def test_a_notice_of_another_kind_is_kept_for_somebody_to_look_at(outbox: Outbox):
    notice = {"kind": "nonsense", "address": "ada@example.com", "language": "en"}
    assert again(records(notice)) == ["0"]
