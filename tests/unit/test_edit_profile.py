from typing import Any

import pytest

from latchkey.dynamodb import keys, store
from latchkey.keys import keyring
from tests.unit.conftest import (
    NOW,
    Alive,
    Answer,
    Call,
    Clock,
    Confirm,
    Meanwhile,
    Outbox,
    Prove,
    SignIn,
)
from tests.unit.test_encryption import NOT_SEALED, seal

BASICS = "POST /auth/v1/user/basic/edit"
NEW = "countess@example.com"


def profile(call: Call, ada: Answer) -> Answer:
    return call("get_user", bearer=ada["access_token"])


def edit(call: Call, ada: Answer, **fields: object) -> Answer:
    return call("edit_profile", fields, bearer=ada["access_token"])


def basics(call: Call, ada: Answer, request_id: str = "", **fields: object) -> Answer:
    headers = {"x-request-id": request_id} if request_id else {}
    return call("edit_profile", fields, bearer=ada["access_token"], route=BASICS, headers=headers)


def test_the_answer_is_the_whole_profile(call: Call, ada: Answer, now: Clock):
    now.time += 60
    answer = call("edit_profile", bearer=ada["access_token"])
    assert answer == profile(call, ada)
    assert (answer["name"], answer["gender"]) == ("Ada Lovelace", "FEMALE")
    assert (answer["username"], answer["email"]) == ("ada_lovelace", "ada@example.com")
    assert answer["updated_at"] == "2026-11-22T12:01:00Z"


def test_every_field_of_the_profile_is_kept(call: Call, ada: Answer):
    fields = {
        "name": "Augusta",
        "gender": "UNKNOWN",
        "picture": "https://example.com/a.png",
        "locale": "en-GB",
        "birthdate": "1815-12-10",
        "zoneinfo": "Europe/London",
        "description": "analyst",
        "address": {"locality": "London", "country": "GB"},
    }
    edit(call, ada, **fields)
    assert profile(call, ada).items() >= fields.items()


def test_a_blank_field_is_taken_out(call: Call, ada: Answer):
    assert "name" not in edit(call, ada, name="")


@pytest.mark.parametrize(
    "fields",
    [
        {"sub": "somebody"},
        {"uid": "somebody"},
        {"email": "countess@example.com"},
        {"email_verified": False},
        {"created_at": "1815-12-10T00:00:00Z"},
        {"password_hash": "x"},
        {"version": 9},
        {"hasPassword": False},
    ],
)
def test_what_is_not_the_users_to_edit_stays(call: Call, ada: Answer, fields: dict[str, Any]):
    before = profile(call, ada)
    assert edit(call, ada, **fields).status == 200
    assert profile(call, ada) == before


def test_another_user_name_signs_in_and_the_old_one_is_free(
    call: Call, ada: Answer, prove: Prove, alive: Alive
):
    assert edit(call, ada, username="countess")["username"] == "countess"
    for name, status in (("Countess", 200), ("ada_lovelace", 401)):
        body = {"username": name, "password": "engine1843"}
        assert call("sign_in", body, headers={"x-device-id": "f" * 32}).status == status
    body = {"verification_token": prove("bob@example.com"), "username": "ada_lovelace"}
    assert call("sign_up", body).status == 200
    assert alive(ada)


def test_a_user_name_may_change_its_case(call: Call, ada: Answer):
    assert edit(call, ada, username="Ada_Lovelace")["username"] == "Ada_Lovelace"
    assert call("sign_in", {"username": "ada_lovelace", "password": "engine1843"}).status == 200


def test_a_user_name_that_is_taken_changes_nothing(call: Call, ada: Answer, prove: Prove):
    body = {"verification_token": prove("bob@example.com"), "username": "bobby"}
    call("sign_up", body)
    answer = edit(call, ada, username="Bobby", name="Bob")
    assert (answer.status, answer["error"], answer["error_code"]) == (409, "failed_precondition", 9)
    assert profile(call, ada)["name"] == "Ada"


def test_a_first_user_name_can_be_chosen(call: Call, prove: Prove):
    bob = call("sign_up", {"verification_token": prove("bob@example.com")})
    assert edit(call, bob, username="bobby")["username"] == "bobby"


@pytest.mark.parametrize("name", ["ada_lovelace", None])
def test_of_two_user_names_that_are_chosen_at_once_one_is_taken(
    call: Call, prove: Prove, meanwhile: Meanwhile, name: str | None
):
    body = {"verification_token": prove()} | ({"username": name} if name else {})
    ada = call("sign_up", body)
    meanwhile(lambda: edit(call, ada, username="countess"))
    answer = edit(call, ada, username="enchantress")
    assert (answer.status, answer["error"]) == (409, "aborted")
    assert profile(call, ada)["username"] == "countess"
    assert store.get(keys.username("enchantress")) == [None]


