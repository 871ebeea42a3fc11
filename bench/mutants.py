"""Break each line that counts, compares or expires, and see whether a test notices.

    python -m bench.mutants                   all of TARGETS, some minutes per hundred mutants
    python -m bench.mutants limits/budget.py  one module
    python -m bench.mutants --list            the mutants, without running anything

A mutant is one change of one place: a comparison (`<` for `<=`, `==` for `!=`), a sign (`+` for
`-`), `and` for `or`, a number one larger, and the same in DynamoDB's conditions. No file is
changed: each mutant runs in a process of its own, which swaps the changed code in. It survives if
all unit tests pass that run its line. At most MOST_TESTS are tried: first those that have noticed
other mutants, then those of its noun, then those that run the fewest lines. Which test runs which
lines is noted first, in some minutes, and kept in .local/mutants until the code or the test
changes. The survivors are printed with their places; the score is the share of the others. This is
no part of CI.
"""

import argparse
import ast
import contextlib
import functools
import hashlib
import importlib
import inspect
import io
import itertools
import json
import os
import re
import resource
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "layers" / "core" / "python" / "latchkey"
NOTED = ROOT / ".local" / "mutants"
# The modules that count, compare and expire, and the tests of their nouns.
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
# They run most lines, and take minutes.
SLOW = {"test_siege", "test_faults"}
MOST_TESTS = 150
# Its one test looks at all that expires.
EXPIRY = "test_expiry"
# Of processor time, which a loop without end takes: time on the wall is also that of others.
SECONDS = 300
WORKERS = 2

# For each test, the lines that it runs: of each module, outside fixtures and imports.
Ran = dict[str, set[tuple[str, int]]]

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

    def places(self) -> set[tuple[str, int]]:
        """Return the line. Of a constant, which no test runs, also the lines that name it."""
        text = (PACKAGE / self.module).read_text()
        line = text.count("\n", 0, self.start) + 1
        places = {(self.module, line)}
        named = re.match(r"\s*(\w+)(: [^=]+)? = ", text.splitlines()[line - 1])
        if named and _is_constant(text, line):
            word = re.compile(rf"\b{named[1]}\b")
            for path in PACKAGE.rglob("*.py"):
                for number, found in enumerate(path.read_text().splitlines(), 1):
                    if word.search(found):
                        places.add((str(path.relative_to(PACKAGE)), number))
        return places

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
            case ast.Constant(value=str()) | ast.JoinedStr():
                begin = at(node.lineno, node.col_offset)
                end = at(node.end_lineno or 0, node.end_col_offset or 0)
                if not re.search(r"#[\w{]", text[begin:end]):
                    continue
                for pattern, new in _CONDITIONS:
                    for found in re.finditer(pattern, text[begin:end]):
                        yield Mutant(module, begin + found.start(), begin + found.end(), new)


def _is_constant(text: str, line: int) -> bool:
    """Return whether a line stands outside of functions."""
    return not any(
        node.lineno <= line <= (node.end_lineno or 0)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
    )


