"""Just enough of the counter file format to tell whether two files say the same.

Layout after Go's internal/coverage/defs.go and encodecounter/encode.go; all numbers little-endian. Header of
32 bytes: magic, version (4 bytes), meta hash (16 bytes), flavour, endianness, padding. A segment: number of
functions in the file up to its end (8 bytes), lengths of the string table and of the arguments with their
padding (4 bytes each), those two, the functions, a footer of 16 bytes with the number of segments so far.
The string table is in the order of a Go map, so two equal runs give unequal bytes there.
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

NAME = re.compile(r"covcounters\.([0-9a-f]{32})\.([0-9]+)\.([0-9]+)")
META_NAME = re.compile(r"covmeta\.([0-9a-f]{32})")
HEADER_SIZE = 32
SEGMENT_HEADER_SIZE = 16
FOOTER_SIZE = 16
RAW = 1


def parse(data: bytes) -> tuple[bytes, list]:
    """The header, and of each segment its arguments (sorted) and its functions (sorted).

    A function is a package index, a function index and the counters.
    """
    header, at, before, segments = data[:HEADER_SIZE], HEADER_SIZE, 0, []
    raw = header[24] == RAW
    while at < len(data):
        functions, table, arguments = struct.unpack_from("<QII", data, at)
        at += SEGMENT_HEADER_SIZE
        strings = read_strings(data[at : at + table])
        at += table
        pairs = numbers(data, at, False)
        told = sorted((strings[next(pairs)[0]], strings[next(pairs)[0]]) for _ in range(next(pairs)[0]))
        at += arguments
        payload, found = numbers(data, at, raw), []
        for _ in range(functions - before):
            (length, _), (package, _), (function, at) = next(payload), next(payload), next(payload)
            counters = []
            for _ in range(length):
                value, at = next(payload)
                counters.append(value)
            found.append((package, function, counters))
        at += FOOTER_SIZE
        before = functions
        segments.append((told, sorted(found)))
    return header, segments


def numbers(data: bytes, at: int, raw: bool) -> Iterator[tuple[int, int]]:
    """The numbers from an offset on, each with the offset behind it: 4 bytes each, or ULEB128."""
    while raw:
        yield struct.unpack_from("<I", data, at)[0], at + 4
        at += 4
    value = shift = 0
    while at < len(data):
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            yield value, at
            value = shift = 0


def read_strings(table: bytes) -> list[str]:
    strings, (count, at) = [], next(numbers(table, 0, False))
    for _ in range(count):
        length, at = next(numbers(table, at, False))
        strings.append(table[at : at + length].decode())
        at += length
    return strings


def directory_content(directory: Path) -> tuple[dict[str, bytes], list]:
    """The meta files of a directory by name, and what its counter files say, without process IDs and times."""
    metas, counters = {}, []
    for path in sorted(directory.iterdir()):
        if META_NAME.fullmatch(path.name):
            metas[path.name] = path.read_bytes()
        elif match := NAME.fullmatch(path.name):
            header, segments = parse(path.read_bytes())
            counters.append((match[1], header, without_random_names(segments)))
        else:
            raise ValueError(f"{path}: neither meta nor counter file")
    return metas, sorted(counters)


def without_random_names(segments: list) -> list:
    """A test program lies in a directory of the go command with a random number in its name."""
    return [
        ([(key, re.sub(r"go-build[0-9]+/b[0-9]+", "go-build", value)) for key, value in told], functions)
        for told, functions in segments
    ]
