"""The map of both tables: the key of every item.

Accounts (key `pk`; nothing in it expires):

    USER#<sub>          profile, email, username, password_hash, version (counts their changes)
    EMAIL#<address>     sub: the guard that makes an address unique
    USERNAME#<name>     sub: the guard that makes a user name unique
    KEYRING             the keys, wrapped by KMS; issuer; revision

Its index Directory (keys `directory`, `entry`) lists users for operators, in three orders. Each
entry costs one write unit when a user is created, deleted or renamed, and none at a sign-in:

    address   <address>            of each guard of an address
    username  <name>               of each guard of a user name
    created   <created_at>#<sub>   of each user

Grants (keys `pk`, `sk`; everything expires at `expires_at`, in epoch seconds; conditions and
readers check that themselves, because DynamoDB's TTL deletes up to days late):

    VERIFICATION#<id>  -                 a mailed code, later its proof; expires with the code, then
                                         with the proof
    SEND#<tag>         <lane>            what was sent to an address in a lane (codes/sends.py):
                                         cool-down, daily limit, live and spent seeds
    SEND#<tag>         STRANGERS#<day>   what was sent to it on that day for devices that it does
                                         not know, by network (codes/strangers.py)
    SEND-IP#<source>   <hour>            how many codes a source address asked for in that hour
    SOURCE#<site>      <day>             failures of a source on that day, over all accounts
    STORM#<shard>      <window>          wrong and right codes of the deployment (limits/storm.py)
    BUDGET#<tag>       - | <device> | session <sid>  failures of an account by lane; of a device
                                         also until when the account knows it
    CAPTCHA#<id>       -                 that a picture was answered, and that its token was used
    CAPTCHA-IP#<source>  <hour>          how many pictures a source address asked for in that hour
    SUPPRESSED         <address>         an address that bounced or complained gets no mail. It is
                                         told to operators, so it is no tag
    MAILS              -                 how many mails were sent in each of the last hours
                                         (limits/ceiling.py)
    NOTICES#<sub>      <kind>            how many notices of a kind a user was mailed, and how many
                                         were left out; expires after 90 days
    NOTICES#<sub>      <kind>#<id>       a notice that was counted, so that it is not counted again
    USER#<sub>         SESSION#<sid>     a session; expires with its refresh token
    USER#<sub>         SESSION-DEVICE#<name>  a device that has signed in before, and the sessions
                                         that it has now
    USER#<sub>         EVENT#<t>#<id>    an entry of the security history; expires after 90 days
    USER#<sub>         PROVEN#<address>  the user has proven this address in order to change to it;
                                         expires with the proof

A tag is a MAC of an address (keys/keyring.py), so that limits hold no addresses.
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True)
class Key:
    """Where an item is. `sk` is None in Accounts."""

    table: Literal["accounts", "grants"]
    pk: str
    sk: str | None = None


Order: TypeAlias = Literal["address", "username", "created"]

KEYRING = Key("accounts", "KEYRING")
MAILS = Key("grants", "MAILS", "-")


def user(sub: str) -> Key:
    """Return the key of a user."""
    return Key("accounts", f"USER#{sub}")


def email(address: str) -> Key:
    """Return the key of the guard of a canonical address."""
    return Key("accounts", f"EMAIL#{address}")


def username(name: str) -> Key:
    """Return the key of the guard of a user name, which ignores case."""
    return Key("accounts", f"USERNAME#{name.lower()}")


def listed(order: Order, entry: str) -> dict[str, str]:
    """Return the attributes by which the index Directory lists an item."""
    return {"directory": order, "entry": entry}


def verification(verification_id: str) -> Key:
    """Return the key of a verification. An id of a caller's is cut to 64 characters, more than any
    of ours has, because DynamoDB refuses keys beyond 2 KB.
    """
    return Key("grants", f"VERIFICATION#{verification_id[:64]}", "-")


def sends(tag: str, lane: str) -> Key:
    """Return the key of what was sent to the address of a tag in a lane."""
    return Key("grants", f"SEND#{tag}", lane)


def source_sends(source: str, hour: int) -> Key:
    """Return the key of a source's counter for an hour since 1970. Each hour has its own counter,
    so none is ever reset.
    """
    return Key("grants", f"SEND-IP#{source}", str(hour))


def sends_of_strangers(tag: str, day: int) -> Key:
    """Return the key of what was sent to the address of a tag for strangers on a day since 1970."""
    return Key("grants", f"SEND#{tag}", f"STRANGERS#{day}")


def source_failures(site: str, day: int) -> Key:
    """Return the key of the failures of a site on a day since 1970."""
    return Key("grants", f"SOURCE#{site}", str(day))


def storm(shard: int, window: int) -> Key:
    """Return the key of a shard of the deployment's counters in a window of six hours."""
    return Key("grants", f"STORM#{shard}", str(window))


