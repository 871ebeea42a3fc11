"""A visitor becomes a user."""

from tests.e2e.client import TOKENS, Device, Inbox, NewDevice


def test_a_visitor_registers_with_a_mailed_code_and_is_signed_in_at_once(
    device: Device, inbox: Inbox, address: str
):
    sent = device.call("send_code", {"email": address, "target": "ANY"})
    assert sent == {
        "verification_id": sent["verification_id"],
        "is_user": False,
        "expires_in": 600,
        "retry_after": 0,
    }

    code = inbox.code(address)
    verified = device.verify(sent["verification_id"], code)
    assert verified.keys() == {"verification_token", "expires_in"}
    assert verified["expires_in"] == 600

    name = f"Ada_{device.id[:12]}"
    tokens = device.call(
        "sign_up",
        {
            "email": address,
            "verification_token": verified["verification_token"],
            "verification_code": code,
            "password": "engine1843",
            "username": name,
            "name": "Ada Lovelace",
        },
    )
    assert tokens.keys() == TOKENS
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 7200)

    me = device.me(tokens["access_token"])
    assert me["sub"] == me["uid"] == tokens["sub"]
    assert (me["email"], me["email_verified"]) == (address, True)
    assert (me["username"], me["name"], me["hasPassword"]) == (name, "Ada Lovelace", True)


def test_the_code_also_stands_in_the_subject_and_in_the_html(
    device: Device, inbox: Inbox, address: str
):
    device.call("send_code", {"email": address})

    code, mail = inbox.code(address), inbox.wait(address)
    assert code in mail["subject"]
    assert code in mail["html"]
    assert len(code) == 6


def test_a_mail_is_in_the_language_of_the_request(device: Device, inbox: Inbox, address: str):
    device.call("send_code", {"email": address}, headers={"accept-language": "zh-CN"})

    assert "验证码" in inbox.wait(address)["text"]


def test_an_address_is_the_same_in_any_case(device: Device, inbox: Inbox, address: str):
    device.register(address)

    assert device.call("send_code", {"email": address.upper()})["is_user"] is True


def test_a_user_needs_neither_password_nor_names(device: Device, address: str):
    me = device.me(device.register(address)["access_token"])

    assert me["hasPassword"] is False
    assert "username" not in me


def test_the_sdk_finishes_a_sign_up_whose_code_is_a_number(device: Device, address: str):
    verification_id, code = device.ask(address)

    assert device.verify(verification_id, int(code)).status == 200  # leading zeros are lost


def test_a_taken_address_cannot_be_registered_again(device: Device, address: str):
    device.register(address)
    token = device.prove(address)

    answer = device.call("sign_up", {"verification_token": token})
    assert answer.refusal == (409, "failed_precondition", 9)
    # The proof is not used up: it still signs its owner in.
    assert device.call("sign_in", {"username": address, "verification_token": token}).status == 200


def test_a_taken_user_name_leaves_the_proof_for_another(new_device: NewDevice, address: str):
    name = f"name_{new_device().id[:10]}"
    new_device().register(f"first-{address}", username=name)
    device = new_device()
    token = device.prove(address)

    taken = device.call("sign_up", {"verification_token": token, "username": name.upper()})
    assert taken.refusal == (409, "failed_precondition", 9)
    again = device.call("sign_up", {"verification_token": token, "username": f"{name}_2"})
    assert again.status == 200


def test_target_tells_who_may_be_asked_for(device: Device, address: str):
    unknown = device.call("send_code", {"email": address, "target": "USER"})
    assert unknown.refusal == (404, "not_found", 5)

    device.register(address)
    known = device.call("send_code", {"email": address, "target": "NOT_USER"})
    assert known.refusal == (409, "failed_precondition", 9)
    assert device.call("send_code", {"email": address, "target": "USER"})["is_user"] is True


def test_a_signed_in_user_may_ask_for_a_code_to_the_own_address_only(device: Device, address: str):
    tokens = device.register(address)
    body = {"email": address, "target": "CUR_USER"}

    assert device.call("send_code", body).refusal == (401, "unauthenticated", 16)
    own = device.call("send_code", body, bearer=tokens["access_token"])
    assert own["is_user"] is True
    other = device.call(
        "send_code", body | {"email": f"other-{address}"}, bearer=tokens["access_token"]
    )
    assert other.refusal == (404, "not_found", 5)


def test_a_dead_bearer_does_not_keep_a_visitor_from_a_code(device: Device, address: str):
    assert device.call("send_code", {"email": address}, bearer="dead.dead.dead").status == 200


def test_a_resend_mails_the_same_code_so_that_either_mail_is_right(device: Device, address: str):
    first_id, first = device.ask(address)
    second_id, second = device.ask(address)

    assert first == second
    assert first_id != second_id
    assert device.verify(first_id, second).status == 200
    # The code is spent for both.
    assert device.verify(second_id, first).refusal == (400, "invalid_argument", 3)
