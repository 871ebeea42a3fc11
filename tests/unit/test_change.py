"""What holds when credentials change: no older session goes on, and nothing holds a change up."""

import json
import re
from typing import Any

import pytest

from latchkey import aws, devices, errors
from latchkey.dynamodb import keys, store, writes
from latchkey.keys import keyring
from latchkey.sessions import change, session, start
from tests.unit.conftest import (
    NOW,
    ROOT,
    Alive,
    Answer,
    Call,
    Clock,
    Confirm,
    Meanwhile,
    Prove,
    SignIn,
)


def set_password(call: Call, ada: Answer, token: str, **options: Any) -> Answer:
    body = {"new_password": "engine1844", "sudo_token": token}
    return call("set_password", body, bearer=ada["access_token"], **options)


def refresh(call: Call, tokens: Answer) -> Answer:
    body = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    return call("grant_token", body)


def test_an_interrupted_change_leaves_no_older_session_alive_and_is_finished_by_a_repeat(
    call: Call,
    ada: Answer,
    sign_in: SignIn,
    confirm: Confirm,
    alive: Alive,
    monkeypatch: pytest.MonkeyPatch,
):
    other, token, same = sign_in(), confirm(ada), {"x-request-id": "a" * 32}

    def fail(*_: object) -> None:
        raise errors.Unavailable

    with monkeypatch.context() as broken:
        broken.setattr(store, "write_each", fail)
        assert set_password(call, ada, token, headers=same).status == 503
    assert alive(ada)
    assert not alive(other)
    assert refresh(call, other)["error"] == "invalid_grant"
    assert call("introspect_token", {"token": other["access_token"]}) == {"active": False}
    body = {"email": "ada@example.com", "target": "CUR_USER"}
    assert call("send_code", body, bearer=other["access_token"])["error"] == "unauthenticated"
    assert len(list(store.query(keys.sessions(ada["sub"])))) == 2
    assert set_password(call, ada, token, headers=same) == {}
    assert len(list(store.query(keys.sessions(ada["sub"])))) == 1
    assert alive(ada)


@pytest.mark.parametrize("operation", ["revoke_all", "revoke_device"])
def test_a_session_that_an_interrupted_change_left_ends_nothing(
    call: Call,
    ada: Answer,
    sign_in: SignIn,
    confirm: Confirm,
    alive: Alive,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
):
    other, token = sign_in(), confirm(ada)
    with monkeypatch.context() as broken:
        broken.setattr(change, "end_older", lambda *_, **__: None)
        assert set_password(call, ada, token) == {}
    assert call(operation, bearer=other["access_token"])["error"] == "unauthenticated"
    assert alive(ada)
    assert call(operation, bearer=ada["access_token"]) == {}


def test_a_session_from_before_versions_were_kept_may_end_the_others(
    call: Call, ada: Answer, sign_in: SignIn, alive: Alive
):
    other = sign_in()
    [old] = [
        s
        for s in session.among(store.query(keys.sessions(ada["sub"])), now=NOW)
        if s.amr == ["otp"]
    ]
    store.write(writes.Update(old.key, sets={"version": None, "ip": old.ip}))
    assert call("revoke_all", bearer=ada["access_token"]) == {}
    assert not alive(other)


def test_a_sign_in_at_the_same_moment_does_not_hold_a_change_up(
    call: Call, ada: Answer, sign_in: SignIn, confirm: Confirm, meanwhile: Meanwhile
):
    token = confirm(ada)
    for _ in range(12):
        meanwhile(lambda: sign_in())
    assert set_password(call, ada, token) == {}
    assert sign_in("engine1844").status == 200


