"""Make the keys: at each deployment, as a custom resource of CloudFormation; daily, if any is due;
and when an operator asks for it.
"""

from typing import Any, Literal

from pydantic import Field

from latchkey import aws, clock, cloudformation, errors, log, settings
from latchkey.keys import keyring, rotation
from latchkey.operators.entry import Act, entry

# What CloudFormation makes of the table Accounts.
_KEY = [{"AttributeName": "pk", "KeyType": "HASH"}]
_TYPE = {"AttributeName": "pk", "AttributeType": "S"}


class RotateKeys(Act):
    """What an operator asks for. The issuer is used only if the keyring was lost."""

    act: Literal["keys.rotate"]
    reason: rotation.Reason = "asked"
    issuer: str = Field(default="", pattern=r"^(https?://.*[^/])?$")


def rotate_keys(asked: RotateKeys) -> dict[str, object]:
    """Rotate the keys for an operator. Raises FailedPrecondition if the keyring is lost and no
    issuer is given.
    """
    try:
        return _rotate(asked.reason, asked.issuer if keyring.read() is None else "")
    except rotation.NoIssuer as lost:
        raise errors.FailedPrecondition(
            "The keyring is lost. Give the issuer of the stack's outputs."
        ) from lost


_serve = entry(rotate_keys, RotateKeys)


def handler(event: dict[str, Any], context: Any) -> dict[str, object]:
    """Serve an operator, CloudFormation or the schedule. Raises NoIssuer."""
    if cloudformation.is_custom_resource(event):
        return cloudformation.serve(event, "keyring", _deploy)
    return _daily(event, context) if "detail-type" in event else _serve(event, context)


@log.logger.inject_lambda_context(log_event=False)
def _daily(_event: dict[str, Any], _: Any) -> dict[str, object]:
    return _rotate("due", "")


def _rotate(reason: rotation.Reason, issuer: str) -> dict[str, object]:
    try:
        made = rotation.rotate(issuer, now=clock.now(), reason=reason)
    except rotation.NoIssuer:
        log.warning("the keyring is lost: rotate the keys with the issuer of the stack's outputs")
        raise
    log.info("keys were made", made=made, reason=reason)
    return {"made": made}


def _deploy(properties: dict[str, Any]) -> list[str]:
    issuer = str(properties.get("Issuer", "")).rstrip("/")
    if not issuer:
        return ["The keyring needs the property Issuer: deploy this template unchanged."]
    if problem := cloudformation.patiently(_problem_of_table) or cloudformation.patiently(
        _problem_of_keys
    ):
        return [problem]
    rotation.rotate(issuer, now=clock.now())
    return []


def _problem_of_table() -> str:
    """Say what is wrong with a table that was kept or restored, and that a stack takes over."""
    name = settings.Store.load().accounts_table
    try:
        table = aws.dynamodb().describe_table(TableName=name)["Table"]
    except aws.FAULTS as error:
        return (
            f"AccountsTable: AWS does not show the table {name} ({aws.name_of(error)})."
            " `aws dynamodb list-tables` names the tables of this region."
        )
    if table["TableStatus"] not in ("ACTIVE", "UPDATING"):
        return f"AccountsTable: {name} is {table['TableStatus']}. Deploy when it is ACTIVE."
    if table["KeySchema"] != _KEY or _TYPE not in table["AttributeDefinitions"]:
        return (
            f"AccountsTable: {name} is no table Accounts of Latchkey, which has the partition key"
            " pk (a string) and no sort key."
        )
    return ""


def _problem_of_keys() -> str:
    """Say whether another KMS key than the stack's has wrapped the keys in the table."""
    table, ours = settings.Store.load().accounts_table, settings.Keys.load().kms_key_id
    ring = keyring.read()
    try:
        # The MAC keys alone: this function may unwrap no private key.
        theirs = {
            aws.kms().decrypt(
                CiphertextBlob=key.wrapped, EncryptionContext={"purpose": key.purpose}
            )["KeyId"]
            for key in (ring.of("mac") if ring else ())
        }
        found = ", ".join(key for key in theirs if not ours.endswith(key.rpartition("/")[2]))
    except aws.FAULTS as error:
        found = aws.name_of(error)
    return found and (
        f"WrappingKeyArn: the keys in {table} are not wrapped by {ours} ({found}). Give the ARN of"
        " the KMS key of the stack that made the table. If that key is lost, delete the item"
        " KEYRING from the table: then new keys are made, and everybody signs in again."
    )
