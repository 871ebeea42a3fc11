"""At most five notices of a kind a day, and the next one that is mailed says what was left out."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latchkey import ids
from latchkey.dynamodb import keys, store
from latchkey.mail import allowance, dispatch, language, queue, render, samples, send, transport
from tests.unit.conftest import NOW, Answer, Call, Clock, Meanwhile, Outbox

Server = Callable[[bool], None]
DAY = 86400
TOLD = "Earlier messages of this kind that were not sent: "


def notice(
    kind: queue.NoticeKind = "new_device", sub: str = "ada", at: int = NOW, **fields: str
) -> queue.Message:
    told = queue.Notice(kind, sub, at, address=f"{sub}@example.com", **fields)
    return queue.Message(notice=told)


def mail(message: queue.Message, now: int) -> int:
    return dispatch.dispatch(message, now=now)


@pytest.fixture
def server(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Return a function that lets the mail server fail, or accept."""
    state = {"up": True}

    def take(rendered: render.RenderedMail) -> None:
        if not state["up"]:
            raise transport.TryLater("connection", "connection")
        outbox.mails.append(rendered)

    monkeypatch.setattr(send, "send", take)
    return lambda up: state.update(up=up)


def told(outbox: Outbox) -> list[int]:
    """Return how many left-out notices each mail tells of."""
    return [
        int(next((line for line in m.text.splitlines() if TOLD in line), TOLD + "0")[len(TOLD) :])
        for m in outbox.mails
    ]


def test_a_sixth_notice_of_a_kind_is_left_out_and_told_of_the_next_day(outbox: Outbox, now: Clock):
    for _ in range(8):
        assert mail(notice(), NOW) == 0
    assert told(outbox) == [0] * 5
    for _ in range(2):
        mail(notice(at=NOW + DAY), NOW + DAY)
    assert told(outbox) == [0] * 5 + [3, 0]


@pytest.mark.parametrize(("seconds", "mails"), [(DAY - 1, 5), (DAY, 6)])
def test_a_day_begins_with_its_first_notice(outbox: Outbox, seconds: int, mails: int):
    mail(notice(), NOW)
    for _ in range(4):
        mail(notice(at=NOW + 3600), NOW + 3600)
    mail(notice(at=NOW + seconds), NOW + seconds)
    assert len(outbox.mails) == mails


def test_other_kinds_and_other_users_are_not_left_out(outbox: Outbox):
    for _ in range(6):
        mail(notice(), NOW)
    mail(notice("token_theft"), NOW)
    mail(notice(sub="bob"), NOW)
    assert [(m.kind, m.to) for m in outbox.mails[5:]] == [
        ("token_theft", "ada@example.com"),
        ("new_device", "bob@example.com"),
    ]


@pytest.mark.parametrize("kind", render.NOTICE_KINDS)
def test_every_kind_is_counted(outbox: Outbox, kind: queue.NoticeKind):
    for _ in range(6):
        mail(notice(kind), NOW)
    assert len(outbox.mails) == 5


def test_a_notice_that_comes_again_is_neither_mailed_nor_counted_again(outbox: Outbox):
    mailed = [notice() for _ in range(5)]
    left_out = notice()
    for message in (*mailed, left_out, *mailed, left_out):
        mail(message, NOW)
    assert len(outbox.mails) == 5
    mail(notice(at=NOW + DAY), NOW + DAY)
    assert told(outbox)[5:] == [1]


def test_a_notice_whose_sending_failed_is_not_counted_again(outbox: Outbox, server: Server):
    first = notice()
    server(False)
    for _ in range(10):
        assert mail(first, NOW) > 0
    server(True)
    for message in (first, *(notice() for _ in range(5))):
        mail(message, NOW)
    assert len(outbox.mails) == 5


def test_what_was_left_out_is_told_until_a_mail_was_sent(outbox: Outbox, server: Server):
    for _ in range(7):
        mail(notice(), NOW)
    failing = notice(at=NOW + DAY)
    for up in (False, True):
        server(up)
        mail(failing, NOW + DAY)
    assert told(outbox)[5:] == [2]


@pytest.mark.parametrize("tries", [0, 1])
def test_a_notice_that_came_too_late_is_told_of(outbox: Outbox, server: Server, tries: int):
    late, end = notice(), NOW + queue.NOTICE_SECONDS
    server(False)
    for _ in range(tries):
        assert mail(late, NOW) > 0
    server(True)
    for _ in range(2):
        assert mail(late, end) == 0
    [tally] = store.get(keys.notices("ada", "new_device"))
    assert tally
    assert tally["expires_at"] == end + 90 * DAY
    mail(notice(at=end), end)
    assert told(outbox) == [1]


def test_a_mailed_notice_that_comes_too_late_again_is_not_left_out(outbox: Outbox):
    late, end = notice(), NOW + queue.NOTICE_SECONDS
    mail(late, NOW)
    mail(late, end)
    mail(notice(at=end), end)
    assert told(outbox) == [0, 0]


