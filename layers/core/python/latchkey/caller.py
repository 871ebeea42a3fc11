"""Who sends a request, apart from its body. Nothing here is proven except the source address."""

from dataclasses import dataclass

from latchkey import errors, settings

# How long a repeated request gets its first answer again. The SDK tries three times within some
# seconds, and each try can take as long as the gateway's 30 s.
RETRY_SECONDS = 120


@dataclass(frozen=True)
class Caller:
    """The caller of one request."""

    request_id: str
    """Identifies the request in the answer and in the log."""
    retry_id: str
    """The SDK's x-request-id, which it repeats when the answer was lost; empty if none was sent."""
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

    @property
    def client_id(self) -> str:
        """Return the client that tokens are issued for. Raises UnauthorizedClient."""
        name = self.query.get("client_id", "")[:128]
        accepted = settings.Sessions.load().clients
        if accepted and name not in accepted:
            raise errors.UnauthorizedClient
        return name or "default"

    def repeats(self, retry_id: str, at: int, *, now: int) -> bool:
        """Return whether this request repeats the one that was recorded under that id at that
        time.
        """
        return bool(self.retry_id) and self.retry_id == retry_id and now - at <= RETRY_SECONDS
