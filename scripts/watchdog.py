"""Cancel everything on an account when the process that trades on it has died or hangs.

python -m scripts.watchdog --config FILE.toml [--state DIR] [--after 5] [--once] [--halt]

It watches the heartbeat in the state folder of the config's account, and is to be run beside every live run, as a
process of its own.  When the heartbeat stops it cancels all orders on every venue of the config by REST, again and
again until the venue says that nothing is open, and goes on watching.  It shares no state with the trader and works
when that was killed, hangs or is stopped.  What it does stands on the standard output, one JSON object a line.

Exit codes: 0 stopped by Ctrl-C or SIGTERM; 1 with --once: it had to cancel, and nothing is open; 2 wrong use.
"""

import argparse
import json
import os
import signal
import ssl
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs
import httpx

from actors.runtime.state_folder import Beat, StateFolder
from scripts.watched_accounts import Account, accounts_of
from sim.config import ConfigError
from venues.registry import venue_kind
from venues.venue import Conversation, HttpAnswer, Swept
from venues.wire import HttpRequest, RemoteProtocolError

T = TypeVar("T")

EXIT_STOPPED, EXIT_SWEPT, EXIT_USAGE = 0, 1, 2
POLL_S: Final = 0.2
AGAIN_S: Final = 0.5
LATEST_ORDER_S: Final = 6.0  # venues take no request that is older than 5 s (recvWindow)
ANSWER_S: Final = 3.0


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        accounts, state = accounts_of(options.config, options.env)
    except (ConfigError, ValueError, OSError) as error:
        print(f"watchdog: {error}", file=sys.stderr)
        return EXIT_USAGE
    folder = StateFolder(options.state or state)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    brooms = [Broom(account) for account in accounts]
    try:
        for broom in brooms:
            _prove_reach(broom)
        _say("watching", state=str(folder.path), after_s=options.after, venues=[each.name for each in brooms])
        return _watch(folder, brooms, options)
    except KeyboardInterrupt:
        _say("stopped")
        return EXIT_STOPPED
    finally:
        for broom in brooms:
            broom.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.watchdog", description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, required=True, help="the live run's config: its venues and state folder")
    parser.add_argument("--state", type=Path, help="the state folder, if not that of the config")
    parser.add_argument("--env", type=Path, default=Path(".env"), help="file with the keys (default .env)")
    parser.add_argument(
        "--after", type=_seconds, default=5.0, metavar="S", help="a heartbeat may be so old (default 5)"
    )
    parser.add_argument("--once", action="store_true", help="end when it had to cancel and nothing is open")
    parser.add_argument("--halt", action="store_true", help="halt the account as well: a person must clear it")
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 2.0 <= seconds <= 3600.0:  # it beats once a second
        raise argparse.ArgumentTypeError(f"{text} s is out of reach: 2 to 3600")
    return seconds


# --- watching ----------------------------------------------------------------------------------------------------


@attrs.define
class Pulse:
    """Tells from heartbeats as they are read whether the one who writes them is alive.

    The time of the machine plays no part: a beat is fresh when it differs from the last, by our own monotonic clock.
    A process that was seen and is gone is dead at once.
    """

    after_s: float
    beat: Beat | None = None
    changed_at: float = 0.0
    was_seen: bool = False

    def why_dead(self, beat: Beat | None, now_s: float, is_there: Callable[[int], bool]) -> str:
        """Take a reading; return why the process is dead, empty if it is not, or if nobody trades."""
        if beat is not None and beat != self.beat:
            if self.beat is None or beat.pid != self.beat.pid:
                self.was_seen = False
            self.beat, self.changed_at = beat, now_s
        if self.beat is None or self.beat.is_over:
            return ""
        if is_there(self.beat.pid):
            self.was_seen = True  # from here on its absence means something: it is of this machine
        elif self.was_seen:
            return f"process {self.beat.pid} is gone"
        silent_s = now_s - self.changed_at
        return f"no heartbeat for {silent_s:.1f} s" if silent_s > self.after_s else ""


def _watch(folder: StateFolder, brooms: Iterable["Broom"], options: argparse.Namespace) -> int:
    pulse = Pulse(options.after)
    swept: Beat | None = None
    while True:
        why = pulse.why_dead(folder.beat(), time.monotonic(), _is_there)
        if why and pulse.beat != swept:
            began = time.monotonic()
            _say("dead", reason=why, **_told(pulse.beat))
            if options.halt:
                _halt(folder, why)
            swept = pulse.beat
            if _sweep_all(brooms, lambda: not pulse.why_dead(folder.beat(), time.monotonic(), _is_there)):
                _say("nothing is open", took_s=round(time.monotonic() - began, 3))
                if options.once:
                    return EXIT_SWEPT
            else:
                _say("alive again: it sees to its orders itself")
        time.sleep(POLL_S)


