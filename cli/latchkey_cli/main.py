"""`latchkey`: run a deployment. Users, sessions, mail, keys, import and export."""

import sys
from typing import Annotated

import typer

from latchkey_cli import diagnosis, guide, mail, sessions, transfer, users
from latchkey_cli.context import Context
from latchkey_cli.deployment import Deployment, default_local_port
from latchkey_cli.output import Output, errors
from latchkey_cli.problems import Problem

app = typer.Typer(
    help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich"
)
app.add_typer(users.app, name="users", help="Find, show, create, change and delete users.")
app.add_typer(sessions.app, name="sessions", help="List and end the sessions of a user.")
app.add_typer(mail.suppressions, name="suppressions", help="Addresses that get no mail.")
app.add_typer(mail.app, name="mail", help="Try the sender out.")
app.add_typer(mail.keys, name="keys", help="Keys that sign and verify.")
app.command("history")(sessions.history)
app.command("import")(transfer.import_)
app.command("export")(transfer.export)
app.command("doctor")(diagnosis.doctor)
app.command("logs")(diagnosis.logs)
app.command("setup")(guide.setup)


@app.callback()
def options(
    context: typer.Context,
    stack: Annotated[
        str, typer.Option(envvar="LATCHKEY_STACK", help="The name of the stack.")
    ] = "latchkey",
    region: Annotated[
        str | None,
        typer.Option(envvar="AWS_REGION", help="The region of the stack; else your profile's."),
    ] = None,
    profile: Annotated[str | None, typer.Option(help="Your profile of AWS.")] = None,
    local: Annotated[
        bool, typer.Option("--local", help="The local stack, which `make run` starts.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Choose the deployment, and how results are shown."""
    context.obj = Context(
        Deployment(stack, region, profile, default_local_port() if local else None),
        Output(as_json=as_json),
    )


def run() -> None:
    """Run the command, and say in a sentence why it cannot do its work."""
    try:
        app()
    except Problem as problem:
        errors.print(f"[red]✗[/red] {problem}", markup=True, soft_wrap=True)
        sys.exit(problem.code)


if __name__ == "__main__":
    run()
