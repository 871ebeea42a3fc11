"""Captchas: a picture of four letters and digits, whose answer lets a stranger try once more.

    picture -> answered, right or wrong -> token -> used

A stranger is asked for one in the second half of what strangers get: of an account's failures
(budget.py), and of an address's codes. It buys nothing beyond that. Programs read such pictures
too, so a captcha is a speed bump and no wall.

Nothing that is stored can be used. The text of a picture is derived from its random id under the
MAC key; the item of that id only says that the picture was answered and that its token was used.
"""

import hmac
import re
import unicodedata
from dataclasses import dataclass

from latchkey import errors, ids, settings
from latchkey.caller import RETRY_SECONDS, Caller
from latchkey.dynamodb import keys, store, values, writes
from latchkey.keys import keyring, tokens
from latchkey.limits import budget

# The vendor's values.
PICTURE_SECONDS = 300
TOKEN_SECONDS = 600
# What a client is told of the life of its token. The SDK keeps a token until 10 s before that time
# and sends a kept one again, which would be refused as used, and shows no dialog then.
TOLD_SECONDS = 9
# The SDK's dialog takes no more characters. None of these looks like another one, also if it is
# turned. A guess is right once in 18**4 = 104,976 pictures.
LENGTH = 4
ALPHABET = "ACEFHKLMPRTXY34679"
# So many codes a day for an address need no captcha, because not everybody can read a picture.
FREE_CODES = 3
# The SDK sends a request three times if its answers are lost.
_MOST_USES = 3
# How the SDK names a call. Its older releases write `/auth` before the path.
_STATE = re.compile(r"POST:(?:/auth)?(/v\d/[a-z/]+)")


@dataclass(frozen=True)
class Picture:
    """What a picture is to show, and the token that its answer must come with."""

    text: str
    token: str


def picture(state: str, *, now: int) -> Picture:
    """Make a picture for the call that a state such as `POST:/v1/signin` names, or for any."""
    named = _STATE.fullmatch(state)
    claims = {"jti": ids.new_id(), "path": named[1] if named else ""}
    token = tokens.issue_mac("picture", claims, now=now, expires_at=now + PICTURE_SECONDS)
    return Picture(_text(claims["jti"], now), token)


def answer(token: str, text: str, caller: Caller, *, now: int) -> str:
    """Return the captcha token for a right answer. Any answer spends the picture; a repeated
    request gets the same again.

    Raises PictureUnusable and WrongAnswer.
    """
    try:
        claims = tokens.read_mac("picture", token, now=now)
    except tokens.Refused as refused:
        raise errors.PictureUnusable from refused
    # The picture is spent before the answer is compared, so that it cannot be guessed twice.
    spend = writes.Put(
        keys.captcha(claims["jti"]),
        when=writes.ABSENT,
        item={
            "answered_by": caller.retry_id,
            "answered_at": now,
            "expires_at": now + TOKEN_SECONDS,
        },
    )
    at = now
    try:
        store.write(spend)
    except writes.Conflict as conflict:
        spent = conflict.item(spend) or {}
        at = spent.get("answered_at", 0)
        if not caller.repeats(spent.get("answered_by", ""), at, now=now):
            raise errors.PictureUnusable from None
    typed = unicodedata.normalize("NFKC", text).strip().upper()
    right = _text(claims["jti"], claims["iat"])
    if not hmac.compare_digest(typed.encode(), right.encode()):
        raise errors.WrongAnswer
    kept = {"jti": claims["jti"], "path": claims["path"]}
    return tokens.issue_mac("captcha", kept, now=at, expires_at=at + TOKEN_SECONDS)


def count(lane: budget.Lane, caller: Caller, *, now: int) -> budget.Try:
    """Count a try at a password before it is evaluated. In the second half of the strangers' lane
    it takes a captcha.

    Raises TooManyRequests if the lane is spent, CaptchaRequired and CaptchaInvalid.
    """
    if lane.name != budget.STRANGERS or not _is_on():
        return budget.count(lane, caller, now=now)
    try:
        # One conditional write, so that no number of parallel tries gets past the half.
        return budget.count(lane, caller, free=_free_failures(), now=now)
    except errors.CaptchaRequired:
        store.write(redeem_write(caller, now=now))
    return budget.count(lane, caller, now=now)


def send_writes(
    caller: Caller, *, failures: int, sends: int, most: int, now: int
) -> list[writes.Write]:
    """Return what must be written beside a code for a stranger: the use of a captcha, or nothing.

    `failures` are those of the strangers' lane. `sends` are the codes that strangers have asked
    for today for the address, of `most`. Raises CaptchaRequired and CaptchaInvalid.
    """
    many = failures >= _free_failures() or 2 * sends >= most
    if not _is_on() or sends < FREE_CODES or not many:
        return []
    return [redeem_write(caller, now=now)]


def redeem_write(caller: Caller, *, now: int) -> writes.Update:
    """Return the write that uses the captcha token of a request. One request wins it, with its
    repeats.

    Raises CaptchaRequired and CaptchaInvalid; the write fails with CaptchaInvalid.
    """
    if not caller.captcha_token:
        raise errors.CaptchaRequired
    try:
        claims = tokens.read_mac("captcha", caller.captcha_token, now=now)
    except tokens.Refused as refused:
        raise errors.CaptchaInvalid from refused
    if not caller.path.endswith(claims["path"]):
        raise errors.CaptchaInvalid
    first = "attribute_not_exists(#used_by)"
    again = "#used_by = :me AND #used_at > :since AND #uses < :most"
    repeats: values.Item = {
        "me": caller.retry_id,
        "since": now - RETRY_SECONDS,
        "most": _MOST_USES,
    }
    return writes.Update(
        keys.captcha(claims["jti"]),
        when=f"{first} OR ({again})" if caller.retry_id else first,
        values=repeats if caller.retry_id else {},
        refusal=errors.CaptchaInvalid,
        sets={"used_by": caller.retry_id, "used_at": now, "expires_at": claims["exp"]},
        adds={"uses": 1},
    )


def _is_on() -> bool:
    return settings.Captcha.load().captcha == "adaptive"


def _free_failures() -> int:
    """Return how many failures of a lane need no captcha: half of them, rounded up."""
    return (settings.Budget.load().failures_per_day + 1) // 2


def _text(picture_id: str, at: int) -> str:
    """Derive the text of a picture that was made at that time."""
    key = keyring.load().current("mac", at)
    number = int.from_bytes(keyring.mac(key, f"captcha:{picture_id}")[:8])
    text = ""
    for _ in range(LENGTH):
        number, place = divmod(number, len(ALPHABET))
        text += ALPHABET[place]
    return text
