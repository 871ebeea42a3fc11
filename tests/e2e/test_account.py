"""Change an account while other requests act on it, through the deployed stack."""

from tests.e2e.client import Answer, Device, NewDevice, at_once, new_address

PASSWORD, NEW = "engine1843", "engine1844"


def sudo(device: Device, session: Answer) -> str:
    bearer = session["access_token"]
    return str(device.call("sudo", {"password": PASSWORD}, bearer=bearer)["sudo_token"])


def test_no_session_outlives_a_change_of_password(
    device: Device, new_device: NewDevice, address: str
):
    own = device.register(address, password=PASSWORD)
    change = {"new_password": NEW, "sudo_token": sudo(device, own)}
    body = {"username": address, "password": PASSWORD}

    def act(number: int) -> Answer:
        if number == 8:
            return device.call("set_password", change, bearer=own["access_token"])
        return new_device().call("sign_in", body)

    answers = at_once(12, act)
    assert answers.pop(8) == {}
    started = [answer for answer in answers if answer.status == 200]
    refusals = {a.refusal for a in answers if a.status != 200}
    assert refusals <= {(401, "invalid_username_or_password", 3), (409, "aborted", 10)}
    assert all(device.me(session["access_token"]).status == 401 for session in started)
    assert all(device.refresh(session["refresh_token"]).status == 400 for session in started)
    assert device.me(own["access_token"]).status == 200


def test_of_many_who_proved_an_address_one_gets_it(new_device: NewDevice):
    wanted = new_address()
    people = []
    for _ in range(4):
        device = new_device()
        session = device.register(new_address(), password=PASSWORD)
        people.append((device, session, sudo(device, session), device.prove(wanted)))

    def take(number: int) -> Answer:
        device, session, confirmed, proof = people[number]
        body = {"email": wanted, "sudo_token": confirmed, "verification_token": proof}
        return device.call("change_email", body, bearer=session["access_token"])

    answers = at_once(len(people), take)
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]
    losers = {answer.refusal for answer in answers if answer.status != 200}
    assert losers == {(409, "failed_precondition", 9)}
    emails = [d.me(session["access_token"])["email"] for d, session, _, _ in people]
    assert emails.count(wanted) == 1


def test_of_many_changes_of_one_password_one_is_made(device: Device, address: str):
    own = device.register(address, password=PASSWORD)
    token = sudo(device, own)

    def change(number: int) -> Answer:
        body = {"new_password": f"engine-184{number}", "sudo_token": token}
        return device.call("set_password", body, bearer=own["access_token"])

    answers = at_once(8, change)
    assert sum(answer.status == 200 for answer in answers) == 1
    winner = next(n for n, answer in enumerate(answers) if answer.status == 200)
    body = {"username": address, "password": f"engine-184{winner}"}
    assert device.call("sign_in", body).status == 200


def test_nothing_outlives_a_deleted_user(device: Device, new_device: NewDevice, address: str):
    own = device.register(address, password=PASSWORD)
    token = sudo(device, own)
    body = {"username": address, "password": PASSWORD}

    def act(number: int) -> Answer:
        if number == 5:
            headers = {"authorization": f"Bearer {own['access_token']}"}
            query = {"sudo_token": token}
            return Answer(device.http.delete("/auth/v1/user/me", params=query, headers=headers))
        return new_device().call("sign_in", body)

    answers = at_once(9, act)
    assert answers[5] == {}
    for session in (answer for answer in answers if "access_token" in answer):
        assert device.me(session["access_token"]).status == 401
        assert device.refresh(session["refresh_token"]).status == 400
    assert device.call("sign_in", body).status == 401
    assert device.register(address)["sub"] != own["sub"]
