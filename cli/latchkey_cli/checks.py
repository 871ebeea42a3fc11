"""What `doctor` checks. Each check yields results, and never ends the others."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

import dns.exception
import dns.resolver

from latchkey_cli.deployment import Deployment
from latchkey_cli.problems import Problem, explained
from latchkey_cli.smoke import checks as smoke
from latchkey_cli.smoke.client import Client, Failed, NotShown, Unreachable
from latchkey_cli.smoke.journey import Journey

State: TypeAlias = Literal["ok", "warn", "bad", "none"]

# Keys sign for 90 days (settings.Keys in the layer); a week more means that the schedule fails.
_OLDEST_KEY_DAYS = 97
_FEWEST_EXECUTIONS = 100


@dataclass(frozen=True)
class Result:
    """What a check has found. `none` means that it could not be seen."""

    name: str
    state: State
    text: str


def api(deployment: Deployment) -> Iterator[Result]:
    """Ask the API from outside."""
    client = _client(deployment)
    for name, run in (
        ("keys are where the issuer says", smoke.keys),
        ("every route answers", smoke.answers),
        ("unknown routes are refused", smoke.unknown_routes),
        ("pages may call the API", lambda it: smoke.preflights(it, "https://example.com")),
    ):
        yield _smoke(name, lambda run=run: run(client))  # type: ignore[misc]


def journey(deployment: Deployment, to: str, inbox: str) -> Iterator[Result]:
    """Sign up by a real mail, sign in, and delete the account."""
    made = Journey(_client(deployment), to, inbox)
    try:
        for name, step in made.steps():
            result = _smoke(name, step)
            yield result
            if result.state == "bad":
                return
    finally:
        made.clean_up()


def sender(deployment: Deployment) -> Iterator[Result]:
    """Look at the sender in SES, and at the DNS of its domain."""
    parameters = _parameters(deployment)
    address = parameters.get("SenderAddress", "")
    domain = address.rpartition("@")[2]
    if "ses" in (parameters.get("MailTransport"), parameters.get("FallbackTransport")):
        yield from _seen("SES", lambda: _ses(deployment, address, domain))
    yield from _dns(domain, ses=parameters.get("MailTransport") == "ses")


def quotas(deployment: Deployment) -> Iterator[Result]:
    """Look at the account's quota of executions."""

    def look() -> Iterator[Result]:
        with explained("lambda:GetAccountSettings", "*"):
            limit = deployment.client("lambda").get_account_settings()["AccountLimit"]
        count = limit["ConcurrentExecutions"]
        enough = count >= _FEWEST_EXECUTIONS
        text = f"{count} at once" + ("" if enough else ": ask AWS for 1,000 (docs/operations.md)")
        yield Result("executions", "ok" if enough else "warn", text)

    yield from _seen("executions", look)


def alarms(deployment: Deployment) -> Iterator[Result]:
    """Look at alarms, and at who hears of them."""

    def heard() -> Iterator[Result]:
        topic = deployment.resources["Alarms"]
        with explained("sns:ListSubscriptionsByTopic", topic):
            listed = deployment.client("sns").list_subscriptions_by_topic(TopicArn=topic)
        arns = [one["SubscriptionArn"] for one in listed["Subscriptions"]]
        if any(arn.startswith("arn:") for arn in arns):
            yield Result("who hears alarms", "ok", f"{len(arns)} subscribed")
        elif arns:
            yield Result("who hears alarms", "bad", "not confirmed: open the mail of AWS's SNS")
        else:
            yield Result("who hears alarms", "warn", "nobody: deploy with AlarmAddress=...")

    def ringing() -> Iterator[Result]:
        with explained("cloudwatch:DescribeAlarms", "*"):
            answer = deployment.client("cloudwatch").describe_alarms(
                AlarmNamePrefix=f"{deployment.stack}-", StateValue="ALARM"
            )
        names = [one["AlarmName"] for one in answer["MetricAlarms"]]
        text = ", ".join(names) + ": docs/operations.md" if names else "none rings"
        yield Result("alarms", "bad" if names else "ok", text)

    yield from _seen("who hears alarms", heard)
    yield from _seen("alarms", ringing)


