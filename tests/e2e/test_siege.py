"""A siege: what an attacker tried with success before the service had limits, many times at once.

The limits are the defaults of the template. Each device has a network of its own: it shows the
secret of a CloudFront distribution, so the address that it names as its own is believed. Captchas
have a file of their own (test_captcha.py).
"""

import base64
import collections
import contextlib
import hashlib
import ipaddress
import itertools
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

import httpx
import jwt
import pytest
from boto3.dynamodb.conditions import Key
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.e2e.client import MAIL_SECONDS, Answer, Device, Inbox, at_once
from tests.e2e.stack import Stack

PASSWORD, NEW, OTHER = "engine1843", "engine1844", "engine1845"
INVALID = (400, "invalid_argument", 3)
SPENT = INVALID
WRONG = (401, "invalid_username_or_password", 3)
WRONG_PASSWORD = (400, "invalid_password", 3)
WRONG_CODE = (400, "invalid_verification_code", 3)
LIMITED = (429, "resource_exhausted", 8)
DEAD = (400, "invalid_grant", 3)
SIGNED_OUT = (401, "unauthenticated", 16)
UNAVAILABLE = (503, "unavailable", 14)
ABORTED = (409, "aborted", 10)
NO_SUDO = (403, "failed_precondition", 9)

RESET = "POST /auth/v1/reset"
EDIT = "POST /auth/v1/user/basic/edit"
UPDATE = "POST /auth/v2/signin/password/update"
SIGN_IN_V2 = "POST /auth/v2/signin/username"
TOKEN_V2 = "POST /auth/v2/token"

# Less than elsewhere: nearly all functions are called at once here, each in as many processes.
IN_FLIGHT = 8

ORIGIN_SECRET = secrets.token_hex(16)
FUNCTIONS = (
    *("SendCode", "VerifyCode", "SignUp", "SignIn", "SignInWithCode", "GrantToken"),
    *("EditProfile", "Sudo", "UpdatePassword", "SecurityHistory"),
)
DEFAULTS = {
    "FAILURES_PER_DAY": "20",
    "CODE_COOLDOWN_SECONDS": "60",
    "CODES_PER_SOURCE_PER_HOUR": "100",
}
# Each in a /24 of its own.
_sources = itertools.count(int(ipaddress.ip_address("10.0.0.1")), 256)

Visit = Callable[..., "Visitor"]
Door = Callable[[Device, str], Answer]


@dataclass
class Visitor(Device):
    """A device at an address of its own, or at a given one."""

    source: str = ""

    def call(
        self, operation: str, body: object = None, *, headers: Any = None, **how: Any
    ) -> Answer:
        """Send a request as CloudFront passes it on."""
        seen = {
            "x-origin-secret": ORIGIN_SECRET,
            "cloudfront-viewer-address": f"{self.source}:443",
        }
        return super().call(operation, body, headers=seen | (headers or {}), **how)


@pytest.fixture(scope="module", autouse=True)
def defaults(stack: Stack) -> Iterator[None]:
    """Set the defaults of the template, as parameters would, and forget what others have failed."""
    for item in stack.items("Grants"):
        if item["pk"].startswith("STORM#"):
            stack.table("Grants").delete_item(Key={"pk": item["pk"], "sk": item["sk"]})
    digest = hashlib.sha256(ORIGIN_SECRET.encode()).hexdigest()
    client, before = stack.client("lambda"), {}
    for name in FUNCTIONS:
        found = client.get_function_configuration(FunctionName=stack.names[name])
        limits = {k: v for k, v in DEFAULTS.items() if k in found["Environment"]["Variables"]}
        before[name] = stack.set_variables(name, ORIGIN_SECRET_HASH=digest, **limits)
    yield
    for name, variables in before.items():
        stack.set_variables(name, **variables)


