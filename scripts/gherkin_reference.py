#!/usr/bin/env python3
"""Asks the reference parser of Gherkin what it reads in the features of tests/gherkin, and stores its answers.

usage: scripts/gherkin_reference.py [answers | languages | random COUNT SEED FILE]

answers    writes tests/gherkin/answers.json, which the tests compare with what this project's parser reads
languages  writes src/declare/gherkin/languages.txt, the keywords of all languages
random     writes so many random features with their answers, which are compared by
           GHERKIN_RANDOM=FILE cargo test --lib random_features -- --ignored

All need `pip install gherkin-official`. Without an argument the first two are written. An answer is a list of lines, which
begin with line and column: the parts of the feature in the order of the file, then the scenarios that it comes to; or
the places of the mistakes.
"""

import importlib.metadata
import json
import pathlib
import random
import re
import sys

import gherkin
from gherkin.errors import CompositeParserException, ParserException
from gherkin.parser import Parser
from gherkin.pickles.compiler import Compiler

ROOT = pathlib.Path(__file__).resolve().parent.parent
FEATURES = ROOT / "tests/gherkin"
LANGUAGES = ROOT / "src/declare/gherkin/languages.txt"
VERSION = importlib.metadata.version("gherkin-official")
KINDS = {"Context": "given", "Action": "when", "Outcome": "then", "Conjunction": "conjunction", "Unknown": "any", None: "any"}
HEADINGS = ["feature", "background", "rule", "scenario", "scenarioOutline", "examples"]
STEPS = ["given", "when", "then", "and", "but"]


def shown(value):
    return json.dumps(value, ensure_ascii=False)


def at(node):
    return f"{node['location']['line']}:{node['location']['column']}"


class Dump:
    def __init__(self):
        self.lines = []

    def title(self, what, node):
        for tag in node.get("tags", []):
            self.lines.append(f"{at(tag)} tag {tag['name']}")
        words = [shown(node[key]) for key in ("keyword", "name", "description")]
        self.lines.append(f"{at(node)} {what} {' '.join(words)}")

    def rows(self, rows):
        for row in rows:
            self.lines.append(f"{at(row)} row {shown([cell['value'] for cell in row['cells']])}")

    def step(self, step):
        self.lines.append(f"{at(step)} step {KINDS[step['keywordType']]} {shown(step['keyword'])} {shown(step['text'])}")
        if "dataTable" in step:
            self.rows(step["dataTable"]["rows"])
        if "docString" in step:
            doc = step["docString"]
            self.lines.append(f"{at(doc)} text {shown(doc.get('mediaType'))} {shown(doc['content'])}")

    def scenario(self, scenario):
        self.title("scenario", scenario)
        for step in scenario["steps"]:
            self.step(step)
        for examples in scenario["examples"]:
            self.title("examples", examples)
            self.rows([row for row in [examples.get("tableHeader")] if row] + examples["tableBody"])

    def children(self, children):
        for child in children:
            if "background" in child:
                self.title("background", child["background"])
                for step in child["background"]["steps"]:
                    self.step(step)
            elif "scenario" in child:
                self.scenario(child["scenario"])
            else:
                self.title("rule", child["rule"])
                self.children(child["rule"]["children"])

    def pickle(self, pickle):
        tags = " ".join(tag["name"] for tag in pickle["tags"])
        self.lines.append(f"{at(pickle)} pickle {shown(pickle['name'])} {tags}".rstrip())
        for step in pickle["steps"]:
            self.lines.append(f"  {KINDS[step['type']]} {shown(step['text'])}")
            argument = step.get("argument", {})
            for row in argument.get("dataTable", {}).get("rows", []):
                self.lines.append(f"    {shown([cell['value'] for cell in row['cells']])}")
            if "docString" in argument:
                doc = argument["docString"]
                self.lines.append(f"    {shown(doc.get('mediaType'))} {shown(doc['content'])}")


