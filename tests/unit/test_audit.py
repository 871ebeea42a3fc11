"""Attacks are seen: what the log tells of them, and which of it metrics, alarms and queries use."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from latchkey import errors, networks
from latchkey.keys import keyring
from latchkey.sessions import refresh
from latchkey.users import passwords
from local.template import template
from tests.unit.conftest import NOW, ROOT, Answer, Call, Clock, Outbox, Prove

RIGHT, WRONG = "engine1843", "wrong1843"
ADA = "ada@example.com"
BASICS = "POST /auth/v1/user/basic/edit"
STRANGER = {"x-device-id": "e" * 32}
FIELDS = ("tried", "wrong", "account", "lane", "network", "event")

Line = dict[str, Any]
Log = Callable[[], list[Line]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, configure: Callable[..., None]) -> None:
    """Compare without hashing, three failures a day, no captchas."""
    monkeypatch.setattr(passwords, "matches", lambda password, stored: password == RIGHT)
    configure(failures_per_day=3, code_cooldown_seconds=0, captcha="off")


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Log:
    """Return a function that returns the lines of requests since it was called last."""

    def read() -> list[Line]:
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [line for line in lines if line.get("message") == "request"]

    return read


def told(line: Line) -> Line:
    return {name: line[name] for name in FIELDS if name in line}


def seen(lane: str, address: str = ADA) -> Line:
    """Return what all lines of tries at an account say."""
    return {"account": keyring.tag(address, NOW), "lane": lane, "network": "203.0.113.0/24"}


def guess(call: Call, name: str = ADA, **how: Any) -> Answer:
    body = {"username": name, "password": WRONG}
    return call("sign_in", body, **{"headers": STRANGER} | how)


@pytest.mark.parametrize(("password", "wrong"), [(RIGHT, 0), (WRONG, 1)])
@pytest.mark.parametrize("known", [True, False])
def test_a_password_is_logged_with_account_lane_and_network(
    call: Call, ada: Answer, log: Log, password: str, wrong: int, known: bool
):
    log()
    headers = {} if known else STRANGER
    call("sign_in", {"username": "ada_lovelace", "password": password}, headers=headers)
    [line] = log()
    lane = "device" if known else "strangers"
    assert told(line) == {"tried": "password", "wrong": wrong} | seen(lane)


@pytest.mark.parametrize(("password", "wrong"), [(RIGHT, 0), (WRONG, 1)])
@pytest.mark.parametrize("door", ["sudo", "basic/edit"])
def test_a_password_of_a_session_is_logged_with_its_lane(
    call: Call, ada: Answer, log: Log, password: str, wrong: int, door: str
):
    log()
    bearer = ada["access_token"]
    if door == "sudo":
        call("sudo", {"password": password}, bearer=bearer)
    else:
        body = {"password": password, "new_password": "engine1844"}
        call("edit_profile", body, bearer=bearer, route=BASICS)
    [line] = log()
    assert told(line) == {"tried": "password", "wrong": wrong} | seen("session")


def test_an_unknown_name_is_logged_by_its_tag_alone(call: Call, log: Log):
    guess(call, "Nobody@example.com")
    [line] = log()
    assert told(line) == {"tried": "password", "wrong": 1} | seen("strangers", "nobody@example.com")
    assert "obody" not in json.dumps(line)


@pytest.mark.parametrize("operation", ["verify_code", "sign_in_with_code"])
def test_codes_are_logged_until_they_are_guessed_too_often(
    call: Call,
    ada: Answer,
    outbox: Outbox,
    log: Log,
    operation: str,
    configure: Callable[..., None],
):
    configure(failures_per_day=20)
    sent = call("send_code", {"email": ADA}, headers=STRANGER)
    code = outbox.code()
    log()
    for text in ["x"] * 5 + [code]:
        body = {"verification_id": sent["verification_id"], "verification_code": text}
        call(operation, body, headers=STRANGER)
    *wrong, spent = log()
    assert [told(line) for line in wrong] == [{"tried": "code", "wrong": 1} | seen("strangers")] * 5
    assert told(spent) == {"tried": "code", "event": "too_many_guesses"} | seen("strangers")


def test_a_right_code_is_logged_as_one(call: Call, ada: Answer, prove: Prove, log: Log):
    log()
    prove()
    assert told(log()[-1]) == {"tried": "code", "wrong": 0} | seen("device")


def test_a_long_code_is_logged_with_the_lane_that_it_was_sent_in(
    call: Call, ada: Answer, outbox: Outbox, log: Log
):
    for _ in range(4):
        guess(call)
    sent = call("send_code", {"email": ADA}, headers=STRANGER)
    assert len(outbox.code()) == 10
    log()
    call("verify_code", {"verification_id": sent["verification_id"], "verification_code": "x"})
    assert told(log()[0]) == {"tried": "code", "wrong": 1} | seen("strangers")


def test_a_try_beyond_the_budget_is_an_event(call: Call, ada: Answer, outbox: Outbox, log: Log):
    sent = call("send_code", {"email": ADA}, headers=STRANGER)
    for _ in range(4):
        guess(call)
    body = {"verification_id": sent["verification_id"], "verification_code": outbox.code()}
    call("verify_code", body, headers=STRANGER)
    password, code = log()[-2:]
    spent = {"event": "budget_spent"} | seen("strangers")
    assert told(password) == {"tried": "password"} | spent
    assert told(code) == {"tried": "code"} | spent


def test_a_right_password_that_is_refused_for_another_reason_is_neither(
    call: Call, ada: Answer, log: Log
):
    log()
    body = {"password": RIGHT, "new_password": "short"}
    call("edit_profile", body, bearer=ada["access_token"], route=BASICS)
    assert told(log()[0]) == {"tried": "password"} | seen("session")


@pytest.mark.parametrize("operation", ["sign_up", "sign_in_with_code"])
def test_a_new_account_is_an_event_once(
    call: Call, prove: Prove, outbox: Outbox, log: Log, operation: str
):
    if operation == "sign_up":
        body = {"verification_token": prove("bob@example.com")}
    else:
        sent = call("send_code", {"email": "bob@example.com"})
        body = {"verification_id": sent["verification_id"]}
        body["verification_code"] = outbox.code("bob@example.com")
    log()
    again = {"x-request-id": "a" * 32}
    assert [call(operation, body, headers=again).status for _ in range(2)] == [200, 200]
    first, repeated = log()
    assert first["event"] == "new_account"
    assert first["account"] == keyring.tag("bob@example.com", NOW)
    assert "event" not in repeated


def test_a_stolen_token_is_an_event_and_a_refresh_is_none(
    call: Call, ada: Answer, log: Log, now: Clock
):
    body = {"grant_type": "refresh_token", "refresh_token": ada["refresh_token"]}
    log()
    call("grant_token", body)
    assert told(log()[0]) == {}  # A log must not tell where somebody is all day long.
    now.time += refresh.GRACE_SECONDS + 1
    call("grant_token", body)
    assert told(log()[0]) == {
        "event": "token_theft",
        "account": keyring.tag(ADA, NOW),
        "network": "203.0.113.0/24",
    }
    call("grant_token", body)  # now of a session that has ended
    assert told(log()[0]) == {}


def test_nothing_is_left_of_the_request_before(call: Call, ada: Answer, log: Log):
    guess(call)
    log()
    call("get_user", bearer=ada["access_token"])
    assert told(log()[0]) == {}


@pytest.mark.parametrize(
    ("source", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("", ""),
    ],
)
def test_a_network_tells_no_address(call: Call, log: Log, source: str, network: str):
    assert networks.of(source) == network
    guess(call, source=source)
    [line] = log()
    assert line["network"] == network
    assert not source or source not in json.dumps(line)


def test_no_value_is_logged(call: Call, ada: Answer, outbox: Outbox, log: Log):
    attack(call, ada, outbox)
    text = json.dumps(log())
    for value in (RIGHT, WRONG, ADA, "ada_lovelace", "203.0.113.7", "e" * 32, ada["sub"]):
        assert value not in text


# What is made of the lines.


def attack(call: Call, ada: Answer, outbox: Outbox) -> None:
    """Do everything that an event or a try is logged for."""
    sent = call("send_code", {"email": ADA}, headers=STRANGER)
    code = {"verification_id": sent["verification_id"], "verification_code": "x"}
    call("verify_code", code)
    for source in ("198.51.100.1", "203.0.113.1", "203.0.113.2"):
        guess(call, source=source)
    sent = call("send_code", {"email": ADA}, headers=STRANGER)
    code = {"verification_id": sent["verification_id"], "verification_code": "x"}
    for _ in range(6):
        call("verify_code", code)
    call("sign_in", {"username": ADA, "password": RIGHT})


@pytest.fixture
def lines(call: Call, log: Log, ada: Answer, outbox: Outbox) -> list[Line]:
    """Return the lines of an attack, and of Ada's sign-up before it."""
    attack(call, ada, outbox)
    found = log()
    assert {line.get("event") for line in found} == {
        None,
        "new_account",
        "budget_spent",
        "too_many_guesses",
    }
    return found


