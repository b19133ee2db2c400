"""The venue's own SDK, which knows nothing of us, trades on the emulated Paradex; and signs as we do."""

import random
from decimal import Decimal
from typing import Any

import pytest

from market.units import MS, SECOND
from sim.emulator import EmulatorConfig, VenueSection, open_emulator
from sim.emulator.paradex import stark
from tests.sim.emulator.clients import run_client
from venues.paradex.curve import ORDER
from venues.paradex.signing import TEST_CHAIN, Signer

CANCELLED = "QUEUED_FOR_CANCELLATION"


@pytest.mark.realtime
@pytest.mark.slow
async def test_the_venues_own_sdk_trades(paradex_python: str) -> None:
    config = EmulatorConfig(venue=(VenueSection("paradex"),))
    async with open_emulator(config) as emulator:
        address = emulator.addresses["paradex"]
        task = {"rest": f"{address.rest}/v1", "socket": f"{address.private}/v1"}
        found = await run_client("paradex_py_client", task, paradex_python)
        truth = emulator.truth("paradex")

    assert found["complaints"] == []  # of the SDK's models, of messages it has no place for
    assert found["stranger"] == "NOT_ONBOARDED"
    assert 200 < found["token_life"] <= 300
    assert (found["chain"], found["state"]) == (TEST_CHAIN, "ok")
    assert found["markets"] == [["SOL-USD-PERP", "0.01", "0.01"]]
    assert found["depth"] == [5, 5]
    bid, ask = map(Decimal, found["touch"])
    assert 0 < bid < ask < bid * Decimal("1.01")
    assert abs(Decimal(found["mark"]) / bid - 1) < Decimal("0.01")
    assert (found["account"], found["value"], found["balances"]) == ("ACTIVE", "100000", [["USDC", "100000"]])
    assert (found["connected"], found["hears"], found["silent"]) == (True, True, True)

    # by request
    assert (found["status"], found["open"], found["by_client_id"]) == ("NEW", [[True, "rest-1", True]], True)
    assert found["again"] == "DUPLICATED_CLIENT_ID"
    assert (found["forged"], found["forged_batch"]) == ("INVALID_ORDER_SIGNATURE", "INVALID_ORDER_SIGNATURE")
    assert found["late"] == "INVALID_TIMESTAMP"
    assert found["changed"] == [[True, True, "2.00"]]
    assert (found["left"], found["ended"]) == (0, ["CLOSED", "USER_CANCELED"])
    assert found["batch"] == ["rest-2", "rest-3"]
    assert found["batch_cancelled"] == [CANCELLED, "ALREADY_CLOSED", CANCELLED, "NOT_FOUND"]
    assert found["none"] == []

    # by calls on the socket
    assert (found["ws_open"], found["ws_changed"], found["ws_ended"]) == (True, True, True)
    assert (found["ws_cancelled"], found["ws_gone"]) == (CANCELLED, "ORDER_IS_CLOSED")
    assert found["would_cross"]
    assert found["by_ws_client_id"] == CANCELLED
    assert (found["ws_batch"], found["ws_batch_open"]) == ([["order"], ["error"], ["order"]], 2)
    assert found["ws_forged_batch"] == "INVALID_ORDER_SIGNATURE"
    assert found["ws_batch_cancelled"] == [CANCELLED, "ALREADY_CLOSED", "NOT_FOUND"]
    assert (found["all"], found["ws_none"]) == ("ok", [])
    assert (found["armed"], found["before"], found["after"]) == (True, [True], [])

    # both sides agree on what was traded
    assert (found["bought"], found["position"]) == (True, [["LONG", "1.00"]])
    assert (found["sold"], found["flat"], found["same"]) == (True, [["CLOSED", "0.00"]], True)
    sides = {"BUY": 1, "SELL": -1}
    theirs = [[sides[side], Decimal(price), Decimal(size)] for side, price, size, *_ in found["fills"]]
    assert theirs == [[f.side, Decimal(f.price) / 100, Decimal(f.size) / 100] for f in truth.fills]
    assert [round(Decimal(fee) * 10**12) for _, _, _, fee, *_ in found["fills"]] == [f.fee_e12 for f in truth.fills]
    assert [each[4:] for each in found["fills"]] == [["TAKER", "bought"], ["TAKER", "sold"]]
    assert truth.positions == {"SOL-USD-PERP": 0}
    assert truth.open_orders == ()


