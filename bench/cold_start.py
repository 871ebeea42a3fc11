"""`make bench`: a cold start of `sign_in`, beside that of a handler that only imports boto3.

Both run under Lambda's own bootstrap in new processes, in turn, and are timed from the start of the
process to the first answer. `sign_in` signs a real account in by its password, against a local
stack; the other makes one DynamoDB client and answers. The layer has bytecode, as built for Lambda.

`--imports` also lists what takes longest to import.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path

import httpx

from tests.e2e import lambda_runtime
from tests.e2e.client import Device, Inbox, new_address
from tests.e2e.lambda_runtime import Outcome
from tests.e2e.stack import ROOT, Stack, running

RUNS = 15
AIM = 1.8
PASSWORD = "engine1843"  # noqa: S105 - of an account that lives for the bench
BARE = """import boto3

client = boto3.client("dynamodb")


def handler(event, context):
    return {"statusCode": 200, "body": "{}"}
"""


def main() -> None:
    """Start a stack, measure, and print the medians and their ratio."""
    options = argparse.ArgumentParser(prog="python -m bench.cold_start", description=__doc__)
    options.add_argument("--runs", type=int, default=RUNS)
    options.add_argument("--imports", action="store_true")
    given = options.parse_args()
    lambda_runtime.compile_libraries()
    parameters = "CodeCooldownSeconds=0"
    with (
        running(ROOT / ".local/bench", parameters) as stack,
        tempfile.TemporaryDirectory() as folder,
    ):
        bare = Path(folder) / "bare"
        bare.mkdir()
        (bare / "app.py").write_text(BARE)
        event = _sign_in_event(stack)
        variables = lambda_runtime.variables(stack, "SignIn")

        def sign_in(**more: str) -> Outcome:
            code = ROOT / "functions/sign_in"
            return lambda_runtime.invoke(code, event, variables | more, stack.layer)

        def floor(**more: str) -> Outcome:
            return lambda_runtime.invoke(bare, event, variables | more, None)

        measured: dict[str, list[Outcome]] = {"bare boto3": [], "sign_in": []}
        for turn in range(given.runs + 1):
            for name, start in (("bare boto3", floor), ("sign_in", sign_in)):
                outcome = _checked(start())
                if turn:  # the first of each only fills the machine's caches
                    measured[name].append(outcome)
        for name, outcomes in measured.items():
            times = sorted(outcome.seconds * 1000 for outcome in outcomes)
            loaded = statistics.median(outcome.loaded * 1000 for outcome in outcomes)
            print(
                f"{name:10}  median {statistics.median(times):4.0f} ms, {loaded:3.0f} of it to load"
                f" ({len(times)} starts, {times[0]:.0f} to {times[-1]:.0f})"
            )
        median = {
            name: statistics.median(outcome.seconds for outcome in outcomes)
            for name, outcomes in measured.items()
        }
        ratio = median["sign_in"] / median["bare boto3"]
        print(f"ratio       {ratio:.2f}  (aim: {AIM} or less)")
        if given.imports:
            for name, start in (("bare boto3", floor), ("sign_in", sign_in)):
                print(f"\nlongest imports of {name}, in ms with all that they import:")
                print(_longest(start(PYTHONPROFILEIMPORTTIME="1").log))


def _sign_in_event(stack: Stack) -> dict[str, object]:
    """Register an account, and return the event of its sign-in."""
    address = new_address()
    seen: set[str] = set()
    with (
        httpx.Client(base_url=stack.api, timeout=60) as api,
        httpx.Client(base_url=stack.inbox) as mails,
    ):
        Device(api, Inbox(mails, seen), seen).register(address, password=PASSWORD)
    event: dict[str, object] = json.loads((ROOT / "events/sign_in.json").read_text())
    return event | {"body": json.dumps({"username": address, "password": PASSWORD})}


def _checked(outcome: Outcome) -> Outcome:
    if outcome.kind != "response" or outcome.body["statusCode"] != 200:
        raise SystemExit(f"no success: {outcome}")
    return outcome


def _longest(log: str, count: int = 25) -> str:
    """The slowest lines of `-X importtime`: own microseconds | with its imports | module."""
    found = []
    for line in log.splitlines():
        if line.startswith("import time:") and "imported package" not in line:
            own, total, module = line.removeprefix("import time:").split("|")
            found.append((int(total), int(own), module.strip()))
    lines = sorted(found, reverse=True)[:count]
    return "\n".join(f"{total / 1000:7.1f} ({own / 1000:5.1f} own)  {m}" for total, own, m in lines)


if __name__ == "__main__":
    main()
