"""One local stack for all journeys of a run: the deployed template, with IAM enforced."""

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
PARTS = 2
"""The files can run in so many parts at the same time, each with a stack of its own."""
# They are dealt out first, so that both parts take about as long (--durations=0 shows it).
_SLOW = ["mail", "recovery", "upgrade", "bootstrap", "hooks", "description", "siege"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "last: checks what all other tests have left")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--part", type=int, choices=range(1, PARTS + 1), help="run one part of the files"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the files of this part, and put last what looks at all that the others have left."""
    files = sorted({item.path for item in items if not _is_last(item)})
    slow = [file for name in _SLOW for file in files if file.stem == f"test_{name}"]
    part = config.getoption("--part")
    dealt = [*slow, *(file for file in files if file not in slow)]
    mine = dealt[part - 1 :: PARTS] if part else dealt
    others = [item for item in items if not _is_last(item) and item.path not in mine]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]
    items.sort(key=_is_last)


def _is_last(item: pytest.Item) -> bool:
    return item.get_closest_marker("last") is not None


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Return the stack. Its build is kept between runs; its tables start empty."""
    part = request.config.getoption("--part")
    try:
        with running(ROOT / f".local/e2e{part or ''}", PARAMETERS) as started:
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
