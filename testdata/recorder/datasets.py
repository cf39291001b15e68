"""The data sets: which program, built how, run with which arguments, and what is asked about the result."""

import pods
from model import (
    REPORTS,
    USUAL,
    Build,
    Copy,
    DataSet,
    Question,
    Rewrite,
    Run,
    ServerRun,
    about_inputs,
    about_packages,
)

MODES = ("set", "count", "atomic")


def all_datasets() -> list[DataSet]:
    """All, each after those whose files it uses."""
    return [
        *(cases(mode) for mode in MODES),
        panicked(),
        segments(),
        *(workspace(mode) for mode in MODES),
        single(),
        revised(),
        server(),
        server_tests(),
        server_tests_of_all_packages(),
        server_and_tests(),
    ]


def go_build(source: str, mode: str, packages: str, program: str, target: str) -> Build:
    cover = ["-cover", f"-covermode={mode}", f"-coverpkg={packages}"]
    return Build(source, source, ["go", "build", *cover, "-o", f"/app/{program}", target])


def build_cases(mode: str) -> Build:
    return go_build("cases", mode, "./...", "cases", "./cmd/cases")


def cases(mode: str) -> DataSet:
    return DataSet(
        name=f"cases-{mode}",
        about="Four runs of one program into one directory: one meta file, four counter files.",
        modes=[mode],
        source="cases",
        builds=[build_cases(mode)],
        runs=[
            Run("all", ["/app/cases"]),
            Run("all", ["/app/cases", "shapes", "pairs", "branches", "marker"]),
            Run("all", ["/app/cases", "literals", "layout", "mapped", "startup", "shapes"]),
            Run("all", ["/app/cases", "branches", "generated", "literals", "exit"], exit_code=3),
        ],
        inputs=["data/all"],
        questions=[
            *USUAL,
            *about_packages("pkg-tree", "example.com/cases/l...", ("percent", "textfmt", "merge")),
            *about_packages("pkg-two", "example.com/cases/pairs,example.com/cases/marker", REPORTS),
            *about_packages("pkg-none", "./...", REPORTS),
            Question("debugdump", "debugdump.live", flags=["-live"]),
        ],
    )


def panicked() -> DataSet:
    return DataSet(
        name="panicked-set",
        about="A run that ended in a panic: a meta file without counters.",
        modes=["set"],
        source="cases",
        builds=[build_cases("set")],
        runs=[Run("run", ["/app/cases", "shapes", "panic"], exit_code=2)],
        inputs=["data/run"],
    )


def segments() -> DataSet:
    def rewrite(directory: str, flavour: str, count: int) -> Rewrite:
        return Rewrite(directory, "data/separate", ["/app/segments", f"-flavour={flavour}"], count)

    return DataSet(
        name="segments-count",
        about="Two runs in separate files, and the same counters in forms that Go's encoder can write and its "
        "runtime does not: two segments in one file, the raw flavour, both. The reference tool reads the first "
        "segment only: whoever reads all must get for data/two-segments and data/raw-two-segments what the "
        "reference gets for data/separate.",
        modes=["count"],
        source="segments",
        builds=[
            build_workspace("count"),
            Build(
                "segments",
                "segments",
                ["go", "build", "-C=/go/src/cmd", "-overlay=/src/segments/overlay.json", "-o=/app/segments"]
                + ["cmd/segments"],
            ),
        ],
        runs=[
            Run("separate", ["/app/invoice", "twelve", "3"], exit_code=1),
            Run("separate", ["/app/invoice", "12.30", "3", "SE"]),
            rewrite("two-segments", "uleb128", 2),
            rewrite("raw", "raw", 1),
            rewrite("raw-two-segments", "raw", 2),
        ],
        inputs=["data/separate"],
        questions=[
            *USUAL,
            *about_inputs("two-segments", ["data/two-segments"], ("percent", "textfmt", "debugdump")),
            *about_inputs("raw", ["data/raw"], ("percent", "textfmt", "debugdump")),
            *about_inputs("raw-two-segments", ["data/raw-two-segments"], ("percent", "textfmt", "debugdump")),
        ],
    )


def build_workspace(mode: str) -> Build:
    return go_build("workspace", mode, "example.com/...", "invoice", "./app/cmd/invoice")


def workspace(mode: str) -> DataSet:
    return DataSet(
        name=f"workspace-{mode}",
        about="A go.work repository of three modules, one in a directory of another: two runs.",
        modes=[mode],
        source="workspace",
        builds=[build_workspace(mode)],
        runs=[
            Run("all", ["/app/invoice", "12.30", "3", "DE"]),
            Run("all", ["/app/invoice", "12.3", "3"], exit_code=1),
        ],
        inputs=["data/all"],
        questions=[
            *USUAL,
            *about_packages("pkg-library", "example.com/invoice/lib/...", ("percent", "func", "textfmt")),
        ],
    )


