from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from latchkey import aws, errors, settings
from latchkey.codes import strangers
from latchkey.dynamodb import store, writes
from latchkey.mail import queue
from tests.unit.conftest import DEVICE, NOW, Answer, Call, Clock, Outbox, SignIn

OTHER = {"x-device-id": "f" * 32}


DAY = 86400


def ask(call: Call, address: str = "ada@example.com", **how: object) -> Answer:
    return call("send_code", {"email": address}, **how)


def test_a_new_address_gets_a_code_and_is_no_user(call: Call, outbox: Outbox):
    answer = ask(call)
    assert (answer["is_user"], answer["expires_in"]) == (False, 600)
    assert answer["retry_after"] == 60
    assert len(outbox.code()) == 6


def test_a_known_address_is_a_user(call: Call, ada: Answer, now: Clock):
    now.time += 60
    assert ask(call, "ADA@Example.com")["is_user"] is True


def test_the_mail_goes_to_the_one_spelling_of_the_address(call: Call, outbox: Outbox):
    ask(call, "Ada@EXAMPLE.com")
    outbox.deliver()
    assert [letter.to for letter in outbox.mails] == ["ada@example.com"]


def test_the_code_is_in_the_subject_and_alone_on_a_line(call: Call, outbox: Outbox):
    ask(call)
    code = outbox.code()
    [letter] = outbox.mails
    assert code in letter.subject
    assert code in letter.html


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "ada@example",
        "ada@@example.com",
        "ada@example..com",
        ".ada@example.com",
        "ada.@example.com",
        "ada lovelace@example.com",
        " ada@example.com",
        "ada@example.com\n",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@-example.com",
        "ada@example.123",
        "аda@example.com",  # a Cyrillic letter
        "ada@exam\u212aple.com",  # the Kelvin sign, whose lower case is k
        "ada@ｅxample.com",
        "a" * 65 + "@example.com",
        "a" * 64 + "@" + ".".join(["b" * 62] * 3) + ".com",  # 257 characters
        "<ada@example.com>",
        "ada@[127.0.0.1]",
    ],
)
def test_what_is_no_address_is_refused(call: Call, address: str):
    answer = ask(call, address)
    assert (answer.status, answer["error"], answer["error_code"]) == (400, "invalid_argument", 3)


def test_a_second_code_has_to_wait_a_minute(call: Call, outbox: Outbox, now: Clock):
    ask(call)
    now.time += 59
    answer = ask(call)
    assert (answer.status, answer["error"], answer["retry_after"]) == (429, "resource_exhausted", 1)
    assert answer.headers["retry-after"] == "1"
    now.time += 1
    assert ask(call).status == 200


def test_a_network_gets_fifty_codes_a_day_for_an_address(call: Call, outbox: Outbox, now: Clock):
    now.time += DAY - now.time % DAY
    tomorrow = now.time + DAY
    for _ in range(50):
        assert ask(call).status == 200
        now.time += 60
    answer = ask(call)
    assert (answer.status, answer["retry_after"]) == (429, tomorrow - now.time)
    now.time = tomorrow - 1
    assert ask(call).status == 429
    now.time += 1
    assert ask(call).status == 200


def test_a_known_device_gets_as_many_codes_a_day_from_its_first_one_on(
    call: Call, ada: Answer, now: Clock, configure: Callable[..., None]
):
    configure(codes_per_address_per_day=3)
    first = now.time  # Ada's, to sign up.
    for _ in range(2):
        now.time += 59
        assert ask(call)["retry_after"] == 1
        now.time += 1
        assert ask(call).status == 200
    now.time += 60
    assert ask(call)["retry_after"] == first + DAY - now.time
    now.time = first + DAY - 1
    assert ask(call)["retry_after"] == 1
    now.time += 1
    for _ in range(3):
        assert ask(call).status == 200
        now.time += 60
    assert ask(call)["retry_after"] == DAY - 180


def test_a_source_gets_as_many_codes_an_hour_as_is_set(
    call: Call, outbox: Outbox, now: Clock, configure: Callable[..., None]
):
    configure(codes_per_source_per_hour=2)
    for name in ("a", "b"):
        assert ask(call, f"{name}@example.com").status == 200
    answer = ask(call, "c@example.com")
    assert (answer.status, answer["error"]) == (429, "resource_exhausted")
    assert ask(call, "c@example.com", source="203.0.113.8").status == 200
    now.time += answer["retry_after"] - 1
    assert ask(call, "d@example.com").status == 429
    now.time += 1
    assert ask(call, "d@example.com").status == 200


