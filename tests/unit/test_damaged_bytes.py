"""Files with bytes changed anywhere are read or refused in one sentence; nothing else is raised."""

import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
import raw_slides
import raw_volumes

from virtual_staining.errors import InputError
from virtual_staining.ingest.rgb import RgbReader
from virtual_staining.readers.open_raw import open_slide, open_volume

LARGEST = 1e7  # values of a header's shape that are still read


def change(path, rng):
    """Change, add or leave out some bytes, most of them near the beginning."""
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 2, 5])):
        at = rng.randrange(min(len(data), rng.choice([64, 600, len(data)])))
        kind = rng.randrange(4)
        if kind == 0:
            data[at] = rng.randrange(256)
        elif kind == 1:
            data[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"nan "])
        elif kind == 2:
            del data[at : at + rng.randrange(1, 20)]
        else:
            data[at:at] = rng.randbytes(3)
    path.write_bytes(data)


def read(kind, path):
    source = (open_volume if kind == "volume" else open_slide)(str(path))
    if np.prod(source.shape, dtype=float) < LARGEST:
        (source.read if kind == "volume" else RgbReader(source))(0, source.shape[0])


@pytest.mark.filterwarnings("ignore")  # of libraries, about what they read
@pytest.mark.parametrize("kind", ["volume", "slide"])
def test_changed_bytes_end_in_a_sentence(kind, capfd):
    rng = random.Random(0)
    writers = (raw_volumes if kind == "volume" else raw_slides).CONTAINERS
    shape = raw_volumes.SHAPE if kind == "volume" else raw_slides.SHAPE
    truth = np.random.default_rng(0).integers(1, 255, shape)
    truth = truth.astype(np.uint16 if kind == "volume" else np.uint8)
    refused = 0
    for name, write in writers.items():
        for _ in range(8):
            with tempfile.TemporaryDirectory() as folder:
                path = write(Path(folder), truth)
                change(rng.choice([f for f in Path(folder).rglob("*") if f.is_file()]), rng)
                try:
                    read(kind, path)
                except InputError as error:
                    assert folder in str(error), name
                    refused += 1
    assert refused > 20
