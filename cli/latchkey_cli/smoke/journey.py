"""What can be checked of a deployment with a mailbox: from a mailed code to a deleted account."""

import base64
import datetime
import json
import secrets
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from latchkey_cli.smoke import checks
from latchkey_cli.smoke.client import Client, Failed, NothingMore, NotShown

MAIL_SECONDS = 60
POLL_SECONDS = 1.0
GUESSES = 3
# SES's own recipients, which nobody can read: https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html
SIMULATOR = "@simulator.amazonses.com"
# An account is new if it was made at most so long before its first token.
_NEW_SECONDS = 60

_MAIL_ADVICE = (
    "Run `latchkey mail test ADDRESS`: it tells which step of sending fails, and what to do. The"
    " lines `mail not sent` in the log group name the cause too."
)


@dataclass
class Journey:
    """One run with one address. An account that was there before is never touched."""

    client: Client
    to: str
    inbox: str = ""
    """The address of the local stack's inbox, to read the code there."""
    verification_id: str = ""
    proof: str = ""
    password: str = field(default_factory=lambda: _new_password(), repr=False)
    tokens: dict[str, Any] = field(default_factory=dict)
    is_ours: bool = False
    """Whether the account is one that this run has made, and not yet deleted."""

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """Return what is checked, in this order. Each step needs those before it."""
        return [
            ("a code may be asked for (the function reads both tables)", self.ask),
            ("another code at once is refused", self.ask_again),
            ("the mail leaves", self.wait_for_mail),
            ("the code arrives and proves the address", self.verify),
            ("the address signs up", self.sign_up),
            ("the token can be verified, and is for this account", self.check_token),
            ("the password signs in", self.sign_in),
            ("the session is refreshed", self.refresh),
            ("the account is deleted, and its session has ended", self.delete),
        ]

    def ask(self) -> str:
        """Ask for a code, but only if the address has no account."""
        answer = self._ask()
        name, _, domain = self.to.rpartition("@")
        other = f"Name another one. If your mailbox takes it, TO={name}+smoke@{domain} does."
        sent = answer.succeed(
            "verification_id",
            failed_precondition=f"The address has an account, which is left alone. {other}",
            captcha_required="Many codes were asked for this address today. " + other,
            resource_exhausted="Codes were asked for this address, or from this network, a short"
            f" time ago. Wait {_seconds(answer.body)} s, or name another address.",
            invalid_argument="Check the address after TO=.",
        )
        if sent.get("is_user"):
            raise Failed(f"{answer}, and is_user", f"The address has an account. {other}")
        self.verification_id = sent["verification_id"]
        return self.to

    def ask_again(self) -> str:
        """Ask for a second code, which the cool-down must refuse."""
        answer = self._ask()
        if answer.error != "resource_exhausted":
            self.verification_id = answer.succeed("verification_id")["verification_id"]
            raise NotShown("CodeCooldownSeconds is 0 or has passed, so a second code was mailed")
        answer.refuse_foreign()
        seconds = (answer.body or {}).get("retry_after")
        header = answer.headers.get("retry-after")
        if answer.status != 429 or not seconds or str(seconds) != header:
            raise Failed(
                f"{answer} with retry_after {seconds} and the header Retry-After {header}",
                "The SDK shows the seconds of retry_after. Something between changes the answer.",
            )
        return f"429, retry after {seconds} s"

    def wait_for_mail(self) -> str:
        """Ask what became of the mail, until it has left or failed."""
        end = time.monotonic() + MAIL_SECONDS
        while True:
            answer = self.client.call("GET", f"/auth/v1/verification/{self.verification_id}")
            state = str(answer.succeed("delivery")["delivery"])
            if state in ("sent", "delivered"):
                return state
            if state != "queued":
                raise Failed(f"the state of the mail is {state!r}", _MAIL_ADVICE)
            if time.monotonic() > end:
                raise Failed(f"the mail is not sent after {MAIL_SECONDS} s", _MAIL_ADVICE)
            time.sleep(POLL_SECONDS)

    def verify(self) -> str:
        """Redeem the code that the mail has brought."""
        if self.to.lower().endswith(SIMULATOR):
            raise NothingMore("nobody can read a mailbox of the simulator: name yours with TO=")
        for left in reversed(range(GUESSES)):
            body = {"verification_id": self.verification_id, "verification_code": self._code()}
            answer = self.client.call("POST", "/auth/v1/verification/verify", body)
            if answer.error == "invalid_verification_code" and left and sys.stdin.isatty():
                print("      The code is wrong. Try again.")
                continue
            break
        self.proof = answer.succeed(
            "verification_token",
            invalid_verification_code="The code is wrong. Use that of the newest mail.",
            invalid_argument="The code has expired, or is no code. Run the test again.",
        )["verification_token"]
        return ""

    def sign_up(self) -> str:
        """Create the account."""
        body = {"verification_token": self.proof, "email": self.to, "password": self.password}
        answer = self.client.call("POST", "/auth/v1/signup", body)
        self.tokens = answer.succeed("access_token", "refresh_token", "sub")
        return ""

    def check_token(self) -> str:
        """Check the token and the profile. With strict account discovery, a sign-up signs in to an
        account that was there before: then stop here.
        """
        client, token = self.client, str(self.tokens["access_token"])
        header, claims = (_decode(part) for part in token.split(".")[:2])
        profile = client.call("GET", "/auth/v1/user/me", bearer=token).succeed("sub", "created_at")
        created = datetime.datetime.fromisoformat(profile["created_at"]).timestamp()
        if claims["iat"] - created > _NEW_SECONDS:
            raise Failed(
                "the address had an account before, which is left alone",
                "Name an address without an account.",
            )
        self.is_ours = True
        configuration = client.call("GET", "/.well-known/openid-configuration").succeed("issuer")
        if claims["iss"] != configuration["issuer"] or header["kid"] not in checks.key_ids(client):
            raise Failed(
                f"the token names the issuer {claims['iss']} and the key {header['kid']}, which are"
                " not published",
                "Others cannot verify tokens. Answers of /.well-known must not be cached for more"
                " than an hour.",
            )
        if not self._active():
            raise Failed("introspection calls the token inactive", "Deploy this template.")
        return f"issuer {claims['iss']}, audience {claims['aud']}"

    def sign_in(self) -> str:
        """Sign in with the password of the sign-up."""
        body = {"username": self.to, "password": self.password}
        answer = self.client.call("POST", "/auth/v1/signin", body)
        tokens = answer.succeed("access_token", "refresh_token", "sub")
        self.tokens = tokens
        return ""

    def refresh(self) -> str:
        """Exchange the refresh token."""
        body = {"grant_type": "refresh_token", "refresh_token": self.tokens["refresh_token"]}
        self.tokens = self.client.call("POST", "/auth/v1/token", body).succeed(
            "access_token", "refresh_token"
        )
        return ""

    def delete(self) -> str:
        """Delete the account that this run has made."""
        token = str(self.tokens["access_token"])
        sudo = self.client.call(
            "POST", "/auth/v1/user/sudo", {"password": self.password}, bearer=token
        ).succeed("sudo_token")["sudo_token"]
        path = f"/auth/v1/user/me?sudo_token={quote(sudo)}"
        self.client.call("DELETE", path, bearer=token).succeed()
        self.is_ours = False
        if self._active():
            raise Failed("introspection calls the token of a deleted account active", "Report it.")
        return ""

    def clean_up(self) -> str:
        """Delete what a failed run has left, and say what could not be deleted."""
        if not self.is_ours:
            return ""
        try:
            self.delete()
        except Failed as failed:
            return f"The account of {self.to} is left: {failed.found}"
        return f"The account of {self.to} was deleted."

    def _ask(self) -> Any:
        body = {"email": self.to, "target": "NOT_USER"}
        return self.client.call("POST", "/auth/v1/verification", body)

    def _active(self) -> bool:
        body = {"token": self.tokens["access_token"]}
        answer = self.client.call("POST", "/auth/v1/token/introspect", body)
        return bool(answer.succeed("active")["active"])

    def _code(self) -> str:
        if self.inbox:
            return self._code_in_inbox()
        prompt = f"      The code in the mail to {self.to}: "
        print(prompt, end="", flush=True)
        code = "".join(sys.stdin.readline().split())
        if not code:
            advice = "Run the test in a terminal, or write the code to its standard input."
            raise Failed("no code was entered", advice)
        return code

    def _code_in_inbox(self) -> str:
        address = f"{self.inbox}/mails?{urlencode({'to': self.to})}"
        end = time.monotonic() + MAIL_SECONDS
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(address, timeout=10) as answer:
                    mails = json.loads(answer.read())
            except OSError as error:
                raise Failed(f"{address}: {error}", "Check the address after INBOX=.") from None
            for mail in mails:  # newest first
                for line in mail["text"].splitlines():
                    if line.isdigit():
                        return str(line)
            time.sleep(POLL_SECONDS)
        raise Failed(f"no code in {address} after {MAIL_SECONDS} s", _MAIL_ADVICE)


def _new_password() -> str:
    """Return a password without vowels, so that it holds no part of an address, as `ada`."""
    return "7x" + "".join(secrets.choice("bcdfghjkmnpqrstvwxz23456789") for _ in range(24))


def _seconds(body: dict[str, Any] | None) -> object:
    return (body or {}).get("retry_after", "some")


def _decode(part: str) -> dict[str, Any]:
    """Read header or claims of a token, without its signature: introspection checks that."""
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decoded
