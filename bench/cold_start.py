"""`make bench`: what a cold start costs, beside that of a handler that only makes a client.

All run under Lambda's own bootstrap in new processes, in turn, so that whatever else the machine
does disturbs them alike. Processor time is that of the process until its first answer; wall time is
from its start to that answer. The operations answer real requests of a real account, against a
local stack, from the layer as it is built for Lambda, with bytecode. The bare handler has the boto3
that Lambda brings, makes one DynamoDB client and answers.

`--imports` also adds up what each package takes to import.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.account import PARAMETERS, Account
from local import runtime, variables
from local.runtime import Outcome
from tests.e2e.stack import ROOT, Stack, running

RUNS = 18
# By processor time.
AIMS = {"sign_in": 1.60, "grant_token": 1.45, "get_user": 1.45, "send_code": None}
BARE = """import boto3

client = boto3.client("dynamodb")


def handler(event, context):
    return {"statusCode": 200, "body": "{}"}
"""
GROUPS = {
    "boto3": ("boto3", "botocore", "s3transfer", "urllib3", "jmespath", "dateutil", "six"),
    "pydantic": (
        "pydantic", "pydantic_core", "annotated_types", "typing_inspection", "typing_extensions",
    ),
    "powertools": ("aws_lambda_powertools",),
    "jwt, cryptography": ("jwt", "cryptography", "_cffi_backend"),
    "passlib, argon2": ("passlib", "argon2", "_argon2_cffi_bindings"),
    "other libraries": ("idna", "jinja2", "markupsafe"),
    "latchkey": ("latchkey", "app"),
}  # fmt: skip
REST = "Python, its library, and Lambda's bootstrap"


@dataclass(frozen=True)
class Start:
    """A function to start, and the event that it then answers."""

    code: Path
    variables: Mapping[str, str]
    event: Callable[[], Mapping[str, Any]]
    layers: tuple[Path, ...] = ()

    def run(self, **more: str) -> Outcome:
        """Start a container, and return what came of it."""
        outcome = runtime.invoke(self.code, self.event(), {**self.variables, **more}, *self.layers)
        if outcome.kind != "response" or outcome.body["statusCode"] != 200:
            raise SystemExit(f"no success: {outcome}")
        return outcome


def main() -> None:
    """Start a stack, measure, and print the medians and their ratios."""
    options = argparse.ArgumentParser(prog="python -m bench.cold_start", description=__doc__)
    options.add_argument("--runs", type=int, default=RUNS)
    options.add_argument("--imports", action="store_true")
    given = options.parse_args()
    with starts() as cases:
        table(measure(cases, given.runs))
        if given.imports:
            imports(cases)


@contextmanager
def starts() -> Iterator[dict[str, Start]]:
    """Return what is started: the bare handler, and the operations of an account of a new stack."""
    runtime.compile_libraries()
    with (
        running(ROOT / ".local/bench", PARAMETERS) as stack,
        tempfile.TemporaryDirectory() as folder,
    ):
        bare = Path(folder) / "bare"
        bare.mkdir()
        (bare / "app.py").write_text(BARE)
        account = Account(stack)
        events = {
            "sign_in": account.sign_in_by_password,
            "grant_token": account.refresh,
            "send_code": account.send_code,
            "get_user": account.get_user,
        }
        cases = {"bare boto3": Start(bare, _variables(stack, "sign_in"), dict)}
        for operation, event in events.items():
            code = ROOT / "functions" / operation
            cases[operation] = Start(code, _variables(stack, operation), event, (stack.layer,))
        yield cases


def measure(cases: Mapping[str, Start], runs: int) -> dict[str, list[Outcome]]:
    """Start each so many times, in turn."""
    measured: dict[str, list[Outcome]] = {name: [] for name in cases}
    for turn in range(runs + 1):
        for name, case in cases.items():
            outcome = case.run()
            if turn:  # the first of each only fills the machine's caches
                measured[name].append(outcome)
    return measured


def table(measured: Mapping[str, list[Outcome]]) -> None:
    """Print a line for each; the first is what the others are compared with.

    A ratio is the median of those of each turn, whose starts stand next to each other.
    """
    first, *_ = measured
    print(f"{'':12} processor  ratio  aim      wall  ratio   of it to load")
    for name, outcomes in measured.items():
        processor = _median(o.processor for o in outcomes)
        wall, loaded = _median(o.seconds for o in outcomes), _median(o.loaded for o in outcomes)
        pairs = list(zip(outcomes, measured[first], strict=True))
        ratio = statistics.median(o.processor / floor.processor for o, floor in pairs)
        wall_ratio = statistics.median(o.seconds / floor.seconds for o, floor in pairs)
        aim = f"{AIMS[name]:.2f}" if AIMS.get(name) else ""
        print(
            f"{name:12} {processor:6.0f} ms  {ratio:5.2f}  {aim:4}"
            f" {wall:6.0f} ms  {wall_ratio:5.2f}  {loaded:6.0f} ms"
        )


def imports(cases: Mapping[str, Start], runs: int = 5) -> None:
    """Print what the packages' modules take to import by themselves, in ms, a column per case.

    Python tells wall time, so the quickest of some starts is taken, the one least disturbed.
    """
    columns: dict[str, dict[str, float]] = {}
    for name, case in cases.items():
        each = [_by_group(case.run(PYTHONPROFILEIMPORTTIME="1").log) for _ in range(runs)]
        columns[name] = min(each, key=lambda groups: sum(groups.values()))
    print(f"\n{'imports, ms':44}" + "".join(f"{name:>12}" for name in columns))
    for group in [*GROUPS, REST]:
        print(f"{group:44}" + "".join(f"{column[group]:12.1f}" for column in columns.values()))
    sums = (sum(column.values()) for column in columns.values())
    print(f"{'together':44}" + "".join(f"{total:12.1f}" for total in sums))


def _by_group(log: str) -> dict[str, float]:
    """Add up the lines of `-X importtime`: own microseconds | with its imports | module."""
    groups = {package: group for group, packages in GROUPS.items() for package in packages}
    found = dict.fromkeys([*GROUPS, REST], 0.0)
    for line in log.splitlines():
        if line.startswith("import time:") and "imported package" not in line:
            own, _, module = line.removeprefix("import time:").split("|")
            found[groups.get(module.strip().partition(".")[0], REST)] += int(own) / 1000
    return found


def _median(seconds: Iterator[float]) -> float:
    return statistics.median(seconds) * 1000


def _variables(stack: Stack, operation: str) -> dict[str, str]:
    return variables.read(stack.home, operation.title().replace("_", ""))


if __name__ == "__main__":
    main()
