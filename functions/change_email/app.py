"""PATCH /auth/v1/user/contact: change the e-mail address to one that a mailed code proves."""

from typing import Annotated

from pydantic import Field

from latchkey import addresses, clock, errors
from latchkey.bodies import EMPTY, Address, Body, Text, Token
from latchkey.caller import Caller
from latchkey.codes import proof
from latchkey.described import needs
from latchkey.http import entry
from latchkey.sessions import change, signed_in, sudo


class ChangeEmail(Body):
    """The verification token proves the new address; the sudo token proves that the user is
    present.
    """

    model_config = needs("email")

    email: Address | None = None
    phone_number: Text | None = None
    sudo_token: Token = EMPTY
    verification_token: Token = EMPTY
    conflict_resolution: Annotated[Text, Field(json_schema_extra={"enum": ["", "DEFAULT"]})] = (
        "DEFAULT"
    )


def change_email(body: ChangeEmail, caller: Caller) -> dict[str, str]:
    """Change the address, end all other sessions, and tell the old address by mail. Raises
    LoginTypeDisabled, SudoNeeded, ProofUnusable, AddressTaken and Aborted.
    """
    now = clock.now()
    user, session = signed_in.read(caller, now=now)
    if change.finished_before(user, caller, now=now):
        return {}
    if body.email is None:
        addresses.refuse_phone(body.phone_number)
        raise errors.MissingField("email")
    if body.conflict_resolution not in ("", "DEFAULT"):
        raise errors.InvalidArgument(
            "Only DEFAULT is possible: an address that belongs to another user stays theirs.",
            field="conflict_resolution",
        )
    address = addresses.canonical(body.email)
    sudo.check(body.sudo_token.get_secret_value(), user, session, now=now)
    proven = proof.read(body.verification_token.get_secret_value(), address, now=now)
    if address == user.email:
        raise errors.AddressTaken("This is your e-mail address already.")
    consume = proven.consume_write(user.sub, session.sid, caller, now=now)
    change.change_credentials(
        user, {"email": address}, consume, caller=caller, keep=session, now=now
    )
    return {}


handler = entry("change_email", change_email, ChangeEmail)