def test_a_refused_code_costs_the_address_nothing(
    call: Call, outbox: Outbox, configure: Callable[..., None]
):
    configure(codes_per_source_per_hour=1)
    ask(call, "bob@example.com")
    assert ask(call).status == 429
    assert ask(call, source="203.0.113.8").status == 200


def test_addresses_of_one_ipv6_network_are_one_source(
    call: Call, outbox: Outbox, configure: Callable[..., None]
):
    configure(codes_per_source_per_hour=1)
    assert ask(call, "a@example.com", source="2001:db8:1:2::1").status == 200
    assert ask(call, "b@example.com", source="2001:db8:1:2:ffff::1").status == 429
    assert ask(call, "b@example.com", source="2001:db8:1:3::1").status == 200


def test_a_resend_mails_the_same_code_under_a_new_id(call: Call, outbox: Outbox, now: Clock):
    first, code = ask(call), outbox.code()
    now.time += 300
    second = ask(call)
    assert second["verification_id"] != first["verification_id"]
    assert (outbox.code(), second["expires_in"]) == (code, 300)


@pytest.mark.parametrize(
    ("seconds", "headers"), [(301, {}), (60, OTHER), (60, {"x-device-id": ""})]
)
def test_a_resend_late_or_from_elsewhere_mails_another_code(
    call: Call, outbox: Outbox, now: Clock, seconds: int, headers: dict[str, str]
):
    ask(call)
    code = outbox.code()
    now.time += seconds
    second = ask(call, headers=headers)
    assert (outbox.code() != code, second["expires_in"]) == (True, 600)


def test_each_of_two_mails_redeems_whichever_id(call: Call, outbox: Outbox, now: Clock):
    first, code = ask(call), outbox.code()
    now.time += 60
    ask(call)
    body = {"verification_id": first["verification_id"], "verification_code": code}
    assert call("verify_code", body).status == 200


def test_a_redeemed_code_is_mailed_to_nobody_again(
    call: Call, prove: Callable[..., str], outbox: Outbox, now: Clock
):
    prove()
    spent = outbox.code()
    now.time += 60
    ask(call)
    assert outbox.code() != spent


def test_a_lost_answer_is_given_again_and_mails_once(call: Call, outbox: Outbox, now: Clock):
    headers = {"x-request-id": "c" * 32}
    first = ask(call, headers=headers)
    now.time += 5
    again = ask(call, headers=headers)
    assert again["verification_id"] == first["verification_id"]
    assert (again["expires_in"], again["retry_after"]) == (595, 55)
    outbox.deliver()
    assert len(outbox.mails) == 1


def test_a_short_request_id_recognises_nobody(call: Call, outbox: Outbox):
    ask(call, headers={"x-request-id": "1"})
    assert ask(call, headers={"x-request-id": "1"}).status == 429


def test_a_queue_that_refuses_gives_the_cool_down_back(
    call: Call, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
):
    def refuse(_: queue.Message) -> None:
        raise errors.Unavailable

    with monkeypatch.context() as broken:
        broken.setattr(queue, "enqueue", refuse)
        answer = ask(call)
    assert (answer.status, answer["error"], answer["error_code"]) == (503, "unavailable", 14)
    assert ask(call).status == 200
    assert outbox.code()


def test_a_queue_that_refuses_costs_none_of_the_codes_of_a_day(
    call: Call,
    ada: Answer,
    outbox: Outbox,
    configure: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
):
    configure(codes_per_address_per_day=2, code_cooldown_seconds=0, captcha="off")

    def refuse(_: queue.Message) -> None:
        raise errors.Unavailable

    def answers(*asking: dict[str, Any]) -> list[int]:
        return [ask(call, **how).status for how in asking]

    there = {"headers": stranger(1), "source": "203.0.113.1"}
    elsewhere = {"headers": stranger(1), "source": "203.0.113.2"}
    with monkeypatch.context() as broken:
        broken.setattr(queue, "enqueue", refuse)
        assert answers(there, there, {}) == [503] * 3
    # Two for each network and four for all, one of which Ada got to sign up.
    assert answers(there, there, there) == [200, 200, 429]
    assert answers(elsewhere, elsewhere) == [200, 429]
    # Two for her device, with that one.
    assert answers({}, {}) == [200, 429]


