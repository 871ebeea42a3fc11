"""What a browser checks: CORS, also on errors."""

import httpx
import pytest

from tests.e2e.client import ROUTES, Device

ORIGIN = "https://app.example.com"


@pytest.mark.parametrize("operation", sorted(ROUTES))
@pytest.mark.parametrize("extra", ["", "authorization,"])
def test_a_preflight_of_the_sdk_passes(http: httpx.Client, operation: str, extra: str):
    method, path = ROUTES[operation]
    answer = http.options(
        path,
        headers={
            "origin": ORIGIN,
            "access-control-request-method": method,
            "access-control-request-headers": f"{extra}x-device-id,x-request-id,x-sdk-version",
        },
    )
    assert answer.status_code in (200, 204)
    assert answer.headers["access-control-allow-origin"] in ("*", ORIGIN)
    allowed = answer.headers["access-control-allow-headers"].lower().replace(" ", "").split(",")
    assert {"authorization", "x-device-id", "x-request-id", "x-sdk-version"} <= set(allowed)
    methods = answer.headers["access-control-allow-methods"].replace(" ", "").split(",")
    assert {"GET", "POST", "PATCH", "DELETE"} <= set(methods)
    assert int(answer.headers["access-control-max-age"]) >= 600


@pytest.mark.parametrize(
    ("operation", "bearer"), [("sign_in", None), ("get_user", "dead"), ("grant_token", None)]
)
def test_an_error_can_be_read_from_another_origin(
    device: Device, operation: str, bearer: str | None
):
    answer = device.call(operation, {}, bearer=bearer, headers={"origin": ORIGIN})

    assert answer.status in (400, 401)
    assert answer.headers["access-control-allow-origin"] in ("*", ORIGIN)


def test_an_unknown_path_can_be_read_from_another_origin(http: httpx.Client):
    answer = http.post("/auth/v1/nowhere", headers={"origin": ORIGIN})

    assert answer.headers["access-control-allow-origin"] in ("*", ORIGIN)
