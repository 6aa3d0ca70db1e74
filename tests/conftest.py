"""What all tests share: the report names the seed of a run, and garbage collections are quick."""

import gc
import os


def pytest_report_header() -> str:
    seed = os.environ.get("SAMARA_SEED")
    return f"SAMARA_SEED={seed or 'of its own for each random test, printed where one fails'}"


def pytest_collection_finish() -> None:
    # Many tests collect garbage again and again. What is there now, pytest and the modules, stays
    # to the end: the collector need not look at it each time.
    gc.collect()
    gc.freeze()
