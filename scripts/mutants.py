#!/usr/bin/env python3
"""Plants the mistakes listed in tests/mutants.txt, one at a time, and says which of them the tests catch.

usage: scripts/mutants.py [--in FOLDER] [--list FILE] [NUMBER…]

The working tree is copied to a scratch folder (a temporary one, removed at the end, unless FOLDER is named; that one
is kept, and a second run in it is faster). There every listed fragment becomes a switch between the original and its
mutant, so that all of them are compiled once; the product's own code never holds a switch. Then the tests run once for
each mutant with that one switched on: first those of the library, then, for what those did not catch, the integration
tests. CARGO names another cargo.

Ends with 0 when no test is red without a mutant, every fragment matches and builds, at least 90 % are caught, and
every survivor is named in the list with a reason; with 2 when that cannot be told; else with 1.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ["checker::", "measure::", "judge::", "units::", "steps::", "declare::", "selector::", "fault::", "history::", "graph::", "observer::", "inventory::", "nemesis::"]
INTEGRATION = ["parameters", "vocabulary", "declare"]
WANTED = 0.9
# A mutant that never comes to an end is caught, too: far longer than all tests take.
PATIENCE_S = 120
SWITCH = """
/// Whether this mutant is switched on.
pub fn planted(number: u32) -> bool {
    static ON: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    *ON.get_or_init(|| std::env::var("MUTANT").ok().and_then(|on| on.parse().ok()).unwrap_or(0)) == number
}
"""


@dataclass
class Mutant:
    number: int
    file: str
    original: str
    mutated: str
    survives: str = ""
    result: str = ""
    by: str = ""


def refuse(why):
    print(f"mutants: {why}", file=sys.stderr)
    sys.exit(2)


def read_list(path):
    """The mutants of a list: blocks of a file's line, `- original`, `+ mutant` and, perhaps, `survives: why`."""
    text = "\n".join(line for line in path.read_text().splitlines() if not line.startswith("#"))
    mutants = []
    for block in re.split(r"\n\s*\n", text.strip()):
        file, *rest = block.strip().splitlines()
        parts = {}
        for line in rest:
            mark, _, value = line.strip().partition(" ")
            parts[mark] = value.strip()
        if "-" not in parts or "+" not in parts:
            refuse(f"{path.name}: a block of `{file}` lacks its `-` or its `+`")
        mutants.append(Mutant(len(mutants) + 1, file.strip(), parts["-"], parts["+"], parts.get("survives:", "")))
    return mutants


