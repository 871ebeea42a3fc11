"""What each command gets: the deployment and the output."""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

import typer

from latchkey_cli.deployment import Deployment
from latchkey_cli.output import Output


@dataclass(frozen=True)
class Context:
    """The deployment that a command speaks to, and where its results go."""

    deployment: Deployment
    output: Output


Typer: TypeAlias = typer.Context
Who = Annotated[str, typer.Argument(help="An address, a user name or an id.")]


def of(context: Typer) -> Context:
    """Return what main.py has put into typer's context."""
    found = context.obj
    assert isinstance(found, Context)  # noqa: S101 - main.options runs before each command
    return found


def parts(context: Typer) -> tuple[Deployment, Output]:
    """Return the deployment and the output."""
    found = of(context)
    return found.deployment, found.output
