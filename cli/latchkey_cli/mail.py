"""`latchkey mail test`, `latchkey suppressions ...` and `latchkey keys ...`."""

from typing import Annotated

import typer

from latchkey_cli import context as contexts
from latchkey_cli.context import Typer
from latchkey_cli.output import console
from latchkey_cli.problems import REFUSED

app = typer.Typer(no_args_is_help=True)
suppressions = typer.Typer(no_args_is_help=True)
keys = typer.Typer(no_args_is_help=True)


@app.command("test")
def send_test(
    context: Typer,
    to: Annotated[str, typer.Argument(help="Who gets the mail.")],
    language: Annotated[str, typer.Option(help="en, zh-CN, ja, es, de or fr.")] = "en",
    kind: Annotated[str, typer.Option(help="Which mail.")] = "confirm",
) -> None:
    """Send a test mail through each sender that is set up, and say which step fails."""
    found = contexts.of(context)
    report = found.deployment.call("mail.test", to=to, language=language, kind=kind)
    if not found.output.value(report):
        for problem in report.get("problems", []):
            console.print(f"[red]✗[/red] {problem}", markup=True)
        for sender in report.get("senders", []):
            found.output.facts(sender)
    if not report["accepted"]:
        raise typer.Exit(REFUSED)


@suppressions.command("list")
def list_(context: Typer) -> None:
    """List addresses that bounced or complained, and get no mail for now."""
    found = contexts.of(context)
    found.output.table(
        found.deployment.call("suppressions.list"),
        {"address": "address", "reason": "why", "since": "since", "until": "until"},
    )


@suppressions.command("lift")
def lift(context: Typer, email: Annotated[str, typer.Argument(help="The address.")]) -> None:
    """Send mail to an address again."""
    found = contexts.of(context)
    found.output.done(found.deployment.call("suppressions.lift", email=email))


@keys.command("list")
def list_keys(context: Typer) -> None:
    """List the keys by id, purpose and age. No key is shown."""
    found = contexts.of(context)
    found.output.table(
        found.deployment.call("keys.list"),
        {"id": "id", "purpose": "for", "active_at": "since", "current": "in use"},
    )


@keys.command("rotate")
def rotate(
    context: Typer,
    compromised: Annotated[
        bool, typer.Option(help="Sign at once, and drop the old ones: everybody signs in again.")
    ] = False,
    issuer: Annotated[str, typer.Option(help="Only after the keyring was lost.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Make new keys, which sign from tomorrow on; with --compromised, at once."""
    found = contexts.of(context)
    if compromised and not yes:
        typer.confirm("End all sessions of all users?", abort=True, err=True)
    reason = "compromised" if compromised else "asked"
    made = found.deployment.call("keys.rotate", reason=reason, issuer=issuer)["made"]
    if not found.output.value({"made": made}):
        console.print(f"[green]✓[/green] New keys: {', '.join(made) or 'none'}.")
