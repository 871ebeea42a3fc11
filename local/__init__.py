"""Latchkey on this machine: the real template on MiniStack, and an inbox for its mails."""

import sys
from pathlib import Path

# The desk calls the functions for operators as the command does, whose package has a folder of its
# own: it is installed without the rest.
sys.path.append(str(Path(__file__).parents[1] / "cli"))