def _skipped(tree: ast.AST) -> Iterator[ast.AST]:
    """Return the nodes whose mutants tell nothing."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant() as docstring):
                yield docstring
            case ast.arg(annotation=ast.expr() as type_):
                yield from ast.walk(type_)
            case ast.FunctionDef(returns=ast.expr() as type_):
                yield from ast.walk(type_)
            case ast.JoinedStr(values=parts):
                yield from (part for part in parts if isinstance(part, ast.Constant))
            # How often a lost race is tried again: once more or less changes no answer.
            case ast.Assign(targets=[ast.Name(id="_ATTEMPTS")]):
                yield from ast.walk(node)
            # A revision counts nothing: it only has to change.
            case ast.keyword(arg="revision", value=value):
                yield from ast.walk(value)
            # A longer MAC or hash does as well.
            case ast.keyword(arg="digest_size", value=value):
                yield value
            case ast.Subscript(value=ast.Call(func=ast.Attribute(attr="hex")), slice=part):
                yield from ast.walk(part)
            case ast.Dict(keys=names, values=values):
                for name, value in zip(names, values, strict=True):
                    if isinstance(name, ast.Constant) and name.value == "revision":
                        yield from ast.walk(value)
                    yield from _never(name, value)
            case ast.Assign(targets=[target], value=value):
                yield from _never(target, value)
            case ast.AnnAssign(target=target, annotation=type_, value=value):
                yield from ast.walk(type_)
                yield from _never(target, value) if value else ()
            case ast.Call(func=ast.Attribute(attr="get"), args=[name, value]):
                yield from _never(name, value)


def _never(name: ast.expr | None, value: ast.expr) -> Iterator[ast.expr]:
    """Return the 0 of a time or a revision, which stands for never: so does 1."""
    is_time = name and re.search(r"(_at|_until|revision)'?$", ast.unparse(name))
    if is_time and isinstance(value, ast.Constant) and value.value == 0:
        yield value


def note_lines() -> Ran:
    """Return which lines each test runs, the test that runs the fewest first. Raises RuntimeError
    if one fails.
    """
    package = b"".join(path.read_bytes() for path in sorted(PACKAGE.rglob("*.py")))
    files = sorted((ROOT / "tests" / "unit").glob("test_*.py"))
    noted: Ran = {}
    for path in files:
        if path.stem in SLOW:
            continue
        digest = hashlib.sha256(package + path.read_bytes()).hexdigest()
        kept = NOTED / f"{path.stem}-{digest[:16]}.json"
        if not kept.exists():
            for old in NOTED.glob(f"{path.stem}-*.json"):
                old.unlink()
            if os.waitpid(_fork(functools.partial(_note, path, kept)), 0)[1]:
                raise RuntimeError(f"{path.stem} fails without a mutant")
        found = json.loads(kept.read_text())
        noted |= {test: {(module, line) for module, line in ran} for test, ran in found.items()}
    return dict(sorted(noted.items(), key=lambda test: (len(test[1]), test[0])))


def _note(path: Path, kept: Path) -> int:
    """Run the tests of a file, and keep which lines each has run."""
    tracer = _Tracer()
    code = int(pytest.main([*_QUIET, str(path)], [tracer]))
    if code == 0:
        NOTED.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps({test: sorted(ran) for test, ran in tracer.ran.items()}))
    return code


class _Tracer:
    """Notes the lines of functions that each test runs."""

    def __init__(self) -> None:
        self.ran: Ran = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        ran = self.ran[item.nodeid] = set()
        start = f"{PACKAGE}/"

        def trace(frame: FrameType, _event: str, _: object) -> Any:
            code = frame.f_code
            if not code.co_filename.startswith(start) or not code.co_flags & inspect.CO_OPTIMIZED:
                return None
            ran.add((code.co_filename.removeprefix(start), frame.f_lineno))
            return trace

        sys.settrace(trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)


class _Watch:
    """Notes which test has failed."""

    def __init__(self) -> None:
        self.failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = report.nodeid


def tests_of(mutant: Mutant, ran: Ran, noticed: Counter[str]) -> list[str]:
    """Return the tests that run the line of a mutant, or those that use what it names."""
    nouns = {f"tests/unit/{name}.py" for name in TARGETS[mutant.module]}
    places = mutant.places()
    found = [test for test, lines in ran.items() if places & lines]
    found.sort(
        key=lambda test: (-noticed[test], EXPIRY not in test, test.partition("::")[0] not in nouns)
    )
    return found[:MOST_TESTS]


def test(mutant: Mutant, tests: list[str], session: pytest.Session) -> int:
    """Run tests with a mutant, in a process of its own. Return the process's id.

    It ends with 0 if all pass, and with a test's place among them, counted from 2, if that fails.
    """

    def run_tests() -> int:
        by_id = {item.nodeid: item for item in session.items}
        items, watch = [by_id[test] for test in tests], _Watch()
        session.config.pluginmanager.register(watch)
        _swap(mutant)
        for item, following in zip(items, [*items[1:], None], strict=True):
            session._setupstate.teardown_exact(item)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if watch.failed:
                return 2 + tests.index(watch.failed)
        return 0

    return _fork(run_tests)


_QUIET = ["-q", "-x", "--show-capture=no", "--tb=no"]


def _fork(work: Callable[[], int]) -> int:
    """Do something in a silent process of its own. Return the process's id."""
    child = os.fork()
    if child:
        return child
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    silent = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silent, stream)
    code = 1
    with contextlib.suppress(BaseException):
        code = work()
    os._exit(code)


