"""A file system, a process table and a network of our own, so that nothing of this machine gets recorded.

Coverage files hold the program's arguments and, for `go build main.go`, the absolute paths of its sources;
their names hold the process ID. So programs are built and run below a root directory that looks the same
everywhere:

    /go        the Go toolchain of the moment, read-only
    /src       copies of testdata/src
    /app       the built programs
    /coverage  GOCOVERDIR
    /recorded  the recording being made; the reference tool runs here, with relative paths
    /ref       the reference tools, one directory per version
    /build, /cache   temporary files and build cache of the go command

Linux only. Needs unshare(1), and either root or unprivileged user namespaces.
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

ENVIRONMENT = {
    "PATH": "/go/bin",
    "HOME": "/build",
    "GOTMPDIR": "/build",
    "GOCACHE": "/cache",
    "GOENV": "off",
    "GOPROXY": "off",
    "GOTOOLCHAIN": "local",
    "CGO_ENABLED": "0",
}
COVERAGE = {"GOCOVERDIR": "/coverage"}


def reenter(arguments: list[str]) -> None:
    """Starts this program again in new mount, process and network namespaces."""
    unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    for as_user in ([], ["--user", "--map-root-user"]):
        if subprocess.run([*unshare, *as_user, "true"], capture_output=True).returncode == 0:
            break
    else:
        raise SystemExit("record.sh: unshare is refused: this needs root or unprivileged user namespaces")
    done = subprocess.run([*unshare, *as_user, sys.executable, "-B", str(Path(__file__).parent), *arguments])
    if done.returncode != 0:
        raise SystemExit(f"record.sh: recording failed (exit code {done.returncode})")


class Sandbox:
    """The root directory described above."""

    def __init__(self, root: Path, recorded: Path):
        self.root = root
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", root)
        for name in ("go", "src", "app", "coverage", "recorded", "ref", "build", "cache", "dev", "proc"):
            (root / name).mkdir()
        (root / "dev" / "null").touch()
        mount("--bind", "/dev/null", root / "dev" / "null")
        mount("--rbind", "/proc", root / "proc")
        mount("--bind", recorded, root / "recorded")
        raise_loopback()

    def use_toolchain(self, go_root: Path, cache: Path) -> None:
        """Puts a Go tree at /go and its build cache at /cache."""
        cache.mkdir(parents=True, exist_ok=True)
        for source, name in ((go_root, "go"), (cache, "cache")):
            if os.path.ismount(self.root / name):
                subprocess.run(["umount", self.root / name], check=True)
            mount("--bind", source, self.root / name)
        mount("-o", "remount,bind,ro", self.root / "go")

    def close(self) -> None:
        """Takes the file systems away again, so that the root directory can be removed."""
        subprocess.run(["umount", "--recursive", self.root], check=True)

    def run(self, argv: list[str], cwd: str = "/", env: dict[str, str] | None = None, executable: str | None = None):
        """Runs a program to its end, inside, and gives the CompletedProcess with its output as bytes."""

        def enter() -> None:
            os.chroot(self.root)
            os.chdir(cwd)

        return subprocess.run(
            argv, executable=executable, env=ENVIRONMENT | (env or {}), preexec_fn=enter, capture_output=True
        )

    def go(self, argv: list[str], cwd: str) -> None:
        """Runs a command that must succeed."""
        done = self.run(argv, cwd=cwd, executable="/go/bin/go" if argv[0] == "go" else argv[0])
        if done.returncode != 0:
            output = (done.stdout + done.stderr).decode(errors="replace")
            raise SystemExit(f"record.sh: {' '.join(argv)} in {cwd}: exit code {done.returncode}\n{output}")

    def start_as_pid_1(self, argv: list[str]) -> subprocess.Popen:
        """Starts a program as process 1 of a process namespace of its own, as in a container."""
        unshare = ["unshare", "--pid", "--fork", "--kill-child", f"--root={self.root}", "--wd=/"]
        executable = shutil.which("unshare")
        env = ENVIRONMENT | COVERAGE
        return subprocess.Popen([*unshare, *argv], executable=executable, env=env, stderr=subprocess.PIPE)


def child_of(process: subprocess.Popen) -> int:
    """The ID, outside, of the one child of a process: that of the program under unshare."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # It has ended in the meantime.
                continue
            if int(fields[1]) == process.pid:
                return int(entry.name)
    raise SystemExit("record.sh: the server has no process")


def mount(*arguments) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


def raise_loopback() -> None:
    """Sets the loopback interface up: a new network namespace has it, but down."""
    siocgifflags, siocsifflags, iff_up = 0x8913, 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        # struct ifreq: a name of 16 bytes, then a union of 24 bytes whose first two are the flags.
        answer = fcntl.ioctl(s, siocgifflags, struct.pack("16sh22x", b"lo", 0))
        flags = struct.unpack_from("16sh", answer)[1]
        fcntl.ioctl(s, siocsifflags, struct.pack("16sh22x", b"lo", flags | iff_up))
