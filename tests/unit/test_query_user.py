import pytest

from tests.unit.conftest import Answer, Call, Prove


def query(call: Call, session: Answer, text: str) -> Answer:
    return call("query_user", bearer=session["access_token"], query=text)


@pytest.fixture
def bob(call: Call, prove: Prove) -> Answer:
    body = {"verification_token": prove("bob@example.com"), "username": "bobby", "name": "Bob"}
    return call("sign_up", body | {"picture": "https://example.com/b.png", "gender": "MALE"})


@pytest.mark.parametrize("text", ["username=bobby", "username=Bobby", "email=bob%40example.com"])
def test_another_user_is_found_without_their_address(
    call: Call, ada: Answer, bob: Answer, text: str
):
    seen = {"sub": bob["sub"], "name": "Bob", "picture": "https://example.com/b.png"}
    assert query(call, ada, text) == {"total": 1, "data": [seen]}


def test_oneself_is_found_with_the_address(call: Call, ada: Answer):
    [me] = query(call, ada, "username=ada_lovelace")["data"]
    assert me == {"sub": ada["sub"], "name": "Ada", "email": "ada@example.com"}


def test_ids_are_found_in_their_order(call: Call, ada: Answer, bob: Answer):
    text = f"id={bob['sub']}%2Cnobody%2C{ada['sub']}%2C{bob['sub']}"
    answer = query(call, ada, text)
    assert answer["total"] == 2
    assert [user["sub"] for user in answer["data"]] == [bob["sub"], ada["sub"]]


@pytest.mark.parametrize(
    "text",
    [
        "username=bob",
        "username=bobb",
        "username=bobby%25",
        "email=bob%40example",
        "email=ob%40example.com",
        "id=nobody",
        "id=KEYRING",
        "id=%2C",
    ],
)
def test_only_the_exact_name_finds(call: Call, ada: Answer, bob: Answer, text: str):
    assert query(call, ada, text) == {"total": 0, "data": []}


def test_a_user_without_a_name_is_seen_by_the_user_name(call: Call, ada: Answer, prove: Prove):
    body = {"verification_token": prove("eve@example.com"), "username": "evelyn"}
    call("sign_up", body)
    assert query(call, ada, "username=evelyn")["data"][0]["name"] == "evelyn"


def test_asking_for_addresses_costs_as_much_as_mails(call: Call, ada: Answer, configure):
    configure(codes_per_source_per_hour=2)
    assert query(call, ada, "email=bob%40example.com").status == 200
    assert query(call, ada, "email=bob%40example.com").status == 429
    assert query(call, ada, "username=bobby").status == 200


@pytest.mark.parametrize("text", ["", "name=Bob", "id=", "username=" + "a" * 257])
def test_a_malformed_question_is_refused(call: Call, ada: Answer, text: str):
    answer = query(call, ada, text)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")


@pytest.mark.parametrize(("ids", "status"), [(50, 200), (51, 400)])
def test_fifty_ids_may_be_asked_for(call: Call, ada: Answer, ids: int, status: int):
    assert query(call, ada, "id=" + "%2C".join(map(str, range(ids)))).status == status


def test_a_phone_number_is_refused(call: Call, ada: Answer):
    answer = query(call, ada, "phone_number=%2B86%2013800000000")
    assert answer["error"] == "login_type_disabled"


@pytest.mark.parametrize("text", ["id=a", "username=bobby", "email=bob%40example.com"])
def test_nobody_finds_nobody(call: Call, bob: Answer, text: str):
    assert call("query_user", bearer="", query=text).status == 401


@pytest.mark.parametrize(("length", "status"), [(64, 200), (65, 400), (2100, 400)])
def test_an_id_has_at_most_64_characters(call: Call, ada: Answer, length: int, status: int):
    answer = query(call, ada, f"id={ada['sub']}%2C" + "\u00fc" * length)
    assert answer.status == status
    if status == 400:
        assert (answer["error"], answer["details"]) == ("invalid_argument", [{"field": "id"}])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("email=Ada%40Example.com", "Ada"),
        ("username=bobby", "Bob"),
        ("email=bob%40example.com", ""),
    ],
)
def test_with_strict_account_discovery_an_address_finds_oneself_alone(
    call: Call, ada: Answer, bob: Answer, configure, text: str, name: str
):
    configure(account_discovery="strict")
    answer = query(call, ada, text)
    assert [user["name"] for user in answer["data"]] == ([name] if name else [])
    assert answer["total"] == len(answer["data"])