def test_the_count_of_a_code_fails_where_a_look_at_it_would(configure: Callable[..., None]):
    """Who asks at the same moment has read the same, and only the count tells them apart."""
    configure(codes_per_address_per_day=2)
    codes = settings.Codes.load()

    def count(source: str, at: int) -> bool:
        allowance = strangers.allowance("ada@example.com", source, None, now=at)
        try:
            store.write(allowance.count_write(codes, now=at))
        except writes.Conflict:
            return False
        return True

    here = [count("203.0.113.1", NOW + passed) for passed in (0, 59, 60, 120)]
    assert here == [True, False, True, False]
    others = [count(f"203.0.113.{number}", NOW) for number in (2, 3, 4)]
    assert others == [True, True, False]


def test_a_queue_that_refuses_late_leaves_the_next_send_its_cool_down(
    call: Call, outbox: Outbox, now: Clock
):
    events, event = aws.sqs().meta.events, "before-call.sqs.SendMessage"

    def refuse(**_: object) -> None:
        events.unregister(event, refuse)
        now.time += 60
        assert ask(call).status == 200
        raise EndpointConnectionError(endpoint_url="https://sqs.example.com")

    events.register(event, refuse)
    assert ask(call)["error"] == "unavailable"
    assert ask(call)["error"] == "resource_exhausted"


@pytest.mark.parametrize(
    ("target", "address", "status", "error"),
    [
        ("USER", "bob@example.com", 404, "not_found"),
        ("USER", "ada@example.com", 200, None),
        ("NOT_USER", "ada@example.com", 409, "failed_precondition"),
        ("NOT_USER", "bob@example.com", 200, None),
        ("CUR_USER", "ada@example.com", 401, "unauthenticated"),
        ("SOMEBODY", "ada@example.com", 400, "invalid_argument"),
    ],
)
def test_a_target_says_whose_the_address_must_be(
    call: Call, ada: Answer, now: Clock, target: str, address: str, status: int, error: str | None
):
    now.time += 60
    answer = call("send_code", {"email": address, "target": target})
    assert (answer.status, answer.get("error")) == (status, error)


def test_a_signed_in_user_may_ask_for_the_own_address(call: Call, ada: Answer, now: Clock):
    now.time += 60
    bearer = ada["access_token"]
    other = call("send_code", {"email": "bob@example.com", "target": "CUR_USER"}, bearer=bearer)
    assert (other.status, other["error"]) == (404, "not_found")
    own = call("send_code", {"email": "ada@example.com", "target": "CUR_USER"}, bearer=bearer)
    assert (own.status, own["is_user"]) == (200, True)


def test_probing_who_is_a_user_costs_as_much_as_a_mail(
    call: Call, outbox: Outbox, configure: Callable[..., None]
):
    configure(codes_per_source_per_hour=2)
    for _ in range(2):
        assert call("send_code", {"email": "bob@example.com", "target": "USER"}).status == 404
    assert call("send_code", {"email": "bob@example.com", "target": "USER"}).status == 429


@pytest.mark.parametrize("bearer", ["", "nonsense", "a.b.c"])
def test_a_dead_session_keeps_nobody_from_a_code(call: Call, outbox: Outbox, bearer: str):
    assert ask(call, bearer=bearer).status == 200


def test_an_ended_session_asks_like_a_stranger(call: Call, ada: Answer, now: Clock):
    call("sign_out", {}, bearer=ada["access_token"])
    now.time += 60
    body = {"email": "ada@example.com", "target": "CUR_USER"}
    assert call("send_code", body, bearer=ada["access_token"])["error"] == "unauthenticated"
    assert ask(call, bearer=ada["access_token"]).status == 200


@pytest.mark.parametrize(("seconds", "status"), [(86399, 200), (86400, 401)])
def test_an_expired_session_that_is_still_stored_asks_like_a_stranger(
    call: Call,
    ada: Answer,
    sign_in: SignIn,
    now: Clock,
    configure: Callable[..., None],
    seconds: int,
    status: int,
):
    configure(session_days=1, access_token_seconds=86400)
    token = sign_in()["access_token"]
    now.time += seconds  # The access token is accepted for 30 seconds more.
    body = {"email": "ada@example.com", "target": "CUR_USER"}
    assert call("send_code", body, bearer=token).status == status


def test_a_phone_number_is_told_that_it_cannot_sign_in(call: Call):
    answer = call("send_code", {"phone_number": "+86 13800000000"})
    assert (answer.status, answer["error"], answer["error_code"]) == (
        403,
        "login_type_disabled",
        4045,
    )


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("en-US,en;q=0.9", "en"),
        ("zh-CN", "zh"),
        ("tr;q=0.9, zh-Hans;q=0.8, en;q=0.1", "zh"),
        ("zh;q=0, en", "en"),
        ("", "en"),
        ("q=1;;;,,\x00zh", "en"),
    ],
)
def test_a_mail_speaks_the_language_of_the_request(
    call: Call, outbox: Outbox, accepted: str, language: str
):
    ask(call, headers={"accept-language": accepted})
    outbox.deliver()
    assert ("验证码" in outbox.mails[0].subject) == (language == "zh")