@pytest.fixture(scope="module")
def http(stack: Stack) -> Iterator[httpx.Client]:
    """Return a client whose requests wait for each other as long as it takes."""
    limits = httpx.Limits(max_connections=IN_FLIGHT)
    timeout = httpx.Timeout(90, pool=None)
    with httpx.Client(base_url=stack.api, timeout=timeout, limits=limits) as client:
        yield client


@pytest.fixture
def visit(http: httpx.Client, inbox: Inbox, seen: set[str]) -> Visit:
    """Return a function that makes a new device, in a new network if none is given."""

    def new(source: str = "", **fields: str) -> Visitor:
        source = source or str(ipaddress.ip_address(next(_sources)))
        return Visitor(http, inbox, seen, source=source, **fields)

    return new


@pytest.fixture
def owner(visit: Visit) -> Visitor:
    return visit()


@pytest.fixture
def session(owner: Visitor, address: str) -> Answer:
    """Return the tokens of an owner who has just registered, with PASSWORD."""
    return owner.register(address, password=PASSWORD)


def outcomes(answers: list[Answer]) -> collections.Counter[object]:
    """Count the answers by refusal; a success counts as `ok`."""
    return collections.Counter("ok" if a.status == 200 else a.refusal for a in answers)


def wait(what: Callable[[], Any]) -> Any:
    """Wait for the first result that is true, and return it."""
    end = time.monotonic() + 6 * MAIL_SECONDS
    while not (found := what()):
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)
    return found


def subjects(inbox: Inbox, address: str) -> collections.Counter[str]:
    """Count all mails to an address by subject."""
    found = inbox.http.get("/mails", params={"to": address}).json()
    return collections.Counter(mail["subject"] for mail in found)


def wait_for_mailer(stack: Stack, queue: str) -> None:
    """Wait until all messages of a queue were handled."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    sqs, url = stack.client("sqs"), stack.names[queue]

    def is_empty() -> bool:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return {found[name] for name in names} == {"0"}

    wait(is_empty)


def told(device: Device, session: Answer) -> collections.Counter[str]:
    """Count what the security history tells, by action."""
    found = device.call("security_history", bearer=session["access_token"], query={"limit": "100"})
    return collections.Counter(entry["action"] for entry in found["data"])


def claims(tokens: Answer) -> dict[str, Any]:
    return jwt.decode(tokens["access_token"], options={"verify_signature": False})


@contextlib.contextmanager
def flood(act: Callable[[], Answer]) -> Iterator[list[Answer]]:
    """Do something all the time, in half of the requests that are in flight. Return the answers."""
    over, answers = threading.Event(), list[Answer]()

    def go_on() -> None:
        while not over.is_set():
            answers.append(act())

    with ThreadPoolExecutor(IN_FLIGHT // 2) as threads:
        running = [threads.submit(go_on) for _ in range(IN_FLIGHT // 2)]
        try:
            wait(lambda: len(answers) >= IN_FLIGHT)
            yield answers
        finally:
            over.set()
    for one in running:
        one.result()


class Seal:
    """Encrypts as the SDK does, with the key that the service publishes."""

    def __init__(self, device: Device) -> None:
        found = device.call("POST /auth/v2/signin/publichkey", {})
        self._key = cast(rsa.RSAPublicKey, load_pem_public_key(found["public_key"].encode()))
        self.thumbprint = found["public_key_thumbprint"]

    def text(self, text: str) -> str:
        """Encrypt a text in blocks."""
        blocks = [
            self._key.encrypt(text[start : start + 60].encode(), padding.PKCS1v15())
            for start in range(0, len(text), 60)
        ]
        return base64.b64encode(b"".join(blocks)).decode()

    def body(self, **fields: str) -> dict[str, str]:
        """Encrypt a whole body."""
        return {
            "params": self.text(json.dumps(fields)),
            "public_key_thumbprint": self.thumbprint,
        }

    def change(self, current: str, new: str) -> dict[str, str]:
        """Return the fields of `basic/edit` that change a password."""
        return {
            "encrypt_password": self.text(current),
            "encrypt_new_password": self.text(new),
            "public_key_thumbprint": self.thumbprint,
        }


def password_doors(address: str, seal: Seal) -> list[Door]:
    """Return all ways in which a stranger can try a password."""

    def update(device: Device, password: str) -> Answer:
        both = {"password": seal.text(password), "new_password": seal.text(NEW)}
        body = {"username": address, "public_key_thumbprint": seal.thumbprint}
        return device.call(UPDATE, body | both)

    name = {"username": address}
    grant = name | {"grant_type": "password"}
    return [
        lambda d, password: d.call("sign_in", name | {"password": password}),
        lambda d, password: d.call(SIGN_IN_V2, name | {"password": password}),
        lambda d, password: d.call("sign_in", seal.body(username=address, password=password)),
        lambda d, password: d.call("grant_token", grant | {"password": password}),
        lambda d, password: d.call(TOKEN_V2, grant | {"password": password}),
        update,
    ]


def session_doors(bearer: str, seal: Seal) -> list[Door]:
    """Return all ways in which a holder of an access token can try a password."""
    return [
        lambda d, password: d.call("sudo", {"password": password}, bearer=bearer),
        lambda d, password: d.call(
            EDIT, {"password": password, "new_password": NEW}, bearer=bearer
        ),
        lambda d, password: d.call(EDIT, seal.change(password, NEW), bearer=bearer),
    ]


# Row 1: guess a password.


def failures_by_lane(stack: Stack) -> dict[tuple[str, str], int]:
    """Return what is counted in each lane. Others' tests have lanes in the same table."""
    lanes = [item for item in stack.items("Grants") if item["pk"].startswith("BUDGET#")]
    return {(lane["pk"], lane["sk"]): int(lane.get("total", 0)) for lane in lanes}


