"""Send what a message of the mail queue asks for, if it is still of use."""

from latchkey import clock, errors, log, metrics, settings
from latchkey.codes import verification as verifications
from latchkey.dynamodb import keys, store
from latchkey.limits import ceiling
from latchkey.mail import allowance, delivery, language, queue, render, send, transport
from latchkey.mail.queue import Message, Notice
from latchkey.users import user

# A code that would come with less time left is not tried again: its reader needs that long to type
# it.
FEWEST_SECONDS = 20


def dispatch(message: Message, *, now: int) -> int:
    """Send the mail of a message. Return for how many more seconds it is worth trying again: 0 if
    the message is done.

    A message that comes twice does no harm: its mail has the same code. Raises Unavailable.
    """
    if message.notice is not None:
        return _send_notice(message.notice, message.language, now)
    return _send_code(message, now)


def _send_code(message: Message, now: int) -> int:
    found = verifications.read(message.verification_id)
    if found is None:
        log.info("mail dropped: its code no longer exists", verification_id=message.verification_id)
        return 0
    if found.delivery not in ("queued", "sending"):
        return 0
    if found.expires_at <= now or found.state != "pending":
        log.info("mail dropped: its code has expired or was used", verification_id=found.id)
        delivery.record(found.id, "failed")
        return 0
    if delivery.suppressed(found.address, now=now):
        delivery.record(found.id, "suppressed")
        log.info("mail", delivery="suppressed", verification_id=found.id)
        metrics.count_mail("suppressed")
        return 0
    if _is_disabled(found.owner):
        # Whoever asked may be anybody, and must not learn it from the state of the mail.
        delivery.record(found.id, "sent")
        log.info("mail dropped: its user is disabled", verification_id=found.id)
        return 0
    left = found.expires_at - now
    if not delivery.claim(found.id, now=now):
        return left  # Another mailer is sending it, or has died: look again later.
    mail = render.code(found, message.language, now=now)
    if ceiling.count(known=found.known, now=now):
        state = _send(mail, now, left if left >= FEWEST_SECONDS else 0)
    else:  # It is dropped, so that a flood of such mails keeps no mailer from those of others.
        state = _stopped(mail)
    delivery.record(found.id, state)
    if state == "queued":
        return left
    _log_sent(mail, state, since=found.created_at)
    return 0


def _send_notice(notice: Notice, request_language: str, now: int) -> int:
    """Send a notice to the user's present address, unless the notice names another one."""
    address, left = notice.address, notice.at + queue.NOTICE_SECONDS - now
    chosen = request_language
    if not address:
        [item] = store.get(keys.user(notice.sub))
        if item is None:
            return 0
        recipient = user.of(item)
        if recipient.status != "active":
            return 0
        address = recipient.email
        chosen = language.known(recipient.locale or "") or request_language
    if delivery.suppressed(address, now=now):
        log.info("mail dropped: its address is suppressed", kind=notice.kind)
        return 0
    if left <= 0:
        allowance.leave_out(notice, now=now)
        log.info("mail dropped: it is too late", kind=notice.kind)
        return 0
    left_out = allowance.admit(notice, now=now)
    if left_out is None:
        log.info("mail dropped: its user got enough of its kind, or this one", kind=notice.kind)
        return 0
    mail = render.notice(notice, chosen, to=address, left_out=left_out)
    if not ceiling.count(known=False, now=now):
        _stopped(mail)
        return left
    state = _send(mail, now, left)
    if state == "queued":
        return left
    if state == "sent":
        allowance.note_sent(notice, told=left_out)
    _log_sent(mail, state, since=notice.at)
    return 0


def _is_disabled(sub: str) -> bool:
    """Return whether a user, if there is one, gets no mail."""
    [item] = store.get(keys.user(sub)) if sub else [None]
    return item is not None and user.of(item).status != "active"


def _send(mail: render.RenderedMail, now: int, seconds_left: int) -> verifications.Delivery:
    """Hand a mail over, which was counted, and return its state: `queued` if it is to be tried
    again. One that is refused for good stays counted, so that nobody has endless mails sent to
    made-up addresses.
    """
    try:
        worded = _worded(mail)
        if worded is not None:
            send.send(worded)
    except transport.Undeliverable as fault:
        if not fault.no_mailbox:
            return "failed"
        delivery.suppress(mail.to, "bounced", now=now)
        return "bounced"
    except (transport.NotSent, errors.Unavailable):
        ceiling.give_back(now=now)
        return "queued" if seconds_left else "failed"
    return "sent"


def _worded(mail: render.RenderedMail) -> render.RenderedMail | None:
    """Return a mail with the words of the deployer's hook, or None if the hook has sent it. Raises
    Unavailable if the hook fails.
    """
    if not settings.Hooks.load().message_function_arn:
        return mail
    from latchkey import hooks

    return hooks.message(mail)


def _stopped(mail: render.RenderedMail) -> verifications.Delivery:
    """Log that the ceiling of mails is reached, and return the state of a code."""
    log.warning(
        "mail not sent",
        step="ceiling",
        cause="ceiling",
        blame="moment",
        kind=mail.kind,
        verification_id=mail.id,
    )
    return "failed"


def _log_sent(mail: render.RenderedMail, state: verifications.Delivery, *, since: int) -> None:
    metrics.count_mail(state)
    log.info(
        "mail",
        delivery=state,
        kind=mail.kind,
        language=mail.language,
        seconds=clock.now() - since,
        verification_id=mail.id,
    )
