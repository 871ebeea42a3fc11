"""What was sent to an address: cool-down, daily limit, and the seeds of live codes.

There is a record for each device and each session of the owner, so that nobody else disturbs them.
For a device that the account does not know, it holds the seed alone: cool-down and limit are those
of its network (strangers.py).
"""

from dataclasses import dataclass, field, replace

from latchkey import errors, settings
from latchkey.caller import Caller
from latchkey.codes.verification import Verification
from latchkey.dynamodb import keys, values, writes
from latchkey.keys import keyring

DAY = 86400


@dataclass(frozen=True)
class Sends:
    """The record of an address and a lane. Every change adds one to `revision`, and is made only if
    `revision` is what was read.
    """

    revision: int = 0
    window_at: int = 0
    """When the day of `sends` began."""
    sends: int = 0
    sent_at: int = 0
    sent_by: str = ""
    """The request of the last send, which may be repeated."""
    verification_id: str = ""
    device_id: str = ""
    seed: str = ""
    key_id: str = ""
    length: int = 0
    lane: str = ""
    code_expires_at: int = 0
    """The code of the last send. A resend from that device shares it."""
    spent: set[str] = field(default_factory=set)
    """The seeds that were redeemed while a code with them could still be alive."""

    def check_limits(self, codes: settings.Codes, now: int) -> None:
        """Raise TooManyRequests during the cool-down, and beyond the daily limit."""
        wait = self.sent_at + codes.code_cooldown_seconds - now
        if wait > 0:
            raise too_soon(wait)
        wait = self.window_at + DAY - now
        if wait > 0 and self.sends >= codes.codes_per_address_per_day:
            raise too_many(wait)

    def shares_seed(
        self, caller: Caller, length: int, lane: str, codes: settings.Codes, now: int
    ) -> bool:
        """Return whether a resend to this caller has the same code: the same device asks for the
        same length in the same lane, the code was not redeemed, and at least half of its life is
        left.
        """
        return (
            self.seed != ""
            and (self.length, self.lane) == (length, lane)
            and self.seed not in self.spent
            and self.device_id == caller.device_id != ""
            and self.code_expires_at - now >= codes.code_seconds // 2
        )

    def after(self, made: Verification, caller: Caller, now: int) -> "Sends":
        """Return the record after this verification was made."""
        same_day = now - self.window_at < DAY
        return replace(
            self,
            revision=self.revision + 1,
            window_at=self.window_at if same_day else now,
            sends=self.sends + 1 if same_day else 1,
            sent_at=now,
            sent_by=caller.retry_id,
            verification_id=made.id,
            device_id=caller.device_id,
            seed=made.seed,
            key_id=made.key_id,
            length=made.length,
            lane=made.lane,
            code_expires_at=made.expires_at,
            spent=self.spent if now < self.code_expires_at else set(),
        )


def too_soon(seconds: int) -> errors.TooManyRequests:
    """Return the refusal during a cool-down."""
    return errors.TooManyRequests(
        "A code was sent to this address a moment ago. Wait before asking for another.",
        retry_after=seconds,
        reason="cool_down",
    )


def too_many(seconds: int) -> errors.TooManyRequests:
    """Return the refusal beyond a daily limit."""
    return errors.TooManyRequests(
        "Too many codes were sent to this address today.", retry_after=seconds
    )


def key(address: str, lane: str, now: int) -> keys.Key:
    """Return the key of the record of a canonical address and a lane."""
    return keys.sends(keyring.tag(address, now), lane)


def replace_write(address: str, lane: str, before: Sends, after: Sends, *, now: int) -> writes.Put:
    """Return the write of a record. It fails if anything was sent or redeemed since `before` was
    read.
    """
    item = values.item_of(after)
    return writes.Put(
        key(address, lane, now),
        when=f"{writes.ABSENT} OR #revision = :seen",
        values={"seen": before.revision},
        item=item | {"spent": after.spent or None, "expires_at": now + 2 * DAY},
    )


def spend_write(verified: Verification, *, now: int) -> writes.Update:
    """Return the write that spends the seed of a redeemed code. It fails if the seed is spent."""
    return writes.Update(
        key(verified.address, verified.sends_lane, now),
        when="NOT contains(#spent, :seed)",
        values={"seed": verified.seed},
        sets={"expires_at": now + 2 * DAY},
        adds={"spent": {verified.seed}, "revision": 1},
    )


def undo_write(address: str, lane: str, verification_id: str, *, now: int) -> writes.Update:
    """Return the write that undoes a send whose mail could not be queued, so that it starts no
    cool-down. It fails if another send came after it: then the cool-down is that one's.
    """
    return writes.Update(
        key(address, lane, now),
        when="#verification_id = :id",
        values={"id": verification_id},
        sets={"sent_at": 0, "sent_by": ""},
        adds={"revision": 1, "sends": -1},
    )
