import pytest

from tests.unit.conftest import Answer, Call, Clock

USERNAME = "GET /auth/v1/checkUsername"


def exist(call: Call, name: str) -> Answer:
    return call("check_user", query=f"username={name}&client_id=my-app")


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("ada_lovelace", True),
        ("ADA_Lovelace", True),
        ("ada%40example.com", True),
        ("Ada%40Example.com", True),
        ("ada_lovelac", False),
        ("bob%40example.com", False),
        ("ada", False),
        ("-", False),
        ("no%20name%20at%20all", False),
        ("@", False),
    ],
)
def test_a_name_is_somebodys_or_not(call: Call, ada: Answer, name: str, known: bool):
    assert exist(call, name) == {"exist": known}


def test_asking_for_addresses_costs_as_much_as_mails(call: Call, configure, now: Clock):
    configure(codes_per_source_per_hour=2)
    for _ in range(2):
        assert exist(call, "bob%40example.com").status == 200
    answer = exist(call, "bob%40example.com")
    assert (answer.status, answer["error"], answer["retry_after"]) == (
        429,
        "resource_exhausted",
        3600,
    )
    assert exist(call, "ada_lovelace").status == 200
    now.time += 3600
    assert exist(call, "bob%40example.com").status == 200


@pytest.mark.parametrize("query", ["", "username=", "username=" + "a" * 513, "name=ada"])
@pytest.mark.parametrize("route", ["GET /auth/v1/checkIfUserExist", USERNAME])
def test_a_malformed_question_is_refused(call: Call, query: str, route: str):
    answer = call("check_user", query=query, route=route)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")


def test_a_phone_number_is_refused(call: Call):
    assert exist(call, "%2B86%2013800000000")["error"] == "login_type_disabled"


def test_a_free_user_name_may_be_chosen(call: Call, ada: Answer):
    assert call("check_user", query="username=countess", route=USERNAME) == {}


def test_a_taken_user_name_may_not_be_chosen(call: Call, ada: Answer):
    answer = call("check_user", query="username=Ada_Lovelace", route=USERNAME)
    assert (answer.status, answer["error"], answer["error_code"]) == (409, "failed_precondition", 9)


@pytest.mark.parametrize("name", ["ada", "a" * 25, "ada%40example.com", "ada%20l"])
def test_what_is_no_user_name_may_not_be_chosen(call: Call, name: str):
    answer = call("check_user", query=f"username={name}", route=USERNAME)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")
