"""Whose an action is: the address that signed it, recovered from the signature.

Written from the venue's documentation alone, as its client is not to be judged by its own code.  The chain is the test
chain: clients sign for it at every address but mainnet's.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import attrs
import coincurve
import msgspec
from Crypto.Hash import keccak

from sim.emulator.config import AccountSection

CHAIN: Final = "b"  # of the phantom agent's source: the test chain
_CHAIN_ID: Final = 1337


def keccak256(*parts: bytes) -> bytes:
    digest = keccak.new(digest_bits=256)
    for part in parts:
        digest.update(part)
    return bytes(digest.digest())


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


_DOMAIN: Final = keccak256(
    keccak256(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
    keccak256(b"Exchange"),
    keccak256(b"1"),
    _word(_CHAIN_ID),
    _word(0),
)
_AGENT: Final = keccak256(b"Agent(string source,bytes32 connectionId)")


def address_of(public_key: coincurve.PublicKey) -> str:
    """Return the address of a public key."""
    return "0x" + keccak256(public_key.format(compressed=False)[1:])[12:].hex()


@attrs.frozen
class Wallet:
    """An account of the config as this venue has it.

    Attributes:
        address: of the account: its key, where that is an address; else that of the signer.
        signer: the address of its secret, where that is a private key; else of one that is made of it.
        private_key: 0x and 64 hex digits.
    """

    address: str
    signer: str
    private_key: str = attrs.field(repr=False)


def wallet_of(section: AccountSection) -> Wallet:
    """Return the wallet of an account."""
    digits = section.secret.removeprefix("0x")
    if not _is_hex(digits, 64):
        digits = hashlib.sha256(section.secret.encode()).hexdigest()
    signer = address_of(coincurve.PrivateKey(bytes.fromhex(digits)).public_key)
    key = section.key.removeprefix("vault:").lower()
    return Wallet(key if _is_hex(key.removeprefix("0x"), 40) else signer, signer, f"0x{digits}")


def keys_of(section: AccountSection) -> tuple[str, str]:
    """Return address and private key of an account: what a client is given."""
    wallet = wallet_of(section)
    return wallet.address, wallet.private_key


def signer_of(body: Mapping[str, Any]) -> str:
    """Return the address that signed an action, which is some address whatever was signed.

    Raises:
        ValueError: there is no signature.
    """
    signature = body.get("signature")
    try:
        assert isinstance(signature, dict)
        r, s, v = int(signature["r"], 16), int(signature["s"], 16), int(signature["v"])
        packed = _word(r) + _word(s) + bytes((v - 27,))
        digest = keccak256(b"\x19\x01", _DOMAIN, _agent_hash(body))
        return address_of(coincurve.PublicKey.from_signature_and_message(packed, digest, hasher=None))
    except (AssertionError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"no signature: {type(error).__name__}") from None
    except Exception as error:  # coincurve raises plain ones for what cannot be recovered
        raise ValueError(f"no signature: {error}") from None


def _agent_hash(body: Mapping[str, Any]) -> bytes:
    vault, expires = body.get("vaultAddress"), body.get("expiresAfter")
    data = msgspec.msgpack.encode(body["action"]) + int(body["nonce"]).to_bytes(8, "big")
    data += b"\x00" if not vault else b"\x01" + bytes.fromhex(str(vault).removeprefix("0x"))
    if expires is not None:
        data += b"\x00" + int(expires).to_bytes(8, "big")
    return keccak256(_AGENT, keccak256(CHAIN.encode()), keccak256(data))


def _is_hex(text: str, length: int) -> bool:
    return len(text) == length and all(each in "0123456789abcdef" for each in text.lower())
