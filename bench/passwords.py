"""`python -m bench.passwords`: what judging a chosen password costs: processor time, and bytes.

The worst of 3,000 random texts of characters that zxcvbn may each take for another one stands for
the worst of all.
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "layers/core/python"))

PASSWORDS = [
    "engine1843",
    "Password1",
    "k7#mQz91",
    "correct1horse",
    "mountain-lake-1",
    "q1w2e3r4t5",
]
REPLACED = "4@8({[<369&#!1/|0$57+%2"


def main() -> None:
    """Print the costs."""
    loading = _ms(_load)
    from latchkey.users import blocklist

    def judge(password: str) -> float:
        return _ms(
            lambda: blocklist.reason(
                password, address="ada@example.com", username="ada_lovelace", product="Latchkey"
            )
        )

    draw = random.Random(1843)  # noqa: S311 - the same texts in each run
    usual = [judge(password) for password in PASSWORDS * 50]
    odd = [judge("".join(draw.choices(REPLACED, k=k))) for k in (20, 64) for _ in range(3000)]
    print(f"load, once per container   {loading:8.1f} ms")
    print(f"judge a password, median   {statistics.median(usual):8.1f} ms")
    print(f"judge a password, worst    {max(odd):8.1f} ms")
    print(f"digests in the layer       {blocklist.BREACHED.stat().st_size / 1000:8.0f} KB")
    print(f"zxcvbn, with its bytecode  {_zxcvbn_bytes() / 1000:8.0f} KB")


def _load() -> None:
    from latchkey.users import blocklist

    blocklist.reason("engine1843", address="", username="", product="")


def _ms(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1000


def _zxcvbn_bytes() -> int:
    import py_compile

    import zxcvbn

    files = list(Path(zxcvbn.__file__).parent.glob("*.py"))
    with tempfile.TemporaryDirectory() as folder:
        compiled = [py_compile.compile(str(f), cfile=f"{folder}/{f.name}c") for f in files]
        return sum(Path(str(f)).stat().st_size for f in [*files, *compiled])


if __name__ == "__main__":
    main()
