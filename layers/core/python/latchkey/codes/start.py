"""Start a verification: make a code for an address, within the limits."""

from dataclasses import dataclass

from latchkey import errors, ids, settings
from latchkey.caller import Caller
from latchkey.codes import limits, sends
from latchkey.codes.sends import Sends
from latchkey.codes.verification import Target, Verification
from latchkey.dynamodb import keys, store, values, writes
from latchkey.keys import keyring, tokens
from latchkey.limits import budget, captcha

# Requests for the same address at the same moment make each other try again.
_ATTEMPTS = 10


@dataclass(frozen=True)
class Started:
    """A verification whose code is to be mailed. `expires_in` is in seconds."""

    verification_id: str
    is_user: bool
    expires_in: int
    locale: str | None
    """That of the signed-in user who asks."""
    lane: str
    """The lane of its address that it was sent in."""
    repeated: bool = False
    """Whether this request has started it before: its mail was queued then."""


@dataclass(frozen=True)
class _Requester:
    """The signed-in user who asks for a code; all empty if nobody is signed in."""

    sub: str = ""
    sid: str = ""
    locale: str | None = None


def start(
    address: str,
    target: Target,
    usage: str,
    caller: Caller,
    access: tokens.Access | None,
    *,
    now: int,
) -> Started:
    """Write a verification of a canonical address. A repeated request gets the same one.

    `access` is the access token of the user who asks, if there is one; it counts if its session is
    alive. Raises NotFound, AddressTaken, Unauthenticated, TooManyRequests, CaptchaRequired and
    CaptchaInvalid.
    """
    codes = settings.Codes.load()
    tags = keyring.tags(address)
    session = f"session {access.sid if access else ''}"
    lanes = [budget.STRANGERS, caller.device_id or "none", session]
    wanted = [keys.email(address), *(sends.key(address, lane, now) for lane in lanes)]
    wanted += [keys.budget(tag, budget.STRANGERS) for tag in tags]
    wanted += [keys.budget(tag, caller.device_id or "none") for tag in tags]
    if access:
        wanted += [keys.user(access.sub), keys.session(access.sub, access.sid)]
    for _ in range(_ATTEMPTS):
        guard, *others = store.get(*wanted)
        sent, others = dict(zip(lanes, others, strict=False)), others[len(lanes) :]
        strangers, device = others[: len(tags)], others[len(tags) : 2 * len(tags)]
        asking = others[2 * len(tags) :]
        requester = _requester(*asking, now=now) if asking else _Requester()
        owner = guard["sub"] if guard else ""
        # The lane is fixed here. With a spent lane the code is long, and needs no budget.
        if requester.sub and requester.sub == owner:
            lane, failures = session, []
        elif caller.device_is_secret and budget.knows(device, now=now):
            lane, failures = caller.device_id, device
        else:
            lane, failures = budget.STRANGERS, strangers
        spent = budget.is_spent(failures, now=now)
        before = values.record_of(Sends, sent[lane] or {})
        if caller.repeats(before.sent_by, before.sent_at, now=now):
            left = max(1, before.code_expires_at - now)
            return Started(
                before.verification_id,
                guard is not None,
                left,
                requester.locale,
                lane,
                repeated=True,
            )
        _check_target(target, owner, requester, caller, now)
        before.check_limits(codes, now)
        paid: list[writes.Write] = []
        if lane == budget.STRANGERS:
            paid = captcha.send_writes(
                caller,
                failures=max(budget.failures(item, now=now) for item in failures),
                sends=before.sends if now - before.window_at < sends.DAY else 0,
                most=codes.codes_per_address_per_day,
                now=now,
            )
        length = codes.long_code_length if spent else codes.code_length
        counted = "" if spent else lane
        shared = before.shares_seed(caller, length, counted, codes, now)
        made = Verification(
            id=ids.new_id(),
            address=address,
            target=target,
            seed=before.seed if shared else ids.new_seed(),
            key_id=before.key_id if shared else keyring.load().current("mac", now).id,
            length=length,
            lane=counted,
            sends_lane=lane,
            created_at=now,
            expires_at=before.code_expires_at if shared else now + codes.code_seconds,
            usage=usage,
            owner=owner,
            requester=requester.sub,
            requester_sid=requester.sid,
            device_id=caller.device_id,
        )
        after = before.after(made, caller, codes, now)
        count = limits.count_write(caller.source, now=now)
        try:
            store.write(
                sends.replace_write(address, lane, before, after, now=now),
                writes.Put(
                    keys.verification(made.id), when=writes.ABSENT, item=values.item_of(made)
                ),
                count,
                *paid,
            )
        except writes.Conflict as conflict:
            if any(map(conflict.failed, [count, *paid])):
                raise
            continue
        return Started(made.id, guard is not None, made.expires_at - now, requester.locale, lane)
    raise errors.TooManyRequests("Too many codes were asked for at once.", retry_after=1)


def _requester(user: values.Item | None, session: values.Item | None, *, now: int) -> _Requester:
    if user is None or session is None or session["expires_at"] <= now:
        return _Requester()
    if session.get("version") not in (None, user.get("version", 1)):
        return _Requester()  # Older credentials: Session.belongs_to.
    return _Requester(user["sub"], session["sid"], user.get("locale"))


def _check_target(
    target: Target, owner: str, requester: _Requester, caller: Caller, now: int
) -> None:
    """Refuse an address that is not what the client says it is. The answer tells whether the
    address has an account, so it counts against the source's limit.
    """
    if target == "CUR_USER" and not requester.sub:
        raise errors.Unauthenticated
    refusal: type[errors.AuthError] | None = None
    if target == "USER" and not owner and not requester.sub:
        refusal = errors.NotFound
    elif target == "NOT_USER" and owner:
        refusal = errors.AddressTaken
    elif target == "CUR_USER" and owner != requester.sub:
        refusal = errors.NotFound
    if refusal:
        limits.count(caller.source, now=now)
        raise refusal
