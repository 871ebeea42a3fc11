import json

import pytest

from latchkey import errors
from latchkey.mail import delivery
from tests.unit.conftest import CONTEXT, ROOT, Clock, handler


def test_an_operator_lifts_a_suppression(now: Clock):
    event = json.loads((ROOT / "events/lift_suppression.json").read_text())
    delivery.suppress("ada@example.com", "complained", now=now.time)
    answer = handler("lift_suppression")(event | {"address": "Ada@Example.com"}, CONTEXT)
    assert answer == {"address": "ada@example.com", "was": "complained"}
    assert delivery.suppressed("ada@example.com", now=now.time) is None
    assert handler("lift_suppression")(event, CONTEXT)["was"] == "not suppressed"


def test_what_is_no_address_is_refused():
    with pytest.raises(errors.InvalidArgument):
        handler("lift_suppression")({"address": "ada"}, CONTEXT)