def test_of_200_guesses_over_all_doors_the_budget_is_evaluated(
    owner: Visitor, session: Answer, visit: Visit, address: str, stack: Stack
):
    """Somebody guesses with a stolen access token, and at the same time as a stranger."""
    ids = [visit().call("send_code", {"email": address})["verification_id"] for _ in range(10)]
    seal, bearer = Seal(owner), session["access_token"]
    strangers = password_doors(address, seal)
    for operation in ("verify_code", "POST /auth/v2/signin/verificationcode"):
        strangers.append(
            lambda d, guess, operation=operation: d.call(  # type: ignore[misc]
                operation,
                {"verification_id": ids[int(guess[-2:]) % 10], "verification_code": guess},
            )
        )
    inside = session_doors(bearer, seal)
    doors = strangers + inside

    before = failures_by_lane(stack)
    answers = at_once(200, lambda n: doors[n % len(doors)](visit(), f"guessed1x{n:03}"))

    by_door = [answers[n :: len(doors)] for n in range(len(doors))]
    outside = sum(map(outcomes, by_door[: len(strangers)]), collections.Counter())
    assert outside[WRONG] + outside[WRONG_CODE] == 20
    assert outside.keys() <= {WRONG, WRONG_CODE, LIMITED, SPENT}
    within = sum(map(outcomes, by_door[len(strangers) :]), collections.Counter())
    assert within.pop(WRONG_PASSWORD) == 20
    assert within.keys() == {LIMITED}
    after = failures_by_lane(stack)
    counted = sorted(total for lane in after if (total := after[lane] - before.get(lane, 0)))
    assert counted == [20, 20]

    # The right password is refused where the guesses came from, and nowhere else.
    for door in strangers[:6]:
        assert door(visit(), PASSWORD).refusal == LIMITED
    for door in inside:
        assert door(owner, PASSWORD).refusal == LIMITED
    assert owner.call("sign_in", {"username": address, "password": PASSWORD}).status == 200
    phone = visit()
    verification_id, code = phone.ask(address)
    assert len(code) == 10
    body = {"verification_id": verification_id, "verification_code": code}
    assert phone.call("POST /auth/v2/signin/verificationcode", body).status == 200


