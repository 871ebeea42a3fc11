"""How results are shown: tables and sentences for people, JSON for scripts."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


class Output:
    """Where results go: with `as_json` one JSON value to standard output, and nothing else."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def value(self, value: Any) -> bool:
        """Print a value as JSON if that is wanted. Return whether it was."""
        if self.as_json:
            typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
        return self.as_json

    def table(self, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
        """Print rows as a table. `columns` has the heading of each field."""
        if self.value(list(rows)):
            return
        if not rows:
            console.print("Nothing.")
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in columns.values():
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(*(_cell(row.get(field)) for field in columns))
        console.print(table)

    def facts(self, facts: Mapping[str, Any]) -> None:
        """Print the facts about one thing, a line for each."""
        table = Table(box=None, pad_edge=False, show_header=False)
        for name, value in facts.items():
            table.add_row(f"[bold]{escape(name)}[/bold]", _cell(value))
        console.print(table)

    def done(self, result: Mapping[str, Any]) -> None:
        """Print what came of a change."""
        if not self.value(dict(result)):
            console.print(f"[green]✓[/green] {escape(str(result['message']))}")


def _cell(value: Any) -> str:
    """Return a value as text. Control characters are left out, so that nobody's name can write on
    the operator's terminal.
    """
    match value:
        case None | "" | []:
            return "-"
        case bool():
            return "yes" if value else "no"
        case str():
            return escape(
                "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value)
            )
        case Mapping():
            return ", ".join(f"{name} {_cell(inner)}" for name, inner in value.items())
        case Iterable():
            return ", ".join(map(_cell, value))
        case _:
            return escape(str(value))