def test_a_session_with_the_new_password_survives_the_end_of_the_others(
    call: Call, ada: Answer, sign_in: SignIn, confirm: Confirm, alive: Alive,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    born: list[Answer] = []
    token, query = confirm(ada), store.query

    def late(*args: Any, **options: Any) -> Any:
        if not born:
            born.append(sign_in("engine1844"))
        return query(*args, **options)

    monkeypatch.setattr(store, "query", late)
    assert set_password(call, ada, token) == {}
    assert alive(born[0])


def test_a_new_name_ends_no_session_and_no_sudo(
    call: Call, ada: Answer, sign_in: SignIn, confirm: Confirm, alive: Alive
):
    other, token = sign_in(), confirm(ada)
    answer = call("edit_profile", {"username": "countess"}, bearer=ada["access_token"])
    assert answer["username"] == "countess"
    assert alive(ada)
    assert alive(other)
    assert set_password(call, ada, token) == {}


def test_a_deletion_that_was_interrupted_is_finished_by_a_repeat(
    call: Call, ada: Answer, sign_in: SignIn, confirm: Confirm, alive: Alive,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    other, token = sign_in(), confirm(ada)

    def fail(*_: object) -> None:
        raise errors.Unavailable

    def delete() -> Answer:
        return call("delete_user", bearer=ada["access_token"], query=f"sudo_token={token}")

    with monkeypatch.context() as broken:
        broken.setattr(store, "write_each", fail)
        assert delete().status == 503
    assert not alive(other)
    assert refresh(call, other)["error"] == "invalid_grant"
    assert delete() == {}
    assert list(store.query(keys.everything_of(ada["sub"]))) == []
    assert delete()["error"] == "unauthenticated"


def test_a_sign_in_replaces_the_session_on_its_device(
    call: Call, ada: Answer, sign_in: SignIn, alive: Alive
):
    first, elsewhere = sign_in(device="a" * 32), sign_in(device="b" * 32)
    second = sign_in(device="a" * 32)
    assert not alive(first)
    assert alive(second)
    assert alive(elsewhere)
    assert alive(ada)


def test_another_client_on_the_device_keeps_its_session(call: Call, ada: Answer, alive: Alive):
    body, device = {"username": "ada_lovelace", "password": "engine1843"}, {"x-device-id": "a" * 32}
    first = call("sign_in", body, headers=device, query="client_id=one")
    second = call("sign_in", body, headers=device, query="client_id=two")
    third = call("sign_in", body, headers=device, query="client_id=one")
    assert [alive(session) for session in (first, second, third)] == [False, True, True]


def test_a_device_without_an_id_replaces_nothing(call: Call, ada: Answer, alive: Alive):
    body = {"username": "ada_lovelace", "password": "engine1843"}
    first, second = (call("sign_in", body, headers={"x-device-id": ""}) for _ in range(2))
    assert alive(first)
    assert alive(second)


def test_a_user_has_at_most_a_hundred_sessions_and_devices(
    call: Call, ada: Answer, alive: Alive, monkeypatch: pytest.MonkeyPatch, now: Clock
):
    assert start.MOST_SESSIONS == 100
    monkeypatch.setattr(start, "MOST_SESSIONS", 12)
    monkeypatch.setattr("latchkey.users.passwords.matches", lambda *_: True)
    body = {"username": "ada_lovelace", "password": "engine1843"}
    sessions, counts = [ada], [1]
    for number in range(35):
        now.time += 1
        device = {"x-device-id": f"{number:032x}"}
        sessions.append(call("sign_in", body, headers=device))
        counts.append(len(list(store.query(keys.sessions(ada["sub"])))))
        assert devices_of(ada) <= 12
    # Each tenth sign-in leaves room for ten more.
    assert counts == [*range(1, 11), *[*range(2, 12)] * 2, *range(2, 8)]
    assert [alive(one) for one in sessions] == [False] * (36 - counts[-1]) + [True] * counts[-1]


def test_a_tenth_sign_in_ends_nothing_while_there_are_few_sessions(
    call: Call, ada: Answer, sign_in: SignIn, alive: Alive
):
    sessions = [ada, *(sign_in() for _ in range(10))]
    assert all(alive(session) for session in sessions)


def test_on_ever_new_devices_nobody_makes_the_owner_s_a_stranger(
    ada: Answer, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, now: Clock
):
    monkeypatch.setattr(start, "MOST_SESSIONS", 12)
    own = "a" * 32
    sign_in(device=own)
    for number in range(20):
        now.time += 1
        sign_in(device=f"{number:032x}")
        if number == 5:
            sign_in(device=own)  # it stays known since the first time
    lanes = {
        item["sk"] for item in store.query(keys.budgets(keyring.tag("ada@example.com", now.time)))
    }
    assert devices.name_of(own) in lanes
    assert devices.name_of(f"{17:032x}") not in lanes  # a stranger, without a lane of its own
    assert devices_of(ada) <= 12


def test_sign_ins_at_once_cannot_step_over_the_one_that_counts_the_sessions(
    ada: Answer, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(start, "MOST_SESSIONS", 12)

    def sessions() -> int:
        return len(list(store.query(keys.sessions(ada["sub"]))))

    for number in range(3):
        sign_in(device=f"{number:032x}")
    assert sessions() == 4
    # All of a burst have read a number below the ninth, and the next one reads one above.
    store.write(writes.Update(keys.user(ada["sub"]), sets={"sign_ins": 20}))
    sign_in(device="a" * 32)
    assert sessions() == 2
    sign_in(device="b" * 32)
    assert sessions() == 3


def test_a_reset_forgets_all_devices_but_the_one_that_proved_the_mailbox(
    call: Call, ada: Answer, sign_in: SignIn, prove: Prove, now: Clock
):
    sign_in(device="a" * 32)
    now.time += 60
    body = {"verification_token": prove(), "new_password": "engine1844"}
    assert call("reset_password", body, headers={"x-device-id": "b" * 32}) == {}
    assert devices_of(ada) == 1
    sign_in("engine1844", device="b" * 32)
    assert devices_of(ada) == 1


def test_signing_out_everywhere_forgets_all_devices(call: Call, ada: Answer, sign_in: SignIn):
    sign_in(device="a" * 32)
    assert devices_of(ada) == 2
    assert call("revoke_all", bearer=ada["access_token"]) == {}
    assert devices_of(ada) == 0


def devices_of(ada: Answer) -> int:
    items = store.query(keys.sessions_and_devices(ada["sub"]))
    return len([item for item in items if item["sk"].startswith("SESSION-DEVICE#")])


def test_an_operator_ends_all_sessions_of_a_user(
    call: Call, ada: Answer, sign_in: SignIn, confirm: Confirm, alive: Alive
):
    other, sudo = sign_in(), confirm(ada)
    text = (ROOT / "docs" / "operations.md").read_text()
    [command] = re.findall(r"dynamodb update-item [^`]+", text)
    options = dict(re.findall(r"--([\w-]+) '(.+?)'", command))
    assert options["key"] == '{"pk": {"S": "USER#SUB"}}'
    aws.dynamodb().update_item(
        TableName="Accounts",
        Key=json.loads(options["key"].replace("SUB", ada["sub"])),
        ConditionExpression=options["condition-expression"],
        UpdateExpression=options["update-expression"],
        ExpressionAttributeValues=json.loads(options["expression-attribute-values"]),
    )
    assert not alive(ada)
    assert not alive(other)
    assert refresh(call, ada)["error"] == "invalid_grant"
    again = sign_in()
    assert alive(again)
    body = {"new_password": "engine1844", "sudo_token": sudo}
    assert call("set_password", body, bearer=again["access_token"]).status == 403
