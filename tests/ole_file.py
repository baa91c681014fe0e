"""OLE compound files, written from the format's description ([MS-CFB]); olefile only reads them."""

import struct

SECTOR, LARGE_SECTOR, MINI, CUTOFF = 512, 4096, 64, 4096
END, FREE, FAT, NONE = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD, 0xFFFFFFFF
STORAGE, STREAM, ROOT = 1, 2, 5


class Chains:
    """Units of one size in a row, and the table that links them."""

    def __init__(self, size):
        self.size, self.data, self.next = size, b"", []

    def add(self, content):
        """Append content; return its first unit."""
        count = -(-len(content) // self.size)
        if not count:
            return END
        first = len(self.next)
        self.next += [*range(first + 1, first + count), END]
        self.data += content.ljust(count * self.size, b"\0")
        return first


def entry(name, kind, child=NONE, right=NONE, start=0, size=0):
    """One entry of the directory."""
    text = name.encode("utf-16-le") + b"\0\0"
    return struct.pack(
        "<64sHBBIII16sI8s8sIQ", text, len(text), kind, 1, NONE, right, child, b"", 0, b"", b"",
        start, size,
    )  # fmt: skip


def write_ole(path, streams, sector=SECTOR):
    """Write streams, named folder/stream; small ones go into the mini stream.

    With large sectors (version 4 of the format) a file may be 64 times larger.
    """
    sectors, mini = Chains(sector), Chains(MINI)
    folders = {}
    for name, content in streams.items():
        folder, stream = name.split("/")
        folders.setdefault(folder, []).append((stream, content))
    entries = [None]
    numbers = {}
    for folder, inside in folders.items():  # siblings hang to the right of each other
        first = len(entries) + 1
        numbers[folder] = len(entries)
        entries.append((folder, first))
        for k, (stream, content) in enumerate(inside):
            chains = mini if len(content) < CUTOFF else sectors
            right = first + k + 1 if k + 1 < len(inside) else NONE
            entries.append(
                entry(stream, STREAM, right=right, start=chains.add(content), size=len(content))
            )
    order = list(numbers.values())
    for here, after in zip(order, [*order[1:], NONE], strict=True):
        name, child = entries[here]
        entries[here] = entry(name, STORAGE, child=child, right=after)
    root = {"start": sectors.add(mini.data), "size": len(mini.data)}
    entries[0] = entry("Root Entry", ROOT, child=order[0], **root)
    directory = sectors.add(b"".join(entries))
    table = struct.pack(f"<{len(mini.next)}I", *mini.next)
    mini_start, mini_count = sectors.add(table), -(-len(table) // sector)
    per_sector = sector // 4
    n_fat = 1
    while len(sectors.next) + n_fat > n_fat * per_sector:
        n_fat += 1
    places = list(range(len(sectors.next), len(sectors.next) + n_fat))
    fat = sectors.next + [FAT] * n_fat
    fat += [FREE] * (n_fat * per_sector - len(fat))
    version, directory_sectors = 3, 0
    if sector != SECTOR:
        version, directory_sectors = 4, -(-sum(map(len, entries)) // sector)
    header = struct.pack(
        "<8s16sHHHHH6sIIIIIIIIII", bytes.fromhex("d0cf11e0a1b11ae1"), b"", 0x3E, version, 0xFFFE,
        sector.bit_length() - 1, 6, b"", directory_sectors, n_fat, directory, 0, CUTOFF,
        mini_start, mini_count, END, 0, *places[:1],
    )  # fmt: skip
    header += struct.pack("<108I", *(places[1:] + [FREE] * 108)[:108])
    path.write_bytes(
        header.ljust(sector, b"\0") + sectors.data + struct.pack(f"<{len(fat)}I", *fat)
    )
    return path
