# SPDX-License-Identifier: MIT
"""What tests of frames share: a random generator, and each library's way to make a frame."""

import pytest

from tree_oracle import seeded

try:
    from frames import FRAMES
except pytest.skip.Exception:  # without pyarrow, as all tests here
    FRAMES = {}


@pytest.fixture
def rng():
    return seeded("frames")


@pytest.fixture(params=FRAMES)
def frame_of(request):
    return FRAMES[request.param]
