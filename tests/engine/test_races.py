"""What must hold when many requests come at once, on AWS's own engine.

The local stack shows the same through HTTP (tests/e2e/test_concurrency.py), on another engine.
"""

import secrets
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from latchkey import aws, settings
from latchkey.codes.redeem import MAX_GUESSES
from latchkey.dynamodb import keys, store
from latchkey.limits import sources
from latchkey.users import find
from tests.engine.conflicts import Conflicts
from tests.engine.conftest import PASSWORD, Device, new_address, new_device
from tests.unit.calls import Answer

THREADS = 12
WRONG_PASSWORD = (401, "invalid_username_or_password")
WRONG_CODE = (400, "invalid_verification_code")
SPENT = (400, "invalid_argument")
TAKEN = (409, "failed_precondition")
LIMITED = (429, "resource_exhausted")

T = TypeVar("T")


@pytest.fixture(autouse=True)
def close(compared: list[str], conflicts: Conflicts, configure: Callable[..., None]) -> Conflicts:
    """Hash nothing, let transactions meet as on AWS, and start no cool-down."""
    configure(code_cooldown_seconds=0, codes_per_source_per_hour=1000, captcha="off")
    return conflicts


def at_once(count: int, action: Callable[[int], T]) -> list[T]:
    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(action, range(count)))


def outcome(answer: Answer) -> object:
    return "ok" if answer.status == 200 else (answer.status, answer["error"])


def outcomes(answers: list[Answer]) -> Counter[object]:
    return Counter(map(outcome, answers))


def sessions(sub: str) -> list[dict[str, Any]]:
    return list(store.query(keys.sessions(sub)))


def items(table: str) -> list[dict[str, Any]]:
    pages = aws.dynamodb().get_paginator("scan").paginate(TableName=table)
    return [item for page in pages for item in page["Items"]]


@pytest.mark.parametrize("known", [True, False])
def test_of_200_guesses_over_all_doors_the_budget_is_evaluated(compared: list[str], known: bool):
    address = new_address()
    session = new_device().register(address) if known else None

    def guess(number: int) -> Answer:
        device, body = new_device(), {"username": address, "password": f"wrong{number}"}
        if number % 3 == 0:
            return device.call("grant_token", body | {"grant_type": "password"})
        if number % 3 == 1 and codes:
            return device.verify(codes[number % len(codes)], f"{number:06}x")
        return device.call("sign_in", body)

    codes = [new_device().ask(address)[0] for _ in range(10)] if known else []
    compared.clear()
    found = outcomes(at_once(200, guess))

    most = settings.Budget.load().failures_per_day
    assert found[WRONG_PASSWORD] == len(compared)
    assert found[WRONG_PASSWORD] + found[WRONG_CODE] == most
    assert found[LIMITED] + found[SPENT] == 200 - most
    if session is not None:  # the session has a lane of its own
        answer = new_device().call("sudo", {"password": PASSWORD}, bearer=session["access_token"])
        assert answer.status == 200


def test_of_200_guesses_at_200_accounts_from_one_network_its_budget_is_evaluated(
    compared: list[str],
):
    def guess(number: int) -> Answer:
        return Device(source="198.51.100.7").sign_in(new_address(), f"wrong{number}")

    most = sources.FAILURES_PER_BUDGET * settings.Budget.load().failures_per_day
    assert outcomes(at_once(200, guess)) == {WRONG_PASSWORD: most, LIMITED: 200 - most}
    assert len(compared) == most


def test_of_100_guesses_at_one_code_five_are_evaluated():
    address, device = new_address(), new_device()
    verification_id, code = device.ask(address)
    answers = at_once(100, lambda n: new_device().verify(verification_id, f"{n:06}x"))
    assert outcomes(answers) == {WRONG_CODE: MAX_GUESSES, SPENT: 100 - MAX_GUESSES}
    assert outcome(device.verify(verification_id, code)) == SPENT


@pytest.mark.parametrize("turn", range(5))
def test_of_24_verifies_of_the_right_code_one_gets_a_token(turn: int):
    device = new_device()
    verification_id, code = device.ask(new_address())
    found = outcomes(at_once(24, lambda _: device.verify(verification_id, code)))
    assert (found["ok"], sum(found.values())) == (1, 24), found


