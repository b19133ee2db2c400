"""The peer's own run on the reference workload, with every order written down; for an interpreter that has hftbacktest.

    PYTHON peer_hftbacktest_orders.py BENCH DATA OUT.npz LATENCY_MS QUOTE STYLE

BENCH holds `peer_hftbacktest.py`, whose backtest and fair price this uses; QUOTE is `vamp` or `touch`; STYLE says how
the snapshots were converted: `diff` (changed levels only) or `clear` (all levels anew).  The loop below decides as the
one there does, line by line, and besides notes each order when it is sent and when it has ended.
"""

import json
import math
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

FINAL_STATES = (2, 3, 4, 6)  # expired, filled, cancelled, rejected


def make_loop(peer: Any) -> Any:
    """Return the compiled loop; it needs the peer's module for its globals."""
    buy, gtx, limit, vamp_hash = peer.BUY, peer.GTX, peer.LIMIT, peer.vamp_hash

    @njit  # type: ignore[untyped-decorator]
    def note_ended(hbt: Any, ends: Any, n: int) -> int:
        orders = hbt.orders(1).values()
        while orders.has_next():
            o = orders.get()
            if o.status in FINAL_STATES:
                ends[n, 0] = o.order_id
                ends[n, 1] = o.status
                ends[n, 2] = o.exch_timestamp
                n += 1
        return n

    @njit  # type: ignore[untyped-decorator]
    def loop(hbt: Any, lot: float, notional_q: float, touch: bool, sent: Any, ends: Any) -> tuple[int, int, int]:
        prices = np.zeros(15)
        sizes = np.zeros(15)
        count = 0
        n_sent = n_ended = calls = 0
        d0 = hbt.depth(0)
        d1 = hbt.depth(1)
        tick = d1.tick_size
        while True:
            code = hbt.wait_next_feed(False, 10_000_000_000)
            if code == 1 or code > 3 or code < 0:
                break
            if code != 2:
                continue
            trades = hbt.last_trades(0)
            for i in range(len(trades)):
                prices[count % 15] = trades[i]["px"]
                sizes[count % 15] = trades[i]["qty"]
                count += 1
            if len(trades) > 0:
                hbt.clear_last_trades(0)
            n_own_trades = len(hbt.last_trades(1))
            if n_own_trades > 0:
                hbt.clear_last_trades(1)
            latency = hbt.feed_latency(1)
            if latency is None:
                continue
            _, received = latency
            if received != hbt.current_timestamp or n_own_trades > 0:
                continue
            if d0.best_bid_tick <= 0 or d0.best_ask_tick <= 0 or d0.best_ask_tick > 1_000_000_000:
                continue
            calls += 1
            notional = 20000.0 if count == 0 else 0.0
            for i in range(min(count, 15)):
                notional += prices[i] * sizes[i]
            v = vamp_hash(d0, notional)
            mid = (d1.best_bid + d1.best_ask) / 2
            q = hbt.position(1) * mid / 200.0
            b2 = d1.best_bid_tick - 1
            for _ in range(40):
                if d1.bid_qty_at_tick(b2) > 0:
                    break
                b2 -= 1
            a2 = d1.best_ask_tick + 1
            for _ in range(40):
                if d1.ask_qty_at_tick(a2) > 0:
                    break
                a2 += 1
            bid = min(round(v * (1 - (6 + 4 * math.tanh(q)) * 1e-4) / tick), b2)
            ask = max(round(v * (1 + (6 + 4 * math.tanh(-q)) * 1e-4) / tick), a2)
            if touch:
                bid = d1.best_bid_tick
                ask = d1.best_ask_tick
            n_ended = note_ended(hbt, ends, n_ended)
            hbt.clear_inactive_orders(1)
            has_bid = False
            has_ask = False
            orders = hbt.orders(1).values()
            while orders.has_next():
                o = orders.get()
                wanted = bid if o.side == buy else ask
                if o.price_tick == wanted and o.status != 3:
                    if o.side == buy:
                        has_bid = True
                    else:
                        has_ask = True
                elif o.cancellable:
                    hbt.cancel(1, o.order_id, False)
            for side in (1, -1):
                price = bid if side == 1 else ask
                if has_bid if side == 1 else has_ask:
                    continue
                size = round(notional_q / (price * tick) / lot) * lot
                sent[n_sent, 0] = n_sent + 1
                sent[n_sent, 1] = hbt.current_timestamp
                sent[n_sent, 2] = side
                sent[n_sent, 3] = price
                sent[n_sent, 4] = round(size / lot)
                n_sent += 1
                if side == 1:
                    hbt.submit_buy_order(1, n_sent, price * tick, size, gtx, limit, False)
                else:
                    hbt.submit_sell_order(1, n_sent, price * tick, size, gtx, limit, False)
        return n_sent, note_ended(hbt, ends, n_ended), calls

    return loop


def main() -> None:
    """Run the peer once; write its orders and print its figures as one JSON line."""
    bench, data, out, latency_ms, quote, style = sys.argv[1:]
    sys.path.insert(0, bench)
    import peer_hftbacktest as peer  # type: ignore[import-not-found]  # lies beside the project

    options = Namespace(queue="risk", exchange="nopartial", depth="hashmap", latency_ms=float(latency_ms))
    options.roi_lb, options.roi_ub = 150.0, 250.0
    arrays = [np.load(Path(data) / f"hbt_{style}_{venue}.npz")["data"] for venue in ("binance", "bybit")]
    hbt = peer.build(options, arrays)
    most = 4 * len(np.load(Path(data) / "bybit_book.npz")["exch_ts"])
    sent, ends = np.zeros((most, 5), np.int64), np.zeros((most, 3), np.int64)
    n_sent, n_ended, calls = make_loop(peer)(hbt, peer.LOT, 200.0, quote == "touch", sent, ends)
    state, depth = hbt.state_values(1), hbt.depth(1)
    pnl = state.balance + state.position * (depth.best_bid + depth.best_ask) / 2
    np.savez(out, sent=sent[:n_sent], ends=ends[:n_ended])
    figures = {"fills": int(state.num_trades), "volume": float(state.trading_value), "pnl": float(pnl)}
    print(json.dumps({**figures, "orders": n_sent, "calls": calls, "version": peer.H.__version__}))


if __name__ == "__main__":
    main()
