"""An operator's function without a route: send a mail, and say which step failed.

CloudFormation invokes it too, at each deploy: a template or a sender that cannot work fails the
deployment, not the first mail.
"""

from typing import Annotated, Any

import msgspec

from latchkey import cloudformation, errors, letters, log, mail, postman, senders, settings, users

# What an operator can do about a cause (senders.py); docs/mail.md has the same in a table.
ADVICE = {
    "configuration": "Check the parameters of the sender.",
    "name": "There is no such host: check SmtpHost.",
    "connection": "Nothing accepts connections there: check SmtpHost and SmtpPort, and that the"
    " network lets them through.",
    "timeout": "The server is silent: check SmtpPort and SmtpSecurity (SSL with 465, STARTTLS with"
    " 587).",
    "disconnected": "The server hangs up: check SmtpPort and SmtpSecurity, and try again.",
    "tls": "The server speaks no TLS there: SmtpSecurity is SSL with port 465, STARTTLS with 587.",
    "no-starttls": "The server offers no STARTTLS: use SSL, usually on port 465.",
    "certificate": "The certificate is not valid for SmtpHost: use the host name that the provider"
    " documents.",
    "no-login": "The server offers no login here: check SmtpPort and SmtpSecurity.",
    "login": "The server refuses the user name or the password. Most providers want an"
    " authorization code or app password here, not the one of the mailbox.",
    "secret": "The password could not be read from Secrets Manager.",
    "sender": "The server does not let this account send as SenderAddress.",
    "refused-us": "The server refuses this client altogether: ask the provider.",
    "not-verified": "SES knows neither address: verify the identity of SenderAddress; in the"
    " sandbox, that of the recipient too, or leave the sandbox.",
    "paused": "SES has paused sending for this account: see its reputation page.",
    "quota": "The day's quota is used up: ask for a higher one.",
    "rights": "The function may not send as SenderAddress: deploy the stack again.",
    "throttled": "Too many mails in this second: try again.",
    "busy": "The server has trouble of its own: try again later.",
    "closing": "The server is shutting down: try again later.",
    "deferred": "The recipient's server puts the mail off: it is tried again later.",
    "no-mailbox": "There is no such mailbox.",
    "no-smtputf8": "This server cannot send to an address with characters beyond ASCII.",
    "policy": "The recipient's server objects to the sender: check SPF, DKIM and DMARC of its"
    " domain, and that the server relays for this account.",
    "refused": "The recipient's server refuses the mail.",
    "message-refused": "The server refuses the content of the mail.",
}


class Test(msgspec.Struct, frozen=True):
    """To whom, which mail, and in which language."""

    to: str
    language: Annotated[str, msgspec.Meta(max_length=35)] = "en"
    kind: letters.Kind = "confirm"


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Send through every sender that is set up, and report on each; or check a deployment."""
    if "ResponseURL" in event:
        problems = [] if event["RequestType"] == "Delete" else _problems()
        cloudformation.answer(event, "mail-templates", problem="; ".join(problems))
        return {}
    problems = _problems()
    if problems:
        return {"accepted": False, "problems": problems}
    try:
        asked = msgspec.convert(event, Test)
        to = users.canonical_address(asked.to)
    except (msgspec.ValidationError, errors.InvalidArgument) as error:
        return {"accepted": False, "problems": [str(error)]}
    language = mail.known_language(asked.language) or mail.LANGUAGES[0]
    postman.posts.cache_clear()  # A test begins with a connection of its own.
    letter = letters.sample(asked.kind, language, to=to)
    reports = [_try(post, letter) for post in postman.posts()]
    return {"accepted": all(report["accepted"] for report in reports), "senders": reports}


def _try(post: postman.Post, letter: letters.Letter) -> dict[str, Any]:
    report: dict[str, Any] = {"sender": post.sender.name}
    try:
        reply = post.sender.send(postman.mail(letter, post.settings))
        report |= {"accepted": True, "reply": reply}
    except senders.NotSent as fault:
        report |= {
            "accepted": False,
            "step": fault.step,
            "cause": fault.cause,
            "reply": fault.reply,
            "advice": ADVICE[fault.cause],
        }
    finally:
        post.sender.close()
    log.info("test mail", **{name: report.get(name) for name in ("sender", "accepted", "cause")})
    return report


def _problems() -> list[str]:
    """Return what is wrong before anything is sent."""
    found = []
    for prefix in ("", postman.FALLBACK):
        sender = settings.Sender.load(prefix)
        of = " of the second sender" if prefix else ""
        if not prefix and sender.mail_transport == "none":
            found.append("no sender is set up: MailTransport")
        if sender.mail_transport != "none" and users.canonical(sender.sender_address) is None:
            found.append(f"SenderAddress{of} is not an e-mail address")
        if sender.mail_transport == "smtp":
            if sender.smtp_provider == "custom" and not sender.smtp_host:
                found.append(f"SmtpHost{of} is missing for the provider custom")
            if sender.smtp_user and not sender.smtp_secret_arn:
                found.append(f"SmtpPassword{of} is missing for the user name")
            if sender.smtp_provider != "custom" and not sender.smtp_user:
                found.append(f"SmtpUser{of} is missing for {sender.smtp_provider}")
    return found + letters.check()
