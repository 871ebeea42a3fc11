"""Proofs: whoever holds a verification token has read the mail to an address."""

from dataclasses import dataclass

from latchkey import addresses, errors
from latchkey.caller import Caller
from latchkey.codes.verification import Verification
from latchkey.dynamodb import keys, values, writes
from latchkey.keys import tokens


@dataclass(frozen=True)
class Proof:
    """The proof of an address. It can be used once."""

    verification_id: str
    address: str
    """Canonical."""
    owner: str
    """The user who had the address when the code was asked for, or empty. Check it before use."""

    def consume_write(
        self,
        sub: str,
        sid: str,
        caller: Caller,
        *,
        now: int,
        refusal: type[errors.AuthError] = errors.ProofUnusable,
    ) -> writes.Update:
        """Return the write that uses the proof up for a user's session. One caller wins it."""
        return writes.Update(
            keys.verification(self.verification_id),
            when="#state = :verified AND #expires_at > :now",
            values={"verified": "verified", "now": now},
            refusal=refusal,
            sets={
                "state": "consumed",
                "consumed_at": now,
                "consumed_by": caller.retry_id,
                "sub": sub,
                "sid": sid,
            },
        )


def of(verified: Verification) -> Proof:
    """Return the proof that a code which was just redeemed is."""
    return Proof(verified.id, verified.address, verified.owner)


def read(token: str, claimed: str, *, now: int) -> Proof:
    """Read a verification token. Raises ProofUnusable, also if `claimed` is another address.

    The SDK sends odd things as the claimed address beside a valid token, such as nothing or
    "+86 undefined". So it is compared only if it is a well-formed address.
    """
    try:
        claims = tokens.read_mac("verification", token, now=now)
    except tokens.Refused as refused:
        raise errors.ProofUnusable from refused
    if addresses.canonical_or_none(claimed) not in (None, claims["email"]):
        raise errors.ProofUnusable
    return Proof(claims["jti"], claims["email"], claims.get("own", ""))


def from_note(note: values.Item | None, address: str, sid: str, *, asked: range, now: int) -> Proof:
    """Return the proof that redeeming a code noted for a change of address (redeem.py).

    This session must have asked for the code, and at one of these times. Raises AddressNotProven.
    """
    if (
        note is None
        or note["sid"] != sid
        or note["asked_at"] not in asked
        or note["expires_at"] <= now
    ):
        raise errors.AddressNotProven
    return Proof(note["verification_id"], address, "")


def consumed_by_this_request(
    item: values.Item | None, caller: Caller, *, now: int
) -> Verification | None:
    """Return the verification of an item, if this very request has consumed it before."""
    if item is None:
        return None
    found = values.record_of(Verification, item)
    repeated = caller.repeats(found.consumed_by, found.consumed_at, now=now)
    return found if found.state == "consumed" and repeated else None