# Row 2: ask for codes in the owner's name.


def test_however_many_strangers_ask_for_codes_the_owner_gets_one(
    owner: Visitor, session: Answer, visit: Visit, address: str, inbox: Inbox
):
    laptop = visit()
    right = {"username": address, "password": PASSWORD}
    elsewhere = visit(id="my-laptop").call("sign_in", right)  # an id that never becomes known
    assert laptop.call("sign_in", right).status == elsewhere.status == 200

    found = outcomes(at_once(120, lambda _: visit().call("send_code", {"email": address})))
    # Those of the sign-up and these.
    assert found == {"ok": 99, LIMITED: 21}
    assert visit().call("send_code", {"email": address}).refusal == LIMITED

    assert len(laptop.ask(address)[1]) == 6
    asked = visit(id="my-laptop").call(
        "send_code", {"email": address}, bearer=elsewhere["access_token"]
    )
    assert asked.status == 200
    inbox.wait(address, 102)


# Row 3: guess codes.


def test_of_160_guesses_at_40_addresses_from_one_network_its_budget_is_evaluated(
    visit: Visit, address: str
):
    addresses = [f"{number}-{address}" for number in range(40)]
    asked = at_once(40, lambda n: visit().call("send_code", {"email": addresses[n]}))
    ids = [answer["verification_id"] for answer in asked]
    source = visit().source

    def guess(number: int) -> Answer:
        return visit(source).verify(ids[number % 40], f"{number:05}x")

    assert outcomes(at_once(160, guess)) == {WRONG_CODE: 100, SPENT: 60}
    # Others go on, and here a new code is long.
    elsewhere, here = visit(), visit(source)
    assert elsewhere.verify(*elsewhere.ask(f"a-{address}")).status == 200
    verification_id, code = here.ask(f"b-{address}")
    assert len(code) == 10
    assert here.verify(verification_id, code).status == 200


# Row 4: use a copy of a refresh token.


def test_nobody_can_watch_a_refresh_token(owner: Visitor, session: Answer, visit: Visit):
    token = session["refresh_token"]
    assert owner.refresh(token).status == 200
    answers = at_once(4, lambda _: visit().call("POST /auth/v1/token/introspect", {"token": token}))
    assert all(answer == {"active": False} for answer in answers)


def test_a_copied_refresh_token_gets_nothing_from_another_network(
    owner: Visitor, session: Answer, visit: Visit, stack: Stack
):
    copied = session["refresh_token"]
    fresh = owner.refresh(copied)
    [stored] = stack.sessions(session["sub"])  # a slow machine must not outlast the grace
    stack.table("Grants").put_item(Item=stored | {"refreshed_at": stored["refreshed_at"] + 60})
    answers = at_once(20, lambda _: visit(id=owner.id).refresh(copied))
    assert outcomes(answers) == {UNAVAILABLE: 20}
    assert owner.refresh(fresh["refresh_token"]).status == 200


def test_a_copied_refresh_token_on_another_device_is_told_to_the_owner(
    owner: Visitor, session: Answer, visit: Visit, address: str, inbox: Inbox
):
    copied = session["refresh_token"]
    fresh = owner.refresh(copied)
    answers = at_once(20, lambda n: visit(owner.source if n % 2 else "").refresh(copied))
    assert outcomes(answers) == {DEAD: 20}
    assert owner.refresh(fresh["refresh_token"]).refusal == DEAD

    again = owner.call("sign_in", {"username": address, "password": PASSWORD})
    assert told(owner, again)["REFRESH_TOKEN_REUSED"] >= 1
    wait(lambda: subjects(inbox, address)["We have signed a device out of Latchkey"])


