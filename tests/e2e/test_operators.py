"""The command `latchkey` as an operator runs it, against the deployed stack with IAM enforced."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import bcrypt
import boto3
import pytest

from latchkey_cli import signing
from tests.e2e.client import Answer, Device
from tests.e2e.stack import ROOT, Stack

Run = Callable[..., "Ran"]


@dataclass
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    error: str


@pytest.fixture
def latchkey(stack: Stack) -> Run:
    """Return a function that runs the command; `aws` are variables in place of --local."""

    def run(*arguments: str, given: str = "", aws: dict[str, str] | None = None) -> Ran:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "cli"),
            "COLUMNS": "200",
            "NO_COLOR": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "STACK_PORT": str(urlsplit(stack.endpoint).port),
            **(aws or {}),
        }
        where = ["--local"] if aws is None else []
        done = subprocess.run(
            [sys.executable, "-m", "latchkey_cli.main", *where, *arguments],
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=300,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


def sign_in(device: Device, address: str) -> Answer:
    """Sign in with a mailed code."""
    tokens = device.call("sign_in", {"verification_token": device.prove(address)})
    assert tokens.status == 200, tokens
    return tokens


def test_a_user_from_creation_to_deletion(
    latchkey: Run, device: Device, address: str, stack: Stack
):
    made = latchkey("users", "create", address, "--name", "Grace [bold]", "--group", "staff")
    assert (made.code, "Created" in made.out) == (0, True), made.error
    found = json.loads(latchkey("--json", "users", "show", address).out)["user"]
    assert (found["name"], found["groups"]) == ("Grace [bold]", ["staff"])
    assert found["email_verified"] is False

    tokens = sign_in(device, address)
    assert tokens["sub"] == found["sub"]
    table = latchkey("users", "show", found["sub"])
    assert "Grace [bold]" in table.out
    assert "Sessions" in table.out

    assert latchkey("users", "disable", address).code == 0
    assert device.me(tokens["access_token"]).refusal[:2] == (401, "unauthenticated")
    listed = json.loads(latchkey("--json", "users", "list", address, "--status", "disabled").out)
    assert [one["sub"] for one in listed] == [found["sub"]]
    assert latchkey("users", "enable", address).code == 0
    assert sign_in(device, address)["sub"] == found["sub"]

    history = json.loads(latchkey("--json", "history", address).out)
    assert {"DISABLED", "ENABLED", "USER_LOGIN"} <= {entry["action"] for entry in history}
    kept = latchkey("users", "delete", address, given="n\n")
    assert (kept.code, "for good?" in kept.error) == (1, True)
    assert latchkey("users", "delete", address, "--yes").code == 0
    gone = latchkey("users", "find", address)
    assert (gone.code, gone.out) == (1, "")
    assert "not found" in gone.error.lower()

    said = stack.functions_log.read_text()
    lines = [line for line in said.splitlines() if '"operator"' in line and found["sub"] in line]
    acts = [json.loads(line.partition(": ")[2])["act"] for line in lines]
    assert {"users.create", "users.show", "users.disable", "users.enable", "users.delete"} == set(
        acts
    )
    assert all('"who":"arn:aws:' in line for line in lines)


def test_a_session_is_listed_and_ended(latchkey: Run, device: Device, address: str):
    tokens = device.register(address)
    [session] = json.loads(latchkey("--json", "sessions", "list", address).out)
    assert latchkey("sessions", "end", address, session["sid"]).code == 0
    assert device.me(tokens["access_token"]).refusal[:2] == (401, "unauthenticated")
    assert json.loads(latchkey("--json", "sessions", "list", address).out) == []


def test_a_test_mail_arrives(latchkey: Run):
    sent = latchkey("mail", "test", "operator@example.com", "--language", "de")
    assert sent.code == 0, sent.error
    assert "250" in sent.out


def test_the_log_of_a_request_is_shown(latchkey: Run, device: Device):
    refused = device.me("nobody")
    shown = latchkey("logs", refused["request_id"])
    assert shown.code == 0, shown.error
    assert "unauthenticated" in shown.out


def test_the_doctor_sees_the_local_stack(latchkey: Run):
    seen = latchkey("--json", "doctor")
    results = {one["name"]: one for one in json.loads(seen.out)}
    for name in ("keys are where the issuer says", "every route answers", "keys"):
        assert results[name]["state"] == "ok", results[name]
    assert results["codes that failed"]["state"] in ("ok", "bad")
    assert results["who hears alarms"]["state"] in ("warn", "none")


def test_what_cannot_be_done_is_said_in_a_sentence(latchkey: Run, stack: Stack):
    ours = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    there = {"AWS_ENDPOINT_URL": stack.endpoint, "AWS_REGION": "eu-central-1"}
    for arguments, aws, code, said in (
        (["--stack", "nothing", "keys", "list"], ours | there, 3, "There is no stack nothing"),
        (["keys", "list"], there, 3, "no credentials"),
        (["keys", "list"], ours | {"AWS_ENDPOINT_URL": stack.endpoint}, 3, "region"),
        (["users", "list", "--by", "size"], None, 2, "created, address or username"),
        (["users", "list", "--created-since", "May"], None, 2, "May is no day"),
        (["users", "create", "nobody"], None, 1, "valid e-mail address"),
        (["users", "eat"], None, 2, "No such command"),
    ):
        ran = latchkey(*arguments, aws=aws)
        assert ran.code == code, (arguments, ran)
        assert said in ran.out + ran.error, (arguments, ran)
        assert "Traceback" not in ran.error


def test_a_missing_right_is_named_with_its_statement(latchkey: Run, stack: Stack):
    """Support may read and no more: the policy is what docs/operators.md shows."""
    iam = stack.client("iam")
    iam.create_user(UserName="support")
    key = iam.create_access_key(UserName="support")["AccessKey"]
    allowed = [
        {
            "Effect": "Allow",
            "Action": ["cloudformation:ListStackResources", "cloudformation:DescribeStacks"],
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Action": "lambda:InvokeFunction",
            "Resource": f"arn:aws:lambda:*:*:function:{stack.names['OperatorRead']}",
        },
    ]
    iam.put_user_policy(
        UserName="support",
        PolicyName="read",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allowed}),
    )
    aws = {
        "AWS_ENDPOINT_URL": stack.endpoint,
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    try:
        read = latchkey("users", "list", aws=aws)
        assert read.code == 0, read.error
        assert "user/support" in stack.functions_log.read_text()  # the audit log names the operator
        refused = latchkey("users", "disable", "ada@example.com", aws=aws)
        assert refused.code == 3, refused
        assert '"Action": "lambda:InvokeFunction"' in refused.error
    finally:
        iam.delete_user_policy(UserName="support", PolicyName="read")
        iam.delete_access_key(UserName="support", AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName="support")


def test_users_come_in_with_their_passwords_and_go_out_again(
    latchkey: Run, device: Device, address: str, tmp_path: Path
):
    hashed = bcrypt.hashpw(b"engine1843", bcrypt.gensalt(10)).decode()
    mine: dict[str, object] = {"id": secrets.token_hex(12), "email": address}
    rows = [
        mine | {"email_verified": True, "password_hash": hashed},
        {"id": "2", "email": "nobody"},
    ]
    source = tmp_path / "users.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows) + "no JSON\n")

    tried = latchkey("import", str(source), "--format", "latchkey")
    assert (tried.code, "Nothing was written" in tried.out) == (1, True), tried
    assert "line 2" in tried.out
    assert latchkey("users", "find", address).code == 1
    done = latchkey("import", str(source), "--format", "latchkey", "--no-dry-run")
    assert "1 created" in done.out, done
    body = {"username": address, "password": "engine1843"}
    assert device.call("sign_in", body)["sub"] == mine["id"]

    target = tmp_path / "all.jsonl"
    assert latchkey("export", str(target)).code == 0
    found = [json.loads(line) for line in target.read_text().splitlines()]
    [row] = [row for row in found if row["email"] == address]
    assert row["password_hash"].startswith("$argon2id$")  # since the sign-in
    again = latchkey("--json", "import", str(target), "--format", "latchkey", "--no-dry-run")
    assert again.out, again
    assert json.loads(again.out)["results"] == {"already_there": len(found)}


def test_a_signed_request_is_good_for_nothing_else(stack: Stack):
    """Whoever may invoke the functions cannot do it in another operator's name. The signer is a
    user of IAM, because MiniStack does not check the signatures of its root.
    """
    iam = stack.client("iam")
    iam.create_user(UserName="grace")
    key = iam.create_access_key(UserName="grace")["AccessKey"]
    grace = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="eu-central-1")
    function, other = stack.names["OperatorRead"], stack.names["OperatorChange"]
    request = '{"act": "keys.list"}'
    signed = signing.sign(grace, function, request, stack.endpoint)

    def invoke(function: str, request: str) -> dict[str, object]:
        event = json.dumps({"request": request, "signed": signed})
        answer = stack.client("lambda").invoke(FunctionName=function, Payload=event)
        return dict(json.loads(answer["Payload"].read()))

    try:
        assert "result" in invoke(function, request)
        assert invoke(function, '{"act": "users.list"}')["error"] == "unproven"
        assert invoke(other, request)["error"] == "unproven"
    finally:
        iam.delete_access_key(UserName="grace", AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName="grace")


def test_the_command_is_installed_from_its_folder(tmp_path: Path):
    """`uvx --from ./cli latchkey`, as docs/operators.md has it: nothing else of the repository."""
    environment = {name: os.environ[name] for name in os.environ if not name.startswith("PYTHON")}
    done = subprocess.run(
        [ROOT / ".local/uv/bin/uv", "tool", "run", "--from", ROOT / "cli", "latchkey", "--help"],
        cwd=tmp_path,
        env=environment | {"UV_SYSTEM_CERTS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert "doctor" in done.stdout
