"""Hashes of other systems. What they are of comes from published vectors, or from other code."""

import base64
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from passlib import hash as passlib

from latchkey.users import digests, imported, passwords

FIREBASE = (
    "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZ"
    "JzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SA"
    "yZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
)
SCRYPT = base64.b64encode(
    bytes.fromhex(
        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
        "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
    )
).decode()
PUBLISHED = {
    # github.com/firebase/scrypt, README
    "firebase_scrypt": ("user1password", FIREBASE),
    # RFC 7914, section 12
    "scrypt": ("pleaseletmein", f"$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU${SCRYPT.rstrip('=')}"),
    # Openwall's crypt_blowfish, wrapper.c
    "bcrypt": ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    # Openwall's phpass, test.php
    "phpass": ("test12345", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"),
    # `openssl passwd -5` and `-6`
    "sha256_crypt": ("Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
    "sha512_crypt": (
        "Hello world!",
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoE"
        "OfaS35inz1",
    ),
}
WORD = "Engine 1843 änderbar"
RAW = WORD.encode()
COMPUTED = {
    "argon2id": passlib.argon2.using(type="ID", memory_cost=4096, time_cost=3, parallelism=2),
    "argon2i": passlib.argon2.using(type="I", memory_cost=1024, time_cost=2, parallelism=1),
    "argon2d": passlib.argon2.using(type="D", memory_cost=1024, time_cost=2, parallelism=1),
    "scrypt": passlib.scrypt.using(rounds=10),
    "pbkdf2_sha256": passlib.pbkdf2_sha256.using(rounds=1000),
    "pbkdf2_sha1": passlib.pbkdf2_sha1.using(rounds=1000),
    "pbkdf2_sha512": passlib.pbkdf2_sha512.using(rounds=1000),
    "sha256_crypt": passlib.sha256_crypt.using(rounds=1000),
    "sha512_crypt": passlib.sha512_crypt.using(rounds=1000),
}
DJANGO = {
    "pbkdf2_sha256": passlib.django_pbkdf2_sha256.using(rounds=1000).hash(WORD),
    "pbkdf2_sha1": passlib.django_pbkdf2_sha1.using(rounds=1000).hash(WORD),
    "argon2i": passlib.django_argon2.using(memory_cost=1024, time_cost=2).hash(WORD),
    "md5_digest": passlib.django_salted_md5.hash(WORD),
    "sha1_digest": passlib.django_salted_sha1.hash(WORD),
    "bcrypt_sha256": "bcrypt_sha256$"
    + bcrypt.hashpw(hashlib.sha256(RAW).hexdigest().encode(), bcrypt.gensalt(4)).decode(),
    "bcrypt": "bcrypt$" + bcrypt.hashpw(RAW, bcrypt.gensalt(4, prefix=b"2a")).decode(),
    "scrypt": "scrypt$salty$16384$8$5$"
    + base64.b64encode(
        hashlib.scrypt(RAW, salt=b"salty", n=16384, r=8, p=5, maxmem=2**27, dklen=64)
    ).decode(),
}
DIGESTS = {
    "md5_digest": hashlib.md5(RAW).hexdigest(),
    "sha512_digest": hashlib.sha512(RAW).hexdigest().upper(),
    "sha1_digest": "$digest$sha1$suffix$AAEC$" + hashlib.sha1(RAW + b"\0\1\2").hexdigest(),
    "sha256_digest": "$digest$sha256$prefix$AAEC$" + hashlib.sha256(b"\0\1\2" + RAW).hexdigest(),
}
LDAP = {
    "sha1_digest": passlib.ldap_salted_sha1.hash(WORD),
    "md5_digest": passlib.ldap_salted_md5.hash(WORD),
    "sha256_digest": passlib.ldap_salted_sha256.hash(WORD),
    "sha512_digest": passlib.ldap_salted_sha512.hash(WORD),
}
PLAIN_LDAP = {
    "sha1_digest": passlib.ldap_sha1.hash(WORD),
    "md5_digest": passlib.ldap_md5.hash(WORD),
}
GIVEN = [
    *[(scheme, word, given) for scheme, (word, given) in PUBLISHED.items()],
    *[(scheme, WORD, made.hash(WORD)) for scheme, made in COMPUTED.items()],
    *[
        (scheme, WORD, given)
        for group in (DJANGO, DIGESTS, LDAP, PLAIN_LDAP)
        for scheme, given in group.items()
    ],
]
PLAIN = [*DIGESTS.values(), *LDAP.values(), DJANGO["md5_digest"]]


@pytest.mark.parametrize(("scheme", "word", "given"), GIVEN, ids=[row[0] for row in GIVEN])
def test_the_password_of_another_systems_hash_is_right_here_and_no_other(
    scheme: str, word: str, given: str
):
    assert imported.read(given).scheme == scheme
    stored = passwords.adopt(given)
    assert passwords.matches(word, stored)
    assert not passwords.matches(word + "x", stored)
    assert not passwords.matches("", stored)
    assert not passwords.matches(word + "\0\ud800", stored)
    rehashed = passwords.rehash(word, stored)
    assert rehashed is not None
    assert rehashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.matches(word, rehashed)


@pytest.mark.parametrize("given", PLAIN, ids=range(len(PLAIN)))
def test_no_digest_is_stored(given: str):
    stored = passwords.adopt(given)
    digest = imported.read(given)
    assert isinstance(digest, digests.Digest)
    assert digest.value
    assert digest.value not in stored.lower()
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in stored
    assert passwords.adopt(stored) == stored  # as an export has it


def test_our_own_hash_is_taken_as_it_is():
    ours = passwords.hash_new("engine1843")
    assert passwords.adopt(ours) == ours
    assert passwords.rehash("engine1843", passwords.adopt(ours)) is None


def test_a_password_is_compared_as_it_was_typed_elsewhere():
    typed = "e\u0301ngine 1843 \ufb01"  # NFKC makes other characters of it
    stored = passlib.pbkdf2_sha256.using(rounds=1000).hash(typed)
    assert passwords.matches(typed, stored)
    assert not passwords.matches("éngine 1843 fi", stored)
    rehashed = passwords.rehash(typed, stored)
    assert passwords.matches("éngine 1843 fi", rehashed)


def test_bcrypt_reads_no_more_than_72_bytes_as_elsewhere():
    stored = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    assert passwords.matches("x" * 80, stored)


TAG = "A" * 43
COSTLY = [
    f"$argon2id$v=19$m=131073,t=1,p=1$AAAAAAAAAAAAAAAA${TAG}",
    f"$argon2id$v=19$m=65536,t=9,p=1$AAAAAAAAAAAAAAAA${TAG}",
    f"$argon2id$v=19$m=1024,t=999999999,p=1$AAAAAAAAAAAAAAAA${TAG}",
    f"$argon2id$v=19$m=1024,t=1,p=17$AAAAAAAAAAAAAAAA${TAG}",
    "$2b$14$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    f"$scrypt$ln=18,r=8,p=1$AAAA${TAG}",
    f"$scrypt$ln=999999999,r=8,p=1$AAAA${TAG}",
    f"$scrypt$ln=14,r=8,p=9$AAAA${TAG}",
    f"scrypt$salt$262144$8$1${TAG}",
    FIREBASE.replace("n=14", "n=18"),
    f"$pbkdf2-sha256$1250001$AAAA${TAG}",
    "$pbkdf2-sha256$625001$AAAA$" + "A" * 86,
    f"pbkdf2_sha256$999999999$salt${TAG}=",
    "$6$rounds=300001$salt$" + "A" * 86,
    "$P$H" + "A" * 30,
    f"$wrapped$md5$prefix$$argon2id$v=19$m=131073,t=1,p=1$AAAAAAAAAAAAAAAA${TAG}",
]


@pytest.mark.parametrize("given", COSTLY)
def test_a_hash_that_costs_too_much_is_refused_and_never_computed(
    given: str, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(imported.Unusable, match="costs too much") as refused:
        passwords.adopt(given)
    assert refused.value.reason == "costly_hash"
    assert not passwords.matches("engine1843", given)  # it would not return


@pytest.mark.parametrize(
    "given",
    [
        "",
        "engine1843",
        "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
        "$argon2id$v=18$m=1024,t=1,p=1$AAAAAAAAAAAAAAAA$" + TAG,
        "$argon2id$v=19$m=1024,t=1,p=1$AAAA$" + TAG,
        "$argon2id$v=19$m=1024,t=0,p=1$AAAAAAAAAAAAAAAA$" + TAG,
        "$2b$10$short",
        "$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$scrypt$ln=0,r=8,p=1$AAAA$" + TAG,
        "$pbkdf2-sha256$0$AAAA$" + TAG,
        "$pbkdf2-sha256$1000$AAAA$AAAA",
        "scrypt$salt$16385$8$1$" + TAG + "=",
        "$digest$sha256$prefix$AAAA$abcdef",
        "$digest$sha256$middle$AAAA$" + "a" * 64,
        "{SSHA}AAAA",
        "$5$salt$" + "A" * 86,
        "$6$rounds=007$salt$" + "A" * 86,
        "$wrapped$md5$prefix$$argon2id$AAAA",
        "a" * 33,
        "$2b$10$" + "C" * 10_000,
    ],
)
def test_a_hash_of_no_known_form_is_refused(given: str):
    with pytest.raises(imported.Unusable) as refused:
        passwords.adopt(given)
    assert refused.value.reason == "unknown_hash"
    assert not passwords.matches("engine1843", given or "$")


@given(st.one_of(st.text(), st.sampled_from([given for _, _, given in GIVEN])), st.data())
def test_no_text_does_harm(text: str, data: st.DataObject):
    at = data.draw(st.integers(0, len(text)))
    changed = text[:at] + data.draw(st.text(alphabet="$0aA=,./\n-", max_size=3)) + text[at:]
    try:
        imported.read(changed)
    except imported.Unusable:
        return


def test_who_signs_in_with_a_hash_of_ours_imports_no_foreign_code():
    import subprocess
    import sys

    code = (
        "import sys\n"
        "from latchkey.users import passwords\n"
        "passwords.matches('engine1843', None)\n"
        "assert not {'bcrypt', 'passlib', 'latchkey.users.imported'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd="layers/core/python")


def test_threads_of_a_new_container_wrap_plain_digests_at_once():
    program = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from latchkey.users import passwords\n"
        f"digests = [{hashlib.md5(b'engine 1843').hexdigest()!r}] * 8\n"
        "with ThreadPoolExecutor(8) as threads:\n"
        "    print(*threads.map(passwords.adopt, digests))\n"
    )
    layer = str(Path(passwords.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": layer},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 8
