"""What the deployer's hooks say when somebody signs up, signs in or refreshes (hooks.py).

A deployment without hooks does not import them.
"""

from dataclasses import replace

from latchkey import errors, settings
from latchkey.caller import Caller
from latchkey.sessions.session import Session
from latchkey.users.user import User


def signing_up(created: User, caller: Caller) -> User:
    """Return a user who is about to be created, with the groups that the hook gives. Nothing is
    written yet. Raises SignUpRefused, and Unavailable if the hook fails.
    """
    if not settings.Hooks.load().before_sign_up_function_arn:
        return created
    from latchkey import hooks

    return replace(created, groups=hooks.before_sign_up(created, caller))


def started(begun: Session, owner: User) -> Session:
    """Return a session with the groups and claims that its next access token says. Raises
    Unavailable if the hook fails: a claim may be a restriction.
    """
    claims = ""
    if settings.Hooks.load().claims_function_arn:
        from latchkey import hooks

        claims = hooks.claims(
            owner, client_id=begun.client_id, amr=begun.amr, generation=begun.generation
        )
    return replace(begun, groups=list(owner.groups), claims=claims)


def refreshed(moved: Session, owner: User) -> Session:
    """Return a refreshed session with its groups and claims. If the hook fails, the claims stay:
    whoever is signed in is not signed out by a fault.
    """
    try:
        return started(moved, owner)
    except errors.Unavailable:
        return replace(moved, groups=list(owner.groups))
