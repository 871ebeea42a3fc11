"""The streams of both tables: tell the event bus of users, sign-ins, ended sessions and bounces."""

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from latchkey import aws, log, settings
from latchkey.dynamodb.values import Item, unpack_all
from latchkey.users.profile import iso

SOURCE = "latchkey"
# The most that PutEvents takes.
_BATCH = 10
# What changes at a sign-in or with any other change, and says nothing by itself.
_BOOKKEEPING = {
    "updated_at",
    "last_sign_in_at",
    "sign_ins",
    "counted_sign_ins",
    "version",
    "changed_at",
    "changed_by",
    "directory",
    "entry",
}
Record: TypeAlias = dict[str, Any]
Happened: TypeAlias = tuple[str, dict[str, Any]]
"""The type of an event, and what it says."""


@log.logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Publish the events of a batch, in the order of the stream.

    Lambda repeats the batch from the first record that failed (a partial batch response). A record
    that comes again makes an event with the same id.
    """
    entries: list[tuple[str, dict[str, Any]]] = []
    failed = ""
    for record in event["Records"]:
        number = record["dynamodb"]["SequenceNumber"]
        try:
            entries += [(number, _entry(record, happened)) for happened in events_of(record)]
        except Exception as cause:
            log.fault("a record of a stream makes no event", cause, operation="publish_events")
            failed = number
            break
    refused = _publish(entries) or failed
    log.info("events", published=len(entries), complete=not refused)
    return {"batchItemFailures": [{"itemIdentifier": refused}] if refused else []}


def events_of(record: Record) -> Iterator[Happened]:
    """Say what has happened by a record of a stream (NEW_AND_OLD_IMAGES): mostly nothing."""
    change = record["dynamodb"]
    before = unpack_all(change.get("OldImage") or {})
    after = unpack_all(change.get("NewImage") or {})
    kind = str((after or before)["pk"]).partition("#")[0]
    sort = str((after or before).get("sk", ""))
    match kind, sort.partition("#")[0]:
        case "USER", "":
            yield from _of_user(before, after)
        case "USER", "EVENT" if not before and after["action"] == "USER_LOGIN":
            yield "user.signed_in", {"sub": _sub(after)} | _told(after, "client_id", "sid", "amr")
        case "USER", "SESSION" if not after and not _has_expired(record, before):
            yield "session.revoked", {"sub": _sub(before)} | _told(before, "client_id", "sid")
        case "VERIFICATION", _ if before and _has_bounced(before, after):
            yield (
                "mail.bounced",
                {
                    "sub": after.get("owner") or None,
                    "verification_id": after["id"],
                    "reason": after["delivery"],
                },
            )


def _of_user(before: Item, after: Item) -> Iterator[Happened]:
    if not before:
        groups = list(after.get("groups", ()))
        yield "user.created", {"sub": after["sub"], "email": after["email"], "groups": groups}
    elif not after:
        yield "user.deleted", {"sub": before["sub"]}
    elif changed := _changed(before, after):
        email = {"email": after["email"]} if "email" in changed else {}
        yield "user.changed", {"sub": after["sub"], "changed": changed, **email}


def _changed(before: Item, after: Item) -> list[str]:
    """Name the fields that differ. A password that was only hashed anew, at a sign-in, is the
    same.
    """
    names = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    if before.get("version") == after.get("version"):
        names.discard("password_hash")
    return sorted("password" if n == "password_hash" else n for n in names - _BOOKKEEPING)


def _has_bounced(before: Item, after: Item) -> bool:
    state = after.get("delivery")
    return state in ("bounced", "complained", "suppressed") and state != before.get("delivery")


def _has_expired(record: Record, session: Item) -> bool:
    """Return whether a session was deleted because its time was over: by DynamoDB, or by us."""
    by_dynamodb = (record.get("userIdentity") or {}).get("type") == "Service"
    return bool(by_dynamodb or session["expires_at"] <= _at(record))


def _told(item: Item, *names: str) -> Item:
    return {name: item[name] for name in names}


def _at(record: Record) -> int:
    return int(record["dynamodb"]["ApproximateCreationDateTime"])


def _sub(item: Item) -> str:
    return str(item["pk"]).removeprefix("USER#")


def _entry(record: Record, happened: Happened) -> dict[str, Any]:
    """Return the entry of PutEvents."""
    kind, data = happened
    detail = {"id": record["eventID"], "type": kind, "time": iso(_at(record)), "data": data}
    return {
        "EventBusName": settings.EventBus.load().event_bus_name,
        "Source": SOURCE,
        "DetailType": kind,
        "Detail": json.dumps(detail),
    }


def _publish(entries: list[tuple[str, dict[str, Any]]]) -> str:
    """Publish entries. Return the sequence number of the first that the bus did not take, or
    nothing.
    """
    for first in range(0, len(entries), _BATCH):
        batch = entries[first : first + _BATCH]
        try:
            answer = aws.events().put_events(Entries=[entry for _, entry in batch])  # type: ignore[misc]
        except aws.FAULTS as fault:
            log.fault("the event bus took no events", fault)
            return batch[0][0]
        for (number, _), told in zip(batch, answer["Entries"], strict=True):
            if "ErrorCode" in told:
                log.warning("the event bus refused an event", aws_error=told["ErrorCode"])
                return number
    return ""


aws.prepare("events")
