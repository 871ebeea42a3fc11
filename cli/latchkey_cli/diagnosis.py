"""`latchkey doctor` and `latchkey logs`."""

import json
import time
from typing import Annotated, Any

import typer

from latchkey_cli import checks
from latchkey_cli import context as contexts
from latchkey_cli.context import Typer
from latchkey_cli.output import console
from latchkey_cli.problems import UNHEALTHY, Problem, explained

_MARKS = {
    "ok": "[green]✓[/green]",
    "warn": "[yellow]![/yellow]",
    "bad": "[red]✗[/red]",
    "none": "–",
}
_HIDDEN = {"level", "service", "cold_start", "function_name", "timestamp", "message"}


def doctor(
    context: Typer,
    to: Annotated[
        str, typer.Option(help="An address without an account: mail and sign-in are tried too.")
    ] = "",
    inbox: Annotated[
        str, typer.Option(help="Where codes are read without asking, on a local stack.")
    ] = "",
) -> None:
    """Check a deployment: API, sender, DNS, quotas, alarms, keys, queues. With --to, sign up by a
    real mail, and delete the account again.
    """
    found = contexts.of(context)
    results: list[checks.Result] = []
    for run in checks.ALL:
        with console.status(run.__doc__ or ""):
            for result in run(found.deployment):
                results.append(result)
                if not found.output.as_json:
                    _show(result)
    if to:
        for result in checks.journey(found.deployment, to, inbox):
            results.append(result)
            if not found.output.as_json:
                _show(result)
    found.output.value([vars(result) for result in results])
    if any(result.state == "bad" for result in results):
        raise typer.Exit(UNHEALTHY)


def _show(result: checks.Result) -> None:
    console.print(f"{_MARKS[result.state]} [bold]{result.name}[/bold]  ", end="", markup=True)
    console.print(result.text, markup=False)


def logs(
    context: Typer,
    request_id: Annotated[str, typer.Argument(help="The request_id of an answer.")],
    hours: Annotated[int, typer.Option(min=1, help="How far to look back.")] = 24,
) -> None:
    """Show what the log has of a request: each line with its facts."""
    found = contexts.of(context)
    if '"' in request_id or not request_id:
        raise Problem("This is no request id.", 2)
    group = found.deployment.outputs["LogGroup"]
    client = found.deployment.client("logs")
    lines: list[dict[str, Any]] = []
    with explained("logs:FilterLogEvents", f"log-group:{group}:*"):
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=group,
            startTime=int((time.time() - hours * 3600) * 1000),
            filterPattern=f'"{request_id}"',
        )
        for page in pages:
            for event in page["events"]:
                try:
                    lines.append(json.loads(event["message"]))
                except ValueError:
                    lines.append({"message": event["message"].strip()})
    if found.output.value(lines):
        return
    if not lines:
        raise Problem(f"No line of the last {hours} hours has this id: --hours looks further back.")
    for line in lines:
        facts = {name: value for name, value in line.items() if name not in _HIDDEN}
        console.print(f"{line.get('timestamp', '')} [bold]{line.get('message', '')}[/bold]")
        for name, value in facts.items():
            console.print(f"    {name}: {value}", markup=False)
