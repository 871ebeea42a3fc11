"""POST /auth/v1/verification: mail a code to an address."""

import contextlib
from dataclasses import dataclass

from latchkey import addresses, clock, errors, metrics
from latchkey.bodies import Address, Body, Text
from latchkey.caller import Caller
from latchkey.codes import start
from latchkey.codes.start import Target
from latchkey.described import needs
from latchkey.http import entry
from latchkey.keys import tokens
from latchkey.mail import delivery, language, queue
from latchkey.sessions import signed_in


class SendCode(Body):
    """`target` says whether the address must belong to a user, must not, or must be that of the
    signed-in user.
    """

    model_config = needs("email")

    email: Address | None = None
    phone_number: Text | None = None
    target: Target = "ANY"
    usage: Text = ""


@dataclass(frozen=True)
class SentCode:
    """The verification. `expires_in` is in seconds, and `retry_after` too: until then, another code
    is refused.
    """

    verification_id: str
    is_user: bool
    expires_in: int
    retry_after: int


def send_code(body: SendCode, caller: Caller) -> SentCode:
    """Start a verification of the address and put its mail into the queue. Raises NotFound,
    AddressTaken, Unauthenticated, LoginTypeDisabled and TooManyRequests.
    """
    now = clock.now()
    if body.email is None:
        addresses.refuse_phone(body.phone_number)
        raise errors.MissingField("email")
    address = addresses.canonical(body.email)
    access: tokens.Access | None = None
    # A dead session does not keep anybody from getting a code, unless the code must be for the
    # session's own user.
    with contextlib.suppress(errors.Unauthenticated):
        access = signed_in.claimed(caller, now=now)
    started = start.start(address, body.target, caller, access, now=now)
    if not started.repeated or delivery.queue_again(started.verification_id):
        _queue_mail(started, caller)
    return SentCode(
        started.verification_id, started.is_user, started.expires_in, started.retry_after
    )


def _queue_mail(started: start.Started, caller: Caller) -> None:
    chosen = language.choose(started.locale, caller.languages)
    try:
        queue.enqueue(queue.Message(started.verification_id, chosen))
    except errors.Unavailable:
        started.undo()
        raise
    metrics.count_code()


handler = entry("send_code", send_code, SendCode, services=["dynamodb", "kms", "sqs"])
