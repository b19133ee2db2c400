"""Signatures equal those that the venue's own client makes of the same."""

from market.units import MS
from venues.bybit.signing import Signer

KEY, SECRET = "testApiKey0001", "testApiSecret0001"
NOW = 1_760_000_000_000 * MS
ORDER = (
    '{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.010","price":"65000.10",'
    '"timeInForce":"PostOnly","orderLinkId":"mm-1_a","positionIdx":0,"reduceOnly":false}'
)


def test_signatures_of_a_query_and_a_body() -> None:
    signer = Signer(KEY, SECRET)
    assert dict(signer.headers("category=linear&symbol=BTCUSDT", NOW + 999_999)) == {
        "X-BAPI-API-KEY": KEY,
        "X-BAPI-TIMESTAMP": "1760000000000",
        "X-BAPI-RECV-WINDOW": "5000",
        "X-BAPI-SIGN": "8f8ba33eb1986b2ee8860ac995f7de2e2095810ce6dba0aefd36eaa32781db53",
    }
    signature = dict(signer.headers(ORDER, NOW))["X-BAPI-SIGN"]
    assert signature == "f035a5a777cfb534920f4d4ff06e9eaf19b7cb9df73008cc2beac358efef7606"


def test_signature_of_a_sign_on() -> None:
    expected = "1a5aa18ae1935a1f5dedef978fa496e3bbaf341e858aee459fd71ec3809e58ad"
    assert Signer(KEY, SECRET).sign_on(1760000001000) == (KEY, 1760000001000, expected)


def test_a_signer_never_shows_its_key() -> None:
    shown = repr(Signer(KEY, SECRET))
    assert KEY not in shown
    assert SECRET not in shown
