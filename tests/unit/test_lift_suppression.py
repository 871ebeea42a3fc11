import json

import pytest

from latchkey import deliveries, errors
from tests.unit.conftest import ROOT, Clock, handler


def test_an_operator_lifts_a_suppression(now: Clock):
    event = json.loads((ROOT / "events/lift_suppression.json").read_text())
    deliveries.suppress("ada@example.com", "complained", now=now.time)
    answer = handler("lift_suppression")(event | {"address": "Ada@Example.com"}, None)
    assert answer == {"address": "ada@example.com", "was": "complained"}
    assert deliveries.suppressed("ada@example.com", now=now.time) is None
    assert handler("lift_suppression")(event, None)["was"] == "not suppressed"


def test_what_is_no_address_is_refused():
    with pytest.raises(errors.InvalidArgument):
        handler("lift_suppression")({"address": "ada"}, None)
