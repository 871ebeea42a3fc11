"""`python -m local`: run all of Latchkey on this machine until Ctrl-C.

It starts the inbox and MiniStack, builds and deploys the template, and serves the desk and the
sample page. It prints the addresses and then the line `ready`, and shows each mail that arrives.
Users are kept over a restart; `--fresh` deletes them. Several stacks can run at the same time if
each has its own home and ports.
"""

import argparse
import contextlib
import fcntl
import os
import shlex
import shutil
import signal
import sys
import time
import urllib.request
from pathlib import Path
from typing import NoReturn

from latchkey_cli.deployment import Deployment
from local import checks, template, variables
from local.desk import Desk
from local.inbox import PASSWORD, USER, Inbox, Mail
from local.stack import NAME, ROOT, Stack, StackError
from local.web import Web

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Run until a signal arrives. Return 1 if the stack cannot be started."""
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    options = _options()
    options.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        _run(options)
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def _run(options: argparse.Namespace) -> NoReturn:
    """Start everything and wait. Stop everything, whatever ends the wait."""
    began = time.monotonic()
    with (options.home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(
                f"a stack already runs in {options.home}: use another --home"
            ) from None
        parameters = _parameters(options)
        _check_machine(options)
        variables.remove(options.home)  # a stack that was killed has left it
        if options.fresh:
            for name in ("state", "s3"):
                shutil.rmtree(options.home / name, ignore_errors=True)
        inbox = Inbox(options.home / "tls", _show)
        ports = options.api_port, options.stack_port
        stack = Stack(options.home, *ports, inbox.authority, options.stack_host)
        web = Web(options.web_port, options.home) if options.web_port else None
        inbox_page = f"http://127.0.0.1:{options.inbox_port}"
        deployment = Deployment(NAME, local_port=options.stack_port)
        desk = Desk(deployment.call, inbox.to, inbox_page)
        try:
            if web:
                web.prepare()
            stack.start()
            inbox.start(
                web_port=options.inbox_port,
                smtp_port=options.smtp_port,
                smtps_port=options.smtps_port,
            )
            print("building and deploying template.yaml", flush=True)
            parameters["SmtpSecretArn"] = parameters["SmtpSecretArn"] or stack.store_secret(
                "latchkey-smtp", PASSWORD
            )
            stack.build(aliases=parameters["SnapStart"] == "on" or parameters["Canary"] == "true")
            stack.deploy(parameters)
            api = f"http://127.0.0.1:{options.api_port}"
            _check(stack, api, parameters["AllowedOrigins"])
            variables.write(stack)
            desk_page = desk.start(options.desk_port)
            if web:
                web.start(api, parameters["PasswordPolicy"])
            print(f"started in {time.monotonic() - began:.1f} s; Ctrl-C stops and keeps all users")
            print(_box(_rows(options, stack, web, desk_page)))
            print("ready", flush=True)
            parent = os.getppid()
            while os.getppid() == parent:  # stop too if make or a test was killed
                time.sleep(0.5)
                stack.check()
                if web:
                    web.check()
            raise KeyboardInterrupt
        finally:
            with contextlib.suppress(OSError):  # the terminal may be closed
                print("stopping: the state is saved, and all processes end", flush=True)
            variables.remove(options.home)
            desk.stop()
            if web:
                web.stop()
            stack.stop()
            inbox.stop()  # last, because it waits until `send_mail` closes its connection


def _interrupt(*_: object) -> NoReturn:
    for number in SIGNALS:  # a second one would lose the state, and a closed terminal sends two
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _rows(
    options: argparse.Namespace, stack: Stack, web: Web | None, desk: str
) -> list[tuple[str, str]]:
    """Return what a person needs to know of a stack that runs."""
    api = f"http://127.0.0.1:{options.api_port}"
    page = f"http://localhost:{options.web_port}"
    served = web is not None and not web.problem
    steps = "register on the page with any address: the code is in the inbox"
    return [
        *([("page", web.problem or page)] if web else []),
        ("inbox", f"http://127.0.0.1:{options.inbox_port}"),
        ("desk", desk),
        ("API", api),
        ("keys", f"{api}/.well-known/jwks.json"),
        ("logs", str(stack.functions_log)),
        ("next", steps if served else "register with curl: docs/tour.md"),
    ]


def _box(rows: list[tuple[str, str]]) -> str:
    lines = [f"{name:6} {text}" for name, text in rows]
    width = max(map(len, lines))
    edge = f"+{'-' * (width + 2)}+"
    return "\n".join([edge, *(f"| {line:{width}} |" for line in lines), edge])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    home = Path(os.environ.get("LOCAL_HOME", ROOT / ".local/run"))
    parser.add_argument("--home", type=Path, default=home, help="state, build, logs (LOCAL_HOME)")
    for name, (default, what) in checks.PORTS.items():
        option = "--" + name.lower().replace("_", "-")
        port = os.environ.get(name) or str(default)
        parser.add_argument(option, type=_port, default=port, help=f"{what} ({name}, {default})")
    web_port = os.environ.get("WEB_PORT") or "0"
    parser.add_argument(
        "--web-port", type=_port, default=web_port, help="the sample page (WEB_PORT, 0: none)"
    )
    host = os.environ.get("STACK_HOST", "")
    what = "an address besides loopback for MiniStack, for containers (STACK_HOST)"
    parser.add_argument("--stack-host", default=host, help=what)
    values = os.environ.get("PARAMS", "")
    parser.add_argument(
        "--params", default=values, help="'Name=value ...': parameters of the template (PARAMS)"
    )
    fresh = os.environ.get("FRESH", "0") not in ("", "0")
    parser.add_argument(
        "--fresh", action="store_true", default=fresh, help="delete all users first (FRESH=1)"
    )
    options = parser.parse_args()
    options.home = options.home.resolve()
    return options


def _port(value: str) -> int:
    if not value.isdecimal() or int(value) > 65535:
        raise argparse.ArgumentTypeError(f"{value!r} is no port: take a number up to 65535")
    return int(value)


def _parameters(options: argparse.Namespace) -> dict[str, str]:
    """Return a value for every parameter of the template, so that no earlier value stays."""
    defaults = template.defaults()
    try:
        given = dict(pair.partition("=")[::2] for pair in shlex.split(options.params))
    except ValueError as error:
        raise StackError(f"PARAMS: {error} in {options.params}") from None
    if unknown := given.keys() - defaults.keys():
        raise StackError(f"PARAMS: the template has no {sorted(unknown)}, only {sorted(defaults)}")
    local = {
        "MailTransport": "smtp",
        "SenderAddress": "login@latchkey.test",
        "SmtpProvider": "custom",
        "SmtpHost": "127.0.0.1",
        "SmtpPort": str(options.smtp_port),
        "SmtpSecurity": "STARTTLS",
        "SmtpUser": USER,
        "IssuerUrl": f"http://127.0.0.1:{options.api_port}",
        "AllowedOrigins": "*",
    }
    values = defaults | {name: local[name] for name in local if name in defaults} | given
    return {name: str(value) for name, value in values.items() if value is not None}


def _check_machine(options: argparse.Namespace) -> None:
    ports = {name: str(getattr(options, name.lower())) for name in (*checks.PORTS, "WEB_PORT")}
    if not options.web_port:
        del ports["WEB_PORT"]
    rows = checks.table(ports, options.home)
    if found := checks.problems(rows):
        raise StackError("\n".join(found))


def _check(stack: Stack, api: str, origins: str) -> None:
    """Check that the API answers, and that `local.ministack_local` has made routes and CORS."""
    stack.wait(f"{api}/.well-known/jwks.json", seconds=20)
    if not origins:
        return
    origin = origins.split(",")[0].replace("*", "http://localhost:8080")
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    preflight = urllib.request.Request(f"{api}/auth/v1/signin", method="OPTIONS", headers=headers)
    with urllib.request.urlopen(preflight, timeout=20) as answer:
        if not answer.headers["Access-Control-Allow-Origin"]:
            raise StackError("the API has no CORS: does local/ministack_local.py fit MiniStack?")


def _show(mail: Mail) -> None:
    text = "".join(c for c in mail.text if c.isprintable() or c == "\n")  # no escape sequences
    print(f"\n--- mail to {mail.to}: {mail.subject!r}\n{text.strip()}\n---", flush=True)


if __name__ == "__main__":
    sys.exit(main())
