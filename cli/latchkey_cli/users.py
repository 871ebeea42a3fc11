"""`latchkey users ...`."""

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from latchkey_cli import context as contexts
from latchkey_cli import sessions
from latchkey_cli.context import Typer, Who
from latchkey_cli.output import console, errors
from latchkey_cli.problems import Problem

app = typer.Typer(no_args_is_help=True)

Sure = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether you are sure.")]
Groups = Annotated[list[str] | None, typer.Option("--group", help="Can be given several times.")]
_COLUMNS = {
    "sub": "id",
    "email": "address",
    "username": "user name",
    "status": "status",
    "email_verified": "verified",
    "groups": "groups",
    "created_at": "created",
    "last_sign_in_at": "last seen",
}


@app.command("list")
def list_(
    context: Typer,
    prefix: Annotated[str, typer.Argument(help="What the address or user name begins with.")] = "",
    by: Annotated[str, typer.Option(help="The order: created, address or username.")] = "",
    created_since: Annotated[str, typer.Option(help="A day or a time, such as 2026-11-28.")] = "",
    created_until: Annotated[str, typer.Option(help="Likewise.")] = "",
    seen_since: Annotated[str, typer.Option(help="Of the last sign-in. It reads all users.")] = "",
    seen_until: Annotated[str, typer.Option(help="Likewise.")] = "",
    status: Annotated[str | None, typer.Option(help="active or disabled.")] = None,
    group: Annotated[str, typer.Option(help="Only who is in this group.")] = "",
    most: Annotated[int, typer.Option(min=1, help="How many are listed.")] = 50,
) -> None:
    """List users: the newest first, or by address or user name from a prefix on."""
    deployment, output = contexts.parts(context)
    order = by or ("address" if prefix else "created")
    if order not in ("created", "address", "username"):
        raise typer.BadParameter("created, address or username", param_hint="--by")
    request: dict[str, Any] = {
        "order": order,
        "prefix": prefix,
        "newest_first": order == "created",
        "created_from": _seconds(created_since, 0),
        "created_to": _seconds(created_until, 99_999_999_999),
        "seen_from": _seconds(seen_since, 0),
        "seen_to": _seconds(seen_until, 99_999_999_999),
        "status": status,
        "group": group,
    }
    found: list[dict[str, Any]] = []
    cursor = ""
    while len(found) < most:
        limit = min(sessions.PAGE, most - len(found))
        page = deployment.call("users.list", **request, limit=limit, cursor=cursor)
        found += page["users"]
        cursor = page["cursor"]
        if not cursor:
            break
    output.table(found, _COLUMNS)
    if cursor and not output.as_json:
        console.print(f"There may be more: --most {most * 2}", style="dim")


@app.command()
def find(context: Typer, who: Who) -> None:
    """Find one user, and show a line."""
    deployment, output = contexts.parts(context)
    output.table([deployment.call("users.show", user=who)["user"]], _COLUMNS)


@app.command()
def show(context: Typer, who: Who) -> None:
    """Show a user with sessions, devices, failures and codes in flight."""
    deployment, output = contexts.parts(context)
    found = deployment.call("users.show", user=who)
    if output.value(found):
        return
    output.facts(found["user"] | {"gets no mail": found["suppressed"]})
    for title, rows, columns in (
        ("Sessions", found["sessions"], sessions.SESSIONS),
        ("Devices that the account knows", found["devices"], sessions.DEVICES),
        ("Wrong passwords and codes of the last 24 hours", found["failures"], sessions.FAILURES),
        ("Codes in flight", found["codes"], sessions.CODES),
    ):
        console.print(f"\n[bold]{title}[/bold]")
        output.table(rows, columns)


@app.command()
def create(
    context: Typer,
    email: Annotated[str, typer.Argument(help="The address.")],
    username: Annotated[str | None, typer.Option(help="5 to 24 letters, digits, _ or -.")] = None,
    name: Annotated[str | None, typer.Option(help="A name to show.")] = None,
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a password, or read it from a pipe.")
    ] = False,
    verified: Annotated[
        bool, typer.Option(help="You vouch that the address belongs to the user.")
    ] = False,
    group: Groups = None,
) -> None:
    """Create a user, who signs in with a mailed code; with --verified, a password is possible."""
    deployment, output = contexts.parts(context)
    chosen = _password() if password else None
    output.done(
        deployment.call(
            "users.create",
            email=email,
            username=username,
            name=name,
            password=chosen,
            verified=verified,
            groups=group or [],
        )
    )


def _act(context: Typer, act: str, who: str, question: str, *, sure: bool) -> None:
    deployment, output = contexts.parts(context)
    if question and not sure:
        typer.confirm(question.format(who), abort=True, err=True)
    output.done(deployment.call(act, user=who))


@app.command()
def disable(context: Typer, who: Who) -> None:
    """Let a user in no more, end all sessions, and send no mail."""
    _act(context, "users.disable", who, "", sure=True)


@app.command()
def enable(context: Typer, who: Who) -> None:
    """Let a disabled user in again."""
    _act(context, "users.enable", who, "", sure=True)


@app.command()
def delete(context: Typer, who: Who, yes: Sure = False) -> None:
    """Delete a user for good, with everything that belongs to the user."""
    _act(context, "users.delete", who, "Delete {} for good?", sure=yes)


@app.command("sign-out")
def sign_out(context: Typer, who: Who) -> None:
    """End all sessions of a user."""
    _act(context, "users.sign-out", who, "", sure=True)


@app.command()
def unlock(context: Typer, who: Who) -> None:
    """Forget the wrong passwords and codes of an account, so that it can be tried again."""
    _act(context, "users.unlock", who, "", sure=True)


@app.command("require-reset")
def require_reset(context: Typer, who: Who, yes: Sure = False) -> None:
    """Drop a password, all sessions and devices: a mailed code is then the only way in."""
    _act(context, "users.require-reset", who, "Drop the password of {}?", sure=yes)


@app.command("set-email")
def set_email(
    context: Typer,
    who: Who,
    email: Annotated[str, typer.Argument(help="The new address.")],
    verified: Annotated[bool, typer.Option(help="You vouch that it belongs to the user.")] = False,
) -> None:
    """Change an address, end all sessions, and tell the old address. Without --verified, the
    password is gone until a mailed code has proven the address.
    """
    deployment, output = contexts.parts(context)
    output.done(deployment.call("users.set-email", user=who, email=email, verified=verified))


@app.command("set-groups")
def set_groups(
    context: Typer, who: Who, groups: Annotated[list[str] | None, typer.Argument()] = None
) -> None:
    """Put a user into exactly these groups; without any, into none."""
    deployment, output = contexts.parts(context)
    output.done(deployment.call("users.set-groups", user=who, groups=groups or []))


@app.command()
def reindex(context: Typer) -> None:
    """List users who were made before lists existed (0.1.0). It can be repeated."""
    deployment, output = contexts.parts(context)
    items, cursor = 0, ""
    with errors.status("Reading the table ..."):
        while True:
            page = deployment.call("users.reindex", cursor=cursor)
            items += page["items"]
            cursor = page["cursor"]
            if not cursor:
                break
    output.done({"items": items, "message": f"{items} entries were missing, and are there now."})


def _password() -> str:
    """Ask for a password without showing it, or read it from a pipe."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\n")


def _seconds(text: str, default: int) -> int:
    """Return a day or a time, in UTC if it names no zone, as seconds since 1970."""
    if not text:
        return default
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Problem(f"{text} is no day and no time: 2026-11-28, or 2026-11-28T09:30", 2) from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
