"""An API on Flask that takes Latchkey's access tokens, verified with PyJWT."""

import os

import httpx
import jwt
from flask import Flask, abort, request

ISSUER, AUDIENCE = os.environ["ISSUER"], os.environ["AUDIENCE"]
KEYS = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json")  # caches, and reads again for a new key
app = Flask(__name__)


def user(*, alive: bool = False) -> str:
    """Return the user of the request's token. `alive` also asks Latchkey whether the session is."""
    _, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        key = KEYS.get_signing_key_from_jwt(token)
        claims = jwt.decode(
            token,
            key,
            ["RS256"],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": ["exp", "sub"]},
        )
    except jwt.PyJWKClientConnectionError:
        abort(503)
    except jwt.PyJWTError:
        abort(401)
    if alive:
        answer = httpx.post(f"{ISSUER}/auth/v1/token/introspect", data={"token": token})
        if not answer.raise_for_status().json()["active"]:
            abort(401)
    return str(claims["sub"])


@app.get("/hello")
def hello() -> dict[str, str]:
    """Answer whoever has a valid token. This asks nobody, so it does not see a sign-out."""
    return {"user": user()}


@app.post("/pay")
def pay() -> dict[str, str]:
    """Answer whoever is signed in at this moment."""
    return {"user": user(alive=True)}
