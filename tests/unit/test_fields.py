import zoneinfo
from typing import Any

import pytest

from latchkey.dynamodb import keys, store, writes
from tests.unit.conftest import Answer, Call, Prove

PROFILE = "PATCH /auth/v1/user/profile"
BASICS = "POST /auth/v1/user/basic/edit"

GOOD = {
    "picture": [
        "",
        "https://example.com",
        "HTTPS://example.com/a.png?size=2#x",
        "https://cdn.example.com:8443/@ada/a,b;c=1/%20/(1)!*'.png",
        "https://[2001:db8::1]/a.png",
        "https://例え.jp/画像.png",
        "https://example.com/" + "a" * 1004,
    ],
    "birthdate": ["", "1815-12-10", "1815", "0000-02-29", "2000-02-29", "9999-12-31"],
    "zoneinfo": [
        "",
        "UTC",
        "Europe/London",
        "America/Argentina/Buenos_Aires",
        "America/Port-au-Prince",
        "Asia/Shanghai",
        "Etc/GMT+12",
        "EST5EDT",
        "PRC",
        "America/A_City_Of_Next_Year",
    ],
    "locale": [
        "",
        "en",
        "en-GB",
        "zh-Hans-CN",
        "zh_CN",
        "es-419",
        "de-DE-u-co-phonebk",
        "sl-nedis",
    ],
}
BAD = {
    "picture": [
        " ",
        "x",
        "javascript:alert(1)",
        "JavaScript:alert(1)//https://example.com",
        "data:image/png;base64,AAAA",
        "http://example.com/a.png",
        "//example.com/a.png",
        "/a.png",
        "https:example.com",
        "https:///a.png",
        "https://",
        "https://?a",
        "https://ada:engine@example.com/a.png",
        "https://ada@example.com/a.png",
        "https://:80/a.png",
        "https://example.com:99999/a.png",
        "https://example.com:x/a.png",
        "https://[::1/a.png",
        "https:\\\\example.com\\a.png",
        "https://example.com\\@example.org/",
        "https://example.com/a b.png",
        'https://example.com/"onerror=x',
        "https://example.com/<svg>",
        "https://example.com/a\n.png",
        "https://example.com/a\0.png",
        "https://example.com/\u202egnp.a",
        " https://example.com",
        "https://example.com/" + "a" * 1005,
    ],
    "birthdate": [
        "x",
        "0000",
        "1815-12",
        "1815-12-32",
        "1815-02-29",
        "1900-02-29",
        "0000-02-30",
        "0000-00-01",
        "1815-13-01",
        "1815-1-1",
        "10.12.1815",
        "18151210",
        "1815-12-10T00:00:00Z",
        "1815-12-10\n",
        "-001-12-10",
        "١٨١٥",
        "１８１５",
    ],
    "zoneinfo": [
        "x",
        "Paris",
        "Europe",
        "Europe/",
        "/Europe/Paris",
        "Europe/../../etc/passwd",
        "Europe/Paris\n",
        "europe/paris",
        "Mars/Olympus",
        "+01:00",
        "America/a/b/c",
        "America/" + "a" * 33,
        "Europe/Zürich",
        "America/" + "a" * 32 + "/" + "b" * 32,
    ],
    "locale": [
        "x",
        "e",
        "englishes-x",
        "en-",
        "-en",
        "en--GB",
        "en GB",
        "en-GB\n",
        "*",
        "日本",
        "en;q=0.9",
        "de-" + "a" * 9,
        "de" + "-abcdefgh" * 4,
    ],
}
CASES = {
    kind: [(name, value) for name, values in cases.items() for value in values]
    for kind, cases in (("good", GOOD), ("bad", BAD))
}


@pytest.mark.parametrize(("field", "value"), CASES["good"])
def test_a_field_in_its_form_is_kept_and_a_blank_one_removed(
    call: Call, ada: Answer, field: str, value: str
):
    call("edit_profile", {field: GOOD[field][1]}, bearer=ada["access_token"], route=PROFILE)
    answer = call("edit_profile", {field: value}, bearer=ada["access_token"], route=PROFILE)
    assert answer.status == 200
    assert answer.get(field, "") == value


@pytest.mark.parametrize(("field", "value"), CASES["bad"])
def test_a_field_in_another_form_is_refused_by_name(
    call: Call, ada: Answer, field: str, value: str
):
    answer = call("edit_profile", {field: value}, bearer=ada["access_token"], route=PROFILE)
    assert (answer.status, answer["error"], answer["error_code"]) == (400, "invalid_argument", 3)
    assert answer["details"] == [{"field": field}]
    assert answer["error_description"].startswith("Expected ")
    assert field not in call("get_user", bearer=ada["access_token"])


@pytest.mark.parametrize("value", ["javascript:alert(1)", "http://example.com/a.png"])
def test_the_other_ways_to_a_picture_and_a_locale_have_the_same_rules(
    call: Call, ada: Answer, prove: Prove, value: str
):
    body: dict[str, Any] = {"avatar_url": value}
    answer = call("edit_profile", body, bearer=ada["access_token"], route=BASICS)
    assert (answer.status, answer["details"]) == (400, [{"field": "avatar_url"}])
    token = prove("bob@example.com")
    for field in ("picture", "locale"):
        answer = call("sign_up", {"verification_token": token, field: value})
        assert (answer.status, answer["details"]) == (400, [{"field": field}])
    blank = {"verification_token": token, "picture": "", "locale": ""}
    assert call("sign_up", blank).status == 200


def test_a_blank_avatar_as_the_sdk_sends_it_removes_the_picture(call: Call, ada: Answer):
    for value in ("https://example.com/a.png", ""):
        body = {"avatar_url": value}
        assert call("edit_profile", body, bearer=ada["access_token"], route=BASICS) == {}
        found = call("get_user", bearer=ada["access_token"])
        assert found.get("picture", "") == value


def test_a_profile_from_before_these_forms_is_still_read_and_edited(call: Call, ada: Answer):
    stored = {
        "picture": "http://example.com/a",
        "birthdate": "1.1.15",
        "locale": "x",
        "zoneinfo": "x",
    }
    store.write(writes.Update(keys.user(ada["sub"]), sets=stored))
    answer = call("edit_profile", {"name": "Augusta"}, bearer=ada["access_token"], route=PROFILE)
    assert answer.status == 200
    shown = stored | {"name": "Augusta"}
    del shown["picture"]
    assert {name: answer.get(name) for name in stored | shown} == shown | {"picture": None}
    assert call("get_user", bearer=ada["access_token"]) == answer


@pytest.mark.parametrize(
    "picture", ["javascript:alert(1)", "http://example.com/a", "//example.com"]
)
def test_a_picture_from_before_this_form_is_shown_to_nobody(call: Call, ada: Answer, picture: str):
    store.write(writes.Update(keys.user(ada["sub"]), sets={"picture": picture}))
    profile = call("get_user", bearer=ada["access_token"])
    [found] = call("query_user", bearer=ada["access_token"])["data"]
    assert profile["sub"] == found["sub"] == ada["sub"]
    assert not {"picture"} & (profile.keys() | found.keys())


def test_every_name_of_the_tz_database_is_one(call: Call, ada: Answer):
    from latchkey import fields

    names = zoneinfo.available_timezones() - {"Factory", "localtime", "posixrules"}
    if not names:
        pytest.skip("this machine has no tz database")
    assert [name for name in names if not fields._ZONE.fullmatch(name)] == []
