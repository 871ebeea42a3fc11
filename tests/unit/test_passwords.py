import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passlib.hash import argon2

from latchkey import errors
from latchkey.users import passwords
from tests.unit.conftest import NOW, Answer, Call, Clock, Confirm, Prove
from tests.unit.test_encryption import seal, thumbprint

# 256 characters as sent, 4,608 after NFKC.
LONG = "\ufdfa" * 256
BASICS = "POST /auth/v1/user/basic/edit"


def test_a_hash_is_argon2id_at_the_named_settings():
    assert passwords.hash_new("engine1843").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_the_same_password_has_two_hashes():
    assert passwords.hash_new("engine1843") != passwords.hash_new("engine1843")


def test_nobodys_hash_takes_as_long_as_a_users():
    assert passwords.rehash("", passwords._NOBODY) is None


def test_nobodys_password_is_not_to_be_had():
    assert not passwords.matches("", None)
    assert not passwords.matches("engine1843", None)


@settings(max_examples=20, deadline=None)
@given(st.text(max_size=40))
def test_only_the_password_matches(guess: str):
    stored = passwords.hash_new("engine1843")
    assert passwords.matches(guess, stored) == (guess == "engine1843")


def test_an_odd_character_does_no_harm():
    assert passwords.matches("\ufffeengine1843", passwords.hash_new("\ufffeengine1843"))


@pytest.mark.parametrize("password", ["engine\x001843", "engine\n1843", "engine\ud8001843"])
def test_what_is_no_text_cannot_be_chosen(password: str):
    with pytest.raises(errors.WeakPassword, match="password must not contain control"):
        passwords.hash_new(password)


@pytest.mark.parametrize("guess", ["engine1843\0", "engine1843\ud800", LONG, "x" * 10**6])
@pytest.mark.parametrize("stored", ["engine1843", None])
def test_what_is_no_text_or_too_long_is_a_wrong_guess(guess: str, stored: str | None):
    assert not passwords.matches(guess, stored and passwords.hash_new(stored))


@pytest.mark.parametrize("guess", ["engine1843\0", "engine1843\ud800", LONG])
def test_a_guess_at_a_hash_of_other_settings_is_bounded_as_well(guess: str):
    other = argon2.using(type="ID", memory_cost=1024, time_cost=1, parallelism=1)
    assert passwords.matches("engine1843", other.hash("engine1843"))
    assert not passwords.matches(guess, other.hash("engine1843"))


def test_the_beginning_of_a_password_that_is_too_long_is_not_enough():
    stored = argon2.hash(unicodedata.normalize("NFKC", LONG)[:257])
    assert not passwords.matches(LONG, stored)


@pytest.mark.parametrize(
    ("password", "passes"), [("\ufdfa" * 256, False), ("\ufdfa\ufdfa1", False), ("\ufdfa1", True)]
)
def test_a_chosen_password_is_measured_after_normalisation(password: str, passes: bool):
    if passes:
        assert passwords.matches(password, passwords.hash_new(password))
        return
    with pytest.raises(errors.WeakPassword, match="8 to 32 characters"):
        passwords.hash_new(password)


def test_a_password_that_grows_is_refused_where_it_is_chosen(
    call: Call, ada: Answer, confirm: Confirm, prove: Prove, now: Clock
):
    now.time = NOW + 60
    bearer = ada["access_token"]
    basics = {"password": "engine1843", "new_password": LONG}
    sealed = {
        "encrypt_password": seal("engine1843"),
        "encrypt_new_password": seal(LONG, strip=False, piece=81),
        "public_key_thumbprint": thumbprint(),
    }
    update = {
        "username": "ada_lovelace",
        "password": seal("engine1843"),
        "new_password": seal(LONG, strip=False, piece=81),
        "public_key_thumbprint": thumbprint(),
    }
    proof, other = prove("ada@example.com"), prove("bob@example.com")
    for answer in (
        call("sign_up", {"verification_token": other, "password": LONG}),
        call("reset_password", {"verification_token": proof, "new_password": LONG}),
        call("set_password", {"new_password": LONG, "sudo_token": confirm(ada)}, bearer=bearer),
        call("edit_profile", basics, bearer=bearer, route=BASICS),
        call("edit_profile", sealed, bearer=bearer, route=BASICS),
        call("update_password", update),
    ):
        assert (answer.status, answer["error"], answer["error_code"]) == (
            400,
            "invalid_argument",
            3,
        )
        assert answer["error_description"] == "The password must have 8 to 32 characters."


@pytest.mark.parametrize("old", [False, True])
def test_a_password_that_grows_is_a_wrong_one_where_it_is_checked(
    call: Call, ada: Answer, monkeypatch: pytest.MonkeyPatch, old: bool
):
    if old:  # Ada's hash then counts as one of other settings
        monkeypatch.setattr(passwords, "_PREFIX", "$argon2id$v=19$m=1024,t=1,p=1$")
    bearer = ada["access_token"]
    named = {"username": "ada@example.com", "password": LONG}
    sealed = {
        "username": "ada@example.com",
        "password": seal(LONG, strip=False, piece=81),
        "new_password": seal("engine1844"),
        "public_key_thumbprint": thumbprint(),
    }
    basics = {"password": LONG, "new_password": "engine1844"}
    unknown = named | {"username": "nobody@example.com"}
    token = named | {"grant_type": "password"}
    for answer, status, error in (
        (call("sign_in", named), 401, "invalid_username_or_password"),
        (call("sign_in", unknown), 401, "invalid_username_or_password"),
        (call("grant_token", token), 401, "invalid_username_or_password"),
        (call("update_password", sealed), 401, "invalid_username_or_password"),
        (call("sudo", {"password": LONG}, bearer=bearer), 400, "invalid_password"),
        (call("edit_profile", basics, bearer=bearer, route=BASICS), 400, "invalid_password"),
    ):
        assert (answer.status, answer["error"]) == (status, error)