@pytest.mark.parametrize(
    "fields",
    [
        {"username": "ada"},
        {"username": "a" * 25},
        {"username": "ada@example.com"},
        {"username": "阿达阿达阿达"},
        {"username": ""},
        {"username": 5},
        {"name": "Anonymous"},
        {"name": ["Ada"]},
        {"name": "a" * 65},
        {"gender": "OTHER"},
        {"picture": "p" * 1025},
        {"address": "London"},
        {"address": {"country": 44}},
    ],
)
@pytest.mark.parametrize("route", ["PATCH /auth/v1/user/profile", BASICS])
def test_a_malformed_field_is_refused(call: Call, ada: Answer, fields: dict[str, Any], route: str):
    if route == BASICS:
        names = {"name": "nickname", "picture": "avatar_url", "address": "description"}
        fields = {names.get(name, name): value for name, value in fields.items()}
        fields = {k: 5 if k == "description" else v for k, v in fields.items()}
    answer = call("edit_profile", fields, bearer=ada["access_token"], route=route)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")


@pytest.mark.parametrize("route", ["PATCH /auth/v1/user/profile", BASICS])
def test_nobody_edits_nothing(call: Call, ada: Answer, route: str):
    assert call("edit_profile", {"name": "x"}, bearer="", route=route).status == 401
    call("sign_out", {}, bearer=ada["access_token"])
    answer = call("edit_profile", {"name": "x"}, bearer=ada["access_token"], route=route)
    assert answer.status == 401


def test_basics_have_names_of_their_own(call: Call, ada: Answer):
    fields = {"nickname": "Augusta", "avatar_url": "https://example.com/a.png"}
    assert basics(call, ada, **fields, gender="FEMALE", username="countess", user_id="") == {}
    found = profile(call, ada)
    assert (found["name"], found["picture"]) == ("Augusta", "https://example.com/a.png")
    assert (found["gender"], found["username"]) == ("FEMALE", "countess")


def test_basics_of_another_user_are_not_edited(call: Call, ada: Answer):
    answer = basics(call, ada, user_id="somebody", nickname="x")
    assert (answer.status, answer["error"]) == (400, "invalid_argument")


def test_a_phone_number_is_refused(call: Call, ada: Answer):
    assert basics(call, ada, phone="+86 13800000000")["error"] == "login_type_disabled"


# The address, by the SDK's updateUser({email}) and verifyOtp({email, token}).


def test_a_proven_address_becomes_the_users(
    call: Call, ada: Answer, prove: Prove, sign_in: SignIn, alive: Alive, outbox: Outbox
):
    other = sign_in()
    prove(NEW, bearer=ada["access_token"])
    assert basics(call, ada, email=NEW, nickname="Countess") == {}
    found = profile(call, ada)
    assert (found["email"], found["name"]) == (NEW, "Countess")
    assert not alive(other)
    outbox.deliver()
    assert outbox.mails[-1].to == "ada@example.com"
    assert outbox.mails[-1].subject == "The e-mail address of your Latchkey account was changed"


def refused(answer: Answer) -> bool:
    wanted = (400, "failed_precondition", 9)
    return (answer.status, answer["error"], answer["error_code"]) == wanted


def test_an_address_that_nobody_proved_is_refused(call: Call, ada: Answer):
    assert refused(basics(call, ada, email=NEW, nickname="Countess"))
    assert profile(call, ada)["name"] == "Ada"


def test_an_address_that_was_asked_for_but_not_proven_is_refused(call: Call, ada: Answer):
    call("send_code", {"email": NEW}, bearer=ada["access_token"])
    assert refused(basics(call, ada, email=NEW))


def test_a_proof_that_nobody_asked_for_with_this_account_is_refused(
    call: Call, ada: Answer, prove: Prove
):
    prove(NEW)
    assert refused(basics(call, ada, email=NEW))


def test_a_proof_that_another_user_asked_for_is_refused(call: Call, ada: Answer, prove: Prove):
    bob = call("sign_up", {"verification_token": prove("bob@example.com")})
    prove(NEW, bearer=bob["access_token"])
    assert refused(basics(call, ada, email=NEW))
    assert basics(call, bob, email=NEW) == {}


