"""Captchas: a picture is answered once, its token is used once, and both buy a stranger one try."""

import base64
import io
import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from functions.solve_captcha import app
from latchkey import aws
from latchkey.keys import keyring, tokens
from latchkey.limits import captcha, sources
from latchkey.users import passwords
from tests.unit.conftest import DEVICE, NOW, Answer, Call, Clock, Outbox
from tests.unit.test_encryption import seal, thumbprint

DATA = "POST /auth/v1/captcha/data"
VERIFY = "POST /auth/v1/captcha/data/verify"
BASICS = "POST /auth/v1/user/basic/edit"
REQUIRED = (403, "captcha_required", 4001)
INVALID = (403, "captcha_invalid", 4002)
REFUSED = (400, "invalid_argument", 3)
LIMITED = (429, "resource_exhausted", 8)
WRONG = (401, "invalid_username_or_password", 3)
AGAIN = {"x-request-id": "a" * 32}
_strangers = itertools.count(1)

Read = Callable[[], str]
Solve = Callable[..., str]


def refusal(answer: Answer) -> tuple[int, str, int]:
    return answer.status, answer["error"], answer["error_code"]


def stranger(**headers: str) -> dict[str, str]:
    return {"x-device-id": f"{next(_strangers):032x}"} | headers


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """Return a function that reads the newest picture, as a person would."""
    drawn: list[str] = []
    draw = app._drawing.generate

    def note(text: str, **colours: Any) -> io.BytesIO:
        drawn.append(text)
        return draw(text, **colours)

    monkeypatch.setattr(app._drawing, "generate", note)
    return lambda: drawn[-1]


@pytest.fixture
def solve(call: Call, read: Read) -> Solve:
    """Return a function that solves a captcha and returns its token."""

    def get(state: str = "POST:/v1/signin") -> str:
        token = draw(call, state)["token"]
        answered = answer(call, token, read())
        assert answered.status == 200, answered
        return str(answered["captcha_token"])

    return get


def draw(call: Call, state: str = "POST:/v1/signin", **how: Any) -> Answer:
    return call("solve_captcha", {"state": state, "redirect_uri": ""}, route=DATA, **how)


def answer(call: Call, token: str, key: str, **how: Any) -> Answer:
    return call("solve_captcha", {"token": token, "key": key}, route=VERIFY, **how)


# The picture and its answer.


def test_a_picture_is_an_image_that_the_sdk_can_show(call: Call):
    drawn = draw(call)
    assert (drawn.status, drawn["type"], drawn["expires_in"]) == (200, "image", 300)
    found = re.fullmatch(r"data:image/png;base64,([A-Za-z0-9+/]+=*)", drawn["data"])
    assert found
    picture = Image.open(io.BytesIO(base64.b64decode(found[1]))).convert("L")
    assert picture.size == (160, 60)
    dark = sum(picture.histogram()[:80])
    assert 500 < dark < 5000  # letters that can be read, on a ground that is white


def test_a_picture_has_four_characters_none_of_which_looks_like_another(call: Call, read: Read):
    seen = set()
    for _ in range(60):
        draw(call)
        assert re.fullmatch("[ACEFHKLMPRTXY34679]{4}", read())
        seen.add(read())
    assert len(seen) >= 59


def test_an_answer_is_exchanged_for_a_token_that_the_sdk_does_not_keep(call: Call, read: Read):
    answered = answer(call, draw(call)["token"], read())
    assert set(answered) == {"captcha_token", "expires_in"}
    assert 0 < answered["expires_in"] < 10


@pytest.mark.parametrize(
    "type_it", [str.lower, " {} ".format, lambda text: "".join(chr(ord(c) + 0xFEE0) for c in text)]
)
def test_case_blanks_and_full_width_do_not_matter(
    call: Call, read: Read, type_it: Callable[[str], str]
):
    token = draw(call)["token"]
    assert answer(call, token, type_it(read())).status == 200


@pytest.mark.parametrize("key", ["0000", "", "é", "ACEF" * 64])
def test_a_wrong_answer_spends_the_picture_and_opens_no_second_dialog(
    call: Call, read: Read, key: str
):
    token = draw(call)["token"]
    assert refusal(answer(call, token, key)) == REFUSED
    assert refusal(answer(call, token, read())) == REFUSED


