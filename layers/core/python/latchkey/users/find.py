"""Find users by address or user name, and check their passwords."""

import time
from typing import NamedTuple

from latchkey import addresses, errors, settings
from latchkey.caller import Caller
from latchkey.dynamodb import keys, store, values
from latchkey.limits import budget, captcha
from latchkey.users import passwords, user
from latchkey.users.user import User

# When a refused password is answered with strict account discovery, after the start of the check:
# a foreign hash takes up to 16 times as long as ours (imported.py), and the function for migration
# has 3 s (hooks.py), after our own hash.
IMPORTED_SECONDS = 1.5
MIGRATION_SECONDS = 5


class Found(NamedTuple):
    """A user, or None, and the caller's device if that user has signed in from it before."""

    user: User | None
    device: values.Item | None = None


def by_address(address: str, caller: Caller, *, likely: str = "", now: int) -> Found:
    """Read the user of a canonical address. It takes one step if `likely` is that user's sub."""
    if likely:
        item, device = store.get(keys.user(likely), keys.device(likely, caller.device_id))
        if item and item["email"] == address:
            return _found(item, device, now)
    return _by_guard(keys.email(address), caller, now)


def by_name(name: str, caller: Caller, *, now: int) -> Found:
    """Read the user of an address or a user name, as typed."""
    return _by_guard(_guard_of(name), caller, now)


class SignedBy(NamedTuple):
    """A user whose password was right, the caller's device if the user has signed in from it
    before, and the try, which a successful sign-in gives back. `is_new` means that the user comes
    from another system and is not written yet.
    """

    user: User
    device: values.Item | None
    tried: budget.Try
    is_new: bool = False


def by_password(
    name: str, password: str, caller: Caller, *, now: int, migrates: bool = False
) -> SignedBy:
    """Return the user of an address or a user name, as typed, if the password is right.

    The try is counted in the account's budget of failures before the password is hashed. Raises
    BadCredentials after the same time for a wrong password, an unknown user, and a user without a
    password; raises TooManyRequests, CaptchaRequired, CaptchaInvalid, and LoginTypeDisabled for a
    phone number. If it `migrates`, the deployer's function is asked for an address without an
    account (migration.py); raises Unavailable if that fails.
    """
    began = time.monotonic()
    try:
        return _by_password(name, password, caller, now, migrates)
    except errors.BadCredentials:
        _wait(began)
        raise


def _by_password(name: str, password: str, caller: Caller, now: int, migrates: bool) -> SignedBy:
    addresses.refuse_phone(name)
    found, device = by_name(name, caller, now=now)
    known = device is not None
    account = addresses.canonical_or_none(name) or name.lower()
    # With strict account discovery, a user name has a lane of its own for strangers. If it shared
    # that of the address, whoever spends one would see at the other that they belong together.
    if found and (not settings.Discovery.load().strict or (known and caller.device_is_secret)):
        account = found.email
    lane = budget.lane_of(account, caller, known=known, now=now)
    lane.note_try("password")
    tried = captcha.count(lane, caller, now=now)
    right = passwords.matches(password, found.password_hash if found else None)
    if found is None and migrates:
        with tried.refunded_on(errors.Unavailable):
            moved = _migrated(addresses.canonical_or_none(name), password, now)
        if moved:
            return SignedBy(moved, None, tried, is_new=True)
    if not right or found is None:
        raise errors.BadCredentials
    return SignedBy(found, device, tried)


def _migrated(address: str | None, password: str, now: int) -> User | None:
    """Ask the deployer's function for the user of an address, if there is a function."""
    if not (settings.Hooks.load().migration_function_arn and address and passwords.fits(password)):
        return None
    from latchkey.users import migration

    return migration.ask(address, password, now=now)


def _wait(began: float) -> None:
    """With strict account discovery, wait until all refusals of a password are answered, if some
    take longer than others (decision 9).
    """
    discovery = settings.Discovery.load()
    if not discovery.strict:
        return
    if settings.Hooks.load().migration_function_arn:
        seconds: float = MIGRATION_SECONDS
    elif discovery.imported_passwords == "on":
        seconds = IMPORTED_SECONDS
    else:
        return
    time.sleep(max(0, began + seconds - time.monotonic()))


def check_password(
    signed_in: User, sid: str, password: str, caller: Caller, *, now: int
) -> budget.Try:
    """Check the password of a signed-in user, within the budget of failures of the session. Return
    the try, which the caller gives back.

    Raises PasswordNotSet, WrongPassword and TooManyRequests.
    """
    if signed_in.password_hash is None:
        raise errors.PasswordNotSet
    lane = budget.lane_of_session(signed_in.email, sid, now=now)
    lane.note_try("password")
    tried = budget.count(lane, caller, now=now)
    if not passwords.matches(password, signed_in.password_hash):
        raise errors.WrongPassword
    return tried


def exists(name: str) -> bool:
    """Return whether an address or a user name, as typed, belongs to a user."""
    [guard] = store.get(_guard_of(name))
    return guard is not None


def _guard_of(name: str) -> keys.Key:
    """Return the key of the guard of an address or a user name. A text that is neither gets a key
    that no item has.
    """
    if "@" in name:
        return keys.email(addresses.canonical_or_none(name) or "-")
    return keys.username(name if user.is_username(name) else "-")


def _by_guard(guard_key: keys.Key, caller: Caller, now: int) -> Found:
    """Read the guard, and then the user, even if there is no guard: known and unknown names take
    the same time.
    """
    [guard] = store.get(guard_key)
    sub = guard["sub"] if guard else "-"
    item, device = store.get(keys.user(sub), keys.device(sub, caller.device_id))
    return _found(item, device, now)


def _found(item: values.Item | None, device: values.Item | None, now: int) -> Found:
    known = device if device is not None and device["expires_at"] > now else None
    return Found(user.of(item) if item else None, known)
