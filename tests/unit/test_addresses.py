import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchkey import addresses, errors


@given(st.emails())
def test_normalising_an_address_twice_changes_nothing(text: str):
    try:
        once = addresses.canonical(text)
    except errors.InvalidArgument:
        return
    assert addresses.canonical(once) == once


@given(st.text(), st.text())
def test_only_case_makes_two_texts_one_address(left: str, right: str):
    try:
        same = addresses.canonical(left + "@a.bc") == addresses.canonical(right + "@a.bc")
    except errors.InvalidArgument:
        return
    assert same == (left.lower() == right.lower())


@given(st.text(min_size=1), st.sampled_from(["ada", "k", "ﬁ", "ß"]))
def test_what_is_not_ascii_never_becomes_an_ascii_address(text: str, rest: str):
    found = addresses.canonical_or_none(f"{text}{rest}@example.com")
    assert found is None or found.isascii() == (text + rest).isascii()


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("用户@例子.测试", "用户@xn--fsqu00a.xn--0zwm56d"),
        ("Müller@Bücher.example", "müller@xn--bcher-kva.example"),
        ("müller@XN--BCHER-KVA.example", "müller@xn--bcher-kva.example"),
        ("δοκιμή@παράδειγμα.δοκιμή", "δοκιμή@xn--hxajbheg2az3al.xn--jxalpdlp"),
        ("たろう太郎abc@example.com", "たろう太郎abc@example.com"),
    ],
)
def test_an_internationalised_address_has_one_spelling(typed: str, canonical: str):
    assert addresses.canonical_or_none(typed) == canonical
    assert addresses.canonical_or_none(canonical) == canonical


@pytest.mark.parametrize(
    "address",
    [
        "\u212aate@example.com",  # the Kelvin sign, which is canonically a K
        "ａda@example.com",  # full width
        "o\ufb03ce@example.com",  # a ligature
        "mu\u0308ller@example.com",  # decomposed
        "a\u0434a@example.com",  # Latin and Cyrillic
        "ada@ex\u0430mple.com",  # Cyrillic within a label
        "a\u200dda@example.com",  # a joiner
        "ada\u202e@example.com",  # an override of direction
        "😀@example.com",
        "ada@exa_mple.com",
        "ada@ＥXAMPLE.com",
        "用" * 22 + "@example.com",  # 66 octets
    ],
)
def test_a_look_alike_is_no_address(address: str):
    assert addresses.canonical_or_none(address) is None


@pytest.mark.parametrize(
    "address",
    ["a@b.co", "first.last+tag@sub.example.co.uk", "o'brien@example.com", "a@xn--mnchen-3ya.de"],
)
def test_common_addresses_are_addresses(address: str):
    assert addresses.canonical(address) == address


@pytest.mark.parametrize("length", [254, 255])
def test_an_address_has_254_characters(length: int):
    local, end = "a" * 64, ".com"
    domain = ".".join(["b" * 61] * 3)
    address = f"{local}@{domain}" + "c" * (length - 64 - 1 - len(domain) - len(end)) + end
    assert len(address) == length
    assert (addresses.canonical_or_none(address) is not None) == (length == 254)
