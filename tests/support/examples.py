# SPDX-License-Identifier: MIT
"""How long hypothesis searches: as long as the other random tests are told to."""

import os

from hypothesis import HealthCheck, seed, settings

from interpreter import scaled


def profile(number, least=10, **options):
    """`number` examples, fewer where all is slower; SAMARA_STEPS for as many as it says."""
    return settings(
        max_examples=int(os.environ.get("SAMARA_STEPS") or scaled(number, least)),
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        **options,
    )


def repeatable(test):
    """SAMARA_SEED=N: the same examples again."""
    number = os.environ.get("SAMARA_SEED")
    return seed(int(number))(test) if number else test


def examples(number, least=10):
    """A test of so many examples."""
    return lambda test: repeatable(profile(number, least)(test))