def test_a_copied_refresh_token_that_is_used_first_is_told_to_the_owner(
    owner: Visitor, session: Answer, visit: Visit, address: str, inbox: Inbox
):
    """Nine copies are used at the moment at which the owner refreshes."""
    copied = session["refresh_token"]
    answers = at_once(10, lambda n: (visit() if n else owner).refresh(copied))
    assert outcomes(answers) == {"ok": 1, DEAD: 9}
    [winner] = [answer for answer in answers if answer.status == 200]
    assert owner.me(winner["access_token"]).refusal == SIGNED_OUT

    again = owner.call("sign_in", {"username": address, "password": PASSWORD})
    assert told(owner, again)["REFRESH_TOKEN_REUSED"] >= 1
    wait(lambda: subjects(inbox, address)["We have signed a device out of Latchkey"])


# Row 5: hold up the owner by signing in all the time.


def test_an_owner_resets_the_password_while_somebody_signs_in_with_it_all_the_time(
    session: Answer, visit: Visit, address: str, stack: Stack
):
    phone, right = visit(), {"username": address, "password": PASSWORD}
    with flood(lambda: visit().call("sign_in", right)) as answers:
        proof = phone.prove(address)
        assert phone.call(RESET, {"verification_token": proof, "new_password": NEW}) == {}
        so_far = len(answers)
        wait(lambda: len(answers) >= so_far + 4 * IN_FLIGHT)

    assert_nothing_lives(phone, [session, *answers], stack)
    # The strangers' lane is spent, and the phone is known since the reset.
    assert phone.call("sign_in", right | {"password": NEW}).status == 200


def test_an_owner_deletes_the_account_while_somebody_signs_in_all_the_time(
    owner: Visitor, session: Answer, visit: Visit, address: str, stack: Stack
):
    bearer, right = session["access_token"], {"username": address, "password": PASSWORD}
    with flood(lambda: visit().call("sign_in", right)) as answers:
        granted = owner.call("sudo", {"password": PASSWORD}, bearer=bearer)
        query = {"sudo_token": granted["sudo_token"]}
        assert owner.call("DELETE /auth/v1/user/me", bearer=bearer, query=query) == {}
        so_far = len(answers)
        wait(lambda: len(answers) >= so_far + IN_FLIGHT)

    assert_nothing_lives(owner, [session, *answers], stack)
    assert visit().register(address)["sub"] != session["sub"]


def assert_nothing_lives(device: Device, answers: list[Answer], stack: Stack) -> None:
    """Check that an account has no session, and that the last ones that it had are refused."""
    started = [answer for answer in answers if answer.status == 200]
    assert len(started) > 1
    refused = [answer for answer in answers if answer.status != 200]
    assert outcomes(refused).keys() <= {WRONG, ABORTED, LIMITED}
    assert stack.sessions(started[0]["sub"]) == []
    for tokens in (started[0], *started[-IN_FLIGHT:]):
        assert device.me(tokens["access_token"]).refusal == SIGNED_OUT
        assert device.refresh(tokens["refresh_token"]).refusal == DEAD


# Row 6: sign in with ever new device ids.


def test_110_new_devices_leave_100_sessions_and_devices_and_five_notices(
    owner: Visitor, session: Answer, visit: Visit, address: str, inbox: Inbox, stack: Stack
):
    right = {"username": address, "password": PASSWORD}
    answers = at_once(110, lambda _: visit().call("sign_in", right))
    assert outcomes(answers) == {"ok": 110}
    # Sign-ins that were in flight when they were counted may be more, until the next one.
    assert len(stack.sessions(session["sub"])) <= 100 + IN_FLIGHT
    for _ in range(10):
        assert owner.call("sign_in", right).status == 200
    assert len(stack.sessions(session["sub"])) <= 100
    of_user = Key("pk").eq(f"USER#{session['sub']}") & Key("sk").begins_with("SESSION-DEVICE#")
    assert stack.table("Grants").query(KeyConditionExpression=of_user)["Count"] <= 100

    # The strangers' lane is spent, but the owner's device is still known, and codes go out.
    for number in range(20):
        visit().call("sign_in", right | {"password": f"wrong184{number}"})
    assert visit().call("sign_in", right).refusal == LIMITED
    assert owner.call("sign_in", right).status == 200
    assert len(visit().ask(address)[1]) == 10
    wait_for_mailer(stack, "NoticeQueue")
    assert subjects(inbox, address)["New sign-in to Latchkey"] == 5


