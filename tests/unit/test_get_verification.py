import pytest

from latchkey.codes import verification
from latchkey.mail import delivery
from tests.unit.conftest import Answer, Call, Clock, Outbox

ROUTE = "/auth/v1/verification/"
ID = "mzxw6ytboi4dkmjqgeydambrge"


def test_it_tells_how_far_the_mail_has_come(call: Call, outbox: Outbox, ada: Answer, now: Clock):
    now.time += 60
    sent = call("send_code")["verification_id"]
    answer = call("get_verification", path=ROUTE + sent)
    assert (answer.status, answer["delivery"], answer["expires_in"]) == (200, "queued", 600)
    outbox.deliver()
    now.time += 5
    answer = call("get_verification", path=ROUTE + sent)
    assert (answer["delivery"], answer["expires_in"]) == ("sent", 595)
    assert answer["description"] == "The message is on its way."
    assert not answer.keys() & {"error", "code", "email", "address"}


@pytest.mark.parametrize(
    ("state", "stranger"),
    [("delivered", "sent"), ("bounced", "failed"), ("suppressed", "failed"), ("failed", "failed")],
)
@pytest.mark.parametrize("known", [True, False])
def test_a_stranger_s_mailbox_is_spoken_of_in_general_words(
    call: Call, ada: Answer, now: Clock, state: verification.Delivery, stranger: str, known: bool
):
    now.time += 60
    address = "ada@example.com" if known else "nobody@example.com"
    sent = call("send_code", {"email": address})["verification_id"]
    assert delivery.record(sent, state)
    answer = call("get_verification", path=ROUTE + sent)
    assert answer["delivery"] == (state if known else stranger)


@pytest.mark.parametrize("verification_id", [ID, "", "x" * 3000, "%23", "a/b"])
def test_an_unknown_id_is_not_found(call: Call, verification_id: str):
    answer = call("get_verification", path=ROUTE + verification_id)
    assert (answer.status, answer["error"]) == (404, "not_found")


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 404)])
def test_it_tells_until_the_code_is_dead(call: Call, now: Clock, seconds: int, status: int):
    sent = call("send_code")["verification_id"]
    now.time += seconds
    assert call("get_verification", path=ROUTE + sent).status == status


@pytest.mark.parametrize(
    ("states", "end"),
    [
        (["sent", "delivered"], "delivered"),
        (["delivered", "sent"], "delivered"),
        (["bounced", "sent", "delivered"], "bounced"),
        (["sent", "delivered", "bounced", "complained"], "complained"),
        (["complained", "bounced", "delivered", "failed"], "complained"),
        (["suppressed", "sent"], "suppressed"),
        (["sent", "sent"], "sent"),
    ],
)
def test_events_in_any_order_end_in_one_state(
    call: Call, ada: Answer, now: Clock, states: list[verification.Delivery], end: str
):
    now.time += 60
    sent = call("send_code")["verification_id"]
    for state in states:
        delivery.record(sent, state)
    assert call("get_verification", path=ROUTE + sent)["delivery"] == end


def test_a_state_makes_no_verification(call: Call):
    assert not delivery.record(ID, "delivered")
    assert call("get_verification", path=ROUTE + ID).status == 404
