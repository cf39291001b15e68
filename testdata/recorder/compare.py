"""Compares a fresh recording with the committed one, but for what differs from run to run."""

import json
import re
from pathlib import Path

import counterfile

# Process ID and time in the name of a counter file; the go command's random directory names.
VOLATILE = re.compile(r"(covcounters\.[0-9a-f]{32})\.[0-9]+\.[0-9]+|(go-build)[0-9]+/b[0-9]+")


def differences(committed: Path, fresh: Path, versions: list[str]) -> list[str]:
    """What differs, a line each. Both directories hold <version>/<data set>/."""
    found = []
    for version in versions:
        names = {path.name for root in (committed, fresh) for path in (root / version).glob("*")}
        for name in sorted(names):
            pair = [root / version / name for root in (committed, fresh)]
            if not all((home / "case.json").is_file() for home in pair):
                found.append(f"{version}/{name}: in one of the two only")
                continue
            found += [f"{version}/{name}: {text}" for text in compare_set(*pair)]
    return found


def compare_set(committed: Path, fresh: Path) -> list[str]:
    found = []
    if case(committed) != case(fresh):
        found.append("case.json differs")
    files, directories = outputs(committed)
    if outputs(fresh) != (files, directories):
        return [*found, "other goldens"]
    for name in sorted(files):
        a, b = (neutral((home / name).read_text()) for home in (committed, fresh))
        if a != b:
            found.append(f"{name} differs")
    for name in sorted(directories | data_directories(committed) | data_directories(fresh)):
        contents = [
            counterfile.directory_content(home / name) if (home / name).is_dir() else None
            for home in (committed, fresh)
        ]
        if contents[0] != contents[1]:
            found.append(f"the decoded content of {name} differs")
    return found


def case(home: Path) -> object:
    return json.loads(neutral((home / "case.json").read_text()))


def outputs(home: Path) -> tuple[set[str], set[str]]:
    """The goldens that are files, and those that are directories of coverage files."""
    names = {
        golden[key]
        for golden in json.loads((home / "case.json").read_text())["goldens"]
        for key in ("stdout", "stderr", "output")
        if golden[key]
    }
    directories = {name for name in names if (home / name).is_dir()}
    return names - directories, directories


def data_directories(home: Path) -> set[str]:
    return {f"data/{path.name}" for path in (home / "data").iterdir()}


def neutral(text: str) -> str:
    """The text without process IDs and times, and with debugdump's lines about counter files in an order that
    does not depend on them (the reference orders the files by name)."""
    lines = VOLATILE.sub(r"\1\2", text).splitlines(keepends=True)
    data_files = iter(sorted(line for line in lines if line.startswith("data file ")))
    return "".join(next(data_files) if line.startswith("data file ") else line for line in lines)
