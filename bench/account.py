"""An account on a local stack, and requests of it that succeed."""

import json
import secrets
from typing import Any

import httpx

from tests.e2e.client import Device, Inbox, new_address
from tests.e2e.stack import ROOT, Stack

# Of the stack: no limit stops a bench.
PARAMETERS = "CodeCooldownSeconds=0 CodesPerSourcePerHour=10000 CodesPerAddressPerDay=1000"
PASSWORD = "engine1843"  # noqa: S105 - of an account that lives for the bench

Event = dict[str, Any]


class Account:
    """A registered account. Each method returns the event of a new request, which succeeds once."""

    def __init__(self, stack: Stack) -> None:
        """Register it."""
        seen: set[str] = set()
        api = httpx.Client(base_url=stack.api, timeout=60)
        mails = httpx.Client(base_url=stack.inbox, timeout=60)
        self.address = new_address()
        self._device = Device(api, Inbox(mails, seen), seen)
        self._tokens = self._device.register(self.address, password=PASSWORD)
        # A sign-in replaces the session on its device, so other sign-ins have another device.
        self._other = Device(api, Inbox(mails, seen), seen)

    def send_code(self) -> Event:
        """Ask for a code, each time for another address."""
        return self._event("send_code", {"email": new_address()})

    def verify_code(self) -> Event:
        """Redeem a code."""
        verification_id, code = self._device.ask(self.address)
        body = {"verification_id": verification_id, "verification_code": code}
        return self._event("verify_code", body)

    def sign_in_by_code(self) -> Event:
        """Sign in with what a code was redeemed for."""
        token = self._device.prove(self.address)
        return self._event("sign_in", {"username": self.address, "verification_token": token})

    def sign_in_by_password(self) -> Event:
        """Sign in with the password."""
        return self._event("sign_in", {"username": self.address, "password": PASSWORD})

    def refresh(self) -> Event:
        """Refresh a session; each has a token that works once, so it is a new one."""
        body = {"username": self.address, "password": PASSWORD}
        token = self._other.call("sign_in", body)["refresh_token"]
        event = self._event("grant_token", {"grant_type": "refresh_token", "refresh_token": token})
        event["headers"]["x-device-id"] = self._other.id
        return event

    def get_user(self) -> Event:
        """Ask for the profile."""
        return self._event("get_user", None, bearer=self._tokens["access_token"])

    def _event(self, operation: str, body: object, bearer: str = "") -> Event:
        event: Event = json.loads((ROOT / f"events/{operation}.json").read_text())
        event["headers"] |= {"x-request-id": secrets.token_hex(16), "x-device-id": self._device.id}
        if bearer:
            event["headers"]["authorization"] = f"Bearer {bearer}"
        return event | ({} if body is None else {"body": json.dumps(body)})
