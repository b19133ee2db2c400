"""Messages as bytes: MessagePack under the message's type name, arrays as (dtype, shape, bytes)."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
import numpy as np

import market.messages

_INT64: Final = np.dtype(np.int64)
_INT64_NAME: Final = _INT64.str


class MessageCodec:
    """Encodes and decodes messages of known types.

    Args:
        more: message types besides those of `market.messages`.
    """

    def __init__(self, more: Iterable[type[msgspec.Struct]] = ()) -> None:
        self._encoder = msgspec.msgpack.Encoder(enc_hook=_encode_array)
        known = [kind for kind in vars(market.messages).values() if isinstance(kind, type)]
        self._types = {kind.__name__: kind for kind in (*known, *more) if issubclass(kind, msgspec.Struct)}
        self._decoders: dict[str, msgspec.msgpack.Decoder[Any]] = {}

    def encode(self, message: msgspec.Struct) -> tuple[str, bytes]:
        """Return the name of the message's type and its bytes; equal messages have equal bytes."""
        return type(message).__name__, self._encoder.encode(message)

    def decode(self, name: str, data: bytes) -> Any:
        """Return the message.

        Raises:
            KeyError: its type is not known.
            msgspec.MsgspecError: it is not a message of this type.
        """
        decoder = self._decoders.get(name)
        if decoder is None:
            decoder = self._decoders[name] = msgspec.msgpack.Decoder(self._types[name], dec_hook=_decode_array)
        return decoder.decode(data)


def _encode_array(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        kind = value.dtype
        # numpy works the name out anew each time
        return _INT64_NAME if kind is _INT64 else kind.str, value.shape, value.tobytes()
    if isinstance(value, np.generic):  # of a strategy that reckons in numpy
        return value.item()
    raise NotImplementedError(f"a {type(value).__name__} cannot stand in a message")


def _decode_array(kind: type, value: Any) -> Any:
    dtype, shape, data = value
    return np.frombuffer(data, dtype).reshape(shape)  # read-only, as bytes are