@pytest.mark.realtime
@pytest.mark.slow
async def test_the_venues_own_sdk_reads_binary_market_data_as_json(paradex_python: str) -> None:
    config = EmulatorConfig(venue=(VenueSection("paradex"),))
    async with open_emulator(config) as emulator:
        address = emulator.addresses["paradex"]
        task = {"rest": f"{address.rest}/v1", "socket": f"{address.public}/v1"}
        found = await run_client("paradex_py_binary", task, paradex_python)

    assert (found["complaints"], found["enough"]) == ([], True)
    assert {kind: differing for kind, (_, differing) in found["compared"].items()} == {
        "trades": [],
        "bbo": [],
        "order_book": [],
        "markets_summary": [],
    }


@pytest.mark.slow
async def test_the_venues_own_sdk_signs_as_we_do(paradex_python: str) -> None:
    chance = random.Random(20261128)
    keys = [1, ORDER - 1, *(chance.randrange(1, ORDER) for _ in range(2))]
    tasks: list[dict[str, Any]] = []
    for key in keys:
        orders = [_order(chance, is_amend=place % 2 == 1) for place in range(8)]
        account = hex(chance.randrange(1, stark.P))
        signer = Signer(account, hex(key), TEST_CHAIN)
        ours = [_signature(signer, order) for order in orders]
        until = 1_795_858_800
        login = signer.login((until - 86_400) * SECOND, until * SECOND)
        tasks.append(
            {"address": account, "secret": hex(key), "orders": orders, "ours": ours, "until": until, "login": login}
        )
    found = await run_client("paradex_py_signer", {"chain": TEST_CHAIN, "accounts": tasks}, paradex_python)

    for task, theirs in zip(tasks, found["accounts"], strict=True):
        address, public = int(task["address"], 16), int(theirs["public_key"], 16)
        assert Signer(task["address"], task["secret"], TEST_CHAIN).public_key == theirs["public_key"]
        assert (theirs["login"], theirs["verified_login"]) == (task["login"], True)
        assert theirs["verified"] == [True] * len(task["orders"])
        assert theirs["signatures"] == task["ours"]  # to the last bit: the nonces are made in the same way too
        for order, message, signature in zip(task["orders"], theirs["hashes"], theirs["signatures"], strict=True):
            kind, fields = _fields(order)
            assert stark.message_hash(address, kind, fields) == int(message, 16)
            assert stark.is_signed(int(message, 16), signature, public)


def _order(chance: random.Random, *, is_amend: bool) -> dict[str, Any]:
    """Return an order as texts, amounts with up to 8 decimals; one that is amended has the venue's id."""
    is_market = not is_amend and chance.random() < 0.3
    return {
        "timestamp": chance.randrange(1_700_000_000_000, 1_900_000_000_000),
        "market": chance.choice(
            ["BTC-USD-PERP", "kBONK-USD-PERP", "A-VERY-LONG-SYMBOL-OF31-USD-PERP"[:31], "0G-USD-PERP"]
        ),
        "side": chance.choice(["BUY", "SELL"]),
        "type": "MARKET" if is_market else "LIMIT",
        "size": _amount(chance),
        "price": "0" if is_market else _amount(chance),
        "id": str(chance.randrange(10**24, 10**28)) if is_amend else "",
    }


def _amount(chance: random.Random) -> str:
    amount = Decimal(chance.randrange(1, 10 ** chance.randrange(1, 16))).scaleb(-8)
    return f"{amount:f}"


def _e8(text: str) -> int:
    return int(Decimal(text).scaleb(8))


def _signature(signer: Signer, order: dict[str, Any]) -> str:
    side = 1 if order["side"] == "BUY" else -1
    terms = (order["timestamp"] * MS, order["market"], side, order["type"], _e8(order["size"]), _e8(order["price"]))
    return signer.modify(*terms, order["id"]) if order["id"] else signer.order(*terms)


def _fields(order: dict[str, Any]) -> tuple[str, list[int | str]]:
    """Return kind and fields of an order for the emulator's own hash."""
    side = 1 if order["side"] == "BUY" else 2
    amounts = (_e8(order["size"]), _e8(order["price"]))
    fields: list[int | str] = [order["timestamp"], order["market"], side, order["type"], *amounts]
    return ("modify", [*fields, order["id"]]) if order["id"] else ("order", fields)
