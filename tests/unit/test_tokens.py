import base64
import hmac
import json
import os
import string
import subprocess
import sys

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latchkey.keys import keyring, tokens
from tests.unit.conftest import NOW, Answer

ALPHABET = string.ascii_letters + string.digits + "-_"
same_keys = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def access() -> str:
    return tokens.issue_access({"sub": "s", "sid": "i", "aud": "a"}, now=NOW, seconds=60)


@same_keys
@given(place=st.integers(0, 2000), letter=st.sampled_from(ALPHABET))
def test_any_changed_byte_of_an_access_token_is_refused(place: int, letter: str):
    token = access()
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    if changed == token or token[place] == ".":
        return
    with pytest.raises(tokens.Refused):
        tokens.read_access(changed, now=NOW)


@same_keys
@given(place=st.integers(0, 2000), letter=st.sampled_from(ALPHABET))
def test_any_changed_byte_of_a_mac_token_is_refused(place: int, letter: str):
    token = tokens.issue_mac("refresh", {"sub": "s"}, now=NOW, expires_at=NOW + 60)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    if changed == token or token[place] == ".":
        return
    with pytest.raises(tokens.Refused):
        tokens.read_mac("refresh", changed, now=NOW)


@same_keys
@given(st.text(max_size=200))
def test_no_text_is_a_token(text: str):
    for read in (tokens.read_access, lambda t, now: tokens.read_mac("refresh", t, now=now)):
        with pytest.raises(tokens.Refused):
            read(text, now=NOW)


def test_the_same_state_has_the_same_token():
    assert access() == access()


def test_the_public_key_is_no_mac_key(ada: Answer):
    """The old attack: an RS256 token forged as HS256 query the published key."""
    key = keyring.load().current("signing", NOW)
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": key.id}).encode()).decode()
    claims = ada["access_token"].split(".")[1]
    signed = f"{head.rstrip('=')}.{claims}"
    digest = hmac.digest(key.modulus.encode(), signed.encode(), "sha256")
    forged = f"{signed}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
    with pytest.raises(tokens.Refused):
        tokens.read_access(forged, now=NOW)


def test_a_token_without_algorithm_is_refused():
    claims = {"sub": "s", "sid": "i", "exp": NOW + 60, "aud": "latchkey:refresh"}
    kid = keyring.load().current("mac", NOW).id
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"kid": kid})
    with pytest.raises(tokens.Refused):
        tokens.read_mac("refresh", unsigned, now=NOW)


@pytest.mark.parametrize("kind", ["refresh", "verification"])
def test_a_mac_token_ends_with_its_second(kind: tokens.MacKind):
    token = tokens.issue_mac(kind, {"sub": "s"}, now=NOW, expires_at=NOW + 60)
    assert tokens.read_mac(kind, token, now=NOW + 59)["sub"] == "s"
    with pytest.raises(tokens.Refused):
        tokens.read_mac(kind, token, now=NOW + 60)
    assert tokens.read_mac(kind, token, now=None)["sub"] == "s"


COLD = """
import sys
from latchkey.keys.jose import jwt

key = bytes(32)
token = jwt.encode({"sub": "s"}, key, "HS256")
assert jwt.decode(token, key, ["HS256"]) == {"sub": "s"}
loaded = "cryptography.x509.base" in sys.modules
from cryptography import x509

assert not loaded and callable(x509.load_der_x509_certificate)
print("done")
"""


def test_certificates_are_loaded_only_when_they_are_used():
    path = os.pathsep.join(sys.path)
    command = [sys.executable, "-c", COLD]
    done = subprocess.run(command, env={"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.stdout == "done\n", done.stderr