# Row 7: have one code mailed many times.


def test_60_repeats_of_one_request_mail_one_code(
    owner: Visitor, address: str, inbox: Inbox, stack: Stack
):
    request_id = secrets.token_hex(16)
    body = {"email": address}
    answers = at_once(60, lambda _: owner.call("send_code", body, request_id=request_id))
    assert outcomes(answers) == {"ok": 60}
    assert len({answer["verification_id"] for answer in answers}) == 1
    inbox.wait(address)
    wait_for_mailer(stack, "MailQueue")
    assert subjects(inbox, address).total() == 1


# Row 8: repeat another request under a known id.


def test_a_proof_serves_one_request_whatever_is_asked_under_its_id(
    owner: Visitor, session: Answer, visit: Visit, address: str, stack: Stack
):
    phone, request_id = visit(), secrets.token_hex(16)
    proof = {"verification_token": phone.prove(address)}
    requests = [
        (RESET, proof | {"new_password": NEW}),
        (RESET, proof | {"new_password": OTHER}),
        ("sign_in", proof | {"username": address}),
        ("sign_up", proof),
    ]
    answers = at_once(24, lambda n: phone.call(*requests[n % 4], request_id=request_id))
    done = {n % 4 for n, answer in enumerate(answers) if answer.status == 200}
    assert len(done) == 1

    [winner] = done
    assert phone.call(*requests[winner], request_id=request_id).status == 200
    others = [request for n, request in enumerate(requests) if n != winner]
    late = at_once(12, lambda n: phone.call(*others[n % 3], request_id=request_id))
    assert {a.status for a in late} <= {400, 409}
    assert not any("access_token" in answer for answer in late)


def test_a_proof_that_was_spent_on_a_reset_signs_nobody_in(
    session: Answer, visit: Visit, address: str, stack: Stack
):
    phone, request_id = visit(), secrets.token_hex(16)
    proof = {"verification_token": phone.prove(address)}
    assert phone.call(RESET, proof | {"new_password": NEW}, request_id=request_id) == {}

    body = proof | {"username": address}
    answers = at_once(20, lambda _: phone.call("sign_in", body, request_id=request_id))
    assert outcomes(answers) == {SPENT: 20}
    assert stack.sessions(session["sub"]) == []


def test_a_known_request_id_sets_no_other_password(
    owner: Visitor, session: Answer, address: str, visit: Visit
):
    bearer, request_id = session["access_token"], secrets.token_hex(16)
    granted = owner.call("sudo", {"password": PASSWORD}, bearer=bearer)
    body = {"new_password": NEW, "sudo_token": granted["sudo_token"]}
    assert owner.call("set_password", body, bearer=bearer, request_id=request_id) == {}
    assert owner.call("set_password", body, bearer=bearer, request_id=request_id) == {}

    junk = {"new_password": OTHER, "sudo_token": "junk"}
    answers = at_once(
        8, lambda _: owner.call("set_password", junk, bearer=bearer, request_id=request_id)
    )
    assert outcomes(answers) == {NO_SUDO: 8}
    right = {"username": address, "password": NEW}
    assert visit().call("sign_in", right).status == 200
    assert visit().call("sign_in", right | {"password": OTHER}).refusal == WRONG


# Row 9: get tokens for another service.


