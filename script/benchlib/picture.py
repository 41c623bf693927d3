# SPDX-License-Identifier: MIT
"""The figures that have a target as a picture: a bar each, value over limit on a logarithmic axis, the target marked.

What has no limit is drawn over its target. The ground is the page's: all colours are of a middle tone, which can be
read on light and on dark.
"""
import math
from xml.sax.saxutils import escape

from .judge import number, quantity

WIDTH, LEFT, RIGHT, TOP = 920, 190, 210, 56
BAR, GAP, FOOT = 11, 10, 34     # of a bar, between figures, for the axis

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #76808c; }
.small { font-size: 11px; }
.grid { stroke: #8884; stroke-width: 0.5; }
.one { stroke: #888; stroke-width: 1.5; }
.target { stroke: #d93f4c; stroke-width: 3; }
.one-core { fill: #d98324; }
.two-cores { fill: #3f8fd2; }
"""


def over(row):
    """What the bar shows, and where its target is; None: neither limit nor target."""
    target = row.get("target")
    if "ratio" not in row:
        return (row["value"] / target, 1) if target else (None, None)
    if target and row["target_of"] == "value":
        target /= row["baseline_value"]
    return row["ratio"], target


def label(row, ratio):
    """What is judged, its target, and how it fares; of the others the ratio."""
    if "target" not in row:
        return number(ratio)
    unit = row["unit"] if row["target_of"] == "value" else ""
    sign = "≤" if row["target_bound"] == "at most" else "≥"
    figure, target = (quantity(value, unit) for value in (row[row["target_of"]], row["target"]))
    return f"{figure} ({sign} {target})" + ("" if row["reached"] else ": not reached")


class Axis:
    """Logarithmic, whole decades."""

    def __init__(self, values):
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)

    def x(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def decades(self):
        return [10.0 ** n for n in range(self.low, self.high + 1)]


def line(kind, x, top, bottom):
    return f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" y2="{bottom:.1f}"/>'


def text(x, y, words, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}"{more}>{escape(words)}</text>'


def grid(axis, bottom):
    for value in axis.decades():
        yield line("one" if value == 1 else "grid", axis.x(value), TOP, bottom)
        yield text(axis.x(value), bottom + 16, f"{value:g}", ' class="small" text-anchor="middle"')


def head():
    yield text(LEFT, 18, "Value over limit (over its target where there is no limit); the red mark is the target.")
    for i, placement in enumerate(("one-core", "two-cores")):
        x = LEFT + 110 * i
        yield f'<rect class="{placement}" x="{x}" y="30" width="12" height="12"/>'
        yield text(x + 18, 40, placement)


def bar(axis, row, y):
    ratio, target = over(row)
    left, right = axis.x(axis.decades()[0]), axis.x(ratio)
    yield f'<rect class="{row["placement"]}" x="{left:.1f}" y="{y}" width="{right - left:.1f}" height="{BAR}"/>'
    end = right
    if target:
        yield line("target", axis.x(target), y - 2, y + BAR + 2)
        end = max(end, axis.x(target))
    yield text(end + 6, y + BAR - 1.5, label(row, ratio), ' class="small"')


def figures(rows):
    """name -> its rows that can be drawn, for the names that have a target somewhere."""
    names = [row["name"] for row in rows if "target" in row]
    drawn = {name: [] for name in names}
    for row in rows:
        if row["name"] in drawn and over(row)[0]:
            drawn[row["name"]].append(row)
    return {name: group for name, group in drawn.items() if group}


def svg(rows):
    groups = figures(rows)
    values = [value for group in groups.values() for row in group for value in over(row) if value] or [1]
    axis = Axis(values)
    parts, y = [], TOP + GAP / 2
    for name, group in groups.items():
        parts.append(text(LEFT - 8, y + BAR * len(group) / 2 + 4, name, ' text-anchor="end"'))
        for row in group:
            parts += bar(axis, row, y)
            y += BAR + 1
        y += GAP
    parts = [*head(), *grid(axis, y), *parts]
    height = y + FOOT
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
            f'aria-label="Figures beside their limits">\n<style>{STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n")
