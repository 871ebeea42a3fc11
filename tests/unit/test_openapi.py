import json
import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from docs import openapi
from local.template import template
from tests.rights import FUNCTIONS, RESOURCES, function_of
from tests.unit.conftest import Answer, Call

DOCUMENT = openapi.document()
METHODS = [
    (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


def test_the_document_is_in_step_with_the_code():
    assert openapi.TARGET.read_text("utf-8") == openapi.text(), "run python -m docs.openapi"


def test_the_document_is_valid():
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_every_route_of_the_template_is_documented():
    routes = {
        (event["Properties"]["Method"], event["Properties"]["Path"])
        for resource in template()["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if "Path" in event["Properties"]
    }
    assert routes == {(method, path) for method, path, _ in METHODS}


def test_every_reference_leads_somewhere():
    for place in set(re.findall(r'"\$ref": "#/components/(\w+)/', json.dumps(DOCUMENT))):
        names = re.findall(rf'"\$ref": "#/components/{place}/([^"]+)"', json.dumps(DOCUMENT))
        assert set(names) <= set(DOCUMENT["components"][place])


def test_what_may_ask_for_a_captcha_takes_its_token():
    asking = {
        function
        for function in FUNCTIONS
        if "CAPTCHA"
        in RESOURCES[function]["Properties"].get("Environment", {}).get("Variables", {})
    }
    assert {function_of(name) for name in openapi.GUARDED} == asking


def test_operation_ids_are_unique():
    names = [operation["operationId"] for _, _, operation in METHODS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("method", "path", "operation"), METHODS, ids=[f"{m} {p}" for m, p, _ in METHODS]
)
def test_what_is_said_to_need_a_bearer_is_refused_without(
    call: Call, method: str, path: str, operation: dict[str, object]
):
    name = operation["tags"][0]  # type: ignore[index]
    needs = operation.get("security") == [{"bearer": []}]
    answer = call(name, bearer="", route=f"{method} {path}", path=path)
    assert (answer.get("error") == "unauthenticated") is needs


def test_what_a_docstring_says_it_raises_is_read_as_refusals():
    words = [f"{op['summary']} {op.get('description', '')}" for _, _, op in METHODS]
    assert [said for said in words if "Raises" in said] == []
    assert "ProofUnusable" in DOCUMENT["components"]["examples"]


def test_each_field_of_an_answer_is_documented(call: Call, ada: Answer):
    # tests/described.py checks every answer of all tests. A schema allows more fields than it has.
    schemas = DOCUMENT["components"]["schemas"]
    assert set(ada) <= set(schemas["Credentials"]["properties"])
    profile = call("get_user", bearer=ada["access_token"])
    assert set(profile) <= set(schemas["Profile"]["properties"])
    problem = call("get_user", bearer="")
    assert set(problem) <= set(schemas["Problem"]["properties"])