@pytest.mark.parametrize("turn", range(5))
def test_one_verify_that_is_repeated_24_times_gets_one_token(turn: int):
    device = new_device()
    verification_id, code = device.ask(new_address())
    same = secrets.token_hex(16)
    answers = at_once(24, lambda _: device.verify(verification_id, code, request_id=same))
    assert len({a["verification_token"] for a in answers if a.status == 200}) == 1


@pytest.mark.parametrize("turn", range(5))
def test_of_24_sign_ups_with_proofs_of_one_address_one_makes_the_account(turn: int):
    address = new_address()
    devices = [new_device() for _ in range(24)]
    proofs = [device.prove(address) for device in devices]
    answers = at_once(24, lambda n: devices[n].call("sign_up", {"verification_token": proofs[n]}))
    assert outcomes(answers) == {"ok": 1, TAKEN: 23}
    [sub] = [answer["sub"] for answer in answers if answer.status == 200]
    assert len(sessions(sub)) == 1
    assert len([item for item in items("Accounts") if item.get("email") == {"S": address}]) == 1


@pytest.mark.parametrize("turn", range(5))
def test_of_24_sign_ins_with_one_proof_one_starts_a_session(turn: int):
    address, phone = new_address(), new_device()
    sub = new_device().register(address)["sub"]
    body = {"verification_token": phone.prove(address)}
    found = outcomes(at_once(24, lambda _: phone.call("sign_in", body)))
    assert (found["ok"], sum(found.values())) == (1, 24), found
    assert len(sessions(sub)) == 2


def test_24_sign_ins_at_once_on_known_and_new_devices_use_nothing_up():
    address, device = new_address(), new_device()
    sub = device.register(address)["sub"]
    answers = at_once(24, lambda n: (device if n % 2 else new_device()).sign_in(address))
    assert outcomes(answers) == {"ok": 24}
    lanes = [i for i in items("Grants") if i["pk"]["S"].startswith("BUDGET#") and "total" in i]
    assert {item["total"]["N"] for item in lanes} == {"0"}
    assert find.exists(address)
    assert {one["sub"] for one in sessions(sub)} == {sub}


@pytest.mark.parametrize("turn", range(5))
def test_24_refreshes_of_one_token_end_in_one_successor(turn: int):
    device = new_device()
    first = device.register(new_address())
    body = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    answers = at_once(24, lambda _: device.call("grant_token", body))
    assert outcomes(answers) == {"ok": 24}
    assert len({answer["refresh_token"] for answer in answers}) == 1
    assert [one["generation"] for one in sessions(first["sub"])] == [1]


@pytest.mark.parametrize("turn", range(5))
def test_no_session_of_the_old_password_outlives_its_change(turn: int):
    address, device = new_address(), new_device()
    first = device.register(address)
    token = device.call("sudo", {"password": PASSWORD}, bearer=first["access_token"])["sudo_token"]

    def act(number: int) -> Answer:
        if number != THREADS // 2:
            return new_device().sign_in(address)
        body = {"new_password": "engine1844", "sudo_token": token}
        return device.call("set_password", body, bearer=first["access_token"])

    answers = at_once(THREADS, act)
    assert answers[THREADS // 2].status == 200
    alive = [
        answer
        for answer in answers
        if "access_token" in answer
        and device.call("get_user", bearer=answer["access_token"]).status == 200
    ]
    assert alive == []
    assert [one["version"] for one in sessions(first["sub"])] == [2]
    assert device.call("get_user", bearer=first["access_token"]).status == 200


@pytest.mark.parametrize("turn", range(5))
def test_of_12_changes_of_password_with_one_proof_one_is_made(turn: int):
    address, device = new_address(), new_device()
    device.register(address)
    proof = device.prove(address)

    def reset(number: int) -> Answer:
        body = {"verification_token": proof, "new_password": f"mail18{number:02}bag"}
        return device.call("reset_password", body)

    found = outcomes(at_once(THREADS, reset))
    assert (found["ok"], sum(found.values())) == (1, THREADS), found


def test_transactions_did_meet(conflicts: Conflicts):
    """Show that the other tests test something: here the hook refuses writes."""
    address = new_address()
    new_device().register(address)
    at_once(THREADS * 2, lambda _: new_device().sign_in(address))
    assert conflicts.met["TransactWriteItems"] > 0
