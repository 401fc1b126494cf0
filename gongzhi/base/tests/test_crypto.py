"""Numbers hidden from strangers."""

from hypothesis import given
from hypothesis import strategies as st

from gongzhi.base import crypto


@given(st.integers(0, 2**63 - 1))
def test_a_veiled_number_is_read_again_for_the_same_purpose_only(number: int) -> None:
    shown = crypto.veil("a", number)
    assert len(shown) == 32 and crypto.unveil("a", shown) == number and shown == crypto.veil("a", number)
    assert crypto.unveil("b", shown) is None


@given(st.text() | st.text("0123456789abcdef", min_size=32, max_size=32))
def test_nothing_else_is_a_veiled_number(text: str) -> None:
    assert crypto.unveil("a", text) is None
