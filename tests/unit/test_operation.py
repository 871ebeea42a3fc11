"""What the template sets up for those who run the service: access log, reserved executions."""

import json
import re

import pytest

from local.template import template
from tests.rights import FUNCTIONS, RESOURCES

ACCESS_LOG = RESOURCES["HttpApi"]["Properties"]["AccessLogSettings"]
PARAMETERS = template()["Parameters"]
# All other variables may hold what a caller has sent, or who it is: paths have ids of verifications
# and devices in them, and the texts of errors quote what a function was given.
HARMLESS = {
    "$context.error.responseType",
    "$context.integration.integrationStatus",
    "$context.integration.latency",
    "$context.integration.requestId",
    "$context.requestId",
    "$context.requestTime",
    "$context.responseLatency",
    "$context.routeKey",
    "$context.status",
}


def test_the_access_log_has_a_json_line_for_each_request_and_nothing_that_the_caller_sent():
    line = json.loads(ACCESS_LOG["Format"])
    assert set(line.values()) == HARMLESS
    assert "\n" not in ACCESS_LOG["Format"]  # API Gateway takes a single line


def test_the_access_log_is_kept_apart_and_as_long_as_its_own_parameter_says():
    assert ACCESS_LOG["DestinationArn"] == {"Fn::GetAtt": ["AccessLog", "Arn"]}
    group = RESOURCES["AccessLog"]
    assert group["Type"] == "AWS::Logs::LogGroup"
    assert group["Properties"] == {"RetentionInDays": {"Ref": "AccessLogRetentionDays"}}


def test_executions_are_reserved_for_the_mailer_alone_and_only_where_the_deployer_wants_it():
    reserved = {
        name: RESOURCES[name]["Properties"]["ReservedConcurrentExecutions"]
        for name in FUNCTIONS
        if "ReservedConcurrentExecutions" in RESOURCES[name]["Properties"]
    }
    number, nothing = {"Ref": "ReservedConcurrency"}, {"Ref": "AWS::NoValue"}
    assert reserved == {"SendMail": {"Fn::If": ["HasReservedConcurrency", number, nothing]}}
    condition = template()["Conditions"]["HasReservedConcurrency"]
    assert condition == {"Fn::Not": [{"Fn::Equals": [number, "none"]}]}
    assert PARAMETERS["ReservedConcurrency"]["Default"] == "none"


@pytest.mark.parametrize(
    ("value", "valid"),
    [(value, True) for value in ("none", "7", "9", "10", "99", "100", "999")]
    + [(value, False) for value in ("", "0", "5", "6", "07", "1000", "ten", "-7")],
)
def test_fewer_executions_than_the_mail_queues_use_cannot_be_reserved(value: str, valid: bool):
    pattern = PARAMETERS["ReservedConcurrency"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, value)) == valid


def test_the_mail_queues_use_seven_executions_at_most():
    # A stream has one execution for each of its shards, and those of events are no queues.
    sources = [
        r
        for r in RESOURCES.values()
        if r["Type"] == "AWS::Lambda::EventSourceMapping" and r.get("Condition") != "HasEvents"
    ]
    assert {source["Properties"]["FunctionName"]["Ref"] for source in sources} == {"SendMail"}
    most = [source["Properties"]["ScalingConfig"]["MaximumConcurrency"] for source in sources]
    assert sum(most) == 7
