"""The ceiling of mails for the deployment: 30 % are kept for known devices and live sessions."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from latchkey import aws, errors
from latchkey.dynamodb import keys, store, writes
from latchkey.limits import ceiling
from latchkey.mail import dispatch, queue, send, transport
from tests.unit.conftest import NOW, Answer, Call, Clock, Outbox

HOUR, DAY = 3600, 86400
ELSEWHERE = {"x-device-id": "f" * 32}
FULL = (429, "resource_exhausted", 8)


@pytest.fixture(autouse=True)
def ten(configure: Callable[..., None]) -> None:
    """Let the ceiling be ten mails: seven for strangers and notices."""
    configure(mails_per_day=10)


def mailed(mails: int, *, now: int = NOW) -> None:
    """Let so many mails have been sent."""
    for _ in range(mails):
        assert ceiling.count(known=True, now=now)


def item() -> dict[str, Any]:
    [found] = store.get(keys.MAILS)
    return found or {}


def refusal(answer: Answer) -> tuple[int, str, int]:
    return answer.status, answer["error"], answer["error_code"]


def ask(call: Call, now: Clock, **how: Any) -> Answer:
    """Ask for a code for Ada, once what the container knows is old, and the cool-down is over."""
    now.time += 60
    return call("send_code", {"email": "ada@example.com"}, **how)


@pytest.mark.parametrize(("mails", "status"), [(6, 200), (7, 429)])
def test_strangers_get_codes_up_to_seventy_percent(
    call: Call, ada: Answer, now: Clock, mails: int, status: int
):
    mailed(mails - 1)  # and one was mailed to Ada when she signed up
    assert ask(call, now, headers=ELSEWHERE).status == status


@pytest.mark.parametrize(("mails", "allowed"), [(69, True), (70, False)])
def test_the_part_of_strangers_is_exact(configure: Callable[..., None], mails: int, allowed: bool):
    configure(mails_per_day=100)
    hour = {f"h{NOW // HOUR}": mails}
    store.write(writes.Update(keys.MAILS, adds={"total": mails, **hour}))
    assert ceiling.count(known=False, now=NOW) is allowed


@pytest.mark.parametrize(("mails", "status"), [(9, 200), (10, 429)])
@pytest.mark.parametrize("by", ["device", "session"])
def test_known_devices_and_sessions_get_codes_up_to_the_ceiling(
    call: Call, ada: Answer, now: Clock, mails: int, status: int, by: str
):
    mailed(mails - 1)
    how = {"headers": ELSEWHERE, "bearer": ada["access_token"]} if by == "session" else {}
    answer = ask(call, now, **how)
    assert answer.status == status
    if status == 429:
        assert refusal(answer) == FULL


def test_a_session_asks_as_a_stranger_for_another_address(call: Call, ada: Answer, now: Clock):
    mailed(6)
    now.time += 60
    answer = call("send_code", {"email": "bob@example.com"}, bearer=ada["access_token"])
    assert refusal(answer) == FULL


@pytest.mark.parametrize(("first", "second", "from_second"), [(6, 1, False), (1, 7, True)])
def test_the_answer_says_when_there_is_room_again(
    call: Call, now: Clock, first: int, second: int, from_second: bool
):
    mailed(first, now=NOW)
    mailed(second, now=NOW + 2 * HOUR)
    now.time += 2 * HOUR + 60
    answer = call("send_code")
    assert refusal(answer) == FULL
    assert answer["retry_after"] == int(answer.headers["retry-after"])
    now.time += answer["retry_after"] - 1
    assert call("send_code").status == 429
    now.time += 1
    assert call("send_code").status == 200
    # What the sender counts is over then, too.
    assert now.time >= NOW + DAY + (2 * HOUR if from_second else 0)


def test_a_repeated_request_is_answered_although_the_ceiling_is_reached(
    call: Call, outbox: Outbox, now: Clock
):
    headers = {"x-request-id": "c" * 32}
    first = call("send_code", headers=headers)
    mailed(7)
    now.time += 60
    assert call("send_code", headers=headers)["verification_id"] == first["verification_id"]


@pytest.mark.parametrize(("seconds", "status"), [(29, 200), (30, 429)])
def test_a_container_looks_again_after_half_a_minute(
    call: Call, now: Clock, seconds: int, status: int
):
    call("send_code", {"email": "bob@example.com"})
    mailed(7)
    now.time += seconds
    assert call("send_code").status == status


def test_a_container_whose_clock_was_set_back_looks_again():
    ceiling.learn({keys.MAILS: None}, now=NOW)
    assert ceiling.keys_to_read(now=NOW) == []
    assert ceiling.keys_to_read(now=NOW - 1) == [keys.MAILS]


def test_looking_takes_no_call_of_its_own(call: Call, now: Clock):
    made: list[str] = []
    call("send_code")
    events = aws.dynamodb().meta.events

    def note(model: Any, **_: object) -> None:
        made.append(model.name)

    events.register("before-call", note)
    try:
        for _ in range(3):
            now.time += 60
            call("send_code")
    finally:
        events.unregister("before-call", note)
    assert made == ["BatchGetItem", "TransactWriteItems"] * 3


def test_the_mailer_drops_a_stranger_s_code_beyond_the_ceiling_and_says_so(
    call: Call, outbox: Outbox, capsys: pytest.CaptureFixture[str]
):
    asked = call("send_code")
    mailed(7)
    assert outbox.deliver() == []
    assert outbox.mails == []
    path = f"/auth/v1/verification/{asked['verification_id']}"
    assert call("get_verification", path=path)["delivery"] == "failed"
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [line] = [line for line in lines if line.get("message") == "mail not sent"]
    assert (line["cause"], line["blame"]) == ("ceiling", "moment")


def test_the_mailer_sends_a_known_device_s_code_from_what_is_kept(
    call: Call, outbox: Outbox, ada: Answer, now: Clock
):
    ask(call, now)
    ask(call, now, headers=ELSEWHERE)
    mailed(7 - 1)
    outbox.mails.clear()
    outbox.deliver()
    assert len(outbox.mails) == 1
    assert item()["total"] == 8


def notice(sub: str = "gone") -> queue.Message:
    told = queue.Notice("account_deleted", sub, NOW, address="ada@example.com")
    return queue.Message(notice=told)


def test_a_notice_waits_until_there_is_room(outbox: Outbox):
    mailed(7, now=NOW - DAY + HOUR)
    waiting = notice()
    assert dispatch.dispatch(waiting, now=NOW) > 0
    assert outbox.mails == []
    assert dispatch.dispatch(waiting, now=NOW + 3 * HOUR) == 0
    assert [mail.kind for mail in outbox.mails] == ["account_deleted"]


def test_a_notice_that_waited_is_counted_once_for_its_user(outbox: Outbox):
    mailed(7, now=NOW - DAY + HOUR)
    waiting = notice()
    for _ in range(10):
        dispatch.dispatch(waiting, now=NOW)
    for message in (waiting, *(notice() for _ in range(5))):
        dispatch.dispatch(message, now=NOW + 3 * HOUR)
    assert len(outbox.mails) == 5


@pytest.mark.parametrize(
    ("fault", "counted"),
    [
        (transport.TryLater("connection", "connection"), 0),
        (transport.WrongSender("login", "login"), 0),
        (transport.Undeliverable("recipient", "no-mailbox", no_mailbox=True), 1),
    ],
)
def test_what_is_tried_again_is_not_counted_twice(
    call: Call,
    outbox: Outbox,
    monkeypatch: pytest.MonkeyPatch,
    fault: transport.NotSent,
    counted: int,
):
    def fail(_: object) -> None:
        raise fault

    monkeypatch.setattr(send, "send", fail)
    call("send_code")
    outbox.deliver()
    hour = f"h{NOW // HOUR}"
    assert (item()["total"], item()[hour]) == (counted, counted)
    assert dispatch.dispatch(notice("bob"), now=NOW) == (0 if counted else 4 * HOUR)
    # Ada's address is suppressed after the first fault that is final.
    assert item()["total"] == counted


@pytest.mark.parametrize("most", [10, 1000])
def test_old_hours_are_dropped_and_the_item_stays_small(configure: Callable[..., None], most: int):
    configure(mails_per_day=most)
    for hour in range(100):
        assert ceiling.count(known=True, now=NOW + 3 * hour * HOUR)
    hours = [name for name in item() if name[1:].isdigit()]
    assert len(hours) <= ceiling.BUCKETS
    assert item()["total"] == sum(item()[name] for name in hours)


def test_mailers_that_drop_the_same_hours_drop_them_once():
    mailed(4)
    later = NOW + 2 * DAY
    before = item()
    ceiling.count(known=True, now=later)
    ceiling._drop_old(before, later)
    assert item()["total"] == 1


@pytest.mark.parametrize(("seconds", "room"), [(24 * HOUR, False), (25 * HOUR, True)])
def test_a_mail_counts_for_a_whole_day(seconds: int, room: bool):
    begun = NOW - NOW % HOUR + HOUR - 1  # the last second of an hour
    mailed(10, now=begun)
    assert ceiling.count(known=True, now=begun + seconds - HOUR) is False
    assert ceiling.count(known=True, now=begun + seconds) is room


def test_a_counter_that_cannot_be_written_lets_no_mail_out(
    call: Call, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
):
    call("send_code")
    write = store.write

    def refuse(*wanted: writes.Write) -> Any:
        if wanted[0].key == keys.MAILS:
            raise errors.Unavailable
        return write(*wanted)

    with monkeypatch.context() as broken:
        broken.setattr(store, "write", refuse)
        assert len(outbox.deliver()) == 1
    assert outbox.mails == []


@pytest.mark.parametrize(("mails", "percent"), [(6, 60), (7, 70)])
def test_the_alarm_s_metric_is_how_much_is_used_up(
    capsys: pytest.CaptureFixture[str], mails: int, percent: int
):
    mailed(mails)
    assert measured(capsys)[-1] == percent


def test_the_alarm_goes_on_while_askers_and_mails_are_refused(
    call: Call, now: Clock, capsys: pytest.CaptureFixture[str]
):
    mailed(7)
    capsys.readouterr()
    now.time += 60
    assert call("send_code").status == 429
    assert measured(capsys) == [70]
    assert ceiling.count(known=False, now=now.time) is False
    assert measured(capsys) == [70]


def measured(capsys: pytest.CaptureFixture[str]) -> list[float]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line["MailsOfCeiling"][0] for line in lines if "MailsOfCeiling" in line]


STEP = st.tuples(st.sampled_from(["known", "stranger", "back"]), st.integers(0, 9 * HOUR))


@hypothesis(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEP, max_size=60))
def test_no_order_of_mails_passes_the_ceiling_in_any_24_hours(
    cloud: object, steps: list[tuple[str, int]]
):
    store.write(writes.Delete(keys.MAILS))
    now, sent = NOW, list[int]()
    for kind, seconds in steps:
        now += seconds
        recent = [at for at in sent if at > now - DAY]
        if kind == "back":
            if sent and sent[-1] == now:
                sent.pop()
                ceiling.give_back(now=now)
            continue
        most = 10 if kind == "known" else 7
        if ceiling.count(known=kind == "known", now=now):
            sent.append(now)
            assert len(recent) < most
        else:  # Nobody is refused whom 25 hours leave room for.
            assert len([at for at in sent if at > now - DAY - HOUR]) >= most
