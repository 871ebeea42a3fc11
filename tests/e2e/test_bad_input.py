"""Every kind of bad input gets a clear error, in our own JSON."""

import json
import time
from typing import TypeAlias

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key

from tests.e2e.client import ROUTES, Answer, Device, Inbox, NewDevice, Refusal, new_address
from tests.e2e.stack import Stack

Case: TypeAlias = tuple[str, dict[str, object]]

INVALID = (400, "invalid_argument", 3)
TOO_LARGE = (413, "invalid_argument", 3)
DISABLED = (403, "login_type_disabled", 4045)
WRONG = (401, "invalid_username_or_password", 3)
DEAD = (400, "invalid_grant", 3)
SIGNED_OUT = (401, "unauthenticated", 16)
NO_ROUTE = (404, "unimplemented", 12)

WITH_BODY = sorted(operation for operation, (method, _) in ROUTES.items() if method != "GET")
A_CODE = "123456"
AN_ID = "mzxw6ytboi4dkmjqgeydambrge"

NOT_AN_OBJECT = {
    "nothing": b"",
    "half an object": b'{"email": "ada@example.com"',
    "no JSON": b"email=ada%40example.com",
    "an array": b"[]",
    "a text": b'"text"',
    "null": b"null",
    "UTF-16": '{"email": "ada@example.com"}'.encode("utf-16"),
    "half a surrogate pair": b'{"email": "\\ud800@example.com", "token": "\\ud800", '
    b'"username": "\\ud800", "password": "\\ud800", "verification_token": "\\ud800", '
    b'"verification_id": "\\ud800", "verification_code": "\\ud800", "grant_type": "\\ud800", '
    b'"redirect_uri": "\\ud800"}',
    "deep nesting": b'{"x": ' * 9000,
}


@pytest.mark.parametrize("raw", NOT_AN_OBJECT.values(), ids=NOT_AN_OBJECT.keys())
@pytest.mark.parametrize("operation", WITH_BODY)
def test_what_is_not_a_json_object_in_utf8_is_refused(device: Device, operation: str, raw: bytes):
    if operation == "sign_out" and not raw:
        return  # This operation needs no field, and so no body.
    assert device.call(operation, raw=raw).refusal == INVALID


@pytest.mark.parametrize("operation", WITH_BODY)
def test_a_body_that_is_not_utf8_is_refused_even_in_a_field_that_nobody_reads(
    device: Device, operation: str
):
    # The local gateway would repair text. It passes other types on as they are, as AWS does.
    headers = {"content-type": "application/octet-stream"}
    for raw in (b'{"unread": "\xff"}', b'{"\xff": ""}', b"\x00\x01"):
        assert device.call(operation, raw=raw, headers=headers).refusal == INVALID


@pytest.mark.parametrize("operation", WITH_BODY)
def test_a_megabyte_is_refused(device: Device, operation: str):
    raw = json.dumps({"email": "ada@example.com", "extra": "x" * 1_000_000}).encode()

    assert device.call(operation, raw=raw).refusal == TOO_LARGE


def body(**fields: object) -> dict[str, object]:
    """Return a body in which all fields but one are valid."""
    return {name: value for name, value in fields.items() if value is not ...}


def _code(**fields: object) -> Case:
    return "send_code", body(**{"email": "ada@example.com"} | fields)


def _verify(**fields: object) -> Case:
    return "verify_code", body(**{"verification_id": AN_ID, "verification_code": A_CODE} | fields)


def _up(**fields: object) -> Case:
    return "sign_up", body(**{"verification_token": "x.y.z", "email": "ada@example.com"} | fields)


def _in(**fields: object) -> Case:
    return "sign_in", body(**{"username": "ada@example.com", "password": "engine1843"} | fields)


def _token(**fields: object) -> Case:
    return "grant_token", body(**{"grant_type": "refresh_token", "refresh_token": "x"} | fields)


