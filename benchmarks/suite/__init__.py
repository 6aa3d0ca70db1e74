# SPDX-License-Identifier: MIT
"""The parts of bench.py: samara beside what else does its job from Python.

    workloads   the data, the keys and the operations
    peers       one class for each of samara, its peers and the yardsticks
    measure     the clock: rounds, time limits, threads, memory, growth
    figures     what a run leaves behind, read again
    bounds      what samara promises, held against the figures
    report      the tables and the page
    plots       the plots of the page

report and all below it read the JSON of a run and nothing else.
"""
