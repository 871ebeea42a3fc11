"""Each item of Grants is kept as long as it counts for something; DynamoDB deletes it then."""

from collections import defaultdict

from latchkey import aws
from tests.unit.conftest import Answer, Call, Clock, Outbox, Prove

HOUR, DAY = 3600, 86400
PICTURE, ANSWER = "POST /auth/v1/captcha/data", "POST /auth/v1/captcha/data/verify"
OTHER = {"x-device-id": "e" * 32}
WRONG = {"username": "ada@example.com", "password": "wrong1843"}
SECONDS = {
    "BUDGET of strangers": 25 * HOUR,
    "BUDGET of a device": 400 * DAY,
    "BUDGET of a session": 25 * HOUR,
    "CAPTCHA": 600,
    "CAPTCHA-IP": HOUR,
    "MAILS": 26 * HOUR,
    "NOTICES": 90 * DAY,
    "NOTICES, one": DAY,
    "SEND": 2 * DAY,
    "SEND-IP": HOUR,
    "SOURCE": DAY,
    "STORM": 30 * HOUR,
    "USER EVENT": 90 * DAY,
    "USER PROVEN": 600,
    "USER SESSION": 30 * DAY,
    "USER SESSION-DEVICE": 400 * DAY,
    "VERIFICATION": 600,
}


def test_an_item_is_kept_as_long_as_it_counts(
    call: Call, ada: Answer, prove: Prove, outbox: Outbox, now: Clock
):
    bearer = ada["access_token"]
    for headers in ({}, OTHER):  # a known device, and a stranger
        assert call("sign_in", WRONG, headers=headers).status == 401
    assert call("sudo", {"password": "wrong1843"}, bearer=bearer).status == 400
    sent = call("send_code", {"email": "bob@example.com"}, bearer=bearer)
    call("verify_code", {"verification_id": sent["verification_id"], "verification_code": "x"})
    prove("eve@example.com", bearer)
    assert call("sign_in", {**WRONG, "password": "engine1843"}, headers=OTHER).status == 200
    picture = call("solve_captcha", {"state": ""}, route=PICTURE)
    call("solve_captcha", {"token": picture["token"], "key": "x"}, route=ANSWER)
    outbox.deliver()
    found = defaultdict(set)
    # The clock stands at noon, so hours and windows of six hours have just begun.
    for item in aws.dynamodb().scan(TableName="Grants")["Items"]:
        kind = kind_of(item["pk"]["S"], item["sk"]["S"])
        found[kind].add(int(item["expires_at"]["N"]) - now.time)
    assert found == {kind: {seconds} for kind, seconds in SECONDS.items()}


def kind_of(pk: str, sk: str) -> str:
    kind, what = pk.partition("#")[0], sk.partition("#")[0]
    match kind:
        case "USER":
            return f"{kind} {what}"
        case "BUDGET":
            lane = {"-": "strangers"}.get(sk, "a session" if " " in sk else "a device")
            return f"{kind} of {lane}"
        case "NOTICES" if "#" in sk:
            return "NOTICES, one"
        case _:
            return kind
