"""`python -m bench.discovery [samples [word]]`: what tells an address with an account from one
without, at all doors or at those whose name has the word.

Each door is tried with both kinds of addresses, in random order, in both settings of
AccountDiscovery, against AWS in memory (moto). Compared are what the answer shows, the calls of
AWS, and processor time: of the whole request, with boto3 and moto, and of our code alone, without
the time in which a call of AWS is under way. Cliff's delta is the chance that a known address takes
longer than an unknown one, less the chance that it takes less: 0 if nothing can be told, 1 or -1 if
each single request tells it. The brackets are 99 % bootstrap intervals.
"""

import bisect
import contextlib
import gc
import io
import json
import logging
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "layers/core/python"), str(ROOT)]

import boto3  # noqa: E402
from moto import mock_aws  # noqa: E402

SAMPLES = 200
ADDRESSES = 10  # of each kind, used in turn
RESAMPLES = 1000
# Smaller effects are "negligible" (Romano et al., 2006).
NEGLIGIBLE = 0.147
MODES = ("cloudbase", "strict")
BASICS = "POST /auth/v1/user/basic/edit"
NO_LIMITS = {
    "CODE_COOLDOWN_SECONDS": "0",
    "CODES_PER_ADDRESS_PER_DAY": "1000000",
    "CODES_PER_SOURCE_PER_HOUR": "1000000",
    "FAILURES_PER_DAY": "1000000",
}
RANDOM = {"verification_id", "request_id", "expires_in"}

draw = random.Random(1843)  # noqa: S311 - the same order in each run


class Sample(NamedTuple):
    """One request: what it shows, its calls of AWS, and processor time in microseconds."""

    answer: str
    calls: str
    whole: float
    own: float


@dataclass
class Outsider:
    """Sends requests, and measures the last one. `bearer` is the session of another account."""

    bearer: str = ""
    _calls: list[str] = field(default_factory=list)
    _away: int = 0
    _left: int = 0
    last: Sample | None = None
    _sent: set[str] = field(default_factory=set)

    def listen(self) -> None:
        """Note the calls of AWS that are made from now on."""
        from latchkey import aws

        for client in (aws.dynamodb(), aws.sqs(), aws.kms()):
            client.meta.events.register("before-call", self._leave)
            client.meta.events.register("after-call", self._return)

    def ask(
        self, operation: str, body: object = None, *, route: str = "", **fields: str
    ) -> dict[str, Any]:
        """Send a request on a device that no account knows."""
        from tests.unit.calls import CONTEXT, handler

        event = json.loads((ROOT / "events" / f"{operation}.json").read_text())
        http = event["requestContext"]["http"]
        event["body"] = json.dumps(body or {})
        event["headers"].update(
            {"x-device-id": "f" * 32, "x-request-id": f"{draw.getrandbits(128):032x}"}
        )
        event["headers"].pop("authorization", None)
        if "bearer" in fields:
            event["headers"]["authorization"] = f"Bearer {fields['bearer']}"
        event["rawQueryString"] = fields.get("query", "")
        event["rawPath"] = http["path"] = fields.get("path", http["path"])
        event["routeKey"] = event["requestContext"]["routeKey"] = route or event["routeKey"]
        run = handler(operation)
        self._calls, self._away = [], 0
        with contextlib.redirect_stdout(io.StringIO()):
            began = time.thread_time_ns()
            response = run(event, CONTEXT)
            took = time.thread_time_ns() - began
        answer: dict[str, Any] = json.loads(response["body"])
        self._sent |= {answer["verification_id"]} if "verification_id" in answer else set()
        shown = {k: v for k, v in answer.items() if k not in RANDOM}
        self.last = Sample(
            f"{response['statusCode']} {shown}",
            " ".join(self._calls),
            took / 1000,
            (took - self._away) / 1000,
        )
        return answer

    def tidy(self) -> None:
        """Delete the verifications: moto's transactions copy all that is there."""
        from latchkey.dynamodb import keys, store, writes

        store.write_each(*(writes.Delete(keys.verification(sent)) for sent in self._sent))
        self._sent.clear()

    def _leave(self, model: Any, **_: object) -> None:
        self._calls.append(model.name)
        self._left = time.thread_time_ns()

    def _return(self, **_: object) -> None:
        self._away += time.thread_time_ns() - self._left


