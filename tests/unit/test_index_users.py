import pytest

from latchkey import aws
from latchkey.operators import indexing
from tests.unit.conftest import Answer
from tests.unit.operators import operate
from tests.unit.test_operator_read import listed, people, subs


def forget() -> None:
    """Make the users as those of 0.1.0 are: in no list."""
    for item in aws.dynamodb().scan(TableName="Accounts")["Items"]:
        aws.dynamodb().update_item(
            TableName="Accounts", Key={"pk": item["pk"]}, UpdateExpression="REMOVE directory, entry"
        )


def test_users_of_an_older_release_are_listed(monkeypatch: pytest.MonkeyPatch):
    made = people(5)
    forget()
    assert subs(listed()) == []
    monkeypatch.setattr(indexing, "PAGE", 4)
    items, cursor = 0, ""
    while True:
        page = operate("index_users", "users.reindex", cursor=cursor)["result"]
        items += page["items"]
        cursor = page["cursor"]
        if not cursor:
            break
    assert items == 15
    assert subs(listed()) == made
    assert subs(listed(order="address")) == made
    assert subs(listed(order="username", prefix="person_003")) == [made[3]]


def test_what_is_listed_stays_and_nobody_is_changed(ada: Answer):
    before = aws.dynamodb().scan(TableName="Accounts")["Items"]
    assert operate("index_users", "users.reindex")["result"] == {"items": 0, "cursor": ""}
    assert aws.dynamodb().scan(TableName="Accounts")["Items"] == before
