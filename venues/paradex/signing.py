"""Typed data of Starknet, as the venue signs it: Pedersen hashes of short strings and numbers, on the Stark curve.

What is the same for all messages of an account is hashed once.  An order takes nine hashes of a quarter of a ms each
and a signature of three quarters: too long for the loop that trades, so that frames with one are made in a thread.  The
hashes leave Python alone meanwhile.
"""

from functools import cache
from typing import Final

from Crypto.Hash import keccak
from crypto_cpp_py.cpp_bindings import cpp_hash

from market.units import MS, SECOND, Nanos
from venues.connection import Network
from venues.paradex.curve import ORDER, public_key_of, sign

CHAINS: Final[dict[str, str]] = {"mainnet": "PRIVATE_SN_PARACLEAR_MAINNET"}
TEST_CHAIN: Final = "PRIVATE_SN_POTC_SEPOLIA"  # of every other network
_MASK_250: Final = (1 << 250) - 1
_MOST_SHORT: Final = 31  # bytes of a short string
_SIDES: Final = {1: 1, -1: 2}

_AUTH: Final = "Request(method:felt,path:felt,body:felt,timestamp:felt,expiration:felt)"
_ORDER: Final = "Order(timestamp:felt,market:felt,side:felt,orderType:felt,size:felt,price:felt)"
_MODIFY: Final = "ModifyOrder(timestamp:felt,market:felt,side:felt,orderType:felt,size:felt,price:felt,id:felt)"
_DOMAIN: Final = "StarkNetDomain(name:felt,chainId:felt,version:felt)"


def chain_of(network: Network) -> str:
    """Return the name of the chain that a network's signatures are for."""
    return CHAINS.get(network, TEST_CHAIN)


def pedersen(a: int, b: int) -> int:
    """Return the Pedersen hash of two field elements."""
    return int(cpp_hash(a, b))


def hash_of(values: list[int]) -> int:
    """Return the hash of a list: a chain from 0, and its length at the end."""
    return _ended(_chain(0, values), len(values))


@cache
def short(text: str) -> int:
    """Return a short string as a number; a text of digits is that number.

    Raises:
        ValueError: it is too long, or no ASCII.
    """
    if text.isdigit():
        return int(text)
    if not text.isascii() or len(text) > _MOST_SHORT:
        raise ValueError(f"{text!r} is no short string of Starknet: at most {_MOST_SHORT} characters of ASCII")
    return int.from_bytes(text.encode(), "big")


@cache
def type_hash(name: str) -> int:
    """Return the hash of a type's text."""
    digest = keccak.new(data=name.encode(), digest_bits=256).digest()
    return int.from_bytes(digest, "big") & _MASK_250


def domain_hash(chain: str) -> int:
    """Return the hash of the venue's domain on a chain."""
    return hash_of([type_hash(_DOMAIN), short("Paradex"), int.from_bytes(chain.encode(), "big"), 1])


class Signer:
    """A private key and the account it signs for; the key is never shown.

    Args:
        account: address, 0x and hex digits.  secret: of a subkey, or of the account, the same.

    Raises:
        ValueError: one of them is none; the key is not quoted.
    """

    def __init__(self, account: str, secret: str, chain: str) -> None:
        try:
            self.account = int(account, 16)
        except ValueError:
            raise ValueError(f"{account!r} is no address of paradex; it reads 0x and hex digits") from None
        try:
            self._key = int(secret, 16)
        except ValueError:
            self._key = 0
        if not 0 < self._key < ORDER:
            raise ValueError(
                "the secret of paradex is no private key of the Stark curve, in hex; it is not quoted here"
            )
        self._prefix = _chain(0, [short("StarkNet Message"), domain_hash(chain), self.account])

    def __repr__(self) -> str:
        return f"Signer({self.account:#x})"

    @property
    def public_key(self) -> str:
        return hex(public_key_of(self._key))

    def login(self, timestamp: Nanos, expiration: Nanos) -> str:
        """Return the signature of a login; times of the venue's clock, which it reads in whole seconds."""
        times = [timestamp // SECOND, expiration // SECOND]
        return self._signed(_AUTH, [short("POST"), short("/v1/auth"), 0, *times])

    def order(self, timestamp: Nanos, market: str, side: int, kind: str, size_e8: int, price_e8: int) -> str:
        """Return the signature of an order; `timestamp` is read in ms, sizes and prices in 1e-8."""
        fields = [timestamp // MS, short(market), _SIDES[side], short(kind), size_e8, price_e8]
        return self._signed(_ORDER, fields)

    def modify(
        self, timestamp: Nanos, market: str, side: int, kind: str, size_e8: int, price_e8: int, order_id: str
    ) -> str:
        """Return the signature of an amend, as of an order, with the venue's id of it."""
        fields = [timestamp // MS, short(market), _SIDES[side], short(kind), size_e8, price_e8, short(order_id)]
        return self._signed(_MODIFY, fields)

    def message_hash(self, kind: str, fields: list[int]) -> int:
        """Return the hash that is signed of a struct: its type's text, its fields."""
        struct = _ended(_chain(_of_type(kind), fields), len(fields) + 1)
        return _ended(pedersen(self._prefix, struct), 4)

    def _signed(self, kind: str, fields: list[int]) -> str:
        r, s = sign(self.message_hash(kind, fields), self._key)
        return f'["{r}","{s}"]'


@cache
def _of_type(kind: str) -> int:
    return pedersen(0, type_hash(kind))


def _chain(start: int, values: list[int]) -> int:
    for value in values:
        start = pedersen(start, value)
    return start


def _ended(chain: int, length: int) -> int:
    return pedersen(chain, length)
