"""The registrar's SMS, and what is none."""

import pytest

from sayso.phone.core.codes import code_in


def test_what_the_registrar_writes_is_read() -> None:
    assert code_in("Sayso code: 012345") == "012345"
    assert code_in(" Chat for Bremen code: 123456\n") == "123456"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "123456",
        "Your bank says: 123456 is your code",
        "Sayso code: 12345",
        "Sayso code: 1234567",
        "Sayso code: 123456 or 654321",
        "Sayso 123 code: 123456",
        "Sayso code: \u0661\u0662\u0663\u0664\u0665\u0666",
        "line one\nSayso code: 123456",
        "x" * 65 + " code: 123456",
    ],
)
def test_anything_else_is_a_message(text: str) -> None:
    assert code_in(text) is None
