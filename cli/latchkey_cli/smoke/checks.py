"""What can be checked of a deployment without a mailbox."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from latchkey_cli.smoke.client import Answer, Client, Failed

# In the package that is installed, else in this repository.
_PLACES = (
    Path(__file__).parents[1] / "openapi.json",
    Path(__file__).parents[3] / "docs/openapi.json",
)
OPENAPI = next(path for path in _PLACES if path.exists())
UNKNOWN = "/auth/v1/nothing"
# A new account may have no more than 10 executions at a time.
_AT_ONCE = 4
# So many failures of a check are told in full.
_SHOWN = 3
# What the SDK sends (template.yaml allows it).
_HEADERS = ("authorization", "content-type", "x-request-id", "x-device-id", "x-sdk-version")
# The routes that succeed without a session and with an empty body, and a field of their answer. All
# others refuse such a request.
_OPEN = {
    "GET /.well-known/jwks.json": "keys",
    "GET /.well-known/openid-configuration": "issuer",
    "POST /auth/v1/captcha/data": "token",
    "POST /auth/v2/signin/publichkey": "public_key",
}
# Only these words tell of a refusal that the function has meant.
_FAULTS = {"internal", "unavailable", "unimplemented"}


def routes() -> list[tuple[str, str]]:
    """Return method and path of each route, with a name in place of each parameter."""
    paths = json.loads(OPENAPI.read_text("utf-8"))["paths"]
    return [
        (method.upper(), path.replace("{", "").replace("}", ""))
        for path, operations in paths.items()
        for method in operations
    ]


def preflights(client: Client, origin: str) -> str:
    """Check that a page may call each route: a browser asks with OPTIONS before it does."""

    def ask(route: tuple[str, str]) -> None:
        method, path = route
        headers = {
            "origin": origin,
            "access-control-request-method": method,
            "access-control-request-headers": ",".join(_HEADERS),
        }
        answer = client.call("OPTIONS", path, headers=headers)
        if not 200 <= answer.status < 300 or not _allows_origin(answer, origin):
            raise Failed(
                f"{answer}, and does not allow the origin {origin}",
                "A browser will not send the request. AllowedOrigins must list the origin of the"
                " page, or be *. Name a listed origin with ORIGIN=, or with ORIGIN=none if no page"
                " calls this API.",
            )
        missing = [
            name
            for header, wanted in (("methods", [method]), ("headers", _HEADERS))
            for name in wanted
            if not _lists(answer, f"access-control-allow-{header}", name)
        ]
        if missing:
            raise Failed(
                f"{answer}, and does not allow {', '.join(missing)}",
                "The SDK needs them. CorsConfiguration in the template was changed, or a proxy"
                " answers: deploy this template.",
            )

    everything = [*routes(), ("POST", UNKNOWN)]
    _all(ask, everything)
    answer = client.call("GET", UNKNOWN, headers={"origin": origin})
    if not _allows_origin(answer, origin):
        raise Failed(
            f"{answer}, and does not allow the origin {origin}",
            "A page cannot read this answer. See AllowedOrigins.",
        )
    return f"{len(everything)} from {origin}"


def answers(client: Client) -> str:
    """Check that each route is there, and answers a useless request in Latchkey's own words."""

    def ask(route: tuple[str, str]) -> None:
        method, path = route
        answer = client.call(method, path, {} if method in ("POST", "PATCH") else None)
        if field := _OPEN.get(f"{method} {path}"):
            answer.succeed(field)
            return
        answer.refuse_foreign()
        if answer.error in _FAULTS:
            answer.succeed()
        if not answer.error:
            raise Failed(
                f"{answer}, though nobody is signed in",
                "The route must refuse this. Another function stands behind it: deploy this"
                " template.",
            )

    found = routes()
    _all(ask, found)
    return f"{len(found)} routes"


def unknown_routes(client: Client) -> str:
    """Check that no unknown route is answered by the gateway itself."""
    for method, path in (("GET", UNKNOWN), ("POST", "/nothing"), ("DELETE", "/")):
        answer = client.call(method, path)
        answer.refuse_foreign()
        if answer.error != "unimplemented":
            raise Failed(str(answer), "The route $default must refuse it: deploy this template.")
    answer = client.call("OPTIONS", UNKNOWN)
    if answer.text.strip() or not 200 <= answer.status < 300:
        answer.refuse_foreign()
    return f"OPTIONS gets {answer.status}"


def keys(client: Client) -> str:
    """Check that others can verify tokens: the issuer names an address that has the keys."""
    configuration = client.call("GET", "/.well-known/openid-configuration")
    found = configuration.succeed("issuer", "jwks_uri")
    issuer = str(found["issuer"])
    published = key_ids(client)
    if not published:
        raise Failed(
            "the API publishes no key",
            "Nobody can sign in. Run the function RotateKeys, and see its lines in the log group.",
        )
    advice = (
        "Others verify tokens at this address. It is IssuerUrl if that is set: the domain must lead"
        " to this API, under the same path. Otherwise it is the API's own address."
    )
    if not issuer or found["jwks_uri"] != f"{issuer}/.well-known/jwks.json":
        raise Failed(f"the issuer {issuer!r} does not fit the keys' {found['jwks_uri']!r}", advice)
    if issuer != client.api:
        try:
            same = key_ids(Client(issuer)) == published
        except Failed as failed:
            raise Failed(f"the issuer is {issuer}, and {failed.found}", advice) from None
        if not same:
            raise Failed(f"the issuer {issuer} publishes other keys than {client.api}", advice)
    return f"{issuer}, {len(published)} keys"


def key_ids(client: Client) -> set[str]:
    """Return the ids of the keys that an API publishes."""
    found = client.call("GET", "/.well-known/jwks.json").succeed("keys")["keys"]
    return {str(key.get("kid")) for key in found if key.get("kty") == "RSA"}


def _all(ask: Any, wanted: Iterable[tuple[str, str]]) -> None:
    """Ask all, and raise one Failed that tells of each that has failed."""

    def outcome(route: tuple[str, str]) -> Failed | None:
        try:
            ask(route)
        except Failed as failed:
            return failed
        return None

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        failures = [failed for failed in threads.map(outcome, wanted) if failed]
    if failures:
        advice = dict.fromkeys(failed.advice for failed in failures)
        found = [failed.found for failed in failures[:_SHOWN]]
        more = [f"and {len(failures) - _SHOWN} more"] if len(failures) > _SHOWN else []
        raise type(failures[0])("\n".join(found + more), "\n".join(advice))


def _allows_origin(answer: Answer, origin: str) -> bool:
    return answer.headers.get("access-control-allow-origin") in ("*", origin)


def _lists(answer: Answer, header: str, name: str) -> bool:
    listed = answer.headers.get(header, "").lower().replace(" ", "").split(",")
    return name.lower() in listed or "*" in listed
