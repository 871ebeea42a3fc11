"""POST /auth/v1/signup: create an account for a proven address, and start its first session."""

from latchkey import addresses, clock, errors, settings
from latchkey.bodies import AddressOrBlank, Body, NewPassword, Text, Token, Username
from latchkey.caller import Caller
from latchkey.codes import proof
from latchkey.described import needs
from latchkey.fields import Gender, Locale, Name, Picture
from latchkey.http import entry
from latchkey.sessions import start
from latchkey.sessions.credentials import Credentials
from latchkey.users import user


class SignUp(Body):
    """The token alone proves the address; `email` may be missing or blank. The code that the SDK
    sends too was already redeemed.
    """

    model_config = needs("verification_token")

    verification_token: Token | None = None
    email: AddressOrBlank = ""
    phone_number: Text | None = None
    password: NewPassword | None = None
    username: Username | None = None
    name: Name | None = None
    gender: Gender | None = None
    picture: Picture | None = None
    locale: Locale | None = None


def sign_up(body: SignUp, caller: Caller) -> Credentials:
    """Create the user and sign the user in, in one step. With strict account discovery, sign in the
    user whom the address has already: password and profile stay what they are. Raises
    ProofUnusable, WeakPassword, AddressTaken, UsernameTaken, LoginTypeDisabled, SignUpRefused,
    UserBlocked, UnauthorizedClient and Aborted.
    """
    now = clock.now()
    if body.verification_token is None:
        addresses.refuse_phone(body.phone_number)
        raise errors.MissingField("verification_token")
    if body.email:
        addresses.canonical(body.email)
    proven = proof.read(body.verification_token.get_secret_value(), body.email, now=now)
    if settings.Discovery.load().strict:
        known = start.by_proof_of_user(proven, caller, now=now)
        if known:
            return known
    created = user.new(
        proven.address,
        now=now,
        username=body.username,
        password=None if body.password is None else body.password.get_secret_value(),
        name=body.name,
        gender=body.gender,
        picture=body.picture,
        locale=body.locale,
    )
    return start.sign_up(created, proven, caller, now=now)


handler = entry("sign_up", sign_up, SignUp)
