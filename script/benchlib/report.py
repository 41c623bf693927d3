# SPDX-License-Identifier: MIT
"""What is written: the JSON, and the tables of docs/performance.md with the picture."""
import json
import os

from . import picture
from .judge import number, quantity
from .programs import ROOT

DOCUMENT = os.path.join(ROOT, "docs/performance.md")
DOCUMENT_JSON = os.path.join(ROOT, "docs/performance.json")
DOCUMENT_SVG = os.path.join(ROOT, "docs/performance.svg")
BEGIN, END = "<!-- bench: begin -->\n", "<!-- bench: end -->\n"

HEADS = ["measure", "placement", "value", "min to max", "limit", "its value", "ratio"]
TARGET_HEADS = ["to reach", "reached"]


def target_text(row):
    unit = row["unit"] if row["target_of"] == "value" else ""
    return f"{row['target_bound']} {quantity(row['target'], unit)}"


def cells(row):
    unit = row["unit"]
    yield from (f"`{row['name']}`", row["placement"], quantity(row["value"], unit))
    yield f"{quantity(row['min'], unit)} to {quantity(row['max'], unit)}"
    if "baseline" in row:
        yield from (f"`{row['baseline']}`", quantity(row["baseline_value"], unit), number(row["ratio"]))
    else:
        yield from ("–", "–", "–")
    if "target" in row:
        yield from (target_text(row), "yes" if row["reached"] else "**no**")


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(cells(row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def tables(rows):
    """Of what is to be reached, and of the others; limits only stand beside them."""
    judged = [row for row in rows if "target" in row]
    others = [row for row in rows if "target" not in row]
    parts = []
    if judged:
        parts.append(table(HEADS + TARGET_HEADS, judged))
    if others:
        parts.append(table(HEADS, others))
    return "\n".join(parts)


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def write_json(rows, path):
    text = json.dumps(rows, indent=1) + "\n"
    if path == "-":
        print(text, end="")
    else:
        write(path, text)


def write_docs(rows):
    with open(DOCUMENT, encoding="utf-8") as file:
        before, rest = file.read().split(BEGIN)
    image = f"![The figures to reach, beside their limits]({os.path.basename(DOCUMENT_SVG)})\n"
    write(DOCUMENT, before + BEGIN + "\n" + image + "\n" + tables(rows) + "\n" + END + rest.split(END)[1])
    write_json(rows, DOCUMENT_JSON)
    write(DOCUMENT_SVG, picture.svg(rows))
