"""What `make invoke` says if it cannot invoke anything."""

from pathlib import Path

import pytest

from local import invoke, variables
from tests.ports import free_port

EVENT = "events/sign_in.json"
ASKED = "events/rotate_keys.cloudformation.json"


def said(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> str:
    monkeypatch.setattr("sys.argv", ["invoke", f"--home={home}", *words])
    assert invoke.main() == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["SignInn", EVENT], "FN: the template has no function 'SignInn', only ChangeEmail, "),
        (["Accounts", EVENT], "FN: the template has no function 'Accounts'"),
        (["CoreLayer", EVENT], "FN: the template has no function 'CoreLayer'"),
        (["", EVENT], "FN: the template has no function ''"),
        (["SignIn", "none.json"], "EVENT: none.json cannot be read: No such file or directory"),
        (["SignIn", "events"], "EVENT: events cannot be read: Is a directory"),
        (["SignIn", "README.md"], "EVENT: README.md is not JSON: "),
        (["RotateKeys", ASKED], f"EVENT: {ASKED} is of CloudFormation, "),
        (["SignIn", EVENT], "no local stack runs in "),
        (["SignIn"], "no local stack runs in "),
    ],
)
def test_a_sentence_says_what_is_missing(
    words: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    assert said(tmp_path, monkeypatch, capsys, *words).startswith(sentence)


def test_an_event_that_is_no_object_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    event = tmp_path / "list.json"
    event.write_text("[]")
    assert "is not a JSON object" in said(tmp_path, monkeypatch, capsys, "SignIn", str(event))


def test_a_stack_that_was_killed_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    end_point = f"http://{variables.CONTAINERS_HOST}:{free_port()}"
    (tmp_path / "env.json").write_text(f'{{"SignIn": {{"AWS_ENDPOINT_URL": "{end_point}"}}}}')
    assert said(tmp_path, monkeypatch, capsys, "SignIn", EVENT).startswith("no local stack runs")
