import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latchkey.keys import encryption, keyring
from tests.unit.conftest import CONTEXT, NOW, Clock, handler, start_container

K = 256
# No key opens these: two are no blocks, and one is larger than any modulus. A smaller block with
# bad padding is no good example. OpenSSL answers it with random bytes (implicit rejection), which
# are sometimes valid text.
NOT_SEALED = ["", "not base64!", base64.b64encode(b"\xff" * K).decode()]


def seal(text: str, *, strip: bool = True, piece: int = 117) -> str:
    """Encrypt as the SDK does: each UTF-16 unit by itself, blocks without leading zeros."""
    raw = text.encode("utf-16-le", "surrogatepass")
    units = [raw[i : i + 2].decode("utf-16-le", "surrogatepass") for i in range(0, len(raw), 2)]
    size = len(units) if len(units) <= K - 11 else piece
    public = keyring.public(keyring.load().current("encryption", NOW))
    blocks = []
    for start in range(0, len(units), size or 1):
        data = "".join(
            unit.encode("utf-8", "surrogatepass").decode("latin-1")
            for unit in units[start : start + size]
        )
        block = public.encrypt(data.encode("latin-1"), padding.PKCS1v15())
        blocks.append(block.lstrip(b"\0") if strip else block)
    return base64.b64encode(b"".join(blocks)).decode()


def thumbprint() -> str:
    return keyring.load().current("encryption", NOW).id


def opened(text: str, name: str | None = None) -> str | None:
    return encryption.decrypt(text, thumbprint() if name is None else name, now=NOW)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=60))
def test_a_sealed_text_opens(text: str):
    assert opened(seal(text)) == (text if text else None)


@pytest.mark.parametrize("text", ["a" * 245, "b" * 246, "c" * 1000, "口令" * 19, "🗝" * 40])
def test_a_long_text_comes_in_blocks(text: str):
    assert opened(seal(text, strip=False)) == text


def test_a_block_that_lost_its_leading_zero_opens():
    for _ in range(3000):
        text = seal("engine1843")
        if len(base64.b64decode(text)) < K:
            break
    else:
        pytest.skip("no short block in 3000")
    assert opened(text) == "engine1843"


def test_a_surrogate_pair_may_be_cut_between_blocks():
    text = "a" * 116 + "🗝" + "a" * 200
    assert opened(seal(text, strip=False)) == text


@pytest.mark.parametrize(
    "text",
    [
        *NOT_SEALED,
        "=",
        base64.b64encode(b"\x01" * (K + 1)).decode(),
        base64.b64encode(b"\x01" * (2 * K - 1)).decode(),
        base64.b64encode(b"\x01" * (17 * K)).decode(),
        "é",
    ],
)
def test_what_was_not_sealed_here_is_nothing(text: str):
    assert opened(text) is None


@pytest.mark.parametrize("name", ["", "unknown"])
def test_another_key_opens_nothing(name: str):
    assert opened(seal("engine1843"), name) is None


def test_a_key_of_another_purpose_opens_nothing():
    assert opened(seal("engine1843"), keyring.load().current("signing", NOW).id) is None


def test_what_is_no_text_is_nothing():
    public = keyring.public(keyring.load().current("encryption", NOW))
    block = public.encrypt(b"engine1843\xff", padding.PKCS1v15())
    assert opened(base64.b64encode(block).decode()) is None


def test_half_a_surrogate_is_nothing():
    assert opened(seal("\ud83d")) is None


def test_the_key_is_of_no_other_use():
    ring = keyring.load()
    assert ring.current("encryption", NOW).id not in json.dumps(ring.jwks())


@pytest.mark.parametrize(("seconds", "works"), [(86400 + 3600, True), (10 * 86400, False)])
def test_a_replaced_key_still_opens_what_was_under_way(now: Clock, seconds: int, works: bool):
    name, text = thumbprint(), seal("engine1843")
    now.time += 90 * 86400
    handler("rotate_keys")({"detail-type": "Scheduled Event"}, CONTEXT)
    now.time += seconds
    handler("rotate_keys")({"detail-type": "Scheduled Event"}, CONTEXT)
    start_container()
    assert encryption.public_key(now=now.time).public_key_thumbprint != name
    assert (encryption.decrypt(text, name, now=now.time) == "engine1843") is works