def single() -> DataSet:
    return DataSet(
        name="single-set",
        about="`go build main.go` without a module: the package command-line-arguments, absolute paths.",
        modes=["set"],
        source="single",
        builds=[Build("single", "app", ["go", "build", "-cover", "-o=/app/single", "main.go"])],
        runs=[Run("all", ["/app/single"]), Run("all", ["/app/single", "world"])],
        inputs=["data/all"],
    )


def revised() -> DataSet:
    def build(revision: str) -> Build:
        argv = go_build("", "atomic", "./...", f"revised-{revision}", "./cmd/revised").argv
        return Build(f"revised/{revision}", "revised", argv)

    return DataSet(
        name="revised-atomic",
        about="Two builds of one program, as during a rolling update: notice.go differs, the other files do "
        "not. One replica of each build, and a directory (a shared volume) with both.",
        modes=["atomic"],
        source="revised",
        builds=[build("first"), build("second")],
        runs=[
            Run("replica-0", ["/app/revised-first", "ada"]),
            Run("replica-1", ["/app/revised-second", "", "grace"]),
            Run("volume", ["/app/revised-first", ""]),
            Run("volume", ["/app/revised-second", "a name that is rather long"]),
        ],
        inputs=["data/volume"],
        questions=[
            *USUAL,
            *about_inputs("replicas", ["data/replica-0", "data/replica-1"], (*REPORTS, "merge")),
            Question("merge", "merge.pcombine", flags=["-pcombine"]),
        ],
    )


def server() -> DataSet:
    every_pod = [f"data/{name}" for name in pods.REQUESTS]
    return DataSet(
        name="server-atomic",
        about="Four pods of one service, flushed by SIGUSR1 while they run as process 1; pod-3 twice. Each pod "
        "got other requests.",
        modes=["atomic"],
        source="server",
        builds=[go_build("server", "atomic", "./...", "library", "./cmd/library")],
        runs=[ServerRun(name, ["/app/library"], rounds) for name, rounds in pods.REQUESTS.items()],
        inputs=every_pod,
        questions=[
            *USUAL,
            *(q for pod in every_pod for q in about_inputs(pod.removeprefix("data/"), [pod], ("percent", "func"))),
            *about_packages("pkg-internal", "example.com/library/internal/...", (*REPORTS, "merge")),
            *about_packages("pkg-dots", ".../lending,.../api", ("percent", "pkglist")),
            Question("merge", "merge.pcombine", flags=["-pcombine"]),
            Question("debugdump", "debugdump.live", flags=["-live"]),
            Question("subtract", "subtract", every_pod[1:3]),
            Question("intersect", "intersect", every_pod[1:3]),
        ],
    )


def go_test(directory: str, *flags: str) -> Run:
    argv = ["go", "test", "-count=1", "-cover", *flags, "./...", "-args", "-test.gocoverdir=/coverage"]
    return Run(directory, argv, cwd="/src/server")


def server_tests() -> DataSet:
    return DataSet(
        name="server-tests-set",
        about="The unit tests of the service, each package measured by its own tests: one meta file per package "
        "that has tests. `go test` measures in set mode unless told otherwise.",
        modes=["set"],
        source="server",
        builds=[Build("server", "server", [])],
        runs=[go_test("tests")],
        inputs=["data/tests"],
    )


def server_tests_of_all_packages() -> DataSet:
    return DataSet(
        name="server-coverpkg-set",
        about="The same tests with -coverpkg: each test program measures its own package and those that it imports, "
        "so packages are in several meta files.",
        modes=["set"],
        source="server",
        builds=[Build("server", "server", [])],
        runs=[go_test("tests", "-coverpkg=./...")],
        inputs=["data/tests"],
        questions=[*USUAL, Question("merge", "merge.pcombine", flags=["-pcombine"])],
    )


def server_and_tests() -> DataSet:
    apart = [*(f"../server-atomic/data/{name}" for name in pods.REQUESTS), "../server-tests-set/data/tests"]
    return DataSet(
        name="server-mixed",
        about="Unit tests in set mode and pods in atomic mode: two modes in one directory, and (the goldens "
        "named *.apart) all pods and the tests in their own directories. textfmt refuses to mix modes.",
        modes=["atomic", "set"],
        source="server",
        builds=[],
        runs=[Copy("both", ["../server-atomic/data/pod-1", "../server-tests-set/data/tests"])],
        inputs=["data/both"],
        questions=[
            *USUAL,
            *about_inputs("apart", apart, (*REPORTS, "merge")),
            Question("merge", "merge.apart-pcombine", apart, ["-pcombine"]),
        ],
    )
