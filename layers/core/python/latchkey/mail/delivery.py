"""What became of a mail with a code, and which addresses get no mail for a time.

    queued -> sent -> delivered | bounced -> complained
      |-> bounced | suppressed | failed

An SMTP server tells no more than `sent`, or at once `bounced` or `failed`. The rest comes from
SES's events, in any order and more than once, so each state may only follow the states named here.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from latchkey import log, settings
from latchkey.codes.verification import Delivery
from latchkey.dynamodb import keys, store, values, writes
from latchkey.keys import keyring

Reason: TypeAlias = Literal["bounced", "complained"]

_AFTER: dict[Delivery, tuple[Delivery, ...]] = {
    "sent": ("queued",),
    "delivered": ("queued", "sent"),
    "bounced": ("queued", "sent", "delivered"),
    "complained": ("queued", "sent", "delivered", "bounced"),
    "suppressed": ("queued",),
    "failed": ("queued", "sent"),
}


@dataclass(frozen=True)
class Suppression:
    """An address that gets no mail until `expires_at`, and why."""

    reason: Reason
    at: int
    expires_at: int


def record(verification_id: str, state: Delivery) -> bool:
    """Record the state of a mail. Return whether it has changed: it has not if the state was
    recorded before, may not follow the present one, or the verification no longer exists.
    """
    before = {f"s{number}": name for number, name in enumerate(_AFTER[state])}
    try:
        store.write(
            writes.Update(
                keys.verification(verification_id),
                when=f"#delivery IN ({', '.join(f':{name}' for name in before)})",
                values=before,
                sets={"delivery": state},
            )
        )
    except writes.Conflict:
        return False
    return True


def visible_state(state: Delivery, *, to_user: bool) -> Delivery:
    """Return the state that a client may see. For an address without an account it is only whether
    the mail has left: whether a stranger's mailbox exists, or has complained, is private.
    """
    if to_user:
        return state
    general: dict[Delivery, Delivery] = {"queued": "queued", "sent": "sent", "delivered": "sent"}
    return general.get(state, "failed")


def suppress(address: str, reason: Reason, *, now: int) -> None:
    """Send no mail to a canonical address for SUPPRESSION_DAYS."""
    until = now + settings.Suppression.load().suppression_days * 86400
    item = values.item_of(Suppression(reason, now, until))
    store.write(writes.Put(keys.suppression(keyring.tag(address, now)), item=item))
    log.info("address suppressed", reason=reason)


def suppressed(address: str, *, now: int) -> Suppression | None:
    """Return why an address gets no mail, or None if it does."""
    for item in store.get(*_keys(address)):
        if item is not None and item["expires_at"] > now:
            return values.record_of(Suppression, item)
    return None


def lift(address: str, *, now: int) -> Suppression | None:
    """Send mail to an address again. Return why it got none."""
    found = suppressed(address, now=now)
    for key in _keys(address):
        store.write(writes.Delete(key))
    return found


def _keys(address: str) -> list[keys.Key]:
    """Return where the suppression can be: under the MAC key that was current then."""
    return [keys.suppression(tag) for tag in keyring.tags(address)]
