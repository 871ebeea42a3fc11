import json
from collections.abc import Callable

import pytest

from latchkey import aws, devices
from tests.unit.conftest import (
    CONTEXT,
    DEVICE,
    Answer,
    Call,
    Clock,
    Confirm,
    Outbox,
    Prove,
    SignIn,
    handler,
)

HOUR = 3600
FAILED = "WRONG_PASSWORD_OR_CODE"


def history(call: Call, ada: Answer, query: str = "") -> Answer:
    return call("security_history", bearer=ada["access_token"], query=query)


@pytest.fixture
def busy(call: Call, ada: Answer, confirm: Confirm, sign_in: SignIn, now: Clock) -> Answer:
    """Signed up, in again five times at intervals, with a change of password in between."""
    for number in range(5):
        now.time += 60
        sign_in("engine1844" if number > 2 else "engine1843")
        if number == 2:
            body = {"new_password": "engine1844", "sudo_token": confirm(ada)}
            call("set_password", body, bearer=ada["access_token"])
    return ada


def test_an_entry_says_what_happened_when_and_from_where(call: Call, ada: Answer):
    [entry] = history(call, ada)["data"]
    assert len(entry.pop("id")) == 26
    assert entry == {
        "action": "USER_LOGIN",
        "created_at": "2026-11-22T12:00:00Z",
        "ip": "203.0.113.7",
        "user_agent": "Mozilla/5.0",
        "client_id": "my-app",
        "device_id": devices.name_of(DEVICE),
        "meta": {"from": "otp"},
    }


def test_the_newest_come_first(call: Call, busy: Answer):
    found = [entry["created_at"] for entry in history(call, busy)["data"]]
    assert len(found) == 7
    assert found == sorted(found, reverse=True)


def test_pages_follow_each_other_and_end(call: Call, busy: Answer):
    first = history(call, busy, "limit=3")
    second = history(call, busy, f"limit=3&page_token={first['page_token']}")
    third = history(call, busy, f"limit=3&page_token={second['page_token']}")
    assert [len(page["data"]) for page in (first, second, third)] == [3, 3, 1]
    assert "page_token" not in third
    whole = first["data"] + second["data"] + third["data"]
    assert whole == history(call, busy)["data"]


@pytest.mark.parametrize(
    ("query", "actions"),
    [
        ("query[action]=USER_LOGIN", {"USER_LOGIN"}),
        ("query%5Baction%5D=USER_LOGIN", {"USER_LOGIN"}),
        ("ne_query[action]=USER_LOGIN", {"PASSWORD_CHANGED"}),
        ("query[action]=PASSWORD_CHANGED", {"PASSWORD_CHANGED"}),
        ("query[action]=NOTHING", set()),
    ],
)
def test_entries_are_found_by_action(call: Call, busy: Answer, query: str, actions: set[str]):
    assert {entry["action"] for entry in history(call, busy, query)["data"]} == actions


def test_a_rare_action_is_found_page_by_page_and_no_page_reads_on_and_on(
    call: Call, busy: Answer, sign_in: SignIn, now: Clock
):
    now.time += 1
    for _ in range(22):
        sign_in("engine1844")
    read: list[int] = []
    events = aws.dynamodb().meta.events
    events.register("after-call.dynamodb.Query", lambda parsed, **_: read.append(parsed["Count"]))
    pages, query = [], "query[action]=PASSWORD_CHANGED&limit=2"
    page = history(call, busy, query)
    while "page_token" in page:
        pages.append(page)
        page = history(call, busy, f"{query}&page_token={page['page_token']}")
    found = [[entry["action"] for entry in each["data"]] for each in [*pages, page]]
    assert found == [[], ["PASSWORD_CHANGED"]]
    assert max(read) == 21  # one more, to see whether there is another page


@pytest.mark.parametrize("limit", [1, 2])
def test_a_page_ends_with_the_entry_that_fills_it(call: Call, busy: Answer, limit: int):
    query, pages = f"query[action]=USER_LOGIN&limit={limit}", []
    page = history(call, busy, query)
    while "page_token" in page:
        pages.append(page)
        page = history(call, busy, f"{query}&page_token={page['page_token']}")
    entries = [entry for each in [*pages, page] for entry in each["data"]]
    assert entries == history(call, busy, "query[action]=USER_LOGIN")["data"]
    assert {len(each["data"]) for each in pages} == {limit}


