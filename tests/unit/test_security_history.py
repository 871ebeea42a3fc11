import json

import pytest

from latchkey import devices
from tests.unit.conftest import DEVICE, Answer, Call, Clock, Confirm, Prove, SignIn


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
        ("query[action]=PASSWORD_CHANGED&limit=1", {"PASSWORD_CHANGED"}),
        ("query[action]=NOTHING", set()),
    ],
)
def test_entries_are_found_by_action(call: Call, busy: Answer, query: str, actions: set[str]):
    assert {entry["action"] for entry in history(call, busy, query)["data"]} == actions


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
