import json

import pytest

from tests.unit.conftest import CONTEXT, ROOT, Call, handler


def test_an_unknown_route_is_refused_in_our_own_words(call: Call):
    answer = call("unknown_route")
    assert (answer.status, answer["error"], answer["error_code"]) == (404, "unimplemented", 12)


@pytest.mark.parametrize(
    "path",
    [
        "/auth/v1/signin/anonymously",
        "/auth/v1/signin/with/provider",
        "/auth/v2/signin/with/provider",
        "/auth/v1/signin/custom",
        "/auth/v1/signin/wechat/noauth",
        "/auth/v1/provider/token",
        "/auth/v1/provider/uri",
        "/auth/v1/user/provider/bind",
        "/auth/v1/user/provider/wechat/trans",
        "/auth/v1/user/trans/by/provider",
        "/auth/v1/user/device/authorize",
        "/auth/v1/device/code",
        "/auth/v1/qrcode/generate",
    ],
)
def test_other_ways_to_sign_in_are_switched_off(call: Call, path: str):
    answer = call("unknown_route", path=path)
    wanted = (403, "login_type_disabled", 4045)
    assert (answer.status, answer["error"], answer["error_code"]) == wanted


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/auth/v1/captcha/data",
        "/auth/v1/captcha/init",
        "/auth/v1/user/authorize",
        "/auth/v1/plugin/weda/userinfo",
        "/auth/v1/mgr/provider/providerSubType",
        "/auth/v1/signin/",
        "/auth/v3/signin",
    ],
)
def test_what_nobody_answers_is_unimplemented(call: Call, path: str):
    assert call("unknown_route", path=path)["error"] == "unimplemented"


@pytest.mark.parametrize("path", ["/auth/v1/signin", "/", "/nowhere"])
def test_a_preflight_that_reaches_us_is_a_success(path: str):
    """The gateway answers preflights itself, and if it does not, it adds the headers of CORS."""
    request = json.loads((ROOT / "events/unknown_route.json").read_text())
    request["requestContext"]["http"] |= {"method": "OPTIONS", "path": path}
    assert handler("unknown_route")(request, CONTEXT) == {"statusCode": 204}
