from pathlib import Path

import pytest

from venues.connection import Credentials, VenueConnection, addresses_of, credentials_of, read_env_file
from venues.venue import Connect, SendFrame


def test_a_key_comes_from_the_environment_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# keys\n\nLOCKSTEP_WOO_X_KEY=of-file\nexport LOCKSTEP_WOO_X_SECRET='of-file'\n")
    assert credentials_of("woo-x", {}, file) == Credentials("of-file", "of-file")
    assert credentials_of("woo-x", {"LOCKSTEP_WOO_X_KEY": "mine"}, file) == Credentials("mine", "of-file")


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ValueError, match="set LOCKSTEP_BYBIT_SECRET in the environment"):
        credentials_of("bybit", {"LOCKSTEP_BYBIT_KEY": "k"})


def test_no_key_is_ever_shown(tmp_path: Path) -> None:
    shown = Credentials("the-key", "the-secret")
    assert "the-" not in f"{shown!r}{shown}"
    with pytest.raises(ValueError, match="secret is empty") as failure:
        Credentials("the-key", "bad secret")
    assert "the-key" not in str(failure.value)
    assert "bad" not in str(failure.value)
    file = tmp_path / ".env"
    file.write_text("A=1\nhush hush\n")
    with pytest.raises(ValueError, match="line 2: expected NAME=value") as failure:
        read_env_file(file)
    assert "hush" not in str(failure.value)
    for each in (Connect("private", "/ws/listen-key"), SendFrame("trade", b"sign-on")):
        assert "listen-key" not in repr(each)
        assert "sign-on" not in repr(each)


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("ws://stream.bybit.com", "not encrypted"),
        ("http://10.0.0.1:80", "not encrypted"),
        ("stream.bybit.com", "no address"),
        ("wss://stream.bybit.com/v5", "more than scheme"),
        ("wss://me@stream.bybit.com", "more than scheme"),
    ],
)
def test_an_address_that_is_open_to_others_is_refused(address: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        VenueConnection("mainnet", sockets={"public": address})


def test_addresses_are_the_usual_ones_unless_given() -> None:
    usual = addresses_of("bybit", VenueConnection("demo"))
    assert usual.rest == "https://api-demo.bybit.com"
    assert "trade" not in usual.sockets
    given = VenueConnection("custom", "http://127.0.0.1:1", {"default": "ws://127.0.0.1:2", "trade": "ws://[::1]:3/"})
    found = addresses_of("bybit", given)
    assert found.rest == "http://127.0.0.1:1"
    assert dict(found.sockets) == {
        "public": "ws://127.0.0.1:2",
        "private": "ws://127.0.0.1:2",
        "trade": "ws://[::1]:3",
    }


def test_custom_needs_addresses_and_others_no_authority_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs `rest` and `sockets`"):
        VenueConnection("custom")
    with pytest.raises(ValueError, match="real venues need none"):
        VenueConnection("mainnet", ca_file=tmp_path)
