"""Passwords that are guessed first: breached ones, words with little added, and words that belong
to this user or product. All is looked up in the layer; nothing is asked of another service.

breached.bin has digests of the 30,000 most common passwords that the policy `cloudbase` lets pass,
and of the 3,000 for `asvs` (layers/core/breached.py says where they come from). zxcvbn estimates
how many guesses another one takes: it knows 94,000 words, names and passwords, letters replaced by
digits, rows of a keyboard, sequences, repeats and dates.

In the layer that is 164 KB of digests and 1.7 MB of zxcvbn with its bytecode. Loading takes 24 ms
once per container, a check 0.5 ms, 110 ms at worst (`python -m bench.passwords`).
"""

import bisect
import functools
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from zxcvbn import zxcvbn

BREACHED = Path(__file__).with_name("breached.bin")
DIGEST_BYTES = 5
# zxcvbn's own bound between what falls to guesses at a login page and what withstands them (its
# score 2, "somewhat guessable").
GUESSES = 10**6
# The time that zxcvbn takes grows fast with the length: 2 s for 64 characters that could all be
# replaced letters, 0.05 s for 20.
WINDOW = 20
# A shorter word stands in other words by chance. zxcvbn finds what is mostly made of one.
LONGEST_BY_CHANCE = 4

_COMMON = "This password is among the most common ones. Choose another one."
_GUESSABLE = (
    "This password is easy to guess: it is a word, a name, a date or a pattern with little added. "
    "Choose another one."
)
_ADDRESS = "The password must not contain your e-mail address or a part of it."
_USERNAME = "The password must not contain your user name or a part of it."
_PRODUCT = "The password must not contain the name of this service or a part of it."
# "Password" in the languages of our mails: zxcvbn's lists are English.
_PASSWORD = (
    "passwort",
    "kennwort",
    "motdepasse",
    "contraseña",
    "пароль",
    "密码",
    "密碼",
    "パスワード",
)


def reason(password: str, *, address: str, username: str, product: str) -> str | None:
    """Return a sentence on why this password is guessed early, or None."""
    spelling = password.casefold()
    own = {_ADDRESS: address, _USERNAME: username, _PRODUCT: product}
    for sentence, text in own.items():
        for word in (text, text.partition("@")[0]):
            plain = _letters(word)
            if len(plain) > LONGEST_BY_CHANCE and plain in _letters(spelling):
                return sentence
    # One kind of punctuation at each end is no more than decoration.
    bare = re.sub(r"^([\W_])\1*|([\W_])\2*$", "", spelling) or spelling
    if _is_listed(spelling) or _is_listed(bare):
        return _COMMON
    words = dict.fromkeys(_PASSWORD, _COMMON)
    for sentence, text in own.items():
        words |= dict.fromkeys(_parts(text), sentence)
    return _guessed(bare, words)


def digest(spelling: str) -> bytes:
    """Return what stands for a password in breached.bin."""
    return hashlib.blake2b(spelling.encode(), digest_size=DIGEST_BYTES).digest()


def _guessed(spelling: str, words: dict[str, str]) -> str | None:
    """Return the sentence of a word that is the reason for which a password is guessed early. Only
    the beginning and the end of a long password are looked at, and one of them withstands.
    """
    # zxcvbn knows the years up to 2019 as such.
    spelling = re.sub(r"20[2-4]\d", "2019", spelling)
    if repeated := re.fullmatch(r"(.+?)\1+", spelling, re.DOTALL):
        spelling = repeated[1] * 2
    sentence = None
    for part in {spelling[:WINDOW], spelling[-WINDOW:]}:
        found = zxcvbn(part, user_inputs=list(words))
        if found["guesses"] >= GUESSES:
            return None
        for match in found["sequence"]:
            if match.get("dictionary_name") == "user_inputs":
                sentence = words[match["matched_word"]]
        if len(found["sequence"]) == 1 and found["sequence"][0]["pattern"] == "dictionary":
            sentence = sentence or _COMMON
    return sentence or _GUESSABLE


def _is_listed(spelling: str) -> bool:
    """Return whether a password is among the breached ones."""
    return _is_listed_digest(digest(spelling))


def _is_listed_digest(wanted: bytes) -> bool:
    listed = _breached()
    count = len(listed) // DIGEST_BYTES

    def at(place: int) -> bytes:
        return listed[place * DIGEST_BYTES : (place + 1) * DIGEST_BYTES]

    place = bisect.bisect_left(range(count), wanted, key=at)
    return at(place) == wanted


@functools.cache
def _breached() -> bytes:
    return BREACHED.read_bytes()


def _parts(text: str) -> Iterator[str]:
    """Return the words in an address or a name, of which the top-level domain is none."""
    local, at, domain = text.casefold().partition("@")
    words = [local, *(domain.split(".")[:-1] if at else [])]
    for word in words:
        yield from (word, _letters(word))
        yield from (piece for piece in re.split(r"[\W\d_]+", word) if len(piece) > 2)


def _letters(text: str) -> str:
    """Return the letters and digits of a text, in lower case."""
    return re.sub(r"[\W_]+", "", text.casefold())
