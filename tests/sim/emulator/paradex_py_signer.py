"""The venue's own SDK signs and judges signatures, on Python 3.10, without a venue.

Nothing of ours is imported here, as that Python has none of it.  Reads one JSON object from the command line, and
prints hashes, signatures and verdicts as JSON.
"""

import json
import sys
from decimal import Decimal
from typing import Any

from paradex_py.account.subkey_account import SubkeyAccount
from paradex_py.account.utils import typed_data_to_message_hash, unflatten_signature, verify_message_signature
from paradex_py.api.models import SystemConfig
from paradex_py.common.order import Order, OrderSide, OrderType
from paradex_py.message.auth import build_auth_message
from paradex_py.message.order import build_modify_order_message, build_order_message

TASK = json.loads(sys.argv[1])
NOWHERE = "http://node.invalid"


def config() -> SystemConfig:
    return SystemConfig(
        starknet_fullnode_rpc_url=NOWHERE,
        starknet_fullnode_rpc_base_url=NOWHERE,
        starknet_chain_id=TASK["chain"],
        block_explorer_url=NOWHERE,
        paraclear_address="0x1",
        paraclear_decimals=8,
        paraclear_account_proxy_hash="0x1",
        paraclear_account_hash="0x1",
        oracle_address="0x1",
        bridged_tokens=[],
        l1_core_contract_address="0x1",
        l1_operator_address="0x1",
        l1_chain_id="1",
        liquidation_fee="0",
    )


def order_of(told: dict[str, Any]) -> Order:
    return Order(
        told["market"],
        OrderType(told["type"]),
        OrderSide(told["side"]),
        Decimal(told["size"]),
        Decimal(told["price"]),
        signature_timestamp=told["timestamp"],
        order_id=told["id"] or None,
    )


def judge(task: dict[str, Any]) -> dict[str, Any]:
    """Sign what an account is to sign, and look at the signatures that came with it."""
    account = SubkeyAccount(config(), task["secret"], task["address"])

    def is_signed(message: int, signature: str) -> bool:
        return bool(verify_message_signature(message, unflatten_signature(signature), account.l2_public_key))

    hashes, signatures = [], []
    for order in map(order_of, task["orders"]):
        build = build_modify_order_message if order.id else build_order_message
        hashes.append(typed_data_to_message_hash(build(account.l2_chain_id, order), account.l2_address))
        signatures.append(account.sign_order(order))
    since = task["until"] - 86_400
    login = typed_data_to_message_hash(
        build_auth_message(account.l2_chain_id, since, task["until"]), account.l2_address
    )
    return {
        "public_key": hex(account.l2_public_key),
        "hashes": [hex(each) for each in hashes],
        "signatures": signatures,
        "verified": [is_signed(message, ours) for message, ours in zip(hashes, task["ours"], strict=True)],
        "login": account.auth_signature(since, task["until"]),
        "verified_login": is_signed(login, task["login"]),
    }


print(json.dumps({"accounts": [judge(each) for each in TASK["accounts"]]}))
