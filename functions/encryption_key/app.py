"""POST /auth/v2/signin/publichkey (so spelt): publish the key to encrypt passwords with."""

from latchkey import clock
from latchkey.bodies import NoBody
from latchkey.caller import Caller
from latchkey.http import entry
from latchkey.keys import encryption


def encryption_key(_: NoBody, _caller: Caller) -> encryption.PublicKey:
    """Return the current public key."""
    return encryption.public_key(now=clock.now())


handler = entry("encryption_key", encryption_key, NoBody, services=["dynamodb"])
