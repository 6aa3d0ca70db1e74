# SPDX-License-Identifier: MIT
"""How long hypothesis searches: controlled like the other random tests."""

import os

from hypothesis import HealthCheck, seed, settings

from interpreter import scaled


def profile(number, least=10, **options):
    """Return settings for `number` examples, fewer on slow implementations, or SAMARA_STEPS."""
    return settings(
        max_examples=int(os.environ.get("SAMARA_STEPS") or scaled(number, least)),
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        **options,
    )


def repeatable(test):
    """Make a test run the same examples again if SAMARA_SEED=N is set."""
    number = os.environ.get("SAMARA_SEED")
    return seed(int(number))(test) if number else test


def examples(number, least=10):
    """Make a test run this many examples."""
    return lambda test: repeatable(profile(number, least)(test))
