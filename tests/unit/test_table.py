from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latchkey import aws, errors, table
from local.template import template

PLACE = table.verification("v")


def test_what_is_put_is_what_is_got():
    item = {"text": "é", "number": 7, "yes": True, "raw": b"\0", "names": {"b", "a"}, "none": None}
    table.write(table.Put(PLACE, table.ABSENT, item=item | {"list": [1, {"x": "y"}]}))
    [got] = table.get(PLACE)
    key = {"pk": PLACE.pk, "sk": "-"}
    assert got == {k: v for k, v in item.items() if v is not None} | {"list": [1, {"x": "y"}]} | key


def test_items_of_both_tables_come_in_the_order_asked_for():
    table.write(table.Put(table.user("u"), "", item={"n": 1}), table.Put(PLACE, "", item={"n": 2}))
    found = table.get(table.email("nobody"), PLACE, table.user("u"), PLACE)
    assert [item and item["n"] for item in found] == [None, 2, 1, 2]


def test_all_are_written_or_none():
    table.write(table.Put(PLACE, "", item={"n": 1}))
    with pytest.raises(table.Conflict) as caught:
        table.write(
            table.Put(table.user("u"), "", item={}),
            table.Put(PLACE, table.ABSENT, refusal=errors.AddressTaken, item={}),
        )
    assert isinstance(caught.value.refusal, errors.AddressTaken)
    assert caught.value.items[1] is not None
    assert caught.value.items[1]["n"] == 1
    assert table.get(table.user("u")) == [None]


def test_a_conflict_of_one_update_shows_what_stands_there():
    table.write(table.Put(PLACE, "", item={"n": 1}))
    with pytest.raises(table.Conflict) as caught:
        table.write(table.Update(PLACE, "#n > :most", {"most": 5}, sets={"n": 2}))
    assert caught.value.items[0] is not None
    assert caught.value.items[0]["n"] == 1


def test_an_update_returns_the_new_item():
    table.write(table.Put(PLACE, "", item={"name": "reserved", "n": 1, "seen": {"a"}}))
    update = table.Update(PLACE, table.PRESENT, sets={"name": "x"}, adds={"n": 2, "seen": {"b"}})
    new = table.write(update)
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


@pytest.mark.parametrize(("times", "done"), [(0, True), (6, True), (7, False)])
def test_transactions_that_meet_try_again_a_while(
    monkeypatch: pytest.MonkeyPatch, times: int, done: bool
):
    failing = Failing("TransactionCanceledException", times, **TANGLED)
    monkeypatch.setattr(aws.dynamodb(), "transact_write_items", failing)
    monkeypatch.setattr(table, "_PAUSE", 0)
    writes = [table.Put(PLACE, "", item={}), table.Put(table.user("u"), "", item={})]
    if done:
        table.write(*writes)
    else:
        with pytest.raises(errors.Unavailable):
            table.write(*writes)
    assert failing.calls == min(times + 1, 7)


def test_an_update_that_meets_a_transaction_tries_again(monkeypatch: pytest.MonkeyPatch):
    failing = Failing("TransactionConflictException", 3)
    monkeypatch.setattr(aws.dynamodb(), "update_item", failing)
    monkeypatch.setattr(table, "_PAUSE", 0)
    table.write(table.Update(PLACE, "", sets={"n": 1}))
    assert failing.calls == 4


@pytest.mark.parametrize(
    "code", ["ProvisionedThroughputExceededException", "AccessDeniedException"]
)
def test_what_dynamodb_will_not_do_is_unavailable(monkeypatch: pytest.MonkeyPatch, code: str):
    monkeypatch.setattr(aws.dynamodb(), "get_item", Failing(code, 9))
    with pytest.raises(errors.Unavailable):
        table.get(PLACE)


names = st.text(min_size=1, max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names, names)
def test_two_different_things_never_have_one_key(left: str, right: str):
    kinds: list[Callable[[str], table.Key]] = [
        table.user,
        table.email,
        table.username,
        table.verification,
        table.sends,
        lambda name: table.source_sends(name, 1),
        lambda name: table.session("u", name),
        lambda name: table.event("u", 1, name),
    ]
    keys = [kind(name) for kind in kinds for name in {left, right}]
    assert len(keys) == len(set(keys))


def test_the_template_has_the_keys_and_the_expiry():
    resources = template()["Resources"]
    assert resources["Grants"]["Properties"]["TimeToLiveSpecification"] == {
        "AttributeName": "expires_at",
        "Enabled": True,
    }
    accounts = resources["Accounts"]["Properties"]
    assert accounts["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert accounts["DeletionProtectionEnabled"] is True
