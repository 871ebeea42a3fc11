"""How many read units a page of the history takes, as DynamoDB counts them."""

from collections.abc import Callable
from typing import Any

from latchkey import aws
from latchkey.caller import Caller
from latchkey.dynamodb import keys, store
from latchkey.users import history
from tests.engine.conftest import new_address, new_device
from tests.unit.clock import NOW

ENTRIES = 1000
# A page of 20 and one more, of entries as long as a browser's name makes them.
MOST_UNITS = 3.0
AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"


def units(act: Callable[[], object]) -> float:
    """Return the read units of all queries that are made meanwhile."""
    counted: list[float] = []
    events: Any = aws.dynamodb().meta.events

    def ask(params: dict[str, Any], **_: object) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    def note(parsed: dict[str, Any], **_: object) -> None:
        counted.append(parsed["ConsumedCapacity"]["CapacityUnits"])

    events.register("provide-client-params.dynamodb.Query", ask)
    events.register("after-call.dynamodb.Query", note)
    try:
        act()
    finally:
        events.unregister("provide-client-params.dynamodb.Query", ask)
        events.unregister("after-call.dynamodb.Query", note)
    return sum(counted)


def test_a_question_about_a_rare_action_reads_no_more_than_a_page():
    device = new_device()
    tokens = device.register(new_address())
    caller = Caller("", "", b"", "d" * 32, True, "203.0.113.7", AGENT, "", "", {}, "", "")
    entries = [
        history.add_write(
            "USER_LOGIN", tokens["sub"], caller, client_id="my-app", now=NOW + number, sid="s" * 26
        )
        for number in range(ENTRIES)
    ]
    store.write_each(*entries)
    # How it was until 0.1.0: DynamoDB reads on until it has found enough.
    before = units(
        lambda: list(
            store.query(
                keys.events(tokens["sub"]), only="#action = :only", values={"only": "NOTHING"}
            )
        )
    )
    pages: list[Any] = []
    query = "query[action]=NOTHING"
    after = units(
        lambda: pages.append(
            device.call("security_history", bearer=tokens["access_token"], query=query)
        )
    )
    print(f"read units of a page among {ENTRIES} entries: {before} before, {after} now")
    [page] = pages
    assert page["data"] == []
    assert page["page_token"]
    assert before > 10 * MOST_UNITS
    assert after <= MOST_UNITS
