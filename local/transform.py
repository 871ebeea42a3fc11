"""What AWS makes of a template: `transform.py TEMPLATE [NAME=VALUE ...]` prints it as JSON.

It runs in the environment `.local/env/ministack`, which has SAM's own translator.
"""

import json
import os
import sys
from pathlib import Path

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

_AWS = "arn:aws:iam::aws:policy/service-role/"


class _Policies:
    """The only managed policy that SAM adds to our functions."""

    def load(self) -> dict[str, str]:
        name = "AWSLambdaBasicExecutionRole"
        return {name: _AWS + name}


if __name__ == "__main__":
    os.environ["AWS_DEFAULT_REGION"] = "eu-central-1"
    template = yaml_parse(Path(sys.argv[1]).read_text("utf-8"))
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        for folder in ("CodeUri", "ContentUri"):  # `sam deploy` has uploaded them
            if folder in properties:
                properties[folder] = f"s3://bucket/{properties[folder]}"
    given = dict(pair.partition("=")[::2] for pair in sys.argv[2:])
    values = {n: p.get("Default") for n, p in template["Parameters"].items()} | given
    print(json.dumps(transform(template, values, _Policies())))
