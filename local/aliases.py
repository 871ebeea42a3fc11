"""`python -m local.aliases TEMPLATE`: have functions publish versions, for SnapStart and canaries.

It changes what `sam build` has written: each function that a user or a mail waits for gets a
version per build, with a snapshot if the parameter SnapStart is on, and the alias `live`, which the
API and the mail queues call. If the parameter Canary is true, CodeDeploy moves the alias, for a
tenth of the calls first, and back if an alarm rings. The repository's template has no aliases,
because SAM's AutoPublishAlias

- is a name and takes no condition, so every deployment would have them;
- does not see that the value of a parameter has changed: the alias stays at a version that has the
  old value (github.com/aws/serverless-application-model/issues/3820).

So each build gives the functions another value of the variable RELEASE, which changes them all, and
all get a new version. Old versions are deleted, because AWS bills a snapshot for as long as its
version exists.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

ALIAS = "live"
CONDITION = "UseSnapStart"
RULE = "VersionsNeedABuild"
# These ring within 5 minutes of code that fails (template.yaml).
ALARMS = ("FaultAlarm", "FunctionFailureAlarm", "ServerErrorAlarm")

Template = dict[str, Any]


def awaited(template: Template) -> set[str]:
    """Return the functions behind the API, and those that work off a queue."""
    resources = template["Resources"]
    behind_the_api = {
        name
        for name, resource in resources.items()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "HttpApi"
    }
    return behind_the_api | {target["Ref"] for target in _targets(template)}


def add(template: Template, release: str) -> None:
    """Give functions versions and aliases. `release` names the build; no other has this name."""
    functions = awaited(template)
    template.setdefault("Conditions", {})[CONDITION] = {"Fn::Equals": [{"Ref": "SnapStart"}, "on"]}
    on_versions = {"ApplyOn": "PublishedVersions"}
    for name in functions:
        properties = template["Resources"][name]["Properties"]
        properties |= {
            "SnapStart": {"Fn::If": [CONDITION, on_versions, {"Ref": "AWS::NoValue"}]},
            "AutoPublishAlias": ALIAS,
            "AutoPublishAliasAllProperties": True,
            "VersionDeletionPolicy": "Delete",
            # SAM leaves it out if the value is `false`. A condition would leave CodeDeploy in.
            "DeploymentPreference": {
                "Enabled": {"Ref": "Canary"},
                "Type": "Canary10Percent5Minutes",
                "Alarms": [{"Ref": alarm} for alarm in ALARMS],
            },
        }
        variables = properties.setdefault("Environment", {}).setdefault("Variables", {})
        variables["RELEASE"] = release
    for target in _targets(template):
        target["Ref"] += ".Alias"
    del template["Rules"][RULE]
    if not template["Rules"]:
        del template["Rules"]


def write(path: Path) -> None:
    """Change the template in a file that `sam build` has written."""
    template = yaml.safe_load(path.read_text("utf-8"))
    if RULE not in template.get("Rules", {}):
        sys.exit(f"{path} has aliases already: build it again")
    add(template, datetime.now(UTC).isoformat())
    path.write_text(yaml.safe_dump(template, sort_keys=False, allow_unicode=True), "utf-8")


def _targets(template: Template) -> list[dict[str, str]]:
    """Return the references of queues to their functions."""
    return [
        resource["Properties"]["FunctionName"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::EventSourceMapping"
        and "StartingPosition" not in resource["Properties"]  # nobody waits for a stream
    ]


if __name__ == "__main__":
    write(Path(sys.argv[1]))
