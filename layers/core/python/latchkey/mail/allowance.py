"""How many notices of a kind a user is mailed: at most five a day. The next one that is mailed says
how many were left out.

Otherwise somebody who signs in all the time would bury the mailbox of the owner. The mailer counts,
so no request gets slower. Each notice has a mark beside the tally, written in the same transaction,
so it is counted once however often the queue delivers it.

    admitted -> sent
       `------> left out
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from latchkey import errors
from latchkey.dynamodb import keys, store, values, writes
from latchkey.mail.queue import Notice
from latchkey.users import history

MOST_PER_DAY = 5
DAY = 86400
# Mailers that count notices of one user at the same moment make each other try again. There are two
# mailers of notices (template.yaml).
_ATTEMPTS = 5

_State: TypeAlias = Literal["admitted", "sent", "left out"]


@dataclass(frozen=True)
class Tally:
    """The notices of a kind to a user. Every change adds one to `revision`."""

    revision: int = 0
    window_at: int = 0
    """When the day of `admitted` began."""
    admitted: int = 0
    left_out: int = 0
    """How many were not mailed, and no mail has said so yet."""

    def admitted_on(self, now: int) -> int:
        """Return how many were admitted on this day."""
        return self.admitted if now - self.window_at < DAY else 0


def admit(notice: Notice, *, now: int) -> int | None:
    """Count a notice. Return how many were left out before it, which its mail says; None if this
    one must not be mailed: it is left out itself, or was mailed before. Raises Unavailable.
    """
    for _ in range(_ATTEMPTS):
        item, mark = store.get(_tally_key(notice), _mark_key(notice))
        tally = values.record_of(Tally, item or {})
        if mark is not None:
            return tally.left_out if mark["state"] == "admitted" else None
        today = tally.admitted_on(now)
        admitted = today < MOST_PER_DAY
        changes: dict[str, int] = {"left_out": tally.left_out + 1}
        if admitted:
            window_at = tally.window_at if today else now
            changes = {"window_at": window_at, "admitted": today + 1}
        count = writes.Update(
            _tally_key(notice),
            when=f"{writes.ABSENT} OR #revision = :seen",
            values={"seen": tally.revision},
            sets={**changes, "expires_at": now + history.HISTORY_SECONDS},
            adds={"revision": 1},
        )
        state: _State = "admitted" if admitted else "left out"
        try:
            store.write(count, _mark_write(notice, state))
        except writes.Conflict:
            continue
        return tally.left_out if admitted else None
    raise errors.Unavailable


def note_sent(notice: Notice, *, told: int) -> None:
    """Note that an admitted notice was mailed, and said how many were left out."""
    store.write(_mark_write(notice, "sent"))
    if told:
        try:
            store.write(
                writes.Update(
                    _tally_key(notice),
                    when="#left_out >= :told",
                    values={"told": told},
                    adds={"left_out": -told, "revision": 1},
                )
            )
        except writes.Conflict:
            return  # Another mail, sent at the same moment, has said it too.


def leave_out(notice: Notice, *, now: int) -> None:
    """Count a notice that comes too late to be mailed as left out."""
    count = writes.Update(
        _tally_key(notice),
        sets={"expires_at": now + history.HISTORY_SECONDS},
        adds={"left_out": 1, "revision": 1},
    )
    mark = _mark_write(
        notice,
        "left out",
        when=f"{writes.ABSENT} OR #state = :admitted",
        values={"admitted": "admitted"},
    )
    try:
        store.write(count, mark)
    except writes.Conflict:
        return  # It was mailed or counted before.


def _tally_key(notice: Notice) -> keys.Key:
    return keys.notices(notice.sub, notice.kind)


def _mark_key(notice: Notice) -> keys.Key:
    return keys.notice(notice.sub, notice.kind, notice.id)


def _mark_write(
    notice: Notice, state: _State, *, when: str = "", values: dict[str, str] | None = None
) -> writes.Put:
    return writes.Put(
        _mark_key(notice),
        when=when,
        values=values or {},
        # The queue keeps a notice for six hours (template.yaml).
        item={"state": state, "expires_at": notice.at + DAY},
    )
