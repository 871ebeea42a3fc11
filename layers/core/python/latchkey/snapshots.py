"""What a function forgets before Lambda copies it, and what each copy makes anew.

With SnapStart, Lambda starts a function when it is deployed and takes a snapshot of its memory.
Each container then goes on from there, hours or weeks later and beside others. So a snapshot must
hold nothing that ages and no secret, and copies must not draw the same random numbers:

    what                                  before the snapshot   in each copy
    connections to AWS, pooled            closed                opened by the first call
    credentials of the function's role    dropped               asked for by the first call
    the keyring and unwrapped keys        dropped               read when they are needed
    the SMTP connection and password      closed, dropped       made by the first mail
    which mail server is down, until when dropped               learnt anew
    pseudo-random numbers                                       seeded (ids.reseed)
    Powertools' cold_start                                      true for the first invocation

The age of the keyring counts by the clock, and that of an SMTP connection by the monotonic clock,
which says nothing across a snapshot. As both are dropped, no time of before is compared with one of
after. Variables may stay: they are those of the published version.

Without SnapStart nobody calls what is registered here.
"""

import functools
from collections.abc import Callable

from snapshot_restore_py import register_after_restore, register_before_snapshot

from latchkey import aws, ids, log
from latchkey.keys import keyring


@functools.cache
def register(forget: Callable[[], None] | None = None) -> None:
    """Have Lambda call what makes this function safe to copy, and `forget` before the snapshot.

    Call it while the module of the handler is loaded: later it is too late.
    """
    if forget is not None:
        register_before_snapshot(forget)
    register_before_snapshot(_before_snapshot)
    register_after_restore(_after_restore)


def _before_snapshot() -> None:
    aws.forget()
    keyring.forget_keys()


def _after_restore() -> None:
    ids.reseed()
    log.start_cold()
