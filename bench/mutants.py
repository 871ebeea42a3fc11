"""Break each line that counts, compares or expires, and see whether a test notices.

    python -m bench.mutants                   all of TARGETS, some minutes per hundred mutants
    python -m bench.mutants limits/budget.py  one module
    python -m bench.mutants --list            the mutants, without running anything

A mutant is one change of one place: a comparison (`<` for `<=`, `==` for `!=`), a sign (`+` for
`-`), `and` for `or`, a number one larger, and the same in DynamoDB's conditions. No file is
changed: each mutant runs in a process of its own, which imports the changed source. It survives if
all tests of its noun pass. The survivors are printed with their places; the score is the share of
the others. This is no part of CI.
"""

import argparse
import ast
import contextlib
import importlib.machinery
import itertools
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "layers" / "core" / "python" / "latchkey"
# The modules that count, compare and expire, and the tests of their nouns, the quickest first.
TARGETS = {
    "limits/budget.py": ["test_budget", "test_devices"],
    "limits/sources.py": [
        "test_sources",
        "test_send_code",
        "test_check_user",
        "test_solve_captcha",
    ],
    "limits/storm.py": ["test_sources"],
    "limits/hours.py": ["test_budget", "test_ceiling"],
    "limits/ceiling.py": ["test_ceiling"],
    "limits/captcha.py": ["test_solve_captcha"],
    "limits/failures.py": ["test_security_history"],
    "codes/strangers.py": ["test_send_code", "test_sources", "test_solve_captcha"],
    "codes/asker.py": ["test_send_code", "test_budget", "test_sources", "test_solve_captcha"],
    "codes/redeem.py": ["test_verify_code", "test_budget", "test_repeats", "test_edit_profile"],
    "codes/sends.py": ["test_send_code", "test_repeats", "test_verify_code", "test_budget"],
    "codes/start.py": ["test_send_code", "test_budget", "test_repeats"],
    "codes/proof.py": ["test_repeats", "test_sign_up", "test_sign_in", "test_edit_profile"],
    "codes/verification.py": ["test_verify_code", "test_budget", "test_sign_up"],
    "sessions/refresh.py": ["test_grant_token", "test_notices"],
    "sessions/session.py": ["test_change", "test_sessions_end", "test_grant_token"],
    "sessions/sudo.py": ["test_sudo", "test_edit_profile"],
    "sessions/start.py": ["test_sign_in", "test_change", "test_notices"],
    "sessions/change.py": ["test_change", "test_set_password", "test_delete_user"],
    "users/user.py": ["test_sign_up", "test_sign_in", "test_change", "test_edit_profile"],
    "sessions/known_devices.py": ["test_devices", "test_change", "test_notices"],
    "sessions/credentials.py": ["test_grant_token", "test_sign_in"],
    "mail/allowance.py": ["test_allowance"],
    "caller.py": ["test_repeats", "test_verify_code", "test_sign_in"],
    "mail/delivery.py": ["test_repeats", "test_send_mail", "test_mail_feedback"],
    "keys/keyring.py": ["test_rotate_keys", "test_tokens"],
}
SECONDS = 300
WORKERS = 1

_COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
_SIGNS: dict[type[ast.operator], tuple[str, str]] = {ast.Add: ("+", "-"), ast.Sub: ("-", "+")}
# In conditions of DynamoDB: a pattern and what takes its place.
_CONDITIONS = [
    (r"(?<![<>])=(?!=)", "<>"),
    (r"<(?![=>])", "<="),
    (r"<=", "<"),
    (r">(?!=)(?<!<>)", ">="),
    (r"\bAND\b", "OR"),
    (r"\bOR\b", "AND"),
    (r"attribute_not_exists", "attribute_exists"),
    (r"attribute_exists", "attribute_not_exists"),
    (r"NOT (?=contains)", ""),
]


@dataclass(frozen=True)
class Mutant:
    """A module in which the text from `start` to `end` is replaced."""

    module: str
    start: int
    end: int
    new: str

    def source(self) -> str:
        """Return the changed source."""
        text = (PACKAGE / self.module).read_text()
        return text[: self.start] + self.new + text[self.end :]

    def __str__(self) -> str:
        text = (PACKAGE / self.module).read_text()
        line = text.count("\n", 0, self.start) + 1
        change = f"{text[self.start : self.end]!r} -> {self.new!r}"
        return f"{self.module}:{line}: {change:<24} {text.splitlines()[line - 1].strip()}"


