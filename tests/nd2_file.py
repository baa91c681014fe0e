"""A Nikon ND2 of one frame, written chunk by chunk (the version whose metadata is XML)."""

import struct
import zlib
from pathlib import Path

import numpy as np

MAGIC = 0x0ABECEDA
ALIGNMENT = 4096


COMPRESSIONS = ("lossless", "lossy", "none")


def write_nd2(
    path: Path,
    image: np.ndarray,
    planes: int,
    pixel_um: float,
    *,
    calibrated: bool = True,
    compression: str = "none",
    rest: int = 0,
    missing: int = 0,
) -> Path:
    """Write pixels (y, x, components) as they are stored; RGB is blue first, one plane of three.

    Each row ends in ``rest`` bytes without a meaning, and the last ``missing`` bytes are not there
    although the file is whole. With the compression "lossy" the file only
    says so.
    """
    height, width, components = image.shape
    rows = np.ascontiguousarray(image).view(np.uint8).reshape(height, -1)
    pixels = np.pad(rows, ((0, 0), (0, rest))).tobytes()
    pixels = pixels[: len(pixels) - missing]
    attributes = {
        "uiWidth": width, "uiHeight": height, "uiComp": components,
        "uiWidthBytes": rows.shape[1] + rest, "uiBpcInMemory": 8 * image.itemsize,
        "uiBpcSignificant": 8 * image.itemsize, "uiSequenceCount": 1,
        "eCompression": COMPRESSIONS.index(compression),
    }  # fmt: skip
    probe = _list("pFluorescentProbe", _numbers({"uiCount": 0}))
    plane_metadata = probe + _numbers({"uiCompCount": components // planes})
    listed = "".join(_list(f"a{k}", plane_metadata) for k in range(planes))
    metadata = (
        f'<dCalibration runtype="double" value="{pixel_um}"/>'
        f'<bCalibrated runtype="bool" value="{str(calibrated).lower()}"/>'
        + _list("sPicturePlanes", _numbers({"uiCount": planes}) + _list("sPlaneNew", listed))
    )
    chunks = {
        b"ImageAttributes!": _variant(_numbers(attributes)),
        b"ImageMetadataSeq|0!": _variant(metadata),
        b"ImageDataSeq|0!": bytes(8)  # a time stamp, then the pixels
        + (zlib.compress(pixels) if compression == "lossless" else pixels),
    }
    data = bytearray(_chunk(b"ND2 FILE SIGNATURE CHUNK NAME01!", b"Ver2.0".ljust(64, b"\0"), 32))
    places = b""
    for name, content in chunks.items():
        data += bytes(-len(data) % ALIGNMENT)
        places += name + struct.pack("<QQ", len(data), len(content))
        data += _chunk(name, content, ALIGNMENT - 24)
    data += bytes(-len(data) % ALIGNMENT)
    end = b"ND2 CHUNK MAP SIGNATURE 0000001!" + struct.pack("<Q", len(data))
    data += _chunk(b"ND2 FILEMAP SIGNATURE NAME 0001!", places + end, 32)
    path.write_bytes(data)
    return path


def _chunk(name: bytes, content: bytes, name_length: int) -> bytes:
    head = struct.pack("<IIQ", MAGIC, name_length, len(content))
    return head + name.ljust(name_length, b"\0") + content


def _numbers(values: dict[str, int]) -> str:
    return "".join(f'<{k} runtype="lx_uint32" value="{v}"/>' for k, v in values.items())


def _list(name: str, inside: str) -> str:
    return f'<{name} runtype="CLxListVariant">{inside}</{name}>'


def _variant(inside: str) -> bytes:
    return f'<variant version="1.0">{_list("no_name", inside)}</variant>'.encode()
