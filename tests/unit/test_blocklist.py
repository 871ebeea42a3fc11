import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latchkey import errors
from latchkey.users import blocklist, passwords, policy
from tests.unit.conftest import ROOT, Answer, Call, Clock, Confirm, Prove, SignIn
from tests.unit.test_encryption import seal, thumbprint

COMMON = "This password is among the most common ones."
GUESSABLE = "This password is easy to guess"
OF_ADDRESS = "The password must not contain your e-mail address"
OF_NAME = "The password must not contain your user name"
OF_PRODUCT = "The password must not contain the name of this service"


def refused(password: str, **own: str) -> str:
    with pytest.raises(errors.WeakPassword) as caught:
        passwords.hash_new(password, **own)
    return str(caught.value)


@pytest.mark.parametrize(
    "password",
    [
        "password1",
        "Password1",
        "PASSWORD1",
        "\uff50\uff41\uff53\uff53word1",  # full-width letters
        "qwerty123",
        "aaaaaaa1",
        "abcd1234",
        "12345678a",
        "1qaz2wsx",
        "trustno1",
        "5201314a",
        "a123456789",
        "LsiA9dnB9Y",  # of no word, and breached
        "honda600",
        "!!login123!!",
        "p@ssw0rd1",
        "Dragon1999",
        "Summer2026!",
        "1abcdefgh",
        "zxcvbnm1",
        "19841224a",
        "b0bb0bb0b",
        "passwort1",
        "contraseña1",
        "пароль12",
        "密码密码1234",
        "パスワード1234",
    ],
)
def test_a_password_that_is_guessed_early_is_refused(password: str):
    assert refused(password).startswith((COMMON, GUESSABLE))


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("ADA@example.com1", OF_ADDRESS),
        ("1-ada@EXAMPLE.com", OF_ADDRESS),
        ("Example99x", OF_ADDRESS),
        ("3xampl3-77", OF_ADDRESS),
        ("ada_lovelace1843", OF_NAME),
        ("1843AdaLovelaceXq7", OF_NAME),
        ("lovelace7x", OF_NAME),
        ("latchkey#99z1", OF_PRODUCT),
        ("Latch-Key-7q#v", OF_PRODUCT),
    ],
)
def test_words_of_the_user_and_of_the_product_are_refused(password: str, sentence: str):
    told = refused(password, address="ada@example.com", username="ada_lovelace")
    assert told.startswith(sentence)


def test_the_part_before_the_at_sign_is_refused_in_any_password():
    assert refused("x9k-Analytica-X#7", address="analytica@example.com").startswith(OF_ADDRESS)


@pytest.mark.parametrize(
    "password",
    [
        "engine1843",
        "engine1844",
        "k7#mQz91",
        "correct1horse",
        "Tr0ub4dor&3",
        "pass word 1",
        "\u00e91234cafx",
    ],
)
def test_a_password_that_withstands_is_taken(password: str):
    stored = passwords.hash_new(password, address="ada@example.com", username="ada_lovelace")
    assert passwords.matches(password, stored)


def test_a_short_name_may_stand_in_another_word():
    passwords.hash_new("canada-Fjord84", address="ada@example.com")


def test_no_name_is_in_no_password():
    passwords.hash_new("engine1843", address="", username="")


@pytest.mark.parametrize(
    ("password", "withstands"),
    [
        ("password" * 4, False),
        ("password" * 2 + "1234567890" * 2, False),
        ("kV7#pzQ2wN9" + "1" * 20, True),
        ("1" * 20 + "kV7#pzQ2wN9", True),
        ("_" * 20, False),
        ("!" * 40 + "password1", False),
    ],
)
def test_one_strong_end_is_enough_for_a_long_password(password: str, withstands: bool):
    told = blocklist.reason(password, address="", username="", product="")
    assert (told is None) == withstands


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1, max_size=64))
def test_any_text_is_judged(password: str):
    told = blocklist.reason(password, address="ada@example.com", username="ada", product="")
    assert told is None or "password" in told


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40))
def test_what_a_policy_lets_pass_keeps_every_clause(password: str):
    password = passwords.normal(password)
    if policy.POLICIES["cloudbase"].broken_rule(password) is None:
        assert 8 <= len(password) <= 32
        assert any(c.isalpha() for c in password)
        assert any(c.isnumeric() for c in password)


def test_the_breached_ones_are_sorted_and_as_many_as_the_docstring_says():
    listed = blocklist.BREACHED.read_bytes()
    size = blocklist.DIGEST_BYTES
    found = [listed[start : start + size] for start in range(0, len(listed), size)]
    assert found == sorted(set(found))
    assert 32_000 < len(found) < 33_000
    for place in (0, -1):  # both ends are found
        assert blocklist._is_listed_digest(found[place])


