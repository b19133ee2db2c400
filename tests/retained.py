"""How much is kept alive from some objects on: what grows with every order will fill the memory of a run of weeks."""

import gc
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

_NOT_OURS = (type, ModuleType, BuiltinFunctionType)


def n_retained(*roots: object) -> int:
    """Return how many objects can be reached, without classes, modules and what is global to functions."""
    seen: set[int] = set()
    todo: list[Any] = list(roots)
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, _NOT_OURS):
            continue
        seen.add(id(thing))
        if isinstance(thing, FunctionType):
            todo += thing.__closure__ or ()
        else:
            todo += gc.get_referents(thing)
    return len(seen)
