"""Start a verification: make a code for an address, within the limits."""

import contextlib
from dataclasses import dataclass
from typing import Literal, TypeAlias

from latchkey import errors, ids, settings
from latchkey.caller import Caller
from latchkey.codes import asker, sends, strangers
from latchkey.codes.asker import Asked, Requester
from latchkey.codes.verification import Verification
from latchkey.dynamodb import keys, store, values, writes
from latchkey.keys import keyring, tokens
from latchkey.limits import captcha, ceiling, sources

Target: TypeAlias = Literal["ANY", "USER", "NOT_USER", "CUR_USER"]
# Requests of one device for the same address at the same moment make each other try again.
_ATTEMPTS = 10


@dataclass(frozen=True)
class Started:
    """A verification whose code is to be mailed. `expires_in` is in seconds, and `retry_after` too:
    until then, another code is refused.
    """

    verification_id: str
    is_user: bool
    expires_in: int
    retry_after: int
    locale: str | None
    """That of the signed-in user who asks."""
    repeated: bool = False
    """Whether this request has started it before: its mail was queued then."""
    undo_writes: tuple[writes.Update, ...] = ()

    def undo(self) -> None:
        """Give the cool-down back, because the mail could not be queued. If another send came after
        it, the cool-down is that one's.
        """
        with contextlib.suppress(writes.Conflict):
            store.write(*self.undo_writes)


def start(
    address: str, target: Target, caller: Caller, access: tokens.Access | None, *, now: int
) -> Started:
    """Write a verification of a canonical address. A repeated request gets the same one.

    `access` is the access token of the user who asks, if there is one; it counts if its session is
    alive. Raises NotFound, AddressTaken, Unauthenticated, TooManyRequests, CaptchaRequired and
    CaptchaInvalid.
    """
    codes = settings.Codes.load()
    for _ in range(_ATTEMPTS):
        asked = asker.read(address, caller, access, now)
        before, locale = asked.before, asked.requester.locale
        is_user = _is_user(asked.owner, asked.requester)
        if caller.repeats(before.sent_by, before.sent_at, now=now):
            left = max(1, before.code_expires_at - now)
            wait = max(0, before.sent_at + codes.code_cooldown_seconds - now)
            undo = _undo_writes(address, asked, before.verification_id, at=before.sent_at)
            return Started(before.verification_id, is_user, left, wait, locale, True, undo)
        ceiling.check(known=asked.known, now=now)
        _check_target(target, asked.owner, asked.requester, caller, now)
        asked.check_limits(codes, now)
        paid = _captcha_writes(asked, caller, codes, now)
        made = _verification(address, asked, caller, codes, now)
        after = before.after(made, caller, now)
        record = sends.replace_write(address, asked.sends_lane, before, after, now=now)
        count = asked.allowance.count_write(codes, now=now) if asked.allowance else None
        try:
            store.write(
                record,
                writes.Put(
                    keys.verification(made.id), when=writes.ABSENT, item=values.item_of(made)
                ),
                sources.count_code_write(caller.source, now=now),
                *([count] if count else []),
                *paid,
            )
        except writes.Conflict as conflict:
            # Only what another request changed meanwhile is worth another look.
            if any(map(conflict.failed, paid)) or not (
                conflict.failed(record) or (count and conflict.failed(count))
            ):
                raise
            continue
        undo = _undo_writes(address, asked, made.id, at=now)
        left, wait = made.expires_at - now, codes.code_cooldown_seconds
        return Started(made.id, is_user, left, wait, locale, undo_writes=undo)
    raise errors.TooManyRequests("Too many codes were asked for at once.", retry_after=1)


def _undo_writes(
    address: str, asked: Asked, verification_id: str, *, at: int
) -> tuple[writes.Update, ...]:
    """Return the writes that undo the send of that time."""
    own = sends.undo_write(address, asked.sends_lane, verification_id, now=at)
    return (own, asked.allowance.undo_write(now=at)) if asked.allowance else (own,)


def _captcha_writes(
    asked: Asked, caller: Caller, codes: settings.Codes, now: int
) -> list[writes.Write]:
    if asked.allowance is None:
        return []
    return captcha.send_writes(
        caller,
        failures=asked.failures,
        sends=asked.allowance.sends,
        most=strangers.NETWORKS * codes.codes_per_address_per_day,
        now=now,
    )


def _verification(
    address: str, asked: Asked, caller: Caller, codes: settings.Codes, now: int
) -> Verification:
    """Make the verification. A long code needs no budget, so it has no lane."""
    before = asked.before
    length = codes.long_code_length if asked.spent else codes.code_length
    lane = "" if asked.spent else asked.lane
    shared = before.shares_seed(caller, length, lane, codes, now)
    return Verification(
        id=ids.new_id(),
        address=address,
        seed=before.seed if shared else ids.new_seed(),
        key_id=before.key_id if shared else keyring.load().current("mac", now).id,
        length=length,
        lane=lane,
        known=asked.known,
        sends_lane=asked.sends_lane,
        created_at=now,
        expires_at=before.code_expires_at if shared else now + codes.code_seconds,
        owner=asked.owner,
        requester=asked.requester.sub,
        requester_sid=asked.requester.sid,
        device_id=caller.device_id,
    )


def _is_user(owner: str, requester: Requester) -> bool:
    """Return what the client is told. With strict account discovery, everybody is told that the
    address is free, except its own signed-in user: then clients sign up, with the password and the
    name that were typed, and a sign-up signs in whoever has an account (functions/sign_up).
    """
    if settings.Discovery.load().strict:
        return requester.sub != "" and requester.sub == owner
    return owner != ""


def _check_target(
    target: Target, owner: str, requester: Requester, caller: Caller, now: int
) -> None:
    """Refuse an address that is not what the client says it is. The answer tells whether the
    address has an account, so it counts against the source's limit. With strict account discovery
    there is no such answer: only the mail tells it.
    """
    if target == "CUR_USER" and not requester.sub:
        raise errors.Unauthenticated
    if target in ("USER", "NOT_USER") and settings.Discovery.load().strict:
        return
    refusal: type[errors.AuthError] | None = None
    if target == "USER" and not owner and not requester.sub:
        refusal = errors.NotFound
    elif target == "NOT_USER" and owner:
        refusal = errors.AddressTaken
    elif target == "CUR_USER" and owner != requester.sub:
        refusal = errors.NotFound
    if refusal:
        sources.count_code(caller.source, now=now)
        raise refusal
