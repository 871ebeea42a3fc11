"""`python -m bench.hashes`: how long the dearest hashes take that may be imported.

The figures are milliseconds here, and how many times as long as a hash of ours each takes.
"""

import time

from latchkey.users import passwords

_TAG = "A" * 43
_LONG = "A" * 86
DEAREST = {
    "ours": "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + _TAG,
    "argon2id, 128 MiB, 3 passes": f"$argon2id$v=19$m=131072,t=3,p=1$AAAAAAAAAAAAAAAA${_TAG}",
    "bcrypt, cost 13": "$2b$13$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "scrypt, 128 MiB": f"$scrypt$ln=17,r=8,p=1$AAAA${_TAG}",
    "Firebase, 128 MiB": f"$fbscrypt$v=1,n=17,r=8,ss=Bw==,sk={_LONG}$AAAA${_LONG}",
    "PBKDF2-SHA256, 1,250,000": f"$pbkdf2-sha256$1250000$AAAA${_TAG}",
    "PBKDF2-SHA512, 500,000": f"$pbkdf2-sha512$500000$AAAA${_LONG}",
    "sha256-crypt, 300,000": f"$5$rounds=300000$saltstring${_TAG}",
    "sha512-crypt, 300,000": f"$6$rounds=300000$saltstring${_LONG}",
    "phpass, 2^18": "$P$G" + "A" * 30,
}


def main() -> None:
    """Print the table."""
    ours = _milliseconds(DEAREST["ours"])
    for name, stored in DEAREST.items():
        took = _milliseconds(stored)
        print(f"{name:30}{took:8.0f}{took / ours:8.1f}")


def _milliseconds(stored: str) -> float:
    """Return the shortest time of three, after one that imports the library."""
    times = []
    for _ in range(4):
        began = time.perf_counter()
        passwords.matches("engine1843", stored)
        times.append(time.perf_counter() - began)
    return 1000 * min(times[1:])


if __name__ == "__main__":
    main()
