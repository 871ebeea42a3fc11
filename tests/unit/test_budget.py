"""The budget of failures: no guesser gets in, and no owner is locked out."""

import itertools
import json
from collections.abc import Callable

import pytest

from latchkey import aws, errors, http
from latchkey.dynamodb import keys, store, writes
from latchkey.limits import budget
from latchkey.users import passwords
from tests.unit.conftest import Answer, Call, Clock, Outbox
from tests.unit.test_encryption import seal, thumbprint

HOUR = 3600
BASICS = "POST /auth/v1/user/basic/edit"
_stranger = itertools.count(1)


def stranger() -> dict[str, str]:
    return {"x-device-id": f"{next(_stranger):032x}"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, configure: Callable[..., None]) -> list[str]:
    """Compare without hashing, five failures a day, no captchas (test_solve_captcha.py); return the
    passwords that were compared.
    """
    compared: list[str] = []

    def matches(password: str, stored: str | None) -> bool:
        compared.append(password)
        return stored is not None and password == "engine1843"

    monkeypatch.setattr(passwords, "matches", matches)
    configure(failures_per_day=5, code_cooldown_seconds=0, captcha="off")
    return compared


def guess(call: Call, door: str, name: str = "ada@example.com") -> Answer:
    body = {"username": name, "password": "wrong1843"}
    sealed = {"username": name, "password": seal("wrong1843"), "new_password": seal("engine1844")}
    match door:
        case "sign_in":
            return call("sign_in", body, headers=stranger())
        case "version 2":
            route = "POST /auth/v2/signin/username"
            return call("sign_in", body, headers=stranger(), route=route)
        case "encrypted":
            params = seal(json.dumps(body))
            wrapped = {"params": params, "public_key_thumbprint": thumbprint()}
            return call("sign_in", wrapped, headers=stranger())
        case "token":
            return call("grant_token", body | {"grant_type": "password"}, headers=stranger())
        case _:
            sealed |= {"public_key_thumbprint": thumbprint()}
            return call("update_password", sealed, headers=stranger())


DOORS = ["sign_in", "version 2", "encrypted", "token", "update_password"]


@pytest.mark.parametrize("name", ["ada@example.com", "ada_lovelace", "nobody@example.com"])
def test_all_doors_share_one_budget_and_an_unknown_name_has_the_same(
    call: Call, ada: Answer, quick: list[str], name: str
):
    for door in DOORS:
        assert guess(call, door, name)["error"] == "invalid_username_or_password"
    quick.clear()
    for door in DOORS:
        answer = guess(call, door, name)
        assert (answer.status, answer["error"], answer["error_code"]) == (
            429,
            "resource_exhausted",
            8,
        )
        assert 23 * HOUR < answer["retry_after"] <= 24 * HOUR
        assert answer.headers["retry-after"] == str(answer["retry_after"])
    assert quick == []


def test_a_user_s_names_are_one_account(call: Call, ada: Answer):
    for name in (
        "ada@example.com",
        "ADA@example.com",
        "ada_lovelace",
        "Ada_Lovelace",
        "ada_lovelace",
    ):
        assert guess(call, "sign_in", name).status == 401
    assert guess(call, "sign_in", "ada@example.com").status == 429


def spend(call: Call) -> None:
    while guess(call, "sign_in").status != 429:
        pass


def test_the_right_password_is_refused_to_a_stranger_once_the_lane_is_spent(
    call: Call, ada: Answer
):
    spend(call)
    body = {"username": "ada@example.com", "password": "engine1843"}
    assert call("sign_in", body, headers=stranger()).status == 429


def test_a_device_that_the_account_knows_does_not_notice(call: Call, ada: Answer):
    spend(call)
    body = {"username": "ada@example.com", "password": "engine1843"}
    for _ in range(8):
        assert call("sign_in", body).status == 200


def test_a_known_device_has_a_budget_of_its_own(call: Call, ada: Answer):
    body = {"username": "ada@example.com", "password": "wrong1843"}
    answers = [call("sign_in", body).status for _ in range(7)]
    assert answers == [401] * 5 + [429] * 2
    right = {"username": "ada@example.com", "password": "engine1843"}
    assert call("sign_in", right, headers=stranger()).status == 200