def answer(text):
    dump = Dump()
    try:
        document = Parser().parse(text)
    except CompositeParserException as why:
        return {"errors": [at({"location": {"column": 0, **error.location}}) for error in why.errors]}
    except ParserException as why:
        return {"errors": [at(why)]}
    feature = document.get("feature")
    if feature:
        dump.lines.append(f"language {feature['language']}")
        dump.title("feature", feature)
        dump.children(feature["children"])
    for pickle in Compiler().compile({**document, "uri": ""}):
        dump.pickle(pickle)
    return {"read": dump.lines}


def answers():
    # A byte order mark is no part of the text; line ends are left as they are.
    texts = {path.name: path.read_bytes().decode("utf-8-sig") for path in sorted(FEATURES.glob("*.feature"))}
    found = {name: answer(text) for name, text in texts.items()}
    (FEATURES / "answers.json").write_text(
        json.dumps({"gherkin-official": VERSION, "answers": found}, ensure_ascii=False, indent=1) + "\n"
    )
    wrong = sum("errors" in one for one in found.values())
    print(f"{len(found)} features, of which {wrong} are refused, read by gherkin-official {VERSION}")


def languages():
    known = json.loads((pathlib.Path(gherkin.__file__).parent / "gherkin-languages.json").read_text("utf-8"))
    licence = (importlib.metadata.distribution("gherkin-official").read_text("licenses/LICENSE") or "").strip()
    head = [
        f"The keywords of Gherkin's languages, from gherkin-languages.json of gherkin-official {VERSION}",
        "(https://github.com/cucumber/gherkin), written by scripts/gherkin_reference.py. Do not edit.",
        "",
        "A row: code, " + ", ".join(HEADINGS + STEPS) + ", name; tabs between,",
        "a bar after each word. The step keyword of every language, `* `, is left out.",
        "",
        *licence.splitlines(),
    ]
    rows = []
    for code, words in sorted(known.items()):
        fields = ["".join(f"{word}|" for word in words[key] if word != "* ") for key in HEADINGS + STEPS]
        rows.append("\t".join([code, *fields, words["name"]]))
    LANGUAGES.write_text("\n".join([f"# {line}".rstrip() for line in head] + rows) + "\n", "utf-8")
    print(f"{len(rows)} languages")


# Lines of all kinds, in places where they belong and where they don't.
LINES = """Feature: f|  Background:|  Scenario: s <a>|  Scenario Outline: o <b>|  Example:|  Rule: r|    Examples: e <a>
    Scenarios:|    Given a <a> step|    When <b>|    Then t|    And and|    But but|    * star <c>|    prose <a>|prose
      ! a ! b !|      ! 1 ! 2 !|      ! \\\\! ! \\n\\x !|      ! one !|      \"\"\"|      ```json|   \"\"\"| text|# comment
    # comment|  @t|  @u @v # c||   |	|# language: fr|# language: en|Scénario: é|Soit q|Feature : no|Rules:|Given|*"""
LINES = [line.replace("!", "|") for part in LINES.split("\n") for line in part.split("|")]
GOOD = ["Feature: f", "  Scenario: s <a>", "    Given a <a> step", "    Examples: e", "      | a | b |", "      | 1 | <a> |"]


def random_features(count, seed, file):
    draw = random.Random(int(seed))
    found = []
    for _ in range(int(count)):
        lines = list(GOOD) if draw.random() < 0.8 else []
        for _ in range(draw.randint(0, 12)):
            lines.insert(draw.randint(0 if draw.random() < 0.1 else min(1, len(lines)), len(lines)), draw.choice(LINES))
        text = draw.choice(["\n", "\n", "\r\n"]).join(lines) + draw.choice(["", "\n"])
        try:
            found.append({"text": text, **answer(text)})
        except re.error:
            pass  # The reference takes the names of columns for regular expressions.
    pathlib.Path(file).write_text(json.dumps(found, ensure_ascii=False))
    wrong = sum("errors" in one for one in found)
    print(f"{len(found)} random features, of which {wrong} are refused")


if __name__ == "__main__":
    if len(sys.argv) == 5 and sys.argv[1] == "random":
        random_features(*sys.argv[2:])
        sys.exit()
    wanted = sys.argv[1:] or ["languages", "answers"]
    unknown = set(wanted) - {"languages", "answers"}
    if unknown:
        sys.exit(__doc__)
    for what in wanted:
        {"languages": languages, "answers": answers}[what]()
