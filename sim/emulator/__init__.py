"""Emulated venues: a simulated market over real sockets, in the venues' own protocols.

`async with open_emulator(config) as emulator:` runs them; `docs/emulator.md` says what they do.
"""

from sim.emulator.config import (
    AccountSection,
    EmulatorConfig,
    VenueSection,
    load_emulator_config,
    make_emulator_config,
)
from sim.emulator.emulator import Emulator, VenueAddress, open_emulator
from sim.emulator.faults import Fault, Faults
from sim.emulator.truth import AccountTruth, TrueFill

__all__ = [
    "AccountSection",
    "AccountTruth",
    "Emulator",
    "EmulatorConfig",
    "Fault",
    "Faults",
    "TrueFill",
    "VenueAddress",
    "VenueSection",
    "load_emulator_config",
    "make_emulator_config",
    "open_emulator",
]