def test_a_device_whose_id_can_be_guessed_is_a_stranger(call: Call, ada: Answer):
    body = {"username": "ada@example.com", "password": "engine1843"}
    laptop = {"x-device-id": "my-laptop"}
    assert call("sign_in", body, headers=laptop).status == 200
    spend(call)
    assert call("sign_in", body, headers=laptop).status == 429


def test_a_success_gives_its_try_back(call: Call, ada: Answer):
    body = {"username": "ada@example.com", "password": "engine1843"}
    for _ in range(12):
        assert call("sign_in", body, headers=stranger()).status == 200
    for _ in range(5):
        assert guess(call, "sign_in").status == 401
    assert guess(call, "sign_in").status == 429


@pytest.mark.parametrize("door", ["sudo", "basic/edit"])
def test_a_session_has_a_budget_of_its_own(call: Call, ada: Answer, door: str):
    def confirm(password: str) -> Answer:
        bearer = ada["access_token"]
        if door == "sudo":
            return call("sudo", {"password": password}, bearer=bearer)
        body = {"password": password, "new_password": "engine1844"}
        return call("edit_profile", body, bearer=bearer, route=BASICS)

    spend(call)
    if door == "sudo":
        for _ in range(8):
            assert confirm("engine1843").status == 200
    for _ in range(5):
        assert confirm("wrong1843")["error"] == "invalid_password"
    assert confirm("engine1843").status == 429
    assert call("get_user", bearer=ada["access_token"]).status == 200


@pytest.mark.parametrize(("hours", "status"), [(23, 429), (24, 401)])
def test_a_failure_counts_for_a_day(call: Call, ada: Answer, now: Clock, hours: int, status: int):
    now.time -= now.time % HOUR
    spend(call)
    now.time += hours * HOUR
    assert guess(call, "sign_in").status == status


def test_old_failures_are_dropped_one_hour_after_the_other(call: Call, ada: Answer, now: Clock):
    now.time -= now.time % HOUR
    for _ in range(3):
        assert guess(call, "sign_in").status == 401
    now.time += 2 * HOUR
    spend(call)
    now.time += 22 * HOUR
    assert [guess(call, "sign_in").status for _ in range(4)] == [401, 401, 401, 429]


def test_what_others_change_meanwhile_is_seen(call: Call, now: Clock):
    lane = budget.Lane("tag")
    asking = http.caller_of({}, "sign_in")
    old = f"h{now.time // HOUR - 30}"
    store.write(writes.Put(lane.key, item={"total": 5, old: 5}))
    assert budget.count(lane, asking, now=now.time).hour == now.time // HOUR
    [item] = store.get(keys.budget("tag", "-"))
    assert item is not None
    assert item["total"] == 1
    assert old not in item


# Codes.


def ask(call: Call, **headers: str) -> str:
    return str(call("send_code", headers=headers or stranger())["verification_id"])


def wrong(call: Call, verification_id: str) -> Answer:
    return call("verify_code", {"verification_id": verification_id, "verification_code": "x"})


def test_guesses_at_codes_and_passwords_share_the_budget(call: Call, ada: Answer):
    for _ in range(3):
        guess(call, "sign_in")
    code = ask(call)
    assert [wrong(call, code)["error"] for _ in range(3)] == [
        "invalid_verification_code",
        "invalid_verification_code",
        "invalid_argument",
    ]
    assert guess(call, "sign_in").status == 429


def test_a_short_code_is_not_evaluated_once_the_lane_is_spent(
    call: Call, ada: Answer, outbox: Outbox
):
    code = ask(call)
    right = outbox.code()
    spend(call)
    body = {"verification_id": code, "verification_code": right}
    answer = call("verify_code", body)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")
    assert "Ask for a new one" in answer["error_description"]


def test_a_stranger_gets_a_long_code_once_the_lane_is_spent(
    call: Call, ada: Answer, outbox: Outbox
):
    spend(call)
    code = ask(call)
    right = outbox.code()
    assert len(right) == 10
    for _ in range(4):
        assert wrong(call, code)["error"] == "invalid_verification_code"
    proof = call("verify_code", {"verification_id": code, "verification_code": right})
    assert call("sign_in", {"verification_token": proof["verification_token"]}).status == 200


