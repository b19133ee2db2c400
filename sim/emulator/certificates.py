"""A throw-away certificate authority, for https and wss on loopback."""

import ssl
from pathlib import Path
from typing import Final

import trustme

# as clients name them; whoever wants unchanged clients points these names at the emulator
HOSTS: Final = (
    "localhost",
    "127.0.0.1",
    "api.bybit.com",
    "stream.bybit.com",
    "api-testnet.bybit.com",
    "stream-testnet.bybit.com",
    "api-demo.bybit.com",
    "stream-demo.bybit.com",
    "fapi.binance.com",
    "fstream.binance.com",
    "ws-fapi.binance.com",
    "testnet.binancefuture.com",
    "fstream.binancefuture.com",
    "demo-fapi.binance.com",
    "demo-fstream.binance.com",
)


def throw_away_certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Make a CA and a certificate of it; return the server's context, and the CA's file, which clients trust.

    The CA's key is never written, and gone with the process.
    """
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*HOSTS).configure_cert(context)
    folder.mkdir(parents=True, exist_ok=True)
    ca_file = folder / "emulator-ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    return context, ca_file
