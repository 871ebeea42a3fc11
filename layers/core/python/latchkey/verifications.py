"""Mailed codes: sent within limits, guessed at most five times, redeemed once for a proof of the
address.

A code is never stored: it is derived from the verification's random seed under the MAC key, by the
mailer when it sends and by the verifier when it checks. A resend from the same device mails the
same code under a new id, so that the code of whichever mail arrives is right; redeeming it spends
the seed, and with it the code of all those ids.
"""

import hmac
from typing import Annotated, Literal, NamedTuple

import msgspec

from latchkey import deliveries, errors, ids, keyring, limits, settings, table, tokens, users
from latchkey.http import Caller, Text

# 5 of 10**6 is a chance of 1 in 200 000 for a guesser, per verification.
MAX_GUESSES = 5
# How long a proof may be used; the vendor's value.
TOKEN_SECONDS = 600
_DAY = 86400
# Requests for the same address at the same moment make each other try again.
_ATTEMPTS = 10

Target = Literal["ANY", "USER", "NOT_USER", "CUR_USER"]
Code = Text | Annotated[int, msgspec.Meta(ge=0)]


class Verification(msgspec.Struct, frozen=True):
    """A mailed code; after `verified` its expiry is that of the token, and `guesses` says how often
    it was tried.
    """

    id: str
    address: str
    target: Target
    seed: str
    key_id: str
    """The MAC key that the code is derived with."""
    created_at: int
    expires_at: int
    usage: str = ""
    owner: str = ""
    """The sub of the user whose address it was when the code was asked for, or empty."""
    requester: str = ""
    requester_sid: str = ""
    """The user and session that asked, or empty."""
    device_id: str = ""
    guesses: int = 0
    state: Literal["pending", "verified", "consumed"] = "pending"
    delivery: deliveries.State = "queued"
    verified_at: int = 0
    verified_by: str = ""
    consumed_at: int = 0
    consumed_by: str = ""
    """The request that verified, and the one that consumed: the only ones that may be repeated."""
    sub: str = ""
    sid: str = ""
    """The user and session that it was consumed for."""

    def code(self) -> str:
        """Derive the code: RFC 4226's truncation of HMAC-SHA-256 to decimal digits. Raises
        Unavailable.
        """
        key = keyring.find("mac", self.key_id)
        if key is None:
            raise errors.Unavailable
        digest = keyring.mac(key, f"code:{self.seed}")
        offset = digest[-1] & 0xF
        number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF
        length = settings.Codes.load().code_length
        return str(number % 10**length).zfill(length)

    def token(self) -> str:
        """Return the proof, the same at every call."""
        return tokens.issue_mac(
            "verification",
            {"jti": self.id, "email": self.address, "own": self.owner},
            now=self.verified_at,
            expires_at=self.verified_at + TOKEN_SECONDS,
        )

    def proof(self) -> "Proof":
        """Return the proof itself, for a use of it in the same request."""
        return Proof(self.id, self.address, self.owner)


