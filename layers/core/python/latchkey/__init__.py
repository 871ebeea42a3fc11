"""Latchkey: e-mail login on the wire of CloudBase Auth v2."""

import gc

# A function imports some 100,000 objects and frees few of them, so collecting garbage while it does
# is a tenth of a cold start (docs/decisions/0001). This module is always imported first.
gc.set_threshold(100_000, 50, 100)