def resources(kind: str) -> dict[str, Any]:
    found = template()["Resources"].items()
    return {name: one["Properties"] for name, one in found if one["Type"] == f"AWS::{kind}"}


def matching(pattern: str, lines: list[Line]) -> list[Line]:
    """Return the lines that a metric filter of tests with `&&` selects."""
    tests = re.findall(r'\$\.(\w+) = (?:"([^"]*)"|(\*))', pattern)
    assert "{ " + " && ".join(f"$.{n} = " + (a or f'"{v}"') for n, v, a in tests) + " }" == pattern
    return [line for line in lines if all(n in line and (a or line[n] == v) for n, v, a in tests)]


def test_the_filters_count_tries_and_events(lines: list[Line]):
    filters = resources("Logs::MetricFilter")
    tries = matching(filters["Tries"]["FilterPattern"], lines)
    [change] = filters["Tries"]["MetricTransformations"]
    assert (change["MetricValue"], change["Dimensions"][0]["Value"]) == ("$.wrong", "$.tried")
    assert sorted((line["tried"], line["wrong"]) for line in tries) == [
        ("code", 0),
        *[("code", 1)] * 6,
        ("password", 0),
        *[("password", 1)] * 2,
    ]
    events = matching(filters["SecurityEvents"]["FilterPattern"], lines)
    [change] = filters["SecurityEvents"]["MetricTransformations"]
    assert change["Dimensions"][0]["Value"] == "$.event"
    assert sorted(line["event"] for line in events) == [
        "budget_spent",
        "new_account",
        "too_many_guesses",
    ]


