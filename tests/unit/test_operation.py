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
    [("none", True), ("5", True), ("10", True), ("999", True), ("4", False), ("0", False)]
    + [(value, False) for value in ("", "05", "1000", "ten", "-5")],
)
def test_fewer_executions_than_lambda_begins_with_cannot_be_reserved(value: str, valid: bool):
    """Lambda calls with five batches of a queue at once, however few there are."""
    pattern = PARAMETERS["ReservedConcurrency"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, value)) == valid
