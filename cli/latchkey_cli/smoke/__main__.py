"""`python -m latchkey_cli.smoke API`: check a deployment from outside, after each deploy.

It needs nothing but Python 3.11 and the address of the API. With `--to`, it has a code mailed to
an address without an account, signs up, and deletes the account again. Each line says what was
checked; below a failure stand what was found, and what that means and what to do. The exit code is
1 if anything has failed, and 2 if the arguments are wrong.
"""

import argparse
import sys
from collections.abc import Callable
from urllib.parse import urlsplit

from latchkey_cli.smoke import checks
from latchkey_cli.smoke.client import Client, Failed, NothingMore, NotShown, Unreachable
from latchkey_cli.smoke.journey import Journey

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def main(arguments: list[str] | None = None) -> int:
    """Run all checks that can be made. Return 1 if one has failed."""
    options = _options(arguments)
    client = Client(options.api, options.client_id)
    failed = _run(
        [
            ("the keys are where the issuer says", lambda: checks.keys(client)),
            ("every route answers", lambda: checks.answers(client)),
            ("unknown routes are refused", lambda: checks.unknown_routes(client)),
            ("a page may call every route (preflights)", lambda: _preflights(client, options)),
        ]
    )
    if not options.to:
        print("--    mail, sign-up, sign-in: not shown, because TO= names no address")
    elif failed:
        print("--    mail, sign-up, sign-in: not shown, because of what has failed")
    else:
        journey = Journey(client, options.to, options.inbox)
        try:
            failed = _run(journey.steps(), stop=True)
        finally:
            if left := journey.clean_up():
                print(f"      {left}")
    print("FAILED" if failed else "passed")
    return int(failed)


def _run(steps: list[tuple[str, Callable[[], str]]], *, stop: bool = False) -> bool:
    """Run steps, and print a line for each. Return whether one has failed.

    With `stop`, each step needs those before it, so a failure ends the run. So does an API that
    cannot be reached.
    """
    failed = False
    for number, (name, step) in enumerate(steps, 1):
        try:
            said = step()
        except NotShown as reason:
            print(f"--    {name}: not shown, because {reason}", flush=True)
            if isinstance(reason, NothingMore):
                for later, _ in steps[number:]:
                    print(f"--    {later}: not shown", flush=True)
                break
        except Failed as failure:
            failed = True
            print(f"FAIL  {name}", *failure.found.splitlines(), sep="\n      ", flush=True)
            print("      What to do:", *failure.advice.splitlines(), sep="\n      ", flush=True)
            if stop or isinstance(failure, Unreachable):
                break
        else:
            print(f"ok    {name}{': ' if said else ''}{said}", flush=True)
    return failed


def _preflights(client: Client, options: argparse.Namespace) -> str:
    if options.origin == "none":
        raise NotShown("of ORIGIN=none")
    return checks.preflights(client, options.origin)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m latchkey_cli.smoke", description=__doc__)
    parser.add_argument("api", type=_api, help="the address of the API (output ApiUrl)")
    parser.add_argument("--to", default="", help="an address without an account (TO)")
    parser.add_argument("--inbox", default="", help="where the local inbox is read (INBOX)")
    parser.add_argument(
        "--origin",
        default="http://localhost:8080",
        help="the origin of a page, or none (ORIGIN, %(default)s)",
    )
    parser.add_argument(
        "--client-id", default="smoke", help="one of ClientIds, if it is set (CLIENT_ID)"
    )
    options = parser.parse_args(arguments)
    options.inbox = options.inbox.rstrip("/")
    return options


def _api(text: str) -> str:
    parts = urlsplit(text.rstrip("/"))
    local = parts.hostname in _LOOPBACK
    if parts.scheme != "https" and not (local and parts.scheme == "http"):
        raise argparse.ArgumentTypeError(f"{text!r} does not begin with https://")
    if not parts.hostname or parts.path or parts.query:
        raise argparse.ArgumentTypeError(
            f"{text!r} is more than an address such as https://login.example.com, and the SDK"
            " keeps no path"
        )
    return text.rstrip("/")


if __name__ == "__main__":
    sys.exit(main())