def test_a_right_answer_spends_the_picture(call: Call, read: Read):
    token = draw(call)["token"]
    assert answer(call, token, read()).status == 200
    assert refusal(answer(call, token, read())) == REFUSED


def test_a_repeated_answer_whose_answer_was_lost_gets_the_same_token(
    call: Call, read: Read, now: Clock
):
    token = draw(call)["token"]
    first = answer(call, token, read(), headers=AGAIN)
    now.time += 3
    assert answer(call, token, read(), headers=AGAIN) == first
    assert refusal(answer(call, token, "0000", headers=AGAIN)) == REFUSED
    now.time += 120
    assert refusal(answer(call, token, read(), headers=AGAIN)) == REFUSED


def test_a_repeated_guess_is_still_wrong(call: Call, read: Read):
    token = draw(call)["token"]
    for _ in range(2):
        assert refusal(answer(call, token, "0000", headers=AGAIN)) == REFUSED


@pytest.mark.parametrize(("seconds", "status"), [(299, 200), (300, 400)])
def test_a_picture_lives_five_minutes(
    call: Call, read: Read, now: Clock, seconds: int, status: int
):
    token = draw(call)["token"]
    now.time += seconds
    assert answer(call, token, read()).status == status


def test_only_the_token_of_a_picture_takes_an_answer(call: Call, read: Read, ada: Answer):
    token = draw(call)["token"]
    claims = {"jti": "x", "path": ""}
    other = tokens.issue_mac("captcha", claims, now=NOW, expires_at=NOW + 600)
    for forged in (other, token[:-2] + "AA", ada["refresh_token"], "x", ""):
        assert refusal(answer(call, forged, read())) == REFUSED


def test_the_text_follows_from_the_mac_key_and_not_from_what_is_stored_or_sent(
    call: Call, read: Read, monkeypatch: pytest.MonkeyPatch
):
    token = draw(call)["token"]
    picture_id = tokens.read_mac("picture", token, now=NOW)["jti"]
    assert captcha._text(picture_id, NOW) == read()
    with monkeypatch.context() as patch:
        patch.setattr(keyring, "mac", lambda key, text: b"another key")
        assert captcha._text(picture_id, NOW) != read()
    answer(call, token, "0000")
    stored = aws.dynamodb().scan(TableName="Grants")["Items"]
    assert read() not in json.dumps(stored)
    names = {"pk", "sk", "answered_by", "answered_at", "expires_at"}
    [item] = [item for item in stored if item["pk"]["S"].startswith("CAPTCHA#")]
    assert item.keys() == names


def test_a_network_gets_a_hundred_pictures_an_hour(
    call: Call, now: Clock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app._drawing, "generate", lambda *_, **__: io.BytesIO(b"a picture"))
    assert sources.PICTURES_PER_HOUR == 100
    for number in range(100):
        assert draw(call, source=f"2001:db8:0:1::{number:x}").status == 200
    refused = draw(call, source="2001:db8:0:1::ffff")
    assert refusal(refused) == LIMITED
    assert 0 < refused["retry_after"] <= 3600
    assert draw(call, source="2001:db8:0:2::1").status == 200
    now.time += refused["retry_after"]
    assert draw(call, source="2001:db8:0:1::1").status == 200


# Passwords.


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, configure: Callable[..., None]) -> list[str]:
    """Compare without hashing, six failures a day; return the passwords that were compared."""
    compared: list[str] = []

    def matches(password: str, stored: str | None) -> bool:
        compared.append(password)
        return stored is not None and password == "engine1843"

    monkeypatch.setattr(passwords, "matches", matches)
    configure(failures_per_day=6, code_cooldown_seconds=0)
    return compared


DOORS = {
    "sign_in": "/v1/signin",
    "version 2": "/v2/signin/username",
    "encrypted": "/v2/signin/username",
    "token": "/v1/token",
    "update_password": "/v2/signin/password/update",
}