FIELDS = [
    (*_code(email=...), INVALID),
    (*_code(email=None), INVALID),
    (*_code(email=5), INVALID),
    (*_code(email=["ada@example.com"]), INVALID),
    (*_code(email=""), INVALID),
    (*_code(email="x" * 600), INVALID),
    (*_code(target="SOMEBODY"), INVALID),
    (*_code(target=1), INVALID),
    (*_code(usage=1), INVALID),
    (*_code(usage="x" * 257), INVALID),
    (*_code(email=..., phone_number="+86 13800000000"), DISABLED),
    (*_verify(verification_id=...), INVALID),
    (*_verify(verification_id=None), INVALID),
    (*_verify(verification_id=7), INVALID),
    (*_verify(verification_id=""), INVALID),
    (*_verify(verification_id="x" * 300), INVALID),
    (*_verify(verification_code=...), INVALID),
    (*_verify(verification_code=None), INVALID),
    (*_verify(verification_code=True), INVALID),
    (*_verify(verification_code=-1), INVALID),
    (*_verify(verification_code=12.5), INVALID),
    (*_verify(verification_code=10**30), INVALID),
    (*_verify(verification_code=10**4000), INVALID),
    (*_verify(verification_code={}), INVALID),
    (*_verify(verification_code=""), INVALID),
    (*_verify(verification_code="x" * 300), INVALID),
    (*_verify(verification_code="１２３４５６"), INVALID),
    (*_up(verification_token=...), INVALID),
    (*_up(verification_token=1), INVALID),
    (*_up(verification_token=""), INVALID),
    (*_up(verification_token="x" * 5000), INVALID),
    (*_up(email=1), INVALID),
    (*_up(email="ada"), INVALID),
    (*_up(name=1), INVALID),
    (*_up(gender="X"), INVALID),
    (*_up(verification_token=..., phone_number="+86 13800000000"), DISABLED),
    (*_in(username=...), WRONG),
    (*_in(username=""), WRONG),
    (*_in(username=1), INVALID),
    (*_in(username=None), INVALID),
    (*_in(username="x" * 600), INVALID),
    (*_in(username="ada\u0000@example.com"), WRONG),
    (*_in(username="+86 13800000000"), DISABLED),
    (*_in(password=...), INVALID),
    (*_in(password=None), INVALID),
    (*_in(password=12345678), INVALID),
    (*_in(password=""), WRONG),
    (*_in(password="x" * 257), INVALID),
    (*_in(password=..., verification_token=5), INVALID),
    (*_in(password=..., verification_token=""), INVALID),
    (*_token(grant_type=...), INVALID),
    (*_token(grant_type=1), INVALID),
    (*_token(grant_type="client_credentials"), INVALID),
    (*_token(refresh_token=...), INVALID),
    (*_token(refresh_token=None), INVALID),
    (*_token(refresh_token=5), INVALID),
    (*_token(refresh_token=""), DEAD),
    (*_token(refresh_token="x" * 5000), INVALID),
    ("revoke_token", {}, INVALID),
    ("revoke_token", {"token": None}, INVALID),
    ("revoke_token", {"token": 5}, INVALID),
    ("revoke_token", {"token": "x" * 5000}, INVALID),
    ("sign_out", {"redirect_uri": 5}, INVALID),
    ("sign_out", {"redirect_uri": "x" * 3000}, INVALID),
    ("sign_out", {}, SIGNED_OUT),
]


@pytest.mark.parametrize(("operation", "sent", "refusal"), FIELDS)
def test_a_field_that_is_missing_mistyped_or_malformed_is_refused(
    device: Device, operation: str, sent: object, refusal: Refusal
):
    assert device.call(operation, sent).refusal == refusal


ADDRESSES = {
    "no at": "ada.example.com",
    "two ats": "ada@home@example.com",
    "no dot": "ada@localhost",
    "a space": "ada lovelace@example.com",
    "spaces around": " ada@example.com ",
    "a line break": "ada@example.com\nBcc: eve@example.com",
    "a name": "Ada <ada@example.com>",
    "two": "ada@example.com,eve@example.com",
    "a Cyrillic a": "\u0430da@example.com",
    "a full-width at": "ada\uff20example.com",
    "a Cyrillic a in a domain": "ada@ex\u0430mple.com",
    "a zero-width space": "ada\u200b@example.com",
    "dots in a row": "ada..l@example.com",
    "an IP address": "ada@127.0.0.1",
    "a long local part": "a" * 65 + "@example.com",
    "255 characters": "ada@" + ("a" * 61 + ".") * 4 + "com",
}


