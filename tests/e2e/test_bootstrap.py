"""Each function runs under Lambda's own bootstrap, with only what Lambda and the layer bring.

The local stack's own packages could hide that the layer lacks one. Here such an import fails, as it
would on Lambda.
"""

import io
import json
import pkgutil
import secrets
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from local import runtime, variables
from local.runtime import Outcome
from tests.cloudformation import Answers, listening
from tests.e2e.client import TOKENS, Inbox, new_address
from tests.e2e.stack import ROOT, Stack

Bootstrap: TypeAlias = Callable[..., Outcome]
Ask: TypeAlias = Callable[..., dict[str, Any]]

EVENTS = sorted(path.stem for path in ROOT.glob("events/*.json"))
# What the stack answers to the request in events/: the status, and the word for what is wrong.
ANSWERS = {
    "change_email": (401, "unauthenticated"),
    "check_user": (200, ""),
    "delete_user": (401, "unauthenticated"),
    "discovery": (200, ""),
    "edit_profile": (401, "unauthenticated"),
    "encryption_key": (200, ""),
    "get_user": (401, "unauthenticated"),
    "get_verification": (404, "not_found"),
    "grant_token": (400, "invalid_grant"),
    "introspect_token": (200, ""),
    "list_providers": (401, "unauthenticated"),
    "list_sessions": (401, "unauthenticated"),
    "query_user": (401, "unauthenticated"),
    "reset_password": (400, "invalid_argument"),
    "revoke_all": (401, "unauthenticated"),
    "revoke_device": (401, "unauthenticated"),
    "revoke_token": (200, ""),
    "security_history": (401, "unauthenticated"),
    "send_code": (200, ""),
    "set_password": (401, "unauthenticated"),
    "sign_in": (401, "invalid_username_or_password"),
    "sign_in_with_code": (400, "invalid_argument"),
    "sign_out": (401, "unauthenticated"),
    "sign_up": (400, "invalid_argument"),
    "solve_captcha": (200, ""),
    "sudo": (401, "unauthenticated"),
    "unknown_route": (404, "unimplemented"),
    "update_password": (401, "invalid_username_or_password"),
    "verify_code": (400, "invalid_argument"),
}
# What other functions return.
RESULTS: dict[str, dict[str, Any] | None] = {
    "export_users": {"error": "unproven"},
    "import_users": {"error": "unproven"},
    "mail_feedback": None,
    "mail_feedback.complaint": None,
    "mail_feedback.delivery": None,
    "index_users": {"error": "unproven"},
    "operator_change": {"error": "unproven"},
    "operator_read": {"error": "unproven"},
    "protect_accounts.cloudformation": {},
    "publish_events": {"batchItemFailures": []},
    "rotate_keys": {"made": []},
    "rotate_keys.cloudformation": {},
    "send_mail": {"batchItemFailures": []},
    "send_test_mail": {"error": "unproven"},
    "send_test_mail.cloudformation": {},
}


# This handler returns where each module comes from, and the version of boto3.
PROBE = """import importlib


def handler(event, context):
    files = {name: importlib.import_module(name).__file__ for name in event["modules"]}
    return {"files": files, "boto3": importlib.import_module("boto3").__version__}
"""


def fixture_of(operation: str) -> Any:
    return json.loads((ROOT / "events" / f"{operation}.json").read_text())


@pytest.fixture(scope="module")
def bootstrap(stack: Stack) -> Bootstrap:
    """Return a function that lets a new container of an operation answer one event."""
    runtime.compile_libraries()

    def run(
        operation: str, event: dict[str, Any], layer: Path = stack.layer, **changed: str
    ) -> Outcome:
        function = operation.title().replace("_", "")
        return runtime.invoke(
            ROOT / "functions" / operation,
            event,
            variables.read(stack.home, function) | changed,
            layer,
            *stack.own_layers(function),
        )

    return run


@pytest.fixture
def cloudformation() -> Iterator[Answers]:
    with listening() as answers:
        yield answers


@pytest.fixture
def ask(bootstrap: Bootstrap) -> Ask:
    """Return a function that sends an operation a body and returns the JSON of a success."""

    def run(
        operation: str, body: object = None, bearer: str = "", **changed: str
    ) -> dict[str, Any]:
        event = fixture_of(operation)
        event["headers"] |= {"x-request-id": secrets.token_hex(16)}
        event["headers"] |= {"authorization": f"Bearer {bearer}"} if bearer else {}
        event["body"] = json.dumps(body)
        outcome = bootstrap(operation, event, **changed)
        assert outcome.kind == "response", outcome
        assert outcome.body["statusCode"] == 200, outcome
        return dict(json.loads(outcome.body["body"]))

    return run


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_answered_from_the_layer_alone(
    bootstrap: Bootstrap, cloudformation: Answers, stack: Stack, name: str
):
    event = fixture_of(name)
    if "ResponseURL" in event:
        event["ResponseURL"] = cloudformation.url
        event["ResourceProperties"]["Issuer"] = stack.api  # no other: all tests share the stack
    outcome = bootstrap(name.partition(".")[0], event)

    assert outcome.kind == "response", outcome
    if name in ANSWERS:
        body = json.loads(outcome.body["body"])
        assert (outcome.body["statusCode"], body.get("error", "")) == ANSWERS[name], outcome
    else:
        assert (outcome.body or {}).items() >= (RESULTS[name] or {}).items()
    assert [answer["Status"] for answer in cloudformation] == ["SUCCESS"] * ("ResponseURL" in event)


