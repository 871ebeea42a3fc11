"""The owner gets in while an attacker floods every item that the owner's sign-in touches.

The attacker has THREADS requests in flight at any time, each from a new device in a new network.
The clock stands still, so no limit comes back in the meantime.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from latchkey.users import passwords
from tests.engine.conflicts import Conflicts
from tests.engine.conftest import PASSWORD, Device, mailed_code, new_address, new_device
from tests.unit.calls import Answer

THREADS = 8
ROUNDS = 100


@pytest.fixture(autouse=True)
def hard(compared: list[str], conflicts: Conflicts, configure: Callable[..., None]) -> Conflicts:
    """Let the attacker hash nothing and wait for nothing, so that only the items are contended."""
    configure(
        code_cooldown_seconds=0,
        codes_per_address_per_day=10**6,
        codes_per_source_per_hour=10**6,
        captcha="off",  # which an owner can read
    )
    conflicts.odds = 0.3
    return conflicts


class Attacker:
    """Somebody who knows an address and, for some attacks, its password."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.done: Counter[tuple[str, int]] = Counter()
        self.verification_id = new_device().ask(address)[0]

    def sign_in(self) -> Answer:
        """Sign in with the right password: it touches the user and the strangers' lane."""
        return new_device().sign_in(self.address)

    def guess_password(self) -> Answer:
        """Guess the password: it touches the strangers' lane, until that is spent."""
        return new_device().sign_in(self.address, "wrong1843")

    def ask(self) -> Answer:
        """Ask for a code: it touches what was sent to the address."""
        return new_device().call("send_code", {"email": self.address})

    def guess_code(self) -> Answer:
        """Guess a code: it touches a verification and the strangers' lane."""
        return new_device().verify(self.verification_id, "000000")


ATTACKS: dict[str, list[Callable[[Attacker], Answer]]] = {
    # Wrong guesses spend the strangers' lane, and then the right password is refused to strangers
    # before it touches the user. So these are floods of their own.
    "right passwords": [Attacker.sign_in],
    "right passwords and codes": [Attacker.sign_in, Attacker.ask],
    "guesses and codes": [Attacker.guess_password, Attacker.guess_code, Attacker.ask],
}


@contextmanager
def flood(attacker: Attacker, attacks: Sequence[Callable[[Attacker], Answer]]) -> Iterator[None]:
    """Attack from THREADS threads until the block is left."""
    over = threading.Event()

    def attack(number: int) -> None:
        chosen = random.Random(number)
        while not over.is_set():
            act = chosen.choice(attacks)
            attacker.done[act.__name__, act(attacker).status] += 1

    threads = [threading.Thread(target=attack, args=[n]) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def by_password(device: Device, address: str) -> Answer:
    return device.sign_in(address)


def by_code(device: Device, address: str) -> Answer:
    """Sign in as a person does: whoever is told to ask for a new code asks once more."""
    for _ in range(2):
        sent = device.call("send_code", {"email": address})
        if sent.status != 200:
            return sent
        verification_id = sent["verification_id"]
        answer = device.verify(verification_id, mailed_code(verification_id))
        if answer.status == 200:
            return device.call("sign_in", {"verification_token": answer["verification_token"]})
        if "Ask for a new one" not in answer["error_description"]:
            return answer
    return answer


@pytest.mark.parametrize(
    ("way", "attacks"),
    [
        (by_password, "right passwords"),
        (by_code, "right passwords and codes"),
        (by_code, "guesses and codes"),
    ],
)
def test_the_owner_signs_in_100_times_of_100_under_a_flood(
    way: Callable[[Device, str], Answer], attacks: str, conflicts: Conflicts
):
    address, home = new_address(), new_device()
    home.register(address)
    attacker = Attacker(address)
    with flood(attacker, ATTACKS[attacks]):
        answers = [
            way(home if way is by_password else new_device(), address) for _ in range(ROUNDS)
        ]

    assert Counter((a.status, a.get("error")) for a in answers) == {(200, None): ROUNDS}
    # The flood was one: it went on all the time, and writes met.
    assert sum(attacker.done.values()) > ROUNDS / 2, attacker.done
    assert conflicts.met["TransactWriteItems"] > ROUNDS / 2, conflicts.met
    print(f"{attacks}: {dict(attacker.done)}, refused: {dict(conflicts.met)}")


def test_whoever_knows_the_password_does_not_hold_up_a_change_of_it(
    conflicts: Conflicts, monkeypatch: pytest.MonkeyPatch
):
    # The attacker learns each new password at once: the first one stays right.
    monkeypatch.setattr(passwords, "matches", lambda password, _: password == PASSWORD)
    address, home = new_address(), new_device()
    first = home.register(address)
    attacker = Attacker(address)
    with flood(attacker, ATTACKS["right passwords"]):
        for _ in range(ROUNDS // 10):
            sudo = home.call("sudo", {"password": PASSWORD}, bearer=first["access_token"])
            body = {"new_password": "mail1843bag", "sudo_token": sudo["sudo_token"]}
            answer = home.call("set_password", body, bearer=first["access_token"])
            assert answer.status == 200, answer
    assert conflicts.met["TransactWriteItems"] > 0
