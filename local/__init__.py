"""Latchkey on this machine: the real template on MiniStack, and an inbox for its mails."""
