"""What an SMTP server's replies mean (RFC 5321, section 4.2; enhanced codes: RFC 3463)."""

import re

from latchkey.mail.transport import NotSent, Step, TryLater, Undeliverable, WrongSender

_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_LOGIN_CODES = {530, 534, 535, 538}
# RFC 3463: bad mailbox, bad system, bad syntax, moved, bad domain syntax (RFC 7505: null MX);
# mailbox disabled.
_NO_MAILBOX = {"1.0", "1.1", "1.2", "1.3", "1.6", "1.10", "2.1"}
LATE = "the server did not answer in time"
# A server that waits for TLS to begin says nothing to a client that waits for its greeting.
SILENCE = f"{LATE}: does this port speak TLS from the first byte (SSL)?"


def classify(step: Step, code: int, reply: str) -> NotSent:
    """Return what a refusal at a step means: whose fault it is, and whether a retry can help."""
    status = str(code)
    found = _ENHANCED.search(reply)
    subject = f"{found[2]}.{found[3]}" if found else ""
    if code == 421:
        return TryLater(step, "closing", status=status, reply=reply)
    if code in _LOGIN_CODES:
        return WrongSender("login", "login", status=status, reply=reply)
    if code < 500:
        # The server has a problem, or it is greylisting, where only the same sender gets through.
        cause = "busy" if step in ("connection", "TLS", "login", "sender") else "deferred"
        return TryLater(step, cause, status=status, reply=reply, elsewhere=cause == "busy")
    if step == "recipient":
        if subject.startswith("7."):
            # "Delivery not authorized": the recipient's server does not accept this sender.
            return Undeliverable(step, "policy", status=status, reply=reply)
        gone = subject in _NO_MAILBOX or (not subject and code in {550, 551, 553})
        cause = "no-mailbox" if gone else "refused"
        return Undeliverable(step, cause, status=status, reply=reply, no_mailbox=gone)
    if step == "message":
        return Undeliverable(step, "message-refused", status=status, reply=reply)
    cause = {"login": "login", "sender": "sender"}.get(step, "refused-us")
    return WrongSender(step, cause, status=status, reply=reply)
