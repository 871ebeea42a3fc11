"""Compute the chance to guess a mailed code, per day and per 30 days: `python -m bench.chances`.

It is computed from the defaults of the template and the constants of the code, so it changes with
them. Other values: `FAILURES_PER_DAY=10 CODE_LENGTH=8 python -m bench.chances --right 1000`.

    one account   strangers' guesses at short codes (the budget of failures), and at long ones (five
                  for each code that all networks together may ask for)
    spraying      guesses at ever other accounts, from so many IPv4 addresses: each has the budget
                  of a source, until the wrong codes that count of each make a storm. What is under
                  way at that moment is evaluated too: at most the burst that the API takes.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "layers/core/python"))

from latchkey import settings
from latchkey.codes import redeem, strangers
from latchkey.limits import sources, storm

DAYS = 30
# ApiBurst in template.yaml.
BURST = 1000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--right", type=int, default=0, help="right codes a day that count")
    right = parser.parse_args().right
    print(f"{'':32}{'guesses a day':>15}{'a day':>12}{f'{DAYS} days':>12}")
    for name, guesses, length in _rows(right):
        chance = guesses / 10**length
        month = 1 - (1 - chance) ** DAYS
        print(f"{name:32}{guesses:>15,}{chance:>12.5%}{month:>12.4%}")


def _rows(right: int) -> Iterator[tuple[str, int, int]]:
    """Return what is tried, how many guesses a day are evaluated, and the digits of the code."""
    codes, budget = settings.Codes.load(), settings.Budget.load().failures_per_day
    yield "one account, short codes", budget, codes.code_length
    mails = strangers.NETWORKS * codes.codes_per_address_per_day
    yield "one account, long codes", mails * redeem.MAX_GUESSES, codes.long_code_length
    for addresses in (1, 100, 10_000):
        yield (
            f"spraying, {addresses:,} source" + "s" * (addresses > 1),
            _sprayed(addresses, budget, right),
            codes.code_length,
        )


def _sprayed(addresses: int, budget: int, right: int) -> int:
    """Return the guesses a day from so many IPv4 addresses."""
    of_source = sources.FAILURES_PER_BUDGET * budget
    counted = min(storm.COUNTED_PER_SOURCE, of_source)
    bound = storm.FLOOR_PER_BUDGET * budget + right // storm.RIGHT_PER_WRONG
    # The most guesses at the fewest counted ones: few sources that spend all that they have.
    calm = bound // counted * of_source + bound % counted
    return min(addresses * of_source, calm + BURST)


if __name__ == "__main__":
    main()