# The operations.


@pytest.mark.parametrize("password", ["password1", "ada_lovelace77", "ada@example.com1"])
def test_a_guessable_password_is_refused_wherever_it_is_chosen(
    call: Call, ada: Answer, confirm: Confirm, prove: Prove, now: Clock, password: str
):
    now.time += 60  # for another code
    route = "POST /auth/v1/user/basic/edit"
    bearer = ada["access_token"]
    chosen = {"new_password": password}
    update = {"username": "ada_lovelace", "password": seal("engine1843")}
    sealed = {"new_password": seal(password), "public_key_thumbprint": thumbprint()}
    for answer in (
        call("set_password", chosen | {"sudo_token": confirm(ada)}, bearer=bearer),
        call("edit_profile", chosen | {"password": "engine1843"}, bearer=bearer, route=route),
        call("reset_password", chosen | {"verification_token": prove()}),
        call("update_password", update | sealed),
    ):
        refusal = (answer.status, answer["error"], answer["error_code"])
        assert refusal == (400, "invalid_argument", 3)
        assert answer["error_description"].startswith((COMMON, OF_NAME, OF_ADDRESS))
    body = {"username": "ada_lovelace", "password": "engine1843"}
    assert call("sign_in", body).status == 200


def test_a_new_users_own_name_is_refused(call: Call, prove: Prove):
    body = {"verification_token": prove(), "username": "countess_x", "password": "Countess-X1"}
    assert call("sign_up", body)["error_description"].startswith(OF_NAME)


def test_a_name_that_is_chosen_with_the_password_is_refused_in_it(call: Call, ada: Answer):
    body = {"username": "countess", "password": "engine1843", "new_password": "my-countess-9"}
    answer = call(
        "edit_profile", body, bearer=ada["access_token"], route="POST /auth/v1/user/basic/edit"
    )
    assert answer["error_description"].startswith(OF_NAME)


def test_the_products_name_is_the_deployers(
    call: Call, prove: Prove, configure: Callable[..., None]
):
    configure(product_name="Analytical Engine")
    body = {"verification_token": prove(), "password": "analyticalengine-71"}
    assert call("sign_up", body)["error_description"].startswith(OF_PRODUCT)


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("engine1843", "15 to 64"),
        ("x" * 65, "15 to 64"),
        ("lovely quiet engi", None),
        ("lovely quiet engines of 1843 turn slowly, day and night, for ever", "15 to 64"),
        ("lovely quiet engines of 1843 turn slowly, day and night for ever", None),
        ("passwordpassword", "common ones"),
        ("123456789012345", "common ones"),
        ("345678901234567", "easy to guess"),
        ("_" * 15, "easy to guess"),
        ("aaaaaaaaaaaaaaaaaaaa", "common ones"),
    ],
)
def test_asvs_asks_for_length_alone(
    call: Call, prove: Prove, configure: Callable[..., None], password: str, told: str | None
):
    configure(password_policy="asvs")
    answer = call("sign_up", {"verification_token": prove(), "password": password})
    assert answer.status == (400 if told else 200)
    assert (told or "") in answer.get("error_description", "")


def test_a_password_from_before_the_policy_still_signs_in(
    call: Call, ada: Answer, sign_in: SignIn, configure: Callable[..., None]
):
    configure(password_policy="asvs")
    assert sign_in("engine1843").status == 200


def test_a_sign_in_loads_no_word_list():
    program = (
        "import sys\n"
        "import functions.sign_in.app, functions.grant_token.app, functions.sudo.app\n"
        "import functions.sign_in_with_code.app, functions.verify_code.app\n"
        "from latchkey.users import passwords\n"
        "passwords.matches('engine1843', None)\n"
        "passwords.rehash('engine1843', '$argon2id$v=19$m=1024,t=1,p=1$')\n"
        "lists = {'zxcvbn', 'latchkey.users.policy', 'latchkey.users.blocklist'}\n"
        "loaded = lists & {*sys.modules}\n"
        "assert not loaded, loaded\n"
        "passwords.hash_new('engine1843')\n"
        "assert 'zxcvbn' in sys.modules\n"
    )
    subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        cwd=ROOT,
        env={
            "PYTHONPATH": f"{ROOT}/layers/core/python:{ROOT}",
            "AWS_DEFAULT_REGION": "eu-central-1",
        },
    )
