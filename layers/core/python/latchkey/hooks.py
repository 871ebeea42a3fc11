"""Hooks: functions of the deployer's that are asked, and whose answer decides (docs/hooks.md).

    before_sign_up  may this person sign up, and in which groups?
    claims          what else does this access token say?
    message         what does this mail say, or has somebody else sent it?
    migration       does another system know this address and password? (users/migration.py)

A hook has SECONDS for its answer, and is asked once; if Lambda throttles it at once, twice. A hook
that raises, takes longer, or answers anything but what is described here has failed: then a sign-up
or a sign-in is `unavailable`, a refresh keeps the claims that it had, and a mail is tried again.
"""

import json
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictBool, model_validator

from latchkey import aws, errors, log, networks, settings
from latchkey.caller import Caller
from latchkey.mail.render import RenderedMail
from latchkey.users.user import User

# That of the client (aws.py): 1 s for the connection and 2 s for the answer.
SECONDS = 3
# An access token has at most 4,096 characters (the vendor's limit), and base64 makes four of three
# bytes. Ours, with a signature, take about 1,100.
MOST_CLAIM_BYTES = 2048
_CLAIM = re.compile(r"https?://\S{1,200}")
# What Lambda says of a function that has too many executions, how soon it must say so for a second
# try, and the pause before that. All of it takes 4.2 s at most, so a sign-in keeps its deadline of
# MIGRATION_SECONDS (users/find.py).
_THROTTLED = {"TooManyRequestsException", "EC2ThrottledException"}
_AGAIN_WITHIN_SECONDS = 1
_PAUSE_SECONDS = 0.2
# More than any answer may have: a subject and two texts.
_MOST_ANSWER_BYTES = 262_144

Group = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
Sentence = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
MailBody = Annotated[str, Field(min_length=1, max_length=100_000)]


class Question(BaseModel):
    """What every hook is told."""

    # A model is built when it is first used.
    model_config = ConfigDict(frozen=True, defer_build=True)

    hook: str
    version: Literal[1] = 1
    """Goes up if a field is taken away or changes its meaning; new fields may come at any time."""


class Answer(BaseModel):
    """What a hook may answer. A field that is not known is refused: it may be a restriction that
    is spelled wrong.
    """

    model_config = ConfigDict(frozen=True, defer_build=True, extra="forbid")


class BeforeSignUp(Question):
    """Somebody who has proven the address asks for an account. `network` is the IPv4 /24 or the
    IPv6 /48. `request_id` is the same if this very request is repeated.
    """

    hook: Literal["before_sign_up"] = "before_sign_up"
    email: str
    client_id: str
    network: str
    request_id: str
    username: str | None = None
    name: str | None = None
    gender: str | None = None
    picture: str | None = None
    locale: str | None = None


class SignUpAnswer(Answer):
    """Whether the account is created, and the groups that it is in. `reason` is the sentence that
    somebody who is refused reads.
    """

    allow: StrictBool
    reason: Sentence | None = None
    groups: Annotated[list[Group], Field(max_length=20)] = []


class Claims(Question):
    """An access token is about to be issued: at a sign-up or sign-in in generation 0, after that
    at a refresh. `amr` is how the user signed in: `pwd` or `otp`.
    """

    hook: Literal["claims"] = "claims"
    sub: str
    email: str
    email_verified: bool
    client_id: str
    groups: list[str]
    amr: list[str]
    generation: int
    username: str | None = None


class ClaimsAnswer(Answer):
    """Claims to add. Each name is an address of the deployer's, or `app`, which holds an object:
    no claim of ours or of a standard can be meant.
    """

    claims: dict[str, JsonValue]

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, value in self.claims.items():
            if not (isinstance(value, dict) if name == "app" else _CLAIM.fullmatch(name)):
                raise ValueError("a claim is named by an address, or is the object `app`")
        if len(self.text().encode()) > MOST_CLAIM_BYTES:
            raise ValueError("the claims are too long")
        return self

    def text(self) -> str:
        """Return the claims as JSON; nothing if there are none."""
        if not self.claims:
            return ""
        return json.dumps(self.claims, separators=(",", ":"), allow_nan=False)


