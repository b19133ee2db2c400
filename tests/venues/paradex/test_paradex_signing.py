"""Hashes and signatures are those of the venue's own client; the Stark curve is as specified."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.units import MS, SECOND
from venues.connection import Credentials
from venues.paradex import signing
from venues.paradex.curve import ORDER, PRIME, public_key_of, sign
from venues.paradex.signing import Signer, domain_hash, pedersen, short, type_hash

ADDRESS = "0x129c135ed63df9353885e292be4426b8ed6122b13c6c0e1bb787288a1f5adfa"
KEY = "0x543b6cf6c91817a87174aaea4fb370ac1c694e864d7740d728f8344d53e815"  # of the client's own tests
PUBLIC = "0x2c144d2f2d4fc61b6f8967f3ba0012a87d90140bcfe5a3e92e8df83258c960f"
CHAIN = "PRIVATE_SN_POTC_SEPOLIA"
BETA = 0x6F21413EFBE40DE150E596D72F7A8C5609AD26C15C915C1F4CDFCB99CEE9E89

AT = 1_700_000_000_000 * MS
ORDER_TERMS = ("ETH-USD-PERP", 1, "LIMIT", 10_000_000, 150_050_000_000)


@pytest.fixture
def signer() -> Signer:
    return Signer(ADDRESS, KEY, CHAIN)


def pair(text: str) -> list[int]:
    return [int(each) for each in text.strip("[]").replace('"', "").split(",")]


def test_known_hashes(signer: Signer) -> None:
    assert pedersen(1, 2) == 0x5BB9440E27889A364BCB678B1F679ECD1347ACDEDCBF36E83494F857CC58026
    assert domain_hash(CHAIN) == 0x38B9242CB46EB19FF458C80A8F0EDA7E8E26D8D6D54A63D9B5ED89750E39EF2
    assert signer.public_key == PUBLIC
    assert type_hash("Constant(action:felt)") == 0xE84BBCB68E0F7C73A9058BA82B6DA9C1FFDC502EFCF034E78B0C003C22ECC9
    onboarding = signer.message_hash("Constant(action:felt)", [short("Onboarding")])
    assert onboarding == 0xD38FCA3E24662DEA69B9BC6699DBAF95D018C8FB7C9940F51AABB813E8D8BF
    assert sign(onboarding, int(KEY, 16)) == (
        1921385330322077821027587838277236767537286699219900147326335214350127528518,
        2616977197467235637779630695674544183962440344249194051085029881655264180190,
    )


def test_known_signatures(signer: Signer) -> None:
    assert pair(signer.login(1_700_000_000 * SECOND, 1_700_086_400 * SECOND)) == [
        2192935439730131607662997131208054026949726459969412116134384944448151621459,
        2219714179894441360568041093954759563206768091396991311344137061352729392920,
    ]
    assert pair(signer.order(AT, *ORDER_TERMS)) == [
        1796128483096435965605051390089118090724623871659793448531367757954377522454,
        454787555360637510937004494691934796713959130590274220640281747510952172166,
    ]
    assert pair(signer.modify(AT, *ORDER_TERMS, "1681462103821101699438490000")) == [
        2293334630978159755404968955816943282451389229804416405854025873150920828373,
        805468220314182443704549394615726844492899852274696861079169646482259804025,
    ]


@settings(max_examples=20, deadline=None)
@given(st.integers(1, ORDER - 1), st.integers(0, 2**251 - 1))
def test_a_signature_is_verified_by_the_plain_equation(key: int, message: int) -> None:
    """By points added the slow way, in the curve's own coordinates."""
    r, s = sign(message, key)
    w = pow(s, -1, ORDER)
    left = _times(message * w % ORDER, (GX, GY))
    public = _times(key, (GX, GY))
    assert public is not None
    assert public[0] == public_key_of(key)
    total = _plus(left, _times(r * w % ORDER, public))
    assert total is not None
    assert total[0] == r


GX = 0x1EF15C18599971B7BECED415A40F0C7DEACFD9B0D1819E03D723D8BC943CFCA
GY = 0x5668060AA49730B7BE4801DF46EC62DE53ECD11ABE43A32873000C36E8DC1F
Point = tuple[int, int] | None


def test_the_generator_is_on_the_curve_and_of_its_order() -> None:
    assert (GX**3 + GX + BETA - GY**2) % PRIME == 0
    assert _times(ORDER, (GX, GY)) is None


def _plus(a: Point, b: Point) -> Point:
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % PRIME == 0:
            return None
        slope = (3 * a[0] ** 2 + 1) * pow(2 * a[1], -1, PRIME)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, PRIME)
    x = (slope**2 - a[0] - b[0]) % PRIME
    return x, (slope * (a[0] - x) - a[1]) % PRIME


def _times(number: int, point: Point) -> Point:
    total: Point = None
    while number:
        if number & 1:
            total = _plus(total, point)
        point, number = _plus(point, point), number >> 1
    return total


def test_what_is_no_key_is_refused_and_not_quoted() -> None:
    for account, secret in (("nobody", KEY), (ADDRESS, "zz"), (ADDRESS, "0x0"), (ADDRESS, hex(ORDER))):
        with pytest.raises(ValueError, match="paradex") as refused:
            Signer(account, secret, CHAIN)
        assert secret not in str(refused.value)
    assert KEY not in repr(Signer(ADDRESS, KEY, CHAIN))
    assert KEY not in repr(Credentials(ADDRESS, KEY))
    with pytest.raises(ValueError, match="short string"):
        short("x" * 32)
    assert signing.chain_of("mainnet") == "PRIVATE_SN_PARACLEAR_MAINNET"
