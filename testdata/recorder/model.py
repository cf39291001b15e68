"""What a data set is: how its programs are built, how they run, what the reference tool is asked about it."""

import dataclasses
from dataclasses import dataclass, field


@dataclass
class Build:
    """Copies a directory of testdata/src to /src/<to>, and runs a command there (if there is one)."""

    source: str
    to: str
    argv: list[str]


@dataclass
class Run:
    """One program run to its end, with GOCOVERDIR=/coverage; the files go to data/<directory>."""

    directory: str
    argv: list[str]
    exit_code: int = 0
    cwd: str = "/"


@dataclass
class Request:
    """One HTTP request and the status that the program must answer with."""

    method: str
    path: str
    status: int = 200
    body: str | None = None


@dataclass
class ServerRun:
    """A server as process 1: each round is some requests, then SIGUSR1, which writes one counter file.

    The files are taken while the server runs; then it is killed, and writes nothing more.
    """

    directory: str
    argv: list[str]
    rounds: list[list[Request]]


@dataclass
class Copy:
    """Puts copies of other recorded directories (relative to the data set) into data/<directory>."""

    directory: str
    sources: list[str]


@dataclass
class Rewrite:
    """Runs a program over counter files of a recorded directory: the result goes to data/<directory>, with
    a copy of the meta file, under the name of the first counter file.

    The program gets `-o FILE` and the first `count` counter files, the oldest first.
    """

    directory: str
    source: str
    argv: list[str]
    count: int


@dataclass
class Question:
    """One run of the reference tool: `covdata <command> -i=<inputs> <flags>`.

    The answer is stored under the name. Without inputs: those of the data set.
    """

    command: str
    name: str
    inputs: list[str] | None = None
    flags: list[str] = field(default_factory=list)

    def arguments(self, default_inputs: list[str]) -> list[str]:
        """The arguments; {out} stands for the file or directory that -o names."""
        inputs = ",".join(self.inputs or default_inputs)
        out = ["-o={out}"] if self.command in ("textfmt", "merge", "subtract", "intersect") else []
        return [self.command, f"-i={inputs}", *self.flags, *out]


REPORTS = ("percent", "func", "pkglist", "textfmt", "debugdump")
USUAL = [Question(command, command) for command in (*REPORTS, "merge")]


@dataclass
class DataSet:
    """One directory below testdata/recorded/<version>/."""

    name: str
    about: str
    modes: list[str]
    source: str
    builds: list[Build]
    runs: list[Run | ServerRun | Copy | Rewrite]
    inputs: list[str]
    questions: list[Question] = field(default_factory=lambda: list(USUAL))


def about_inputs(suffix: str, inputs: list[str], commands: tuple[str, ...]) -> list[Question]:
    """The same commands for other inputs: <command>.<suffix>."""
    return [Question(command, f"{command}.{suffix}", inputs) for command in commands]


def about_packages(suffix: str, pattern: str, commands: tuple[str, ...]) -> list[Question]:
    """The same commands with -pkg=<pattern>: <command>.<suffix>."""
    return [Question(command, f"{command}.{suffix}", flags=[f"-pkg={pattern}"]) for command in commands]


def as_json(value: object) -> dict:
    """A description for case.json."""
    return {"kind": type(value).__name__.lower(), **dataclasses.asdict(value)}
