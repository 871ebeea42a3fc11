"""The condition keys of policies that MiniStack does not know: of DynamoDB, KMS and SES.

Without them, a policy allows more here than on AWS (ForAllValues is true if its key is missing), or
less. This uses private names of MiniStack, so the version is pinned; tests/e2e/test_rights.py and
test_mail.py show that the keys are enforced.
"""

import json
from email.utils import parseaddr
from typing import Any

from ministack import app as gateway
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import dynamodb, ses, ses_v2


def add() -> None:
    """Have MiniStack evaluate policies with these keys from now on."""
    _add_leading_keys()
    _add_encryption_context()
    _add_from_address()


def _add_leading_keys() -> None:
    """Add `dynamodb:LeadingKeys`, apart for each table and each action of a transaction."""
    context_of, enforce = iam_actions.dynamodb_service_context, iam_evaluator.enforce
    call = "the call"  # handed from the one, which sees it, to the other, which sees the table

    def context_with_call(body: bytes) -> dict[str, Any]:
        return {**context_of(body), call: json.loads(body or b"{}")}

    def enforce_with_keys(access_key: str, action: str, *rest: Any, **options: Any) -> Any:
        context = dict(options.pop("service_context", None) or {})
        if call in context:
            table = options["resource_arn"].rpartition("/")[2]
            if keys := _leading_keys(context.pop(call), action.partition(":")[2], table):
                context["dynamodb:LeadingKeys"] = keys
        return enforce(access_key, action, *rest, service_context=context, **options)

    iam_actions.dynamodb_service_context = context_with_call
    iam_evaluator.enforce = enforce_with_keys


def _leading_keys(call: dict[str, Any], action: str, table: str) -> list[str]:
    """Return the partition keys of the items that an action of a call touches in a table.

    Both tables of the template have the partition key `pk`. A call that names no key, such as a
    scan or a statement in PartiQL, has none.
    """
    match action:
        case "Query":
            value = dynamodb._extract_pk_from_condition(
                call.get("KeyConditionExpression"),
                call.get("ExpressionAttributeValues", {}),
                call.get("ExpressionAttributeNames", {}),
                "pk",
            )
            return [value] if value else []
        case "BatchGetItem":
            items = call["RequestItems"][table]["Keys"]
        case "BatchWriteItem":
            writes = [write for entry in call["RequestItems"][table] for write in entry.values()]
            items = [write.get("Item") or write["Key"] for write in writes]
        case _ if "TransactItems" in call:
            items = [
                one.get("Item") or one["Key"]
                for entry in call["TransactItems"]
                for kind, one in entry.items()
                if (f"{kind}Item", one["TableName"]) == (action, table)
            ]
        case _:
            items = [call[name] for name in ("Key", "Item") if name in call]
    return [item["pk"]["S"] for item in items]


def _add_encryption_context() -> None:
    """Add `kms:EncryptionContext:...`, `kms:SigningAlgorithm` and `kms:KeyPairSpec`."""
    original = iam_actions.request_tag_context

    def context_of(service: str, action: str, body: Any, params: Any) -> dict[str, Any]:
        keys: dict[str, Any] = original(service, action, body, params)
        call = json.loads(body) if service == "kms" and body else {}
        for name, value in call.get("EncryptionContext", {}).items():
            keys[f"kms:EncryptionContext:{name}"] = value
        return keys | {
            f"kms:{k}": call[k] for k in ("SigningAlgorithm", "KeyPairSpec") if k in call
        }

    iam_actions.request_tag_context = context_of


def _add_from_address() -> None:
    """Add `ses:FromAddress`, and ask for the resources that SES asks for when a mail is sent: the
    identity of the sender, those of the recipients that are verified, and the configuration set.
    """
    original = gateway._enforce_ses_v2

    def enforce(
        method: str, path: str, headers: Any, body: bytes, query: Any, request_id: str
    ) -> Any:
        if (method, path.rstrip("/")) != ("POST", "/v2/email/outbound-emails"):
            return original(method, path, headers, body, query, request_id)
        mail = json.loads(body)
        sender = parseaddr(mail["FromEmailAddress"])[1]
        names = [f"identity/{_identity(sender) or sender}"]
        for addresses in mail.get("Destination", {}).values():
            names += [f"identity/{name}" for name in map(_identity, addresses) if name]
        if "ConfigurationSetName" in mail:
            names.append(f"configuration-set/{mail['ConfigurationSetName']}")
        actions = ["ses:SendEmail"] + ["ses:SendRawEmail"] * ("Raw" in mail["Content"])
        place = f"arn:aws:ses:{gateway.extract_region(headers, query)}:{get_account_id()}"
        for action in actions:
            for name in names:
                if denied := gateway._enforce_data_plane(
                    *("sesv2", action, headers, query, request_id),
                    resource_arn=f"{place}:{name}",
                    service_context={"ses:FromAddress": sender},
                    named_resource=f"{place}:{name}",
                ):
                    return denied
        return None

    gateway._enforce_ses_v2 = enforce


def _identity(address: str) -> str | None:
    """Return the verified identity that an address belongs to: its own or that of its domain."""
    known = {*ses._identities, *ses_v2._identities}
    return next((n for n in (address, address.rpartition("@")[2]) if n in known), None)