def _swap(mutant: Mutant) -> None:
    """Give the functions, classes and constants of a module that is imported those of a mutant."""
    module = importlib.import_module(f"latchkey.{mutant.module[:-3].replace('/', '.')}")
    changed = dict[str, Any](__name__=module.__name__, __file__=module.__file__)
    exec(compile(mutant.source(), str(module.__file__), "exec"), changed)  # noqa: S102
    for name, new in changed.items():
        old = vars(module).get(name)
        if isinstance(new, type) and new is not old and new.__module__ == module.__name__:
            for attribute, value in list(vars(new).items()):
                _replace(old, attribute, value)
        elif not name.startswith("__"):
            for place, user in list(sys.modules.items()):
                if place.startswith(("latchkey.", "functions.")) and vars(user).get(name) == old:
                    _replace(user, name, new)


def _replace(owner: Any, name: str, new: Any) -> None:
    """Give a function of a module or a class the code of another one, or a constant its value."""
    old = vars(owner).get(name)
    code, own = _function(new), _function(old)
    if code and own:
        own.__code__ = code.__code__
        own.__defaults__, own.__kwdefaults__ = code.__defaults__, code.__kwdefaults__
    elif isinstance(new, int | str | tuple | dict | set) and new != old and name[:2] != "__":
        setattr(owner, name, new)


def _function(value: Any) -> FunctionType | None:
    """Return the function within a property, a cache and such."""
    for attribute in ("fget", "func", "__func__"):
        value = getattr(value, attribute, value)
    value = inspect.unwrap(value) if callable(value) else value
    return value if isinstance(value, FunctionType) else None


def run(chosen: list[Mutant], ran: Ran, session: pytest.Session) -> Iterator[tuple[Mutant, bool]]:
    """Run all mutants, some at a time. Return for each whether it has survived."""
    waiting, running = list(reversed(chosen)), dict[int, tuple[Mutant, list[str]]]()
    noticed = Counter[str]()
    while waiting or running:
        while waiting and len(running) < WORKERS:
            mutant = waiting.pop()
            tests = tests_of(mutant, ran, noticed)
            running[test(mutant, tests, session)] = mutant, tests
        child, status = os.wait()
        mutant, tests = running.pop(child)
        code = os.waitstatus_to_exitcode(status)
        if code >= 2:
            noticed[tests[code - 2]] += 1
        yield mutant, code == 0


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
    sys.path[:0] = [str(ROOT), str(PACKAGE.parent)]
    ran = note_lines()
    files = dict.fromkeys(test.partition("::")[0] for test in sorted(ran))
    pytest.main(["-s", "-p", "no:terminal", *files], [_Bench(modules, ran)])
    return 0


class _Bench:
    """Runs the mutants in place of pytest's loop, once all tests are collected."""

    def __init__(self, modules: list[str], ran: Ran) -> None:
        self.modules, self.ran = modules, ran

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        # The first test makes AWS in memory for all.
        first, second, *_ = session.items
        with contextlib.redirect_stdout(io.StringIO()):
            first.config.hook.pytest_runtest_protocol(item=first, nextitem=second)
        killed = total = 0
        for module in self.modules:
            made = list(mutants(module))
            survivors = [mutant for mutant, alive in run(made, self.ran, session) if alive]
            for mutant in survivors:
                print(f"survived: {mutant}")
            print(f"{module:<28} {len(made) - len(survivors):>4} of {len(made):>4}", flush=True)
            killed += len(made) - len(survivors)
            total += len(made)
        print(f"score: {killed} of {total}, {100 * killed / total:.1f} %")
        return True


if __name__ == "__main__":
    sys.exit(main())
