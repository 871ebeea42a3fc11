"""`latchkey sessions ...` and `latchkey history`."""

from typing import Annotated, Any

import typer

from latchkey_cli import context as contexts
from latchkey_cli.context import Typer, Who

app = typer.Typer(no_args_is_help=True)
# The most that a page has (operators/listing.py in the layer).
PAGE = 100
SESSIONS = {
    "sid": "id",
    "client_id": "client",
    "ip": "address",
    "user_agent": "program",
    "created_at": "since",
    "refreshed_at": "last used",
}
DEVICES = {"device": "device", "known_since": "since", "signed_in_at": "last sign-in"}
FAILURES = {"lane": "from", "count": "tries", "since": "since", "spent": "refused now"}
CODES = {
    "verification_id": "id",
    "state": "state",
    "delivery": "mail",
    "wrong_guesses": "wrong",
    "created_at": "asked",
    "expires_at": "until",
}
HISTORY = {
    "created_at": "when",
    "action": "what",
    "ip": "address",
    "client_id": "client",
    "description": "more",
}


@app.command("list")
def list_sessions(context: Typer, who: Who) -> None:
    """List where a user is signed in."""
    deployment, output = contexts.parts(context)
    output.table(deployment.call("users.show", user=who)["sessions"], SESSIONS)


@app.command("end")
def end_session(
    context: Typer, who: Who, sid: Annotated[str, typer.Argument(help="The id of the session.")]
) -> None:
    """End one session of a user."""
    deployment, output = contexts.parts(context)
    output.done(deployment.call("sessions.end", user=who, sid=sid))


def history(
    context: Typer,
    who: Who,
    most: Annotated[int, typer.Option(min=1, help="How many entries.")] = 20,
) -> None:
    """Show what happened to an account in the last 90 days, newest first."""
    deployment, output = contexts.parts(context)
    found: list[dict[str, Any]] = []
    cursor = ""
    while len(found) < most:
        page = deployment.call(
            "users.history", user=who, limit=min(PAGE, most - len(found)), cursor=cursor
        )
        found += page["data"]
        cursor = page.get("page_token") or ""
        if not cursor:
            break
    output.table(found, HISTORY)