@pytest.mark.parametrize("operation", ["discovery", "send_code", "sign_in", "send_mail"])
def test_a_function_answers_when_it_goes_on_from_a_snapshot(bootstrap: Bootstrap, operation: str):
    """A hook that raises would end it before it asks for the event."""
    event = fixture_of(operation)
    outcome = bootstrap(operation, event, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start")

    assert outcome.kind == "response", outcome
    if operation != "send_mail":
        assert outcome.body["statusCode"] == ANSWERS[operation][0], outcome


def test_a_whole_journey_needs_nothing_but_the_layer(
    ask: Ask, bootstrap: Bootstrap, inbox: Inbox, stack: Stack, seen: set[str]
):
    """This also reaches the imports inside functions."""
    address = new_address()
    sqs = stack.client("sqs")
    queue = sqs.create_queue(QueueName="mails-for-the-bootstrap")["QueueUrl"]

    sent = ask("send_code", {"email": address}, MAIL_QUEUE_URL=queue)
    [message] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    event = fixture_of("send_mail")
    event["Records"][0]["body"] = message["Body"]
    outcome = bootstrap("send_mail", event)
    assert (outcome.kind, outcome.body) == ("response", {"batchItemFailures": []}), outcome

    proof = ask(
        "verify_code",
        {
            "verification_id": sent["verification_id"],
            "verification_code": inbox.code(address),
        },
    )["verification_token"]
    tokens = ask("sign_up", {"verification_token": proof, "password": "engine1843"})
    assert tokens.keys() == TOKENS
    again = ask("sign_in", {"username": address, "password": "engine1843"})
    assert again["sub"] == tokens["sub"]
    body = {"grant_type": "refresh_token", "refresh_token": again["refresh_token"]}
    fresh = ask("grant_token", body)
    assert ask("get_user", bearer=fresh["access_token"])["email"] == address
    assert ask("sign_out", {}, bearer=fresh["access_token"]) == {}


def test_a_dead_table_is_answered_as_unavailable(bootstrap: Bootstrap):
    outcome = bootstrap("sign_in", fixture_of("sign_in"), AWS_ENDPOINT_URL="http://127.0.0.1:9")

    assert outcome.kind == "response"
    assert outcome.body["statusCode"] == 503
    assert json.loads(outcome.body["body"])["error"] == "unavailable"


def test_no_other_layer_brings_what_draws(bootstrap: Bootstrap, stack: Stack):
    assert not {"captcha", "PIL"} & set(modules_of(stack.layer))
    assert {"captcha", "PIL"} <= set(modules_of(*stack.own_layers("SolveCaptcha")))


@pytest.mark.parametrize("package", ["pydantic", "jwt", "argon2"])
def test_a_package_that_the_layer_lacks_is_noticed(
    bootstrap: Bootstrap, stack: Stack, tmp_path: Path, package: str
):
    shutil.copytree(stack.layer, tmp_path / "layer")
    shutil.rmtree(tmp_path / "layer" / package)

    outcome = bootstrap("sign_in", fixture_of("sign_in"), layer=tmp_path / "layer")
    if package == "argon2":  # it is imported when a password is checked
        assert outcome.body["statusCode"] == 500
    else:
        assert outcome.kind in ("init", "error")
        assert outcome.body["errorType"] == "Runtime.ImportModuleError"


def modules_of(*layers: Path) -> list[str]:
    """Return what can be imported from the layers."""
    return [module.name for module in pkgutil.iter_modules(map(str, layers))]


def version_of(layer: Path) -> str:
    [folder] = layer.glob("boto3-*.dist-info")
    return folder.name.removeprefix("boto3-").removesuffix(".dist-info")


def test_lambda_brings_a_boto3_and_the_layers_comes_first(stack: Stack, tmp_path: Path):
    (tmp_path / "app.py").write_text(PROBE)
    event = {"modules": ["boto3", "botocore"]}
    region = {"AWS_REGION": "eu-central-1"}

    theirs = runtime.invoke(tmp_path, event, region).body
    ours = runtime.invoke(tmp_path, {"modules": modules_of(stack.layer)}, region, stack.layer).body

    assert not Path(theirs["files"]["boto3"]).is_relative_to(stack.layer)
    assert ours["boto3"] == version_of(stack.layer)
    assert {"boto3", "botocore", "pydantic", "aws_lambda_powertools"} <= ours["files"].keys()
    for name, file in ours["files"].items():
        assert Path(file).is_relative_to(stack.layer), name


def test_a_function_of_the_local_stack_finds_the_layers_libraries(stack: Stack):
    """MiniStack's own environment has many of them too, but comes after the layer."""
    client = stack.client("lambda")
    deployed = client.get_function_configuration(FunctionName=stack.names["GetUser"])
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", PROBE)
    client.create_function(
        FunctionName="probe",
        Runtime="python3.13",
        Handler="app.handler",
        Role=deployed["Role"],
        Code={"ZipFile": code.getvalue()},
        Layers=[layer["Arn"] for layer in deployed["Layers"]],
        Timeout=30,
    )
    try:
        event = json.dumps({"modules": modules_of(stack.layer)})
        answer = client.invoke(FunctionName="probe", Payload=event)["Payload"].read()
    finally:
        client.delete_function(FunctionName="probe")
    found = json.loads(answer)

    assert found["boto3"] == version_of(stack.layer)
    layer = Path(found["files"]["latchkey"]).parents[1]
    for name, file in found["files"].items():
        assert Path(file).is_relative_to(layer), name