def copy_tree(scratch):
    """The tracked and the new files as they are now; what did not change keeps its time, so that it is not rebuilt."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    )
    names = {name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()}
    for name in names:
        write(scratch / name, (ROOT / name).read_bytes())
    for old in scratch.rglob("*"):
        if old.is_file() and str(old.relative_to(scratch)) not in names:
            old.unlink()


def write(path, content):
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def copy_dependencies(target):
    """What cargo has built of the dependencies already: nothing of this package, so nothing that a mutant could be in."""
    built = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
    own = re.compile(r"^(lib)?(anarcho|chimp)")
    for part in ["deps", "build", ".fingerprint"]:
        skip = lambda folder, names, part=part: [
            name for name in names if own.match(name) or (part == "deps" and not Path(name).suffix)
        ]
        if (built / part).is_dir() and not (target / "debug" / part).exists():
            shutil.copytree(built / part, target / "debug" / part, ignore=skip)


def plant(scratch, mutants):
    """Writes a switch for every mutant; returns the lines they came to lie on. A fragment must be there once."""
    places = {}
    for file in {mutant.file for mutant in mutants}:
        of_file = [mutant for mutant in mutants if mutant.file == file]
        path = ROOT / file
        text = path.read_text() if path.is_file() else ""
        # Tests in the same file say the same words; what stands before them is the product.
        product = text.split("#[cfg(test)]\nmod tests")[0]
        spots = {}
        for mutant in of_file:
            found = product.count(mutant.original)
            if found != 1:
                mutant.result = "no match" if found == 0 else f"matches {found} times"
                continue
            spots.setdefault((product.index(mutant.original), mutant.original), []).append(mutant)
        ordered = sorted(spots)
        for (start, original), (after, other) in zip(ordered, ordered[1:]):
            if start + len(original) > after:
                refuse(f"{file}: `{original}` and `{other}` overlap; write them as mutants of one fragment")
        for start, original in reversed(ordered):
            arms = [f"if crate::planted({m.number}) {{ {m.mutated} }} else" for m in spots[start, original]]
            text = f"{text[:start]}({' '.join(arms)} {{ {original} }}){text[start + len(original):]}"
        write(scratch / file, text.encode())
        for number, line in enumerate(text.splitlines(), 1):
            for switch in re.findall(r"crate::planted\((\d+)\)", line):
                places.setdefault((file, number), []).append(int(switch))
    lib = (scratch / "src/lib.rs").read_text().split(SWITCH)[0] + SWITCH
    write(scratch / "src/lib.rs", lib.encode())
    return places


def build(scratch, target):
    """Builds all tests; returns their executables by name, or the places of the errors and what they say."""
    tests = [word for name in INTEGRATION for word in ("--test", name)]
    command = shlex.split(os.environ.get("CARGO", "cargo")) + ["test", "--no-run", "--lib", *tests]
    # Incremental: a second run in the same folder is then a matter of seconds.
    env = os.environ | {"CARGO_TARGET_DIR": str(target), "CARGO_INCREMENTAL": "1"}
    built = subprocess.run(
        [*command, "--message-format", "json"], cwd=scratch, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    executables, places, said = {}, set(), []
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["profile"]["test"]:
            executables[message["target"]["name"].replace("-", "_")] = message["executable"]
        error = message.get("message") or {}
        if message["reason"] == "compiler-message" and error.get("level") == "error":
            said.append(error["rendered"])
            for span in error["spans"]:
                places |= {(span["file_name"], number) for number in range(span["line_start"], span["line_end"] + 1)}
    if built.returncode != 0 and not said:
        refuse("the copy does not build:\n" + built.stderr.decode()[-3000:])
    return (executables, set(), "") if built.returncode == 0 else ({}, places, "\n".join(said))


def build_what_builds(scratch, target, mutants):
    """Builds, leaving out the mutants that do not."""
    while True:
        left = [mutant for mutant in mutants if not mutant.result]
        lines = plant(scratch, left)
        executables, errors, said = build(scratch, target)
        if executables:
            return executables
        guilty = {number for place in errors for number in lines.get(place, [])}
        if not guilty:
            refuse(f"the tests do not build, with no mutant to blame:\n{said[-3000:]}")
        for mutant in mutants:
            if mutant.number in guilty:
                mutant.result = "does not build"
        print(f"mutants: left out, for they do not build: {sorted(guilty)}", flush=True)


def red(scratch, executables, number):
    """The first red test with this mutant on (0: none is), or nothing when all are green."""
    env = os.environ | {"MUTANT": str(number), "INSTA_UPDATE": "no", "INSTA_WORKSPACE_ROOT": str(scratch)}
    env |= {"RUST_BACKTRACE": "0", "PROPTEST_DISABLE_FAILURE_PERSISTENCE": "1", "CARGO_MANIFEST_DIR": str(scratch)}
    for name in ["anarcho_chimp", *INTEGRATION]:
        wanted = LIBRARY if name == "anarcho_chimp" else []
        try:
            ran = subprocess.run(
                [executables[name], *wanted], cwd=scratch, env=env, capture_output=True, timeout=PATIENCE_S, text=True
            )
        except subprocess.TimeoutExpired:
            return f"{name}: never came to an end"
        if ran.returncode != 0:
            failed = re.findall(r"^test (\S+) .*\bFAILED$", ran.stdout, re.M) or [f"ended with {ran.returncode}"]
            more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
            return (failed[0] if name == "anarcho_chimp" else f"{name}::{failed[0]}") + more
    return ""


def table(mutants):
    for mutant in mutants:
        print(f"{mutant.number:>4}  {mutant.result:<14}  {mutant.file}: `{mutant.original}` → `{mutant.mutated}`")
        if mutant.by:
            print(f"{'':>22}by {mutant.by}")
        if mutant.result == "survived":
            print(f"{'':>22}{mutant.survives or 'not named in the list as a survivor'}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--in", dest="folder", type=Path, help="work in this folder and keep it")
    arguments.add_argument("--list", type=Path, default=ROOT / "tests/mutants.txt")
    arguments.add_argument("numbers", nargs="*", type=int, help="only these mutants of the list")
    asked = arguments.parse_args()
    began = time.monotonic()
    mutants = read_list(asked.list)
    folder = (asked.folder or Path(tempfile.mkdtemp(prefix="mutants-"))).resolve()
    try:
        sys.exit(run(folder, mutants, asked.numbers, began))
    finally:
        if not asked.folder:
            shutil.rmtree(folder, ignore_errors=True)


def run(folder, mutants, numbers, began):
    scratch, target = folder / "tree", folder / "target"
    copy_tree(scratch)
    copy_dependencies(target)
    executables = build_what_builds(scratch, target, mutants)
    built = time.monotonic()
    print(f"mutants: built after {built - began:.0f} s", flush=True)
    if failed := red(scratch, executables, 0):
        refuse(f"without any mutant the tests are red already: {failed}")
    wanted = [mutant for mutant in mutants if not numbers or mutant.number in numbers]
    for mutant in wanted:
        if not mutant.result:
            mutant.by = red(scratch, executables, mutant.number)
            mutant.result = "caught" if mutant.by else "survived"
            print(f"mutants: {mutant.number} {mutant.result} {mutant.by}", flush=True)
    table(wanted)
    return summary(wanted, time.monotonic() - began)


def summary(mutants, took_s):
    counts = Counter(mutant.result for mutant in mutants)
    ran = counts["caught"] + counts["survived"]
    share = counts["caught"] / ran if ran else 0.0
    print(f"{counts['caught']} of {ran} caught: {share * 100:.1f} %; {len(mutants) - ran} not run; took {took_s:.0f} s")
    unnamed = [m.number for m in mutants if m.result == "survived" and not m.survives]
    repented = [m.number for m in mutants if m.result == "caught" and m.survives]
    for numbers, what in [(unnamed, "survived without a reason in the list"), (repented, "named as a survivor, but caught")]:
        if numbers:
            print(f"{what}: {', '.join(map(str, numbers))}")
    return 0 if share >= WANTED and ran == len(mutants) and not unnamed and not repented else 1


if __name__ == "__main__":
    main()
