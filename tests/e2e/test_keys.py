"""The keys are published, and are replaced without signing anybody out."""

import time
from collections.abc import Callable
from typing import TypeAlias

import httpx
import jwt
import pytest

from tests.e2e import rotation
from tests.e2e.client import Answer, Device, NewDevice
from tests.e2e.stack import Stack

Keys: TypeAlias = Callable[[], list[dict[str, str]]]


@pytest.fixture
def keys(http: httpx.Client) -> Keys:
    """Return a function that fetches the public keys."""
    return lambda: http.get("/.well-known/jwks.json").json()["keys"]


@pytest.fixture
def rotate(stack: Stack) -> Callable[[], list[str]]:
    """Return a function that rotates the keys as the daily schedule does."""
    return lambda: rotation.rotate(stack)


def test_an_access_token_is_verified_with_the_published_keys(
    device: Device, address: str, http: httpx.Client, stack: Stack
):
    tokens = device.register(address)
    configuration = http.get("/.well-known/openid-configuration").json()
    assert configuration["issuer"] == stack.api
    assert configuration["jwks_uri"] == f"{stack.api}/.well-known/jwks.json"
    found = http.post(
        configuration["introspection_endpoint"], data={"token": tokens["access_token"]}
    )
    assert found.json()["sub"] == tokens["sub"]

    key = jwt.PyJWKClient(configuration["jwks_uri"]).get_signing_key_from_jwt(
        tokens["access_token"]
    )
    claims = jwt.decode(
        tokens["access_token"],
        key,
        ["RS256"],
        audience="latchkey",
        issuer=configuration["issuer"],
        options={"require": ["exp", "iat", "jti", "sid", "scope", "auth_time", "amr"]},
    )
    assert (claims["sub"], claims["amr"]) == (tokens["sub"], ["otp"])
    assert claims["exp"] - claims["iat"] == tokens["expires_in"] == 7200


def test_the_keys_may_be_cached_and_answers_may_not(
    device: Device, address: str, http: httpx.Client
):
    assert http.get("/.well-known/jwks.json").headers["cache-control"] == "public, max-age=3600"
    sent = device.call("send_code", {"email": address})
    assert sent.headers["cache-control"] == "no-store"


def test_the_deploy_has_made_keys_and_a_daily_run_makes_none_before_they_are_due(
    keys: Keys, rotate: Callable[[], list[str]]
):
    before = keys()
    assert len(before) == 1

    assert rotate() == []
    assert keys() == before


def test_a_rotation_signs_nobody_out(
    device: Device,
    new_device: NewDevice,
    address: str,
    keys: Keys,
    rotate: Callable[[], list[str]],
    stack: Stack,
):
    tokens = device.register(address)
    verification_id, code = device.ask(f"waiting-{address}")
    proof = device.prove(f"proven-{address}")
    [old] = keys()

    rotation.grow_older(stack, days=91)
    assert len(rotate()) == 3  # one signs, one is for codes and our own tokens, one decrypts
    assert rotate() == []  # not used for a day, and not made twice
    rotation.start_containers(stack)
    published = keys()
    assert published[0] == old
    assert _key_id(device.refresh(tokens["refresh_token"])) == old["kid"]  # not used yet

    time.sleep(1)  # Token times are in seconds: the last of the old key, and the first of the new.
    rotation.use_new_keys(stack)
    rotation.start_containers(stack)
    assert keys() == published
    assert device.me(tokens["access_token"]).status == 200
    assert device.verify(verification_id, code).status == 200
    assert device.call("sign_up", {"verification_token": proof}).status == 200
    again = device.refresh(tokens["refresh_token"])  # within the grace period, so the old key signs
    assert _key_id(again) == old["kid"]
    fresh = device.refresh(again["refresh_token"])
    assert _key_id(fresh) == published[1]["kid"]
    assert device.me(fresh["access_token"]).status == 200
    assert new_device().register(f"new-{address}").status == 200


def _key_id(tokens: Answer) -> str:
    assert tokens.status == 200, tokens
    return str(jwt.get_unverified_header(tokens["access_token"])["kid"])
