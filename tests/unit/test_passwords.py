import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latchkey import errors
from latchkey.users import passwords


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


@given(st.text(max_size=40))
def test_what_the_policy_lets_pass_keeps_every_clause(password: str):
    try:
        passwords.check_policy(password)
    except errors.WeakPassword:
        return
    assert any(c.isalpha() for c in password)
    assert any(c.isnumeric() for c in password)


@pytest.mark.parametrize("password", ["a234567\0", "\ufffea1234567"])
def test_odd_characters_do_no_harm(password: str):
    try:
        stored = passwords.hash_new(password)
    except errors.WeakPassword:
        return
    assert passwords.matches(password, stored)
