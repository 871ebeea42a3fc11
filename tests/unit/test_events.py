"""Each event in events/ is what AWS sends: to each function at least one."""

import hashlib
import json
import urllib.parse
from datetime import datetime
from typing import Any

import pytest

from local.template import template
from tests.unit.conftest import ROOT

OPERATIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))
EVENTS = {path.stem: path for path in sorted((ROOT / "events").glob("*.json"))}

# Payload format 2.0: https://docs.aws.amazon.com/apigateway/latest/developerguide/
# http-api-develop-integrations-lambda.html
ALWAYS = {
    "version", "routeKey", "rawPath", "rawQueryString", "headers", "requestContext",
    "isBase64Encoded",
}  # fmt: skip
CONTEXT = {
    "accountId", "apiId", "domainName", "domainPrefix", "http", "requestId", "routeKey", "stage",
    "time", "timeEpoch",
}  # fmt: skip
# What the gateway adds to the headers of a client.
GATEWAYS = {"host", "x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"}
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
CLOUDFORMATION = {
    "RequestType", "ServiceToken", "ServiceTimeout", "ResponseURL", "StackId", "RequestId",
    "LogicalResourceId", "ResourceType", "ResourceProperties",
}  # fmt: skip
EVENTBRIDGE = {
    "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail",
}  # fmt: skip
RECORD = {
    "messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody",
    "eventSource", "eventSourceARN", "awsRegion",
}  # fmt: skip
# The command for operators sends these.
OURS = (
    "index_users",
    "export_users",
    "import_users",
    "operator_change",
    "operator_read",
    "send_test_mail",
)
SES = {"Email Bounced": "bounce", "Email Delivered": "delivery"} | {
    "Email Complaint Received": "complaint"
}


def sources(operation: str) -> dict[str, dict[str, Any]]:
    """Return the properties of what invokes a function, by the kind of source."""
    properties = template()["Resources"][operation.title().replace("_", "")]["Properties"]
    return {e["Type"]: e["Properties"] for e in properties.get("Events", {}).values()}


def routes(operation: str) -> set[str]:
    """Return the keys of a function's routes; `$default` is the route of all other requests."""
    properties = template()["Resources"][operation.title().replace("_", "")]["Properties"]
    found = [e["Properties"] for e in properties["Events"].values() if e["Type"] == "HttpApi"]
    return {f"{r['Method'].upper()} {r['Path']}" if "Path" in r else "$default" for r in found}


HTTP = [name for name in EVENTS if name in OPERATIONS and "HttpApi" in sources(name)]


