"""The codes that devices which an address does not know get for it: a cool-down and a limit for
each network, and a limit for all of them together.

So one network cannot keep the owner's new phone from a code, and no number of networks can fill the
mailbox. Days are those of UTC. All is one item per address and day, and one write that depends on
no earlier read: nobody can hold it up by asking at the same moment.
"""

from dataclasses import dataclass

from latchkey import settings
from latchkey.codes import sends
from latchkey.dynamodb import keys, values, writes
from latchkey.keys import keyring
from latchkey.limits import sources

DAY = 86400
# All networks together get twice what one network gets, so one cannot use it up.
NETWORKS = 2


@dataclass(frozen=True)
class Allowance:
    """What strangers at one network may still ask for, for one address today."""

    key: keys.Key
    item: values.Item
    subscriber: str
    site: str

    @property
    def sends(self) -> int:
        """Return how many codes all strangers got for the address today."""
        return int(self.item.get("sends", 0))

    @property
    def _sent_at(self) -> str:
        return f"t{sources.name_of(self.subscriber)}"

    @property
    def _sends(self) -> str:
        return f"n{sources.name_of(self.site)}"

    def check(self, codes: settings.Codes, now: int) -> None:
        """Raise TooManyRequests during the cool-down, and beyond the limits."""
        wait = self.item.get(self._sent_at, 0) + codes.code_cooldown_seconds - now
        if wait > 0:
            raise sends.too_soon(wait)
        most = codes.codes_per_address_per_day
        if self.sends >= NETWORKS * most or self.item.get(self._sends, 0) >= most:
            raise sends.too_many(DAY - now % DAY)

    def count_write(self, codes: settings.Codes, *, now: int) -> writes.Update:
        """Return the write that counts a code. It fails where `check` would."""
        most = codes.codes_per_address_per_day
        return writes.Update(
            self.key,
            when=(
                "(attribute_not_exists(#sends) OR #sends < :most) AND "
                f"(attribute_not_exists(#{self._sends}) OR #{self._sends} < :most_of_site) AND "
                f"(attribute_not_exists(#{self._sent_at}) OR #{self._sent_at} <= :before)"
            ),
            values={
                "most": NETWORKS * most,
                "most_of_site": most,
                "before": now - codes.code_cooldown_seconds,
            },
            sets={self._sent_at: now, "expires_at": now + 2 * DAY},
            adds={"sends": 1, self._sends: 1},
        )

    def undo_write(self, *, now: int) -> writes.Update:
        """Return the write that undoes a code of this second whose mail could not be queued. It
        fails if another code came after it.
        """
        return writes.Update(
            self.key,
            when=f"#{self._sent_at} = :now",
            values={"now": now},
            sets={self._sent_at: 0},
            adds={"sends": -1, self._sends: -1},
        )


def key(address: str, *, now: int) -> keys.Key:
    """Return the key of what strangers got for a canonical address today."""
    return keys.sends_of_strangers(keyring.tag(address, now), now // DAY)


def allowance(address: str, source: str, item: values.Item | None, *, now: int) -> Allowance:
    """Return what strangers at an IP address may ask for, by the item of `key`."""
    return Allowance(
        key(address, now=now), item or {}, sources.subscriber(source), sources.site(source)
    )