def _halt(folder: StateFolder, why: str) -> None:
    """Halt the account, if the disk takes it: a full one is no reason to leave orders standing."""
    try:
        folder.wish_halt(f"the watchdog has cancelled all: {why}")
    except OSError as error:
        _say("the account is not halted", error=str(error))


def _told(beat: Beat | None) -> dict[str, Any]:
    return {} if beat is None else {"pid": beat.pid, "state": beat.state, "n_live": beat.n_live}


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_dead(pid)


def _is_dead(pid: int) -> bool:
    """Tell whether a process has ended and only waits for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


# --- cancelling --------------------------------------------------------------------------------------------------


class Broom:
    """Cancels everything on one account, over a connection of its own."""

    def __init__(self, account: Account) -> None:
        self.name = account.venue
        self._kind = venue_kind(account.venue)
        self._credentials = account.credentials
        verify: ssl.SSLContext | bool = True
        if account.ca_file is not None:
            verify = ssl.create_default_context()
            verify.load_verify_locations(account.ca_file)
        self._client = httpx.Client(base_url=account.rest, verify=verify, timeout=ANSWER_S, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def sweep(self, *, cancels: bool) -> Swept:
        """Do one round.

        Raises:
            RemoteProtocolError, httpx.HTTPError: it has failed; nothing is proven.
        """
        return self.hold(self._kind.sweep(self._credentials, cancels))

    def hold(self, talk: Conversation[T]) -> T:
        """Hold a talk with the venue, and return what came of it."""
        try:
            request = next(talk)
            while True:
                request = talk.send(self.ask(request))
        except StopIteration as end:
            found: T = end.value
            return found

    def ask(self, request: HttpRequest) -> HttpAnswer:
        """Send a request, and return the answer whatever its status."""
        ts_sent = time.time_ns()
        # the target as it is: a signature covers its bytes
        answer = self._client.request(
            request.method, request.target, content=request.body or None, headers=dict(request.headers)
        )
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return HttpAnswer(answer.status_code, headers, answer.content, ts_sent, time.time_ns())


def _sweep_all(brooms: Iterable[Broom], is_alive: Callable[[], bool]) -> bool:
    """Cancel until every venue says that nothing is open; False: the process is alive again before that.

    A venue that cannot be reached holds up no other.  What a venue says proves something only when no request of the
    process can arrive any more: one that is found empty before is swept once more then.
    """
    late = time.monotonic() + LATEST_ORDER_S
    left = list(brooms)
    empty: list[Broom] = []
    n_tries = 0
    while left:
        if n_tries and is_alive():
            return False
        n_tries += 1
        is_proof = time.monotonic() >= late
        swept = [broom for broom in left if _is_swept(broom, n_tries)]
        left = [broom for broom in left if broom not in swept]
        if not is_proof:
            empty += swept
        if left:
            time.sleep(AGAIN_S)
        elif empty:
            time.sleep(max(0.0, late - time.monotonic()))
            left, empty = empty, []
    return True


def _is_swept(broom: Broom, n_tries: int) -> bool:
    try:
        swept = broom.sweep(cancels=True)
    except (RemoteProtocolError, httpx.HTTPError) as error:
        _say("sweep failed", venue=broom.name, error=_named(error), n_tries=n_tries)
        return False
    _say("swept", venue=broom.name, n_open=swept.n_open, refused=list(swept.refused), n_tries=n_tries)
    return swept.n_open == 0


def _prove_reach(broom: Broom) -> None:
    """Ask what is open, so that a key or an address that is wrong is known before it matters."""
    try:
        swept = broom.sweep(cancels=False)
    except (RemoteProtocolError, httpx.HTTPError) as error:
        _say("cannot reach the account: it could not be emptied either", venue=broom.name, error=_named(error))
    else:
        _say("account reached", venue=broom.name, n_open=swept.n_open)


def _named(error: Exception) -> str:
    # the text of an HTTP error may hold the address, and that a signature
    return str(error) if isinstance(error, RemoteProtocolError) else type(error).__name__


def _say(message: str, **facts: object) -> None:
    with suppress(OSError):  # who read this may be gone, or the disk full: the cancels must leave all the same
        print(json.dumps({"t_ns": time.time_ns(), "message": message, **facts}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