def test_a_proof_that_another_session_asked_for_is_refused(
    call: Call, ada: Answer, prove: Prove, sign_in: SignIn
):
    prove(NEW, bearer=sign_in()["access_token"])
    assert refused(basics(call, ada, email=NEW))


def test_a_proof_of_another_address_is_refused(call: Call, ada: Answer, prove: Prove):
    prove("lady@example.com", bearer=ada["access_token"])
    assert refused(basics(call, ada, email=NEW))


def test_a_proof_changes_the_address_once(call: Call, ada: Answer, prove: Prove, now: Clock):
    prove(NEW, bearer=ada["access_token"])
    assert basics(call, ada, email=NEW) == {}
    now.time += 60
    prove("ada@example.com", bearer=ada["access_token"])
    assert basics(call, ada, email="ada@example.com") == {}
    assert refused(basics(call, ada, email=NEW))


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 400)])
def test_a_proof_waits_ten_minutes(
    call: Call, ada: Answer, prove: Prove, now: Clock, seconds: int, status: int
):
    prove(NEW, bearer=ada["access_token"])
    now.time += seconds
    assert basics(call, ada, email=NEW).status == status


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 400)])
def test_the_code_must_be_asked_for_within_ten_minutes_of_signing_in(
    call: Call, ada: Answer, prove: Prove, now: Clock, seconds: int, status: int
):
    now.time += seconds
    prove(NEW, bearer=ada["access_token"])
    now.time += 300
    assert basics(call, ada, email=NEW).status == status


def test_sudo_makes_an_old_session_fresh(call: Call, ada: Answer, prove: Prove, now: Clock):
    now.time += 6000
    prove(NEW, bearer=ada["access_token"])
    assert refused(basics(call, ada, email=NEW))
    call("sudo", bearer=ada["access_token"])
    now.time += 60
    prove(NEW, bearer=ada["access_token"])
    assert basics(call, ada, email=NEW) == {}


@pytest.mark.parametrize(("seconds", "status"), [(0, 200), (1, 400)])
@pytest.mark.parametrize("asked_after", [0, 6000])  # in a fresh session, and in an old one
def test_a_code_that_was_asked_for_before_the_last_sudo_proves_nothing(
    call: Call,
    ada: Answer,
    outbox: Outbox,
    now: Clock,
    asked_after: int,
    seconds: int,
    status: int,
):
    """Nobody can prepare a change with a stolen access token and wait for the owner's sudo."""
    now.time += asked_after
    sent = call("send_code", {"email": NEW}, bearer=ada["access_token"])
    now.time += seconds
    call("sudo", bearer=ada["access_token"])
    body = {"verification_id": sent["verification_id"], "verification_code": outbox.code(NEW)}
    assert call("verify_code", body).status == 200
    assert basics(call, ada, email=NEW).status == status


@pytest.mark.parametrize("route", ["PATCH /auth/v1/user/profile", BASICS])
@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 403)])
def test_a_user_name_changes_within_ten_minutes_of_signing_in(
    call: Call, ada: Answer, now: Clock, route: str, seconds: int, status: int
):
    now.time += seconds
    body = {"username": "countess", "gender": "UNKNOWN"}
    answer = call("edit_profile", body, bearer=ada["access_token"], route=route)
    assert answer.status == status
    found = profile(call, ada)
    if status == 200:
        assert (found["username"], found["gender"]) == ("countess", "UNKNOWN")
    else:
        assert (answer["error"], answer["error_code"]) == ("failed_precondition", 9)
        assert "sudo" in answer["error_description"]
        assert (found["username"], found.get("gender")) == ("ada_lovelace", None)


@pytest.mark.parametrize("route", ["PATCH /auth/v1/user/profile", BASICS])
@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 403)])
def test_a_user_name_changes_within_ten_minutes_of_sudo(
    call: Call, ada: Answer, now: Clock, route: str, seconds: int, status: int
):
    now.time += 6000
    call("sudo", bearer=ada["access_token"])
    now.time += seconds
    body = {"username": "countess"}
    assert call("edit_profile", body, bearer=ada["access_token"], route=route).status == status


@pytest.mark.parametrize("route", ["PATCH /auth/v1/user/profile", BASICS])
def test_the_same_user_name_is_no_change(call: Call, ada: Answer, now: Clock, route: str):
    now.time += 6000
    body = {"username": "ada_lovelace", "gender": "UNKNOWN"}
    answer = call("edit_profile", body, bearer=ada["access_token"], route=route)
    assert answer.status == 200
    assert profile(call, ada)["gender"] == "UNKNOWN"


