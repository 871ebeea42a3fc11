import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latchkey import aws, errors
from latchkey.dynamodb import keys, store, writes
from local.template import template

PLACE = keys.verification("v")


def test_what_is_put_is_what_is_got():
    item = {"text": "é", "number": 7, "yes": True, "raw": b"\0", "names": {"b", "a"}, "none": None}
    store.write(writes.Put(PLACE, when=writes.ABSENT, item=item | {"list": [1, {"x": "y"}]}))
    [got] = store.get(PLACE)
    key = {"pk": PLACE.pk, "sk": "-"}
    assert got == {k: v for k, v in item.items() if v is not None} | {"list": [1, {"x": "y"}]} | key


def test_items_of_both_tables_come_in_the_order_asked_for():
    store.write(writes.Put(keys.user("u"), item={"n": 1}), writes.Put(PLACE, item={"n": 2}))
    found = store.get(keys.email("nobody"), PLACE, keys.user("u"), PLACE)
    assert [item and item["n"] for item in found] == [None, 2, 1, 2]


def test_all_are_written_or_none():
    free = writes.Put(keys.user("u"), item={})
    taken = writes.Put(PLACE, when=writes.ABSENT, refusal=errors.AddressTaken, item={})
    store.write(writes.Put(PLACE, item={"n": 1}))
    with pytest.raises(writes.Conflict) as caught:
        store.write(free, taken)
    assert isinstance(caught.value.refusal, errors.AddressTaken)
    assert not caught.value.failed(free)
    assert caught.value.item(free) is None
    assert caught.value.failed(taken)
    found = caught.value.item(taken)
    assert found is not None
    assert found["n"] == 1
    assert store.get(keys.user("u")) == [None]


def test_a_conflict_of_one_update_shows_what_stands_there():
    store.write(writes.Put(PLACE, item={"n": 1}))
    update = writes.Update(PLACE, when="#n > :most", values={"most": 5}, sets={"n": 2})
    with pytest.raises(writes.Conflict) as caught:
        store.write(update)
    found = caught.value.item(update)
    assert found is not None
    assert found["n"] == 1


def test_an_update_returns_the_new_item():
    store.write(writes.Put(PLACE, item={"name": "reserved", "n": 1, "seen": {"a"}}))
    update = writes.Update(
        PLACE, when=writes.PRESENT, sets={"name": "x"}, adds={"n": 2, "seen": {"b"}}
    )
    new = store.write(update)
    assert (new["name"], new["n"], new["seen"]) == ("x", 3, {"a", "b"})


class Failing:
    """Fails as DynamoDB does, some times, then answers."""

    def __init__(self, code: str, times: int, **answer: Any) -> None:
        response: Any = {"Error": {"Code": code}, **answer}
        self.error = ClientError(response, "operation")
        self.times = times
        self.calls = 0

    def __call__(self, **_: object) -> dict[str, Any]:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return {"Attributes": {}}


TANGLED = {"CancellationReasons": [{"Code": "TransactionConflict"}, {"Code": "None"}]}


@pytest.mark.parametrize(("times", "done"), [(0, True), (63, True), (64, False)])
def test_transactions_that_meet_try_again_a_while(
    monkeypatch: pytest.MonkeyPatch, times: int, done: bool
):
    failing = Failing("TransactionCanceledException", times, **TANGLED)
    monkeypatch.setattr(aws.dynamodb(), "transact_write_items", failing)
    monkeypatch.setattr(store, "_PAUSE_SECONDS", 0)
    both = [writes.Put(PLACE, item={}), writes.Put(keys.user("u"), item={})]
    if done:
        store.write(*both)
    else:
        with pytest.raises(errors.Unavailable):
            store.write(*both)
    assert failing.calls == min(times + 1, 64)


def test_an_update_that_meets_a_transaction_tries_again(monkeypatch: pytest.MonkeyPatch):
    failing = Failing("TransactionConflictException", 3)
    monkeypatch.setattr(aws.dynamodb(), "update_item", failing)
    monkeypatch.setattr(store, "_PAUSE_SECONDS", 0)
    store.write(writes.Update(PLACE, sets={"n": 1}))
    assert failing.calls == 4


@pytest.mark.parametrize(
    "code",
    ["ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"],
)
@pytest.mark.parametrize(("times", "done"), [(5, True), (6, False)])
def test_a_throttled_call_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, code: str, times: int, done: bool
):
    failing = Failing(code, times)
    monkeypatch.setattr(aws.dynamodb(), "get_item", failing)
    monkeypatch.setattr(store, "_PAUSE_SECONDS", 0)
    if done:
        assert store.get(PLACE) == [None]
    else:
        with pytest.raises(errors.Unavailable):
            store.get(PLACE)
    assert failing.calls == 6


@pytest.mark.parametrize(
    ("reasons", "calls"),
    [
        (["None", "ThrottlingError"], 64),
        (["ProvisionedThroughputExceeded", "TransactionConflict"], 64),
        (["None", "ValidationError"], 1),
        (["ItemCollectionSizeLimitExceeded", "TransactionConflict"], 1),
    ],
)
def test_a_transaction_is_tried_again_only_if_that_can_help(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    reasons: list[str],
    calls: int,
):
    answer = {"CancellationReasons": [{"Code": code} for code in reasons]}
    failing = Failing("TransactionCanceledException", 64, **answer)
    monkeypatch.setattr(aws.dynamodb(), "transact_write_items", failing)
    monkeypatch.setattr(store, "_PAUSE_SECONDS", 0)
    with pytest.raises(errors.Unavailable):
        store.write(writes.Put(PLACE, item={}), writes.Put(keys.user("u"), item={}))
    assert failing.calls == calls
    line = json.loads(capsys.readouterr().out)
    if calls == 1:
        assert (line["level"], line["reasons"]) == ("ERROR", reasons)
    else:
        assert (line["level"], line["message"]) == ("WARNING", "DynamoDB refused a call too often")


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException"])
def test_what_dynamodb_will_not_do_is_unavailable(monkeypatch: pytest.MonkeyPatch, code: str):
    failing = Failing(code, 9)
    monkeypatch.setattr(aws.dynamodb(), "get_item", failing)
    with pytest.raises(errors.Unavailable):
        store.get(PLACE)
    assert failing.calls == 1


names = st.text(min_size=1, max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names, names)
def test_two_different_things_never_have_one_key(left: str, right: str):
    kinds: list[Callable[[str], keys.Key]] = [
        keys.user,
        keys.email,
        keys.username,
        keys.verification,
        lambda name: keys.sends(name, "-"),
        lambda name: keys.sends("t", name),
        lambda name: keys.source_sends(name, 1),
        lambda name: keys.session("u", name),
        lambda name: keys.event("u", 1, name),
    ]
    made = [kind(name) for kind in kinds for name in {left, right}]
    assert len(made) == len(set(made))


def test_the_template_has_the_keys_and_the_expiry():
    resources = template()["Resources"]
    assert resources["Grants"]["Properties"]["TimeToLiveSpecification"] == {
        "AttributeName": "expires_at",
        "Enabled": True,
    }
    accounts = resources["Accounts"]["Properties"]
    assert accounts["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
