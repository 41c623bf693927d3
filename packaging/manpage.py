#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Manual pages out of --help, which stays the only place where options are described.

usage: manpage.py DIRECTORY TLPBRIDGE TLPBRIDGE-SERVE [MODEL...]

Writes tlpbridge.1, a tlpbridge-COMMAND.1 for each command that tlpbridge --help lists,
tlpbridge-serve.1 with the options of every model, and a page for each program MODEL, which is
a server of one model. (help2man would need a layout of --help that
reads worse on a terminal, knows nothing of subcommands, and brings Perl modules to the build.)

What it knows of --help: "usage:" lines come first; "Heading:" alone on a line; two blanks, a
name or option, two or more blanks, its text, and deeper lines that continue it. Everything
else is a paragraph.
"""
import os
import re
import subprocess
import sys

ABOUT = "PCI Express endpoints in SystemC/TLM for an unmodified QEMU"
ITEM = re.compile(r"^  (\S(?:.*?\S)?)(?:   *(\S.*))?$")
HEADING = re.compile(r"^(\S.*):$")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(f"manpage.py: {' '.join(command)} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def escape(text):
    """Text as roff: no control lines, backslashes and hyphens as they are typed."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in (".", "'") else text


def items_of(paragraph):
    """[(name, text)] when the paragraph is a list of items, else None."""
    items = []
    for line in paragraph:
        found = ITEM.match(line)
        if found and not line.startswith("   "):
            items.append([found.group(1), [found.group(2) or ""]])
        elif items and line.startswith("   "):
            items[-1][1].append(line.strip())
        else:
            return None
    return [(name, " ".join(filter(None, text))) for name, text in items]


class Page:
    """One manual page, written from top to bottom."""

    def __init__(self, name, version, about):
        self.lines = ['.\\" SPDX-License-Identifier: MIT',
                      f'.TH {name.upper()} 1 "" "tlpbridge {version}" "tlpbridge"',
                      ".SH NAME", f"{escape(name)} \\- {escape(about)}"]
        self.sections = ["NAME"]

    def section(self, title):
        if self.sections[-1] != title:
            self.sections.append(title)
            self.lines.append(f".SH {title}")

    def synopsis(self, lines):
        self.section("SYNOPSIS")
        self.lines += [".nf", *map(escape, lines), ".fi"]

    def items(self, items):
        for name, text in items:
            self.lines += [".TP", f"\\fB{escape(name)}\\fR", escape(text)]

    def paragraph(self, lines):
        if any(line.startswith(" ") for line in lines):
            self.lines += [".PP", ".nf", *map(escape, lines), ".fi"]
        else:
            self.lines += [".PP", *map(escape, lines)]

    def add(self, paragraph):
        """A paragraph of --help, under the heading that it should have in a manual."""
        found = HEADING.match(paragraph[0])
        if found and len(paragraph) > 1 and items_of(paragraph[1:]):
            self.section(found.group(1).upper())
            paragraph = paragraph[1:]
        items = items_of(paragraph)
        if items:
            if items[0][0].startswith("-") and not found:
                self.section("OPTIONS")
            self.items(items)
            return
        if re.match("(The e|E)xit status", paragraph[0]):
            self.section("EXIT STATUS")
        elif len(self.sections) == 2:
            self.section("DESCRIPTION")
        elif self.sections[-1] not in ("DESCRIPTION", "EXIT STATUS"):
            self.section("NOTES")
        self.paragraph(paragraph)

    def add_help(self, text):
        for paragraph in paragraphs(text):
            if re.match("usage:", paragraph[0], re.I):
                self.synopsis(unindented(paragraph))
            else:
                self.add(paragraph)

    def write(self, directory, name, others):
        self.section("SEE ALSO")
        self.lines.append(",\n".join(f".BR {escape(other)} (1)" for other in others
                                     if other != name).replace(",\n", " ,\n"))
        with open(os.path.join(directory, name + ".1"), "w", encoding="utf-8") as page:
            page.write("\n".join(self.lines) + "\n")


def paragraphs(text):
    return [block.split("\n") for block in re.split(r"\n\n+", text.rstrip("\n"))]


def unindented(lines):
    """usage: lines without that word; what was under them stays so."""
    return [re.sub("(?i)^usage: |^ {7}", "", line) for line in lines]


def commands_of(text):
    """[(name, summary)] of the list under "Commands:"."""
    for paragraph in paragraphs(text):
        if paragraph[0] == "Commands:":
            return items_of(paragraph[1:])
    sys.exit('manpage.py: tlpbridge --help has no list under "Commands:"')


def models_of(text):
    for paragraph in paragraphs(text):
        if paragraph[0] == "Models:":
            return [name for name, _ in items_of(paragraph[1:])]
    sys.exit('manpage.py: tlpbridge-serve --help has no list under "Models:"')


def model_options(text):
    """The paragraph "Options of MODEL" of a model's help: what is not every model's."""
    return [paragraph for paragraph in paragraphs(text) if paragraph[0].startswith("Options of ")]


def serve_page(serve, version):
    text = run(serve, "--help")
    page = Page("tlpbridge-serve", version, "serve a model as a PCI Express endpoint")
    page.add_help(text)
    for model in models_of(text):
        for paragraph in model_options(run(serve, model, "--help")):
            page.add([re.sub(r" \(.*\):$", ":", paragraph[0]), *paragraph[1:]])
    return page


def model_page(program):
    text = run(program, "--help")
    [summary] = [line.partition(": ")[2] for line in paragraphs(text)[1]]
    page = Page(os.path.basename(program), run(program, "--version").split()[-1], summary)
    page.add_help(re.sub(r"^(Options of .*) \(.*\):$", r"\1:", text, flags=re.M))
    return page


def main(directory, tool, serve, *models):
    os.makedirs(directory, exist_ok=True)
    text = run(tool, "--help")
    version = run(tool, "--version").split()[-1]
    pages = {"tlpbridge": Page("tlpbridge", version, ABOUT)}
    pages["tlpbridge"].add_help(text)
    for command, summary in commands_of(text):
        name = f"tlpbridge-{command}"
        pages[name] = Page(name, version, summary)
        pages[name].add_help(run(tool, command, "--help"))
    pages["tlpbridge-serve"] = serve_page(serve, version)
    for model in models:
        pages[os.path.basename(model)] = model_page(model)
    for name, page in pages.items():
        page.write(directory, name, pages)


if __name__ == "__main__":
    main(*sys.argv[1:])