def test_no_door_makes_tokens_for_an_audience_that_a_caller_names(
    owner: Visitor, session: Answer, visit: Visit, address: str
):
    client = {"client_id": "https://billing.internal"}
    right = {"username": address, "password": PASSWORD}
    proofs = [visit().prove(address), visit().prove(f"new-{address}")]
    verification_id, code = visit().ask(address)
    requests: list[tuple[str, dict[str, str]]] = [
        ("sign_in", right),
        (SIGN_IN_V2, right),
        ("grant_token", right | {"grant_type": "password"}),
        (TOKEN_V2, right | {"grant_type": "password"} | client),
        ("sign_in", {"verification_token": proofs[0]}),
        ("sign_up", {"verification_token": proofs[1]}),
        (
            "POST /auth/v2/signin/verificationcode",
            {"verification_id": verification_id, "verification_code": code},
        ),
    ]
    devices = [visit() for _ in requests]
    answers = at_once(len(requests), lambda n: devices[n].call(*requests[n], query=client))
    refreshed = [
        devices[n].call(
            "grant_token",
            {"grant_type": "refresh_token", "refresh_token": answer["refresh_token"]} | client,
            query=client,
        )
        for n, answer in enumerate(answers)
    ]
    for tokens in (*answers, *refreshed):
        found = claims(tokens)
        assert (found["aud"], found["client_id"]) == ("latchkey", client["client_id"])


# Row 10: have a code read out by calling it harmless.


def test_a_mail_says_what_its_code_may_do_whatever_its_usage_says(
    owner: Visitor, session: Answer, visit: Visit, address: str, inbox: Inbox
):
    right = {"username": address, "password": PASSWORD}
    inside, free = visit(), [f"{kind}-{address}" for kind in ("moved", "new")]
    bearer = inside.call("sign_in", right)["access_token"]
    asked: list[tuple[str, str | None, str]] = [
        (address, None, "is your Latchkey sign-in code"),
        (free[0], bearer, "confirms your new address at Latchkey"),
        (free[1], None, "is your Latchkey code"),
    ]
    before = len(inbox.mails(address))

    def ask(number: int) -> Answer:
        to, by, _ = asked[number % 3]
        device = inside if by else visit()
        usage = "email_address_change" if number < 3 else "password_reset"
        return device.call("send_code", {"email": to, "usage": usage}, bearer=by)

    found = outcomes(at_once(6, ask))
    assert found["ok"] >= 5  # a session has a cool-down
    inbox.wait(address, before + 2)
    for to, _, subject in asked:
        inbox.wait(to)
        mails = inbox.mails(to)[: 2 if to == address else None]
        assert all(mail["subject"].endswith(subject) for mail in mails)
    texts = [mail["text"] for mail in inbox.mails(address)[:2]]
    assert all("To sign in or to choose a new password" in text for text in texts)


# Row 11: make the service fail, and its alarm ring.

LONG = "\ufdfa" * 256  # 4,608 characters in NFKC