def test_a_fixed_language_goes_before_the_requests(
    call: Call, outbox: Outbox, configure: Callable[..., None]
):
    configure(mail_language="zh-CN")
    ask(call, headers={"accept-language": "en"})
    outbox.deliver()
    assert "验证码" in outbox.mails[0].subject


def test_the_users_own_language_goes_before_all(
    call: Call, prove: Callable[..., str], outbox: Outbox, now: Clock
):
    tokens = call("sign_up", {"verification_token": prove(), "locale": "zh_CN"})
    now.time += 60
    ask(call, bearer=tokens["access_token"], headers={"accept-language": "en"})
    outbox.deliver()
    assert "验证码" in outbox.mails[-1].subject


def test_the_device_is_the_one_of_the_header(call: Call, outbox: Outbox, now: Clock):
    ask(call, headers={"x-device-id": DEVICE})
    code = outbox.code()
    now.time += 60
    ask(call, headers={"x-device-id": DEVICE})
    assert outbox.code() == code


def stranger(number: int) -> dict[str, str]:
    return {"x-device-id": f"{number:032x}"}


def test_one_network_cannot_use_up_what_strangers_get_and_all_together_cannot_flood_a_mailbox(
    call: Call, ada: Answer, configure: Callable[..., None]
):
    configure(codes_per_address_per_day=3, code_cooldown_seconds=0, captcha="off")

    def asked(number: int, source: str, address: str = "ada@example.com") -> int:
        return ask(call, address, headers=stranger(number), source=source).status

    assert [asked(n, "203.0.113.1") for n in range(5)] == [200] * 3 + [429] * 2
    # Six in all, with the one that Ada signed up with.
    assert [asked(n, "203.0.113.2") for n in range(3)] == [200] * 2 + [429]
    # A /48 is one network.
    sites = [asked(n, f"2001:db8:1:{n}::1", "bob@example.com") for n in range(5)]
    assert sites == [200] * 3 + [429] * 2
    # Ada's own device and session notice nothing.
    assert ask(call).status == 200
    with_session = ask(call, bearer=ada["access_token"], headers=stranger(8))
    assert with_session.status == 200


def test_a_cool_down_among_strangers_is_that_of_a_network(call: Call, ada: Answer, now: Clock):
    now.time += 60
    assert ask(call, headers=stranger(1)).status == 200
    answer = ask(call, headers=stranger(2))
    assert (answer.status, answer["retry_after"]) == (429, 60)
    assert ask(call, headers=stranger(2), source="203.0.113.99").status == 200
    assert ask(call, headers=stranger(3), source="2001:db8:1:1::1").status == 200
    assert ask(call, headers=stranger(4), source="2001:db8:1:1::2").status == 429
    assert ask(call, headers=stranger(4), source="2001:db8:1:2::1").status == 200


def test_a_resend_and_a_repeat_find_their_code_in_another_network(
    call: Call, outbox: Outbox, now: Clock
):
    asking = {"x-request-id": "c" * 32}
    first, code = ask(call, headers=asking), outbox.code()
    again = ask(call, headers=asking, source="203.0.113.99")
    assert again["verification_id"] == first["verification_id"]
    assert ask(call, source="203.0.113.99")["verification_id"] != first["verification_id"]
    assert outbox.code() == code
    assert len(outbox.mails) == 2


def test_a_stranger_starts_no_cool_down_for_the_owner(call: Call, ada: Answer, now: Clock):
    now.time += 60
    assert ask(call, headers={"x-device-id": "e" * 32}).status == 200
    assert ask(call).status == 200
    assert ask(call, bearer=ada["access_token"]).status == 200
    for again in ({"headers": {"x-device-id": "e" * 32}}, {}, {"bearer": ada["access_token"]}):
        assert ask(call, **again).status == 429


def test_a_code_of_each_lane_is_redeemed_once(call: Call, ada: Answer, outbox: Outbox, now: Clock):
    now.time += 60
    for how in ({"headers": {"x-device-id": "e" * 32}}, {}, {"bearer": ada["access_token"]}):
        sent = ask(call, **how)
        body = {"verification_id": sent["verification_id"], "verification_code": outbox.code()}
        assert call("verify_code", body).status == 200
        assert call("verify_code", body)["error"] == "invalid_argument"
