"""An API on FastAPI that takes Latchkey's access tokens, verified with PyJWT."""

import os
from typing import Annotated, Any

import httpx
import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

ISSUER, AUDIENCE = os.environ["ISSUER"], os.environ["AUDIENCE"]
KEYS = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json")  # caches, and reads again for a new key
Bearer = Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]
REFUSED = HTTPException(401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
app = FastAPI()


def verified(bearer: Bearer) -> dict[str, Any]:
    """Return the claims of a token. This asks nobody, so it does not see a sign-out."""
    options: Any = {"require": ["exp", "sub"]}
    try:
        key = KEYS.get_signing_key_from_jwt(bearer.credentials)
        return jwt.decode(
            bearer.credentials, key, ["RS256"], audience=AUDIENCE, issuer=ISSUER, options=options
        )
    except jwt.PyJWKClientConnectionError:
        raise HTTPException(503, "the keys cannot be read") from None
    except jwt.PyJWTError:
        raise REFUSED from None


def alive(bearer: Bearer, claims: Annotated[dict[str, Any], Depends(verified)]) -> dict[str, Any]:
    """Ask Latchkey too whether the session is alive."""
    url = f"{ISSUER}/auth/v1/token/introspect"
    answer = httpx.post(url, data={"token": bearer.credentials}).raise_for_status()
    if not answer.json()["active"]:
        raise REFUSED
    return claims


@app.get("/hello")
def hello(claims: Annotated[dict[str, Any], Depends(verified)]) -> dict[str, str]:
    """Answer whoever has a valid token."""
    return {"user": claims["sub"]}


@app.post("/pay")
def pay(claims: Annotated[dict[str, Any], Depends(alive)]) -> dict[str, str]:
    """Answer whoever is signed in at this moment."""
    return {"user": claims["sub"]}
