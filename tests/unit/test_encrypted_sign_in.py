import json

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from latchkey.users import passwords
from tests.unit.conftest import Alive, Answer, Call, Clock, Outbox, SignIn
from tests.unit.test_encryption import seal, thumbprint

CODE = "POST /auth/v2/signin/verificationcode"
UPDATE = "POST /auth/v2/signin/password/update"


def encrypted(call: Call, text: str, name: str | None = None) -> Answer:
    body = {"params": seal(text), "public_key_thumbprint": name or thumbprint()}
    return call("sign_in", body, route="POST /auth/v2/signin/username")


def update(call: Call, password: str, new: str, name: str = "ada@example.com") -> Answer:
    body = {"username": name, "password": password, "new_password": new}
    body["public_key_thumbprint"] = thumbprint()
    return call("encrypted_sign_in", body, route=UPDATE)


def test_the_public_key_is_a_pem_that_every_library_reads(call: Call):
    answer = call("encrypted_sign_in")
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


@pytest.mark.parametrize("params", ["", "nonsense", "AAAA", "=" * 300])
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


# Signing in with a code in one step.


def redeem(call: Call, outbox: Outbox, address: str, **fields: object) -> Answer:
    sent = call("send_code", {"email": address})
    body = {
        "verification_id": sent["verification_id"],
        "verification_code": outbox.code(address),
    }
    return call("encrypted_sign_in", body | fields, route=CODE)


def test_a_code_signs_in(call: Call, ada: Answer, outbox: Outbox, now: Clock):
    now.time += 60
    assert redeem(call, outbox, "ada@example.com")["sub"] == ada["sub"]


def test_a_code_makes_an_account_for_a_new_address(call: Call, outbox: Outbox):
    answer = redeem(call, outbox, "bob@example.com")
    assert call("get_user", bearer=answer["access_token"])["email"] == "bob@example.com"


@pytest.mark.parametrize("address", ["ada@example.com", "bob@example.com"])
def test_a_lost_answer_is_given_again(
    call: Call, ada: Answer, outbox: Outbox, now: Clock, address: str
):
    now.time += 60
    sent = call("send_code", {"email": address})
    body = {"verification_id": sent["verification_id"], "verification_code": outbox.code(address)}
    same = {"x-request-id": "a" * 32}
    first = call("encrypted_sign_in", body, route=CODE, headers=same)
    again = call("encrypted_sign_in", body, route=CODE, headers=same)
    assert first.status == 200
    assert again == first
    assert call("encrypted_sign_in", body, route=CODE)["error"] == "invalid_argument"


def test_a_wrong_code_signs_nobody_in(call: Call, outbox: Outbox):
    answer = redeem(call, outbox, "bob@example.com", verification_code="abcdef")
    assert (answer.status, answer["error"]) == (400, "invalid_verification_code")


@pytest.mark.parametrize("body", [{}, {"verification_id": "a"}, {"verification_code": "123456"}])
def test_a_code_sign_in_without_a_field_is_refused(call: Call, body: dict[str, str]):
    answer = call("encrypted_sign_in", body, route=CODE)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")


# Changing the password without a session.


@pytest.mark.parametrize("name", ["ada@example.com", "ada_lovelace"])
def test_the_current_password_sets_another_and_ends_all_sessions(
    call: Call, ada: Answer, sign_in: SignIn, alive: Alive, outbox: Outbox, name: str
):
    assert update(call, seal("engine1843"), seal("engine1844"), name) == {}
    assert sign_in("engine1844").status == 200
    assert not alive(ada)
    outbox.deliver()
    assert outbox.mails[-1].subject == "Your Latchkey password was changed"


@pytest.mark.parametrize("password", ["", "nonsense"])
def test_without_the_current_password_none_is_set(
    call: Call, ada: Answer, sign_in: SignIn, password: str
):
    answer = update(call, password, seal("engine1844"))
    assert (answer.status, answer["error"]) == (401, "invalid_username_or_password")
    assert sign_in("engine1843").status == 200


def test_a_new_password_that_cannot_be_opened_is_a_wrong_one(call: Call, ada: Answer):
    answer = update(call, seal("engine1843"), "nonsense")
    assert (answer.status, answer["error"]) == (401, "invalid_username_or_password")


def test_an_unknown_user_is_a_wrong_password(call: Call):
    answer = update(call, seal("engine1843"), seal("engine1844"), "nobody@example.com")
    assert (answer.status, answer["error"]) == (401, "invalid_username_or_password")


@pytest.mark.parametrize("password", ["engine1843", "short1"])
def test_a_password_against_the_policy_is_refused(call: Call, ada: Answer, password: str):
    answer = update(call, seal("engine1843"), seal(password))
    assert (answer.status, answer["error"]) == (400, "invalid_argument")


@pytest.mark.parametrize("body", [{}, {"username": "ada_lovelace"}, {"username": 5}])
def test_a_malformed_change_is_refused(call: Call, body: dict[str, object]):
    answer = call("encrypted_sign_in", body, route=UPDATE)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")
