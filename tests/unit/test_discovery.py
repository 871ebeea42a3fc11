import jwt
import pytest

from latchkey.keys import rotation
from tests.unit.conftest import Answer, Call, Clock

CONFIGURATION = "/.well-known/openid-configuration"


def test_the_published_key_verifies_an_access_token(call: Call, ada: Answer):
    published = call("discovery")
    assert [key["e"] for key in published["keys"]] == ["AQAB"]  # no leading zeros (RFC 7518)
    keys = jwt.PyJWKSet.from_dict(published)
    header = jwt.get_unverified_header(ada["access_token"])
    claims = jwt.decode(
        ada["access_token"],
        keys[header["kid"]],
        ["RS256"],
        audience="latchkey",
        issuer="https://login.example.com",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert (claims["sub"], claims["amr"]) == (ada["sub"], ["otp"])


def test_the_configuration_points_at_the_keys(call: Call):
    answer = call("discovery", path=CONFIGURATION)
    assert answer["issuer"] == "https://login.example.com"
    assert answer["jwks_uri"] == "https://login.example.com/.well-known/jwks.json"


@pytest.mark.parametrize("path", ["/.well-known/jwks.json", CONFIGURATION])
def test_both_may_be_cached(call: Call, path: str):
    assert call("discovery", path=path).headers["cache-control"] == "public, max-age=3600"


def test_a_new_key_is_published_before_it_signs(call: Call, now: Clock):
    now.time += 90 * 86400
    rotation.rotate("", now=now.time)
    assert len(call("discovery")["keys"]) == 2
