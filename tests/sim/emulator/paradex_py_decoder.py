"""The venue's own SDK reads binary frames, on Python 3.10, without a venue.

Nothing of ours is imported here, as that Python has none of it.  Reads one JSON object from the command line, a list of
frames in hexadecimal digits, and prints the channel and the fields of each as JSON.
"""

import json
import sys

from paradex_py.api.sbe.codec import decode_frame

TASK = json.loads(sys.argv[1])


def read(frame: str) -> list[object]:
    channel, told = decode_frame(bytes.fromhex(frame))
    return [channel, told.model_dump()]


print(json.dumps({"frames": [read(each) for each in TASK["frames"]]}))