@pytest.mark.parametrize("limit", ["undefined", ""])
def test_no_limit_is_twenty(call: Call, ada: Answer, sign_in: SignIn, limit: str):
    for _ in range(20):
        sign_in()
    assert len(history(call, ada, f"query[action]=USER_LOGIN&limit={limit}")["data"]) == 20


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=ten",
        "limit=1.5",
        "limit=²",
        "page_token=nonsense",
        "page_token=000000000000-aaaaaaaaaaaaaaaaaaaaaaaaa",
        "page_token=USER%23x",
    ],
)
def test_a_malformed_question_is_refused(call: Call, ada: Answer, query: str):
    answer = history(call, ada, query)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")


@pytest.mark.parametrize(("seconds", "entries"), [(-1, 2), (0, 1)])
def test_an_entry_is_kept_for_ninety_days(
    call: Call, ada: Answer, sign_in: SignIn, now: Clock, seconds: int, entries: int
):
    now.time += 90 * 86400 + seconds
    assert len(history(call, sign_in())["data"]) == entries


def test_nobody_sees_the_history_of_another(call: Call, busy: Answer, prove: Prove):
    bob = call("sign_up", {"verification_token": prove("bob@example.com")})
    token = history(call, busy, "limit=1")["page_token"]
    assert len(history(call, bob)["data"]) == 1
    assert all(entry["created_at"] != "" for entry in history(call, bob)["data"])
    mine = {entry["id"] for entry in history(call, busy)["data"]}
    theirs = history(call, bob, f"page_token={token}")["data"]
    assert mine.isdisjoint(entry["id"] for entry in theirs)
    assert call("security_history", bearer="").status == 401


def test_the_id_of_a_device_is_not_told(call: Call, ada: Answer):
    answer = history(call, ada)
    assert DEVICE not in json.dumps(answer)
    assert answer["device_id"] == answer["data"][0]["device_id"] == devices.name_of(DEVICE)


# Failures.


def fail(call: Call, times: int = 1, device: str = "e" * 32) -> None:
    for _ in range(times):
        body = {"username": "ada@example.com", "password": "wrong1843"}
        assert call("sign_in", body, headers={"x-device-id": device}).status == 401


def test_failures_of_strangers_are_told_in_one_entry(call: Call, ada: Answer, now: Clock):
    fail(call, 2)
    now.time += HOUR + 300
    fail(call)
    failed, sign_up = history(call, ada)["data"]
    assert sign_up["action"] == "USER_LOGIN"
    assert "description" not in sign_up
    assert failed == {
        "id": "failed-strangers",
        "action": "WRONG_PASSWORD_OR_CODE",
        "created_at": "2026-11-22T13:05:00Z",
        "ip": "",
        "user_agent": "",
        "client_id": "",
        "device_id": "",
        "meta": {
            "from": "",
            "lane": "strangers",
            "count": 3,
            "since": "2026-11-22T12:00:00Z",
            "until": "2026-11-22T13:05:00Z",
            "refused": False,
        },
        "description": "3 wrong passwords or codes in the last 24 hours, on devices that this "
        "account does not know. The last came between 13:00 and 13:05 UTC.",
    }


def test_each_kind_of_lane_has_an_entry(call: Call, ada: Answer, sign_in: SignIn, outbox: Outbox):
    sign_in(device="d" * 32)
    fail(call)
    fail(call, 2, DEVICE)
    call("sudo", {"password": "wrong1843"}, bearer=ada["access_token"])
    entries = [one for one in history(call, ada)["data"] if one["action"] == FAILED]
    assert {one["meta"]["lane"]: one["meta"]["count"] for one in entries} == {
        "strangers": 1,
        "device": 2,
        "session": 1,
    }
    [device] = [one["device_id"] for one in entries if one["meta"]["lane"] == "device"]
    assert device == devices.name_of(DEVICE)
    fail(call, 1, "d" * 32)
    entries = [one for one in history(call, ada)["data"] if one["action"] == FAILED]
    assert sorted((one["device_id"], one["meta"]["count"]) for one in entries) == [
        ("", 1),
        ("", 1),
        ("", 3),
    ]


