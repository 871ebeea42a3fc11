"""docs/moving.md and docs/leaving.md: exports of each system, imported and signed in to.

The hashes in tests/unit/exports were made by other code than ours: bcrypt's, argon2's and hashlib's
own, and for Firebase the published vector of github.com/firebase/scrypt.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from latchkey.dynamodb import keys, store
from latchkey.operators import importing as functions
from latchkey_cli import exporting, importing
from latchkey_cli.formats import reading
from latchkey_cli.formats.reading import Options
from latchkey_cli.importing import Report
from tests.unit.conftest import ROOT, Call, Prove
from tests.unit.test_importing import call as act

EXPORTS = Path(__file__).parent / "exports"
WORD = "engine 1843"
FIREBASE = Options(
    signer_key=(
        "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
    ),
    salt_separator="Bw==",
    rounds=8,
    memory_cost=14,
)


@dataclass(frozen=True)
class Export:
    """A file, and what becomes of its users."""

    file: str
    form: str
    sub: str
    """Ada's id."""
    created: int
    schemes: dict[str, int]
    word: str = WORD
    """Ada's password; empty if the source gives no hashes out."""
    reasons: dict[str, int] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    left_out: dict[str, int] = field(default_factory=dict)
    verified: bool = True
    profile: dict[str, Any] = field(default_factory=lambda: {"name": "Ada Lovelace"})


ADA_PNG = "https://example.com/ada.png"
ADA_IN_AUTH0 = "auth0_5f7c8ec7c33c6c004bbafe82"
ADA_IN_SUPABASE = "d0714948-5a8b-4d1b-8a6a-0c2f6a0a4a11"
IN_SUPABASE: dict[str, Any] = {
    "form": "supabase",
    "sub": ADA_IN_SUPABASE,
    "created": 3,
    "schemes": {"bcrypt": 2, "dropped": 1},
    "profile": {
        "name": "Ada Lovelace",
        "picture": ADA_PNG,
        "created_at": 1_664_973_000,
        "last_sign_in_at": 1_700_000_000,
    },
}
FILES = [
    Export(
        "firebase.json",
        "firebase",
        "oRfMbH7FvKXw1Jc2pS0xQ9aTn3d2",
        2,
        {"firebase_scrypt": 1, "dropped": 1},
        word="user1password",
        reasons={"malformed": 1},  # who has a phone number and no address
        options=FIREBASE,
        profile={
            "name": "Ada Lovelace",
            "picture": ADA_PNG,
            "created_at": 1_600_000_000,
            "last_sign_in_at": 1_700_000_000,
        },
    ),
    Export(
        "auth0.jsonl",
        "auth0",
        ADA_IN_AUTH0,
        3,
        {"bcrypt": 1, "dropped": 1, "none": 1},
        options=Options(hashes=EXPORTS / "auth0_hashes.jsonl"),
        profile={"picture": ADA_PNG, "created_at": 1_601_998_295, "last_sign_in_at": 1_700_000_000},
    ),
    Export("supabase.json", **IN_SUPABASE),
    Export("supabase.csv", **IN_SUPABASE),
    Export(
        "keycloak.json",
        "keycloak",
        "3f0c2f5e-2d4a-4c38-9a5c-000000000001",
        5,
        {"argon2id": 1, "pbkdf2_sha256": 1, "pbkdf2_sha512": 1, "dropped": 1, "none": 1},
        left_out={"username": 3},  # shorter than five characters
        profile={"locale": "de", "groups": ["staff"], "created_at": 1_600_000_000},
    ),
    Export(
        "cognito.json",
        "cognito",
        "5a2c4b8e-9f10-4a77-8f3a-1b2c3d4e5f60",
        2,
        {"none": 2},
        word="",
        profile={
            "username": "ada_lovelace",
            "gender": "FEMALE",
            "birthdate": "1815-12-10",
            "zoneinfo": "Europe/London",
            "address": {"formatted": "12 St James's Square, London"},
            "created_at": 1_600_000_000,
        },
    ),
    Export(
        "clerk.csv",
        "clerk",
        "user_2gRua7G8WRYBglzXE5sxRbIRkfJ",
        3,
        {"bcrypt": 1, "dropped": 1, "sha256_digest": 1},
    ),
    Export(
        "clerk.json",
        "clerk",
        "user_2gRua7G8WRYBglzXE5sxRbIRkfJ",
        1,
        {"none": 1},
        word="",
        profile={"created_at": 1_600_000_000, "last_sign_in_at": 1_700_000_000},
    ),
    Export(
        "cloudbase.json",
        "cloudbase",
        "2003f1e4f6a94a6b8c3a0a5e8d1c7b90",
        1,
        {"none": 1},
        word="",
        reasons={"malformed": 1},
        verified=False,
        profile={"name": "Ada", "username": "ada_lovelace", "created_at": 1_600_000_000},
    ),
    *(
        Export(
            file,
            "cloudbase",
            "1983450718412234754",
            2,
            {"none": 2},
            word="",
            reasons={"malformed": 1},
            verified=False,
            profile={"name": "Ada", "username": "ada_lovelace", "picture": ADA_PNG},
        )
        for file in ("cloudbase.jsonl", "cloudbase-answer.json")
    ),
    Export(
        "clerk-support.json",
        "clerk",
        "user_2gRua7G8WRYBglzXE5sxRbIRkfJ",
        1,
        {"dropped": 1},
        word="",
        verified=False,
    ),
    Export("latchkey.jsonl", "latchkey", "42", 2, {"pbkdf2_sha256": 1, "dropped": 1}),
]


