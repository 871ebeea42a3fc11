import pytest

from tests.unit.conftest import Answer, Call


def test_the_address_is_what_the_user_signs_in_with(call: Call, ada: Answer):
    assert call("list_providers", bearer=ada["access_token"]) == {
        "total": 1,
        "data": [
            {"id": "email", "name": "E-mail", "provider_user_name": "ada@example.com", "bind": True}
        ],
    }


@pytest.mark.parametrize("bearer", ["", "nonsense"])
def test_nobody_has_no_providers(call: Call, bearer: str):
    assert call("list_providers", bearer=bearer).status == 401
