"""Values of secret-looking environment variables leave no trace."""

import pytest

from research.redaction import PLACE_HOLDER, Redactor


@pytest.mark.parametrize(
    "name",
    ["BYBIT_DEMO_KEY", "bybit_secret", "API_TOKEN", "DB_PASSWORD", "OKX_PASSPHRASE", "WALLET_PRIVATE", "MNEMONIC"],
)
def test_names_that_look_like_secrets(name: str) -> None:
    redact = Redactor({name: "x9f-33ab", "HOME": "/home/trader"})
    assert redact("key=x9f-33ab at /home/trader") == f"key={PLACE_HOLDER} at /home/trader"


def test_values_that_hold_each_other_and_lines_of_one() -> None:
    redact = Redactor(
        {"A_KEY": "abcdef", "B_KEY": "abcdef.ghijkl", "C_KEY": "-----line one\nline two-----", "D_KEY": "1"}
    )
    assert redact("abcdef.ghijkl|abcdef|line two-----|1") == "|".join([PLACE_HOLDER] * 3 + ["1"])


def test_nothing_to_hide() -> None:
    assert Redactor({"PATH": "/usr/bin", "EMPTY_KEY": ""})("/usr/bin text") == "/usr/bin text"