def event_of(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(EVENTS[name].read_text("utf-8"))
    return event


def test_each_function_has_an_event_and_each_event_a_function():
    assert {name.partition(".")[0] for name in EVENTS} == set(OPERATIONS)


@pytest.mark.parametrize("operation", HTTP)
def test_a_request_is_as_the_gateway_sends_it(operation: str):
    event = event_of(operation)
    context, http = event["requestContext"], event["requestContext"]["http"]

    optional = {"queryStringParameters", "pathParameters", "body"}
    assert ALWAYS <= event.keys() <= ALWAYS | optional
    assert (event["version"], event["isBase64Encoded"]) == ("2.0", False)
    assert context.keys() == CONTEXT
    assert http.keys() == {"method", "path", "protocol", "sourceIp", "userAgent"}
    assert event["routeKey"] == context["routeKey"]
    assert event["routeKey"] in routes(operation)
    assert event["rawPath"] == http["path"]
    time = datetime.strptime(context["time"], "%d/%b/%Y:%H:%M:%S %z")
    assert time.timestamp() * 1000 == context["timeEpoch"]


@pytest.mark.parametrize("operation", HTTP)
def test_what_a_request_says_twice_is_the_same(operation: str):
    event = event_of(operation)
    headers, http = event["headers"], event["requestContext"]["http"]

    assert headers.keys() >= GATEWAYS
    assert all(name == name.lower() for name in headers)
    assert headers["host"] == event["requestContext"]["domainName"]
    assert headers["x-forwarded-for"] == http["sourceIp"]
    assert headers["user-agent"] == http["userAgent"]
    body = event.get("body")
    length = None if body is None else str(len(body.encode()))
    assert headers.get("content-length") == length
    assert ("content-type" in headers) == (body is not None)
    # The gateway leaves out what is empty.
    query = dict(urllib.parse.parse_qsl(event["rawQueryString"], strict_parsing=False))
    assert event.get("queryStringParameters", {}) == query
    assert ("queryStringParameters" in event) == bool(query)
    method, _, path = event["routeKey"].partition(" ")
    for name, value in event.get("pathParameters", {}).items():
        path = path.replace(f"{{{name}}}", value)
    if method != "$default":
        assert (method, path) == (http["method"], http["path"])


@pytest.mark.parametrize("name", [n for n in EVENTS if n.endswith(".cloudformation")])
def test_a_custom_resource_is_asked_as_cloudformation_asks(name: str):
    event = event_of(name)
    resource = template()["Resources"][event["LogicalResourceId"]]

    assert event.keys() == CLOUDFORMATION
    assert event["ResourceType"] == resource["Type"]
    assert event["ResourceProperties"].keys() == resource["Properties"].keys()
    assert all(isinstance(value, str) for value in event["ResourceProperties"].values())
    function = resource["Properties"]["ServiceToken"]["Fn::GetAtt"][0]
    assert function == name.partition(".")[0].title().replace("_", "")
    assert event["ServiceTimeout"] == str(resource["Properties"]["ServiceTimeout"])


def test_each_custom_resource_has_an_event():
    asked = {event_of(n)["ResourceType"] for n in EVENTS if n.endswith(".cloudformation")}
    types = {resource["Type"] for resource in template()["Resources"].values()}
    assert asked == {kind for kind in types if kind.startswith("Custom::")}


@pytest.mark.parametrize("name", [n for n in EVENTS if n.startswith("mail_feedback")])
def test_feedback_is_as_ses_sends_it(name: str):
    event = event_of(name)
    detail, kind = event["detail"], SES[event["detail-type"]]

    assert event.keys() == EVENTBRIDGE
    assert event["source"] == "aws.ses"
    assert detail.keys() == {"eventType", "mail", kind}
    assert detail["eventType"].lower() == kind
    assert name.endswith(f".{kind}") or kind == "bounce"
    # What the rule in the template asks for, and the tags of mail/ses.py.
    assert detail["mail"]["tags"].keys() >= {"ses:configuration-set", "id", "kind"}
    assert all(isinstance(value, list) for value in detail["mail"]["tags"].values())
    people = f"{'bounced' if kind == 'bounce' else 'complained'}Recipients"
    told = detail[kind].get("recipients") or [p["emailAddress"] for p in detail[kind][people]]
    assert told == detail["mail"]["destination"]


def test_a_schedule_is_as_eventbridge_sends_it():
    event = event_of("rotate_keys")
    assert event.keys() == EVENTBRIDGE
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    assert event["detail"] == {}


def test_a_message_is_as_sqs_sends_it():
    [record] = event_of("send_mail")["Records"]
    assert record.keys() == RECORD
    assert record["md5OfBody"] == hashlib.md5(record["body"].encode()).hexdigest()
    assert record["eventSource"] == "aws:sqs"
    assert record["attributes"].keys() == {
        "ApproximateReceiveCount",
        "SentTimestamp",
        "SenderId",
        "ApproximateFirstReceiveTimestamp",
    }


@pytest.mark.parametrize("name", OURS)
def test_an_operator_s_event_is_a_signed_request(name: str):
    event = event_of(name)
    assert event.keys() == {"request", "signed"}
    assert "act" in json.loads(event["request"])


def test_no_event_is_of_an_unknown_kind():
    checked = {*HTTP, *OURS, "rotate_keys", "send_mail", "publish_events"}
    rest = [n for n in EVENTS if n not in checked and not n.startswith("mail_feedback")]
    assert [n for n in rest if not n.endswith(".cloudformation")] == []