def test_an_address_that_another_took_meanwhile_stays_theirs(
    call: Call, ada: Answer, prove: Prove, now: Clock
):
    prove(NEW, bearer=ada["access_token"])
    now.time += 60
    call("sign_up", {"verification_token": prove(NEW)})
    answer = basics(call, ada, email=NEW)
    assert (answer.status, answer["error"], answer["error_code"]) == (409, "failed_precondition", 9)


def test_the_own_address_is_no_change(call: Call, ada: Answer):
    assert basics(call, ada, email="Ada@Example.com", nickname="Augusta") == {}
    assert profile(call, ada)["name"] == "Augusta"


def test_a_code_for_the_own_address_leaves_no_note(
    call: Call, ada: Answer, prove: Prove, now: Clock
):
    now.time += 60
    prove(bearer=ada["access_token"])
    assert store.get(keys.proven(ada["sub"], "ada@example.com")) == [None]


def test_a_malformed_address_is_refused(call: Call, ada: Answer):
    assert basics(call, ada, email="no address")["error"] == "invalid_argument"


# The password, in clear and by modifyPassword.


def test_the_current_password_sets_another(
    call: Call, ada: Answer, sign_in: SignIn, alive: Alive, outbox: Outbox
):
    other = sign_in()
    assert basics(call, ada, password="engine1843", new_password="engine1844") == {}
    outbox.deliver()
    assert outbox.mails[-1].subject == "Your Latchkey password was changed"
    assert sign_in("engine1844").status == 200
    assert alive(ada)
    assert not alive(other)


def test_an_encrypted_password_sets_another(call: Call, ada: Answer, sign_in: SignIn):
    fields = {
        "user_id": ada["sub"],
        "encrypt_password": seal("engine1843"),
        "encrypt_new_password": seal("engine1844"),
        "public_key_thumbprint": keyring.load().current("encryption", NOW).id,
    }
    assert basics(call, ada, **fields) == {}
    assert sign_in("engine1844").status == 200


@pytest.mark.parametrize("field", ["encrypt_password", "encrypt_new_password"])
@pytest.mark.parametrize("sealed", NOT_SEALED)
def test_what_cannot_be_opened_is_a_wrong_password(
    call: Call, ada: Answer, sign_in: SignIn, field: str, sealed: str
):
    fields = {
        "encrypt_password": seal("engine1843"),
        "encrypt_new_password": seal("engine1844"),
        "public_key_thumbprint": keyring.load().current("encryption", NOW).id,
    }
    answer = basics(call, ada, **fields | {field: sealed})
    assert (answer.status, answer["error"], answer["error_code"]) == (400, "invalid_password", 3)
    assert sign_in("engine1843").status == 200


def test_a_lost_answer_is_given_again(call: Call, ada: Answer):
    fields = {"password": "engine1843", "new_password": "engine1844"}
    for _ in range(2):
        assert basics(call, ada, "a" * 32, **fields) == {}


@pytest.mark.parametrize("password", ["engine1844", "", None])
def test_without_the_current_password_none_is_set(
    call: Call, ada: Answer, sign_in: SignIn, password: str | None
):
    answer = basics(call, ada, password=password, new_password="engine1845")
    assert (answer.status, answer["error"]) == (400, "invalid_password")
    assert sign_in("engine1843").status == 200


def test_a_password_alone_is_refused_rather_than_ignored(call: Call, ada: Answer):
    answer = basics(call, ada, password="engine1844")
    assert (answer.status, answer["error"]) == (400, "invalid_argument")


@pytest.mark.parametrize("password", ["engine1843", "short1", "12345678"])
def test_a_password_against_the_policy_is_refused(call: Call, ada: Answer, password: str):
    answer = basics(call, ada, password="engine1843", new_password=password)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 403)])
def test_the_first_password_needs_a_fresh_session(
    call: Call, prove: Prove, now: Clock, seconds: int, status: int
):
    bob = call("sign_up", {"verification_token": prove("bob@example.com")})
    now.time += seconds
    assert basics(call, bob, new_password="engine1844").status == status


def test_a_proof_that_changed_the_address_elsewhere_is_used_up(
    call: Call, ada: Answer, prove: Prove, confirm: Confirm
):
    token = prove(NEW, bearer=ada["access_token"])
    body = {"email": NEW, "sudo_token": confirm(ada), "verification_token": token}
    assert call("change_email", body, bearer=ada["access_token"]) == {}
    prove("lady@example.com", bearer=ada["access_token"])
    assert basics(call, ada, email="lady@example.com") == {}
    assert refused(basics(call, ada, email=NEW))
