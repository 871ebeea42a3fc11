"""The programs of examples/verify, which other people's APIs are made of: which tokens they take.

Each runs as it is, against the deployed stack.
"""

import base64
import contextlib
import hmac
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
)

from tests.e2e import rotation
from tests.e2e.client import Answer, Device, Inbox, new_address
from tests.e2e.stack import ROOT, Stack
from tests.ports import free_port

EXAMPLES = ROOT / "examples/verify"
PYTHON = f"{ROOT}/.local/env/verify/bin"
SAM = str(ROOT / ".local/env/sam/bin/sam")
# Debian's package golang-github-coreos-go-oidc-dev has release 2 of the library. The calls of the
# example are the same in both.
GO_PATH = Path("/usr/share/gocode")
GO_IMPORT = "github.com/coreos/go-oidc"
NAMES = ["fastapi", "flask", "express", "go", "sam"]
HOLDERS = ["Discovery", "SignIn", "GetUser", "IntrospectToken"]  # of the keys that the tests change
START_SECONDS = 120
PASSWORD = "engine1843"

Apis: TypeAlias = dict[str, str]


@pytest.fixture(scope="module")
def published(stack: Stack) -> str:
    """Publish a key that does not sign yet, and return its id."""
    rotation.grow_older(stack, days=91)
    assert rotation.rotate(stack)
    rotation.start_containers(stack, ["Discovery"])
    return str(httpx.get(f"{stack.api}/.well-known/jwks.json").json()["keys"][-1]["kid"])


@pytest.fixture(scope="module")
def apis(stack: Stack, published: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apis]:
    """Run all examples. Return the address of each, without the one whose tools are missing."""
    go = _build_go(tmp_path_factory.mktemp("go"))
    flask = [f"{PYTHON}/flask", "--app=flask_api", "run", "--port"]
    uvicorn = [f"{PYTHON}/uvicorn", "fastapi_api:app", "--port"]
    commands = {"fastapi": uvicorn, "flask": flask, "express": ["node", "express.js"], "go": go}
    with contextlib.ExitStack() as ends:
        started = {}
        for name, command in commands.items():
            if not command:
                continue
            port = str(free_port())
            values = {"ISSUER": stack.api, "AUDIENCE": "latchkey", "PORT": port}
            process = subprocess.Popen(
                [*command, port], cwd=EXAMPLES, env=os.environ | values, stderr=subprocess.DEVNULL
            )
            ends.callback(process.wait)
            ends.callback(process.terminate)
            started[name] = f"http://127.0.0.1:{port}"
        ends.callback(_delete_sam, stack)
        started["sam"] = _deploy_sam(stack)
        for url in started.values():
            _wait(url)
        yield started


@pytest.fixture(params=NAMES)
def api(request: pytest.FixtureRequest, apis: Apis) -> str:
    """Return the address of an example."""
    if request.param not in apis:
        pytest.skip("needs Go and go-oidc: apt install golang-go golang-github-coreos-go-oidc-dev")
    return apis[request.param]


@pytest.fixture(scope="module")
def person(http: httpx.Client, inbox: Inbox, seen: set[str]) -> tuple[Device, str]:
    """Return a device and the address of its user, who has a password."""
    device, address = Device(http, inbox, seen), new_address()
    device.register(address, password=PASSWORD)
    return device, address


@pytest.fixture(scope="module")
def tokens(person: tuple[Device, str]) -> Answer:
    """Return the tokens of a session that stays alive."""
    return sign_in(person)


@pytest.fixture(scope="module")
def next_key(stack: Stack, published: str, tokens: Answer) -> str:
    """Let the published key sign, after `tokens` were signed, and return its id."""
    rotation.use_new_keys(stack)
    rotation.start_containers(stack, HOLDERS)
    return published


@pytest.fixture(scope="module")
def unpublished(stack: Stack, next_key: str) -> None:
    """Make a key, and let it sign at once."""
    rotation.grow_older(stack, days=91)
    assert rotation.rotate(stack)
    rotation.use_new_keys(stack)
    rotation.start_containers(stack, HOLDERS)


@pytest.fixture(scope="module")
def bad(stack: Stack, tokens: Answer) -> dict[str, str]:
    """Return tokens that must be refused, each for one reason alone."""
    used = key_id(tokens["access_token"])
    key = next(key for key in rotation.keyring(stack)["keys"] if key["id"] == used)
    context = {"purpose": "signing"}
    unwrapped = stack.client("kms").decrypt(
        CiphertextBlob=key["wrapped"].value, EncryptionContext=context
    )
    real: Any = load_der_private_key(unwrapped["Plaintext"], None)
    kid = {"kid": used}
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    now = int(time.time())
    public = real.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def signed(key: Any = real, **changes: Any) -> str:
        return jwt.encode(claims | changes, key, "RS256", headers=kid)

    assert jwt.decode(signed(), real.public_key(), ["RS256"], audience="latchkey") == claims
    return {
        "expired": signed(iat=now - 10800, exp=now - 3600),
        "for another audience": signed(aud="another-api"),
        "of another issuer": signed(iss="https://login.example.com"),
        "forged": signed(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        "of an unknown key": jwt.encode(claims, real, "RS256", headers={"kid": "unknown"}),
        "unsigned": jwt.encode(claims, "", "none", headers=kid),
        "signed with the public key as a secret": mac(claims, kid, public),
        "a refresh token": tokens["refresh_token"],
        "missing": "",
    }


BAD = [
    "expired", "for another audience", "of another issuer", "forged", "of an unknown key",
    "unsigned", "signed with the public key as a secret", "a refresh token", "missing",
]  # fmt: skip


def test_a_good_token_is_taken(api: str, tokens: Answer):
    for answer in (hello(api, tokens["access_token"]), pay(api, tokens["access_token"])):
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"user": tokens["sub"]}


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_token_is_refused(api: str, bad: dict[str, str], reason: str):
    assert hello(api, bad[reason]).status_code == 401
    assert pay(api, bad[reason]).status_code == 401


