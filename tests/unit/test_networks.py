"""Where a client is: behind CloudFront, its address is in a header that anybody can send."""

import hashlib
from collections.abc import Callable

import pytest

from latchkey import networks

EDGE = "192.0.2.1"
SECRET = "correct-horse-battery-staple"


@pytest.fixture(autouse=True)
def distribution(configure: Callable[..., None]) -> None:
    """Deploy with OriginSecretHash."""
    configure(origin_secret_hash=hashlib.sha256(SECRET.encode()).hexdigest())


@pytest.mark.parametrize(
    ("viewer", "address"),
    [
        ("198.51.100.7:46532", "198.51.100.7"),
        ("2001:db8::7:46532", "2001:db8::7"),
        ("[2001:db8::7]:46532", "2001:db8::7"),
        ("2001:DB8:0:0:0:0:0:7:46532", "2001:db8::7"),
    ],
)
def test_with_the_secret_the_client_is_whom_cloudfront_saw(viewer: str, address: str):
    headers = {"x-origin-secret": SECRET, "cloudfront-viewer-address": viewer}
    assert networks.client_address(headers, EDGE) == address


@pytest.mark.parametrize("secret", ["", "wrong", SECRET.upper(), SECRET + " ", "\udce9", "秘密"])
def test_without_the_secret_the_header_is_ignored(secret: str):
    headers = {"x-origin-secret": secret, "cloudfront-viewer-address": "198.51.100.7:46532"}
    assert networks.client_address(headers, EDGE) == EDGE
    del headers["x-origin-secret"]
    assert networks.client_address(headers, EDGE) == EDGE


@pytest.mark.parametrize("viewer", ["", "198.51.100.7", "nowhere:1", ":1", "198.51.100.7:1:2"])
def test_what_is_no_address_is_ignored(viewer: str):
    headers = {"x-origin-secret": SECRET, "cloudfront-viewer-address": viewer}
    assert networks.client_address(headers, EDGE) == EDGE


def test_a_deployment_without_cloudfront_believes_no_secret(configure: Callable[..., None]):
    configure(origin_secret_hash="")
    for secret in (SECRET, ""):
        headers = {"x-origin-secret": secret, "cloudfront-viewer-address": "198.51.100.7:46532"}
        assert networks.client_address(headers, EDGE) == EDGE


def test_a_distribution_that_sends_no_address_counts_as_one_client():
    assert networks.client_address({"x-origin-secret": SECRET}, EDGE) == EDGE