@pytest.mark.parametrize("bad", ADDRESSES.values(), ids=ADDRESSES.keys())
def test_what_is_no_address_gets_no_mail_and_signs_nobody_in(device: Device, bad: str):
    assert device.call("send_code", {"email": bad}).refusal == INVALID
    assert device.call("sign_in", {"username": bad, "password": "engine1843"}).refusal == WRONG


@pytest.fixture(scope="module")
def spare(http: httpx.Client, inbox: Inbox, seen: set[str]) -> tuple[Device, str]:
    """Return a proof that a refused sign-up must not use up."""
    device = Device(http, inbox, seen)
    return device, device.prove(new_address())


UNFIT = {
    "7 characters": {"password": "engin18"},
    "33 characters": {"password": "engine1843" * 3 + "eng"},
    "no digit": {"password": "engine-engine"},
    "no letter": {"password": "1843-1843"},
    "an empty password": {"password": ""},
    "a number as password": {"password": 12345678},
    "a name of 4": {"username": "adal"},
    "a name of 25": {"username": "a" * 25},
    "a name with an at": {"username": "ada@home"},
    "a name with a space": {"username": "ada lovelace"},
    "a Chinese name": {"username": "用户名用户名"},
    "an empty user name": {"username": ""},
    "a long display name": {"name": "x" * 65},
    "a reserved display name": {"name": "anonymous"},
}


@pytest.mark.parametrize("fields", UNFIT.values(), ids=UNFIT.keys())
def test_an_unfit_password_or_name_is_refused_before_the_proof_is_used(
    spare: tuple[Device, str], fields: dict[str, object]
):
    device, token = spare

    answer = device.call("sign_up", {"verification_token": token, **fields})
    assert answer.refusal == INVALID


def test_the_proof_that_was_refused_with_unfit_fields_still_signs_up(spare: tuple[Device, str]):
    device, token = spare

    assert device.call("sign_up", {"verification_token": token}).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/auth"),
        ("POST", "/auth/v1/nowhere"),
        ("GET", "/auth/v1/signin"),
        ("PUT", "/auth/v1/signin"),
        ("DELETE", "/auth/v1/verification"),
        ("PATCH", "/auth/v1/token"),
        ("POST", "/auth/v1/user/me"),
        ("POST", "/auth/v1/signin/"),
        ("POST", "/.well-known/jwks.json"),
        ("GET", "/%2e%2e/%00"),
    ],
)
def test_an_unknown_path_or_method_is_refused_in_our_own_json(
    http: httpx.Client, method: str, path: str
):
    for raw in (b"", b"{}", b"\xff"):
        answer = Answer(http.request(method, path, content=raw))
        assert answer.refusal == NO_ROUTE


@pytest.mark.parametrize("path", ["/auth/v1/signin/anonymously", "/auth/v2/signin/with/provider"])
def test_another_way_to_sign_in_is_refused(http: httpx.Client, path: str):
    assert Answer(http.request("POST", path, content=b"{}")).refusal == DISABLED


def test_an_id_or_code_that_is_used_expired_or_unknown_is_refused_alike(
    device: Device, address: str, stack: Stack
):
    used_id, code = device.ask(address)
    device.verify(used_id, code)
    expired_id, expired_code = device.ask(f"expired-{address}")
    stack.table("Grants").update_item(
        Key={"pk": f"VERIFICATION#{expired_id}", "sk": "-"},
        UpdateExpression="SET expires_at = :past",
        ExpressionAttributeValues={":past": int(time.time())},
    )

    answers = [
        device.verify(used_id, code),
        device.verify(expired_id, expired_code),
        device.verify(AN_ID, code),
    ]
    assert {answer.refusal for answer in answers} == {INVALID}
    assert len({answer["error_description"] for answer in answers}) == 1


def test_a_code_of_another_address_is_wrong(device: Device, new_device: NewDevice, address: str):
    verification_id, code = device.ask(address)
    _, other = new_device().ask(f"other-{address}")

    if other != code:
        answer = device.verify(verification_id, other)
        assert answer.refusal == (400, "invalid_verification_code", 3)
    assert device.verify(verification_id, code).status == 200