class Sends(msgspec.Struct, frozen=True):
    """What was sent to an address. `revision` goes up with every change, and every change depends
    on it.
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
    code_expires_at: int = 0
    """The seed that a resend from that device shares."""
    spent: set[str] = msgspec.field(default_factory=set)
    """The seeds that were redeemed while a code could still be alive."""


class Started(msgspec.Struct, frozen=True):
    """A verification whose code is to be mailed; `locale` is that of the user who asks, if signed
    in.
    """

    verification_id: str
    is_user: bool
    expires_in: int
    locale: str | None


def start(
    address: str,
    target: Target,
    usage: str,
    caller: Caller,
    access: tokens.Access | None,
    *,
    now: int,
) -> Started:
    """Write a verification of a canonical address, within the limits.

    A repeated request gets the same one. `access` is the access token of the user who asks, if any;
    it counts if its session goes on. Raises NotFound, AddressTaken, Unauthenticated and
    TooManyRequests.
    """
    codes = settings.Codes.load()
    place = table.sends(keyring.tag(address, now))
    who = [table.user(access.sub), table.session(access.sub, access.sid)] if access else []
    for _ in range(_ATTEMPTS):
        guard, found, *asking = table.get(table.email(address), place, *who)
        asker = _asking(*asking, now=now) if asking else None
        before = msgspec.convert(found or {}, Sends)
        if caller.repeats(before.sent_by, before.sent_at, now=now):
            left = max(1, before.code_expires_at - now)
            return Started(before.verification_id, guard is not None, left, _locale(asker))
        _check_target(target, guard, caller, asker, now)
        _check_limits(before, codes, now)
        owner = guard["sub"] if guard else ""
        made = _verification(address, target, usage, caller, owner, asker, before, now)
        after = msgspec.structs.replace(
            before,
            revision=before.revision + 1,
            window_at=before.window_at if now - before.window_at < _DAY else now,
            sends=before.sends + 1 if now - before.window_at < _DAY else 1,
            sent_at=now,
            sent_by=caller.retry_id,
            verification_id=made.id,
            device_id=caller.device_id,
            seed=made.seed,
            key_id=made.key_id,
            code_expires_at=made.expires_at,
            spent=before.spent if now < before.sent_at + codes.code_seconds else set(),
        )
        try:
            table.write(
                _unchanged(place, before, after, now),
                table.Put(
                    table.verification(made.id), table.ABSENT, item=msgspec.to_builtins(made)
                ),
                limits.count_source(caller.source, now=now),
            )
        except table.Conflict as conflict:
            if isinstance(conflict.refusal, errors.TooManyRequests):
                raise conflict.refusal from None
            continue
        return Started(made.id, guard is not None, made.expires_at - now, _locale(asker))
    raise errors.TooManyRequests("Too many codes were asked for at once.", retry_after=1)


def give_back(address: str, verification_id: str, *, now: int) -> None:
    """Undo the cool-down of a send whose mail could not be queued."""
    place = table.sends(keyring.tag(address, now))
    try:
        table.write(
            table.Update(
                place,
                "#verification_id = :id",
                {"id": verification_id},
                sets={"sent_at": 0, "sent_by": ""},
                adds={"revision": 1, "sends": -1},
            )
        )
    except table.Conflict:
        return  # Somebody else has sent since: the cool-down is theirs.


def digits(code: Code) -> str:
    """Return a code as mailed: a number has lost its leading zeros."""
    if isinstance(code, int):
        return str(code).zfill(settings.Codes.load().code_length)
    return "".join(code.split())


def read(verification_id: str, *, now: int) -> Verification:
    """Return a verification that is still of use. Raises NotFound."""
    # No id of ours is longer; DynamoDB refuses keys beyond 2 KB.
    [item] = table.get(table.verification(verification_id[:64]))
    if item is None or item["expires_at"] <= now:
        raise errors.NotFound("There is no such verification, or it has expired.")
    return msgspec.convert(item, Verification)


def verify(verification_id: str, code: str, caller: Caller, *, now: int) -> Verification:
    """Redeem a code. Raises WrongCode, CodeUnusable and TooManyGuesses.

    The guess is counted before it is compared, so that no number of parallel guesses outruns the
    limit.
    """
    place = table.verification(verification_id)
    try:
        item = table.write(
            table.Update(
                place,
                "#state = :pending AND #guesses < :most AND #expires_at > :now",
                {"pending": "pending", "most": MAX_GUESSES, "now": now},
                adds={"guesses": 1},
            )
        )
    except table.Conflict as conflict:
        return _verified_before(conflict.items[0], code, caller, now)
    guessed = msgspec.convert(item, Verification)
    if not _same(code, guessed.code()):
        raise errors.WrongCode
    sends = table.sends(keyring.tag(guessed.address, now))
    try:
        table.write(
            table.Update(
                place,
                "#state = :pending",
                {"pending": "pending"},
                sets={
                    "state": "verified",
                    "verified_at": now,
                    "verified_by": caller.retry_id,
                    "expires_at": now + TOKEN_SECONDS,
                },
            ),
            table.Update(
                sends,
                "NOT contains(#spent, :seed)",
                {"seed": guessed.seed},
                sets={"expires_at": now + 2 * _DAY},
                adds={"spent": {guessed.seed}, "revision": 1},
            ),
            *_proven(guessed, now),
        )
    except table.Conflict as conflict:
        return _verified_before(conflict.items[0], code, caller, now)
    return msgspec.structs.replace(guessed, state="verified", verified_at=now)


class Proof(msgspec.Struct, frozen=True):
    """A verification token that was read: whoever sent it has read the mail to this address."""

    verification_id: str
    address: str
    owner: str
    """The user whose address it was when the code was asked for, or empty: a hint to check."""

    def consumption(
        self,
        sub: str,
        sid: str,
        caller: Caller,
        *,
        now: int,
        refusal: type[errors.AuthError] = errors.ProofUnusable,
    ) -> table.Write:
        """Return the write that uses the proof up for a session, which one caller wins."""
        return table.Update(
            table.verification(self.verification_id),
            "#state = :verified AND #expires_at > :now",
            {"verified": "verified", "now": now},
            refusal=refusal,
            sets={
                "state": "consumed",
                "consumed_at": now,
                "consumed_by": caller.retry_id,
                "sub": sub,
                "sid": sid,
            },
        )


def prove(token: str, claimed: str, *, now: int) -> Proof:
    """Read a verification token. Raises ProofUnusable, also if `claimed` is another address than
    the proven one.

    The SDK sends odd things as the claimed address beside a valid token, such as nothing or "+86
    undefined": only a well-formed address is compared.
    """
    try:
        claims = tokens.read_mac("verification", token, now=now)
    except tokens.Refused as refused:
        raise errors.ProofUnusable from refused
    if users.canonical(claimed) not in (None, claims["email"]):
        raise errors.ProofUnusable
    return Proof(claims["jti"], claims["email"], claims.get("own", ""))


def proven(
    note: table.Item | None, address: str, sid: str, *, asked_before: int, now: int
) -> Proof:
    """Return the proof that `verify` noted for a change of address, if its code was asked for by
    this session and before that time. Raises AddressNotProven.
    """
    if (
        note is None
        or note["sid"] != sid
        or note["asked_at"] >= asked_before
        or note["expires_at"] <= now
    ):
        raise errors.AddressNotProven
    return Proof(note["verification_id"], address, "")


def consumed_before(item: table.Item | None, caller: Caller, *, now: int) -> Verification | None:
    """Return the verification that stood in the way, if this very request has consumed it."""
    if item is None:
        return None
    found = msgspec.convert(item, Verification)
    repeated = caller.repeats(found.consumed_by, found.consumed_at, now=now)
    return found if found.state == "consumed" and repeated else None


class _Asker(NamedTuple):
    """The signed-in user who asks for a code."""

    sub: str
    sid: str
    locale: str | None


def _asking(person: table.Item | None, session: table.Item | None, *, now: int) -> _Asker | None:
    if person is None or session is None or session["expires_at"] <= now:
        return None
    return _Asker(person["sub"], session["sid"], person.get("locale"))


def _locale(asker: _Asker | None) -> str | None:
    return asker.locale if asker else None


def _proven(verified: Verification, now: int) -> list[table.Write]:
    """The SDK's updateUser({email}) sends no token with the change of address: note that the user
    who asked for the code has proven an address that is not theirs yet.
    """
    if verified.requester in ("", verified.owner):
        return []
    note = {
        "verification_id": verified.id,
        "sid": verified.requester_sid,
        "asked_at": verified.created_at,
        "expires_at": now + TOKEN_SECONDS,
    }
    return [table.Put(table.proven(verified.requester, verified.address), "", item=note)]


def _check_target(
    target: Target, guard: table.Item | None, caller: Caller, asker: _Asker | None, now: int
) -> None:
    refusal: errors.AuthError | None = None
    if target == "USER" and guard is None and not asker:
        refusal = errors.NotFound()
    elif target == "NOT_USER" and guard is not None:
        refusal = errors.AddressTaken()
    elif target == "CUR_USER" and not asker:
        raise errors.Unauthenticated
    elif target == "CUR_USER" and asker and (guard is None or guard["sub"] != asker.sub):
        refusal = errors.NotFound()
    if refusal:
        limits.spend(caller.source, now=now)
        raise refusal


def _check_limits(before: Sends, codes: settings.Codes, now: int) -> None:
    wait = before.sent_at + codes.code_cooldown_seconds - now
    if wait > 0:
        raise errors.TooManyRequests(
            "A code was sent to this address a moment ago. Wait before asking for another.",
            retry_after=wait,
        )
    wait = before.window_at + _DAY - now
    if wait > 0 and before.sends >= codes.codes_per_address_per_day:
        raise errors.TooManyRequests(
            "Too many codes were sent to this address today.", retry_after=wait
        )


def _verification(
    address: str,
    target: Target,
    usage: str,
    caller: Caller,
    owner: str,
    asker: _Asker | None,
    before: Sends,
    now: int,
) -> Verification:
    """A resend shares the seed if the same device asks while at least half of the code's life is
    left.
    """
    life = settings.Codes.load().code_seconds
    shared = (
        before.seed != ""
        and before.seed not in before.spent
        and before.device_id == caller.device_id != ""
        and before.code_expires_at - now >= life // 2
    )
    return Verification(
        id=ids.new_id(),
        address=address,
        target=target,
        seed=before.seed if shared else ids.new_seed(),
        key_id=before.key_id if shared else keyring.load().current("mac", now).id,
        created_at=now,
        expires_at=before.code_expires_at if shared else now + life,
        usage=usage,
        owner=owner,
        requester=asker.sub if asker else "",
        requester_sid=asker.sid if asker else "",
        device_id=caller.device_id,
    )


def _unchanged(place: table.Key, before: Sends, after: Sends, now: int) -> table.Write:
    """Return the write of what was sent, which fails if anything was sent or redeemed since it was
    read.
    """
    item = msgspec.to_builtins(after, builtin_types=(set,))
    return table.Put(
        place,
        f"{table.ABSENT} OR #revision = :seen",
        {"seen": before.revision},
        item=item | {"spent": after.spent or None, "expires_at": now + 2 * _DAY},
    )


def _verified_before(item: table.Item | None, code: str, caller: Caller, now: int) -> Verification:
    """Answer a guess that was not evaluated: as before, if it is the winner's own, repeated."""
    if item is None:
        raise errors.CodeUnusable
    found = msgspec.convert(item, Verification)
    if found.expires_at <= now:
        raise errors.CodeUnusable
    if found.state == "pending" and found.guesses >= MAX_GUESSES:
        raise errors.TooManyGuesses
    repeated = caller.repeats(found.verified_by, found.verified_at, now=now)
    # Signing in by a code in one step verifies and consumes; its repetition finds both done.
    done = found.state == "verified" or caller.repeats(
        found.consumed_by, found.consumed_at, now=now
    )
    if not done or not repeated or not _same(code, found.code()):
        raise errors.CodeUnusable
    return found


def _same(guess: str, code: str) -> bool:
    return hmac.compare_digest(guess.encode(), code.encode())
