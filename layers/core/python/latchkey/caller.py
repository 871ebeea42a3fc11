"""Who sends a request, apart from its body. Nothing here is proven except the source address."""

import functools
from dataclasses import dataclass

from latchkey import clock, errors, settings
from latchkey.keys import keyring, tokens

# How long a repeated request gets its first answer again. The SDK tries three times within some
# seconds, and each try can take as long as the gateway's 30 s.
RETRY_SECONDS = 120


@dataclass(frozen=True)
class Caller:
    """The caller of one request."""

    request_id: str
    """Identifies the request in the answer and in the log."""
    sent_id: str
    """The SDK's x-request-id, which it repeats when the answer was lost; empty if none was sent."""
    digest: bytes
    """Of the operation, the path, the query and the body."""
    device_id: str
    """The name of the device (devices.py), or empty."""
    device_is_secret: bool
    """Whether nobody but the device can know its id."""
    source: str
    """The IP address."""
    user_agent: str
    languages: str
    """The Accept-Language header."""
    bearer: str
    """The access token as sent, or empty."""
    query: dict[str, str]
    path: str
    captcha_token: str = ""
    """As sent, or empty (limits/captcha.py)."""

    @property
    def client_id(self) -> str:
        """Return the client that tokens are issued for. Raises UnauthorizedClient."""
        name = self.query.get("client_id", "")[:128]
        accepted = settings.Sessions.load().clients
        if accepted and name not in accepted:
            raise errors.UnauthorizedClient
        return name or "default"

    @functools.cached_property
    def retry_id(self) -> str:
        """Return what a repeated request has in common with the first one, and with no other: 128
        bits of a MAC of its id, its caller and all that it asks for. Empty if it has no id.

        It is a MAC because the body can hold a password, and a plain digest would be a fast hash of
        it. The caller is the user of the access token, else the device, never the IP address.
        """
        if not self.sent_id:
            return ""
        try:
            who = tokens.read_access(self.bearer, now=None).sub
        except tokens.Refused:
            who = f"device {self.device_id}"
        text = f"retry:{self.sent_id}:{self.digest.hex()}:{who}"
        return keyring.mac(keyring.load().current("mac", clock.now()), text).hex()[:32]

    def repeats(self, retry_id: str, at: int, *, now: int) -> bool:
        """Return whether this request repeats the one that was recorded with that retry id at that
        time.
        """
        if not retry_id or now - at > RETRY_SECONDS:
            return False
        return self.retry_id == retry_id
