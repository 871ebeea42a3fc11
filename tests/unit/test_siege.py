"""Any order of what two users and a thief can do, against a small model.

The model knows less than the service, and what it knows must hold: no guess beyond the budget is
evaluated, no session outlives its credentials, an address has one account, and the owner gets in.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from latchkey import aws, errors, settings
from latchkey.codes import verification
from latchkey.dynamodb import store
from latchkey.limits import ceiling, storm
from latchkey.users import passwords
from tests.unit.cloud import empty_tables
from tests.unit.conftest import NOW, Answer, Call, Clock

HOUR = 3600
BUDGET = 4
PASSWORDS = [f"engine18{number:02}xy" for number in range(60)]
WRONG = ("invalid_username_or_password", "invalid_verification_code", "invalid_password")


@dataclass
class Session:
    tokens: Answer
    device: str
    dead: bool = False
    """Whether it must be refused. A session that is not dead may have ended all the same."""


@dataclass
class Person:
    address: str
    devices: list[str]
    source: str
    registered: bool = False
    password: str = ""
    old_passwords: list[str] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    """The devices that have signed in, and were not forgotten since."""
    failures: list[tuple[str, int]] = field(default_factory=list)
    """The lane and the time of each failure that was evaluated."""

    def end_sessions(self, *, keep: Session | None = None) -> None:
        for session in self.sessions:
            session.dead = session.dead or session is not keep


class Siege(RuleBasedStateMachine):
    """Ada and Bob have two devices each. The thief has a new device and a new network each time."""

    def __init__(self, call: Call, now: Clock) -> None:
        super().__init__()
        self.send, self.now = call, now
        keyring = aws.dynamodb().get_item(TableName="Accounts", Key={"pk": {"S": "KEYRING"}})
        empty_tables()
        storm.forget()
        ceiling.forget()
        aws.dynamodb().put_item(TableName="Accounts", Item=keyring["Item"])
        now.time = NOW
        self.people = [
            Person("ada@example.com", ["a1" * 16, "a2" * 16], "203.0.113.1"),
            Person("bob@example.com", ["b1" * 16, "b2" * 16], "203.0.113.2"),
        ]
        self.strangers = 0
        self.chosen = 0

    # What everybody uses.

    def call(self, operation: str, body: object, device: str, source: str, **how: Any) -> Answer:
        headers = {"x-device-id": device}
        answer = self.send(operation, body, headers=headers, source=source, **how)
        assert answer.status < 500, answer
        return answer

    def stranger(self) -> tuple[str, str]:
        self.strangers += 1
        number = self.strangers
        return f"{number:032x}", f"198.{18 + number // 250 % 2}.{number % 250}.{number % 199}"

    def change(
        self,
        person: Person,
        operation: str,
        body: dict[str, str],
        device: str,
        *,
        interrupted: bool,
        keep: Session | None = None,
        bearer: str | None = None,
    ) -> None:
        """Change a password. If it is interrupted before it has deleted the sessions, they are
        refused all the same, and a repeat of the request finishes it.
        """
        how: dict[str, Any] = {"headers": {"x-device-id": device}, "bearer": bearer}
        if interrupted:
            self.strangers += 1
            how["headers"]["x-request-id"] = f"interrupted-{self.strangers:020}"
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(store, "query", self.fail)
                assert self.send(operation, body, **how).status == 503
        else:
            assert self.send(operation, body, **how) == {}
        person.old_passwords.append(person.password)
        person.password = body["new_password"]
        person.end_sessions(keep=keep)
        if interrupted:
            for session in person.sessions:
                if session.dead:
                    self.assert_dead(session)
            assert self.send(operation, body, **how) == {}

    @staticmethod
    def fail(*_: object, **__: object) -> None:
        raise errors.Unavailable

    def new_password(self) -> str:
        self.chosen += 1
        return PASSWORDS[self.chosen % len(PASSWORDS)]

    def mailed(self, sent: Answer) -> str:
        found = verification.read(sent["verification_id"])
        assert found is not None
        return found.code()

    def prove(self, person: Person, device: str, source: str) -> str:
        """Prove an address as its owner can at any time, from any device."""
        for _ in range(2):
            sent = self.call("send_code", {"email": person.address}, device, source)
            assert sent.status == 200, sent
            body = {
                "verification_id": sent["verification_id"],
                "verification_code": self.mailed(sent),
            }
            answer = self.call("verify_code", body, device, source)
            if answer.status == 200:
                return str(answer["verification_token"])
        raise AssertionError(f"the owner is locked out: {answer}")

    def began(self, person: Person, answer: Answer, device: str) -> None:
        assert answer.status == 200, answer
        for session in person.sessions:
            session.dead = session.dead or session.device == device  # it is replaced
        person.sessions.append(Session(answer, device))
        person.known.add(device)

    def failed(self, person: Person, answer: Answer, lane: str) -> None:
        """Note a failure, if it was evaluated."""
        if answer.get("error") in WRONG:
            person.failures.append((lane, self.now.time))
        else:
            assert answer.status in (400, 429), answer

    # What owners do.

    @initialize()
    def begin_with_ada(self) -> None:
        self.register(0, 0)
        self.sign_in_on_a_new_phone_by_code(0)

    @rule(who=st.integers(0, 1), which=st.integers(0, 1))
    def register(self, who: int, which: int) -> None:
        person = self.people[who]
        device, password = person.devices[which], self.new_password()
        proof = self.prove(person, device, person.source)
        body = {"verification_token": proof, "password": password}
        answer = self.call("sign_up", body, device, person.source)
        if person.registered:
            assert answer["error"] == "failed_precondition", answer
            return
        self.began(person, answer, device)
        person.registered, person.password = True, password

    @rule(who=st.integers(0, 1), which=st.integers(0, 1), times=st.sampled_from([1, 1, BUDGET + 1]))
    def sign_in_on_a_known_device(self, who: int, which: int, times: int) -> None:
        person = self.people[who]
        device = person.devices[which]
        if person.registered and device in person.known and self.left(person, device) > 0:
            for _ in range(times):
                body = {"username": person.address, "password": person.password}
                self.began(person, self.call("sign_in", body, device, person.source), device)

    @rule(who=st.integers(0, 1))
    def sign_in_on_a_new_phone_by_code(self, who: int) -> None:
        person = self.people[who]
        if person.registered:
            device, source = self.stranger()
            body = {"verification_token": self.prove(person, device, source)}
            self.began(person, self.call("sign_in", body, device, source), device)

    @rule(who=st.integers(0, 1), which=st.integers(0, 1))
    def mistype(self, who: int, which: int) -> None:
        person = self.people[who]
        device = person.devices[which]
        body = {"username": person.address, "password": "typing1843"}
        lane = device if device in person.known else "-"
        self.failed(person, self.call("sign_in", body, device, person.source), lane)

    @rule(who=st.integers(0, 1), one=st.integers(0, 30))
    def refresh(self, who: int, one: int) -> None:
        person, session = self.session(who, one)
        if session is not None:
            body = {"grant_type": "refresh_token", "refresh_token": session.tokens["refresh_token"]}
            answer = self.call("grant_token", body, session.device, person.source)
            if answer.status == 200:
                session.tokens = answer

    @rule(who=st.integers(0, 1), one=st.integers(0, 30), interrupted=st.booleans())
    def change_the_password(self, who: int, one: int, interrupted: bool) -> None:
        person, session = self.session(who, one)
        if session is None:
            return
        bearer = session.tokens["access_token"]
        body = {"password": person.password}
        granted = self.call("sudo", body, session.device, person.source, bearer=bearer)
        if granted.status == 200:
            password = self.new_password()
            change = {"new_password": password, "sudo_token": granted["sudo_token"]}
            how = {"bearer": bearer, "interrupted": interrupted}
            self.change(person, "set_password", change, session.device, keep=session, **how)

    @rule(who=st.integers(0, 1), which=st.integers(0, 1), interrupted=st.booleans())
    def reset_the_password(self, who: int, which: int, interrupted: bool) -> None:
        person = self.people[who]
        if person.registered:
            device, password = person.devices[which], self.new_password()
            proof = self.prove(person, device, person.source)
            body = {"verification_token": proof, "new_password": password}
            self.change(person, "reset_password", body, device, interrupted=interrupted)
            person.known = {device}

    @rule(who=st.integers(0, 1), one=st.integers(0, 30))
    def sign_out_everywhere(self, who: int, one: int) -> None:
        person, session = self.session(who, one)
        if session is not None:
            bearer = session.tokens["access_token"]
            answer = self.call("revoke_all", {}, session.device, person.source, bearer=bearer)
            if answer.status == 200:
                person.end_sessions()
                person.known = set()

    @rule(who=st.integers(0, 1), one=st.integers(0, 30))
    def delete_the_account(self, who: int, one: int) -> None:
        person, session = self.session(who, one)
        if session is None:
            return
        how: dict[str, Any] = {"bearer": session.tokens["access_token"]}
        body = {"password": person.password}
        granted = self.call("sudo", body, session.device, person.source, **how)
        if granted.status == 200:
            how["query"] = f"sudo_token={granted['sudo_token']}"
            assert self.call("delete_user", {}, session.device, person.source, **how) == {}
            person.old_passwords.append(person.password)
            person.registered = False
            person.end_sessions()

    # What the thief does.

    @rule(who=st.integers(0, 1), guesses=st.integers(1, 6))
    def guess_passwords(self, who: int, guesses: int) -> None:
        person = self.people[who]
        for number in range(guesses):
            body = {"username": person.address, "password": f"guess{number}843"}
            operation = "grant_token" if number % 2 else "sign_in"
            body |= {"grant_type": "password"} if number % 2 else {}
            self.failed(person, self.call(operation, body, *self.stranger()), "-")

    @rule(who=st.integers(0, 1), guesses=st.integers(1, 6))
    def guess_codes(self, who: int, guesses: int) -> None:
        person = self.people[who]
        sent = self.call("send_code", {"email": person.address}, *self.stranger())
        if sent.status == 200:
            code = self.mailed(sent)
            body = {"verification_id": sent["verification_id"], "verification_code": f"{code}0"}
            for _ in range(guesses):
                answer = self.call("verify_code", body, *self.stranger())
                # A long code is outside the budget.
                self.failed(person, answer, "-" if self.is_short(code) else "long")

    @rule(who=st.integers(0, 1), which=st.integers(0, 30))
    def try_an_old_password(self, who: int, which: int) -> None:
        person = self.people[who]
        if person.old_passwords:
            old = person.old_passwords[which % len(person.old_passwords)]
            body = {"username": person.address, "password": old}
            self.failed(person, self.call("sign_in", body, *self.stranger()), "-")

    @rule(who=st.integers(0, 1), one=st.integers(0, 30))
    def use_a_stolen_refresh_token(self, who: int, one: int) -> None:
        person, session = self.session(who, one, dead_too=True)
        if session is not None:
            body = {"grant_type": "refresh_token", "refresh_token": session.tokens["refresh_token"]}
            answer = self.call("grant_token", body, *self.stranger())
            if session.dead:
                assert answer["error"] == "invalid_grant", answer
            elif answer.status == 200:  # one of the two is found out later
                person.sessions.append(Session(answer, ""))

    @rule(hours=st.sampled_from([1, 1, 1, 23, 24, 25]))
    def wait(self, hours: int) -> None:
        self.now.time += hours * HOUR

    # What holds.

    @invariant()
    def no_guess_beyond_the_budget_is_evaluated(self) -> None:
        for person in self.people:
            oldest = (self.now.time // HOUR - 23) * HOUR
            counted = Counter(lane for lane, at in person.failures if at >= oldest)
            counted.pop("long", None)
            assert all(count <= BUDGET for count in counted.values()), counted

    @invariant()
    def an_address_has_one_account(self) -> None:
        items = aws.dynamodb().scan(TableName="Accounts")["Items"]
        addresses = Counter(item["email"]["S"] for item in items if "email" in item)
        wanted = {person.address: 1 for person in self.people if person.registered}
        assert addresses == Counter(wanted)

    @invariant()
    def no_session_outlives_its_credentials(self) -> None:
        for person in self.people:
            for session in person.sessions[-2:]:
                if session.dead:
                    self.assert_dead(session)

    def teardown(self) -> None:
        for person in self.people:
            for session in person.sessions:
                if session.dead:
                    self.assert_dead(session)

    def assert_dead(self, session: Session) -> None:
        answer = self.send("get_user", bearer=session.tokens["access_token"])
        assert answer.get("error") == "unauthenticated", answer
        body = {"grant_type": "refresh_token", "refresh_token": session.tokens["refresh_token"]}
        answer = self.send("grant_token", body, headers={"x-device-id": session.device})
        assert answer.get("error") == "invalid_grant", answer

    def session(
        self, who: int, one: int, *, dead_too: bool = False
    ) -> tuple[Person, Session | None]:
        person = self.people[who]
        found = [s for s in person.sessions if dead_too or not s.dead]
        return person, found[one % len(found)] if found else None

    def left(self, person: Person, lane: str) -> int:
        oldest = (self.now.time // HOUR - 23) * HOUR
        spent = [at for name, at in person.failures if name == lane and at >= oldest]
        return BUDGET - len(spent)

    def is_short(self, code: str) -> bool:
        return len(code) < settings.Codes.load().long_code_length


def test_no_guesser_gets_in_and_no_owner_is_locked_out(
    call: Call,
    now: Clock,
    monkeypatch: pytest.MonkeyPatch,
    configure: Callable[..., None],
):
    prefix = passwords._PREFIX
    monkeypatch.setattr(passwords, "_hash", lambda password: f"{prefix}{password}")
    monkeypatch.setattr(passwords, "_verify", lambda _, typed, stored: f"{prefix}{typed}" == stored)
    configure(
        failures_per_day=BUDGET,
        code_cooldown_seconds=0,
        codes_per_address_per_day=1000,
        codes_per_source_per_hour=1000,
        captcha="off",  # which an owner can read
    )
    run_state_machine_as_test(
        lambda: Siege(call, now),  # type: ignore[arg-type]
        settings=profile(
            derandomize=True,
            database=None,
            deadline=None,
            max_examples=25,
            stateful_step_count=30,
        ),
    )
