"""Refresh sessions and end them."""

from typing import Any

import jwt
import pytest

from tests.e2e.client import TOKENS, Answer, Device, NewDevice
from tests.e2e.stack import Item, Stack

DEAD = (400, "invalid_grant", 3)
SIGNED_OUT = (401, "unauthenticated", 16)


@pytest.fixture
def tokens(device: Device, address: str) -> Answer:
    return device.register(address)


def test_a_refresh_gives_new_tokens_of_the_same_session(device: Device, tokens: Answer):
    fresh = device.refresh(tokens["refresh_token"])

    assert fresh.keys() == TOKENS
    assert fresh["sub"] == tokens["sub"]
    assert fresh["refresh_token"] != tokens["refresh_token"]
    assert _claims(fresh)["sid"] == _claims(tokens)["sid"]
    assert device.me(fresh["access_token"])["sub"] == tokens["sub"]


def test_two_tabs_that_refresh_at_the_same_time_both_go_on(device: Device, tokens: Answer):
    first = device.refresh(tokens["refresh_token"])
    second = device.refresh(tokens["refresh_token"])

    assert first["refresh_token"] == second["refresh_token"]
    assert device.refresh(second["refresh_token"]).status == 200


def test_a_token_of_an_older_generation_ends_the_session(
    device: Device, tokens: Answer, stack: Stack
):
    stolen = tokens["refresh_token"]
    second = device.refresh(stolen)
    third = device.refresh(second["refresh_token"])

    assert device.refresh(stolen).refusal == DEAD
    assert device.refresh(third["refresh_token"]).refusal == DEAD
    assert device.me(third["access_token"]).refusal == SIGNED_OUT
    assert stack.sessions(tokens["sub"]) == []
    events = [item["action"] for item in stack.items("Grants") if _of(item, tokens["sub"])]
    assert "REFRESH_TOKEN_REUSED" in events


def test_a_token_just_used_is_theft_from_another_device(
    device: Device, new_device: NewDevice, tokens: Answer
):
    fresh = device.refresh(tokens["refresh_token"])

    assert new_device().refresh(tokens["refresh_token"]).refusal == DEAD
    assert device.refresh(fresh["refresh_token"]).refusal == DEAD


def test_a_token_used_a_while_ago_is_theft(device: Device, tokens: Answer, stack: Stack):
    device.refresh(tokens["refresh_token"])
    [session] = stack.sessions(tokens["sub"])
    stack.table("Grants").put_item(Item=session | {"refreshed_at": session["refreshed_at"] - 31})

    assert device.refresh(tokens["refresh_token"]).refusal == DEAD
    assert stack.sessions(tokens["sub"]) == []


def test_signing_out_ends_this_session_and_no_other(
    device: Device, new_device: NewDevice, tokens: Answer, address: str
):
    other = new_device()
    token = other.prove(address)
    elsewhere = other.call("sign_in", {"username": address, "verification_token": token})

    body = {"redirect_uri": "https://app.example.com/bye", "state": "x"}
    out = device.call("sign_out", body, bearer=tokens["access_token"])
    assert out == {"redirect_uri": "https://app.example.com/bye"}
    assert device.me(tokens["access_token"]).refusal == SIGNED_OUT
    assert device.refresh(tokens["refresh_token"]).refusal == DEAD
    assert other.me(elsewhere["access_token"]).status == 200


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_revoking_a_token_ends_its_session(device: Device, tokens: Answer, kind: str):
    assert device.call("revoke_token", {"token": tokens[kind]}) == {}
    assert device.me(tokens["access_token"]).refusal == SIGNED_OUT
    assert device.refresh(tokens["refresh_token"]).refusal == DEAD
    # After an error the SDK keeps the user signed in, so a token that is no longer valid gets none.
    assert device.call("revoke_token", {"token": tokens[kind]}) == {}


def test_a_session_that_is_over_cannot_be_refreshed_or_used(
    device: Device, tokens: Answer, stack: Stack
):
    [session] = stack.sessions(tokens["sub"])
    stack.table("Grants").put_item(Item=session | {"expires_at": 1})

    assert device.refresh(tokens["refresh_token"]).refusal == DEAD
    assert device.me(tokens["access_token"]).refusal == SIGNED_OUT


def test_a_deleted_user_is_signed_out(device: Device, tokens: Answer, stack: Stack):
    stack.table("Accounts").delete_item(Key={"pk": f"USER#{tokens['sub']}"})

    assert device.me(tokens["access_token"]).refusal == SIGNED_OUT


def _of(item: Item, sub: str) -> bool:
    return (item["pk"], item["sk"][:6]) == (f"USER#{sub}", "EVENT#")


def _claims(tokens: Answer) -> dict[str, Any]:
    return jwt.decode(tokens["access_token"], options={"verify_signature": False})