@pytest.fixture(scope="module")
def tokens(spare: tuple[Device, str]) -> dict[str, str]:
    """Return a token of each kind."""
    device, _ = spare
    user = device.register(new_address())
    return {
        "access": user["access_token"],
        "refresh": user["refresh_token"],
        "verification": device.prove(new_address()),
    }


USES = {
    "verification": ("sign_up", "verification_token", INVALID),
    "verification at sign-in": ("sign_in", "verification_token", INVALID),
    "refresh": ("grant_token", "refresh_token", DEAD),
}


@pytest.mark.parametrize("use", USES)
def test_a_token_of_another_kind_is_refused(device: Device, tokens: dict[str, str], use: str):
    operation, field, refusal = USES[use]
    for kind, token in tokens.items():
        if kind != use.split()[0]:
            sent = {"grant_type": "refresh_token", field: token}
            assert device.call(operation, sent).refusal == refusal


@pytest.mark.parametrize("operation", ["get_user", "sign_out"])
def test_only_an_access_token_is_a_bearer(device: Device, tokens: dict[str, str], operation: str):
    for token in (tokens["refresh"], tokens["verification"], "x", "a.b.c", "..", "é.é.é", None):
        assert device.call(operation, {}, bearer=token).refusal == SIGNED_OUT
    for value in ("Bearer", "Basic Og==", f"Token {tokens['access']}", tokens["access"]):
        answer = device.call(operation, {}, headers={"authorization": value})
        assert answer.refusal == SIGNED_OUT


def test_a_forged_access_token_is_refused(
    device: Device, tokens: dict[str, str], http: httpx.Client
):
    head, claims, signature = tokens["access"].split(".")
    kid = jwt.get_unverified_header(tokens["access"])["kid"]
    payload = jwt.decode(tokens["access"], options={"verify_signature": False})
    own_key = rsa.generate_private_key(65537, 2048)
    public = http.get("/.well-known/jwks.json").json()["keys"][0]["n"]
    forged = [
        jwt.encode(payload, own_key, "RS256", headers={"kid": kid}),
        jwt.encode(payload, own_key, "RS256", headers={"kid": "another"}),
        jwt.encode(payload, own_key, "RS256"),
        jwt.encode(payload, "", "none", headers={"kid": kid}),
        jwt.encode(payload, public, "HS256", headers={"kid": kid}),
        f"{head}.{claims}.",
        f"{head}.{claims}",
        f"{head}.{claims}.{signature[:-4]}AAAA",
        f"{head}..{signature}",
    ]
    for token in forged:
        assert device.call("get_user", bearer=token).refusal == SIGNED_OUT
    assert device.me(tokens["access"]).status == 200


def test_an_expired_token_is_refused_though_its_signature_is_right(
    device: Device, tokens: dict[str, str], stack: Stack
):
    hour_ago = int(time.time()) - 3600
    for kind, use in (("refresh", "grant_token"), ("verification", "sign_up")):
        old = _resigned(stack, tokens[kind], "mac", exp=hour_ago)
        fields = {"grant_type": "refresh_token", f"{kind}_token": old}
        assert device.call(use, fields).refusal == (DEAD if kind == "refresh" else INVALID)
    access = _resigned(stack, tokens["access"], "signing", exp=hour_ago)
    assert device.me(access).refusal == SIGNED_OUT
    # The same token with a later time is accepted, so the time was the reason.
    access = _resigned(stack, tokens["access"], "signing", exp=hour_ago + 7200)
    assert device.me(access).status == 200


def _resigned(stack: Stack, token: str, purpose: str, **claims: int) -> str:
    """Sign a token's claims again, with the key of the deployment."""
    header = jwt.get_unverified_header(token)
    payload = jwt.decode(token, options={"verify_signature": False}) | claims
    [ring] = [item for item in stack.items("Accounts") if item["pk"] == "KEYRING"]
    [key] = [key for key in ring["keys"] if key["id"] == header["kid"]]
    secret = stack.client("kms").decrypt(
        CiphertextBlob=key["wrapped"].value, EncryptionContext={"purpose": purpose}
    )["Plaintext"]
    if purpose == "signing":
        secret = load_der_private_key(secret, None)
    return jwt.encode(payload, secret, header["alg"], headers={"kid": header["kid"]})
