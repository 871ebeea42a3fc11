"""Redeem a mailed code: at most five guesses, and one success."""

import hmac
from dataclasses import replace

from latchkey import errors
from latchkey.caller import Caller
from latchkey.codes import sends
from latchkey.codes.verification import TOKEN_SECONDS, Verification
from latchkey.dynamodb import keys, store, values, writes
from latchkey.keys import keyring
from latchkey.limits import budget, storm

# 5 of 10**6 is a chance of 1 in 200 000 for a guesser, per verification. The budget of the account
# bounds the sum over many verifications: 20 a day of 10**6 are 0.06 % in 30 days. Five of 10**10,
# at each of the 50 long codes of a day, are under 10**-6 in 30 days.
MAX_GUESSES = 5


def redeem(verification_id: str, code: str | int, caller: Caller, *, now: int) -> Verification:
    """Return the verification of a code that was right.

    A number stands for a code whose leading zeros a client has lost. Raises WrongCode,
    CodeUnusable and TooManyGuesses; guesses at short codes also count in the account's budget of
    failures.
    """
    # The guess is counted before it is compared, so that parallel guesses cannot outrun the limit.
    count = writes.Update(
        keys.verification(verification_id),
        when="#state = :pending AND #guesses < :most AND #expires_at > :now",
        values={"pending": "pending", "most": MAX_GUESSES, "now": now},
        adds={"guesses": 1},
    )
    try:
        pending = values.record_of(Verification, store.write(count))
    except writes.Conflict as conflict:
        return _redeemed_before(conflict.item(count), code, caller, now)
    _note_guess(pending, now)
    tried = _count_failure(pending, caller, now)
    if not _same(code, pending.code()):
        if tried and tried.source:
            storm.count_wrong(tried.source.number, now=now)
        raise errors.WrongCode
    refund = tried.refund_writes() if tried else []
    verify = writes.Update(
        keys.verification(verification_id),
        when="#state = :pending",
        values={"pending": "pending"},
        sets={
            "state": "verified",
            "verified_at": now,
            "verified_by": caller.retry_id,
            "expires_at": now + TOKEN_SECONDS,
        },
    )
    try:
        store.write(
            verify, sends.spend_write(pending, now=now), *_note_writes(pending, now), *refund
        )
    except writes.Conflict as conflict:
        return _redeemed_before(conflict.item(verify), code, caller, now)
    return replace(pending, state="verified", verified_at=now)


def _note_guess(guessed: Verification, now: int) -> None:
    """Note a guess for the log. A long code, which is outside the budget, has a lane too."""
    lane = guessed.sends_lane if guessed.known else budget.STRANGERS
    budget.Lane(keyring.tag(guessed.address, now), lane).note_try("code")


def _count_failure(pending: Verification, caller: Caller, now: int) -> budget.Try | None:
    """Count a guess at a short code in the account's budget, and a stranger's in that of the
    source. Raises TooManyGuesses if one is spent, and to strangers in a storm: a new code will be
    long.
    """
    if not pending.lane:
        return None
    lane = budget.Lane(keyring.tag(pending.address, now), pending.lane)
    if lane.name == budget.STRANGERS and storm.is_on(now=now):
        raise errors.TooManyGuesses
    try:
        return budget.count(lane, caller, now=now)
    except errors.TooManyRequests as spent:
        raise errors.TooManyGuesses from spent


def _note_writes(verified: Verification, now: int) -> list[writes.Write]:
    """Return the write of a note that the signed-in user who asked for the code has proven an
    address that is not theirs yet. The SDK's updateUser({email}) needs it: it sends no token.
    """
    if verified.requester in ("", verified.owner):
        return []
    note = {
        "verification_id": verified.id,
        "sid": verified.requester_sid,
        "asked_at": verified.created_at,
        "expires_at": now + TOKEN_SECONDS,
    }
    return [writes.Put(keys.proven(verified.requester, verified.address), item=note)]


def _redeemed_before(
    item: values.Item | None, code: str | int, caller: Caller, now: int
) -> Verification:
    """Answer a guess that was not evaluated. Only the request that redeemed the code before, when
    it is repeated with the right code, gets its answer again.
    """
    if item is None:
        raise errors.CodeUnusable
    found = values.record_of(Verification, item)
    if found.expires_at <= now:
        raise errors.CodeUnusable
    if found.state == "pending" and found.guesses >= MAX_GUESSES:
        _note_guess(found, now)
        raise errors.TooManyGuesses
    repeated = caller.repeats(found.verified_by, found.verified_at, now=now)
    # A sign-in by code in one step verifies and consumes; when it is repeated, both are done.
    done = found.state == "verified" or caller.repeats(
        found.consumed_by, found.consumed_at, now=now
    )
    if not done or not repeated or not _same(code, found.code()):
        raise errors.CodeUnusable
    return found


def _same(guess: str | int, code: str) -> bool:
    digits = str(guess).zfill(len(code)) if isinstance(guess, int) else "".join(guess.split())
    return hmac.compare_digest(digits.encode(), code.encode())