def knock(
    call: Call,
    door: str = "sign_in",
    name: str = "ada@example.com",
    *,
    password: str = "wrong1843",
    token: str = "",
    headers: dict[str, str] | None = None,
    **how: Any,
) -> Answer:
    body = {"username": name, "password": password}
    how |= {"headers": headers or stranger(), "route": f"POST /auth{DOORS[door]}"}
    if token:
        how["query"] = f"captcha_token={token}&client_id=my-app"
    match door:
        case "sign_in" | "version 2":
            return call("sign_in", body, **how)
        case "encrypted":
            params = seal(json.dumps(body))
            wrapped = {"params": params, "public_key_thumbprint": thumbprint()}
            return call("sign_in", wrapped, **how)
        case "token":
            return call("grant_token", body | {"grant_type": "password"}, **how)
        case _:
            body = {"username": name, "password": seal(password)}
            body |= {"new_password": seal("engine1844"), "public_key_thumbprint": thumbprint()}
            return call("update_password", body, **how)


def half(call: Call, name: str = "ada@example.com") -> None:
    """Use up the half of a lane that needs no captcha."""
    for _ in range(3):
        assert refusal(knock(call, name=name)) == WRONG


@pytest.mark.parametrize("name", ["ada@example.com", "ada_lovelace", "nobody@example.com"])
@pytest.mark.parametrize("door", DOORS)
def test_from_half_of_the_lane_on_each_try_takes_a_captcha_whoever_is_named(
    call: Call, ada: Answer, quick: list[str], solve: Solve, door: str, name: str
):
    half(call, name)
    quick.clear()
    for _ in range(4):
        assert refusal(knock(call, door, name)) == REQUIRED
    assert quick == []
    for _ in range(3):
        token = solve(f"POST:{DOORS[door]}")
        assert refusal(knock(call, door, name, token=token)) == WRONG
    assert quick == ["wrong1843"] * 3
    assert refusal(knock(call, door, name)) == LIMITED


def test_a_captcha_buys_nothing_beyond_the_lane_and_is_kept(
    call: Call, ada: Answer, quick: list[str], solve: Solve, now: Clock
):
    half(call)
    for _ in range(3):
        knock(call, token=solve())
    quick.clear()
    kept = solve()
    for _ in range(2):
        assert refusal(knock(call, password="engine1843", token=kept)) == LIMITED
    assert quick == []
    half(call, "nobody@example.com")
    assert refusal(knock(call, name="nobody@example.com", token=kept)) == WRONG


def test_the_right_password_signs_in_with_a_captcha_and_gives_its_try_back(
    call: Call, ada: Answer, quick: list[str], solve: Solve
):
    half(call)
    for _ in range(4):
        assert knock(call, password="engine1843", token=solve()).status == 200
    assert refusal(knock(call)) == REQUIRED


def test_a_token_works_once(call: Call, ada: Answer, quick: list[str], solve: Solve):
    half(call)
    token = solve()
    assert refusal(knock(call, token=token)) == WRONG
    assert refusal(knock(call, token=token)) == INVALID
    assert refusal(knock(call, token=token)) == INVALID
    assert quick == ["wrong1843"] * 4


def test_a_refused_token_counts_no_failure(
    call: Call, ada: Answer, quick: list[str], solve: Solve, now: Clock
):
    half(call)
    used = solve()
    assert knock(call, password="engine1843", token=used).status == 200
    for token in (used, "forged", draw(call)["token"], ada["refresh_token"]):
        for _ in range(3):
            assert refusal(knock(call, token=token)) == INVALID
    for _ in range(3):
        assert refusal(knock(call, token=solve())) == WRONG


def test_a_token_is_not_used_before_one_is_asked_for(
    call: Call, ada: Answer, quick: list[str], solve: Solve
):
    token = solve()
    for _ in range(4):
        assert refusal(knock(call, token=token)) == WRONG
    assert refusal(knock(call, token=token)) == INVALID


@pytest.mark.parametrize(("seconds", "expected"), [(599, WRONG), (600, INVALID)])
def test_a_token_lives_ten_minutes(
    call: Call,
    ada: Answer,
    quick: list[str],
    solve: Solve,
    now: Clock,
    seconds: int,
    expected: tuple[int, str, int],
):
    half(call)
    token = solve()
    now.time += seconds
    assert refusal(knock(call, token=token)) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("POST:/v1/signin", WRONG),
        ("POST:/auth/v1/signin", WRONG),  # as 2.11.0 writes it
        ("something else", WRONG),
        ("", WRONG),
        ("POST:/v1/verification", INVALID),
        ("POST:/v2/signin/username", INVALID),
    ],
)
def test_a_token_is_for_the_call_that_its_state_names(
    call: Call,
    ada: Answer,
    quick: list[str],
    solve: Solve,
    state: str,
    expected: tuple[int, str, int],
):
    half(call)
    assert refusal(knock(call, token=solve(state))) == expected