def mutants(module: str) -> Iterator[Mutant]:
    """Return the mutants of a module."""
    text = (PACKAGE / module).read_text()
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def at(line: int, column: int) -> int:
        # ast counts bytes of UTF-8.
        whole = text[starts[line - 1] : starts[line]]
        return starts[line - 1] + len(whole.encode()[:column].decode())

    def between(left: ast.expr, right: ast.expr, old: str, new: str) -> Iterator[Mutant]:
        begin = at(left.end_lineno or 0, left.end_col_offset or 0)
        place = text.index(old, begin, at(right.lineno, right.col_offset))
        yield Mutant(module, place, place + len(old), new)

    tree = ast.parse(text)
    skipped = set(_skipped(tree))
    for node in ast.walk(tree):
        if node in skipped:
            continue
        match node:
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                for op, first, second in zip(ops, [left, *comparators], comparators, strict=False):
                    yield from between(first, second, *_COMPARISONS[type(op)])
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _SIGNS:
                yield from between(left, right, *_SIGNS[type(op)])
            case ast.BoolOp(op=op, values=values):
                old, new = ("and", "or") if isinstance(op, ast.And) else ("or", "and")
                for first, second in itertools.pairwise(values):
                    yield from between(first, second, old, new)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                begin = at(node.lineno, node.col_offset)
                yield Mutant(module, begin, at(operand.lineno, operand.col_offset), "")
            case ast.Constant(value=int() as number) if not isinstance(number, bool):
                begin = at(node.lineno, node.col_offset)
                end = at(node.end_lineno or 0, node.end_col_offset or 0)
                yield Mutant(module, begin, end, str(number + 1))
            case ast.Constant(value=str() as words) if re.search(r"#\w", words):
                begin = at(node.lineno, node.col_offset)
                end = at(node.end_lineno or 0, node.end_col_offset or 0)
                for pattern, new in _CONDITIONS:
                    for found in re.finditer(pattern, text[begin:end]):
                        yield Mutant(module, begin + found.start(), begin + found.end(), new)


def _skipped(tree: ast.AST) -> Iterator[ast.AST]:
    """Return the nodes that tell nothing: docstrings, types, and parts of f-strings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
        if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation:
            yield from ast.walk(node.annotation)
        if isinstance(node, ast.FunctionDef) and node.returns:
            yield from ast.walk(node.returns)
        if isinstance(node, ast.JoinedStr):
            yield from (part for part in node.values if isinstance(part, ast.Constant))


def test(mutant: Mutant | None, module: str) -> int:
    """Run the tests of a module with a mutant, in a process of its own. Return the process's id."""
    child = os.fork()
    if child:
        return child
    os.setpgid(0, 0)
    silent = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silent, stream)
    if mutant:
        _import_changed(PACKAGE / mutant.module, mutant.source())
    import pytest

    files = [f"tests/unit/{name}.py" for name in TARGETS[module]]
    code = 1
    with contextlib.suppress(BaseException):
        code = int(pytest.main(["-q", "-x", "--show-capture=no", "--tb=no", *files]))
    os._exit(code)


def _import_changed(path: Path, source: str) -> None:
    """Let an import of this file use another source."""
    loader: Any = importlib.machinery.SourceFileLoader
    original = loader.get_code

    def get_code(self: Any, name: str) -> CodeType | None:
        if Path(self.path) == path:
            return compile(source, str(path), "exec")
        return original(self, name)  # type: ignore[no-any-return]

    loader.get_code = get_code


def run(chosen: list[Mutant]) -> Iterator[tuple[Mutant, bool]]:
    """Run all mutants, some at a time. Return for each whether it has survived."""
    waiting, running = list(reversed(chosen)), dict[int, tuple[Mutant, float]]()
    while waiting or running:
        while waiting and len(running) < WORKERS:
            mutant = waiting.pop()
            running[test(mutant, mutant.module)] = mutant, time.monotonic()
        child, status = os.waitpid(-1, os.WNOHANG)
        if child:
            yield running.pop(child)[0], status == 0
        for late, (_, since) in running.items():
            if time.monotonic() - since > SECONDS:
                os.killpg(late, signal.SIGKILL)
        time.sleep(0.05)


def main() -> int:
    """Run the mutants, and print the survivors and the score."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="module", help="such as limits/budget.py")
    parser.add_argument("--list", action="store_true", help="print the mutants, run nothing")
    arguments = parser.parse_args()
    modules = arguments.modules or list(TARGETS)
    chosen = [mutant for module in modules for mutant in mutants(module)]
    if arguments.list:
        print(*chosen, sep="\n")
        return 0
    os.chdir(ROOT)
    import boto3  # noqa: F401 - once for all children
    import moto  # noqa: F401

    for module in modules:
        if os.waitpid(test(None, module), 0)[1]:
            print(f"the tests of {module} fail without a mutant")
            return 1
    killed = 0
    for module in modules:
        made = [mutant for mutant in chosen if mutant.module == module]
        survivors = [mutant for mutant, survived in run(made) if survived]
        for mutant in survivors:
            print(f"survived: {mutant}")
        print(f"{module:<28} {len(made) - len(survivors):>4} of {len(made):>4}", flush=True)
        killed += len(made) - len(survivors)
    print(f"score: {killed} of {len(chosen)}, {100 * killed / len(chosen):.1f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
