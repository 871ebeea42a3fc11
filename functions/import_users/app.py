"""Take users of another system in, with the hashes of their passwords, for operators. No route."""

from latchkey.operators import importing
from latchkey.operators.entry import entry

handler = entry(importing.import_users, importing.ImportUsers)
