"""POST /auth/v1/verification: mail a code to an address."""

import contextlib
from typing import Annotated

import msgspec

from latchkey import clock, errors, mail, sessions, tokens, users, verifications
from latchkey.http import Body, Caller, Text, entry


class SendCode(Body, frozen=True):
    """`target` says whether the address must belong to a user, must not, or must be the asking
    user's own.
    """

    email: Annotated[str, msgspec.Meta(max_length=512)] | None = None
    phone_number: Text | None = None
    target: verifications.Target = "ANY"
    usage: Text = ""


class Sent(msgspec.Struct, frozen=True):
    """`expires_in` is in seconds."""

    verification_id: str
    is_user: bool
    expires_in: int


def send_code(body: SendCode, caller: Caller) -> Sent:
    """Start a verification of the address and put its mail into the queue."""
    now = clock.now()
    if body.email is None:
        users.refuse_phone(body.phone_number)
        raise errors.InvalidArgument("A required field is missing.", field="email")
    address = users.canonical_address(body.email)
    access: tokens.Access | None = None
    # A dead session must not keep anybody from getting a code, unless it is for the session's own
    # user.
    with contextlib.suppress(errors.Unauthenticated):
        access = sessions.read(caller, now=now)
    started = verifications.start(address, body.target, body.usage, caller, access, now=now)
    language = mail.language(started.locale, caller.languages)
    order = mail.Order(verification_id=started.verification_id, language=language)
    try:
        mail.enqueue(order)
    except errors.Unavailable:
        verifications.give_back(address, started.verification_id, now=now)
        raise
    return Sent(started.verification_id, started.is_user, started.expires_in)


handler = entry("send_code", send_code, SendCode)
