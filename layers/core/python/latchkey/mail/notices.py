"""Tell users by mail what happened to their account."""

from latchkey import errors
from latchkey.caller import Caller
from latchkey.mail import language, queue
from latchkey.users.user import User

# The first sign found in a user agent counts, because most agents name several browsers.
_BROWSERS = {
    "micromessenger": "WeChat",
    "edg": "Edge",
    "opr/": "Opera",
    "firefox/": "Firefox",
    "fxios/": "Firefox",
    "chrome/": "Chrome",
    "crios/": "Chrome",
    "safari/": "Safari",
}
_SYSTEMS = {
    "android": "Android",
    "iphone": "iPhone",
    "ipad": "iPad",
    "windows": "Windows",
    "mac os x": "macOS",
    "linux": "Linux",
}


def notify(
    kind: queue.NoticeKind,
    sub: str,
    caller: Caller,
    *,
    now: int,
    former: User | None = None,
) -> None:
    """Put a notice to a user into the queue. Call this once the event has happened.

    Give the user as it was, `former`, if the account no longer has the address. If the queue
    refuses the notice, that is logged, with an alarm, and nothing is raised: the event has
    happened, and the security history tells of it too.
    """
    address, locale = (former.email, former.locale) if former else ("", None)
    browser, system = device_names(caller.user_agent)
    notice = queue.Notice(kind, sub, now, caller.source, browser, system, address)
    message = queue.Message(language=language.choose(locale, caller.languages), notice=notice)
    try:
        queue.enqueue(message)
    except errors.Unavailable:
        return


def device_names(user_agent: str) -> tuple[str, str]:
    """Return the names of browser and system, each empty if it is not on our list."""
    agent = user_agent.lower()
    return (
        next((name for sign, name in _BROWSERS.items() if sign in agent), ""),
        next((name for sign, name in _SYSTEMS.items() if sign in agent), ""),
    )
