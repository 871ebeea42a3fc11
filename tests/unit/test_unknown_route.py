from tests.unit.conftest import Call


def test_an_unknown_route_is_refused_in_our_own_words(call: Call):
    answer = call("unknown_route")
    assert (answer.status, answer["error"], answer["error_code"]) == (404, "unimplemented", 12)
