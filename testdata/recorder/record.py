"""Makes the recording: builds, runs, asks the reference tool, and writes case.json beside the results."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import pods
import reference
from model import Build, Copy, DataSet, Rewrite, Run, ServerRun, as_json
from sandbox import COVERAGE, ENVIRONMENT, Sandbox


def record(
    testdata: Path, recorded: Path, go_roots: dict[str, Path], versions: list[str], sets: list[DataSet]
) -> None:
    """Records every data set with these Go versions, in directories <recorded>/<version>/<data set>.

    The last of go_roots is the newest reference.
    """
    with tempfile.TemporaryDirectory() as root:
        box = Sandbox(Path(root), recorded)
        for version, go_root in go_roots.items():
            print(f"record.sh: Go {version}: the reference tool", file=sys.stderr)
            box.use_toolchain(go_root, testdata / ".cache" / version)
            reference.build(box, version)
            check_format(box, testdata / "src")
        newest = list(go_roots)[-1]
        for version in versions:
            box.use_toolchain(go_roots[version], testdata / ".cache" / version)
            for one in sets:
                print(f"record.sh: Go {version}: {one.name}", file=sys.stderr)
                home = recorded / version / one.name
                home.mkdir(parents=True)
                case = record_one(box, testdata / "src", home, one) | {"go": version}
                case["goldens"] = [
                    golden
                    for question in one.questions
                    for golden in reference.answer(box, home, question, one.inputs, [version, newest])
                ]
                write_case(home, case)
        box.close()


def record_one(box: Sandbox, sources: Path, home: Path, one: DataSet) -> dict:
    """Builds and runs; the result is the provenance part of case.json."""
    empty(box.root / "src")
    empty(box.root / "app")
    for build in one.builds:
        run_build(box, sources, build)
    runs = []
    for run in one.runs:
        data = home / "data" / run.directory
        before = names(data)
        restore(box, data)
        if isinstance(run, Run):
            run_to_end(box, run, data)
        elif isinstance(run, ServerRun):
            pods.record_pod(box, run, data)
        elif isinstance(run, Copy):
            for source in run.sources:
                shutil.copytree(home / source, data, dirs_exist_ok=True)
        elif isinstance(run, Rewrite):
            rewrite(box, run, home / run.source, data)
        files = sorted(names(data) - before)
        if not files:
            raise SystemExit(f"record.sh: {one.name}: {run} wrote no file")
        runs.append(as_json(run) | {"files": [f"data/{run.directory}/{name}" for name in files]})
    platform = box.run(["go", "env", "GOOS", "GOARCH"], executable="/go/bin/go").stdout.decode().split()
    return {
        "about": one.about,
        "source": f"src/{one.source}",
        "goos": platform[0],
        "goarch": platform[1],
        "modes": one.modes,
        "environment": ENVIRONMENT | COVERAGE,
        "builds": [as_json(build) for build in one.builds],
        "runs": runs,
        "inputs": one.inputs,
    }


def run_build(box: Sandbox, sources: Path, build: Build) -> None:
    target = box.root / "src" / build.to
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(sources / build.source, target)
    if build.argv:
        box.go(build.argv, cwd=f"/src/{build.to}")


def run_to_end(box: Sandbox, run: Run, data: Path) -> None:
    executable = "/go/bin/go" if run.argv[0] == "go" else run.argv[0]
    done = box.run(run.argv, cwd=run.cwd, env=COVERAGE, executable=executable)
    if done.returncode != run.exit_code:
        output = (done.stdout + done.stderr).decode(errors="replace")
        raise SystemExit(f"record.sh: {run}: exit code {done.returncode}\n{output}")
    shutil.copytree(box.root / "coverage", data, dirs_exist_ok=True)


def rewrite(box: Sandbox, run: Rewrite, source: Path, data: Path) -> None:
    counters = sorted(source.glob("covcounters.*"), key=lambda path: int(path.name.split(".")[3]))
    for path in source.iterdir():
        shutil.copy(path, box.root / "coverage")
    target = f"/coverage/{counters[0].name}"
    box.go([*run.argv, f"-o={target}.new", *(f"/coverage/{path.name}" for path in counters[: run.count])], cwd="/")
    data.mkdir(parents=True)
    shutil.copy(box.root / f"{target[1:]}.new", data / counters[0].name)
    shutil.copy(next(source.glob("covmeta.*")), data)


def check_format(box: Sandbox, sources: Path) -> None:
    """Every Go file is as gofmt would have it, but for those that say why not."""
    empty(box.root / "src")
    shutil.copytree(sources, box.root / "src", dirs_exist_ok=True)
    for line in box.run(["gofmt", "-l", "/src"], executable="/go/bin/gofmt").stdout.decode().splitlines():
        if "not gofmt'ed, on purpose" not in (box.root / line[1:]).read_text():
            raise SystemExit(f"record.sh: {line} wants gofmt")


def restore(box: Sandbox, data: Path) -> None:
    """Gives /coverage the content that an earlier run into the same directory left."""
    empty(box.root / "coverage")
    if data.is_dir():
        shutil.copytree(data, box.root / "coverage", dirs_exist_ok=True)


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()} if directory.is_dir() else set()


def empty(directory: Path) -> None:
    for path in directory.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def write_case(home: Path, case: dict) -> None:
    first = ["about", "go", "goos", "goarch", "modes", "source"]
    ordered = {key: case[key] for key in first} | case
    (home / "case.json").write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")
