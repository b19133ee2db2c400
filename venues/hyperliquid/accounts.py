"""Whose orders are signed by what: the key of a venue's credentials names the account, the secret is what signs.

The key is the address of the account, 0x and 40 hex digits; for a vault or a sub-account `vault:` stands before it.
The secret is the private key of an agent that the account has approved, or of the account itself.
"""

from typing import Final

import attrs

from venues.connection import Credentials, Network
from venues.hyperliquid.signing import Signer, address_bytes

_VAULT: Final = "vault:"


@attrs.frozen
class Account:
    """An account and what signs for it.

    Attributes:
        address: in lower case; what is asked of the account is asked by it.
        is_vault: it is a vault or a sub-account, and actions say so.
    """

    address: str
    is_vault: bool
    signer: Signer


def account_of(credentials: Credentials, network: Network) -> Account:
    """Return the account of a key and its secret; any network but mainnet signs for the test chain.

    Raises:
        ValueError: an address or the secret is none; the secret is not quoted.
    """
    is_vault = credentials.key.startswith(_VAULT)
    address = credentials.key.removeprefix(_VAULT).lower()
    address_bytes(address)
    vault = address if is_vault else ""
    return Account(address, is_vault, Signer(credentials.secret, is_mainnet=network == "mainnet", vault=vault))
