"""GET /auth/v1/user/sessions: list where the user is signed in. CloudBase has nothing like it."""

from dataclasses import dataclass

from latchkey import clock
from latchkey.bodies import NoBody
from latchkey.caller import Caller
from latchkey.dynamodb import keys, store
from latchkey.http import entry
from latchkey.sessions import session, signed_in
from latchkey.users.profile import iso


@dataclass(frozen=True)
class ListedSession:
    """A session that is alive. `ip` and `user_agent` are those of its last refresh. The times are
    ISO 8601.
    """

    device_id: str
    """The name of the device, for DELETE /auth/v1/user/authorized/devices/{device_id}; empty if the
    client sends no id.
    """
    client_id: str
    ip: str
    user_agent: str
    created_at: str
    refreshed_at: str
    expires_at: str
    current: bool
    """Whether this request was sent in it."""


@dataclass(frozen=True)
class ListedSessions:
    """The sessions, last used first. There are at most about a hundred."""

    data: list[ListedSession]


def list_sessions(_: NoBody, caller: Caller) -> ListedSessions:
    """Return all sessions of the user that are alive, under the present credentials."""
    now = clock.now()
    user, asking = signed_in.read(caller, now=now)
    alive = session.alive(user, store.query(keys.sessions(user.sub)), now=now)
    return ListedSessions(
        [
            ListedSession(
                device_id=one.device_id,
                client_id=one.client_id,
                ip=one.ip,
                user_agent=one.user_agent,
                created_at=iso(one.created_at),
                refreshed_at=iso(one.refreshed_at),
                expires_at=iso(one.expires_at),
                current=one.sid == asking.sid,
            )
            for one in alive
        ]
    )


handler = entry("list_sessions", list_sessions, NoBody, services=["dynamodb"])