def test_a_long_code_has_five_guesses(call: Call, ada: Answer, outbox: Outbox):
    spend(call)
    code = ask(call)
    right = outbox.code()
    for _ in range(5):
        assert wrong(call, code)["error"] == "invalid_verification_code"
    body = {"verification_id": code, "verification_code": right}
    assert call("verify_code", body)["error"] == "invalid_argument"


def test_a_known_device_and_a_live_session_get_short_codes(call: Call, ada: Answer, outbox: Outbox):
    spend(call)
    call("send_code")
    assert len(outbox.code()) == 6
    outbox.mails.clear()
    call("send_code", bearer=ada["access_token"], headers=stranger())
    assert len(outbox.code()) == 6


def test_a_right_code_gives_its_try_back(call: Call, ada: Answer, outbox: Outbox):
    for _ in range(8):
        code = ask(call)
        body = {"verification_id": code, "verification_code": outbox.code()}
        assert call("verify_code", body).status == 200
    assert guess(call, "sign_in").status == 401


def test_a_resend_of_another_length_has_another_code(call: Call, ada: Answer, outbox: Outbox):
    device = stranger()
    ask(call, **device)
    short = outbox.code()
    spend(call)
    ask(call, **device)
    long = outbox.code()
    assert (len(short), len(long)) == (6, 10)
    assert not long.endswith(short)


def test_long_codes_begin_with_any_digit(
    call: Call, ada: Answer, outbox: Outbox, configure: Callable[..., None]
):
    spend(call)
    configure(codes_per_address_per_day=100)
    first = set()
    for _ in range(60):
        ask(call)
        first.add(outbox.code()[0])
    assert len(first) >= 8


def test_the_budget_of_an_address_without_an_account_makes_codes_long_too(
    call: Call, outbox: Outbox
):
    for _ in range(5):
        assert guess(call, "sign_in", "bob@example.com").status == 401
    call("send_code", {"email": "bob@example.com"}, headers=stranger())
    assert len(outbox.code("bob@example.com")) == 10


def test_signing_out_everywhere_makes_devices_strangers(call: Call, ada: Answer):
    spend(call)
    assert call("revoke_all", bearer=ada["access_token"]) == {}
    body = {"username": "ada@example.com", "password": "engine1843"}
    assert call("sign_in", body).status == 429


def test_a_store_that_fails_evaluates_nothing(
    call: Call, ada: Answer, quick: list[str], monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object) -> None:
        raise errors.Unavailable

    monkeypatch.setattr(store, "write", fail)
    assert guess(call, "sign_in").status == 503
    assert quick == []


def test_a_right_password_with_a_weak_new_one_counts_for_nothing(call: Call, ada: Answer):
    body = {"password": "engine1843", "new_password": "short"}
    for _ in range(8):
        answer = call("edit_profile", body, bearer=ada["access_token"], route=BASICS)
        assert (answer.status, answer["error"]) == (400, "invalid_argument")
    sealed = {
        "username": "ada@example.com",
        "password": seal("engine1843"),
        "new_password": seal("short"),
        "public_key_thumbprint": thumbprint(),
    }
    for _ in range(8):
        answer = call("update_password", sealed, headers=stranger())
        assert (answer.status, answer["error"]) == (400, "invalid_argument")


def test_every_lane_expires_whatever_made_it(call: Call, ada: Answer, now: Clock):
    def lanes() -> list[int]:
        items = aws.dynamodb().scan(TableName="Grants")["Items"]
        found = [item for item in items if item["pk"]["S"].startswith("BUDGET#")]
        return sorted(int(item["expires_at"]["N"]) - now.time for item in found)

    day, long = 25 * HOUR, budget.DEVICE_SECONDS
    assert lanes() == [day, long]  # of the code that Ada redeemed, and of her device
    for item in aws.dynamodb().scan(TableName="Grants")["Items"]:
        if item["pk"]["S"].startswith("BUDGET#"):  # as after a rotation of the MAC key
            key = {name: item[name] for name in ("pk", "sk")}
            aws.dynamodb().delete_item(TableName="Grants", Key=key)
    body = {"username": "ada@example.com", "password": "wrong1843"}
    assert call("sign_in", body).status == 401
    assert call("sudo", {"password": "wrong1843"}, bearer=ada["access_token"]).status == 400
    guess(call, "sign_in")
    assert lanes() == [day, day, long]
