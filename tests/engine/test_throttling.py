"""What people meet while DynamoDB throttles, and when an item has grown to its 400 KB."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from latchkey import aws
from latchkey.dynamodb import keys, store
from latchkey.keys import keyring
from tests.engine.conftest import new_address, new_device
from tests.engine.throttles import Throttles
from tests.unit.clock import NOW

THREADS = 12
OWNERS = 10
# A day's budget of failures (FailuresPerDay).
BUDGET = 20
ITEM_BYTES = 400 * 1024
REFRESH = {"grant_type": "refresh_token"}


@pytest.fixture
def throttles() -> Iterator[Throttles]:
    """Let calls be throttled, as soon as a test sets the odds."""
    throttling = Throttles(aws.dynamodb())
    yield throttling
    throttling.stop()


@pytest.mark.parametrize("odds", [0.1, 0.3])
def test_the_owner_gets_in_while_calls_are_throttled(
    throttles: Throttles, compared: list[str], odds: float
):
    home, address = new_device(), new_address()
    home.register(address)
    throttles.odds = odds
    for _ in range(OWNERS):
        tokens = home.sign_in(address)
        assert tokens.status == 200, tokens
        body = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        tokens = home.call("grant_token", body)
        assert tokens.status == 200, tokens
        profile = home.call("get_user", bearer=tokens["access_token"])
        assert profile.status == 200, profile
    print(dict(throttles.met))
    assert sum(throttles.met.values()) > OWNERS * odds
    throttles.odds = 0
    failed = store.query(keys.budgets(keyring.tag(address, NOW)))
    assert [lane.get("total", 0) for lane in failed if lane.get("total", 0)] == []


def test_no_throttle_gives_a_guess_away(
    throttles: Throttles, compared: list[str], configure: Callable[..., None]
):
    configure(captcha="off")
    home, address = new_device(), new_address()
    home.register(address)
    compared.clear()
    throttles.odds = 0.2
    with ThreadPoolExecutor(THREADS) as threads:
        guesses = [
            threads.submit(new_device().sign_in, address, "wrong1843") for _ in range(3 * BUDGET)
        ]
        answers = [guess.result() for guess in guesses]
    throttles.odds = 0
    assert sum(throttles.met.values()) > BUDGET
    assert len([one for one in compared if one == "wrong1843"]) <= BUDGET
    assert {one.status for one in answers} <= {401, 429, 503}
    assert home.sign_in(address).status == 200


def test_a_table_that_refuses_everything_loses_nothing(throttles: Throttles, compared: list[str]):
    home, address = new_device(), new_address()
    tokens = home.register(address)
    before = everything()
    throttles.odds = 1
    for answer in (
        home.sign_in(address),
        home.call("grant_token", {"refresh_token": tokens["refresh_token"]} | REFRESH),
        home.call("edit_profile", {"name": "Ada"}, bearer=tokens["access_token"]),
    ):
        assert (answer.status, answer["error"]) == (503, "unavailable")
    throttles.odds = 0
    assert everything() == before
    body = {"refresh_token": tokens["refresh_token"]} | REFRESH
    assert home.call("grant_token", body).status == 200
    assert home.sign_in(address).status == 200


def test_a_profile_that_is_too_large_is_refused_at_once_and_stays(
    capsys: pytest.CaptureFixture[str],
):
    home, address = new_device(), new_address()
    home.register(address)
    tokens = home.sign_in(address)  # from here on, the count of sign-ins takes a byte
    [user] = [
        item
        for item in everything()
        if item["pk"]["S"] == f"USER#{tokens['sub']}" and "password_hash" in item
    ]
    fill(user, "Accounts")
    before = everything()
    capsys.readouterr()
    calls = noted_calls()
    body = {"description": "y" * 100}
    answer = home.call("edit_profile", body, bearer=tokens["access_token"])
    assert (answer.status, answer["error"]) == (503, "unavailable")
    assert calls.count("UpdateItem") + calls.count("TransactWriteItems") == 1
    told(capsys.readouterr().out)
    assert everything() == before
    # What needs no room works.
    tokens = home.sign_in(address)
    assert tokens.status == 200, tokens
    assert home.call("get_user", bearer=tokens["access_token"])["email"] == address


def test_a_budget_that_is_too_large_lets_no_guess_through(
    compared: list[str],
    capsys: pytest.CaptureFixture[str],
):
    home, address = new_device(), new_address()
    home.register(address)
    new_device().sign_in(address, "wrong1843")
    tag = keyring.tag(address, NOW)
    [lane] = [
        item
        for item in everything()
        if item["pk"]["S"] == f"BUDGET#{tag}" and item["sk"]["S"] == "-"
    ]
    # Without its bucket, the next failure has to add one.
    fill({k: v for k, v in lane.items() if not k.startswith("h")}, "Grants")
    before = everything()
    compared.clear()
    capsys.readouterr()
    answer = new_device().sign_in(address)
    assert (answer.status, answer["error"]) == (503, "unavailable")
    assert compared == []
    told(capsys.readouterr().out)
    assert everything() == before
    assert home.sign_in(address).status == 200, "the owner's device has a lane of its own"


def told(output: str) -> None:
    """Check that a line of level ERROR names AWS's error, and quotes nothing."""
    lines = [json.loads(line) for line in output.splitlines()]
    [fault] = [line for line in lines if line["level"] == "ERROR"]
    errors = {cause.get("aws_error") for cause in fault["causes"]} | set(fault.get("reasons", []))
    assert errors & {"ValidationException", "ValidationError"}, fault
    assert "yyyy" not in output


def everything() -> list[dict[str, Any]]:
    """Return all items of both tables, in one order."""
    found = [
        item
        for table in ("Accounts", "Grants")
        for page in aws.dynamodb().get_paginator("scan").paginate(TableName=table)
        for item in page["Items"]
    ]
    return sorted(found, key=lambda item: (item["pk"]["S"], item.get("sk", {}).get("S", "")))


def fill(item: dict[str, Any], table: str) -> None:
    """Fill an item up, so that it cannot grow by a byte."""
    fits, too_much = 0, ITEM_BYTES
    while too_much - fits > 1:
        length = (fits + too_much) // 2
        try:
            padded = item | {"padding": {"S": "x" * length}}
            aws.dynamodb().put_item(TableName=table, Item=padded)
            fits = length
        except ClientError:
            too_much = length
    padded = item | {"padding": {"S": "x" * fits}}
    aws.dynamodb().put_item(TableName=table, Item=padded)


def noted_calls() -> list[str]:
    """Return the names of DynamoDB's calls that are made from now on."""
    made: list[str] = []
    aws.dynamodb().meta.events.register("before-call", lambda model, **_: made.append(model.name))
    return made
