"""Runs the parsers of Codecov's worker on reports of covreport, and records what they make of them.

    python record.py UMBRELLA COVREPORT TESTDATA

UMBRELLA is a checkout of https://github.com/codecov/umbrella, COVREPORT the program, TESTDATA the directory of that name in this
repository. Writes recorded.json beside this file. CONTRIBUTING.md says which packages are needed, and when to do this.
"""

import datetime
import json
import os
import subprocess
import sys
import types
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERSIONS = ["1.21.13", "1.24.11", "1.26.6", "1.27.3"]
# Each data set of a version, with the source it was built from; sets.txt is read by the test, too.
SETS = dict(line.split() for line in (HERE / "sets.txt").read_text().splitlines())


def load_parsers(umbrella: Path):
    """Imports the parsers as they are. Only what talks to a database or a server is replaced, by modules that do nothing."""
    sys.path[:0] = [str(umbrella / "apps/worker"), str(umbrella / "libs/shared")]

    def stub(name: str, **attributes) -> None:
        module = types.ModuleType(name)
        module.__dict__.update(attributes)
        sys.modules[name] = module

    # The configuration of the repository is empty: every setting has its default.
    def setting(_yaml, _keys, default=None):
        return default

    # Without the initialisation of the package, which needs the worker's database.
    stub("services.report", __path__=[str(umbrella / "apps/worker/services/report")])
    stub("helpers.exceptions", CorruptRawReportError=ValueError, ReportExpiredException=ValueError)
    stub("services.yaml", read_yaml_field=setting)
    stub("services.yaml.reader", read_yaml_field=setting)
    stub("shared.yaml", UserYaml=dict)
    stub("shared.yaml.user_yaml", UserYaml=dict)

    from services.report.languages import cobertura, go, lcov

    return {"textfmt": go.from_txt, "lcov": lcov.from_txt, "cobertura": cobertura.from_xml}


def parse(read, name: str, content: bytes, toc: list[str], upload: int):
    """Codecov's report of one upload."""
    from lxml import etree
    from services.path_fixer import PathFixer
    from services.report.report_builder import ReportBuilder

    fixer = PathFixer(yaml_fixes=[], path_patterns=[], toc=toc)
    builder = ReportBuilder({}, upload, {}, fixer).create_report_builder_session("report")
    read(etree.fromstring(content) if name == "cobertura" else content, builder)
    return builder.output_report()


def totals(report) -> list[int]:
    return [report.totals.lines, report.totals.hits, report.totals.partials, report.totals.misses]


def shown(report):
    files = {}
    for path in sorted(report.files):
        lines = sorted((number, line.coverage) for number, line in report.get(path).lines)
        files[path] = " ".join(f"{number}:{coverage}" for number, coverage in lines)
    return {"totals": totals(report), "coverage": str(report.totals.coverage), "files": files}


def write(covreport: Path, option: str, root: Path, data: list[Path]) -> bytes:
    environment = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"}
    command = [covreport, f"--{option}", "--root", root, *data]
    return subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    ).stdout


def main() -> None:
    umbrella, covreport, testdata = (Path(argument).resolve() for argument in sys.argv[1:4])
    parsers = load_parsers(umbrella)
    single, merged = {}, {}
    for name, source in SETS.items():
        root = testdata / "src" / source
        toc = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
        for option, read in parsers.items():
            results = []
            for version in VERSIONS:
                data = testdata / "recorded" / version / name / "data"
                seen = shown(parse(read, option, write(covreport, option, root, [data]), toc, 0))
                # Versions of which Codecov says the same share a record.
                same = next((known for known in results if known["seen"] == seen), None)
                if same:
                    same["versions"].append(version)
                else:
                    results.append({"versions": [version], "seen": seen})
                if name == "server-atomic":
                    # Each pod as an upload of its own, merged by Codecov.
                    pods = sorted(data.iterdir())
                    reports = [write(covreport, option, root, [pod]) for pod in pods]
                    whole = parse(read, option, reports[0], toc, 0)
                    for upload, content in enumerate(reports[1:], 1):
                        whole.merge(parse(read, option, content, toc, upload))
                    merged.setdefault(option, {})[version] = totals(whole)
            single.setdefault(name, {})[option] = results
    result = {
        "about": "What the parsers of Codecov's worker make of covreport's reports of testdata/recorded, where the files of "
        "testdata/src are those of the repository. `lines` are NUMBER:COVERAGE, totals are lines, hits, partials, misses. "
        "`uploads` are the totals of server-atomic with each pod as an upload of its own.",
        "origin": "https://github.com/codecov/umbrella, apps/worker/services/report/languages and libs/shared",
        "commit": os.environ["UMBRELLA_COMMIT"],
        "command": "UMBRELLA_COMMIT=... python record.py UMBRELLA COVREPORT TESTDATA",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "reports": single,
        "uploads": merged,
    }
    (HERE / "recorded.json").write_text(json.dumps(result, indent=1) + "\n")


main()
