"""`latchkey import` and `latchkey export`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from latchkey_cli import context as contexts
from latchkey_cli import exporting, importing
from latchkey_cli.context import Typer
from latchkey_cli.formats.reading import FORMATS, Options
from latchkey_cli.output import console, errors
from latchkey_cli.problems import REFUSED

# So many refused rows are shown; --json has all.
_SHOWN = 20


def import_(
    context: Typer,
    source: Annotated[Path, typer.Argument(help="The file.", exists=True, dir_okay=False)],
    form: Annotated[str, typer.Option("--format", help=f"Whose format: {', '.join(FORMATS)}.")],
    dry_run: Annotated[bool, typer.Option(help="Say what would happen, and write nothing.")] = True,
    state: Annotated[
        Path | None, typer.Option(help="A file that remembers what is done, to go on from.")
    ] = None,
    rate: Annotated[
        int, typer.Option(min=1, help="The most users a second.")
    ] = importing.ROWS_A_SECOND,
    hashes: Annotated[
        Path | None, typer.Option(help="Auth0: the export of password hashes.", exists=True)
    ] = None,
    signer_key: Annotated[str, typer.Option(help="Firebase: base64_signer_key.")] = "",
    salt_separator: Annotated[str, typer.Option(help="Firebase: likewise.")] = "Bw==",
    rounds: Annotated[int, typer.Option(help="Firebase: rounds.")] = 8,
    memory_cost: Annotated[int, typer.Option(help="Firebase: mem_cost.")] = 14,
) -> None:
    """Bring users along with their passwords. It only reports until you add --no-dry-run."""
    deployment, output = contexts.parts(context)
    with _progress() as progress:
        task = progress.add_task("users")
        report = importing.run(
            source,
            form,
            lambda act, request: dict(deployment.call(act, **request)),
            dry_run=dry_run,
            on_progress=lambda done: progress.update(task, completed=done),
            options=Options(hashes, signer_key, salt_separator, rounds, memory_cost),
            state=state,
            rows_a_second=rate,
        )
    # asdict() cannot copy a Counter.
    told = vars(report) | {"troubles": [vars(trouble) for trouble in report.troubles]}
    if not output.value(told):
        _show(report)
    if report.unfinished or report.results["refused"]:
        raise typer.Exit(REFUSED)


def export(
    context: Typer,
    target: Annotated[Path, typer.Argument(help="The file, which must not exist.")],
    recipient: Annotated[
        str | None, typer.Option(help="A public key of age (age1...) to encrypt to.")
    ] = None,
) -> None:
    """Write all users with the hashes of their passwords, as JSON Lines. The deployment must have
    UserExport=on.
    """
    deployment, output = contexts.parts(context)
    with _progress() as progress:
        task = progress.add_task("users")
        count = exporting.run(
            target,
            lambda act, request: dict(deployment.call(act, **request)),
            recipient=recipient,
            on_progress=lambda done: progress.update(task, completed=done),
        )
    output.done({"users": count, "message": f"{count} users are in {target}."})


def _progress() -> Progress:
    """Return a bar on standard error, which counts users."""
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} users"), TimeElapsedColumn())
    return Progress(*columns, console=errors, transient=True)


def _show(report: importing.Report) -> None:
    def line(title: str, counts: dict[str, Any]) -> None:
        if counts:
            told = ", ".join(
                f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items()
            )
            console.print(f"{title:10} {told}", markup=False)

    line(
        "Rows", {"read": report.rows} | ({"done before": report.skipped} if report.skipped else {})
    )
    line("Result", report.results)
    line("Passwords", report.schemes)
    line("Left out", report.left_out)
    line("Refused", report.reasons)
    for trouble in report.troubles[:_SHOWN]:
        console.print(f"  line {trouble.line}: {trouble.message}", markup=False)
    if len(report.troubles) > _SHOWN:
        console.print(
            f"  and {len(report.troubles) - _SHOWN:,} more: --json has them", markup=False
        )
    if report.unfinished:
        errors.print(f"[red]✗[/red] It has not finished. {report.unfinished}", soft_wrap=True)
    elif report.dry_run:
        console.print("Nothing was written: --no-dry-run imports them.")
