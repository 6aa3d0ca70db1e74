# SPDX-License-Identifier: MIT
"""The parts of bench.py: samara compared with alternatives in Python.

    workloads   the data, the keys and the operations
    peers       one class for each: samara, its peers and the yardsticks
    measure     the clock: rounds, time limits, threads, memory, growth
    figures     the figures of a run, read from its JSON
    bounds      samara's promises, checked against the figures
    report      the tables and the page
    sections    the figures of bench_ip and bench_keys
    plots       the plots of the page

report, sections and plots read only the JSON of a run.
"""
