# SPDX-License-Identifier: MIT
"""Medians, ratios, whether a figure is where it is to be, and how it is told."""
import statistics


class Figures:
    """What was measured: for each name and placement the values of all runs, each with the limit taken beside it."""

    def __init__(self):
        self.runs = {}      # (name, placement) -> [(value, value of the limit or None)]
        self.units = {}     # name -> unit
        self.limits = {}    # (name, placement) -> name of the limit
        self.notes = {}     # (name, placement) -> name -> values

    def add(self, name, placement, unit, value, limit=None, limit_value=None):
        self.runs.setdefault((name, placement), []).append((value, limit_value))
        self.units[name] = unit
        if limit:
            self.limits[(name, placement)] = limit

    def note(self, name, placement, notes):
        kept = self.notes.setdefault((name, placement), {})
        for key, value in notes.items():
            kept.setdefault(key, []).append(value)

    def row(self, name, placement):
        """The ratio is the median of the runs' own ratios: what slows a whole run down slows down its limit, too."""
        runs = self.runs[(name, placement)]
        values = [value for value, _ in runs]
        row = {"name": name, "placement": placement, "value": statistics.median(values), "unit": self.units[name],
               "runs": len(values), "min": min(values), "max": max(values)}
        limit = self.limits.get((name, placement))
        if limit:
            row.update(baseline=limit, baseline_value=statistics.median(beside for _, beside in runs),
                       ratio=statistics.median(value / beside for value, beside in runs))
        notes = self.notes.get((name, placement), {})
        row.update((key, statistics.median(told)) for key, told in notes.items())
        return row

    def rows(self, targets):
        """What the JSON has: a dictionary a figure, judged where it has a target."""
        wanted = {(target.name, target.placement): target for target in targets}
        for key in self.runs:
            row = self.row(*key)
            if key in wanted:
                row.update(judge(row, wanted[key]))
            yield row


def judge(row, target):
    figure = row[target.of]
    reached = figure <= target.amount if target.bound == "at most" else figure >= target.amount
    return {"target": target.amount, "target_of": target.of, "target_bound": target.bound, "reached": reached}


def number(value):
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def quantity(value, unit):
    """For people: 12.3 us; many a second as 12.3 M/s; a ratio has no unit."""
    if unit == "1/s":
        return f"{number(value / 1e6)} M/s" if value >= 1e6 else f"{number(value / 1e3)} k/s"
    return f"{number(value)} {unit}".strip()
