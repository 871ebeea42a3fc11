"""The `reason` in `details`: it tells refusals of one `error` apart without their sentences."""

import re
from typing import Any

import pytest

from latchkey import errors
from latchkey.users.policy import POLICIES
from tests.unit.conftest import ROOT, Answer, Call, Confirm

DOCUMENTED = set(re.findall(r"^\| `(\w+)` \| ", (ROOT / "docs/api.md").read_text("utf-8"), re.M))
# These name a field, or are raised with a message of their own.
PLAIN = {"InvalidArgument", "MissingField", "BodyTooLarge", "FailedPrecondition", "WeakPassword"}


def kinds() -> list[type[errors.AuthError]]:
    found = vars(errors).values()
    return [one for one in found if isinstance(one, type) and issubclass(one, errors.AuthError)]


def test_what_shares_a_word_has_a_reason_of_its_own_in_the_documentation():
    shared = {"invalid_argument", "failed_precondition"}
    told = [one for one in kinds() if getattr(one, "error", "") in shared]
    reasons = [one.reason for one in told if one.__name__ not in PLAIN]
    assert all(reasons)
    assert len(set(reasons)) == len(reasons) == 10
    assert set(reasons) <= DOCUMENTED


@pytest.mark.parametrize(
    ("password", "detail"),
    [
        ("short1", {"reason": "password_length", "shortest": 8, "longest": 32}),
        ("with\ttab1", {"reason": "password_control"}),
        ("1234567890", {"reason": "password_letter"}),
        ("onlyletters", {"reason": "password_digit"}),
    ],
)
def test_a_weak_password_names_its_rule(password: str, detail: dict[str, Any]):
    broken = POLICIES["cloudbase"].broken_rule(password)
    assert broken
    assert broken.body()["details"] == [detail]
    assert detail["reason"] in DOCUMENTED


@pytest.mark.parametrize(
    ("chosen", "reason"), [("password1", "password_guessed"), ("engine1843", "password_current")]
)
def test_a_password_that_is_refused_for_what_it_is(
    call: Call, ada: Answer, confirm: Confirm, chosen: str, reason: str
):
    body = {"new_password": chosen, "sudo_token": confirm(ada)}
    answer = call("set_password", body, bearer=ada["access_token"])
    assert answer["details"] == [{"reason": reason}]
    assert reason in DOCUMENTED


def test_a_dead_code_and_a_guessed_one_differ(call: Call):
    sent = {"verification_id": call("send_code")["verification_id"], "verification_code": "1"}
    reasons = [call("verify_code", sent).get("details") for _ in range(6)]
    assert reasons == [None] * 5 + [[{"reason": "too_many_guesses"}]]
    unknown = call("verify_code", sent | {"verification_id": "x" * 22})
    assert unknown["details"] == [{"reason": "code_unusable"}]


def test_a_cool_down_differs_from_a_limit(call: Call):
    call("send_code")
    answer = call("send_code")
    assert (answer["error"], answer["details"]) == ("resource_exhausted", [{"reason": "cool_down"}])
    assert "cool_down" in DOCUMENTED