def _send(o: Outsider, address: str, target: str = "ANY") -> str:
    return str(o.ask("send_code", {"email": address, "target": target}).get("verification_id", "-"))


def _guess(o: Outsider, address: str, operation: str) -> None:
    body = {"verification_id": _send(o, address), "verification_code": "none"}
    o.ask(operation, body)


def _sealed(o: Outsider, address: str) -> None:
    from tests.unit.test_encryption import seal, thumbprint

    body = {
        "username": address,
        "password": seal("wrong1843"),
        "new_password": seal("engine1844"),
        "public_key_thumbprint": thumbprint(),
    }
    o.ask("update_password", body)


def _password(address: str) -> dict[str, str]:
    return {"username": address, "password": "wrong1843"}


def _encoded(address: str) -> str:
    return address.replace("@", "%40")


# The last request of each is measured.
DOORS: dict[str, Callable[[Outsider, str], object]] = {
    "`verification`": _send,
    "`verification`, `target` USER": lambda o, a: _send(o, a, "USER"),
    "`verification`, `target` NOT_USER": lambda o, a: _send(o, a, "NOT_USER"),
    "`verification/{id}`": lambda o, a: o.ask(
        "get_verification", path=f"/auth/v1/verification/{_send(o, a)}"
    ),
    "`verification/verify`, wrong code": lambda o, a: _guess(o, a, "verify_code"),
    "`signin/verificationcode`, wrong code": lambda o, a: _guess(o, a, "sign_in_with_code"),
    "`signin`, wrong password": lambda o, a: o.ask("sign_in", _password(a)),
    "`token`, wrong password": lambda o, a: o.ask(
        "grant_token", _password(a) | {"grant_type": "password"}
    ),
    "`signin/password/update`, wrong password": _sealed,
    "`reset`, no proof": lambda o, a: o.ask(
        "reset_password", {"email": a, "new_password": "x", "verification_token": "x"}
    ),
    "`checkIfUserExist`": lambda o, a: o.ask(
        "check_user",
        query=f"username={_encoded(a)}",
        route="GET /auth/v1/checkIfUserExist",
    ),
    "`user/query`": lambda o, a: o.ask("query_user", bearer=o.bearer, query=f"email={_encoded(a)}"),
    "`basic/edit`, address not proven": lambda o, a: o.ask(
        "edit_profile", {"email": a}, bearer=o.bearer, route=BASICS
    ),
}
# The same as the first door, with two kinds of unknown addresses: what chance alone does.
CONTROL = "control: both unknown"


