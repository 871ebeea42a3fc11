"""One function for each source, from a user as its export has it to a row of docs/import.md.

Only what the source calls verified is `email_verified`. A user without an address stays a row
without one, which an import refuses with a sentence.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

from latchkey_cli.formats.values import Row, ab64, b64, full_name, row, seconds, true

User = dict[str, Any]


class Lacking(Exception):
    """Something is missing that a row needs. The text says what."""


def firebase(user: User, parameters: str) -> Row:
    """`firebase auth:export users.json --format=JSON`."""
    hashed, salt = user.get("passwordHash"), user.get("salt", "")
    if hashed and not parameters:
        raise Lacking("The user has a password: give the hash parameters of the project.")
    return row(
        id=user.get("localId"),
        email=user.get("email"),
        email_verified=true(user.get("emailVerified")),
        password_hash=f"{parameters}${b64(salt)}${b64(hashed)}" if hashed else None,
        name=user.get("displayName"),
        picture=user.get("photoUrl"),
        created_at=seconds(user.get("createdAt")),
        last_sign_in_at=seconds(user.get("lastSignedInAt")),
        status="disabled" if true(user.get("disabled")) else "active",
    )


def firebase_parameters(signer_key: str, salt_separator: str, rounds: int, memory_cost: int) -> str:
    """Return how hashes of a project begin. The console shows the four: Authentication, Users,
    Password hash parameters.
    """
    return f"$fbscrypt$v=1,n={memory_cost},r={rounds},p=1,ss={salt_separator},sk={signer_key}"


def auth0(user: User, password_hash: str | None) -> Row:
    """A line of Auth0's export of users, with the hash of its export of password hashes. `|` is no
    character of an id here, so `auth0|507f` becomes `auth0_507f`.
    """
    identifier = str(user.get("user_id") or user.get("Id") or "")
    return row(
        id=identifier.replace("|", "_"),
        email=user.get("email") or user.get("Email"),
        email_verified=true(user.get("email_verified", user.get("Email Verified"))),
        username=user.get("username"),
        password_hash=password_hash,
        name=user.get("name"),
        picture=user.get("picture"),
        created_at=user.get("created_at"),
        last_sign_in_at=user.get("last_login"),
        status="disabled" if true(user.get("blocked")) else "active",
    )


def supabase(user: User) -> Row:
    """A row of the table `auth.users`."""
    meta = _json(user.get("raw_user_meta_data"))
    return row(
        id=user.get("id"),
        email=user.get("email"),
        email_verified=bool(user.get("email_confirmed_at")),
        password_hash=user.get("encrypted_password"),
        name=meta.get("full_name") or meta.get("name"),
        picture=meta.get("avatar_url") or meta.get("picture"),
        created_at=user.get("created_at"),
        last_sign_in_at=user.get("last_sign_in_at"),
        status="disabled"
        if user.get("deleted_at") or _is_ahead(user.get("banned_until"))
        else "active",
    )


def keycloak(user: User) -> Row:
    """A user of `kc.sh export --realm <name>`. Groups lose the `/` at their beginning."""
    found = [one for one in user.get("credentials", []) if one.get("type") == "password"]
    attributes = user.get("attributes") or {}
    return row(
        id=user.get("id"),
        email=user.get("email"),
        email_verified=true(user.get("emailVerified")),
        username=user.get("username") if "@" not in str(user.get("username")) else None,
        password_hash=_of_keycloak(found[0]) if found else None,
        name=full_name(user.get("firstName"), user.get("lastName")),
        locale=next(iter(attributes.get("locale", [])), None),
        created_at=seconds(user.get("createdTimestamp")),
        groups=[group.lstrip("/") for group in user.get("groups", [])],
        status="active" if user.get("enabled", True) else "disabled",
    )


def _of_keycloak(credential: User) -> str:
    data, secret = _json(credential.get("credentialData")), _json(credential.get("secretData"))
    name, rounds = data.get("algorithm", ""), data.get("hashIterations", 0)
    salt, value = str(secret.get("salt", "")), str(secret.get("value", ""))
    if name == "argon2":
        more = {key: found[0] for key, found in data.get("additionalParameters", {}).items()}
        settings = f"m={more.get('memory')},t={rounds},p={more.get('parallelism')}"
        version = {"1.0": 16, "1.3": 19}.get(str(more.get("version")), 19)
        return f"$argon2{more.get('type', 'id')}$v={version}${settings}${b64(salt)}${b64(value)}"
    digest = {"pbkdf2": "", "pbkdf2-sha256": "-sha256", "pbkdf2-sha512": "-sha512"}.get(name)
    return (
        f"$keycloak-{name}$"
        if digest is None
        else (f"$pbkdf2{digest}${rounds}${ab64(salt)}${ab64(value)}")
    )


def cognito(user: User) -> Row:
    """A user of `aws cognito-idp list-users`. Cognito gives no hashes out."""
    said = {one["Name"]: one.get("Value", "") for one in user.get("Attributes", [])}
    name = str(user.get("Username", ""))
    address = _json(said.get("address"))
    return row(
        id=said.get("sub") or name,
        email=said.get("email"),
        email_verified=true(said.get("email_verified")),
        username=name if name != said.get("sub") and "@" not in name else None,
        name=said.get("name") or full_name(said.get("given_name"), said.get("family_name")),
        picture=said.get("picture"),
        locale=said.get("locale"),
        gender=_gender(said.get("gender")),
        birthdate=said.get("birthdate"),
        zoneinfo=said.get("zoneinfo"),
        address=address or ({"formatted": said["address"]} if said.get("address") else None),
        created_at=user.get("UserCreateDate"),
        status="active" if user.get("Enabled", True) else "disabled",
    )


def clerk(user: User) -> Row:
    """A row of the CSV export of Clerk's dashboard; a user of its support's JSON export, whose
    addresses are one text and do not say which are verified; or a user of its Backend API, which
    has no hashes.
    """
    addresses = user.get("email_addresses")
    if isinstance(addresses, list):
        primary = user.get("primary_email_address_id")
        found: User = next((one for one in addresses if one.get("id") == primary), {})
        email = found.get("email_address")
        is_verified = (found.get("verification") or {}).get("status") == "verified"
    else:
        email = user.get("primary_email_address") or next(iter(_listed(addresses)), "")
        is_verified = email.lower() in _listed(user.get("verified_email_addresses"))
    return row(
        id=user.get("id"),
        email=email,
        email_verified=is_verified,
        username=user.get("username"),
        password_hash=user.get("password_digest"),
        name=full_name(user.get("first_name"), user.get("last_name")),
        picture=user.get("image_url"),
        created_at=seconds(user.get("created_at")),
        last_sign_in_at=seconds(user.get("last_sign_in_at")),
        status="disabled" if true(user.get("banned")) else "active",
    )


def cloudbase(user: User) -> Row:
    """A user of CloudBase's list: `DescribeUserList`, or the older `DescribeEndUsers`. It has no
    hashes, and does not say whether an address is verified.
    """
    name = str(user.get("Name") or user.get("UserName") or "")
    blocked = user.get("UserStatus") == "BLOCKED" or true(user.get("IsDisabled"))
    return row(
        id=user.get("Uid") or user.get("UUId"),
        email=user.get("Email"),
        username=name if "@" not in name else None,
        name=user.get("NickName"),
        picture=user.get("AvatarUrl"),
        description=user.get("Description"),
        gender=_gender(user.get("Gender")),
        created_at=_in_china(user.get("CreateTime")),
        status="disabled" if blocked else "active",
    )


def _listed(text: object) -> list[str]:
    """Return the addresses of a list in one text, in lower case."""
    return re.sub(r"[|,;]", " ", str(text or "")).lower().split()


def _is_ahead(time: object) -> bool:
    """Return whether a time in ISO 8601 is yet to come."""
    try:
        return (
            bool(time)
            and datetime.fromisoformat(str(time)).timestamp() > datetime.now(UTC).timestamp()
        )
    except ValueError:
        return True  # `infinity`, for example


def _in_china(time: object) -> str | None:
    """Return a time as Tencent's API shows it, `2026-11-28 09:00:00`, with its zone."""
    return f"{time}+08:00" if time and len(str(time)) == 19 else str(time) if time else None


def _gender(text: object) -> str | None:
    return {"male": "MALE", "female": "FEMALE"}.get(str(text or "").lower())


def _json(text: object) -> dict[str, Any]:
    if isinstance(text, dict):
        return text
    try:
        value = json.loads(str(text or "{}"))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