def test_only_introspection_sees_that_a_session_has_ended(api: str, person: tuple[Device, str]):
    token = sign_in(person)["access_token"]
    assert pay(api, token).status_code == 200
    assert person[0].call("sign_out", bearer=token).status == 200

    assert hello(api, token).status_code == 200
    assert pay(api, token).status_code == 401


def test_a_key_that_was_published_before_its_use_is_known(
    api: str, next_key: str, person: tuple[Device, str], tokens: Answer
):
    """So a cache may keep the keys for hours, as API Gateway does."""
    fresh = sign_in(person)["access_token"]
    assert key_id(fresh) == next_key != key_id(tokens["access_token"])
    assert hello(api, fresh).status_code == 200
    assert hello(api, tokens["access_token"]).status_code == 200, "the old key stays published"


@pytest.mark.parametrize("name", ["fastapi", "flask", "express"])
def test_a_key_that_is_used_at_once_is_found(
    apis: Apis, unpublished: None, person: tuple[Device, str], name: str
):
    """After a theft there is no day to wait. The other two keep the keys as long as they may: an
    hour, or two.
    """
    fresh = sign_in(person)["access_token"]
    end = time.monotonic() + 90  # the libraries ask for unknown keys every 30 seconds at most
    while hello(apis[name], fresh).status_code != 200:
        assert time.monotonic() < end
        time.sleep(0.5)


def test_the_document_tells_of_each_claim(tokens: Answer):
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    table = (ROOT / "docs/tokens.md").read_text().partition("| claim |")[2].partition("\n\n")[0]
    told = [row.split("|")[1] for row in table.splitlines()[2:]]
    assert sorted(re.findall(r"`(\w+)`", " ".join(told))) == sorted(claims)


def test_the_template_of_the_gateway_is_valid():
    template = EXAMPLES / "sam/template.yaml"
    command = [SAM, "validate", "--lint", "--template", str(template), "--region=eu-central-1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def key_id(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def sign_in(person: tuple[Device, str]) -> Answer:
    device, address = person
    signed_in = device.call("sign_in", {"username": address, "password": PASSWORD})
    assert signed_in.status == 200, signed_in
    return signed_in


def hello(api: str, token: str) -> httpx.Response:
    return httpx.get(f"{api}/hello", headers=bearer(token), timeout=60)


def pay(api: str, token: str) -> httpx.Response:
    return httpx.post(f"{api}/pay", headers=bearer(token), timeout=60)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"} if token else {}


def mac(claims: dict[str, Any], kid: dict[str, str], secret: bytes) -> str:
    """Sign with HS256, as PyJWT does not with a key that is public."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"} | kid, claims)]
    spelled = [base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts]
    digest = hmac.digest(secret, b".".join(spelled), "sha256")
    return b".".join([*spelled, base64.urlsafe_b64encode(digest).rstrip(b"=")]).decode()


def _build_go(folder: Path) -> list[str]:
    """Build the example, and return its command; nothing if Go or the library is missing."""
    if not (shutil.which("go") and (GO_PATH / "src" / GO_IMPORT).exists()):
        return []
    text = (EXAMPLES / "go/main.go").read_text()
    (folder / "main.go").write_text(text.replace(f"{GO_IMPORT}/v3/oidc", GO_IMPORT))
    variables = {"GO111MODULE": "off", "GOPATH": str(GO_PATH)}
    subprocess.run(
        ["go", "build", "-o", "api", "main.go"], cwd=folder, env=os.environ | variables, check=True
    )
    return [str(folder / "api")]


def _deploy_sam(stack: Stack) -> str:
    cloudformation = stack.client("cloudformation")
    cloudformation.create_stack(
        StackName="verify",
        TemplateBody=(EXAMPLES / "sam/template.yaml").read_text(),
        Parameters=[{"ParameterKey": "Issuer", "ParameterValue": stack.api}],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName="verify")
    found = cloudformation.describe_stack_resources(StackName="verify")["StackResources"]
    [api] = [r["PhysicalResourceId"] for r in found if r["LogicalResourceId"] == "Api"]
    return f"{stack.endpoint}/_aws/execute-api/{api}"


def _delete_sam(stack: Stack) -> None:
    stack.client("cloudformation").delete_stack(StackName="verify")


def _wait(api: str) -> None:
    """Wait until an example refuses a request without a token."""
    end = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(httpx.TransportError):
            if hello(api, "").status_code == 401:
                return
        assert time.monotonic() < end, f"{api} does not answer"
        time.sleep(0.1)
