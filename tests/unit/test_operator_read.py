import json

import pytest

from latchkey.dynamodb import store
from latchkey.mail import delivery
from latchkey.users import user
from tests.unit.conftest import NOW, Answer, Call, Clock, Outbox, SignIn
from tests.unit.operators import operate


def people(count: int, *, name: str = "person") -> list[str]:
    """Create users, one a minute, and return their ids in that order."""
    made = [
        user.new(f"{name}{n:03d}@example.com", now=NOW + 60 * n, username=f"{name}_{n:03d}")
        for n in range(count)
    ]
    for one in made:
        store.write(*user.create_writes(one))
    return [one.sub for one in made]


def listed(**request: object) -> dict[str, object]:
    return dict(operate("operator_read", "users.list", **request)["result"])


def subs(page: dict[str, object]) -> list[str]:
    return [one["sub"] for one in page["users"]]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "name", ["ada@example.com", "ADA@Example.com", "ada_lovelace", "Ada_Lovelace"]
)
def test_a_user_is_found_by_address_and_by_user_name(ada: Answer, name: str):
    found = operate("operator_read", "users.show", user=name)["result"]
    assert found["sub"] == ada["sub"]
    assert found["user"]["has_password"] is True
    assert "password_hash" not in json.dumps(found)


def test_a_user_is_found_by_id(ada: Answer):
    assert operate("operator_read", "users.show", user=ada["sub"])["result"]["sub"] == ada["sub"]


@pytest.mark.parametrize("name", ["bob@example.com", "bobby", "a" * 26, "@", "no one", "KEYRING"])
def test_who_does_not_exist_is_not_found(ada: Answer, name: str):
    assert operate("operator_read", "users.show", user=name)["error"] == "not_found"


def test_users_are_listed_by_when_they_were_created(now: Clock):
    made = people(5)
    assert subs(listed()) == made
    assert subs(listed(newest_first=True)) == made[::-1]
    assert subs(listed(created_from=NOW + 60, created_to=NOW + 180)) == made[1:4]


def test_users_are_listed_by_a_prefix_of_address_or_user_name(now: Clock):
    made = people(3)
    people(2, name="other")
    assert subs(listed(order="address", prefix="Person00")) == made
    assert subs(listed(order="username", prefix="person_001")) == [made[1]]
    assert subs(listed(order="address", prefix="nobody")) == []


def test_a_cursor_goes_on_where_the_page_ended(now: Clock):
    made = people(7)
    found, cursor = [], ""
    while True:
        page = listed(limit=3, cursor=cursor)
        found += subs(page)
        cursor = str(page["cursor"])
        if not cursor:
            break
    assert found == made


@pytest.mark.parametrize("cursor", ["x", "e30=", "bnVsbA==", "W10="])
def test_a_cursor_of_no_page_is_refused(cursor: str):
    answer = operate("operator_read", "users.list", cursor=cursor)
    assert answer["error"] == "invalid_argument"


@pytest.mark.parametrize("other", [{"order": "created"}, {"order": "address", "prefix": "bob"}])
def test_a_cursor_of_another_list_is_refused(now: Clock, other: dict[str, str]):
    people(2)
    cursor = listed(order="address", prefix="person", limit=1)["cursor"]
    assert cursor
    answer = operate("operator_read", "users.list", **other, cursor=cursor)
    assert answer["error"] == "invalid_argument"


def test_conditions_are_checked_beyond_the_first_page(now: Clock):
    made = people(7)
    operate("operator_change", "users.disable", user=made[6])
    assert subs(listed(status="disabled", limit=1)) == [made[6]]
    assert subs(listed(seen_from=NOW + 300)) == made[5:]


def test_a_renamed_and_a_deleted_user_are_listed_as_they_are(call: Call, ada: Answer):
    sub = ada["sub"]
    operate("operator_change", "users.set-email", user=sub, email="lady@example.com")
    assert subs(listed(order="address", prefix="ada")) == []
    assert subs(listed(order="address", prefix="lady")) == [sub]
    operate("operator_change", "users.delete", user=sub)
    assert subs(listed(order="address")) == subs(listed(order="username")) == subs(listed()) == []


def test_a_user_is_shown_with_sessions_devices_failures_and_codes(
    call: Call, ada: Answer, sign_in: SignIn, now: Clock
):
    sign_in()
    sign_in(password="wrong1843")
    now.time += 60
    sent = call("send_code", {"email": "ada@example.com"})
    found = operate("operator_read", "users.show", user="ada@example.com")["result"]
    assert len(found["sessions"]) == 2
    assert len(found["devices"]) == 2
    assert [(lane["lane"], lane["count"]) for lane in found["failures"]] == [("strangers", 1)]
    [code] = found["codes"]
    assert code["verification_id"] == sent["verification_id"]
    assert (code["state"], code["delivery"], code["wrong_guesses"]) == ("pending", "queued", 0)


def test_no_code_is_ever_shown(call: Call, outbox: Outbox, ada: Answer, now: Clock):
    now.time += 60
    call("send_code", {"email": "ada@example.com"})
    shown = json.dumps(operate("operator_read", "users.show", user="ada@example.com"))
    assert outbox.code() not in shown
    assert "seed" not in shown


def test_the_history_goes_on_from_page_to_page(ada: Answer, sign_in: SignIn, now: Clock):
    for _ in range(3):
        now.time += 1
        sign_in()
    first = operate("operator_read", "users.history", user=ada["sub"], limit=2)["result"]
    rest = operate("operator_read", "users.history", user=ada["sub"], cursor=first["page_token"])[
        "result"
    ]
    ids = [entry["id"] for entry in [*first["data"], *rest["data"]]]
    assert len(ids) == len(set(ids)) == 4


def test_suppressed_addresses_are_listed_until_they_expire(now: Clock):
    delivery.suppress("ada@example.com", "bounced", now=now.time)
    [one] = operate("operator_read", "suppressions.list")["result"]
    assert (one["address"], one["reason"]) == ("ada@example.com", "bounced")
    now.time += 14 * 86400
    assert operate("operator_read", "suppressions.list")["result"] == []


def test_keys_are_listed_without_what_is_secret():
    found = operate("operator_read", "keys.list")["result"]
    assert {key["purpose"] for key in found} == {"signing", "mac", "encryption"}
    assert all(set(key) == {"id", "purpose", "active_at", "current"} for key in found)


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"act": "users.list", "limit": 1000}, "limit"),
        ({"act": "users.list", "order": "size"}, "order"),
        ({"act": "users.show"}, "user"),
        ({"act": "users.eat", "user": "a"}, "act"),
        ({"act": "users.show", "user": "a", "more": 1}, "more"),
    ],
)
def test_a_request_that_is_not_understood_is_refused_with_its_field(
    request_: dict[str, object], told: str
):
    answer = operate("operator_read", **request_)  # type: ignore[arg-type]
    assert answer["error"] == "invalid_argument"
    assert told in answer["message"]
