"""One local stack for all journeys: the deployed template, with IAM enforced."""

from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.client import IN_FLIGHT, Device, Inbox, NewDevice, new_address
from tests.e2e.stack import ROOT, NotReady, Stack, running

# All requests come from one source, and many of them are for one address. Tests of limits set the
# limits themselves.
PARAMETERS = (
    "CodeCooldownSeconds=0 CodesPerSourcePerHour=1000000 FailuresPerDay=1000000 Captcha=off"
    " UserExport=on"
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "last: checks what all other tests have left")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Return the stack. Its build is kept between runs; its tables start empty."""
    try:
        with running(ROOT / ".local/e2e", PARAMETERS) as started:
            yield started
    except NotReady as error:
        pytest.exit(str(error), returncode=3)


@pytest.fixture(scope="session")
def seen() -> set[str]:
    """Return all codes, tokens, passwords and addresses that were sent or received."""
    return set()


@pytest.fixture(scope="session")
def http(stack: Stack) -> Iterator[httpx.Client]:
    limits = httpx.Limits(max_connections=IN_FLIGHT)
    with httpx.Client(base_url=stack.api, timeout=90, limits=limits) as client:
        yield client


@pytest.fixture(scope="session")
def inbox(stack: Stack, seen: set[str]) -> Iterator[Inbox]:
    with httpx.Client(base_url=stack.inbox, timeout=20) as client:
        yield Inbox(client, seen)


@pytest.fixture
def new_device(http: httpx.Client, inbox: Inbox, seen: set[str]) -> NewDevice:
    return lambda: Device(http, inbox, seen)


@pytest.fixture
def device(new_device: NewDevice) -> Device:
    return new_device()


@pytest.fixture
def address() -> str:
    return new_address()
