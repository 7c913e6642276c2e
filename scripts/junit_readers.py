#!/usr/bin/env python3
"""What two independent readers of JUnit files make of ours: junitparser and xunitparser, from PyPI.

    python3 -m venv target/readers && target/readers/bin/pip install junitparser==5.0.3 xunitparser==1.3.4
    target/readers/bin/python scripts/junit_readers.py            # renews src/report/sample/junit.readings.json
    target/readers/bin/python scripts/junit_readers.py --check    # 1 if it differs

They read the sample that the tests of `src/report/junit.rs` render and keep. Those tests compare the stored reading with
what was written, so that they need no Python.
"""

import io
import json
import sys
from pathlib import Path

import junitparser
import xunitparser

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "src/report/snapshots/anarcho_chimp__report__junit__tests__a_suite_a_feature_and_a_case_a_scenario.snap"
READINGS = ROOT / "src/report/sample/junit.readings.json"


def sample():
    """The XML below the header of the stored sample."""
    return SAMPLE.read_text(encoding="utf-8").split("\n---\n", 1)[1].lstrip("\n")


def by_junitparser(text):
    suites = []
    for suite in junitparser.JUnitXml.fromstring(text.encode()):
        cases = []
        for case in suite:
            ended = case.result[0] if case.result else None
            cases.append({
                "name": case.name,
                "classname": case.classname,
                "time": case.time,
                "result": {None: "success", "Failure": "failure", "Error": "error", "Skipped": "skipped"}[
                    type(ended).__name__ if ended is not None else None],
                "type": ended.type if ended is not None else None,
                "message": ended.message if ended is not None else None,
            })
        suites.append({
            "name": suite.name,
            "tests": suite.tests,
            "failures": suite.failures,
            "errors": suite.errors,
            "skipped": suite.skipped,
            "time": suite.time,
            "timestamp": suite.timestamp,
            "properties": {one.name: one.value for one in suite.properties()},
            "cases": cases,
        })
    return suites


def by_xunitparser(text):
    suite, _ = xunitparser.parse(io.StringIO(text.split("?>", 1)[1]))
    return [{
        "name": case.methodname,
        "classname": case.classname,
        "time": case.time.total_seconds(),
        "result": case.result,
        "type": case.typename,
        "message": case.message,
    } for case in suite]


def main():
    text = sample()
    suites = by_junitparser(text)
    cases = [case for suite in suites for case in suite["cases"]]
    if cases != by_xunitparser(text):
        sys.exit(f"junit_readers: the readers differ:\n{cases}\n{by_xunitparser(text)}")
    reading = json.dumps(suites, indent=2, ensure_ascii=False) + "\n"
    if "--check" not in sys.argv[1:]:
        READINGS.write_text(reading, encoding="utf-8")
    elif READINGS.read_text(encoding="utf-8") != reading:
        sys.exit(f"junit_readers: {READINGS.relative_to(ROOT)} differs; run scripts/junit_readers.py")


if __name__ == "__main__":
    main()
