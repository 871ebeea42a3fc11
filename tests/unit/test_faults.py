"""Each call of AWS fails once, in each request of each function: nothing is lost or doubled.

The requests are those of the journeys in test_rights.py, so a new function, and a new branch of an
old one, comes here by itself. Each request is sent from the state that it had there: without a
fault, twice, and then with each fault, followed by the repeat that the SDK sends.
"""

import copy
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from moto.core.model_instances import reset_model_data

from latchkey import aws, errors
from latchkey.keys import keyring
from latchkey.limits import ceiling, storm
from latchkey.mail import delivery, send
from latchkey.sessions import start
from latchkey.users import passwords
from tests import rights
from tests.unit import calls, mailbox, test_rights
from tests.unit.calls import CONTEXT
from tests.unit.cloud import forget_settings
from tests.unit.conftest import Answer
from tests.unit.faults import Faults, Mode
from tests.unit.test_rights import JOURNEYS, World, world

__all__ = ["world"]

# No client repeats by itself what operators ask for, and a person looks at what came of it.
EXEMPT = {
    "ImportUsers",
    "ExportUsers",
    "IndexUsers",
    "SendTestMail",
    "OperatorRead",
    "OperatorChange",
}
FUNCTIONS = [name for name in rights.FUNCTIONS if name not in EXEMPT]
PATIENT = {"unavailable", "aborted"}
"""What a caller may be told about a fault: the SDK keeps its session, and the app tries again."""
TABLES = {"Accounts": ("pk",), "Grants": ("pk", "sk")}
# What counts tries. A fault between the try and its end may leave one or two counted.
COUNTERS = re.compile(r"total|h\d+|guesses|sends|revision|(counted_)?sign_ins")
# What holds nothing else.
COUNTING = re.compile(r"(SOURCE#|STORM#|SEND-IP#|CAPTCHA-IP#|MAILS|SEND#.* STRANGERS#)")
# What is random, or follows from it.
CHANCE = {"seed", "spent", "sids", "wrapped", "modulus"}
# More sessions than a batch deletes.
CROWD = 30
# What tells of a fault, or of a second try, and changes nothing else.
TRACES = {"queued_again", "claimed_until"}
ID = re.compile(r"[a-z2-7]{26}")


