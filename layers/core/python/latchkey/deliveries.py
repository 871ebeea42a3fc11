"""Deliveries: what became of the mail with a code, and the addresses that are left alone.

    queued -> sent -> delivered | bounced -> complained
      |-> bounced | suppressed | failed

SMTP tells no more than `sent`, or at once `bounced` or `failed`; the rest comes from SES's events.
They come in any order and more than once, so each state may only follow those named for it here.
"""

from typing import Literal, TypeAlias

import msgspec

from latchkey import keyring, log, settings, table

State: TypeAlias = Literal[
    "queued", "sent", "delivered", "bounced", "complained", "suppressed", "failed"
]
_AFTER: dict[State, tuple[State, ...]] = {
    "sent": ("queued",),
    "delivered": ("queued", "sent"),
    "bounced": ("queued", "sent", "delivered"),
    "complained": ("queued", "sent", "delivered", "bounced"),
    "suppressed": ("queued",),
    "failed": ("queued", "sent"),
}


class Suppressed(msgspec.Struct, frozen=True):
    """An address that gets no mail until `expires_at`, and why."""

    reason: Literal["bounced", "complained"]
    at: int
    expires_at: int


def record(verification_id: str, state: State) -> bool:
    """Write a state down, and say whether it was news; a code that DynamoDB has deleted stays
    so.
    """
    before = {f"s{number}": name for number, name in enumerate(_AFTER[state])}
    try:
        table.write(
            table.Update(
                table.verification(verification_id),
                f"#delivery IN ({', '.join(f':{name}' for name in before)})",
                dict(before),
                sets={"delivery": state},
            )
        )
    except table.Conflict:
        return False
    return True


def told(state: State, *, to_user: bool) -> State:
    """Return what may be said of a mail. Whether a stranger's mailbox exists or has complained is
    not ours to tell: of an address without a user, only whether the mail has left.
    """
    if to_user:
        return state
    general: dict[State, State] = {"queued": "queued", "sent": "sent", "delivered": "sent"}
    return general.get(state, "failed")


def suppress(address: str, reason: Literal["bounced", "complained"], *, now: int) -> None:
    """Leave a canonical address alone for a time."""
    until = now + settings.Suppression.load().suppression_days * 86400
    item = msgspec.to_builtins(Suppressed(reason, now, until))
    table.write(table.Put(table.suppression(keyring.tag(address, now)), "", item=item))
    log.info("address suppressed", reason=reason)


def suppressed(address: str, *, now: int) -> Suppressed | None:
    """Return why an address is left alone, if it is."""
    for item in table.get(*_places(address)):
        if item is not None and item["expires_at"] > now:
            return msgspec.convert(item, Suppressed)
    return None


def lift(address: str, *, now: int) -> Suppressed | None:
    """Let an address have mails again, and return why it had none."""
    found = suppressed(address, now=now)
    for place in _places(address):
        table.write(table.Delete(place, ""))
    return found


def _places(address: str) -> list[table.Key]:
    """It stands under the key that was current when it was written."""
    return [table.suppression(tag) for tag in keyring.tags(address)]