def test_two_mailers_at_once_mail_no_sixth(outbox: Outbox, meanwhile: Meanwhile):
    for _ in range(4):
        mail(notice(), NOW)
    meanwhile(lambda: mail(notice(), NOW))
    mail(notice(), NOW)
    assert len(outbox.mails) == 5
    mail(notice(at=NOW + DAY), NOW + DAY)
    assert told(outbox)[5:] == [1]


def test_two_mailers_at_once_count_one_notice_once(outbox: Outbox, meanwhile: Meanwhile):
    twice = notice()
    meanwhile(lambda: allowance.admit(told_of(twice), now=NOW))
    assert allowance.admit(told_of(twice), now=NOW) == 0
    for _ in range(5):
        mail(notice(), NOW)
    assert len(outbox.mails) == 4


def told_of(message: queue.Message) -> queue.Notice:
    assert message.notice is not None
    return message.notice


def test_two_mails_that_tell_the_same_leave_nothing_and_owe_nothing(outbox: Outbox):
    for _ in range(8):
        mail(notice(), NOW)
    both = [told_of(notice(at=NOW + DAY)) for _ in range(2)]
    counts = [allowance.admit(one, now=NOW + DAY) for one in both]
    assert counts == [3, 3]
    for one in both:
        allowance.note_sent(one, told=3)
    for _ in range(5):
        mail(notice(at=NOW + DAY), NOW + DAY)
    mail(notice(at=NOW + 2 * DAY), NOW + 2 * DAY)
    assert told(outbox)[5:] == [0, 0, 0, 2]


def test_what_is_left_out_while_a_mail_tells_of_others_is_told_of_later(
    outbox: Outbox, meanwhile: Meanwhile
):
    for _ in range(8):
        mail(notice(), NOW)
    first, *_ = today = [told_of(notice(at=NOW + DAY)) for _ in range(5)]
    assert [allowance.admit(one, now=NOW + DAY) for one in today] == [3] * 5
    meanwhile(lambda: allowance.note_sent(first, told=3))
    assert allowance.admit(told_of(notice(at=NOW + DAY)), now=NOW + DAY) is None
    mail(notice(at=NOW + 2 * DAY), NOW + 2 * DAY)
    assert told(outbox)[5:] == [1]


def test_a_sign_in_s_notice_has_an_id_that_the_queue_repeats(
    call: Call, outbox: Outbox, ada: Answer, monkeypatch: pytest.MonkeyPatch
):
    seen: list[queue.Message] = []
    enqueue = queue.enqueue

    def note(message: queue.Message) -> None:
        seen.append(message)
        enqueue(message)

    monkeypatch.setattr(queue, "enqueue", note)
    password = {"username": "ada@example.com", "password": "engine1843"}
    for number in range(7):
        call("sign_in", password, headers={"x-device-id": f"{number:032x}"})
    assert len({told_of(message).id for message in seen}) == 7
    outbox.mails.clear()
    outbox.deliver()
    for message in seen:  # the same messages once more
        mail(message, NOW)
    assert [m.kind for m in outbox.mails] == ["new_device"] * 5


@pytest.mark.parametrize("chosen", language.LANGUAGES)
def test_the_mail_says_in_every_language_how_many_were_left_out(chosen: str):
    plain = samples.render_sample("new_device", chosen)
    telling = samples.render_sample("new_device", chosen, left_out=4711)
    assert "4711" not in plain.text + plain.html
    [line] = set(telling.text.splitlines()) - set(plain.text.splitlines())
    assert "4711" in line
    assert line.replace("'", "&#39;") in telling.html


STEP = st.sampled_from(["new", "again", "hour", "day", "down", "up"])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEP, max_size=40), data=st.data())
def test_no_order_of_deliveries_mails_too_many_or_loses_count(
    outbox: Outbox, server: Server, steps: list[str], data: st.DataObject
):
    """Whatever is delivered in whatever order: every notice is mailed at most once, at most five in
    a day, and all others that are done have been told of, or will be by the next mail.
    """
    sub, now, sent_at = ids.new_id(), NOW, list[int]()
    known: list[queue.Message] = []
    done: set[str] = set()
    outbox.mails.clear()
    server(True)

    def deliver(message: queue.Message) -> None:
        before = len(outbox.mails)
        if mail(message, now) == 0:
            done.add(told_of(message).id)
        sent_at.extend([now] * (len(outbox.mails) - before))

    for step in steps:
        now += {"hour": 3600, "day": DAY}.get(step, 0)
        if step in ("up", "down"):
            server(step == "up")
        if step == "new":
            known.append(notice(sub=sub, at=now))
            deliver(known[-1])
        if step == "again" and known:
            deliver(data.draw(st.sampled_from(known)))
    server(True)
    now += 2 * DAY
    for message in known:  # what still waited is too late now
        deliver(message)
    known.append(notice(sub=sub, at=now))
    deliver(known[-1])

    assert len(done) == len(known)
    assert len(outbox.mails) + sum(told(outbox)) == len(known)
    windows: list[list[int]] = []
    for at in sent_at:
        if not windows or at - windows[-1][0] >= DAY:
            windows.append([])
        windows[-1].append(at)
    assert all(len(window) <= allowance.MOST_PER_DAY for window in windows)
