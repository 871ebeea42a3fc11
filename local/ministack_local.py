"""MiniStack, with what it lacks for SAM's templates, and with the API at the root of its own port.

This adds the routes, JWT authorizers, tags and CORS of an HTTP API's body, the values of
parameters, the TTL of tables, the end point of functions, the condition keys of policies
(condition_keys.py), alarms on expressions, selections of AWS Backup, and saved queries, which it
takes and forgets. It extracts a layer once instead of for each worker. It uses private names of
MiniStack, so the version is pinned. After each deployment, `local` requests one route and one
preflight to check that the names still fit.

It runs in the environment `.local/env/ministack` until SIGTERM or until its standard input ends.
The input ends when the process that started it is gone, for whatever reason. It then saves its
state and ends the workers of the functions. Its output is what the functions print and log.
"""

import asyncio
import io
import json
import os
import signal
import sys
import tempfile
import threading
import types
import zipfile
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack.app import app as ministack
from ministack.core import lambda_runtime
from ministack.services import apigateway, backup, dynamodb, lambda_svc
from ministack.services.cloudformation import changesets, engine, handlers
from ministack.services.cloudformation import provisioners as cfn
from samtranslator.translator import transform as sam

API_PATH = "/_aws/execute-api/" + os.environ["API_ID"]
API_PORT = int(os.environ["API_PORT"])
STACK_PORT = int(os.environ["GATEWAY_PORT"])
STACK_HOST = os.environ["STACK_HOST"]

Properties = dict[str, Any]

LINK = "link-to-an-extracted-layer"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Serve the API alone at API_PORT, because the SDK drops the path of its end point."""
    if scope["type"] == "http" and scope["server"][1] == API_PORT:
        path, raw_path = API_PATH + scope["path"], API_PATH.encode() + scope["raw_path"]
        scope = {**scope, "path": path, "raw_path": raw_path}
    await ministack(scope, receive, send)


async def main() -> None:
    """Serve until a signal arrives or the input ends."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def stop_at_end_of_input() -> None:
        os.read(0, 1)  # nothing is ever written, so this returns when the input ends
        loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    threading.Thread(target=stop_at_end_of_input, daemon=True).start()
    config = Config()
    config.bind = [f"127.0.0.1:{STACK_PORT}", f"127.0.0.1:{API_PORT}"]
    if STACK_HOST:
        config.bind.append(f"{STACK_HOST}:{STACK_PORT}")
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.loglevel = "WARNING"
    await serve(app, config, shutdown_trigger=stop.wait)
    # The state is saved. Threads that still wait for workers would hold the process for half a
    # minute, and `local.stack` ends the workers.
    os._exit(0)


def _pass_parameters() -> None:
    """Give SAM's translator the values of parameters, so that it resolves `!If` and `!Ref`."""
    values: dict[str, Any] = {}
    translate = sam.transform
    sam.transform = lambda template, _, loader: translate(template, values, loader)
    for module in (changesets, handlers):

        def apply(
            template: Any,
            provided: Any = None,
            previous: Any = None,
            original: Any = module._apply_transforms,
        ) -> Any:
            values.clear()
            values.update(engine._transform_parameters(template, provided, previous))
            return original(template, provided, previous)

        module._apply_transforms = apply


