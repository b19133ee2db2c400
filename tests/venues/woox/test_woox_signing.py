"""Signatures equal those of the venue's documentation, and of another program."""

import re
from pathlib import Path

from market.messages import AmendOrder, CancelOrder, PlaceOrder
from market.units import MS
from tests.venues.woox.woox_wire import BTC
from venues.woox.requests import OrderRequests
from venues.woox.signing import Signer

KEY, SECRET = "keyOfATest", "secretOfATest"


def test_signatures_of_a_body_and_of_a_query() -> None:
    """Both are what `openssl dgst -sha256 -hmac` makes of the same."""
    signer = Signer(KEY, SECRET)
    headers = signer.headers("POST", "/v3/trade/order", b'{"symbol":"PERP_BTC_USDT"}', 1_700_000_000_123 * MS + 999_999)
    assert dict(headers) == {
        "x-api-key": KEY,
        "x-api-timestamp": "1700000000123",
        "x-api-signature": "8ce9ac0a6e24dabb4c499f1841ffeda654c2d77997825cb675c0235761a9d73d",
    }
    target = "/v3/trade/orders?status=INCOMPLETE&size=500&page=1"
    assert (
        dict(signer.headers("GET", target, b"", 1_700_000_000_123 * MS))["x-api-signature"]
        == "fa522d69b66da4d8ed345f7e8e2eaf6dfe3374101e1645e225c8d11a7e4f8f63"
    )


def test_signatures_of_the_facts(shared: Path) -> None:
    sheet = (shared / "venues/woox.md").read_text()
    secret = re.search(r"secret `(\w+)`", sheet)
    rows = re.findall(r"^\| (v3 \w+|listenKey): `(.+)` \| `([0-9a-f]{64})`", sheet, re.MULTILINE)
    assert secret is not None
    assert {name for name, _, _ in rows} == {"v3 GET", "v3 POST", "v3 PUT", "v3 DELETE", "listenKey"}
    signer = Signer(KEY, secret[1])
    for name, text, signature in rows:
        assert signer.signature(text.encode()) == signature, name

    # and our own requests sign the same texts
    requests = OrderRequests((BTC,), signer)
    now = 1_578_565_539_808 * MS
    at = {name: (text, signature) for name, text, signature in rows}
    place = requests.of(PlaceOrder(42, BTC.id, 1, 600_000, 100, 4), now)
    assert place.body.decode() == at["v3 POST"][0].partition("/v3/trade/order")[2].replace("60000", "60000.0").replace(
        "0.001", "0.00100"
    )
    key = requests.send("POST", "/v3/account/listenKey", {"type": "WEBSOCKET"}, now)
    assert dict(key.headers)["x-api-signature"] == at["listenKey"][1]
    cancel = requests.of(CancelOrder(-13, BTC.id), now)
    assert f"{now // MS}DELETE{cancel.target}" == at["v3 DELETE"][0]
    assert dict(cancel.headers)["x-api-signature"] == at["v3 DELETE"][1]
    amend = requests.of(AmendOrder(-13, BTC.id, 600_010, 100), now)
    assert (amend.method, amend.body) == ("PUT", b'{"orderId":13,"price":"60001.0","quantity":"0.00100"}')


def test_a_signer_never_shows_its_key() -> None:
    shown = repr(Signer(KEY, SECRET))
    assert KEY not in shown
    assert SECRET not in shown