def budget(tag: str, lane: str) -> Key:
    """Return the key of a lane of the budget of failures of the address of a tag."""
    return Key("grants", f"BUDGET#{tag}", lane)


def sends_of(tag: str) -> Key:
    """Return the prefix of the keys of what was sent to the address of a tag."""
    return Key("grants", f"SEND#{tag}", "")


def budgets(tag: str) -> Key:
    """Return the prefix of the keys of all lanes of the budget of the address of a tag."""
    return Key("grants", f"BUDGET#{tag}", "")


def captcha(picture_id: str) -> Key:
    """Return the key of what became of the picture of a captcha."""
    return Key("grants", f"CAPTCHA#{picture_id}", "-")


def source_pictures(source: str, hour: int) -> Key:
    """Return the key of a source's counter of pictures for an hour since 1970."""
    return Key("grants", f"CAPTCHA-IP#{source}", str(hour))


def suppression(address: str) -> Key:
    """Return the key of the suppression of a canonical address; without one, the prefix of all."""
    return Key("grants", "SUPPRESSED", address)


def notices(sub: str, kind: str) -> Key:
    """Return the key of the tally of a user's notices of a kind."""
    return Key("grants", f"NOTICES#{sub}", kind)


def notice(sub: str, kind: str, notice_id: str) -> Key:
    """Return the key of the mark of a notice that was counted."""
    return Key("grants", f"NOTICES#{sub}", f"{kind}#{notice_id}")


def device(sub: str, name: str) -> Key:
    """Return the key of a device that a user signed in from. Devices without an id share one."""
    return Key("grants", f"USER#{sub}", f"SESSION-DEVICE#{name or '-'}")


def session(sub: str, sid: str) -> Key:
    """Return the key of a session."""
    return Key("grants", f"USER#{sub}", f"SESSION#{sid}")


def sessions(sub: str) -> Key:
    """Return the prefix of the keys of a user's sessions."""
    return Key("grants", f"USER#{sub}", "SESSION#")


def sessions_and_devices(sub: str) -> Key:
    """Return the prefix of the keys of a user's sessions and devices."""
    return Key("grants", f"USER#{sub}", "SESSION")


def event(sub: str, at: int, event_id: str) -> Key:
    """Return the key of an entry of the security history; entries sort by time."""
    return Key("grants", f"USER#{sub}", f"EVENT#{at:012d}#{event_id}")


def events(sub: str) -> Key:
    """Return the prefix of the keys of a user's security history."""
    return Key("grants", f"USER#{sub}", "EVENT#")


def event_at(sub: str, cursor: str) -> Key:
    """Return the key of the history entry that a cursor names."""
    return Key("grants", f"USER#{sub}", f"EVENT#{cursor}")


def cursor(entry: dict[str, Any]) -> str:
    """Return the cursor of a history entry: what tells it from the user's other entries."""
    return str(entry["sk"]).removeprefix("EVENT#")


def proven(sub: str, address: str) -> Key:
    """Return the key of the note that a user has proven an address in order to change to it."""
    return Key("grants", f"USER#{sub}", f"PROVEN#{address}")


def everything_of(sub: str) -> Key:
    """Return the prefix of the keys of all items in Grants that belong to a user."""
    return Key("grants", f"USER#{sub}", "")


def key_of(item: dict[str, Any]) -> Key:
    """Return the key of an item that was read from Grants."""
    return Key("grants", item["pk"], item["sk"])
