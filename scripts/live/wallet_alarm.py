"""Says when a wallet is not what our fills, fees and funding make of it, for longer than what is under way explains."""

from typing import TYPE_CHECKING, Final

import attrs

from market.messages import WalletCompared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loguru import Logger

_E8: Final = 10**8


@attrs.define
class _Wallet:
    n_bad: int = 0
    difference: float = 0.0
    told: float = 0.0


class WalletAlarm:
    """Takes comparisons.

    Args:
        venues: their names, by number.
        bound: settle asset.  n_bad: so many in a row beyond it are told.
    """

    def __init__(self, logger: "Logger", venues: "Sequence[str]", bound: float, n_bad: int) -> None:
        self._logger, self._venues = logger, venues
        self._bound, self._n_bad = bound, n_bad
        self._wallets: dict[tuple[int, str], _Wallet] = {}

    def take(self, compared: WalletCompared) -> None:
        """Take a comparison; what is told once is told again when it has grown by as much again."""
        wallet = self._wallets.setdefault((compared.venue, compared.asset), _Wallet())
        wallet.difference = (compared.wallet_e8 - compared.counted_e8) / _E8
        if abs(wallet.difference) <= self._bound:
            if wallet.told:
                self._record(compared, wallet).info("wallet agrees again")
            wallet.n_bad, wallet.told = 0, 0.0
            return
        wallet.n_bad += 1
        if wallet.n_bad >= self._n_bad and abs(wallet.difference - wallet.told) > self._bound:
            wallet.told = wallet.difference
            self._record(compared, wallet).warning("wallet differs")

    def notes(self) -> list[str]:
        """Return a line for each wallet that differs."""
        return [
            f"{self._venues[venue]}: the wallet is {wallet.difference:+,.2f} {asset} from what our fills make of it"
            for (venue, asset), wallet in self._wallets.items()
            if wallet.told
        ]

    def _record(self, compared: WalletCompared, wallet: _Wallet) -> "Logger":
        return self._logger.bind(
            venue=self._venues[compared.venue],
            asset=compared.asset,
            wallet=compared.wallet_e8 / _E8,
            counted=compared.counted_e8 / _E8,
            difference=wallet.difference,
        )
