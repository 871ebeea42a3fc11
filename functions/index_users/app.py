"""List users in the index who were made before there was one, for an operator. No route."""

from latchkey.operators.entry import entry
from latchkey.operators.indexing import Reindex, reindex

handler = entry(reindex, Reindex)