def _extend(resource_type: str, before: Any, after: Any) -> None:
    """Have `before` change the properties that MiniStack makes or updates a resource from, and call
    `after` when it is done.
    """
    handler = cfn._RESOURCE_HANDLERS[resource_type]
    create, update = handler["create"], handler["update"]

    def new_create(logical_id: str, properties: Properties, stack: Any) -> Any:
        result = create(logical_id, before(properties), stack)
        after(result[0], properties)
        return result

    def new_update(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Any:
        result = update(physical_id, before(old), before(new), *rest)
        after(result[0], new)
        return result

    handler["create"], handler["update"] = new_create, new_update


def _plain_api(properties: Properties) -> Properties:
    """Copy tags and CORS rules from an API's body to the properties that MiniStack reads."""
    body = properties.get("Body") or {}
    tags = {tag["name"]: tag.get("x-amazon-apigateway-tag-value") for tag in body.get("tags", [])}
    properties = {**properties, "Tags": {**tags, **properties.get("Tags", {})}}
    if cors := body.get("x-amazon-apigateway-cors"):
        properties["CorsConfiguration"] = cors
    return properties


def _make_routes(api: str, properties: Properties) -> None:
    """Replace the routes and the JWT authorizers of an API with those of its body."""
    for made in (apigateway._routes, apigateway._integrations, apigateway._authorizers):
        made[api] = {}
    body = properties.get("Body") or {}
    schemes = body.get("components", {}).get("securitySchemes", {})
    authorizers = {name: _make_authorizer(api, name, scheme) for name, scheme in schemes.items()}
    for path, methods in body.get("paths", {}).items():
        for method, operation in methods.items():
            uri = operation["x-amazon-apigateway-integration"]["uri"]
            integration, _ = cfn._apigw_v2_integration_create(
                "", {"ApiId": api, "IntegrationUri": uri}, ""
            )
            verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            key = "$default" if path.lstrip("/") == "$default" else f"{verb} {path}"
            route = {"ApiId": api, "RouteKey": key, "Target": f"integrations/{integration}"}
            for security in operation.get("security", []):
                [(name, scopes)] = security.items()
                route |= {"AuthorizationType": "JWT", "AuthorizerId": authorizers[name]}
                route["AuthorizationScopes"] = scopes
            cfn._apigw_v2_route_create("", route, "")


def _make_authorizer(api: str, name: str, scheme: Properties) -> str:
    given = scheme["x-amazon-apigateway-authorizer"]
    configuration = {key.title(): value for key, value in given["jwtConfiguration"].items()}
    properties = {"ApiId": api, "Name": name, "JwtConfiguration": configuration}
    properties["IdentitySource"] = [given["identitySource"]]
    return str(cfn._apigw_v2_authorizer_create("", properties, "")[0])


def _set_ttl(table: str, properties: Properties) -> None:
    if specification := properties.get("TimeToLiveSpecification"):
        dynamodb._update_ttl({"TableName": table, "TimeToLiveSpecification": specification})


def _plain_function(properties: Properties) -> Properties:
    """Leave out a function's end point, which is empty for AWS. MiniStack then fills in its own
    when it starts the function, at the port where it listens by then.
    """
    variables = dict(properties.get("Environment", {}).get("Variables", {}))
    variables.pop("AWS_ENDPOINT_URL", None)
    return {**properties, "Environment": {"Variables": variables}}


def _plain_alarm(properties: Properties) -> Properties:
    """Let an alarm on an expression watch its first metric. MiniStack refuses expressions, and
    nobody waits for an alarm here.
    """
    if "Metrics" not in properties:
        return properties
    first = properties["Metrics"][0]["MetricStat"]
    plain = {"Statistic": first["Stat"], "Period": first["Period"], **first["Metric"]}
    return {name: value for name, value in properties.items() if name != "Metrics"} | plain


def _take_queries() -> None:
    """Accept saved queries of CloudWatch Logs, of which MiniStack knows nothing."""
    cfn._RESOURCE_HANDLERS["AWS::Logs::QueryDefinition"] = {
        "create": lambda logical_id, *_: (logical_id, {}),
        "update": lambda physical_id, *_: (physical_id, {}),
        "delete": lambda *_: None,
    }


def _take_backup_selections() -> None:
    """Have AWS Backup select tables. MiniStack knows its plans and vaults, and this by API only."""

    def create(_: str, properties: Properties, *_rest: Any) -> Any:
        plan, selection = properties["BackupPlanId"], properties["BackupSelection"]
        _, _, made = backup._create_selection(plan, {"BackupSelection": selection})
        return f"{plan}|{json.loads(made)['SelectionId']}", {}

    def delete(physical_id: str, *_: Any) -> None:
        backup._delete_selection(*physical_id.split("|"))

    def replace(physical_id: str, _: Properties, properties: Properties, *_rest: Any) -> Any:
        made = create("", properties)
        delete(physical_id)
        return made

    cfn._RESOURCE_HANDLERS["AWS::Backup::BackupSelection"] = {
        "create": create,
        "update": replace,
        "delete": delete,
    }


def _share_layers() -> None:
    """Extract each layer once. MiniStack extracts its 2,000 files anew for every worker, which
    takes most of a cold start here, and a minute to delete at the end.
    """
    extracted: dict[str, bytes] = {}
    lock = threading.Lock()
    resolve = lambda_svc._resolve_layer_zip

    def link_to(layer: Any) -> bytes | None:
        """Return an archive in place of a layer's, which holds the folder of its files."""
        arn = layer if isinstance(layer, str) else layer["Arn"]
        with lock:
            if arn not in extracted and (data := resolve(layer)):
                folder = tempfile.mkdtemp(prefix="layer-")
                with zipfile.ZipFile(io.BytesIO(data)) as archive:
                    archive.extractall(folder)
                link = io.BytesIO()
                with zipfile.ZipFile(link, "w") as archive:
                    archive.writestr(LINK, folder)
                extracted[arn] = link.getvalue()
            return extracted.get(arn)

    class Archive(zipfile.ZipFile):
        def extractall(self, path: Any = None, *rest: Any, **options: Any) -> None:
            if self.namelist() == [LINK]:
                Path(path).rmdir()
                Path(path).symlink_to(self.read(LINK).decode())
            else:
                super().extractall(path, *rest, **options)

    lambda_svc._resolve_layer_zip = link_to
    lambda_runtime.zipfile = types.SimpleNamespace(**vars(zipfile) | {"ZipFile": Archive})


def _print_logs() -> None:
    original = lambda_svc._emit_lambda_logs

    def emit(function: Any, request_id: str, text: str, *rest: Any, **options: Any) -> None:
        name = (function.get("config") or function)["FunctionName"]
        for line in (text or "").splitlines():
            print(f"{name}: {line}", flush=True)
        original(function, request_id, text, *rest, **options)

    lambda_svc._emit_lambda_logs = emit


if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[1]))  # this is run as a script, outside its package
    from local import condition_keys

    _pass_parameters()
    _extend("AWS::ApiGatewayV2::Api", _plain_api, _make_routes)
    _extend("AWS::DynamoDB::Table", dict, _set_ttl)
    _extend("AWS::Lambda::Function", _plain_function, lambda *_: None)
    _extend("AWS::CloudWatch::Alarm", _plain_alarm, lambda *_: None)
    _take_queries()
    _take_backup_selections()
    condition_keys.add()
    _share_layers()
    _print_logs()
    asyncio.run(main())
