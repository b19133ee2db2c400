"""Signatures of Starknet, checked: typed data, Pedersen hashes, ECDSA on the Stark curve with only x of the key known.

Written from Starknet's specification alone, as its client is not to be judged by its own code.
"""

import hashlib
from functools import cache
from typing import Final

from Crypto.Hash import keccak
from crypto_cpp_py.cpp_bindings import cpp_hash

CHAIN: Final = "PRIVATE_SN_POTC_SEPOLIA"
P: Final = 2**251 + 17 * 2**192 + 1
N: Final = 0x800000000000010FFFFFFFFFFFFFFFFB781126DCAE7B2321E66A241ADC64D2F
_BETA: Final = 0x6F21413EFBE40DE150E596D72F7A8C5609AD26C15C915C1F4CDFCB99CEE9E89
_G: Final = (
    0x1EF15C18599971B7BECED415A40F0C7DEACFD9B0D1819E03D723D8BC943CFCA,
    0x5668060AA49730B7BE4801DF46EC62DE53ECD11ABE43A32873000C36E8DC1F,
)
TYPES: Final = {
    "auth": "Request(method:felt,path:felt,body:felt,timestamp:felt,expiration:felt)",
    "onboarding": "Constant(action:felt)",
    "order": "Order(timestamp:felt,market:felt,side:felt,orderType:felt,size:felt,price:felt)",
    "modify": "ModifyOrder(timestamp:felt,market:felt,side:felt,orderType:felt,size:felt,price:felt,id:felt)",
}
_DOMAIN: Final = "StarkNetDomain(name:felt,chainId:felt,version:felt)"

Point = tuple[int, int]
Jacobian = tuple[int, int, int]


def felt(value: int | str) -> int:
    """Return a value as a field element."""
    if isinstance(value, int):
        return value
    if value.isdigit():
        return int(value)
    return int(value, 16) if value.startswith("0x") else int.from_bytes(value.encode(), "big")


def _hash(values: list[int]) -> int:
    chain = 0
    for value in (*values, len(values)):
        chain = int(cpp_hash(chain, value))
    return chain


@cache
def _type(text: str) -> int:
    digest = keccak.new(data=text.encode(), digest_bits=256).digest()
    return int.from_bytes(digest, "big") % 2**250


@cache
def _domain() -> int:
    return _hash([_type(_DOMAIN), felt("Paradex"), felt(CHAIN), 1])


def message_hash(account: int, kind: str, fields: list[int | str]) -> int:
    """Return what is signed of a message of one of `TYPES`."""
    struct = _hash([_type(TYPES[kind]), *(felt(field) for field in fields)])
    return _hash([felt("StarkNet Message"), _domain(), account, struct])


def is_signed(message: int, signature: str, public_key: int) -> bool:
    """Tell whether a signature, `["r","s"]` in decimals or in hex, is that of a public key."""
    try:
        r, s = (int(each, 0) for each in signature.strip("[] ").replace('"', "").split(","))
    except ValueError:
        return False
    y = _root((public_key**3 + public_key + _BETA) % P)
    if y is None or not (0 < r < P and 0 < s < N):
        return False
    w = pow(s, -1, N)
    for point in ((public_key, y), (public_key, P - y)):
        total = _sum(_times(message * w % N, _G), _times(r * w % N, point))
        if total[2] and total[0] * pow(total[2], -2, P) % P == r:
            return True
    return False


def public_key_of(private_key: int) -> int:
    x, _, z = _times(private_key, _G)
    return x * pow(z, -2, P) % P


def private_key_of(secret: str) -> int:
    """Return the private key that a secret is, or one that is made of it."""
    try:
        found = int(secret, 16) if secret.startswith("0x") else 0
    except ValueError:
        found = 0
    return found if 0 < found < N else int(hashlib.sha256(secret.encode()).hexdigest(), 16) % (N - 1) + 1


def _times(number: int, point: Point) -> Jacobian:
    total: Jacobian = (0, 1, 0)
    addend: Jacobian = (*point, 1)
    while number:
        if number & 1:
            total = _sum(total, addend)
        addend, number = _twice(addend), number >> 1
    return total


def _twice(point: Jacobian) -> Jacobian:
    x, y, z = point
    s, m = 4 * x * y * y % P, (3 * x * x + pow(z, 4, P)) % P
    new = (m * m - 2 * s) % P
    return new, (m * (s - new) - 8 * pow(y, 4, P)) % P, 2 * y * z % P


def _sum(a: Jacobian, b: Jacobian) -> Jacobian:
    if not a[2] or not b[2]:
        return b if not a[2] else a
    za, zb = a[2] * a[2] % P, b[2] * b[2] % P
    ua, ub = a[0] * zb % P, b[0] * za % P
    sa, sb = a[1] * b[2] * zb % P, b[1] * a[2] * za % P
    if ua == ub:
        return _twice(a) if sa == sb else (0, 1, 0)
    h, r = ub - ua, sb - sa
    hh = h * h % P
    hhh, v = h * hh % P, ua * hh % P
    x = (r * r - hhh - 2 * v) % P
    return x, (r * (v - x) - sa * hhh) % P, a[2] * b[2] * h % P


@cache
def _root(number: int) -> int | None:
    """Return a square root in the field; None: there is none (Cipolla's way)."""
    if number == 0 or pow(number, (P - 1) // 2, P) != 1:
        return 0 if number == 0 else None
    a = next(a for a in range(1, P) if pow(a * a - number, (P - 1) // 2, P) == P - 1)
    w = (a * a - number) % P
    (x, y), (u, v), k = (1, 0), (a, 1), (P + 1) // 2
    while k:
        if k & 1:
            x, y = (x * u + y * v * w) % P, (x * v + y * u) % P
        u, v, k = (u * u + v * v * w) % P, 2 * u * v % P, k >> 1
    return x
