from typing import Any

import bcrypt
import pytest
from passlib import hash as passlib

from latchkey import errors
from latchkey.dynamodb import keys, store
from latchkey.operators import importing
from tests.unit.conftest import NOW, Answer, Call, Clock, Prove
from tests.unit.operators import operate

WORD = "engine 1843"
BCRYPT = bcrypt.hashpw(WORD.encode(), bcrypt.gensalt(4)).decode()
BOB: dict[str, Any] = {
    "id": "Kx7-bob_1",
    "email": "Bob@Example.com",
    "email_verified": True,
    "password_hash": BCRYPT,
    "created_at": "2020-01-02T03:04:05Z",
    "last_sign_in_at": 1_600_000_000,
    "groups": ["staff"],
    "name": "Bob",
    "username": "bob_builder",
    "locale": "en-GB",
}


@pytest.fixture(autouse=True)
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS in memory minds threads."""
    monkeypatch.setattr(importing, "AT_ONCE", 1)


def take(*rows: dict[str, Any], dry_run: bool = False) -> list[dict[str, Any]]:
    """Import rows and return what became of each."""
    answer = operate("import_users", "users.import", rows=rows, dry_run=dry_run)
    return answer["result"]["rows"]  # type: ignore[no-any-return]


def item(sub: str) -> dict[str, Any] | None:
    return store.get(keys.user(sub))[0]


def sign_in(call: Call, username: str, password: str = WORD) -> Answer:
    return call("sign_in", {"username": username, "password": password})


@pytest.mark.parametrize("name", ["bob@example.com", "bob_builder"])
def test_an_imported_user_signs_in_with_the_old_password_once_and_then_has_a_hash_of_ours(
    call: Call, now: Clock, name: str
):
    [outcome] = take(BOB)
    assert (outcome["result"], outcome["sub"]) == ("created", "Kx7-bob_1")
    assert (outcome["email"], outcome["scheme"]) == ("bob@example.com", "bcrypt")
    stored = item("Kx7-bob_1")
    assert stored is not None
    assert stored["password_hash"] == BCRYPT
    assert (stored["created_at"], stored["last_sign_in_at"]) == (1_577_934_245, 1_600_000_000)
    assert stored["groups"] == ["staff"]

    assert sign_in(call, name, "engine 1844").status == 401
    signed_in = sign_in(call, name)
    assert (signed_in.status, signed_in["sub"]) == (200, "Kx7-bob_1")
    stored = item("Kx7-bob_1")
    assert stored is not None
    assert stored["password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert sign_in(call, name).status == 200


def test_no_digest_is_stored_by_an_import(call: Call):
    digest = passlib.ldap_salted_sha1.hash(WORD)
    [outcome] = take(BOB | {"password_hash": digest})
    assert outcome["scheme"] == "sha1_digest"
    stored = item("Kx7-bob_1")
    assert stored is not None
    assert digest.removeprefix("{SSHA}") not in str(stored)
    assert sign_in(call, "bob@example.com").status == 200


def test_an_unverified_address_has_no_password_until_a_code_proves_it(call: Call, prove: Prove):
    [outcome] = take(BOB | {"email_verified": False})
    assert (outcome["result"], outcome["scheme"]) == ("created", "dropped")
    stored = item("Kx7-bob_1")
    assert stored is not None
    assert "password_hash" not in stored
    assert stored["email_verified"] is False
    assert sign_in(call, "bob@example.com").status == 401

    proven = call("sign_in", {"verification_token": prove("bob@example.com")})
    assert (proven.status, proven["sub"]) == (200, "Kx7-bob_1")
    assert sign_in(call, "bob@example.com").status == 401  # the old one has not come back
    stored = item("Kx7-bob_1")
    assert stored is not None
    assert stored["email_verified"] is True


def test_a_row_without_verified_counts_as_unverified():
    given = {name: value for name, value in BOB.items() if name != "email_verified"}
    assert take(given)[0]["scheme"] == "dropped"


def test_a_repeated_import_changes_nothing(call: Call):
    take(BOB)
    sign_in(call, "bob@example.com")
    before = item("Kx7-bob_1")
    for dry_run in (True, False):
        [outcome] = take(BOB | {"name": "Robert", "groups": []}, dry_run=dry_run)
        assert (outcome["result"], outcome["sub"]) == ("already_there", "Kx7-bob_1")
    without = {name: value for name, value in BOB.items() if name != "id"}
    assert take(without)[0]["result"] == "already_there"
    assert item("Kx7-bob_1") == before


def test_a_user_who_has_signed_up_is_unharmed(call: Call, ada: Answer):
    before = item(ada["sub"])
    rows = [
        BOB | {"email": "ADA@example.com"},
        BOB | {"id": ada["sub"]},
    ]
    for dry_run in (True, False):
        taken = take(*rows, dry_run=dry_run)
        assert [one["reason"] for one in taken] == ["address_taken", "id_taken"]
        assert taken[0]["sub"] == ada["sub"]
    assert item(ada["sub"]) == before
    assert call("get_user", bearer=ada["access_token"]).status == 200


def test_a_user_name_that_is_taken_is_refused_whatever_its_case():
    take(BOB)
    other = BOB | {"id": "other", "email": "other@example.com", "username": "BOB_builder"}
    for dry_run in (True, False):
        [outcome] = take(other, dry_run=dry_run)
        assert (outcome["result"], outcome["reason"]) == ("refused", "username_taken")
    assert item("other") is None


def test_two_rows_of_one_mailbox_are_never_merged():
    outcomes = take(BOB, {"id": "second", "email": "bob@EXAMPLE.com"})
    assert sorted(one["result"] for one in outcomes) == ["created", "refused"]
    assert [one["email"] for one in outcomes] == ["bob@example.com"] * 2


def test_a_dry_run_writes_nothing_and_says_what_would_be():
    rows = [BOB, {"email": "no address"}, {"email": "new@example.com"}]
    outcomes = take(*rows, dry_run=True)
    assert [one["result"] for one in outcomes] == [
        "would_be_created",
        "refused",
        "would_be_created",
    ]
    assert item("Kx7-bob_1") is None
    assert store.get(keys.email("bob@example.com")) == [None]


@pytest.mark.parametrize(
    ("change", "reason", "message"),
    [
        ({"email": "bob"}, "no_address", "not a valid e-mail address"),
        ({"email": None}, "malformed", "email: "),
        ({"id": "-"}, "malformed", "id: "),
        ({"id": "a|b"}, "malformed", "id: "),
        ({"id": "x" * 65}, "malformed", "id: "),
        ({"passwordHash": "x"}, "malformed", "passwordHash: "),
        ({"created_at": "yesterday"}, "malformed", "created_at: "),
        ({"created_at": 1_600_000_000_000}, "malformed", "created_at: "),
        ({"status": "banned"}, "malformed", "status: "),
        ({"groups": ["a b"]}, "malformed", "groups.0: "),
        ({"password_hash": "$7$unknown"}, "unknown_hash", "no form that is known"),
        ({"password_hash": BCRYPT.replace("$04$", "$31$")}, "costly_hash", "costs too much"),
    ],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_row_that_cannot_be_imported_is_refused_with_a_sentence_and_stops_no_other(
    change: dict[str, Any], reason: str, message: str, dry_run: bool
):
    good = {"email": "good@example.com"}
    refused, other = take(BOB | change, good, dry_run=dry_run)
    assert (refused["result"], refused["reason"]) == ("refused", reason)
    assert message in refused["message"]
    assert other["result"] == ("would_be_created" if dry_run else "created")
    assert store.get(keys.email("bob@example.com")) == [None]


def test_what_a_user_could_not_have_said_is_left_out_and_told():
    odd = {
        "username": "Bob the Builder",
        "picture": "javascript:alert(1)",
        "locale": "British",
        "birthdate": "1.2.1990",
        "gender": "m",
        "zoneinfo": "Here",
        "name": "Anonymous",
        "address": {"formatted": "x" * 2000},
        "description": "y" * 2000,
    }
    [outcome] = take(BOB | odd)
    assert outcome["result"] == "created"
    assert outcome["left_out"] == sorted(set(odd) - {"locale"})
    stored = item("Kx7-bob_1")
    assert stored is not None
    assert not (odd.keys() - {"locale"}) & stored.keys()


def test_a_disabled_user_stays_disabled(call: Call):
    take(BOB | {"status": "disabled"})
    assert sign_in(call, "bob@example.com")["error"] == "user_blocked"


def test_a_row_that_aws_did_not_take_is_to_be_sent_again(monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise errors.Unavailable

    with monkeypatch.context() as patch:
        patch.setattr("latchkey.dynamodb.store.write", fail)
        [outcome] = take(BOB)
    assert outcome["result"] == "try_again"
    assert take(BOB)[0]["result"] == "created"


def test_a_batch_has_an_end():
    rows = [BOB] * (importing.MOST_ROWS + 1)
    answer = operate("import_users", "users.import", rows=rows)
    assert answer["error"] == "invalid_argument"
    assert "at most 100" in answer["message"]


def test_a_hundred_rows_are_judged_at_once():
    rows = [{"email": f"user{n}@example.com", "id": f"u{n}"} for n in range(100)]
    for dry_run, result in (
        (True, "would_be_created"),
        (False, "created"),
        (True, "already_there"),
    ):
        assert {one["result"] for one in take(*rows, dry_run=dry_run)} == {result}


def test_everybody_comes_out_as_they_went_in(call: Call, ada: Answer, now: Clock):
    rows = [
        BOB,
        *({"email": f"u{n}@example.com", "id": f"u{n}", "created_at": NOW} for n in range(250)),
    ]
    for first in range(0, len(rows), 100):
        take(*rows[first : first + 100])
    out: list[dict[str, Any]] = []
    cursor, pages = "", 0
    while pages == 0 or cursor:
        page = operate("export_users", "users.export", cursor=cursor)["result"]
        out += page["rows"]
        cursor, pages = page["cursor"], pages + 1
    by_id = {one["id"]: one for one in out}
    assert len(by_id) == len(out) == len(rows) + 1
    bob = by_id["Kx7-bob_1"]
    assert bob == BOB | {
        "email": "bob@example.com",
        "status": "active",
        "created_at": 1_577_934_245,
    }
    assert by_id[ada["sub"]]["email"] == "ada@example.com"
    assert {one["result"] for one in take(*out[:100])} == {"already_there"}


@pytest.mark.parametrize("cursor", ["x", "12#a", "000000000012#"])
def test_a_cursor_of_no_page_is_refused(cursor: str):
    answer = operate("export_users", "users.export", cursor=cursor)
    assert answer["error"] == "invalid_argument"
