#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Code in the documentation is cut out of files that the tests build: it cannot rot.

A block has the file it is from in a comment on the line above: all of C++ and C, others where
they like. The lines of a paragraph stand there one after the other; only the indentation
may differ.

usage: doc_code_test.py SOURCE_DIRECTORY
"""
import glob
import os
import re
import sys
import unittest

BLOCK = re.compile(r"(?:^<!-- (?P<file>\S+) -->\n)?^```(?P<kind>\w+)\n(?P<code>.*?)^```$", re.M | re.S)


def lines(text):
    return [line.strip() for line in text.splitlines()]


def blocks(text):
    """(file or None, code) of each block of a page that is, or must be, from a file."""
    return [(match["file"], match["code"]) for match in BLOCK.finditer(text)
            if match["file"] or match["kind"] in ("cpp", "c")]


def contains(text, code):
    """Do the lines of code follow each other in text?"""
    whole, part = lines(text), lines(code)
    return any(whole[i:i + len(part)] == part for i in range(len(whole) - len(part) + 1))


class DocCode(unittest.TestCase):
    root = "."

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            return file.read()

    def test_every_block_stands_in_the_file_it_names(self):
        seen = 0
        for page in glob.glob(os.path.join(self.root, "docs", "*.md")):
            for source, code in blocks(self.read(page)):
                where = f"{os.path.basename(page)}:\n{code}"
                self.assertIsNotNone(source, f"name the file above the block in {where}")
                for paragraph in code.split("\n\n"):
                    self.assertTrue(contains(self.read(source), paragraph), f"not in {source}: {where}")
                seen += 1
        self.assertGreaterEqual(seen, 11, "the blocks were not found")

    def test_files_that_pages_link_to_exist(self):
        seen = 0
        for page in ["README.md", *glob.glob("docs/**/*.md", root_dir=self.root, recursive=True)]:
            for link in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", self.read(page)):
                target = os.path.join(self.root, os.path.dirname(page), link)
                self.assertTrue(os.path.exists(target), f"{page}: {link}")
                seen += 1
        self.assertGreater(seen, 20, "the links were not found")

    def headings(self, page):
        """As fragments of URLs."""
        text = re.sub(r"^```.*?^```$", "", self.read(page), flags=re.M | re.S)
        return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
                for heading in re.findall(r"^#+ (.*)$", text, re.M)}

    def test_headings_that_pages_link_to_exist(self):
        seen = 0
        for page in ["README.md", *glob.glob("docs/**/*.md", root_dir=self.root, recursive=True)]:
            for link, heading in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", self.read(page)):
                target = os.path.join(os.path.dirname(page), link) if link else page
                self.assertIn(heading, self.headings(target), f"{page}: {link}#{heading}")
                seen += 1
        self.assertGreater(seen, 2, "the links were not found")

    def test_a_changed_line_is_noticed(self):
        self.assertTrue(contains("a\n  b\n\tc\n", "b\nc\n"))
        self.assertFalse(contains("a\n  b\n\tc\n", "a\nc\n"))
        self.assertFalse(contains("a\n  b\n\tc\n", "b\nc;\n"))


if __name__ == "__main__":
    DocCode.root = sys.argv.pop(1)
    unittest.main()
