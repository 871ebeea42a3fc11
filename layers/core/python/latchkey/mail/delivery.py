"""What became of a mail with a code, and which addresses get no mail for a time.

    queued <-> sending -> sent -> delivered | bounced -> complained
      |           `-> bounced | failed
      `-> suppressed | failed

An SMTP server tells no more than `sent`, or at once `bounced` or `failed`. The rest comes from
SES's events, in any order and more than once, so each state may only follow the states named here.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from latchkey import log, settings
from latchkey.codes.verification import Delivery
from latchkey.dynamodb import keys, store, values, writes

Reason: TypeAlias = Literal["bounced", "complained"]

# The time-out of send_mail (template.yaml): a mailer that has claimed a mail is gone by then.
CLAIM_SECONDS = 90

_AFTER: dict[Delivery, tuple[Delivery, ...]] = {
    "queued": ("sending",),
    "sent": ("queued", "sending"),
    "delivered": ("queued", "sending", "sent"),
    "bounced": ("queued", "sending", "sent", "delivered"),
    "complained": ("queued", "sending", "sent", "delivered", "bounced"),
    "suppressed": ("queued",),
    "failed": ("queued", "sending", "sent"),
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


def claim(verification_id: str, *, now: int) -> bool:
    """Claim the mail of a code, so that no other mailer sends it: messages of the queue can come
    twice, and to several mailers at once. Return whether the claim was made.

    A claim ends after CLAIM_SECONDS, because a mailer can die while it sends.
    """
    try:
        store.write(
            writes.Update(
                keys.verification(verification_id),
                when="#delivery = :queued OR (#delivery = :sending AND #claimed_until <= :now)",
                values={"queued": "queued", "sending": "sending", "now": now},
                sets={"delivery": "sending", "claimed_until": now + CLAIM_SECONDS},
            )
        )
    except writes.Conflict:
        return False
    return True


def queue_again(verification_id: str) -> bool:
    """Return whether the mail of a code must go into the queue once more, because its request was
    repeated before any mailer took it: the answer of DynamoDB or of the queue may have been lost.

    This is so once for each verification, and a mailer that gets both messages sends one mail.
    """
    try:
        store.write(
            writes.Update(
                keys.verification(verification_id),
                when="#delivery = :queued AND attribute_not_exists(#queued_again)",
                values={"queued": "queued"},
                sets={"queued_again": True},
            )
        )
    except writes.Conflict:
        return False
    return True


def visible_state(state: Delivery, *, to_user: bool) -> Delivery:
    """Return the state that a client may see. For an address without an account it is only whether
    the mail has left: whether a stranger's mailbox exists, or has complained, is private.
    """
    if state == "sending":
        return "queued"
    if to_user:
        return state
    general: dict[Delivery, Delivery] = {"queued": "queued", "sent": "sent", "delivered": "sent"}
    return general.get(state, "failed")


def suppress(address: str, reason: Reason, *, now: int) -> None:
    """Send no mail to a canonical address for SUPPRESSION_DAYS."""
    until = now + settings.Suppression.load().suppression_days * 86400
    item = values.item_of(Suppression(reason, now, until))
    store.write(writes.Put(keys.suppression(address), item=item))
    log.info("address suppressed", reason=reason)


def suppressed(address: str, *, now: int) -> Suppression | None:
    """Return why an address gets no mail, or None if it does."""
    [item] = store.get(keys.suppression(address))
    if item is None or item["expires_at"] <= now:
        return None
    return values.record_of(Suppression, item)


def lift(address: str, *, now: int) -> Suppression | None:
    """Send mail to an address again. Return why it got none."""
    found = suppressed(address, now=now)
    store.write(writes.Delete(keys.suppression(address)))
    return found
