"""What schemathesis must know of this API: how to sign in, and which disagreements are meant.

It runs in the environment `.local/env/description`. Its variables have what
tests/e2e/test_description.py has registered.
"""

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

import schemathesis

sys.path.insert(0, str(Path(__file__).parents[2] / "layers/core/python"))
from latchkey import errors

# These end the session that asks, so each request gets one of its own, of another user.
ENDING = {"/auth/v1/user/signout", "/auth/v1/user/revoke/all"}

# A schema says which forms a code, a token and a password have. Those that are made up in that form
# are refused, because nobody was sent them.
MADE_UP = {
    one.message
    for one in (
        errors.CodeUnusable,
        errors.InvalidGrant,
        errors.PictureUnusable,
        errors.ProofUnusable,
        errors.TooManyGuesses,
        errors.WrongCode,
        errors.WrongPassword,
    )
}
# OpenAPI cannot say of several query parameters that one is needed.
ONE_OF = "One of id, username and email is needed."
# A schema does not know who asks.
OWN_ID = "The user_id must be your own."
# What a pattern that people can read does not say: all of an address that may be blank, in every
# script; the port and the host of a picture's URL; how many days a month has.
FORMS = {
    "This is not a valid e-mail address.",
    "Expected an https URL without a user name in it.",
    "Expected a date as YYYY-MM-DD, 0000-MM-DD or YYYY.",
}
# JSON Schema takes 123456.0 for an integer.
WHOLE = "Expected `str` or `int`, got `float`."


@schemathesis.hook  # type: ignore[untyped-decorator]
def filter_failure(_context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Return whether a disagreement counts: it is none of those that are meant."""
    kind, answer = type(failure).__name__, response.json()
    if kind == "UnsupportedMethodResponse":
        # The wire has `unimplemented` with 404 for each request that has no route, also for another
        # method of a path. The SDK looks at the body, and never at the status.
        return (response.status_code, answer["error"]) != (404, "unimplemented")
    if kind == "RejectedPositiveData":
        said = answer["error_description"]
        if answer.get("details") == [{"field": "new_password"}]:
            # The current password needs a new one, but not if it is null: `dependentRequired` would
            # refuse null as well.
            return (case.operation.path, said) != (
                "/auth/v1/user/basic/edit",
                errors.MissingField.message,
            )
        if case.media_type == "application/x-www-form-urlencoded":
            # In a form, a blank field counts as missing.
            return said not in MADE_UP | {errors.MissingField.message}
        return said not in MADE_UP | FORMS | {ONE_OF, OWN_ID, WHOLE}
    return True


@schemathesis.auth(refresh_interval=None)
class Bearer:
    """The access token of a user."""

    def get(self, case: Any, _context: Any) -> str:
        """Return a token that lives as long as it is needed."""
        return sign_in() if case.operation.path in ENDING else os.environ["BEARER"]

    def set(self, case: Any, token: str, _context: Any) -> None:
        """Send the token."""
        case.headers["Authorization"] = f"Bearer {token}"


def sign_in() -> str:
    """Start a session and return its access token."""
    account = {"username": os.environ["ADDRESS"], "password": os.environ["PASSWORD"]}
    request = urllib.request.Request(
        f"{os.environ['API']}/auth/v1/signin",
        data=json.dumps(account).encode(),
        headers={"x-device-id": os.environ["DEVICE"]},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(json.load(answer)["access_token"])
