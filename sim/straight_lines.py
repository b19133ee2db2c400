"""How a feed reaches its only hearer while nothing stands between: by a call, without a message in a mailbox."""

from collections.abc import Callable
from typing import Any, TypeAlias

from actors.runtime.actor import Actor
from actors.runtime.mailbox import Edge

# the call, its argument (None: the trade), whose it is, and the edge that it stands for
Line: TypeAlias = tuple[Callable[[Any], None], Any, Actor, Edge]
