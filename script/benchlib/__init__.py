# SPDX-License-Identifier: MIT
"""The rooms of script/bench, in the order in which a figure passes them:

measures.py     what is measured, beside which limit, and what is to be reached: tables
programs.py     running a server and the program that measures against it, each on its CPU
processes.py    what is measured from outside: memory and CPU time of processes
guest.py        the same in a Linux guest
judge.py        medians, ratios, reached or not
report.py       the JSON, the tables of docs/performance.md
picture.py      its picture
"""