def test_a_client_may_send_the_token_in_a_header(
    call: Call, ada: Answer, quick: list[str], solve: Solve
):
    half(call)
    headers = stranger() | {"x-captcha-token": solve()}
    assert refusal(knock(call, headers=headers)) == WRONG


def test_a_request_may_be_repeated_twice_without_a_second_captcha(
    call: Call, quick: list[str], configure: Callable[..., None], solve: Solve
):
    configure(failures_per_day=8)
    for _ in range(4):
        knock(call)
    headers, token = stranger() | AGAIN, solve()
    answers = [refusal(knock(call, token=token, headers=headers)) for _ in range(5)]
    assert answers == [WRONG, WRONG, WRONG, INVALID, INVALID]


def test_a_repeat_is_one_only_within_two_minutes_and_with_the_same_password(
    call: Call, ada: Answer, quick: list[str], solve: Solve, now: Clock
):
    half(call)
    headers, token = stranger() | AGAIN, solve()
    assert refusal(knock(call, token=token, headers=headers)) == WRONG
    assert refusal(knock(call, password="other1843", token=token, headers=headers)) == INVALID
    now.time += 120
    assert refusal(knock(call, token=token, headers=headers)) == INVALID


def test_a_request_without_an_id_is_no_repeat(
    call: Call, ada: Answer, quick: list[str], solve: Solve
):
    half(call)
    headers, token = stranger() | {"x-request-id": ""}, solve()
    assert refusal(knock(call, token=token, headers=headers)) == WRONG
    assert refusal(knock(call, token=token, headers=headers)) == INVALID


def test_a_known_device_and_a_session_are_never_asked(call: Call, ada: Answer, quick: list[str]):
    half(call)
    assert refusal(knock(call)) == REQUIRED
    home = {"x-device-id": DEVICE}
    for _ in range(6):
        assert refusal(knock(call, headers=home)) == WRONG
    assert refusal(knock(call, headers=home)) == LIMITED
    for _ in range(6):
        wrong = call("sudo", {"password": "wrong1843"}, bearer=ada["access_token"])
        assert wrong["error"] == "invalid_password"
    body = {"password": "wrong1843", "new_password": "engine1844"}
    edited = call("edit_profile", body, bearer=ada["access_token"], route=BASICS)
    assert refusal(edited) == LIMITED


def test_old_failures_ask_for_no_captcha(call: Call, ada: Answer, quick: list[str], now: Clock):
    half(call)
    now.time += 86400
    half(call)
    assert refusal(knock(call)) == REQUIRED


@pytest.mark.parametrize(("most", "free"), [(1, 1), (2, 1), (5, 3), (20, 10)])
def test_half_of_the_failures_are_free_rounded_up(
    call: Call,
    quick: list[str],
    configure: Callable[..., None],
    most: int,
    free: int,
):
    configure(failures_per_day=most)
    for _ in range(free):
        assert refusal(knock(call)) == WRONG
    assert refusal(knock(call)) == (REQUIRED if most > 1 else LIMITED)


def test_off_asks_nobody(call: Call, ada: Answer, quick: list[str], configure: Callable[..., None]):
    configure(captcha="off")
    for _ in range(6):
        assert refusal(knock(call, token="forged")) == WRONG
    assert refusal(knock(call)) == LIMITED


# Codes.


def ask(call: Call, *, token: str = "", **how: Any) -> Answer:
    query = f"captcha_token={token}&client_id=my-app" if token else "client_id=my-app"
    return call("send_code", query=query, **({"headers": stranger()} | how))


def test_the_first_three_codes_of_an_address_need_none_though_its_lane_is_spent(
    call: Call, ada: Answer, quick: list[str], solve: Solve
):
    half(call)
    for _ in range(3):
        knock(call, token=solve())
    # One code was mailed when Ada signed up.
    assert [ask(call).status for _ in range(2)] == [200, 200]
    assert refusal(ask(call)) == REQUIRED