@dataclass
class Request:
    """What a function was asked, and the state that it was asked in."""

    operation: str
    event: Any
    items: dict[str, list[dict[str, Any]]]
    at: int
    variables: dict[str, str]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash nothing, and make no new clients: a cold container is one that has no keys."""
    prefix = passwords._PREFIX
    monkeypatch.setattr(passwords, "_hash", lambda password: f"{prefix}{password}")
    monkeypatch.setattr(passwords, "_verify", lambda _, typed, stored: f"{prefix}{typed}" == stored)
    monkeypatch.setattr(test_rights, "start_container", cold)
    monkeypatch.setattr(start, "MOST_SESSIONS", CROWD // 2)


def cold() -> None:
    keyring.forget_keys()
    storm.forget()
    ceiling.forget()
    forget_settings()


class Stage:
    """Where requests are sent again."""

    def __init__(self, world: World) -> None:
        self.now, self.configure = world.now, world.configure
        self.mails: list[object] = []
        world.patch.setattr(send, "send", self.mails.append)
        self.faults = Faults()

    def set(self, request: Request) -> None:
        """Bring back the state that a request was sent in, in a cold container without mails."""
        self.configure(**request.variables)
        for table, wanted in request.items.items():
            _replace(table, wanted)
        reset_model_data()  # moto keeps a copy of every item that it has ever had
        self.faults.queued.clear()
        self.mails.clear()
        self.now.time = request.at
        cold()

    def send(self, request: Request, at: int = -1, mode: str = "") -> Any:
        """Send a request, and return the answer; None if the function has failed."""
        self.faults.arm(at, mode)
        try:
            reply = calls.app(request.operation)(copy.deepcopy(request.event), CONTEXT)
        except Exception:
            assert mode, "it fails without a fault"
            return None
        return Answer.of(reply) if isinstance(reply, dict) and "statusCode" in reply else reply

    def state(self) -> "State":
        """Return what there is now."""
        self.faults.arm()
        items = [i for table in TABLES for i in _scan(table)]
        return State(
            Counter(
                json.dumps(_essence(item), sort_keys=True, default=str)
                for item in items
                if not re.match(r"SESSION(-DEVICE)?#other", item.get("sk", {}).get("S", ""))
                and not COUNTING.match(f"{item['pk']['S']} {item.get('sk', {}).get('S', '')}")
            ),
            Counter(map(_kind, self.faults.queued)),
            len(self.mails),
        )


@dataclass
class State:
    """What a request has left, without what is random and without the counters of tries."""

    items: Counter[str]
    messages: Counter[str]
    mails: int


def _scan(table: str) -> list[dict[str, Any]]:
    pages = aws.dynamodb().get_paginator("scan").paginate(TableName=table)
    return [item for page in pages for item in page["Items"]]


def _replace(table: str, wanted: list[dict[str, Any]]) -> None:
    def key(item: dict[str, Any]) -> str:
        return str([item[name] for name in TABLES[table]])

    there = {key(item): item for item in _scan(table)}
    kept = {key(item) for item in wanted}
    for found, item in there.items():
        if found not in kept:
            aws.dynamodb().delete_item(
                TableName=table, Key={name: item[name] for name in TABLES[table]}
            )
    for item in wanted:
        if there.get(key(item)) != item:
            aws.dynamodb().put_item(TableName=table, Item=item)


def _essence(value: Any) -> Any:
    if isinstance(value, dict):
        kept = (n for n in value if n not in CHANCE | TRACES and not COUNTERS.fullmatch(n))
        return {name: _essence(value[name]) for name in kept}
    if isinstance(value, list):
        return [_essence(one) for one in value]
    return ID.sub("*", value) if isinstance(value, str) else value


def _kind(body: str) -> str:
    message = json.loads(body)
    return str(message.get("notice", {}).get("kind", "code"))


@pytest.fixture
def requests(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[Request]]:
    """Return a function that takes the journey of a function, and returns what it was asked."""
    heard: list[Request] = []
    original = calls.handler

    def handler(operation: str) -> Any:
        run = original(operation)

        def listen(event: Any, context: Any) -> Any:
            items = {table: _scan(table) for table in TABLES}
            heard.append(
                Request(operation, copy.deepcopy(event), items, world.now.time, variables.copy())
            )
            return run(event, context)

        return listen

    variables: dict[str, str] = {}
    configure = world.configure

    def note(**changed: object) -> None:
        variables.update({name: str(value) for name, value in changed.items()})
        configure(**changed)

    def take(function: str) -> list[Request]:
        for module in (calls, mailbox, test_rights):
            monkeypatch.setattr(module, "handler", handler)
        world.configure = note
        # A failure that is counted twice must not lead to a captcha.
        world.configure(captcha="off")
        monkeypatch.setattr(World, "paid", lambda _: "client_id=my-app")
        world.crowd_size = CROWD
        JOURNEYS[function](world)
        world.configure = configure
        asked = [one for one in heard if rights.function_of(one.operation) == function]
        # The test repeats requests itself.
        return [one for i, one in enumerate(asked) if one.event not in [o.event for o in asked[:i]]]

    return take


@pytest.fixture
def stage(world: World) -> Iterator[Callable[[], Stage]]:
    """Return a function that makes the stage, after the journey."""
    made: list[Stage] = []

    def make() -> Stage:
        made.append(Stage(world))
        return made[0]

    yield make
    for one in made:
        one.faults.stop()


# It changes the table itself, which no stage brings back (test_protect_accounts.py lets it fail).
@pytest.mark.parametrize("function", [one for one in FUNCTIONS if one != "ProtectAccounts"])
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_fault_of_aws_neither_loses_nor_doubles_anything(
    requests: Callable[[str], list[Request]], stage: Callable[[], Stage], function: str
):
    # A mail whose hook fails stays claimed until its mailer must be gone, and is tried again then
    # (test_hooks.py): a fault beside it has nothing to lose.
    asked = [one for one in requests(function) if "message_function_arn" not in one.variables]
    assert asked, "its journey does not call it"
    there, seen = stage(), set[str]()
    wrong = [problem for one in asked for problem in _problems(there, one, seen)]
    assert not wrong, "\n".join(wrong)


@dataclass
class Clean:
    """What a request and its repeat bring without a fault."""

    answers: tuple[Any, Any]
    states: tuple[State, State]


def _problems(there: Stage, request: Request, seen: set[str]) -> Iterator[str]:
    there.set(request)
    first = there.send(request)
    made, once = there.faults.calls, there.state()
    branch = f"{made} {_outcome(first)}"
    if branch in seen:
        return
    seen.add(branch)
    clean = Clean((first, there.send(request)), (once, there.state()))
    for at, call in enumerate(made):
        for mode in there.faults.modes(call, at):
            place = f"{request.operation}: {call} ({at + 1} of {len(made)}) {mode}: "
            yield from (place + p for p in _strike(there, request, clean, at, call, mode))


def _strike(
    there: Stage, request: Request, clean: Clean, at: int, call: str, mode: Mode
) -> Iterator[str]:
    there.set(request)
    answer = there.send(request, at, mode)
    assert there.faults.struck
    expected = list(map(_outcome, clean.answers))
    if not (_outcome(answer) in expected or _refusal(answer) in PATIENT or _is_cautious(answer)):
        yield f"answers {_outcome(answer)}, not {expected}"
    repeat = there.send(request)
    cautious = _is_cautious(repeat)
    while not isinstance(repeat, Answer) and _outcome(repeat) not in expected:
        there.now.time += delivery.CLAIM_SECONDS  # until another mailer may send the mail
        assert there.now.time < request.at + 3 * delivery.CLAIM_SECONDS
        repeat = there.send(request)
    if _outcome(repeat) not in expected and not cautious:
        yield f"answers {_outcome(repeat)} to the repeat, not {expected}"
    same = clean.answers[0] == clean.answers[1]
    if same and _outcome(answer) == expected[0] and repeat != answer and not cautious:
        yield "gives the repeat another answer"
    state = there.state()
    if state.items not in [one.items for one in clean.states]:
        once = clean.states[0].items
        yield f"leaves {state.items - once} instead of {once - state.items}"
    mails = [one.mails for one in clean.states]
    # A mail whose sending could not be noted is sent again.
    if not min(mails) <= state.mails <= max(mails) + (call in ("UpdateItem", "PutItem")):
        yield f"sends {state.mails} mails, not {mails}"
    for kind in {*state.messages, *clean.states[0].messages}:
        numbers = [one.messages[kind] for one in clean.states]
        fewest, most = min(numbers), max(numbers)
        if call == "SendMessage" and mode != "throttled":
            most += 1  # one mail for each code, however often it is queued (test_repeats.py)
        if kind != "code" and (mode == "lost" or call == "SendMessage"):
            fewest = 0  # the history tells it too
        if not fewest <= state.messages[kind] <= most:
            yield f"queues {state.messages[kind]} times {kind!r}, not {numbers}"


def _outcome(answer: Any) -> object:
    if isinstance(answer, Answer):
        return answer.status, answer.get("error"), frozenset(answer)
    return _essence(answer)


def _is_cautious(answer: Any) -> bool:
    """Return whether a code is not evaluated, because the deployment's counters are not known
    (limits/storm.py): then they count as a storm for a minute.
    """
    said = str(answer.get("error_description")) if isinstance(answer, Answer) else ""
    return said == errors.TooManyGuesses.message


def _refusal(answer: Any) -> str:
    """Return the word of a refusal. Where nobody waits, a function may fail: it is repeated."""
    return str(answer.get("error")) if isinstance(answer, Answer) else "unavailable"