def test_wrong_codes_are_told_too_and_right_ones_are_not(
    call: Call, ada: Answer, outbox: Outbox, now: Clock
):
    now.time += 60
    sent = call("send_code", headers={"x-device-id": "e" * 32})
    code = {"verification_id": sent["verification_id"], "verification_code": "x"}
    assert call("verify_code", code).status == 400
    assert call("verify_code", code | {"verification_code": outbox.code()}).status == 200
    [failed, _] = history(call, ada)["data"]
    assert failed["meta"]["count"] == 1
    assert failed["description"].startswith("1 wrong password or code in the last 24 hours")


def test_a_right_try_is_not_taken_for_the_last_failure(call: Call, ada: Answer, now: Clock):
    fail(call)
    now.time += HOUR + 300
    right = {"username": "ada@example.com", "password": "engine1843"}
    assert call("sign_in", right, headers={"x-device-id": "e" * 32}).status == 200
    [failed] = [one for one in history(call, ada)["data"] if one["action"] == FAILED]
    assert failed["meta"]["until"] == "2026-11-22T13:00:00Z"


def test_a_spent_lane_is_told(call: Call, ada: Answer, configure: Callable[..., None]):
    configure(captcha="off")
    fail(call, 20)
    [failed, _] = history(call, ada)["data"]
    assert failed["meta"]["refused"] is True
    assert failed["description"].endswith(
        "Passwords are refused on such devices for now, and mailed codes are longer."
    )


@pytest.mark.parametrize(("hours", "told"), [(23, True), (24, False)])
def test_failures_are_told_for_a_day(
    call: Call, ada: Answer, sign_in: SignIn, now: Clock, hours: int, told: bool
):
    fail(call)
    now.time += hours * HOUR
    actions = {entry["action"] for entry in history(call, sign_in())["data"]}
    assert (FAILED in actions) is told


def test_failures_are_told_across_a_rotation_of_the_keys(
    call: Call, ada: Answer, sign_in: SignIn, now: Clock
):
    now.time += 90 * 86400
    handler("rotate_keys")({"detail-type": "Scheduled Event"}, CONTEXT)
    now.time += 86400 - 60
    fail(call)
    now.time += 120
    fail(call)
    entries = [one for one in history(call, sign_in())["data"] if one["action"] == FAILED]
    assert [one["meta"]["count"] for one in entries] == [2]


@pytest.mark.parametrize("limit", [1, 2, 3, 20])
def test_pages_with_failures_have_the_limit_and_miss_no_entry(call: Call, busy: Answer, limit: int):
    before = history(call, busy)["data"]
    fail(call)
    call("sudo", {"password": "wrong1843"}, bearer=busy["access_token"])
    first = page = history(call, busy, f"limit={limit}")
    entries = list(first["data"])
    while "page_token" in page:
        page = history(call, busy, f"limit={limit}&page_token={page['page_token']}")
        entries += page["data"]
        assert len(page["data"]) <= limit
        assert len(entries) <= len(before) + 2
    assert len(first["data"]) == min(limit, 9)
    assert [one["created_at"] for one in first["data"]] == sorted(
        (one["created_at"] for one in first["data"]), reverse=True
    )
    assert [one for one in entries if one["action"] != FAILED] == before
    assert len(entries) == len(before) + min(limit, 2)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("query[action]=WRONG_PASSWORD_OR_CODE", ["WRONG_PASSWORD_OR_CODE"]),
        ("query[action]=USER_LOGIN", ["USER_LOGIN"]),
        ("ne_query[action]=USER_LOGIN", ["WRONG_PASSWORD_OR_CODE"]),
        ("ne_query[action]=WRONG_PASSWORD_OR_CODE", ["USER_LOGIN"]),
    ],
)
def test_failures_are_found_by_action(call: Call, ada: Answer, query: str, told: list[str]):
    fail(call)
    assert [entry["action"] for entry in history(call, ada, query)["data"]] == told


def test_nobody_sees_the_failures_of_another(call: Call, ada: Answer, prove: Prove):
    bob = call("sign_up", {"verification_token": prove("bob@example.com")})
    fail(call)
    assert [entry["action"] for entry in history(call, bob)["data"]] == ["USER_LOGIN"]


def test_ever_new_failures_make_no_more_items(call: Call, ada: Answer):
    def items() -> int:
        return int(aws.dynamodb().scan(TableName="Grants")["Count"])

    fail(call)
    before = items()
    for number in range(40):
        body = {"username": "ada@example.com", "password": "wrong1843"}
        call("sign_in", body, headers={"x-device-id": f"{number:032x}"})
    assert items() == before
