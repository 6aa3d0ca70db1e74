"""What all tests share: the report says what is tested, and garbage collections are quick."""

import gc
import os
import platform

import samara


def pytest_report_header() -> list[str]:
    seed = os.environ.get("SAMARA_SEED")
    return [
        f"samara.implementation={samara.implementation} on {platform.python_implementation()}, "
        f"of {os.path.dirname(samara.__file__)}",
        f"SAMARA_SEED={seed or 'of its own for each random test, printed where one fails'}",
    ]


def pytest_collection_finish() -> None:
    # Many tests collect garbage again and again. What is there now, pytest and the modules, stays
    # to the end: the collector need not look at it each time.
    gc.collect()
    if hasattr(gc, "freeze"):
        gc.freeze()
