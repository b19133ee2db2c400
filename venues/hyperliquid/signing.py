"""Who we are, to the venue: the hash of an action, signed on secp256k1 as typed data of EIP-712.

What is signed is not the action but a phantom agent, whose connection id is the hash of the action as MessagePack, the
nonce, the vault and the expiry.  The order of an action's keys is part of it, so that the body that is sent must hold
the very same text; trailing zeros of a number or a flag that is false change it, too.
"""

from collections.abc import Mapping
from typing import Any, Final

import coincurve
import msgspec
from Crypto.Hash import keccak

from market.units import MS, Nanos

Action = Mapping[str, Any]

_pack: Final = msgspec.msgpack.Encoder().encode
# of EIP712Domain(name "Exchange", version "1", chainId 1337, verifyingContract 0)
_DOMAIN: Final = bytes.fromhex("d79297fcdf2ffcd4ae223d01edaa2ba214ff8f401d7c9300d995d17c82aa4040")
# of Agent(string source,bytes32 connectionId)
_AGENT: Final = bytes.fromhex("26f05c2f7239b6983075e58321292d77b3aa173d19b27257ac96ab362570f508")
_ADDRESS_BYTES: Final = 20


def keccak256(data: bytes) -> bytes:
    """Return the Keccak-256 of bytes, which is not SHA3-256."""
    return keccak.new(data=data, digest_bits=256).digest()


def action_hash(action: Action, nonce: int, vault: bytes | None = None, expires_after: Nanos | None = None) -> bytes:
    """Return the connection id of an action, 32 bytes.

    Args:
        nonce: ms.
        vault: the address that is traded for, 20 bytes; None: the signer's own account.
        expires_after: venue time from which on the action is refused.
    """
    data = _pack(action) + nonce.to_bytes(8, "big")
    data += b"\x00" if vault is None else b"\x01" + vault
    if expires_after is not None:
        data += b"\x00" + (expires_after // MS).to_bytes(8, "big")
    return keccak256(data)


class Signer:
    """A private key of an account or of its agent; it is never shown.

    Args:
        secret: 32 bytes in hex, with or without 0x.
        is_mainnet: which of the two chains the signature is good for.
        vault: the vault or sub-account that is traded for, as 0x and 40 hex digits; empty: none.

    Raises:
        ValueError: a key or an address is none; the key is not quoted.
    """

    def __init__(self, secret: str, *, is_mainnet: bool, vault: str = "") -> None:
        try:
            digits = bytes.fromhex(secret.removeprefix("0x"))
            if len(digits) != 32:  # the library would fill it up
                raise ValueError
            self._key = coincurve.PrivateKey(digits)
        except ValueError:
            raise ValueError("the secret of hyperliquid is no private key: 64 hex digits, not quoted here") from None
        self._source = keccak256(b"a" if is_mainnet else b"b")
        self.vault = vault.lower()
        self._vault = address_bytes(vault) if vault else None
        point = self._key.public_key.format(compressed=False)[1:]
        self.address: Final = "0x" + keccak256(point)[-_ADDRESS_BYTES:].hex()

    def __repr__(self) -> str:
        return f"Signer({self.address})"

    def sign(self, action: Action, nonce: int, expires_after: Nanos | None = None) -> dict[str, Any]:
        """Return r, s and v of an action."""
        return self.sign_hash(action_hash(action, nonce, self._vault, expires_after))

    def sign_hash(self, connection_id: bytes) -> dict[str, Any]:
        """Return r, s and v of a connection id."""
        agent = keccak256(_AGENT + self._source + connection_id)
        digest = keccak256(b"\x19\x01" + _DOMAIN + agent)
        signature = self._key.sign_recoverable(digest, hasher=None)
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
        return {"r": hex(r), "s": hex(s), "v": 27 + signature[64]}


def address_bytes(address: str) -> bytes:
    """Return the 20 bytes of an address.

    Raises:
        ValueError: it is none.
    """
    digits = address.removeprefix("0x")
    try:
        found = bytes.fromhex(digits)
    except ValueError:
        found = b""
    if len(found) != _ADDRESS_BYTES or len(digits) != 2 * _ADDRESS_BYTES:
        raise ValueError(f"{address!r} is no address of hyperliquid; it reads 0x and 40 hex digits")
    return found
