"""Guesses at many accounts: the budget of a source, and the storm of the whole deployment."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from latchkey import aws, errors
from latchkey.dynamodb import keys, store, writes
from latchkey.limits import sources, storm
from latchkey.users import passwords
from tests.unit.conftest import Answer, Call, Clock, Outbox, Prove

HOUR, DAY = 3600, 86400
HERE, ELSEWHERE = "203.0.113.1", "203.0.113.200"
RIGHT = {"username": "ada@example.com", "password": "engine1843"}
_number = itertools.count(1)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, configure: Callable[..., None]) -> list[str]:
    """Compare without hashing; one failure a day for an account, five for a source. Return the
    passwords that were compared.
    """
    compared: list[str] = []

    def matches(password: str, stored: str | None) -> bool:
        compared.append(password)
        return stored is not None and password == "engine1843"

    monkeypatch.setattr(passwords, "matches", matches)
    configure(failures_per_day=1, code_cooldown_seconds=0)
    return compared


def stranger() -> dict[str, str]:
    return {"x-device-id": f"{next(_number):032x}"}


def spray(call: Call, source: str = HERE) -> Answer:
    """Guess the password of another account."""
    body = {"username": f"user{next(_number)}@example.com", "password": "wrong1843"}
    return call("sign_in", body, headers=stranger(), source=source)


def spend(call: Call, source: str = HERE) -> None:
    for _ in range(5):
        assert spray(call, source).status == 401


def ask(call: Call, source: str = HERE, address: str = "ada@example.com") -> str:
    answer = call("send_code", {"email": address}, headers=stranger(), source=source)
    return str(answer["verification_id"])


def wrong(call: Call, verification_id: str, source: str = HERE) -> Answer:
    body = {"verification_id": verification_id, "verification_code": "x"}
    return call("verify_code", body, source=source)


# The budget of a source.


def test_a_source_fails_so_often_over_all_accounts(
    call: Call, ada: Answer, quick: list[str], now: Clock
):
    spend(call)
    quick.clear()
    answer = spray(call)
    assert (answer.status, answer["error"]) == (429, "resource_exhausted")
    assert answer["retry_after"] == DAY - now.time % DAY
    assert "network" in answer["error_description"]
    assert quick == []
    assert spray(call, ELSEWHERE).status == 401
    now.time += answer["retry_after"] - 1
    assert spray(call).status == 429
    now.time += 1
    assert spray(call).status == 401


def test_a_known_device_and_a_session_do_not_notice(call: Call, ada: Answer, outbox: Outbox):
    spend(call)
    body = {"password": "engine1843"}
    assert call("sudo", body, bearer=ada["access_token"], source=HERE).status == 200
    assert call("sign_in", RIGHT, source=HERE).status == 200
    call("send_code", source=HERE)
    assert len(outbox.code()) == 6


def test_a_refusal_of_the_source_costs_the_account_nothing(call: Call, ada: Answer):
    spend(call)
    assert call("sign_in", RIGHT, headers=stranger(), source=HERE).status == 429
    assert call("sign_in", RIGHT, headers=stranger(), source=ELSEWHERE).status == 200


def test_what_was_right_is_given_back(call: Call, ada: Answer, outbox: Outbox, now: Clock):
    for _ in range(8):
        assert call("sign_in", RIGHT, headers=stranger(), source=HERE).status == 200
        body = {"verification_id": ask(call), "verification_code": outbox.code()}
        assert call("verify_code", body, source=HERE).status == 200
    [item] = store.get(sources.failures_key(HERE, now=now.time))
    assert item is not None
    assert {name: item[name] for name in item if name[0] in "nt"} == {
        "total": 0,
        f"n{sources.name_of(sources.subscriber(HERE))}": 0,
    }
    spend(call)


def test_wrong_codes_and_passwords_share_it_and_strangers_there_get_long_codes(
    call: Call, ada: Answer, outbox: Outbox
):
    for _ in range(4):
        spray(call)
    first, last = ask(call, address="a@example.com"), ask(call, address="b@example.com")
    assert wrong(call, first)["error"] == "invalid_verification_code"
    assert wrong(call, last)["error"] == "invalid_argument"
    right = {"verification_id": last, "verification_code": outbox.code("b@example.com")}
    assert call("verify_code", right, source=HERE)["error"] == "invalid_argument"
    long = ask(call)
    assert len(outbox.code()) == 10
    body = {"verification_id": long, "verification_code": outbox.code()}
    assert call("verify_code", body, source=HERE).status == 200
    ask(call, ELSEWHERE, "c@example.com")
    assert len(outbox.code("c@example.com")) == 6


def test_a_site_of_ten_subscribers_is_spent(call: Call):
    for network in range(10):
        spend(call, f"2001:db8:7:{network:x}::1")
        assert spray(call, f"2001:db8:7:{network:x}:ffff::2").status == 429
    assert spray(call, "2001:db8:7:ffff::1").status == 429
    assert spray(call, "2001:db8:8:1::1").status == 401


def test_all_devices_of_a_local_stack_are_a_site(call: Call):
    for _ in range(50):
        assert spray(call, "127.0.0.1").status == 401
    assert spray(call, "127.0.0.1").status == 429


def test_nothing_is_evaluated_while_the_source_cannot_be_counted(
    call: Call, ada: Answer, quick: list[str], monkeypatch: pytest.MonkeyPatch
):
    code = ask(call)
    write = store.write

    def fail(*wanted: writes.Write) -> object:
        if wanted[0].key.pk.startswith("SOURCE#"):
            raise errors.Unavailable
        return write(*wanted)

    monkeypatch.setattr(store, "write", fail)
    assert call("sign_in", RIGHT, headers=stranger(), source=HERE)["error"] == "unavailable"
    assert wrong(call, code)["error"] == "unavailable"
    assert quick == []
    assert call("sign_in", RIGHT, source=HERE).status == 200  # a known device


# The storm.


def guess(call: Call, source: str) -> Answer:
    return wrong(call, ask(call, source, f"user{next(_number)}@example.com"), source)


def network() -> str:
    number = next(_number)
    return f"198.51.{number // 200}.{number % 200}"


def raise_storm(call: Call) -> None:
    for _ in range(6):
        assert guess(call, network())["error"] == "invalid_verification_code"


def test_wrong_codes_from_many_networks_make_the_codes_of_all_strangers_long(
    call: Call, ada: Answer, outbox: Outbox, now: Clock, capsys: pytest.CaptureFixture[str]
):
    short = ask(call, ELSEWHERE)
    right = outbox.code()
    raise_storm(call)
    # This container knows at once: a short code of before is evaluated no more.
    body = {"verification_id": short, "verification_code": right}
    assert call("verify_code", body, source=ELSEWHERE)["error"] == "invalid_argument"
    long = ask(call, ELSEWHERE)
    assert len(outbox.code()) == 10
    body = {"verification_id": long, "verification_code": outbox.code()}
    assert call("verify_code", body, source=ELSEWHERE).status == 200
    # Ada's own device and session notice nothing.
    call("send_code")
    assert len(outbox.code()) == 6
    call("send_code", bearer=ada["access_token"], headers=stranger())
    assert len(outbox.code()) == 6
    # Another container knows when it reads the counters, and says so.
    storm.forget()
    ask(call, ELSEWHERE)
    assert len(outbox.code()) == 10
    assert '"Storms":[1.0]' in capsys.readouterr().out


def test_calm_returns_after_a_day(call: Call, outbox: Outbox, now: Clock):
    now.time += storm.WINDOW - now.time % storm.WINDOW
    raise_storm(call)
    now.time += DAY + storm.WINDOW - 1
    ask(call)
    assert len(outbox.code()) == 10
    now.time += 61
    ask(call)
    assert len(outbox.code()) == 6


def test_a_single_source_raises_no_storm(
    call: Call, outbox: Outbox, configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    configure(failures_per_day=4, code_cooldown_seconds=0)
    assert storm.COUNTED_PER_SOURCE == 20
    monkeypatch.setattr(storm, "COUNTED_PER_SOURCE", 3)
    monkeypatch.setattr(storm, "FLOOR_PER_BUDGET", 1)
    for _ in range(20):
        assert guess(call, HERE)["error"] == "invalid_verification_code"
    assert counted("wrong") == 3
    ask(call, HERE)
    assert len(outbox.code()) == 10
    ask(call, ELSEWHERE)
    assert len(outbox.code()) == 6


def test_a_container_reads_the_counters_once_a_minute(now: Clock):
    storm.is_on(now=now.time)
    # The last one: a clock that was set back.
    for passed, reads in ((0, False), (59, False), (60, True), (-1, True)):
        assert bool(storm.keys_to_read(now=now.time + passed)) is reads


def counted(kind: str) -> int:
    items = aws.dynamodb().scan(TableName="Grants")["Items"]
    found = [item for item in items if item["pk"]["S"].startswith("STORM#")]
    return sum(int(item.get(kind, {"N": "0"})["N"]) for item in found)


def test_right_codes_lift_the_bound_once_a_day_for_an_old_account(
    call: Call, ada: Answer, prove: Prove, now: Clock
):
    assert call("sign_in", {"verification_token": prove()}).status == 200
    assert counted("right") == 0  # a new account
    now.time += 2 * DAY - now.time % DAY
    for _ in range(3):
        assert call("sign_in", {"verification_token": prove()}).status == 200
    assert counted("right") == 1
    now.time += DAY
    assert call("sign_in", {"verification_token": prove()}).status == 200
    assert counted("right") == 2


@pytest.mark.parametrize(("seconds", "right"), [(DAY - 1, 0), (DAY, 1)])
def test_a_right_code_counts_once_its_account_is_a_day_old(
    call: Call, ada: Answer, prove: Prove, now: Clock, seconds: int, right: int
):
    now.time += seconds  # Both are on the day after the last sign-in.
    assert call("sign_in", {"verification_token": prove()}).status == 200
    assert counted("right") == right


def test_five_right_codes_allow_one_wrong_one_more(call: Call, outbox: Outbox, now: Clock):
    place = keys.storm(0, now.time // storm.WINDOW)
    store.write(writes.Update(place, adds={"right": 10}))
    raise_storm(call)
    assert guess(call, network())["error"] == "invalid_verification_code"
    assert not storm.is_on(now=now.time)
    assert guess(call, network())["error"] == "invalid_verification_code"
    assert storm.is_on(now=now.time)


@pytest.mark.parametrize("broken", ["write", "get"])
def test_counters_that_fail_are_a_storm_for_a_minute(
    call: Call, outbox: Outbox, now: Clock, monkeypatch: pytest.MonkeyPatch, broken: str
):
    code = ask(call)
    original = getattr(store, broken)

    def fail(*wanted: Any) -> object:
        key = getattr(wanted[0], "key", wanted[0])
        if key.pk.startswith("STORM#"):
            raise errors.Unavailable
        return original(*wanted)

    with monkeypatch.context() as failing:
        failing.setattr(store, broken, fail)
        if broken == "get":
            storm.forget()
            assert wrong(call, code)["error"] == "invalid_argument"
        else:
            assert wrong(call, code)["error"] == "invalid_verification_code"
            assert wrong(call, code)["error"] == "invalid_argument"
    if broken == "write":
        now.time += 59
        ask(call, address="c@example.com")
        assert len(outbox.code("c@example.com")) == 10
        now.time += 1
    ask(call, address="b@example.com")
    assert len(outbox.code("b@example.com")) == 6


def test_a_right_code_that_cannot_be_counted_is_no_storm(
    now: Clock, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object) -> None:
        raise errors.Unavailable

    with monkeypatch.context() as failing:
        failing.setattr(store, "write", fail)
        storm.count_right(now=now.time)
    assert not storm.is_on(now=now.time)