def test_the_filters_count_requests_and_refusals(lines: list[Line]):
    filters = resources("Logs::MetricFilter")
    requests = matching(filters["Latencies"]["FilterPattern"], lines)
    [change] = filters["Latencies"]["MetricTransformations"]
    assert (change["MetricValue"], change["Dimensions"]) == (
        "$.milliseconds",
        [{"Key": "operation", "Value": "$.operation"}],
    )
    assert len(requests) == len([line for line in lines if line["message"] == "request"]) > 10
    assert all(type(line["milliseconds"]) is int for line in requests)
    refused = matching(filters["Refusals"]["FilterPattern"], lines)
    assert filters["Refusals"]["MetricTransformations"][0]["Dimensions"][0]["Value"] == "$.error"
    assert refused == [line for line in requests if line["status"] != 200]
    assert {line["error"] for line in refused} > {"invalid_username_or_password"}


def test_the_alarms_watch_what_the_filters_write(lines: list[Line]):
    written = {
        (change["MetricName"], change["Dimensions"][0]["Key"], line[field])
        for one, field in (("Tries", "tried"), ("SecurityEvents", "event"))
        for change in resources("Logs::MetricFilter")[one]["MetricTransformations"]
        for line in lines
        if field in line
    }
    watched = set()
    for alarm in resources("CloudWatch::Alarm").values():
        metrics = [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", [])[:-1]] or [alarm]
        for metric in metrics:
            for dimension in metric.get("Dimensions", []):
                if dimension["Name"] in ("Tried", "Event"):
                    watched.add((metric["MetricName"], dimension["Name"], dimension["Value"]))
    assert watched == {
        ("WrongTries", "Tried", "password"),
        ("WrongTries", "Tried", "code"),
        ("SecurityEvents", "Event", "budget_spent"),
        ("SecurityEvents", "Event", "new_account"),
    }
    assert watched <= written


# (alarm, wrong tries and all tries of 15 minutes, whether it rings)
RATES = [
    ("WrongPasswordsAlarm", 49, 49, False),
    ("WrongPasswordsAlarm", 50, 50, True),
    ("WrongPasswordsAlarm", 50, 99, True),
    ("WrongPasswordsAlarm", 50, 100, False),
    ("WrongCodesAlarm", 49, 49, False),
    ("WrongCodesAlarm", 50, 199, True),
    ("WrongCodesAlarm", 50, 200, False),
]


@pytest.mark.parametrize(("alarm", "wrong", "tries", "rings"), RATES)
def test_an_alarm_rings_by_the_part_of_tries_that_is_wrong(
    alarm: str, wrong: int, tries: int, rings: bool
):
    found = resources("CloudWatch::Alarm")[alarm]
    *metrics, expression = found["Metrics"]
    stats = {one["Id"]: one["MetricStat"]["Stat"] for one in metrics}
    assert stats == {"wrong": "Sum", "tries": "SampleCount"}
    condition = re.fullmatch(r"IF\((.*), 1, 0\)", expression["Expression"])
    assert condition
    values = {"wrong": wrong, "tries": tries}
    assert eval(condition[1].replace("AND", "and"), {}, values) is rings


QUERIES = re.findall(r"```sql\n(.*?)```", (ROOT / "docs/operations.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("query", QUERIES)
def test_the_queries_of_the_documents_name_what_the_log_has(query: str, lines: list[Line]):
    words = re.sub(r'"[^"]*"', "", query)
    known = {"filter", "stats", "count", "count_distinct", "sum", "sort", "by", "as", "desc"}
    known |= {"limit", "and", "or", "in", "ispresent"}
    made = set(re.findall(r"\bas (\w+)", words))
    named = set(re.findall(r"\b[a-z]\w*", words)) - known - made
    assert named
    assert named <= {name for line in lines for name in line}
    texts = set(re.findall(r'"([^"]*)"', query)) - {"0123456789abcdef0123456789abcdef"}
    assert texts <= {str(value) for line in lines for value in line.values()}


def test_there_is_a_query_for_each_question():
    assert len(QUERIES) == 3


def test_an_error_of_ours_is_judged_by_its_kind(call: Call, log: Log, monkeypatch: Any):
    def fail(*_: object) -> None:
        raise errors.Unavailable

    monkeypatch.setattr(passwords, "matches", fail)
    guess(call)
    assert "wrong" not in told(log()[0])