class Message(Question):
    """A mail is about to be sent. `kind` is that of docs/mail.md. The mail of a code has the code:
    whoever reads it can sign in.
    """

    hook: Literal["message"] = "message"
    kind: str
    to: str
    language: str
    subject: str
    text: str
    html: str
    code: str | None = None


class MessageAnswer(Answer):
    """Whether the mail is sent, and with which words. `send` is false if the hook has sent the
    message itself. A new text without new HTML makes a mail without HTML.
    """

    send: StrictBool
    subject: Sentence | None = None
    text: MailBody | None = None
    html: MailBody | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.html is not None and self.text is None:
            raise ValueError("new HTML needs a new text")
        return self


A = TypeVar("A", bound=Answer)


def before_sign_up(created: User, caller: Caller) -> Sequence[str]:
    """Ask whether somebody may sign up, and return the groups. Raises SignUpRefused and
    Unavailable.
    """
    asked = BeforeSignUp(
        email=created.email,
        client_id=caller.client_id,
        network=networks.of(caller.source),
        request_id=caller.request_id,
        username=created.username,
        name=created.name,
        gender=created.gender,
        picture=created.picture,
        locale=created.locale,
    )
    answer = ask(settings.Hooks.load().before_sign_up_function_arn, asked, SignUpAnswer)
    if not answer.allow:
        raise errors.SignUpRefused(answer.reason)
    return answer.groups


def claims(owner: User, *, client_id: str, amr: list[str], generation: int) -> str:
    """Ask for the claims of an access token, and return them as JSON. Raises Unavailable."""
    asked = Claims(
        sub=owner.sub,
        email=owner.email,
        email_verified=owner.email_verified,
        client_id=client_id,
        groups=list(owner.groups),
        amr=amr,
        generation=generation,
        username=owner.username,
    )
    return ask(settings.Hooks.load().claims_function_arn, asked, ClaimsAnswer).text()


def message(mail: RenderedMail) -> RenderedMail | None:
    """Ask for the words of a mail. Return the mail to send, or None if the hook has sent it.
    Raises Unavailable.
    """
    asked = Message(
        kind=mail.kind,
        to=mail.to,
        language=mail.language,
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        code=mail.code or None,
    )
    answer = ask(settings.Hooks.load().message_function_arn, asked, MessageAnswer)
    if not answer.send:
        return None
    changed = replace(mail, subject=answer.subject or mail.subject)
    if answer.text is None:
        return changed
    return replace(changed, text=answer.text, html=answer.html or "")


def ask(arn: str, question: Question, kind: type[A]) -> A:
    """Invoke a hook and read its answer. Raises Unavailable."""
    payload = question.model_dump_json(exclude_none=True).encode()
    try:
        reply = _invoke(arn, payload)
        told = reply["Payload"].read(_MOST_ANSWER_BYTES + 1)
        if "FunctionError" in reply or len(told) > _MOST_ANSWER_BYTES:
            raise ValueError("the function failed")
        return kind.model_validate_json(told)
    except (*aws.FAULTS, ValueError) as fault:
        log.fault("a hook failed", fault, hook=question.hook)
        raise errors.Unavailable from fault


def _invoke(arn: str, payload: bytes) -> Any:
    began = time.monotonic()
    try:
        return aws.lambda_().invoke(FunctionName=arn, Payload=payload)
    except aws.FAULTS as fault:
        late = time.monotonic() - began > _AGAIN_WITHIN_SECONDS
        if late or aws.name_of(fault) not in _THROTTLED:
            raise
    time.sleep(_PAUSE_SECONDS)
    return aws.lambda_().invoke(FunctionName=arn, Payload=payload)
