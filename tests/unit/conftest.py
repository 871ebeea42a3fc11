"""What stands in for AWS, the clock and mail servers in unit tests; nothing else is replaced.

pytest finds the fixtures here, and tests import the rest from here.
"""

from tests.unit.calls import CONTEXT, DEVICE, ROOT, Answer, Call, call, handler
from tests.unit.clock import NOW, Clock, now
from tests.unit.cloud import (
    Meanwhile,
    clean_cloud,
    cloud,
    configure,
    engine,
    meanwhile,
    start_container,
)
from tests.unit.hooking import Hook, hook
from tests.unit.mailbox import Outbox, outbox
from tests.unit.people import Alive, Confirm, Prove, SignIn, ada, alive, confirm, prove, sign_in

__all__ = [
    "CONTEXT",
    "DEVICE",
    "NOW",
    "ROOT",
    "Alive",
    "Answer",
    "Call",
    "Clock",
    "Confirm",
    "Hook",
    "Meanwhile",
    "Outbox",
    "Prove",
    "SignIn",
    "ada",
    "alive",
    "call",
    "clean_cloud",
    "cloud",
    "configure",
    "confirm",
    "engine",
    "handler",
    "hook",
    "meanwhile",
    "now",
    "outbox",
    "prove",
    "sign_in",
    "start_container",
]