@pytest.fixture(autouse=True)
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS in memory minds threads."""
    monkeypatch.setattr(functions, "AT_ONCE", 1)
    monkeypatch.setattr(importing, "IN_FLIGHT", 1)


def take(export: Export, *, dry_run: bool = False) -> Report:
    source = EXPORTS / export.file
    return importing.run(source, export.form, act, dry_run=dry_run, options=export.options)


@pytest.mark.parametrize("export", FILES, ids=[export.file for export in FILES])
def test_the_users_of_an_export_sign_in_here(export: Export, call: Call, prove: Prove):
    for dry_run, result in ((True, "would_be_created"), (False, "created")):
        report = take(export, dry_run=dry_run)
        assert report.unfinished == ""
        assert report.results[result] == export.created
        assert report.schemes == export.schemes
        assert report.reasons == export.reasons
        assert report.left_out == export.left_out
    ada = store.get(keys.user(export.sub))[0]
    assert ada is not None
    assert ada["email"] == "ada@example.com"
    assert ada["email_verified"] is export.verified
    assert {name: ada[name] for name in export.profile} == export.profile

    name = {"username": "ada@example.com"}
    if export.word:
        assert call("sign_in", name | {"password": export.word + "x"}).status == 401
        assert call("sign_in", name | {"password": export.word})["sub"] == export.sub
    else:
        assert call("sign_in", name | {"password": WORD}).status == 401
        token = prove("ada@example.com")
        assert call("sign_in", {"verification_token": token})["sub"] == export.sub
    assert call("sign_in", {"username": "bob@example.com", "password": WORD}).status == 401
    assert take(export).results["already_there"] == export.created


def test_each_format_is_read_in_a_test_and_described_in_the_guide():
    guide = (ROOT / "docs/moving.md").read_text()
    assert {export.form for export in FILES} == set(reading.FORMATS)
    for form in reading.FORMATS:
        assert f"--format {form}" in guide


@pytest.mark.parametrize(
    ("export", "email", "error"),
    [
        ("auth0.jsonl", "cyd@example.com", None),
        ("supabase.csv", "cyd@example.com", "user_blocked"),
        ("keycloak.json", "dora_maar@example.com", ""),
        ("keycloak.json", "cyd_charisse@example.com", ""),
        ("clerk.csv", "cyd@example.com", ""),
    ],
)
def test_others_of_these_exports(export: str, email: str, error: str | None, call: Call):
    take(next(one for one in FILES if one.file == export))
    answer = call("sign_in", {"username": email, "password": WORD})
    if error is None:  # has signed in with Google, and has no password
        assert answer.status == 401
    else:
        assert answer.get("error", "") == error


def test_who_is_blocked_at_cloudbase_is_disabled_here():
    take(next(one for one in FILES if one.file == "cloudbase.jsonl"))
    [ada, bob] = store.get(*(keys.user(f"198345071841223475{end}") for end in (4, 5)))
    assert ada is not None
    assert bob is not None
    assert (ada["status"], bob["status"]) == ("active", "disabled")


def test_firebase_s_hashes_need_the_parameters_of_the_project():
    source = EXPORTS / "firebase.json"
    report = importing.run(source, "firebase", act, dry_run=True)
    assert "give the hash parameters" in report.troubles[0].message
    assert report.results == {"refused": 3}


def test_whoever_leaves_takes_all_users_along_and_can_come_back(
    call: Call, prove: Prove, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for export in FILES[:1]:
        take(export)
    token = prove("eve@example.com")
    call("sign_up", {"verification_token": token, "password": "engine1843", "name": "Eve"})
    target = tmp_path / "users.jsonl"
    assert exporting.run(target, act) == 3

    for row in list(store.get(*(keys.email(f"{n}@example.com") for n in ("ada", "bob", "eve")))):
        assert row is not None
        sub = row["sub"]
        _delete(sub)
    report = importing.run(target, "latchkey", act, dry_run=False)
    assert report.results == {"created": 3}
    assert (
        call("sign_in", {"username": "ada@example.com", "password": "user1password"}).status == 200
    )
    assert call("sign_in", {"username": "eve@example.com", "password": "engine1843"}).status == 200


def _delete(sub: str) -> None:
    from latchkey.users import user

    item = store.get(keys.user(sub))[0]
    assert item is not None
    store.write(*user.delete_writes(user.of(item)))
