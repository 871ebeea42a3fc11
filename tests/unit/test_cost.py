"""The bill that bench/cost.py computes of what it has measured."""

import pytest

from bench.cost import PRICES, USERS, bill

MONTH = dict.fromkeys(PRICES, 0.0)


@pytest.mark.parametrize("users", USERS)
def test_what_each_user_takes_is_billed_by_its_price(users: int):
    nothing, mails = bill(MONTH, users), bill(MONTH | {"SES: mails": 2}, users)
    assert mails.pop("SES: mails") == pytest.approx(users * 2 * 0.10 / 1_000)
    assert nothing.pop("SES: mails") == 0
    assert mails == nothing


def test_starts_of_containers_are_billed_by_requests():
    nothing, used = bill(MONTH, 1_000), bill(MONTH | {"Lambda: requests": 10}, 1_000)
    # 0.3 of 10,000 requests start a container, which takes a second of 1 GB and unwraps two keys.
    gb_seconds = "Lambda: GB-seconds, arm64"
    assert used[gb_seconds] - nothing[gb_seconds] == pytest.approx(3_000 * 0.0000133334)
    assert used["KMS: requests"] - nothing["KMS: requests"] == pytest.approx(6_000 * 0.000003)


def test_what_does_not_depend_on_users_is_billed_once():
    fixed = ("KMS: key", "CloudWatch: dashboard", "CloudWatch: metrics in alarms")
    assert len({tuple(bill(MONTH, users)[name] for name in fixed) for users in USERS}) == 1
    # Twenty alarms, of which four look at two statistics of a metric.
    assert bill(MONTH, 1_000)["CloudWatch: metrics in alarms"] == pytest.approx(2.40)


def test_a_unit_without_a_price_is_no_part_of_a_bill():
    with pytest.raises(KeyError, match="Route 53"):
        bill(MONTH | {"Route 53: queries": 1}, 1_000)
