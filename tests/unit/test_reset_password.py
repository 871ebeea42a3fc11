import pytest

from tests.unit.conftest import Alive, Answer, Call, Clock, Outbox, Prove, SignIn


def reset(call: Call, token: str, **fields: object) -> Answer:
    body = {"new_password": "engine1844", "verification_token": token}
    return call("reset_password", body | fields)


@pytest.fixture
def proof(ada: Answer, prove: Prove, now: Clock) -> str:
    now.time += 60
    return prove()


def test_who_reads_the_mail_sets_the_password(call: Call, proof: str, sign_in: SignIn):
    assert reset(call, proof, email="ada@example.com") == {}
    assert sign_in("engine1844").status == 200
    assert sign_in("engine1843").status == 401


def test_all_sessions_end(call: Call, ada: Answer, proof: str, sign_in: SignIn, alive: Alive):
    other = sign_in()
    assert reset(call, proof) == {}
    assert not alive(ada)
    assert not alive(other)


def test_a_proof_resets_once_and_its_lost_answer_is_given_again(call: Call, proof: str):
    body = {"new_password": "engine1844", "verification_token": proof}
    same = {"x-request-id": "a" * 32}
    for _ in range(2):
        assert call("reset_password", body, headers=same) == {}
    assert call("reset_password", body)["error"] == "invalid_argument"


def test_the_forgotten_password_itself_may_be_set(call: Call, proof: str, sign_in: SignIn):
    assert reset(call, proof, new_password="engine1843") == {}
    assert sign_in("engine1843").status == 200


def test_a_weak_password_leaves_the_proof(call: Call, proof: str):
    assert reset(call, proof, new_password="short")["error"] == "invalid_argument"
    assert reset(call, proof) == {}


def test_a_proof_of_another_address_is_refused(call: Call, ada: Answer, prove: Prove):
    answer = reset(call, prove("bob@example.com"), email="ada@example.com")
    assert (answer.status, answer["error"]) == (400, "invalid_argument")


def test_an_address_without_user_is_told_to_its_owner(call: Call, prove: Prove):
    answer = reset(call, prove("bob@example.com"), email="bob@example.com")
    assert (answer.status, answer["error"], answer["error_code"]) == (404, "not_found", 5)


def test_a_user_who_came_after_the_code_is_found(call: Call, prove: Prove, now: Clock):
    first = prove("bob@example.com")
    now.time += 60
    call("sign_up", {"verification_token": prove("bob@example.com")})
    assert reset(call, first) == {}


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 400)])
def test_a_proof_lasts_ten_minutes(call: Call, proof: str, now: Clock, seconds: int, status: int):
    now.time += seconds
    assert reset(call, proof).status == status


def test_the_user_is_told_by_mail(call: Call, proof: str, outbox: Outbox):
    reset(call, proof)
    outbox.deliver()
    assert outbox.mails[-1].subject == "Your Latchkey password was changed"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"new_password": "engine1844"},
        {"new_password": 1, "verification_token": "a"},
        {"new_password": "engine1844", "verification_token": "nonsense"},
        {"new_password": "engine1844", "verification_token": 7},
    ],
)
def test_a_malformed_request_is_refused(call: Call, body: dict[str, object]):
    answer = call("reset_password", body)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")


def test_a_phone_number_is_refused(call: Call):
    answer = call("reset_password", {"phone_number": "+86 13800000000", "new_password": "a"})
    assert answer["error"] == "login_type_disabled"
