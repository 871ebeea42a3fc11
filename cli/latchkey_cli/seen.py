"""Where in a file a text stood first, for any number of texts: on disk, not in memory."""

import hashlib
import sqlite3


class Seen:
    """Remembers texts with the number of their line, in a temporary database."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect("")
        self._rows.execute("CREATE TABLE seen (text BLOB PRIMARY KEY, line INTEGER) WITHOUT ROWID")

    def first(self, text: str, line: int) -> int:
        """Return the line where a text stood first: this one, if it is new."""
        digest = hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:16]
        query = "SELECT line FROM seen WHERE text = ?"
        if found := self._rows.execute(query, (digest,)).fetchone():
            return int(found[0])
        self._rows.execute("INSERT INTO seen VALUES (?, ?)", (digest, line))
        return line

    def close(self) -> None:
        """Remove the database."""
        self._rows.close()