def main() -> None:
    """Print the table."""
    samples, word = (int(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES), "".join(sys.argv[2:3])
    logging.disable()
    print(f"{samples} requests of each kind; time in microseconds, known less unknown (median)\n")
    print(
        "| door | setting | answer | calls | whole request | delta | our code | delta | told by |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    with _cloud() as outsider:
        for name, knock in {**DOORS, CONTROL: _send}.items():
            if word not in name:
                continue
            for mode in MODES:
                os.environ["ACCOUNT_DISCOVERY"] = mode
                _forget_settings()
                kinds = ("other", "third") if name == CONTROL else ("known", "unknown")
                first, second = _measure(outsider, knock, kinds, samples)
                print(f"| {name} | {mode} | {_row(first, second)} |", flush=True)


def _measure(
    outsider: Outsider, knock: Callable[..., object], kinds: tuple[str, str], samples: int
) -> tuple[list[Sample], list[Sample]]:
    found: dict[str, list[Sample]] = {kind: [] for kind in kinds}
    for number in range(-5, samples):
        for kind in draw.sample(kinds, 2):
            outsider.tidy()
            gc.disable()
            knock(outsider, f"{kind[:5]}-{number % ADDRESSES:02}@example.com")
            gc.enable()
            if number >= 0 and outsider.last:  # those before it warm up
                found[kind].append(outsider.last)
    return found[kinds[0]], found[kinds[1]]


def _row(known: Sequence[Sample], unknown: Sequence[Sample]) -> str:
    answers = {s.answer for s in known} == {s.answer for s in unknown}
    calls = {s.calls for s in known} == {s.calls for s in unknown}
    cells = ["same" if answers else "differs", "same" if calls else "differs"]
    told = [word for word, same in (("answer", answers), ("calls", calls)) if not same]
    for measure in ("whole", "own"):
        one, other = ([getattr(s, measure) for s in group] for group in (known, unknown))
        difference, delta, (low, high) = _compare(one, other)
        cells += [difference, f"{delta:+.2f} [{low:+.2f}, {high:+.2f}]"]
        if low > 0 or high < 0:
            size = "negligibly " if abs(delta) < NEGLIGIBLE else ""
            told.append(f"{size}time ({measure})")
    return " | ".join([*cells, ", ".join(told) or "nothing"])


def _compare(
    one: Sequence[float], other: Sequence[float]
) -> tuple[str, float, tuple[float, float]]:
    """Return the difference of the medians in words, Cliff's delta, and its interval."""
    deltas, differences = [], []
    for _ in range(RESAMPLES):
        first, second = (draw.choices(group, k=len(group)) for group in (one, other))
        deltas.append(_cliffs_delta(first, second))
        differences.append(statistics.median(first) - statistics.median(second))
    low, high = _interval(differences)
    middle = statistics.median(one) - statistics.median(other)
    return f"{middle:+.0f} [{low:+.0f}, {high:+.0f}]", _cliffs_delta(one, other), _interval(deltas)


def _cliffs_delta(one: Sequence[float], other: Sequence[float]) -> float:
    ranked = sorted(other)
    more = sum(bisect.bisect_left(ranked, value) for value in one)
    less = sum(len(ranked) - bisect.bisect_right(ranked, value) for value in one)
    return (more - less) / (len(one) * len(ranked))


def _interval(values: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(values)
    return ordered[int(len(ordered) * 0.005)], ordered[int(len(ordered) * 0.995)]


@contextlib.contextmanager
def _cloud() -> Iterator[Outsider]:
    """Make AWS in memory with the known addresses, and a session of another account."""
    os.environ |= NO_LIMITS | {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "ACCOUNTS_TABLE": "Accounts",
        "GRANTS_TABLE": "Grants",
        "SENDER_ADDRESS": "login@example.com",
    }
    with mock_aws():
        from latchkey import clock
        from latchkey.dynamodb import store, values, writes
        from latchkey.keys import rotation
        from latchkey.sessions import credentials, session
        from latchkey.users import passwords, user
        from local.template import table_definition
        from tests.unit.clock import NOW

        for table in ("Accounts", "Grants"):
            boto3.client("dynamodb").create_table(TableName=table, **table_definition(table))
        key = boto3.client("kms").create_key()["KeyMetadata"]["KeyId"]
        queue = boto3.client("sqs").create_queue(QueueName="MailQueue")["QueueUrl"]
        os.environ |= {"KMS_KEY_ID": key, "MAIL_QUEUE_URL": queue}
        now = NOW  # the time of the passwords that the unit tests encrypt
        clock.now = lambda: now
        rotation.rotate("https://login.example.com", now=now)
        password_hash = passwords.hash_new("engine1843")
        names = [f"known-{number:02}" for number in range(ADDRESSES)]
        for name in [*names, "somebody-else"]:
            made = user.new(
                f"{name}@example.com", now=now, username=name.replace("-", "_"), name="Ada"
            )
            made = user.of(values.item_of(made) | {"password_hash": password_hash})
            store.write(*user.create_writes(made))
        caller = _caller()
        started = session.new(made, "pwd", caller, now=now)
        store.write(writes.Put(started.key, item=values.item_of(started)))
        outsider = Outsider(credentials.of(started, now=now).access_token)
        outsider.listen()
        yield outsider


def _caller() -> Any:
    from latchkey.http import caller_of

    event = json.loads((ROOT / "events/sign_in.json").read_text())
    return caller_of(event, "sign_in")


def _forget_settings() -> None:
    from latchkey import settings

    settings.Settings.load.__func__.cache_clear()  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
