"""Notes what each operation needs of AWS, in every unit test, and whether it may have it."""

import functools
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from latchkey import aws
from tests import rights

# The operations that run, the innermost last: a test's stand-in may call another one.
_running: list[str] = []
# By function.
needed: dict[str, set[rights.Need]] = defaultdict(set)


def listen() -> None:
    """Note the calls of all clients that are made from now on."""
    aws.session().events.register("provide-client-params", _note)


def forget() -> None:
    """Forget what was noted."""
    needed.clear()


def noting(operation: str, handler: Callable[..., Any]) -> Callable[..., Any]:
    """Return the handler of an operation so that its calls are noted as its own."""

    @functools.wraps(handler)
    def run(event: Any, context: Any) -> Any:
        _running.append(operation)
        try:
            return handler(event, context)
        finally:
            _running.pop()

    return run


def refused() -> list[tuple[str, rights.Need]]:
    """Return what was needed of a resource of the template and is not allowed."""
    return [
        (function, need)
        for function, needs in needed.items()
        for need in needs
        # Any other name is of a test that wants the call to fail.
        if need.resource in {*rights.RESOURCES, "SES", "?"}
        if not any(right.allows(need) for right in rights.allowed(function))
    ]


def _note(**event: Any) -> None:
    if _running:
        model = event["model"]
        found = rights.needs(model.service_model.service_name, model.name, event["params"])
        needed[rights.function_of(_running[-1])].update(found)
