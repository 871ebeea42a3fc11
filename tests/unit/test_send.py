"""The order of the senders, and the message that they are given."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest

from latchkey import aws, settings
from latchkey.mail import samples, send, ses, transport

MAIL = samples.render_sample("sign_in", "en")


class Stub:
    """A transport that accepts, or fails as it is told."""

    sender: settings.Sender

    def __init__(self, name: str, fault: transport.NotSent | None = None) -> None:
        self.name, self.fault = name, fault
        self.sent: list[transport.OutgoingMail] = []

    def send(self, mail: transport.OutgoingMail) -> str:
        if self.fault:
            raise self.fault
        self.sent.append(mail)
        return "accepted"

    def forget(self) -> None:
        pass


def use(monkeypatch: pytest.MonkeyPatch, *stubs: Stub) -> None:
    chosen = settings.Sender.load()
    for stub in stubs:
        stub.sender = chosen
    monkeypatch.setattr(send, "transports", functools.cache(lambda: stubs))


DOWN = transport.TryLater("connection", "connection")
LOGIN = transport.WrongSender("login", "login")
GREYLISTED = transport.TryLater("recipient", "deferred", elsewhere=False)
NO_MAILBOX = transport.Undeliverable("recipient", "no-mailbox", no_mailbox=True)


@pytest.mark.parametrize("fault", [DOWN, LOGIN])
def test_the_second_sender_takes_over_when_the_first_is_down(
    monkeypatch: pytest.MonkeyPatch, fault: transport.NotSent
):
    second = Stub("second")
    use(monkeypatch, Stub("first", fault), second)
    assert send.send(MAIL) == ("second", "accepted")
    assert len(second.sent) == 1


@pytest.mark.parametrize("fault", [GREYLISTED, NO_MAILBOX])
def test_what_the_recipient_decides_goes_to_no_other_sender(
    monkeypatch: pytest.MonkeyPatch, fault: transport.NotSent
):
    second = Stub("second")
    use(monkeypatch, Stub("first", fault), second)
    with pytest.raises(type(fault)):
        send.send(MAIL)
    assert second.sent == []


def test_when_both_fail_the_first_one_s_fault_counts(monkeypatch: pytest.MonkeyPatch):
    use(monkeypatch, Stub("first", LOGIN), Stub("second", DOWN))
    with pytest.raises(transport.WrongSender):
        send.send(MAIL)


def test_a_container_makes_its_senders_once(configure: Callable[..., None]):
    configure(mail_transport="ses", fallback_mail_transport="smtp", fallback_smtp_provider="qq")
    first, second = send.transports()
    assert (first.name, second.name) == ("ses", "smtp smtp.qq.com:465 SSL")
    assert send.transports()[0] is first


def test_names_and_subjects_are_in_any_script(configure: Callable[..., None]):
    configure(sender_name="Łatchkey 登录", product_name="钥匙")
    message = send.message_of(
        samples.render_sample("sign_in", "zh-CN"), settings.Sender.load()
    ).message
    assert message.as_bytes().isascii()
    assert message["from"].addresses[0].display_name == "Łatchkey 登录"
    assert "钥匙" in message["subject"]


@pytest.mark.parametrize("field", ["subject", "to", "sender_name", "sender_address"])
def test_no_field_can_add_a_header(field: str):
    evil = "x\r\nBcc: victim@example.com"
    sender = settings.Sender(sender_address="login@example.com")
    letter = MAIL
    if field.startswith("sender"):
        sender = sender.model_copy(update={field: evil})
    else:
        letter = replace(letter, **{field: evil})
    with pytest.raises(ValueError, match=r"\w"):
        assert b"\nBcc" not in send.message_of(letter, sender).message.as_bytes()


@pytest.fixture
def sender(configure: Callable[..., None]) -> ses.SesTransport:
    boto3.client("sesv2").create_email_identity(EmailIdentity="login@example.com")
    configure(mail_transport="ses", ses_configuration_set="events")
    return ses.SesTransport(settings.Sender.load())


def test_ses_gets_the_letter_with_its_tags(
    sender: ses.SesTransport, monkeypatch: pytest.MonkeyPatch
):
    calls: list[dict[str, Any]] = []

    def accept(**call: Any) -> dict[str, str]:
        calls.append(call)
        return {"MessageId": "0107-example"}

    monkeypatch.setattr(aws.ses(), "send_email", accept)
    letter = replace(MAIL, id="mzxw6ytboi4dkmjqgeydambrge")
    assert (
        sender.send(send.message_of(letter, settings.Sender.load())) == "accepted as 0107-example"
    )
    [call] = calls
    assert call["ConfigurationSetName"] == "events"
    assert call["FromEmailAddress"] == "login@example.com"
    assert call["Destination"] == {"ToAddresses": ["ada@example.com"]}
    assert call["EmailTags"] == [
        {"Name": "kind", "Value": "sign_in"},
        {"Name": "id", "Value": "mzxw6ytboi4dkmjqgeydambrge"},
    ]


def test_ses_accepts_the_call_as_botocore_checks_it(sender: ses.SesTransport):
    assert sender.send(send.message_of(MAIL, settings.Sender.load())).startswith("accepted as ")


SES_FAULTS = [
    ("TooManyRequestsException", "Maximum sending rate exceeded.", "moment", "throttled"),
    ("TooManyRequestsException", "Daily message quota exceeded.", "sender", "quota"),
    ("LimitExceededException", "", "sender", "quota"),
    ("SendingPausedException", "", "sender", "paused"),
    ("AccountSuspendedException", "", "sender", "paused"),
    ("MailFromDomainNotVerifiedException", "", "sender", "sender"),
    ("NotFoundException", "Configuration set <x> does not exist.", "sender", "configuration"),
    ("AccessDeniedException", "", "sender", "rights"),
    (
        "MessageRejected",
        "Email address is not verified. The following identities failed the check in region"
        " EU-CENTRAL-1: ada@example.com",
        "sender",
        "not-verified",
    ),
    ("MessageRejected", "Virus found", "recipient", "message-refused"),
    ("BadRequestException", "Domain contains illegal character", "recipient", "refused"),
    ("InternalServiceErrorException", "", "moment", "busy"),
    ("", "", "moment", "connection"),
]


@pytest.mark.parametrize(("code", "message", "blame", "cause"), SES_FAULTS)
def test_a_fault_of_ses(
    sender: ses.SesTransport,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    message: str,
    blame: str,
    cause: str,
):
    def refuse(**_: object) -> None:
        if not code:
            raise aws.FAULTS[2](error="no answer")
        raise aws.FAULTS[0]({"Error": {"Code": code, "Message": message}}, "SendEmail")

    monkeypatch.setattr(aws.ses(), "send_email", refuse)
    with pytest.raises(transport.NotSent) as caught:
        sender.send(send.message_of(MAIL, settings.Sender.load()))
    assert (caught.value.blame, caught.value.cause) == (blame, cause)


def test_ses_takes_no_internationalised_address(sender: ses.SesTransport):
    mail = send.message_of(replace(MAIL, to="用户@example.com"), settings.Sender.load())
    with pytest.raises(transport.Undeliverable, match="no-smtputf8"):
        sender.send(mail)
