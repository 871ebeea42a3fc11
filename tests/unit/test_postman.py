"""The order of the senders, and the message that they are given."""

import functools
from collections.abc import Callable
from typing import Any

import boto3
import msgspec
import pytest

from latchkey import aws, letters, postman, senders, ses, settings

LETTER = letters.sample("sign_in", "en")


class Stub:
    """A sender that accepts, or fails as it is told."""

    def __init__(self, name: str, fault: senders.NotSent | None = None) -> None:
        self.name, self.fault = name, fault
        self.sent: list[senders.Mail] = []

    def send(self, mail: senders.Mail) -> str:
        if self.fault:
            raise self.fault
        self.sent.append(mail)
        return "accepted"

    def close(self) -> None:
        pass


def use(monkeypatch: pytest.MonkeyPatch, *stubs: Stub) -> None:
    chosen = settings.Sender.load()
    posts = [postman.Post(stub, chosen) for stub in stubs]
    monkeypatch.setattr(postman, "posts", functools.cache(lambda: posts))


DOWN = senders.TryLater("connection", "connection")
LOGIN = senders.WrongSender("login", "login")
GREYLISTED = senders.TryLater("recipient", "deferred", elsewhere=False)
NO_MAILBOX = senders.Undeliverable("recipient", "no-mailbox", no_mailbox=True)


@pytest.mark.parametrize("fault", [DOWN, LOGIN])
def test_the_second_sender_takes_over_when_the_first_is_down(
    monkeypatch: pytest.MonkeyPatch, fault: senders.NotSent
):
    second = Stub("second")
    use(monkeypatch, Stub("first", fault), second)
    assert postman.send(LETTER) == ("second", "accepted")
    assert len(second.sent) == 1


@pytest.mark.parametrize("fault", [GREYLISTED, NO_MAILBOX])
def test_what_the_recipient_decides_goes_to_no_other_sender(
    monkeypatch: pytest.MonkeyPatch, fault: senders.NotSent
):
    second = Stub("second")
    use(monkeypatch, Stub("first", fault), second)
    with pytest.raises(type(fault)):
        postman.send(LETTER)
    assert second.sent == []


def test_when_both_fail_the_first_one_s_fault_counts(monkeypatch: pytest.MonkeyPatch):
    use(monkeypatch, Stub("first", LOGIN), Stub("second", DOWN))
    with pytest.raises(senders.WrongSender):
        postman.send(LETTER)


def test_a_container_makes_its_senders_once(configure: Callable[..., None]):
    configure(mail_transport="ses", fallback_mail_transport="smtp", fallback_smtp_provider="qq")
    first, second = postman.posts()
    assert (first.sender.name, second.sender.name) == ("ses", "smtp smtp.qq.com:465 SSL")
    assert postman.posts()[0] is first


def test_names_and_subjects_are_in_any_script(configure: Callable[..., None]):
    configure(sender_name="Łatchkey 登录", product_name="钥匙")
    message = postman.mail(letters.sample("sign_in", "zh-CN"), settings.Sender.load()).message
    assert message.as_bytes().isascii()
    assert message["from"].addresses[0].display_name == "Łatchkey 登录"
    assert "钥匙" in message["subject"]


@pytest.mark.parametrize("field", ["subject", "to", "sender_name", "sender_address"])
def test_no_field_can_add_a_header(field: str):
    evil = "x\r\nBcc: victim@example.com"
    sender = settings.Sender(sender_address="login@example.com")
    letter = LETTER
    if field.startswith("sender"):
        sender = msgspec.structs.replace(sender, **{field: evil})
    else:
        letter = msgspec.structs.replace(letter, **{field: evil})
    with pytest.raises(ValueError, match=r"\w"):
        assert b"\nBcc" not in postman.mail(letter, sender).message.as_bytes()


@pytest.fixture
def sender(configure: Callable[..., None]) -> ses.SesSender:
    boto3.client("sesv2").create_email_identity(EmailIdentity="login@example.com")
    configure(mail_transport="ses", ses_configuration_set="events")
    return ses.SesSender(settings.Sender.load())


def test_ses_gets_the_letter_with_its_tags(sender: ses.SesSender, monkeypatch: pytest.MonkeyPatch):
    calls: list[dict[str, Any]] = []

    def accept(**call: Any) -> dict[str, str]:
        calls.append(call)
        return {"MessageId": "0107-example"}

    monkeypatch.setattr(aws.ses(), "send_email", accept)
    letter = msgspec.structs.replace(LETTER, id="mzxw6ytboi4dkmjqgeydambrge")
    assert sender.send(postman.mail(letter, settings.Sender.load())) == "accepted as 0107-example"
    [call] = calls
    assert call["ConfigurationSetName"] == "events"
    assert call["FromEmailAddress"] == "login@example.com"
    assert call["Destination"] == {"ToAddresses": ["ada@example.com"]}
    assert call["EmailTags"] == [
        {"Name": "kind", "Value": "sign_in"},
        {"Name": "id", "Value": "mzxw6ytboi4dkmjqgeydambrge"},
    ]


def test_ses_accepts_the_call_as_botocore_checks_it(sender: ses.SesSender):
    assert sender.send(postman.mail(LETTER, settings.Sender.load())).startswith("accepted as ")


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
    sender: ses.SesSender,
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
    with pytest.raises(senders.NotSent) as caught:
        sender.send(postman.mail(LETTER, settings.Sender.load()))
    assert (caught.value.blame, caught.value.cause) == (blame, cause)


def test_ses_takes_no_internationalised_address(sender: ses.SesSender):
    mail = postman.mail(
        msgspec.structs.replace(LETTER, to="用户@example.com"), settings.Sender.load()
    )
    with pytest.raises(senders.Undeliverable, match="no-smtputf8"):
        sender.send(mail)
