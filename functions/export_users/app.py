"""Give all users out, with the hashes of their passwords, for operators. No route."""

from latchkey.operators import exporting
from latchkey.operators.entry import entry

handler = entry(exporting.export_users, exporting.ExportUsers)
