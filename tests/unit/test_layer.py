"""What layers/core/trim.py leaves of botocore's data must answer as all of it does. Only one
function has the other layer.
"""

import contextlib
import functools
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore
import botocore.config
import botocore.exceptions
import botocore.loaders
import botocore.session
import pytest

from layers.core import trim
from tests.rights import FUNCTIONS, RESOURCES
from tests.unit.conftest import ROOT

REGIONS = [
    "eu-central-1", "us-east-1", "ap-southeast-7", "cn-north-1", "us-gov-west-1", "us-iso-east-1",
    "us-isob-east-1", "eu-isoe-west-1", "eusc-de-east-1", "eu-future-9",
]  # fmt: skip
OF_EACH_KIND = {"eu-central-1", "cn-north-1", "us-gov-west-1"}
VARIANTS: list[dict[str, Any]] = [
    {},
    {"use_fips_endpoint": True},
    {"use_dualstack_endpoint": True},
    {"account": "111122223333"},  # a part of DynamoDB's host names
]
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "dynamodb": ("get_item", {"TableName": "t", "Key": {"pk": {"S": "a"}}}),
    "events": ("put_events", {"Entries": [{"Source": "a"}]}),
    "kms": ("decrypt", {"CiphertextBlob": b"a"}),
    "lambda": ("invoke", {"FunctionName": "a"}),
    "secretsmanager": ("get_secret_value", {"SecretId": "a"}),
    "sesv2": ("send_email", {"Content": {"Raw": {"Data": b"a"}}}),
    "sqs": ("send_message", {"QueueUrl": "https://a.example/1/q", "MessageBody": "a"}),
}


class Sent(Exception):
    """The request is made, and goes no further."""


@pytest.fixture(scope="module")
def trimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data of a botocore that was trimmed; its files are links to the installed ones."""
    python = tmp_path_factory.mktemp("layer")
    installed = Path(botocore.__file__).parent
    shutil.copytree(installed / "data", python / "botocore/data", copy_function=os.symlink)
    trim.trim(python)
    return python / "botocore/data"


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))


def loader(data: Path) -> botocore.loaders.Loader:
    """Take a folder for the data that botocore brings."""

    class Here(botocore.loaders.Loader):
        BUILTIN_DATA_PATH = str(data)

    return Here()


INSTALLED = loader(Path(botocore.loaders.Loader.BUILTIN_DATA_PATH))


@functools.cache
def session(data: botocore.loaders.Loader) -> botocore.session.Session:
    made = botocore.session.Session()
    made.register_component("data_loader", data)
    return made


def request(
    data: botocore.loaders.Loader, service: str, region: str, variant: dict[str, Any]
) -> object:
    """Return where a call of a service would go and for what it is signed, or why it can't."""
    options = dict(variant)
    account = options.pop("account", None)
    seen: list[Any] = []

    def stop(request: Any, **_: object) -> None:
        seen.append(request)
        raise Sent

    try:
        client: Any = session(data).create_client(
            service,
            region_name=region,
            aws_access_key_id="a",
            aws_secret_access_key="b",
            aws_account_id=account,
            config=botocore.config.Config(retries={"total_max_attempts": 1}, **options),
        )
        client.meta.events.register_first("before-send", stop)
        operation, arguments = CALLS[service]
        with contextlib.suppress(Sent):
            getattr(client, operation)(**arguments)
    except botocore.exceptions.BotoCoreError as error:
        return repr(error)
    [sent] = seen
    _, _, scope = sent.headers["Authorization"].decode().partition("Credential=a/")
    url, partition = client.meta.endpoint_url, client.meta.partition
    return sent.method, sent.url, scope.split(",")[0].partition("/")[2], url, partition


@pytest.mark.parametrize("region", REGIONS)
def test_calls_go_where_they_go_with_all_data(trimmed: Path, region: str):
    assert CALLS.keys() == trim.OPERATIONS.keys()
    ours = loader(trimmed)
    for service in CALLS:
        for variant in VARIANTS if region in OF_EACH_KIND else VARIANTS[:1]:
            expected = request(INSTALLED, service, region, variant)
            assert request(ours, service, region, variant) == expected, (service, variant)


