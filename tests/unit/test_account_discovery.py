"""With AccountDiscovery=strict, nobody learns whether an address has an account before they have
read its mail, and both branches of a client lead in.

Each door is tried with a known and an unknown address. What an outsider sees must be the same, and
so must the work, by which they could measure it: the calls of AWS, item by item, and the hashes.
"""

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from latchkey import aws
from latchkey.keys import keyring
from latchkey.limits import ceiling, storm
from latchkey.mail import delivery
from latchkey.users import passwords
from tests import rights
from tests.unit.conftest import (
    DEVICE,
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
from tests.unit.test_encryption import seal, thumbprint

KNOWN, UNKNOWN = "ada@example.com", "eve@example.com"
BASICS = "POST /auth/v1/user/basic/edit"
ELSEWHERE = {"x-device-id": "f" * 32}
AGAIN = {"x-request-id": "a" * 32}  # of a request whose answer was lost
LIMIT = 3  # failures a day
# What is random in an answer, or new in each.
RANDOM = {"verification_id", "request_id"}


@dataclass
class Outside:
    """Somebody who has no mailbox but their own, and what they do."""

    call: Call
    now: Clock
    bearer: str
    """Of Ida, who has an account and a fresh session."""
    sudo: str
    address: str = ""
    answers: list[Answer] = field(default_factory=list)

    def ask(self, operation: str, body: object = None, **how: Any) -> Answer:
        """Send a request, on a device that nobody knows, and keep the answer."""
        how = {"headers": ELSEWHERE} | how
        answer = self.call(operation, {} if body is None else body, **how)
        self.answers.append(answer)
        return answer

    def send(self, **how: Any) -> str:
        """Ask for a code, and return the id of the verification."""
        target = how.pop("target", "ANY")
        answer = self.ask("send_code", {"email": self.address, "target": target}, **how)
        return str(answer.get("verification_id"))


DOORS: dict[str, Callable[[Outside], object]] = {}


def door(*names: str) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Note how a door is tried: once for each of the names, which it gets, if there are any."""

    def note(knock: Callable[..., object]) -> Callable[..., object]:
        for name in names:
            DOORS[f"{knock.__name__} {name}"] = functools.partial(knock, what=name)
        if not names:
            DOORS[knock.__name__] = knock
        return knock

    return note


@door("ANY", "USER", "NOT_USER", "CUR_USER")
def send_code(o: Outside, what: str) -> None:
    o.send(target=what)


@door("ANY", "USER", "NOT_USER", "CUR_USER")
def send_code_as_somebody_else(o: Outside, what: str) -> None:
    o.send(target=what, bearer=o.bearer)


@door()
def send_code_twice_and_again_the_next_day(o: Outside) -> None:
    o.send()
    o.send()
    o.send(target="USER", headers=ELSEWHERE | {"x-request-id": "c" * 32})
    o.now.time += 60
    for _ in range(2):  # the second time, its answer was lost
        o.send(target="USER", headers=ELSEWHERE | {"x-request-id": "d" * 32})
    o.now.time += 60
    o.send()
    o.now.time += 86400
    o.send()


@door()
def send_code_when_the_budget_is_spent(o: Outside) -> None:
    for _ in range(LIMIT + 1):
        o.ask("sign_in", {"username": o.address, "password": "wrong1843"})
    guess = {"verification_id": o.send(), "verification_code": "12345678"}
    for _ in range(6):
        o.ask("verify_code", guess)


@door("verify_code", "sign_in_with_code")
def guess_a_code(o: Outside, what: str) -> None:
    sent = o.send()
    for code in ("1234567", 1234567, "", "1", "2"):
        o.ask(what, {"verification_id": sent, "verification_code": code})


@door("queued", "sending", "sent", "delivered", "bounced", "complained", "suppressed", "failed")
def get_verification(o: Outside, what: Any) -> None:
    sent = o.send()
    if what == "sending":
        delivery.claim(sent, now=o.now.time)
    elif what != "queued":
        assert delivery.record(sent, what)
    o.ask("get_verification", path=f"/auth/v1/verification/{sent}")


@door("sign_in", "v2", "encrypted", "grant_token", "update_password")
def guess_a_password(o: Outside, what: str) -> None:
    body = {"username": o.address, "password": "wrong1843"}
    secret = {"password": seal("wrong1843"), "new_password": seal("engine1844")}
    thumb = {"public_key_thumbprint": thumbprint()}
    for _ in range(LIMIT + 1):
        match what:
            case "sign_in":
                o.ask("sign_in", body)
            case "v2":
                o.ask("sign_in", body, route="POST /auth/v2/signin/username")
            case "encrypted":
                o.ask("sign_in", {"params": seal(json.dumps(body))} | thumb)
            case "grant_token":
                o.ask("grant_token", body | {"grant_type": "password"})
            case _:
                o.ask("update_password", {"username": o.address} | secret | thumb)


@door()
def guess_a_password_without_a_device(o: Outside) -> None:
    body = {"username": o.address.upper(), "password": "wrong1843"}
    o.ask("sign_in", body, headers={"x-device-id": ""})
    o.ask("sign_in", body, headers={"x-device-id": "my-laptop"})


@door("checkIfUserExist", "checkUsername")
def check_user(o: Outside, what: str) -> None:
    for name in (o.address, o.address.upper(), f" {o.address}"):
        query = f"username={name.replace('@', '%40').replace(' ', '%20')}"
        o.ask("check_user", query=query, route=f"GET /auth/v1/{what}")


@door("email", "username")
def query_user(o: Outside, what: str) -> None:
    query = f"{what}={o.address.replace('@', '%40')}"
    o.ask("query_user", bearer=o.bearer, query=query)


@door("sign_in", "sign_up", "reset_password")
def come_without_a_proof(o: Outside, what: str) -> None:
    body = {"username": o.address, "email": o.address, "verification_token": "nonsense"}
    o.ask(what, body | {"password": "engine1844", "new_password": "engine1844"})


@door("change_email", "edit_profile")
def take_the_address_without_a_proof(o: Outside, what: str) -> None:
    o.send(bearer=o.bearer)
    body = {"email": o.address, "sudo_token": o.sudo, "verification_token": "nonsense"}
    how = {"route": BASICS} if what == "edit_profile" else {}
    o.ask(what, body, bearer=o.bearer, **how)


@pytest.fixture
def outside(call: Call, ada: Answer, prove: Prove, confirm: Confirm, now: Clock) -> Outside:
    body = {"verification_token": prove("ida@example.com"), "password": "mail1843bag"}
    ida = call("sign_up", body, headers={"x-device-id": "d" * 32})
    prove(UNKNOWN)  # once, like Ada's
    keyring.private(keyring.load().current("encryption", now.time))  # as in a warm container
    now.time += 60
    return Outside(call, now, ida["access_token"], confirm(ida, "mail1843bag"))


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Return what was done: the calls of AWS, with the kinds of their items, and the hashes."""
    done: list[str] = []

    def note(model: Any, params: dict[str, Any], **_: object) -> None:
        needs = rights.needs(model.service_model.service_name, model.name, params)
        items = (f"{n.action} {n.resource} {sorted(map(_kind, n.values))}" for n in needs)
        call = f"{model.name}: {', '.join(items)}"
        if "KEYRING" not in call:  # a container reads it when it is old, whoever asks
            done.append(call)

    def verify(password: bytes, stored: str) -> bool:
        done.append(f"hash {len(password)} {stored[: len(passwords._PREFIX)]}")
        return False

    monkeypatch.setattr(passwords, "_verify", verify)
    clients = (aws.dynamodb(), aws.sqs(), aws.kms())
    for client in clients:
        client.meta.events.register("provide-client-params", note)
    yield done
    for client in clients:
        client.meta.events.unregister("provide-client-params", note)


def _kind(key: str) -> str:
    return key.partition("#")[0]


@pytest.fixture
def look(
    outside: Outside, work: list[str], now: Clock, outbox: Outbox
) -> Callable[[str, str], list[Any]]:
    """Return a function that tries a door with an address, and returns what there is to see."""

    def seen(name: str, address: str) -> list[Any]:
        outside.address, outside.answers, began = address, [], now.time
        for counters in (storm, ceiling):  # a container reads them when they are old, whoever asks
            counters.forget()
        work.clear()
        DOORS[name](outside)
        now.time = began
        return [[_shown(answer) for answer in outside.answers], [*work]]

    outbox.deliver()
    return seen


def _shown(answer: Answer) -> tuple[Any, ...]:
    shown = {k: len(v) if k in RANDOM else v for k, v in answer.items()}
    return answer.status, sorted(shown.items()), sorted(answer.headers.items())


# Where the vendor's wire tells it.
TELLING = {
    *(f"send_code {target}" for target in ("ANY", "USER", "NOT_USER")),
    *(f"send_code_as_somebody_else {target}" for target in ("ANY", "USER", "NOT_USER")),
    "send_code_twice_and_again_the_next_day",
    "send_code_when_the_budget_is_spent",
    *(f"guess_a_code {operation}" for operation in ("verify_code", "sign_in_with_code")),
    *(f"get_verification {state}" for state in ("queued", "sending", "sent", "delivered")),
    *(f"get_verification {state}" for state in ("bounced", "complained", "suppressed", "failed")),
    "check_user checkIfUserExist",
    "query_user email",
    "query_user username",
    *(f"take_the_address_without_a_proof {one}" for one in ("change_email", "edit_profile")),
}


@pytest.mark.parametrize("name", DOORS)
def test_a_known_and_an_unknown_address_look_alike(
    look: Callable[[str, str], list[Any]], configure: Callable[..., None], name: str
):
    configure(account_discovery="strict", failures_per_day=LIMIT, codes_per_address_per_day=3)
    assert look(name, KNOWN) == look(name, UNKNOWN)


@pytest.mark.parametrize("name", DOORS)
def test_this_test_sees_what_the_vendors_wire_tells(
    look: Callable[[str, str], list[Any]], configure: Callable[..., None], name: str
):
    configure(failures_per_day=LIMIT, codes_per_address_per_day=3)
    assert (look(name, KNOWN) != look(name, UNKNOWN)) == (name in TELLING)


# The mailbox alone learns it.


@pytest.fixture
def strict(configure: Callable[..., None], ada: Answer, now: Clock) -> None:
    configure(account_discovery="strict")
    now.time += 60


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("target", ["ANY", "USER", "NOT_USER"])
def test_each_address_gets_one_mail_of_its_kind(call: Call, outbox: Outbox, target: str):
    outbox.deliver()
    outbox.mails.clear()
    for address in (KNOWN, UNKNOWN):
        answer = call("send_code", {"email": address, "target": target})
        assert (answer.status, answer["is_user"]) == (200, False)
    outbox.deliver()
    assert [(mail.to, mail.kind) for mail in outbox.mails] == [
        (KNOWN, "sign_in"),
        (UNKNOWN, "sign_up"),
    ]


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("target", ["ANY", "USER", "NOT_USER", "CUR_USER"])
def test_a_user_is_told_of_the_own_address(call: Call, ada: Answer, target: str):
    for _ in range(2):  # the second time, its answer was lost
        body, same = {"email": KNOWN, "target": target}, {"x-request-id": "a" * 32}
        answer = call("send_code", body, bearer=ada["access_token"], headers=same)
        assert (answer.status, answer["is_user"]) == (200, True)


@pytest.mark.usefixtures("strict")
def test_delivery_is_told_in_full_to_whoever_asked_in_a_session_of_the_address(
    call: Call, ada: Answer
):
    sent = call("send_code", bearer=ada["access_token"])["verification_id"]
    delivery.record(sent, "delivered")
    answer = call("get_verification", path=f"/auth/v1/verification/{sent}")
    assert answer["delivery"] == "delivered"


# Both branches of a client lead in.


@pytest.mark.usefixtures("strict")
def test_a_sign_in_creates_the_account_that_a_proven_address_has_not(
    call: Call, prove: Prove, alive: Alive
):
    body = {"username": UNKNOWN, "verification_token": prove(UNKNOWN)}
    first = call("sign_in", body, headers=AGAIN)
    assert first.status == 200
    assert call("get_user", bearer=first["access_token"])["email"] == UNKNOWN
    assert call("sign_in", body, headers=AGAIN) == first  # its answer was lost
    assert call("sign_in", body)["error"] == "invalid_argument"
    assert alive(first)


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("password", ["engine1844", "weak", None])
def test_a_sign_up_signs_in_whoever_has_an_account_and_changes_nothing(
    call: Call, ada: Answer, prove: Prove, sign_in: SignIn, password: str | None
):
    before = call("get_user", bearer=ada["access_token"])
    body = {"email": KNOWN, "verification_token": prove(), "name": "Eve", "username": "eve_1"}
    answer = call("sign_up", body | {"password": password}, headers=AGAIN)
    assert (answer.status, answer["sub"]) == (200, ada["sub"])
    assert call("sign_up", body | {"password": password}, headers=AGAIN) == answer
    assert call("sign_up", body | {"password": password})["error"] == "invalid_argument"
    after = call("get_user", bearer=answer["access_token"])
    assert after == before | {"last_sign_in_at": after["last_sign_in_at"]}
    assert sign_in("engine1843").status == 200
    assert sign_in(password or "").status == 401


@pytest.mark.usefixtures("strict")
def test_a_sign_up_on_a_new_device_is_told_like_a_sign_in(call: Call, prove: Prove, outbox: Outbox):
    call("sign_up", {"verification_token": prove()}, headers=ELSEWHERE)
    outbox.deliver()
    assert (outbox.mails[-1].kind, outbox.mails[-1].to) == ("new_device", KNOWN)


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("door", ["sign_up", "sign_in", "sign_in_with_code"])
def test_a_proof_from_before_the_account_signs_in(
    call: Call, prove: Prove, outbox: Outbox, now: Clock, door: str
):
    sent = call("send_code", {"email": UNKNOWN}, headers=ELSEWHERE)
    early = sent["verification_id"]
    code = outbox.code(UNKNOWN)
    now.time += 60
    body = {"verification_token": prove(UNKNOWN), "password": "mail1843bag"}
    eve = call("sign_up", body, headers={"x-device-id": "e" * 32})
    redeem = {"verification_id": early, "verification_code": code}
    if door == "sign_in_with_code":
        answer = call(door, redeem)
    else:
        token = call("verify_code", redeem)["verification_token"]
        answer = call(door, {"verification_token": token, "password": "engine1844"})
    assert (answer.status, answer["sub"]) == (200, eve["sub"])


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("door", ["sign_in", "sign_in_with_code"])
def test_an_account_that_is_created_at_the_same_moment_is_signed_in(
    call: Call, prove: Prove, outbox: Outbox, meanwhile: Meanwhile, now: Clock, door: str
):
    token = prove(UNKNOWN)
    now.time += 60
    sent = call("send_code", {"email": UNKNOWN}, headers=ELSEWHERE)["verification_id"]
    redeem = {"verification_id": sent, "verification_code": outbox.code(UNKNOWN)}
    if door == "sign_in":
        redeem = {"verification_token": call("verify_code", redeem)["verification_token"]}
    meanwhile(lambda: call("sign_up", {"verification_token": token}))
    answer = call(door, redeem)
    assert answer.status == 200
    assert call("get_user", bearer=answer["access_token"])["email"] == UNKNOWN


@pytest.mark.usefixtures("strict")
def test_an_account_that_was_deleted_meanwhile_is_made_anew(
    call: Call, ada: Answer, prove: Prove, confirm: Confirm
):
    token = prove()
    sudo = confirm(ada)
    call("delete_user", bearer=ada["access_token"], query=f"sudo_token={sudo}")
    answer = call("sign_up", {"verification_token": token})
    assert answer.status == 200
    assert answer["sub"] != ada["sub"]


@pytest.mark.usefixtures("strict")
def test_a_new_account_still_needs_a_free_user_name_and_a_good_password(call: Call, prove: Prove):
    token = prove(UNKNOWN)
    body = {"verification_token": token, "username": "ada_lovelace"}
    assert call("sign_up", body)["error"] == "failed_precondition"
    weak = call("sign_up", {"verification_token": token, "password": "weak"})
    assert weak["error"] == "invalid_argument"
    assert call("sign_up", {"verification_token": token}).status == 200


@pytest.mark.usefixtures("strict")
def test_a_reset_is_refused_only_after_the_mailbox_is_proven(call: Call, prove: Prove):
    body = {"verification_token": prove(UNKNOWN), "new_password": "engine1844"}
    assert call("reset_password", body)["error"] == "not_found"


@pytest.mark.parametrize(
    ("proof", "door"), [(KNOWN, "sign_up"), (UNKNOWN, "sign_in"), (KNOWN, "sign_in")]
)
def test_at_the_vendors_wire_only_the_right_branch_leads_in(
    call: Call, ada: Answer, prove: Prove, now: Clock, proof: str, door: str
):
    now.time += 60
    status = 200 if (proof, door) == (KNOWN, "sign_in") else {"sign_up": 409, "sign_in": 404}[door]
    assert call(door, {"verification_token": prove(proof)}).status == status


# A user name is public, and must not tell which address it belongs to.


@pytest.mark.parametrize(("discovery", "status"), [("strict", 200), ("cloudbase", 429)])
@pytest.mark.parametrize(
    ("spent", "other"), [("ada_lovelace", KNOWN), (KNOWN, "ada_lovelace"), (KNOWN, "ADA_lovelace")]
)
def test_a_spent_budget_does_not_tell_whose_address_a_user_name_is(
    call: Call,
    ada: Answer,
    configure: Callable[..., None],
    discovery: str,
    status: int,
    spent: str,
    other: str,
):
    configure(account_discovery=discovery, failures_per_day=LIMIT, captcha="off")
    for _ in range(LIMIT):
        body = {"username": spent, "password": "wrong1843"}
        assert call("sign_in", body, headers=ELSEWHERE).status == 401
    assert call("sign_in", body, headers=ELSEWHERE).status == 429
    body = {"username": other, "password": "engine1843"}
    assert call("sign_in", body, headers={"x-device-id": "e" * 32}).status == status


@pytest.mark.usefixtures("strict")
def test_a_known_device_has_one_budget_for_address_and_user_name(
    call: Call, ada: Answer, configure: Callable[..., None]
):
    configure(failures_per_day=LIMIT)
    at_home = {"x-device-id": DEVICE}
    for name in (KNOWN, "ada_lovelace", KNOWN):
        body = {"username": name, "password": "wrong1843"}
        assert call("sign_in", body, headers=at_home).status == 401
    body = {"username": "ada_lovelace", "password": "engine1843"}
    assert call("sign_in", body, headers=at_home).status == 429
    assert call("sign_in", body, headers=ELSEWHERE).status == 200


def test_a_right_password_gives_its_try_back_to_the_lane_of_the_name(
    call: Call, ada: Answer, configure: Callable[..., None]
):
    configure(account_discovery="strict", failures_per_day=LIMIT)
    for number in range(2 * LIMIT):
        body = {"username": "ada_lovelace", "password": "engine1843"}
        assert call("sign_in", body, headers={"x-device-id": f"laptop-{number}"}).status == 200