def test_once_half_of_the_failures_are_used_up_a_code_takes_a_captcha(
    call: Call, ada: Answer, quick: list[str], solve: Solve, outbox: Outbox
):
    for _ in range(4):
        assert ask(call).status == 200
    half(call)
    assert refusal(ask(call)) == REQUIRED
    token = solve("POST:/v1/verification")
    sent = ask(call, token=token)
    assert sent.status == 200
    assert refusal(ask(call, token=token)) == INVALID
    # Redeeming the code, and signing in by it, need none.
    body = {"verification_id": sent["verification_id"], "verification_code": outbox.code()}
    proof = call("verify_code", body, headers=stranger())
    signed_in = call(
        "sign_in", {"verification_token": proof["verification_token"]}, headers=stranger()
    )
    assert signed_in.status == 200


def test_once_half_of_the_day_s_mails_are_used_up_a_code_takes_a_captcha(
    call: Call, quick: list[str], configure: Callable[..., None], solve: Solve, now: Clock
):
    configure(codes_per_address_per_day=5, code_cooldown_seconds=0)
    other, third = {"source": "203.0.113.99"}, {"source": "203.0.113.100"}
    # All networks together get ten.
    assert [ask(call).status for _ in range(5)] == [200] * 5
    assert refusal(ask(call, **other)) == REQUIRED
    for _ in range(5):
        assert ask(call, token=solve("POST:/v1/verification"), **other).status == 200
    token = solve("POST:/v1/verification")
    assert refusal(ask(call, token=token, **third)) == LIMITED
    now.time += 86400
    assert [ask(call).status for _ in range(5)] == [200] * 5
    assert refusal(ask(call, **other)) == REQUIRED


def test_a_cool_down_is_told_before_a_captcha_is_used(
    call: Call, quick: list[str], configure: Callable[..., None], solve: Solve, now: Clock
):
    configure(codes_per_address_per_day=6, code_cooldown_seconds=60)
    for _ in range(3):
        assert ask(call).status == 200
        now.time += 60
    token = solve("POST:/v1/verification")
    assert ask(call, token=token).status == 200
    token = solve("POST:/v1/verification")
    for sent in ("", "forged", token):
        assert refusal(ask(call, token=sent)) == LIMITED
    now.time += 60
    assert ask(call, token=token).status == 200


def test_a_code_that_the_source_s_limit_refuses_uses_no_captcha(
    call: Call, quick: list[str], configure: Callable[..., None], solve: Solve
):
    configure(codes_per_address_per_day=6, code_cooldown_seconds=0, codes_per_source_per_hour=3)
    for _ in range(3):
        assert ask(call).status == 200
    token = solve("POST:/v1/verification")
    assert refusal(ask(call, token=token)) == LIMITED
    assert ask(call, token=token, source="198.51.100.7").status == 200


def test_a_known_device_and_a_session_get_codes_without_a_captcha(
    call: Call, ada: Answer, quick: list[str]
):
    for _ in range(4):
        assert ask(call).status == 200
    half(call)
    assert refusal(ask(call)) == REQUIRED
    for _ in range(4):
        assert ask(call, headers={"x-device-id": DEVICE}).status == 200
        assert ask(call, bearer=ada["access_token"]).status == 200


def test_a_repeated_request_for_a_code_needs_no_second_captcha(
    call: Call, ada: Answer, quick: list[str], solve: Solve, outbox: Outbox
):
    for _ in range(4):
        ask(call)
    half(call)
    outbox.deliver()
    outbox.mails.clear()
    headers, token = stranger() | AGAIN, solve("POST:/v1/verification")
    first = ask(call, token=token, headers=headers)
    assert ask(call, token=token, headers=headers) == first
    outbox.deliver()
    assert len(outbox.mails) == 1


def test_off_asks_nobody_for_a_code(call: Call, quick: list[str], configure: Callable[..., None]):
    configure(captcha="off", codes_per_address_per_day=6, code_cooldown_seconds=0)
    assert [ask(call).status for _ in range(6)] == [200] * 6
    assert refusal(ask(call)) == LIMITED
