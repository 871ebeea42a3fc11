"""Which changes of the tables are events, what those say, and what a failure repeats.

The images are what operations have really written; the records around them have the form of
DynamoDB's streams.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from functions.publish_events import app
from latchkey import aws
from latchkey.codes.verification import Delivery
from latchkey.mail import delivery
from tests.unit.conftest import (
    CONTEXT,
    DEVICE,
    NOW,
    Answer,
    Call,
    Clock,
    Confirm,
    Prove,
    SignIn,
    handler,
    start_container,
)

Record = dict[str, Any]
Told = list[tuple[str, dict[str, Any]]]
Watch = Callable[..., list[Record]]
TABLES = {"Accounts": ("pk",), "Grants": ("pk", "sk")}


def images() -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for table, names in TABLES.items():
        for item in aws.dynamodb().scan(TableName=table)["Items"]:
            found[(table, *(item[name]["S"] for name in names))] = item
    return found


@pytest.fixture
def watch(now: Clock) -> Watch:
    """Return a function that does something and returns the stream records of what it changed."""
    numbers = iter(range(10**6))

    def do(action: Callable[[], object], *, by_ttl: bool = False) -> list[Record]:
        before = images()
        action()
        after = images()
        records = []
        for key in {**before, **after}:
            old, new = before.get(key), after.get(key)
            if old == new:
                continue
            number = next(numbers)
            kept = {"OldImage": old, "NewImage": new}
            records.append(
                {
                    "eventID": f"{number:032x}",
                    "eventName": "MODIFY" if old and new else "INSERT" if new else "REMOVE",
                    "dynamodb": {
                        "ApproximateCreationDateTime": now.time,
                        "Keys": {n: {"S": v} for n, v in zip(TABLES[key[0]], key[1:], strict=True)},
                        **{name: image for name, image in kept.items() if image},
                        "SequenceNumber": f"{number:021d}",
                    },
                }
                | (
                    {"userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"}}
                    if by_ttl
                    else {}
                )
            )
        return records

    return do


def told(records: list[Record]) -> Told:
    return [happened for record in records for happened in app.events_of(record)]


def test_a_sign_up_is_a_user_and_a_sign_in(watch: Watch, call: Call, prove: Prove):
    token = prove()
    answer: list[Answer] = []
    body = {"verification_token": token, "password": "engine1843", "name": "Ada"}
    records = watch(lambda: answer.append(call("sign_up", body)))
    [session] = [r for r in records if "SESSION#" in str(r["dynamodb"]["Keys"])]
    sid = session["dynamodb"]["NewImage"]["sid"]["S"]
    sub = answer[0]["sub"]
    assert sorted(told(records)) == [
        ("user.created", {"sub": sub, "email": "ada@example.com", "groups": []}),
        ("user.signed_in", {"sub": sub, "client_id": "my-app", "sid": sid, "amr": "otp"}),
    ]


def test_a_refresh_and_a_refused_password_are_no_events(watch: Watch, call: Call, ada: Answer):
    body = {"grant_type": "refresh_token", "refresh_token": ada["refresh_token"]}
    assert told(watch(lambda: call("grant_token", body))) == []
    wrong = {"username": "ada@example.com", "password": "wrong1843"}
    assert told(watch(lambda: call("sign_in", wrong))) == []


def test_a_sign_in_is_one_event_even_if_it_hashes_the_password_anew(
    watch: Watch, ada: Answer, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("latchkey.users.passwords.rehash", lambda *_: "another hash")
    [(kind, data)] = told(watch(sign_in))
    assert (kind, data["sub"], data["amr"]) == ("user.signed_in", ada["sub"], "pwd")


def test_a_sign_in_on_the_same_device_revokes_the_session_before(
    watch: Watch, ada: Answer, sign_in: SignIn
):
    kinds = sorted(kind for kind, _ in told(watch(lambda: sign_in(device=DEVICE))))
    assert kinds == ["session.revoked", "user.signed_in"]


def test_changes_name_fields_and_no_values(watch: Watch, call: Call, ada: Answer, confirm: Confirm):
    bearer, sub = ada["access_token"], ada["sub"]
    name = watch(lambda: call("edit_profile", {"name": "A", "gender": "FEMALE"}, bearer=bearer))
    assert told(name) == [("user.changed", {"sub": sub, "changed": ["gender", "name"]})]
    body = {"new_password": "engine1844", "sudo_token": confirm(ada)}
    changed = told(watch(lambda: call("set_password", body, bearer=bearer)))
    assert changed == [("user.changed", {"sub": sub, "changed": ["password"]})]


def test_a_changed_address_is_told_with_the_new_one(
    watch: Watch, call: Call, ada: Answer, confirm: Confirm, prove: Prove, now: Clock
):
    now.time += 60
    email, sudo = "countess@example.com", confirm(ada)
    token = prove(email, ada["access_token"])
    body = {"email": email, "verification_token": token, "sudo_token": sudo}
    moved = told(watch(lambda: call("change_email", body, bearer=ada["access_token"])))
    assert moved == [("user.changed", {"sub": ada["sub"], "changed": ["email"], "email": email})]


def test_an_operator_who_gives_groups_and_disables_is_told(watch: Watch, ada: Answer):
    [item] = [i for k, i in images().items() if k == ("Accounts", f"USER#{ada['sub']}")]

    def act() -> None:
        aws.dynamodb().update_item(
            TableName="Accounts", Key={"pk": item["pk"]},
            UpdateExpression="SET #s = :s, #g = :g",
            ExpressionAttributeNames={"#s": "status", "#g": "groups"},
            ExpressionAttributeValues={":s": {"S": "disabled"}, ":g": {"L": [{"S": "staff"}]}},
        )  # fmt: skip

    assert told(watch(act)) == [
        ("user.changed", {"sub": ada["sub"], "changed": ["groups", "status"]})
    ]


def test_a_sign_out_revokes_and_the_end_of_time_does_not(
    watch: Watch, call: Call, ada: Answer, sign_in: SignIn, now: Clock
):
    signed_out = told(watch(lambda: call("sign_out", bearer=ada["access_token"])))
    assert [(kind, data["sub"]) for kind, data in signed_out] == [("session.revoked", ada["sub"])]
    other = sign_in()

    def expire() -> None:
        call("sign_out", bearer=other["access_token"])

    assert told(watch(expire, by_ttl=True)) == []
    late = sign_in()
    records = watch(lambda: call("sign_out", bearer=late["access_token"]))
    for record in records:
        record["dynamodb"]["ApproximateCreationDateTime"] += 31 * 86400
    assert told(records) == []


def test_a_deleted_account_is_told_without_its_address(
    watch: Watch, call: Call, ada: Answer, confirm: Confirm
):
    sudo = confirm(ada)
    records = watch(
        lambda: call("delete_user", bearer=ada["access_token"], query=f"sudo_token={sudo}")
    )
    assert sorted(kind for kind, _ in told(records)) == ["session.revoked", "user.deleted"]
    assert "ada@example.com" not in json.dumps(told(records))


@pytest.mark.parametrize("state", ["bounced", "complained", "suppressed"])
def test_a_code_that_does_not_arrive_is_told(
    watch: Watch, call: Call, ada: Answer, now: Clock, state: Delivery
):
    now.time += 60
    sent = call("send_code")["verification_id"]
    records = watch(lambda: delivery.record(sent, state))
    expected = {"sub": ada["sub"], "verification_id": sent, "reason": state}
    assert told(records) == [("mail.bounced", expected)]
    assert told(watch(lambda: delivery.record(sent, state))) == []
    now.time += 60
    stranger = call("send_code", {"email": "grace@example.com"})["verification_id"]
    [(_, data)] = told(watch(lambda: delivery.record(stranger, state)))
    assert data["sub"] is None


SECRETS = ("engine1843", "argon2", "203.0.113", "eyJ", DEVICE)


def test_no_event_has_a_secret_or_a_place(
    watch: Watch, call: Call, prove: Prove, configure: Callable[..., None]
):
    configure(event_bus_name="events")
    token = prove()
    answer: list[Answer] = []
    body = {"verification_token": token, "password": "engine1843"}
    records = watch(lambda: answer.append(call("sign_up", body)))
    records += watch(lambda: call("sign_out", bearer=answer[0]["access_token"]))
    text = json.dumps([app._entry(r, h) for r in records for h in app.events_of(r)])
    assert "user.created" in text
    assert not [secret for secret in SECRETS if secret in text]


# ==== Publishing ====


@pytest.fixture
def bus(configure: Callable[..., None]) -> Iterator[list[dict[str, Any]]]:
    """Take the place of the bus `events`, and return what it got, call by call."""
    configure(event_bus_name="events")
    calls: list[dict[str, Any]] = []

    def put(params: dict[str, Any], **_: object) -> None:
        calls.append(json.loads(params["body"]))

    events: Any = aws.events().meta.events
    boto3.client("events").create_event_bus(Name="events")
    events.register("before-call.events.PutEvents", put)
    yield calls
    events.unregister("before-call.events.PutEvents", put)
    boto3.client("events").delete_event_bus(Name="events")


def record(number: int, **image: Any) -> Record:
    new = {"pk": {"S": f"USER#{number}"}, "sub": {"S": str(number)}, "email": {"S": "a@b.example"}}
    return {
        "eventID": f"id-{number}",
        "eventName": "INSERT",
        "dynamodb": {
            "ApproximateCreationDateTime": NOW,
            "NewImage": new | image,
            "SequenceNumber": str(1000 + number),
        },
    }


def publish(records: list[Record]) -> list[str]:
    answer = handler("publish_events")({"Records": records}, CONTEXT)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_events_are_published_in_order_ten_at_a_time_with_ids_of_their_own(bus: Any):
    assert publish([record(number) for number in range(23)]) == []
    assert [len(call["Entries"]) for call in bus] == [10, 10, 3]
    entries = [entry for call in bus for entry in call["Entries"]]
    details = [json.loads(entry["Detail"]) for entry in entries]
    assert [detail["id"] for detail in details] == [f"id-{number}" for number in range(23)]
    assert {(e["Source"], e["DetailType"], e["EventBusName"]) for e in entries} == {
        ("latchkey", "user.created", "events")
    }
    assert details[0] == {
        "id": "id-0",
        "type": "user.created",
        "time": "2026-11-22T12:00:00Z",
        "data": {"sub": "0", "email": "a@b.example", "groups": []},
    }


def test_a_record_that_makes_no_event_stops_the_batch_there(bus: Any):
    broken = record(2)
    del broken["dynamodb"]["NewImage"]["email"]
    assert publish([record(0), record(1), broken, record(3)]) == ["1002"]
    assert [len(call["Entries"]) for call in bus] == [2]


def test_what_the_bus_refuses_is_repeated_from_there(bus: Any, monkeypatch: pytest.MonkeyPatch):
    class Bus:
        def put_events(self, Entries: list[Any]) -> Any:
            return {"Entries": [{"EventId": "1"}, {"ErrorCode": "ThrottlingException"}, {}]}

    monkeypatch.setattr(aws, "events", Bus)
    assert publish([record(0), record(1), record(2)]) == ["1001"]


def test_a_bus_that_cannot_be_reached_has_all_repeated(bus: Any, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as broken:
        broken.setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", "http://127.0.0.1:9")
        aws.forget()
        assert publish([record(0), record(1)]) == ["1000"]
    start_container()
