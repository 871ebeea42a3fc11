"""What must hold when many requests come at once. Each test runs in several rounds.

All threads of a round start at once. The client sends IN_FLIGHT of their requests at a time, and
the local stack runs each of these in a process of its own.
"""

import collections
import random
import secrets

import pytest

from tests.e2e.client import Answer, NewDevice, at_once, new_address
from tests.e2e.stack import Stack

WRONG_CODE = (400, "invalid_verification_code", 3)
SPENT = (400, "invalid_argument", 3)
TAKEN = (409, "failed_precondition", 9)


def outcomes(answers: list[Answer]) -> collections.Counter[object]:
    """Count the answers by refusal; a success counts as `ok`."""
    return collections.Counter("ok" if a.status == 200 else a.refusal for a in answers)


@pytest.mark.parametrize("turn", range(4))
def test_of_200_guesses_at_one_code_five_are_evaluated(
    new_device: NewDevice, stack: Stack, turn: int
):
    address, device = new_address(), new_device()
    verification_id, code = device.ask(address)
    others = random.sample([n for n in range(10**6) if n != int(code)], 199)
    guesses = [code, *(f"{n:06}" for n in others)]
    random.shuffle(guesses)

    answers = at_once(200, lambda i: new_device().verify(verification_id, guesses[i]))

    found = outcomes(answers)
    assert found["ok"] + found[WRONG_CODE] <= 5
    assert found["ok"] <= 1
    assert found["ok"] + found[WRONG_CODE] + found[SPENT] == 200
    if not found["ok"]:
        assert found[WRONG_CODE] == 5
        # The right code comes after the fifth guess.
        assert "too many attempts" in device.verify(verification_id, code)["error_description"]
    item = stack.table("Grants").get_item(Key={"pk": f"VERIFICATION#{verification_id}", "sk": "-"})
    assert item["Item"]["guesses"] <= 5


@pytest.mark.parametrize("turn", range(4))
def test_of_50_verifies_of_the_right_code_one_gets_a_token(new_device: NewDevice, turn: int):
    address, device = new_address(), new_device()
    verification_id, code = device.ask(address)

    found = outcomes(at_once(50, lambda _: device.verify(verification_id, code)))
    assert found["ok"] == 1
    assert found[SPENT] == 49


@pytest.mark.parametrize("turn", range(4))
def test_one_verify_that_is_repeated_50_times_gets_one_token(new_device: NewDevice, turn: int):
    address, device = new_address(), new_device()
    verification_id, code = device.ask(address)
    request_id = secrets.token_hex(16)

    answers = at_once(50, lambda _: device.verify(verification_id, code, request_id=request_id))
    tokens = {answer["verification_token"] for answer in answers if answer.status == 200}
    assert len(tokens) == 1


@pytest.mark.parametrize("turn", range(2))
def test_50_sign_ups_with_50_proofs_of_one_address_make_one_account(
    new_device: NewDevice, stack: Stack, turn: int
):
    address = new_address()
    devices = [new_device() for _ in range(50)]
    proofs = [device.prove(address) for device in devices]

    answers = at_once(50, lambda i: devices[i].call("sign_up", {"verification_token": proofs[i]}))

    assert outcomes(answers) == {"ok": 1, TAKEN: 49}
    _assert_one_account(stack, address, answers)


@pytest.mark.parametrize("turn", range(4))
def test_50_sign_ups_with_one_proof_make_one_account(
    new_device: NewDevice, stack: Stack, turn: int
):
    address, device = new_address(), new_device()
    proof = device.prove(address)

    answers = at_once(50, lambda _: device.call("sign_up", {"verification_token": proof}))

    assert outcomes(answers) == {"ok": 1, SPENT: 49}
    _assert_one_account(stack, address, answers)


@pytest.mark.parametrize("turn", range(3))
def test_20_sign_ups_with_one_user_name_make_one_account(
    new_device: NewDevice, stack: Stack, turn: int
):
    name = f"name_{secrets.token_hex(6)}"
    devices = [new_device() for _ in range(20)]
    proofs = at_once(20, lambda i: devices[i].prove(new_address()))

    answers = at_once(
        20,
        lambda i: devices[i].call("sign_up", {"verification_token": proofs[i], "username": name}),
    )
    assert outcomes(answers) == {"ok": 1, TAKEN: 19}
    users = [item for item in stack.items("Accounts") if item.get("username") == name]
    assert len(users) == 1


@pytest.mark.parametrize("turn", range(4))
def test_20_sign_ins_with_one_proof_start_one_session(
    new_device: NewDevice, stack: Stack, turn: int
):
    address, device = new_address(), new_device()
    sub = device.register(address)["sub"]
    body = {"username": address, "verification_token": device.prove(address)}

    elsewhere = new_device()
    assert outcomes(at_once(20, lambda _: elsewhere.call("sign_in", body))) == {"ok": 1, SPENT: 19}
    assert len(stack.sessions(sub)) == 2  # the session of the sign-up, and this one


@pytest.mark.parametrize("turn", range(4))
def test_20_refreshes_of_one_token_end_in_one_successor(
    new_device: NewDevice, stack: Stack, turn: int
):
    device = new_device()
    tokens = device.register(new_address())

    answers = at_once(20, lambda _: device.refresh(tokens["refresh_token"]))

    assert outcomes(answers) == {"ok": 20}
    assert len({answer["refresh_token"] for answer in answers}) == 1
    assert len({answer["access_token"] for answer in answers}) == 1
    [session] = stack.sessions(tokens["sub"])
    assert session["generation"] == 1
    assert device.refresh(answers[0]["refresh_token"]).status == 200


@pytest.mark.parametrize("turn", range(3))
def test_a_refresh_that_meets_a_sign_out_leaves_no_session(
    new_device: NewDevice, stack: Stack, turn: int
):
    device = new_device()
    tokens = device.register(new_address())

    def act(i: int) -> Answer:
        if i == 5:
            return device.call("sign_out", {}, bearer=tokens["access_token"])
        return device.refresh(tokens["refresh_token"])

    found = outcomes(at_once(10, act))
    assert found["ok"] + found[(400, "invalid_grant", 3)] == 10
    assert stack.sessions(tokens["sub"]) == []


def _assert_one_account(stack: Stack, address: str, answers: list[Answer]) -> None:
    [sub] = {answer["sub"] for answer in answers if answer.status == 200}
    accounts = stack.items("Accounts")
    assert [item["sub"] for item in accounts if item.get("email") == address] == [sub]
    assert [item["sub"] for item in accounts if item["pk"] == f"EMAIL#{address}"] == [sub]
    assert len(stack.sessions(sub)) == 1
    # The others have left no user and no session.
    subs = {item["pk"] for item in accounts if item["pk"].startswith("USER#")}
    sessions = (i for i in stack.items("Grants") if i.get("sk", "").startswith("SESSION#"))
    assert {item["pk"] for item in sessions} <= subs
