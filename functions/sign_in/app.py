"""POST /auth/v1/signin, /auth/v2/signin/username: start a session with a password or a proven
address.
"""

from latchkey import bodies, clock, errors, settings
from latchkey.bodies import EMPTY, Body, Email, Encrypted, Password, Text, Token
from latchkey.caller import Caller
from latchkey.codes import proof
from latchkey.described import needs
from latchkey.http import entry
from latchkey.keys import encryption
from latchkey.sessions import start
from latchkey.sessions.credentials import Credentials


class SignIn(Body):
    """`username` is an address or a user name; beside a token it may be blank or odd."""

    model_config = needs("password", "verification_token", "params")

    username: Email = ""
    password: Password | None = None
    verification_token: Token | None = None
    params: Encrypted | None = None
    """All other fields as JSON, encrypted."""
    public_key_thumbprint: Text = ""


# What an encrypted body that cannot be decrypted counts as: a wrong password of no user.
_UNREADABLE = SignIn(password=EMPTY)


def sign_in(body: SignIn, caller: Caller) -> Credentials:
    """Sign in as the user of the address that the token proves, or with a password. With strict
    account discovery, create the user if a proven address has none. Raises BadCredentials,
    ProofUnusable, NotFound, LoginTypeDisabled, SignUpRefused, UserBlocked, UnauthorizedClient,
    TooManyRequests and Aborted.
    """
    now = clock.now()
    if body.params is not None:
        body = _decrypted(body.params.get_secret_value(), body.public_key_thumbprint, now)
    if body.verification_token is not None:
        proven = proof.read(body.verification_token.get_secret_value(), body.username, now=now)
        if settings.Discovery.load().strict:
            return start.by_proof_of_anybody(proven, caller, now=now)
        return start.by_proof(proven, caller, now=now)
    if body.password is None:
        raise errors.MissingField("password")
    return start.by_password(body.username, body.password.get_secret_value(), caller, now=now)


def _decrypted(params: str, thumbprint: str, now: int) -> SignIn:
    text = encryption.decrypt(params, thumbprint, now=now)
    try:
        return _UNREADABLE if text is None else bodies.parse(text, SignIn)
    except errors.InvalidArgument:
        return _UNREADABLE


handler = entry("sign_in", sign_in, SignIn)
