"""Show an operator what is known of one user, and of suppressions and keys."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from latchkey import addresses, errors
from latchkey.codes import verification
from latchkey.dynamodb import keys, store
from latchkey.keys import keyring
from latchkey.limits import failures
from latchkey.mail import delivery
from latchkey.operators.caller import OPERATOR
from latchkey.operators.entry import Act
from latchkey.operators.listing import MOST, Listed, listed
from latchkey.sessions import known_devices, session
from latchkey.users import history, user
from latchkey.users.profile import iso
from latchkey.users.user import User

Name = Annotated[str, Field(min_length=1, max_length=320)]
"""An address, a user name or an id, as typed."""


class ShowUser(Act):
    """Show a user with sessions, devices, spent budgets and codes in flight."""

    act: Literal["users.show"]
    user: Name


class ReadHistory(Act):
    """Read a page of a user's history."""

    act: Literal["users.history"]
    user: Name
    limit: Annotated[int, Field(ge=1, le=MOST)] = 20
    cursor: Annotated[str, Field(pattern=f"^({history.PAGE_TOKEN})?$")] = ""


class ListSuppressions(Act):
    """List the addresses that get no mail for now."""

    act: Literal["suppressions.list"]


class ListKeys(Act):
    """List the keys that sign, verify and derive codes; never the keys themselves."""

    act: Literal["keys.list"]


@dataclass(frozen=True)
class ShownUser:
    """A user with everything that an operator may see."""

    sub: str
    user: Listed
    sessions: list[dict[str, str]]
    devices: list[dict[str, str]]
    failures: list[dict[str, object]]
    codes: list[dict[str, object]]
    suppressed: str | None
    """Why the address gets no mail, if it gets none."""


def find(name: str) -> User:
    """Return the user of an address, a user name or an id. Raises NotFound."""
    address = addresses.canonical_or_none(name) if "@" in name else None
    guard = keys.email(address) if address else keys.username(name)
    [by_guard, item] = store.get(guard, keys.user(name))
    if by_guard is not None:
        [item] = store.get(keys.user(by_guard["sub"]))
    if item is None:
        raise errors.NotFound
    return user.of(item)


def show(asked: ShowUser, *, now: int) -> ShownUser:
    """Return a user with sessions, devices, failures and codes. Raises NotFound."""
    found = find(asked.user)
    items = list(store.query(keys.sessions_and_devices(found.sub)))
    suppression = delivery.suppressed(found.email, now=now)
    return ShownUser(
        sub=found.sub,
        user=listed(found),
        sessions=[
            {
                "sid": one.sid,
                "client_id": one.client_id,
                "device": one.device_id,
                "ip": one.ip,
                "user_agent": one.user_agent,
                "created_at": iso(one.created_at),
                "refreshed_at": iso(one.refreshed_at),
                "expires_at": iso(one.expires_at),
            }
            for one in session.alive(found, items, now=now)
        ],
        devices=[
            {
                "device": item.get("name", ""),
                "known_since": iso(known_devices.known_since(item, now=now)),
                "signed_in_at": iso(item["signed_in_at"]),
            }
            for item in filter(known_devices.is_device, items)
            if item["expires_at"] > now
        ],
        failures=[
            {
                "lane": lane.kind,
                "count": lane.count,
                "spent": lane.spent,
                "since": iso(lane.first_hour),
                "device": lane.device,
            }
            for lane in failures.read(found.email, now=now)
        ],
        codes=list(codes_in_flight(found.email, now=now)),
        suppressed=suppression.reason if suppression else None,
    )


def codes_in_flight(address: str, *, now: int) -> Iterator[dict[str, object]]:
    """Yield the state of the last code of each lane of an address, never the code."""
    for tag in keyring.tags(address):
        for item in store.query(keys.sends_of(tag)):
            sent = verification.read(item.get("verification_id") or "-")
            if sent is not None and sent.expires_at > now:
                yield {
                    "verification_id": sent.id,
                    "state": sent.state,
                    "delivery": sent.delivery,
                    "digits": sent.length,
                    "wrong_guesses": sent.guesses,
                    "created_at": iso(sent.created_at),
                    "expires_at": iso(sent.expires_at),
                }


def read_history(asked: ReadHistory, *, now: int) -> history.Page:
    """Return a page of a user's history. Raises NotFound."""
    found = find(asked.user)
    return history.read(
        found.sub,
        found.email,
        OPERATOR,
        only=None,
        without=None,
        most=asked.limit,
        page_token=asked.cursor,
        now=now,
    )


def list_suppressions(*, now: int) -> list[dict[str, str]]:
    """Return the addresses that get no mail, why, and until when."""
    return [
        {
            "address": item["sk"],
            "reason": item["reason"],
            "since": iso(item["at"]),
            "until": iso(item["expires_at"]),
        }
        for item in store.query(keys.suppression(""))
        if item["expires_at"] > now
    ]


def list_keys(*, now: int) -> list[dict[str, object]]:
    """Return the keys of the keyring without what is secret."""
    ring = keyring.load()
    return [
        {
            "id": key.id,
            "purpose": key.purpose,
            "active_at": iso(key.active_at),
            "current": key == ring.current(key.purpose, now),
        }
        for key in ring.keys
    ]
