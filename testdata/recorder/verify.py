"""Looks at what is committed: every file accounted for, nothing of a machine in it, small, and useful."""

import getpass
import json
import re
import socket
from pathlib import Path

import counterfile

LIMIT = 4 * 1024 * 1024  # bytes, all of testdata/recorded and testdata/src

# Directories in which people and machines keep their things, and none of the sandbox's.
FOREIGN = [b"/tmp/", b"/root/", b"/home/", b"/Users/", b"/var/", b"site-packages"]


def problems(testdata: Path) -> list[str]:
    """What is wrong, a line each."""
    files = [path for root in ("recorded", "src") for path in sorted((testdata / root).rglob("*")) if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    found = [f"{size} bytes are more than {LIMIT}"] if size > LIMIT else []
    print(f"{len(files)} files, {size} bytes in recorded/ and src/")
    for path in files:
        found += [f"{path.relative_to(testdata)}: holds {text!r}" for text in traces(path.read_bytes(), testdata)]
    homes = sorted((testdata / "recorded").glob("*/*"))
    if not homes:
        found.append("nothing is recorded")
    for home in homes:
        found += [f"{home.relative_to(testdata)}: {text}" for text in account(home)]
    for home in sorted((testdata / "recorded").glob("*/server-atomic")):
        found += [f"{home.relative_to(testdata)}: {text}" for text in worth(home)]
    return found


def traces(content: bytes, testdata: Path) -> list[str]:
    """Parts of the content that come from this machine or one like it."""
    mine = [str(testdata.parent).encode(), socket.gethostname().encode()]
    if getpass.getuser() != "root":
        mine.append(getpass.getuser().encode())
    return [text.decode() for text in [*FOREIGN, *mine] if len(text) > 3 and text in content]


def account(home: Path) -> list[str]:
    """Files without provenance, and provenance without files."""
    case = json.loads((home / "case.json").read_text())
    named = [name for run in case["runs"] for name in run["files"]]
    found = [f"{name} is named twice" for name in {n for n in named if named.count(n) > 1}]
    known = {"case.json", *named}
    for golden in case["goldens"]:
        for name in filter(None, (golden[key] for key in ("stdout", "stderr", "output"))):
            path = home / name
            known |= {str(p.relative_to(home)) for p in path.iterdir()} if path.is_dir() else {name}
    present = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
    found += [f"{name}: no entry in case.json" for name in sorted(present - known)]
    found += [f"{name}: is missing" for name in sorted(known - present)]
    for name in sorted(present):
        base = Path(name).name
        if base.startswith("cov") and not (
            counterfile.NAME.fullmatch(base) or counterfile.META_NAME.fullmatch(base)
        ):
            found.append(f"{name}: not a name of a coverage file")
    for run in case["runs"]:
        pids = {counterfile.NAME.fullmatch(Path(name).name) for name in run["files"]}
        if run["kind"] == "serverrun" and any(match and match[2] != "1" for match in pids):
            found.append(f"{run['directory']}: counters of a server that was not process 1")
    return found


def worth(home: Path) -> list[str]:
    """The pods together must show clearly more than each of them alone, and not everything."""
    together = total(home / "golden" / "func.txt")
    alone = {path.stem: total(path) for path in sorted((home / "golden").glob("func.pod-*.txt"))}
    print(f"{home.parent.name}: all pods {together} %, " + ", ".join(f"{k} {v} %" for k, v in alone.items()))
    found = [] if len(alone) == 4 else [f"goldens of {len(alone)} pods"]
    if not 0 < max(alone.values(), default=0) < together - 10 < 90:
        found.append("the percentages show little")
    return found


def total(func: Path) -> float:
    """The grand total in the reference's func report, percent of statements."""
    return float(re.search(r"^total\s+\(statements\)\s+([0-9.]+)%$", func.read_text(), re.MULTILINE)[1])
