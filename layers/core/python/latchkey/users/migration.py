"""Lazy migration: a function of the deployer's knows users of another system by their passwords.

It is asked when somebody signs in by password with an address that has no account here
(docs/hooks.md). It is the only hook that gets a password.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, StrictBool

from latchkey import audit, errors, hooks, settings
from latchkey.dynamodb import store, writes
from latchkey.keys import keyring
from latchkey.users import passwords, user
from latchkey.users.user import User


class Migration(hooks.Question):
    """Somebody signs in with an address that has no account here. `password` is as typed."""

    hook: Literal["migration"] = "migration"
    email: str
    password: str


class MigrationAnswer(hooks.Answer):
    """Whether the password is right there, and who this is. Without `email_verified`, nobody is
    created: whoever has registered a stranger's address there must not own it here.
    """

    accepted: StrictBool
    email_verified: StrictBool = False
    name: hooks.Sentence | None = None
    username: str | None = None
    groups: Annotated[Sequence[hooks.Group], Field(max_length=20)] = ()


def ask(address: str, password: str, *, now: int) -> User | None:
    """Return a user to create, with the password that was typed, or None if the function knows
    none. The policy is not applied: the password was chosen before. Raises Unavailable, but with
    strict account discovery a function that fails knows nobody.
    """
    question = Migration(email=address, password=password)
    try:
        arn = settings.Hooks.load().migration_function_arn
        answer = hooks.ask(arn, question, MigrationAnswer)
    except errors.Unavailable:
        if settings.Discovery.load().strict:
            return None
        raise
    if not (answer.accepted and answer.email_verified):
        return None
    # A user name or a name that we do not take must keep nobody out: the user can choose another.
    username = answer.username if user.is_username(answer.username or "") else None
    name = None if (answer.name or "").strip().lower() == "anonymous" else answer.name
    return user.migrated(
        address,
        passwords.hash_known(password),
        name=name,
        username=username,
        groups=answer.groups,
        now=now,
    )


def create(moved: User, session_writes: Sequence[writes.Write], *, now: int) -> None:
    """Create a user of another system and the first session, both or none. A user name that is
    taken here is left out. Raises Aborted if another request has just created the user: a repeated
    one signs in.
    """
    try:
        store.write(*user.create_writes(moved), *session_writes)
    except writes.Conflict as conflict:
        if not isinstance(conflict.refusal, errors.UsernameTaken):
            raise errors.Aborted from conflict
        create(replace(moved, username=None), session_writes, now=now)
        return
    audit.note(event="new_account", account=keyring.tag(moved.email, now))
