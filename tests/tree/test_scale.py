# SPDX-License-Identifier: MIT
"""A small version of `make test-scale`: the same steps, with fewer ranges and forks."""

import scale
from interpreter import c_only, live_nodes


@c_only
def test_the_small_form():
    nodes = live_nodes()
    lines = []
    scale.run(100_000, lines.append)
    assert any(line.startswith("ended, the last that shared") for line in lines)
    assert live_nodes() == nodes
