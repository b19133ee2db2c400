"""Signatures on the Stark curve, against known answers of the venue's own client."""

import pytest

from sim.emulator.paradex.stark import is_signed, message_hash, public_key_of

ADDRESS = 0x129C135ED63DF9353885E292BE4426B8ED6122B13C6C0E1BB787288A1F5ADFA
PRIVATE = 0x543B6CF6C91817A87174AAEA4FB370AC1C694E864D7740D728F8344D53E815
PUBLIC = 0x2C144D2F2D4FC61B6F8967F3BA0012A87D90140BCFE5A3E92E8DF83258C960F
VALUES: list[int | str] = [1700000000000, "ETH-USD-PERP", 1, "LIMIT", 10_000_000, 150_050_000_000]
HASH = 0x6593A88016EB88F18942EAB88DE535A69B0D3A66FE4B885C894D34829281934
ONBOARDING_HASH = 0xD38FCA3E24662DEA69B9BC6699DBAF95D018C8FB7C9940F51AABB813E8D8BF
ONBOARDING = (
    1921385330322077821027587838277236767537286699219900147326335214350127528518,
    2616977197467235637779630695674544183962440344249194051085029881655264180190,
)


def text(r: int, s: int) -> str:
    return f'["{r}","{s}"]'


def test_known_answers_hold() -> None:
    assert public_key_of(PRIVATE) == PUBLIC
    assert message_hash(ADDRESS, "order", VALUES) == HASH
    assert message_hash(ADDRESS, "onboarding", ["Onboarding"]) == ONBOARDING_HASH
    assert is_signed(ONBOARDING_HASH, text(*ONBOARDING), PUBLIC)
    r, s = ONBOARDING
    assert is_signed(ONBOARDING_HASH, f'["{r:#x}","{s:#x}"]', PUBLIC)


@pytest.mark.parametrize("change", [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)])
def test_any_change_breaks_a_signature(change: tuple[int, int, int, int]) -> None:
    r, s = ONBOARDING
    signed = [value + more for value, more in zip((ONBOARDING_HASH, r, s, PUBLIC), change, strict=True)]
    assert not is_signed(signed[0], text(signed[1], signed[2]), signed[3])


@pytest.mark.parametrize("signature", ["", "[]", '["1"]', '["a","b"]', '["0","0"]'])
def test_what_is_no_signature_is_refused(signature: str) -> None:
    assert not is_signed(HASH, signature, PUBLIC)