def test_no_password_and_no_id_is_so_long_that_something_fails_inside(
    owner: Visitor, session: Answer, visit: Visit, address: str, stack: Stack
):
    log_before = len(stack.functions_log.read_text())
    seal, bearer = Seal(owner), session["access_token"]
    sudo = owner.call("sudo", {"password": PASSWORD}, bearer=bearer)["sudo_token"]
    proofs = [visit().prove(to) for to in (address, f"new-{address}")]
    edit = {"password": PASSWORD, "new_password": LONG}
    update = {"password": seal.text(PASSWORD), "new_password": seal.text(LONG)}
    chosen: list[tuple[str, dict[str, str], str | None]] = [
        ("sign_up", {"verification_token": proofs[1], "password": LONG}, None),
        (RESET, {"verification_token": proofs[0], "new_password": LONG}, None),
        ("set_password", {"new_password": LONG, "sudo_token": sudo}, bearer),
        (EDIT, edit, bearer),
        (EDIT, seal.change(PASSWORD, LONG), bearer),
        (
            UPDATE,
            update | {"username": address, "public_key_thumbprint": seal.thumbprint},
            None,
        ),
    ]
    answers = at_once(6, lambda n: owner.call(*chosen[n][:2], bearer=chosen[n][2]))
    assert outcomes(answers) == {INVALID: 6}
    lengths = [a["error_description"] for a in answers]
    assert set(lengths) == {"The password must have 8 to 32 characters."}

    doors = password_doors(address, seal)
    assert outcomes(at_once(6, lambda n: doors[n](visit(), LONG))) == {WRONG: 6}
    inside = session_doors(bearer, seal)
    assert outcomes(at_once(3, lambda n: inside[n](owner, LONG))) == {WRONG_PASSWORD: 3}

    name = "x" * 2100
    ids: list[tuple[str, dict[str, str]]] = [
        ("GET /auth/v1/user/query", {"id": name}),
        ("GET /auth/v1/user/query", {"username": name}),
        ("GET /auth/v1/user/query", {"email": f"{name}@example.com"}),
        ("GET /auth/v1/user/query", {"id": ",".join([session["sub"], name])}),
        ("security_history", {"page_token": name}),
    ]
    answers = at_once(5, lambda n: owner.call(ids[n][0], bearer=bearer, query=ids[n][1]))
    assert outcomes(answers) == {INVALID: 5}

    logged = stack.functions_log.read_text()[log_before:]
    assert '"status":400' in logged
    assert '"level":"ERROR"' not in logged
    assert '"status":5' not in logged


# Row 12: choose a bad password, or a picture that is a script.


def test_no_door_takes_a_common_password_or_a_script_as_a_picture(
    owner: Visitor, session: Answer, visit: Visit, address: str
):
    seal, bearer = Seal(owner), session["access_token"]
    sudo = owner.call("sudo", {"password": PASSWORD}, bearer=bearer)["sudo_token"]
    proofs = [visit().prove(to) for to in (address, f"new-{address}")]
    name = {"username": address, "public_key_thumbprint": seal.thumbprint}

    def choose(door: int, password: str) -> Answer:
        both = {"password": seal.text(PASSWORD), "new_password": seal.text(password)}
        requests: list[tuple[str, dict[str, str], str | None]] = [
            ("sign_up", {"verification_token": proofs[1], "password": password}, None),
            (RESET, {"verification_token": proofs[0], "new_password": password}, None),
            ("set_password", {"new_password": password, "sudo_token": sudo}, bearer),
            (EDIT, {"password": PASSWORD, "new_password": password}, bearer),
            (EDIT, seal.change(PASSWORD, password), bearer),
            (UPDATE, name | both, None),
        ]
        operation, body, by = requests[door]
        return owner.call(operation, body, bearer=by)

    for weak in ("password1", "aaaaaaa1", "qwerty123"):
        answers = at_once(6, lambda n: choose(n, weak))  # noqa: B023
        assert outcomes(answers) == {INVALID: 6}
        assert {answer["error_description"].partition(":")[0] for answer in answers} <= {
            "This password is among the most common ones. Choose another one.",
            "This password is easy to guess",
        }

    script = "javascript:alert(1)"
    pictures: list[tuple[str, dict[str, str], str | None]] = [
        ("sign_up", {"verification_token": proofs[1], "picture": script}, None),
        ("edit_profile", {"picture": script}, bearer),
        (EDIT, {"avatar_url": script}, bearer),
    ]
    answers = at_once(3, lambda n: owner.call(*pictures[n][:2], bearer=pictures[n][2]))
    assert outcomes(answers) == {INVALID: 3}
    assert {answer["details"][0]["field"] for answer in answers} == {"picture", "avatar_url"}
    # Nothing was spent: the same proofs still serve.
    assert choose(0, PASSWORD).status == 200
    assert choose(1, NEW) == {}
