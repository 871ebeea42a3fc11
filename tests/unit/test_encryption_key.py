import json

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from latchkey.users import passwords
from tests.unit.conftest import Answer, Call
from tests.unit.test_encryption import NOT_SEALED, seal, thumbprint


def encrypted(call: Call, text: str, name: str | None = None) -> Answer:
    body = {"params": seal(text), "public_key_thumbprint": name or thumbprint()}
    return call("sign_in", body, route="POST /auth/v2/signin/username")


def test_the_public_key_is_a_pem_that_every_library_reads(call: Call):
    answer = call("encryption_key")
    assert answer["public_key"].startswith("-----BEGIN PUBLIC KEY-----\n")
    assert load_pem_public_key(answer["public_key"].encode()).key_size == 2048  # type: ignore[union-attr]
    assert answer["public_key_thumbprint"] == thumbprint()


@pytest.mark.parametrize("name", ["ada@example.com", "ada_lovelace"])
def test_an_encrypted_password_signs_in(call: Call, ada: Answer, name: str):
    body = json.dumps({"username": name, "password": "engine1843"})
    assert encrypted(call, body)["sub"] == ada["sub"]


def test_a_plain_password_signs_in_at_version_two(call: Call, ada: Answer):
    answer = call("sign_in", route="POST /auth/v2/signin/username")
    assert answer["sub"] == ada["sub"]


@pytest.mark.parametrize(
    "text",
    [
        '{"username": "ada@example.com", "password": "wrong1843"}',
        '{"username": "nobody@example.com", "password": "engine1843"}',
        '{"username": "ada@example.com", "password": 5}',
        "not JSON",
        "[]",
        "{}",
        "x",
    ],
)
def test_what_is_wrong_inside_is_a_wrong_password(call: Call, ada: Answer, text: str):
    answer = encrypted(call, text)
    wanted = call("sign_in", {"username": "ada@example.com", "password": "wrong1843"})
    del answer["request_id"], wanted["request_id"]
    if text != "{}":
        assert (answer.status, answer) == (wanted.status, wanted)


@pytest.mark.parametrize("params", [*NOT_SEALED, "=" * 300])
@pytest.mark.parametrize("name", ["", "unknown", None])
def test_what_cannot_be_opened_is_a_wrong_password_after_the_same_work(
    call: Call, ada: Answer, params: str, name: str | None, monkeypatch: pytest.MonkeyPatch
):
    hashed: list[str | None] = []
    matches = passwords.matches

    def note(password: str, stored: str | None) -> bool:
        hashed.append(stored)
        return matches(password, stored)

    monkeypatch.setattr(passwords, "matches", note)
    body = {"params": params, "public_key_thumbprint": thumbprint() if name is None else name}
    answer = call("sign_in", body)
    assert (answer.status, answer["error"]) == (401, "invalid_username_or_password")
    assert hashed == [None]


@pytest.mark.parametrize("params", [False, 5, ["a"], "a" * 16385])
def test_params_of_another_type_are_refused(call: Call, params: object):
    answer = call("sign_in", {"params": params, "public_key_thumbprint": "a"})
    assert (answer.status, answer["error"]) == (400, "invalid_argument")
