"""Protect the table of the users: the last step of a deployment, as a custom resource.

A table that is protected from its creation would stay behind when a first deployment fails. One
that was restored is neither protected nor does it keep a history.
"""

from typing import Any

from latchkey import aws, cloudformation, log, settings


@log.logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, Any], _: object) -> dict[str, object]:
    """Answer CloudFormation."""
    return cloudformation.serve(event, "protection", lambda _: _problems())


def _problems() -> list[str]:
    problem = cloudformation.patiently(_protect)
    return [problem] if problem else []


def _protect() -> str:
    """Keep the history of 35 days, and refuse the deletion of the table. Say why that failed."""
    name, client = settings.Store.load().accounts_table, aws.dynamodb()
    try:
        kept = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        history = kept.get("PointInTimeRecoveryDescription", {})
        if history.get("PointInTimeRecoveryStatus") != "ENABLED":
            client.update_continuous_backups(
                TableName=name,
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            )
        if not client.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
            client.update_table(TableName=name, DeletionProtectionEnabled=True)
    except aws.FAULTS as error:
        return f"The table {name} could not be protected ({aws.name_of(error)}). Deploy again."
    return ""
