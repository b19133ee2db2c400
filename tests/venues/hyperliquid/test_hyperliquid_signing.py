"""Signatures are those of the venue's own client, nonces never repeat, and numbers are written as they are hashed."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.messages import AmendOrder, CancelOrder, OrderFlag, PlaceOrder
from market.units import MS, SECOND
from tests.venues.hyperliquid.hyperliquid_wire import listed, recorded
from venues.connection import Credentials
from venues.hyperliquid.accounts import account_of
from venues.hyperliquid.nonces import Nonces
from venues.hyperliquid.order_ids import client_id_of, cloid_of
from venues.hyperliquid.requests import OrderActions, number_text
from venues.hyperliquid.signing import Signer, action_hash, address_bytes
from venues.wire import RemoteProtocolError

KEY = "0x" + "0123456789" * 6 + "0123"  # the dummy key of the venue's own tests
ADDRESS = "0x14791697260e4c9a71f18484c9f997b308e59325"
VAULT = "0x1719884eb866cb12b2287399b15f7db5e7d775ea"
ORDER = {
    "a": 1,
    "b": True,
    "p": "2500.5",
    "s": "0.01",
    "r": False,
    "t": {"limit": {"tif": "Alo"}},
    "c": "0x00000000000000000000000000000001",
}


def order(price: str, size: str, tif: str, asset: int = 1) -> dict[str, Any]:
    terms = {"a": asset, "b": True, "p": price, "s": size, "r": False, "t": {"limit": {"tif": tif}}}
    return {"type": "order", "orders": [terms], "grouping": "na"}


# action, nonce, expiry in ms, vault, hash, r, s, v on mainnet
VECTORS: list[tuple[dict[str, Any], int, int | None, str, str, str, str, int]] = [
    (
        order("100", "100", "Gtc"),
        0,
        None,
        "",
        "884f2c32bb6dbdd65f6033e32fb28c0cb6f5b345db0f6471fd3366d85c9252c1",
        "0xd65369825a9df5d80099e513cce430311d7d26ddf477f5b3a33d2806b100d78e",
        "0x2b54116ff64054968aa237c20ca9ff68000f977c93289157748a3162b6ea940e",
        28,
    ),
    (
        order("1670.1", "0.0147", "Ioc", 4),
        1677777606040,
        None,
        "",
        "0fcbeda5ae3c4950a548021552a4fea2226858c4453571bf3f24ba017eac2908",
        "0xe302c107c0048633293299b066317048f69f685aa4f536fe56c050efaf04996c",
        "0x70e01d4d26e3d724fb8f8ab54b3f2544a37ea1b092f83532349405274f3f3962",
        28,
    ),
    (
        {"type": "order", "orders": [ORDER], "grouping": "na"},
        1700000000000,
        1700000005000,
        "",
        "9748f7f6f742f4e43a3a2777aababcc5fe25dba732e1ae6e3c0ea828c0a21d03",
        "0xbb3b6385e114bb39fda3ef945676e6c14718a0818d902725d5b4cb6b4546da15",
        "0x4bf6c7a5547f3b16334bf50080a21db34a90defd7a1663560c9dc980258f3106",
        27,
    ),
    (
        {"type": "cancelByCloid", "cancels": [{"asset": 1, "cloid": ORDER["c"]}], "f": True},
        1700000000001,
        None,
        "",
        "de60d9432c46c04c69744a0c8c69a94b3e9acbc4750d885fc614f3659a744dd7",
        "0x762bfb13a8319bb9964075a96a303bf983f220aea72247e554ecf099975cd358",
        "0x56cc944676716d3ed8eabb3877c086962ccf6fc393bb41cb4929363442e312c0",
        28,
    ),
    (
        {"type": "cancel", "cancels": [{"a": 1, "o": 77738308}]},
        1700000000002,
        None,
        VAULT,
        "35affb620f641d18d6ab18c6379a80aa82a003fade4c77571cad49cf63f50a43",
        "0x5f2dce841cdb2e8e109a6c42b1006e486d179effb7a62b53c947a7be272c2fb",
        "0x5455f3401c246fb51351408caf9e509aeedf3cf08e54491f35d1f351642f3e84",
        27,
    ),
    (
        {"type": "scheduleCancel", "time": 123456789},
        0,
        None,
        "",
        "4be18e445114437c5d1d9dd35a09f5601a3cc34ed4ac94a0281251b9bd8f6832",
        "0x609cb20c737945d070716dcc696ba030e9976fcf5edad87afa7d877493109d55",
        "0x16c685d63b5c7a04512d73f183b3d7a00da5406ff1f8aad33f8ae2163bab758b",
        28,
    ),
    (
        {"type": "batchModify", "modifies": [{"oid": 77738308, "order": ORDER}]},
        1700000000003,
        None,
        "",
        "b9aa4898ca29bb4d2116d0350ca4539aa80f857f781262ea0dd4b4ac433fbb5e",
        "0xcaf9c0a7c09ef0b61954be2d1f20fec355815b622ad032d23a4fa0d3e863f04b",
        "0x7def5c4a5bb0cf9769af03312c060cc71be16fc472d1895cf6147b7905637b99",
        27,
    ),
]


@pytest.mark.parametrize(("action", "nonce", "expiry", "vault", "digest", "r", "s", "v"), VECTORS)
def test_known_actions_are_signed_as_known(
    action: dict[str, Any], nonce: int, expiry: int | None, vault: str, digest: str, r: str, s: str, v: int
) -> None:
    expires = None if expiry is None else expiry * MS
    assert action_hash(action, nonce, address_bytes(vault) if vault else None, expires).hex() == digest
    signer = Signer(KEY, is_mainnet=True, vault=vault)
    assert signer.address == ADDRESS
    assert signer.sign(action, nonce, expires) == {"r": r, "s": s, "v": v}


def test_the_vectors_of_the_venues_own_client(shared: Path) -> None:
    n_checked = 0
    for line in recorded(shared, "signing_vectors.sdk"):
        message = line["msg"]
        for name, call in message["calls"].items():
            if call["fn"] != "sign_l1_action":
                continue  # moves money, which nothing here does
            action = message["input"]
            if call["args"][0] == "order_action":
                terms = order("100", "100", "Gtc")["orders"][0]
                if action["cloid"]:
                    terms["c"] = action["cloid"]
                action = {"type": "order", "orders": [terms], "grouping": "na"}
            signer = Signer(KEY, is_mainnet=name != "signature_testnet")
            assert signer.sign(action, 0) == message["expected"][name]
            n_checked += 1
    assert n_checked == 8


def test_an_action_is_made_with_its_keys_in_order() -> None:
    eth = listed("ETH", 4)
    actions = OrderActions([eth], {"ETH": 1})
    placed = PlaceOrder(1, 0, 1, eth.ticks(2500.5), 100, int(OrderFlag.POST_ONLY))
    made = actions.place([placed])
    assert action_hash(made, 1700000000000, None, 1700000005000 * MS).hex() == VECTORS[2][4]
    cancel = actions.cancel([CancelOrder(1, 0)])
    assert list(cancel) == ["type", "cancels"]
    assert cancel["cancels"] == [{"asset": 1, "cloid": ORDER["c"]}]
    assert actions.cancel([CancelOrder(-77738308, 0)]) == VECTORS[4][0]
    amended = actions.amend(AmendOrder(1, 0, placed.price, 100), placed, 100)
    assert amended == {"type": "batchModify", "modifies": [{"oid": ORDER["c"], "order": ORDER}]}
    for flags in (OrderFlag.FOK, OrderFlag.POST_ONLY | OrderFlag.IOC):
        with pytest.raises(ValueError, match="no order at hyperliquid"):
            actions.place([PlaceOrder(1, 0, 1, 1000, 1, int(flags))])
    with pytest.raises(ValueError, match="worst price"):
        actions.place([PlaceOrder(1, 0, 1, 0, 1, int(OrderFlag.MARKET))])


@given(st.decimals(min_value="0.000001", max_value=10**9, places=6))
def test_a_number_has_no_zeros_at_its_end(number: Decimal) -> None:
    text = number_text(f"{number:f}")
    assert Decimal(text) == number
    assert "." not in text or text[-1] not in "0."
    assert "e" not in text.lower()


@given(st.lists(st.integers(-50, 400), min_size=1, max_size=300))
def test_nonces_never_repeat_and_stay_near_the_clock(steps: list[int]) -> None:
    """In one life, and over a restart at any time, whatever was sent before it."""
    now, taken = 1_700_000_000 * SECOND, []
    nonces = Nonces(now)
    for step in steps:
        if step < 0:  # a new life
            nonces = Nonces(now)
        now += max(step, 0) * MS // 100
        nonce = nonces.take(now)
        if nonce is None:
            assert nonces.free_at() > now
        else:
            taken.append(nonce)
            assert nonce <= now // MS + 200
    assert len(set(taken)) == len(taken)
    assert taken == sorted(taken)


@given(st.integers(0, (1 << 63) - 1))
def test_an_id_of_ours_comes_back(client_id: int) -> None:
    assert client_id_of(cloid_of(client_id), 5) == client_id


def test_orders_of_others_are_named_by_the_venue() -> None:
    assert client_id_of(None, 77) == -77
    assert client_id_of("0xe8d5fd7ebbb4c3cff4d1803472a11463", 77) == -77
    for cloid, oid in (("0x12", 5), ("0x" + "g" * 32, 5), (None, 0)):
        with pytest.raises(RemoteProtocolError):
            client_id_of(cloid, oid)
    with pytest.raises(ValueError, match="none of ours"):
        cloid_of(-1)


def test_a_key_is_an_address_and_never_shown() -> None:
    account = account_of(Credentials(f"vault:{VAULT.upper().replace('0X', '0x')}", KEY), "mainnet")
    assert (account.address, account.is_vault, account.signer.vault) == (VAULT, True, VAULT)
    assert account_of(Credentials(VAULT, KEY), "testnet").signer.vault == ""
    assert KEY[2:] not in repr(account)
    for key, secret in (("0x12", KEY), (VAULT, "0x" + "z" * 64), (VAULT, "12")):
        with pytest.raises(ValueError, match="hyperliquid") as refused:
            account_of(Credentials(key, secret), "mainnet")
        assert secret not in str(refused.value)
