"""The reference: Go's own covdata, built from the toolchain's source, and its answers as goldens."""

import shutil
from pathlib import Path

import counterfile
from model import Question
from sandbox import Sandbox


def build(box: Sandbox, version: str) -> None:
    """Builds covdata of the toolchain at /go as /ref/<version>/covdata. Go 1.25 and later do not ship it."""
    box.go(["go", "build", f"-o=/ref/{version}/covdata", "cmd/covdata"], cwd="/go/src/cmd")


def answer(box: Sandbox, home: Path, question: Question, inputs: list[str], versions: list[str]) -> list[dict]:
    """Asks each version and stores the answers below golden/: the first version's as golden/<name>..., the
    newest's as golden/newest/<name>... where it differs. The result is the entries for case.json.
    """
    own, newest = versions
    arguments = question.arguments(inputs)
    first = ask(box, home, arguments, own, home / "golden", question.name)
    if own == newest:
        return [first]
    second = ask(box, home, arguments, newest, home / "golden" / "newest", question.name)
    if same(home, first, second):
        for entry in ("stdout", "stderr", "output"):
            remove(home, second[entry])
        first["references"].append(newest)
        return [first]
    return [first, second]


def ask(box: Sandbox, home: Path, arguments: list[str], version: str, golden: Path, name: str) -> dict:
    golden.mkdir(parents=True, exist_ok=True)
    is_directory = arguments[0] in ("merge", "subtract", "intersect")
    out = golden / (name if is_directory else f"{name}.txt")
    if is_directory:
        out.mkdir()
    inside = f"/recorded/{home.parent.name}/{home.name}"
    argv = ["covdata", *(a.replace("{out}", str(out.relative_to(home))) for a in arguments)]
    done = box.run(argv, cwd=inside, executable=f"/ref/{version}/covdata")
    if done.returncode != 0 and is_directory and not any(out.iterdir()):
        out.rmdir()
    if out.is_file() and out.stat().st_size == 0 and done.returncode != 0:
        out.unlink()
    output = str(out.relative_to(home)) if out.exists() else None
    return {
        "name": name,
        "references": [version],
        "arguments": arguments,
        "exit": done.returncode,
        "stdout": store(home, golden / f"{name}.{'stdout.' if output else ''}txt", done.stdout),
        "stderr": store(home, golden / f"{name}.stderr.txt", done.stderr),
        "output": output,
    }


def store(home: Path, path: Path, content: bytes) -> str | None:
    if not content:
        return None
    path.write_bytes(content)
    return str(path.relative_to(home))


def remove(home: Path, name: str | None) -> None:
    if name is None:
        return
    path = home / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    if not any(path.parent.iterdir()):
        path.parent.rmdir()


def same(home: Path, first: dict, second: dict) -> bool:
    """Whether two answers say the same. Merged counter files have the time in their names and their string
    table in the order of a Go map: what counts is the decoded content."""
    if first["exit"] != second["exit"]:
        return False
    for entry in ("stdout", "stderr", "output"):
        a, b = first[entry], second[entry]
        if (a is None) != (b is None) or (a and content(home / a) != content(home / b)):
            return False
    return True


def content(path: Path) -> object:
    if path.is_dir():
        return counterfile.directory_content(path)
    return path.read_bytes()
