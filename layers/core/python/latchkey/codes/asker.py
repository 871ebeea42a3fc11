"""Who asks for a code: a stranger, a device that the account knows, or a session of the owner.

That decides the lane of the code, here and once: which failures count, which codes count, and
whether the code is long.
"""

from dataclasses import dataclass

from latchkey import settings
from latchkey.caller import Caller
from latchkey.codes import sends, strangers
from latchkey.codes.sends import Sends
from latchkey.codes.strangers import Allowance
from latchkey.dynamodb import keys, store, values
from latchkey.keys import keyring, tokens
from latchkey.limits import budget, ceiling, sources, storm


@dataclass(frozen=True)
class Requester:
    """The signed-in user who asks for a code; all empty if nobody is signed in."""

    sub: str = ""
    sid: str = ""
    locale: str | None = None


@dataclass(frozen=True)
class Asked:
    """Who asks, as what, and what was sent to the address before."""

    requester: Requester
    owner: str
    """The sub of the user who has the address, or empty."""
    lane: str
    """Of the budget of failures (limits/budget.py)."""
    failures: int
    """Those of the lane that count."""
    spent: bool
    """Whether the lane is spent: then the code is long."""
    sends_lane: str
    before: Sends
    allowance: Allowance | None
    """What strangers at this network may ask for; None for the owner's devices and sessions."""

    @property
    def known(self) -> bool:
        """Return whether a device that the account knows, or a session of its owner, asks."""
        return self.allowance is None

    def check_limits(self, codes: settings.Codes, now: int) -> None:
        """Raise TooManyRequests during the cool-down, and beyond the daily limit."""
        if self.allowance:
            self.allowance.check(codes, now)
        else:
            self.before.check_limits(codes, now)


def read(address: str, caller: Caller, access: tokens.Access | None, now: int) -> Asked:
    """Read all that a code depends on, in one call. The lane is fixed here."""
    tags = keyring.tags(address)
    device = caller.device_id or f"network {sources.subscriber(caller.source)}"
    session = f"session {access.sid if access else ''}"
    guard, own, of_session = (
        keys.email(address),
        *(sends.key(address, lane, now) for lane in (device, session)),
    )
    to_strangers = strangers.key(address, now=now)
    source = sources.failures_key(caller.source, now=now)
    failures = {
        lane: [keys.budget(tag, lane) for tag in tags]
        for lane in (budget.STRANGERS, device, *([session] if access else []))
    }
    asking = [keys.user(access.sub), keys.session(access.sub, access.sid)] if access else []
    counters = [*storm.keys_to_read(now=now), *ceiling.keys_to_read(now=now)]
    wanted = [guard, own, of_session, to_strangers, source, *asking, *counters]
    wanted += [key for lane in failures.values() for key in lane]
    found = dict(zip(wanted, store.get(*wanted), strict=True))
    storm.learn(found, now=now)
    ceiling.learn(found, now=now)

    requester = _requester(found[asking[0]], found[asking[1]], now=now) if asking else Requester()
    owner = str((found[guard] or {}).get("sub", ""))
    failed = {lane: [found[key] for key in places] for lane, places in failures.items()}
    if requester.sub and requester.sub == owner:
        lane, place = session, of_session
    elif caller.device_is_secret and budget.knows(failed[device], now=now):
        lane, place = device, own
    else:
        lane, place = budget.STRANGERS, own
    before = values.record_of(Sends, found[place] or {})
    failed_now = max(budget.failures(item, now=now) for item in failed[lane])
    spent = budget.is_spent(failed[lane], now=now)
    if lane != budget.STRANGERS:
        return Asked(requester, owner, lane, failed_now, spent, lane, before, None)
    spent = spent or sources.is_spent(found[source], caller.source) or storm.is_on(now=now)
    allowance = strangers.allowance(address, caller.source, found[to_strangers], now=now)
    return Asked(requester, owner, lane, failed_now, spent, device, before, allowance)


def _requester(user: values.Item | None, session: values.Item | None, *, now: int) -> Requester:
    if user is None or session is None or session["expires_at"] <= now:
        return Requester()
    if session.get("version") not in (None, user.get("version", 1)):
        return Requester()  # Older credentials: Session.belongs_to.
    return Requester(user["sub"], session["sid"], user.get("locale"))
