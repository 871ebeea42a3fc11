"""`python -m local.command_picture`: draw the command `latchkey` at work into docs/images.

The users are made up, and no stack is asked: the command gets its answers from here.
"""

import io
import re
from typing import Any
from unittest import mock

from latchkey_cli.deployment import Deployment
from latchkey_cli.main import app
from latchkey_cli.output import console
from local.stack import ROOT

IMAGE = ROOT / "docs/images/command.svg"
COMMANDS = ("users list ada", "users show ada@example.com", "users disable ada@example.com")
# rich names its home and fonts on the internet: the picture asks nobody.
ELSEWHERE = re.compile(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", re.DOTALL)

ADA = {
    "sub": "u7k2mq",
    "email": "ada@example.com",
    "username": "ada_l",
    "name": "Ada Lovelace",
    "status": "active",
    "email_verified": True,
    "has_password": True,
    "groups": ["staff"],
    "created_at": "2026-11-02T09:30:00Z",
    "last_sign_in_at": "2026-11-27T18:04:11Z",
    "sign_ins": 41,
}
ADAM = ADA | {"sub": "p3x9ad", "email": "adam@example.com", "username": None, "groups": []}
ANSWERS: dict[str, Any] = {
    "users.list": {"users": [ADA, ADAM], "cursor": ""},
    "users.show": {
        "user": ADA,
        "sessions": [
            {
                "sid": "s5n1",
                "client_id": "web",
                "ip": "203.0.113.7",
                "user_agent": "Firefox",
                "created_at": "2026-11-27T18:04:11Z",
                "refreshed_at": "2026-11-28T08:15:40Z",
            }
        ],
        "devices": [],
        "failures": [
            {"lane": "device", "count": 5, "since": "2026-11-28T08:00:00Z", "spent": True}
        ],
        "codes": [],
        "suppressed": None,
    },
    "users.disable": {"message": "Disabled. All sessions have ended, and no mail is sent."},
}


def main() -> None:
    """Draw the picture."""
    console.file, console.record, console.width = io.StringIO(), True, 112
    with mock.patch.object(Deployment, "call", lambda _, act, **__: ANSWERS[act]):
        for command in COMMANDS:
            console.print(f"\n[bold green]$[/] latchkey --local {command}")
            app(["--local", *command.split()], standalone_mode=False)
    drawn = console.export_svg(title="latchkey", unique_id="command")
    IMAGE.write_text(ELSEWHERE.sub("", drawn))
    print(f"docs/images/{IMAGE.name}: {IMAGE.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