def drop_lines(endpoints: Any) -> None:
    for partition in endpoints["partitions"]:
        partition["services"] = {}


def drop_partitions(content: Any) -> None:
    del content["partitions"][1:]


@pytest.mark.parametrize(
    ("name", "lose", "service", "region", "variant"),
    [
        ("endpoints.json", drop_lines, "sqs", "us-gov-west-1", {"use_fips_endpoint": True}),
        ("endpoints.json", drop_partitions, "kms", "cn-north-1", {}),
        ("partitions.json", drop_partitions, "kms", "cn-north-1", {}),
    ],
)
def test_a_loss_would_be_noticed(
    trimmed: Path,
    tmp_path: Path,
    name: str,
    lose: Callable[[Any], None],
    service: str,
    region: str,
    variant: dict[str, Any],
):
    shutil.copytree(trimmed, tmp_path / "data")
    path = tmp_path / "data" / name
    content = json.loads(path.read_text())
    lose(content)
    path.write_text(json.dumps(content))

    broken = request(loader(tmp_path / "data"), service, region, variant)

    assert broken != request(INSTALLED, service, region, variant)


@pytest.mark.parametrize("service", trim.OPERATIONS)
def test_an_operation_keeps_its_whole_model(trimmed: Path, service: str):
    ours = loader(trimmed).load_service_model(service, "service-2")
    theirs = INSTALLED.load_service_model(service, "service-2")

    assert ours["operations"].keys() == trim.OPERATIONS[service]
    assert ours["metadata"] == theirs["metadata"]
    for kind in ("operations", "shapes"):
        for name, model in ours[kind].items():
            assert model == undocumented(theirs[kind][name])
    assert set(references([ours["operations"], ours["shapes"]])) == ours["shapes"].keys()


def test_what_is_installed_stays_as_it_is(trimmed: Path):
    """uv's files are links into its cache, so trimming them in place would trim all others'."""
    assert not [path for path in trimmed.rglob("*") if path.is_symlink()]
    size = sum(path.stat().st_size for path in trimmed.rglob("*") if path.is_file())
    assert size < 200_000
    assert (Path(INSTALLED.BUILTIN_DATA_PATH) / "endpoints.json").stat().st_size > 1_000_000


def undocumented(part: Any) -> Any:
    if isinstance(part, list):
        return [undocumented(element) for element in part]
    if isinstance(part, dict):
        texts = {key for key in part if key == "documentation" and isinstance(part[key], str)}
        return {key: undocumented(part[key]) for key in part.keys() - texts}
    return part


def references(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for element in part:
            yield from references(element)
    elif isinstance(part, dict):
        if isinstance(part.get("shape"), str):
            yield part["shape"]
        yield from references(list(part.values()))


def test_only_the_function_that_draws_carries_what_draws():
    layers = {name: RESOURCES[name]["Properties"].get("Layers") for name in FUNCTIONS}
    assert {name: found for name, found in layers.items() if found} == {
        "SolveCaptcha": [{"Ref": "CaptchaLayer"}]
    }
    core, drawing = (
        set(
            re.findall(r"^([\w-]+)==", (ROOT / f"layers/{name}/requirements.txt").read_text(), re.M)
        )
        for name in ("core", "captcha")
    )
    assert drawing == {"captcha", "pillow"}
    assert not core & drawing


def test_both_layers_are_installed_in_the_same_way():
    core, drawing = (
        (ROOT / f"layers/{name}/Makefile").read_text().split(".PHONY")[0]
        for name in ("core", "captcha")
    )

    def settings(makefile: str) -> list[str]:
        return [line for line in makefile.splitlines() if line and not line.startswith("#")]

    assert len(settings(core)) > 15
    assert settings(drawing) == settings(core)
