"""`python -m local.invoke SignIn events/sign_in.json`: let a function answer an event, without
Docker.

The function runs as it is in the working tree, in a container's stead under Lambda's own bootstrap,
with the variables and the layers of the local stack, which must run. Its log goes to standard
error, its answer as JSON to standard output.
"""

import argparse
import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

from local import runtime, variables
from local.stack import ROOT, StackError
from local.template import template


def main() -> int:
    """Print the answer. Return 1 if there is none, and say why in one sentence."""
    parser = argparse.ArgumentParser(prog="python -m local.invoke", description=__doc__)
    home = Path(os.environ.get("LOCAL_HOME", ROOT / ".local/run"))
    parser.add_argument("--home", type=Path, default=home, help="the stack's home (LOCAL_HOME)")
    parser.add_argument("function", help="its name in template.yaml")
    parser.add_argument("event", nargs="?", default="", help="a file (events/<operation>.json)")
    options = parser.parse_args()
    try:
        outcome = _invoke(options.home.resolve(), options.function, options.event)
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    print(outcome.log, end="", file=sys.stderr)
    if outcome.kind != "response":
        reason = (outcome.body or {}).get("errorMessage") or "it ended without an answer"
        print(f"{options.function} failed: {reason}", file=sys.stderr)
        return 1
    print(json.dumps(outcome.body, indent=2, ensure_ascii=False))
    return 0


def _invoke(home: Path, function: str, event: str) -> runtime.Outcome:
    """Let a function answer. Raises StackError if anything that it needs is missing."""
    properties = template()["Resources"].get(function, {}).get("Properties", {})
    if "CodeUri" not in properties:
        known = ", ".join(sorted(n for n in variables.declared()))
        raise StackError(f"FN: the template has no function {function!r}, only {known}")
    code = ROOT / properties["CodeUri"]
    content = _read(Path(event) if event else ROOT / "events" / f"{code.name}.json")
    environment = variables.read(home, function)
    _check(environment["AWS_ENDPOINT_URL"], home)
    # The package as it is now hides the one in the layer, from which all libraries come.
    package = ROOT / "layers/core/python"
    return runtime.invoke(code, content, environment, package, *runtime.layers(home, function))


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise StackError(f"EVENT: {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise StackError(f"EVENT: {path} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise StackError(f"EVENT: {path} is not a JSON object")
    if "ResponseURL" in content:
        # The answer would go to AWS, and the stack's tokens would get the issuer of the event.
        raise StackError(f"EVENT: {path} is of CloudFormation, which asks at each `make run`")
    return content


def _check(end_point: str, home: Path) -> None:
    try:
        urllib.request.urlopen(f"{end_point}/_ministack/ready", timeout=20).close()
    except OSError:
        raise StackError(variables.NOT_RUNNING.format(home)) from None


if __name__ == "__main__":
    sys.exit(main())
