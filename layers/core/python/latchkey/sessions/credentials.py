"""The tokens of a session."""

import json
from dataclasses import dataclass

from latchkey import settings
from latchkey.keys import tokens
from latchkey.sessions.session import Session

SCOPE = "user"


@dataclass(frozen=True)
class Credentials:
    """The answer to a sign-in or a refresh, which the SDK stores. `expires_in` is in seconds."""

    token_type: str
    access_token: str
    refresh_token: str
    expires_in: int
    scope: str
    sub: str
    groups: list[str]


def of(session: Session, *, now: int) -> Credentials:
    """Return the tokens of a session's current generation, as they were issued at its last
    refresh.
    """
    issued = session.refreshed_at
    seconds = settings.Sessions.load().access_token_seconds
    access_token = tokens.issue_access(
        {
            **json.loads(session.claims or "{}"),
            **({"groups": list(session.groups)} if session.groups else {}),
            "sub": session.sub,
            "aud": settings.Sessions.load().audience(session.client_id),
            "client_id": session.client_id,
            "jti": f"{session.sid}.{session.generation}",
            "sid": session.sid,
            "scope": SCOPE,
            "auth_time": session.created_at,
            "amr": session.amr,
        },
        now=issued,
        seconds=seconds,
    )
    refresh_token = tokens.issue_mac(
        "refresh",
        {"sub": session.sub, "sid": session.sid, "gen": session.generation},
        now=issued,
        expires_at=session.expires_at,
    )
    return Credentials(
        token_type="Bearer",  # noqa: S106 - the name of the scheme (RFC 6750)
        access_token=access_token,
        refresh_token=refresh_token,
        expires_in=seconds - (now - issued),
        scope=SCOPE,
        sub=session.sub,
        groups=list(session.groups),
    )
