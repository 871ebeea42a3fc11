"""Sessions: one for each sign-in, kept alive by refreshes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from latchkey import ids, settings
from latchkey.caller import Caller
from latchkey.dynamodb import keys, values
from latchkey.users import user as users
from latchkey.users.user import User


@dataclass(frozen=True)
class Session:
    """A sign-in that is still good. Its tokens follow from this record (credentials.py), so the
    same generation always has the same tokens. Times are epoch seconds.
    """

    sub: str
    sid: str
    client_id: str
    device_id: str
    """The name of the device of the last refresh; `ip` and `user_agent` likewise."""
    ip: str
    user_agent: str
    created_at: int
    amr: list[str]
    """How the user signed in: `pwd` or `otp` (RFC 8176)."""
    expires_at: int
    refreshed_at: int
    confirmed_at: int
    """When the user last proved to be present: at the sign-in, or for sudo."""
    generation: int = 0
    refreshed_by: str = ""
    """The request of the last refresh, which may be repeated."""
    version: int | None = None
    """The version of the user's credentials that the session belongs to. A session that was started
    before versions were kept has none.
    """
    groups: Sequence[str] = ()
    """Those of the user when this generation began."""
    claims: str = ""
    """What the deployer's hook has added to this generation's access token, as JSON; or nothing."""

    @property
    def key(self) -> keys.Key:
        """Return where the session is stored."""
        return keys.session(self.sub, self.sid)

    def belongs_to(self, user: User) -> bool:
        """Return whether the user may go on with the session: its credentials are still the user's,
        and nobody has disabled the user.
        """
        return self.version in (None, user.version) and user.status == "active"


def new(user: User, amr: str, caller: Caller, *, now: int) -> Session:
    """Make a session of a user who has given a right credential. Raises UserBlocked and
    UnauthorizedClient.
    """
    users.check_active(user)
    return Session(
        sub=user.sub,
        sid=ids.new_id(),
        client_id=caller.client_id,
        device_id=caller.device_id,
        ip=caller.source,
        user_agent=caller.user_agent,
        created_at=now,
        amr=[amr],
        expires_at=settings.Sessions.load().expiry(now, now=now),
        refreshed_at=now,
        confirmed_at=now,
        version=user.version,
    )


def of(item: values.Item | None, *, now: int) -> Session | None:
    """Return the session of an item, or None if it has ended."""
    if item is None or item["expires_at"] <= now:
        return None
    return values.record_of(Session, item)


def among(items: Iterable[values.Item], *, now: int) -> list[Session]:
    """Return the sessions among some items that have not ended."""
    found = [of(item, now=now) for item in items if item["sk"].startswith("SESSION#")]
    return [session for session in found if session]


def alive(user: User, items: Iterable[values.Item], *, now: int) -> list[Session]:
    """Return the sessions of a user among some items that can be gone on with, last used first."""
    return sorted(
        (session for session in among(items, now=now) if session.belongs_to(user)),
        key=lambda one: (one.refreshed_at, one.created_at),
        reverse=True,
    )
