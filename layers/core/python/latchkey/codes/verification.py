"""Verifications: a code that is mailed to an address, and then the proof that it was read there.

    pending -> verified -> consumed

No code is stored. It is derived from the verification's random seed under the MAC key: by the
mailer when it sends, and by the verifier when it checks. A resend from the same device shares the
seed under a new id, so every mail has the same code, whichever arrives. Redeeming the code spends
the seed, and with it all ids that share it.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from latchkey import errors
from latchkey.dynamodb import keys, store, values
from latchkey.keys import keyring, tokens

# How long a verification token can be used; the vendor's value.
TOKEN_SECONDS = 600

Delivery: TypeAlias = Literal[
    "queued", "sending", "sent", "delivered", "bounced", "complained", "suppressed", "failed"
]


@dataclass(frozen=True)
class Verification:
    """One mailed code. From `verified` on, `expires_at` is that of its token."""

    id: str
    address: str
    """Canonical."""
    seed: str
    key_id: str
    """The MAC key that the code is derived with."""
    length: int
    """Of the code, in digits."""
    lane: str
    """The lane of the budget of failures that guesses count in (limits/budget.py); empty for a long
    code, which is outside the budget.
    """
    created_at: int
    expires_at: int
    owner: str = ""
    """The sub of the user who had the address when the code was asked for, or empty."""
    requester: str = ""
    requester_sid: str = ""
    """The user and the session that asked for the code, or empty."""
    device_id: str = ""
    known: bool = False
    """Whether it is for a device that the account knows, or a session of the owner."""
    sends_lane: str = "-"
    """The lane whose record the seed is in (codes/sends.py)."""
    guesses: int = 0
    state: Literal["pending", "verified", "consumed"] = "pending"
    delivery: Delivery = "queued"
    """What became of the mail (mail/delivery.py)."""
    claimed_until: int = 0
    """Until when the mailer that claimed the mail may be sending it."""
    verified_at: int = 0
    verified_by: str = ""
    consumed_at: int = 0
    consumed_by: str = ""
    """The request that verified it, and the one that consumed it. Only these may be repeated."""
    sub: str = ""
    sid: str = ""
    """The user and the session that it was consumed for."""

    def code(self) -> str:
        """Derive the code: the first 64 bits of HMAC-SHA-256 as decimal digits. RFC 4226 takes 31
        bits, which hardly fill ten digits. Raises CodeUnusable if the key was compromised and
        is gone.
        """
        key = keyring.find("mac", self.key_id)
        if key is None:
            raise errors.CodeUnusable
        number = int.from_bytes(keyring.mac(key, f"code:{self.seed}")[:8])
        return str(number % 10**self.length).zfill(self.length)

    def token(self) -> str:
        """Return the verification token. It is the same at every call."""
        return tokens.issue_mac(
            "verification",
            {"jti": self.id, "email": self.address, "own": self.owner},
            now=self.verified_at,
            expires_at=self.verified_at + TOKEN_SECONDS,
        )


def read(verification_id: str) -> Verification | None:
    """Read a verification, which may have expired. Return None if the id is unknown."""
    [item] = store.get(keys.verification(verification_id))
    return values.record_of(Verification, item) if item else None
