"""Rotate the keys of the stack, without waiting for the day on which new ones are used."""

import json
import time
from collections.abc import Callable

from tests.e2e.stack import ROOT, Item, Stack

# The functions that cache the keyring. A new variable starts new containers, which read it again.
HOLDERS = ["Discovery", "SendCode", "SendMail", "VerifyCode", "SignUp", "SignIn", "GrantToken"]
HOLDERS += ["RevokeToken", "SignOut", "GetUser", "IntrospectToken"]


def rotate(stack: Stack) -> list[str]:
    """Rotate the keys as the daily schedule does, and return what was made."""
    event = (ROOT / "events/rotate_keys.json").read_text()
    name = stack.names["RotateKeys"]
    answer = stack.client("lambda").invoke(FunctionName=name, Payload=event)
    assert "FunctionError" not in answer
    return list(json.loads(answer["Payload"].read())["made"])


def keyring(stack: Stack) -> Item:
    """Return the item of the keyring."""
    return dict(stack.table("Accounts").get_item(Key={"pk": "KEYRING"})["Item"])


def grow_older(stack: Stack, days: int) -> None:
    """Make all keys so much older."""
    _change(stack, lambda key: key | {"active_at": key["active_at"] - days * 86400})


def use_new_keys(stack: Stack) -> None:
    """Let the keys that wait sign from now on."""
    now = int(time.time())
    _change(stack, lambda key: key | {"active_at": min(key["active_at"], now)})


def start_containers(stack: Stack, holders: list[str] = HOLDERS) -> None:
    """Let functions read the keyring again."""
    for function in holders:
        stack.set_variables(function, KEYS_READ_AGAIN=str(time.time()))


def _change(stack: Stack, change: Callable[[Item], Item]) -> None:
    item = keyring(stack)
    stack.table("Accounts").put_item(Item=item | {"keys": [change(key) for key in item["keys"]]})