def keys(deployment: Deployment) -> Iterator[Result]:
    """Look at the age of the keys."""

    def look() -> Iterator[Result]:
        current = [key for key in deployment.call("keys.list") if key["current"]]
        oldest = min(datetime.fromisoformat(key["active_at"]).timestamp() for key in current)
        days = int((time.time() - oldest) // 86400)
        fresh = days <= _OLDEST_KEY_DAYS
        text = f"{days} days old" + ("" if fresh else ": RotateKeys fails, see its log")
        yield Result("keys", "ok" if fresh else "bad", text)

    yield from _seen("keys", look)


def queues(deployment: Deployment) -> Iterator[Result]:
    """Look at what waits, and at what has failed."""
    for logical, name, dead in (
        ("MailQueue", "codes that wait", False),
        ("NoticeQueue", "notices that wait", False),
        ("DeadMails", "codes that failed", True),
        ("DeadNotices", "notices that failed", True),
    ):

        def look(logical: str = logical, name: str = name, dead: bool = dead) -> Iterator[Result]:
            url = deployment.resources[logical]
            with explained("sqs:GetQueueAttributes", f"arn:aws:sqs:*:*:{url.rpartition('/')[2]}"):
                answer = deployment.client("sqs").get_queue_attributes(
                    QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
                )
            count = int(answer["Attributes"]["ApproximateNumberOfMessages"])
            most = 0 if dead else 100
            yield Result(name, "ok" if count <= most else "bad", str(count))

        yield from _seen(name, look)


ALL: tuple[Callable[[Deployment], Iterator[Result]], ...] = (
    api,
    sender,
    quotas,
    alarms,
    keys,
    queues,
)


def _client(deployment: Deployment) -> Client:
    """Return a client of the API. The address of the gateway says nothing on a local stack."""
    output = "Issuer" if deployment.endpoint else "ApiUrl"
    return Client(deployment.outputs[output], "latchkey-doctor")


def _seen(name: str, look: Callable[[], Iterator[Result]]) -> Iterator[Result]:
    """Yield what a check sees, or why it sees nothing."""
    try:
        yield from look()
    except Problem as problem:
        yield Result(name, "none", f"not seen. {problem}")


def _smoke(name: str, run: Callable[[], str]) -> Result:
    try:
        return Result(name, "ok", run() or "yes")
    except NotShown as reason:
        return Result(name, "none", f"not seen, because {reason}")
    except (Failed, Unreachable) as failure:
        return Result(name, "bad", " ".join(str(failure).split()))


def _parameters(deployment: Deployment) -> dict[str, str]:
    with explained("cloudformation:DescribeStacks", f"stack/{deployment.stack}/*"):
        client = deployment.client("cloudformation")
        [stack] = client.describe_stacks(StackName=deployment.stack)["Stacks"]
    return {one["ParameterKey"]: one.get("ParameterValue", "") for one in stack["Parameters"]}


def _ses(deployment: Deployment, address: str, domain: str) -> Iterator[Result]:
    ses = deployment.client("sesv2")
    with explained("ses:GetAccount", "*"):
        account = ses.get_account()
    production = account.get("ProductionAccessEnabled", False)
    text = "yes" if production else "sandbox: only verified addresses get mail (docs/operations.md)"
    yield Result("SES sends to anybody", "ok" if production else "bad", text)
    quota: dict[str, Any] = account.get("SendQuota", {})
    sent, most = quota.get("SentLast24Hours", 0), quota.get("Max24HourSend", 0)
    near = most > 0 and sent > 0.8 * most
    yield Result("mails of 24 hours", "warn" if near else "ok", f"{sent:.0f} of {most:.0f}")
    verified = False
    for identity in (address, domain):
        with explained("ses:GetEmailIdentity", "*"):
            try:
                found = ses.get_email_identity(EmailIdentity=identity)
            except ses.exceptions.NotFoundException:
                continue
        verified = verified or found.get("VerifiedForSendingStatus", False)
        status = found.get("DkimAttributes", {}).get("Status", "NOT_STARTED")
        if identity == domain:
            signed = status == "SUCCESS"
            yield Result("DKIM", "ok" if signed else "bad", status.lower())
    yield Result("the sender is verified", "ok" if verified else "bad", address)


def _dns(domain: str, *, ses: bool) -> Iterator[Result]:
    spf = _texts(domain, "v=spf1")
    if isinstance(spf, str):
        yield Result("SPF, DMARC", "none", f"not seen. {spf}")
        return
    # SES sends from a domain of its own unless a MAIL FROM domain is set, so SPF is that one's.
    missing: State = "none" if ses else "warn"
    yield Result("SPF", "ok" if spf else missing, spf[0] if spf else "no record")
    dmarc = _texts(f"_dmarc.{domain}", "v=DMARC1")
    if isinstance(dmarc, str):
        yield Result("DMARC", "none", f"not seen. {dmarc}")
    else:
        text = dmarc[0] if dmarc else "no record: large providers refuse or hide such mail"
        yield Result("DMARC", "ok" if dmarc else "bad", text)


def _texts(name: str, beginning: str) -> list[str] | str:
    """Return the TXT records that begin so, or why DNS does not tell."""
    try:
        answer = dns.resolver.resolve(name, "TXT", lifetime=5)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.exception.DNSException as error:
        return f"DNS does not answer ({type(error).__name__})."
    texts = [b"".join(one.strings).decode(errors="replace") for one in answer]
    return [text for text in texts if text.lower().startswith(beginning.lower())]
