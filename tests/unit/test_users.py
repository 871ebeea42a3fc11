import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchkey import errors, users


@given(st.emails())
def test_normalising_an_address_twice_changes_nothing(text: str):
    try:
        once = users.canonical_address(text)
    except errors.InvalidArgument:
        return
    assert users.canonical_address(once) == once


@given(st.text(), st.text())
def test_only_ascii_case_makes_two_texts_one_address(left: str, right: str):
    try:
        same = users.canonical_address(left + "@a.bc") == users.canonical_address(right + "@a.bc")
    except errors.InvalidArgument:
        return
    assert same == (left.encode().lower() == right.encode().lower())


@pytest.mark.parametrize(
    "address",
    ["a@b.co", "first.last+tag@sub.example.co.uk", "o'brien@example.com", "a@xn--mnchen-3ya.de"],
)
def test_common_addresses_are_addresses(address: str):
    assert users.canonical_address(address) == address


@pytest.mark.parametrize("length", [254, 255])
def test_an_address_has_254_characters(length: int):
    local, end = "a" * 64, ".com"
    domain = ".".join(["b" * 61] * 3)
    address = f"{local}@{domain}" + "c" * (length - 64 - 1 - len(domain) - len(end)) + end
    assert len(address) == length
    assert users.looks_like_address(address) == (length == 254)
