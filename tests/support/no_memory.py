# SPDX-License-Identifier: MIT
"""Out of memory: the n-th allocation of a call fails, for every n.

There are three ways to run out, each a pair of functions that begin and end it:

- `nodes`: the n-th node that the pool allocates fails, once;
- `one`: CPython's n-th allocation fails, in any of its three domains, once;
- `rest`: CPython's n-th allocation and all after it fail, as when memory is used up.

The last two use `_testcapi`, which CPython has if its tests are installed.
"""

import contextlib
import sys

from interpreter import PURE
from samara import _implementation

_testcapi = None
if sys.implementation.name == "cpython":  # PyPy would compile it
    with contextlib.suppress(ImportError):
        import _testcapi

# The pure-Python tree allocates objects at each step, and promises nothing if that fails. A tracer
# of Python code, such as for coverage, allocates memory at any line.
HAS_HOOKS = hasattr(_testcapi, "set_nomemory") and not PURE and sys.gettrace() is None
NO_HOOKS = "needs the extension, CPython's _testcapi.set_nomemory, and nobody who traces"
# After a call has succeeded, this many further allocations are made to fail too: CPython can do
# without some allocations, such as those of its caches.
AND_MORE = 3


def fail_node(n):
    _implementation._fail_nth(n)


def fail_no_node():
    _implementation._fail_nth(0)


def fail_one(n):
    _testcapi.set_nomemory(n - 1, n)  # set_nomemory() counts from 0


def fail_rest(n):
    _testcapi.set_nomemory(n - 1, 0)


WAYS = {"nodes": (fail_node, fail_no_node)}
if HAS_HOOKS:
    WAYS["one"] = (fail_one, _testcapi.remove_mem_hooks)
    WAYS["rest"] = (fail_rest, _testcapi.remove_mem_hooks)

# If there is no memory for a function object, such as that of a generator expression, CPython 3.13
# crashes, at once or later. So under Python code that makes functions, only nodes fail.
NO_FUNCTIONS = "CPython 3.13 ends where there is no memory for a function"
FUNCTIONS_ARE_SAFE = sys.version_info < (3, 12)
WAYS_IN_PYTHON = WAYS if FUNCTIONS_ARE_SAFE else {"nodes": WAYS["nodes"]}


def bare(error):
    """Return an exception without its tracebacks, whose frames would keep the scene alive."""
    cause = error.__cause__
    error.__context__ = None
    error.__cause__ = bare(cause) if cause else None
    return error.with_traceback(None)


def outcome(call, scene):
    """Return what a call returns, or the exception that it raises. Let MemoryError through."""
    try:
        return call(scene)
    except MemoryError:
        raise
    except Exception as error:
        return bare(error)


def out_of_memory(way, n, call, scene):
    """Return whether the call runs out of memory, and its result."""
    begin, end = WAYS[way]
    failed, answer = False, None
    begin(n)
    try:
        answer = call(scene)
    except MemoryError:
        failed = True
    except Exception as error:
        failed, answer = is_lost_by_python(error), error
    finally:
        end()
    return failed, bare(answer) if isinstance(answer, BaseException) else answer


# Before CPython 3.11.5, PyErr_SetString() and PyErr_Format() ignored a lack of memory for the
# message: they raised the exception without it, not MemoryError. Try `object() < object()`.
# Fixed for https://github.com/python/cpython/issues/107915
MESSAGES_ARE_SAFE = sys.version_info >= (3, 11, 5)


def is_lost_by_python(error):
    """Return whether CPython 3.11 lost a MemoryError on its way out of a Python function.

    It does so if there is no memory for the frame in the traceback.
    """
    return (
        isinstance(error, SystemError)
        and str(error).startswith("<function ")
        and str(error).endswith(" returned NULL without setting an exception")
    )


def is_lost(answer, raised):
    """Return whether `answer` is what CPython makes of the exception `raised` without memory.

    CPython 3.11 loses an exception if there is no memory for the frame in its traceback, and
    says so: try `{}[1]`. Before 3.11.5 it may lose only the message.
    """
    if isinstance(answer, SystemError) and str(answer) == "error return without exception set":
        return True
    no_message = type(answer) is type(raised) and bool(raised.args) and not answer.args
    return no_message and not MESSAGES_ARE_SAFE


def each_failure(way, call, make, before, after):
    """Let each allocation of call(make()) fail, one after the other, until the call succeeds.

    before(scene)         before the call: what must stay the same if it fails
    after(scene, answer)  after the call: what must be the same as without a failure

    The results of both are compared every time. A call that failed is made again, and must then
    succeed. A call that always raises may have finished before memory ran out for the traceback; in
    that case it has left what it always leaves. Returns how many calls failed.
    """
    scene = make()
    before(scene)
    answer = outcome(call, scene)
    raised = answer if isinstance(answer, BaseException) else None
    expected = after(scene, answer)
    scene = answer = None
    failures = n = through = 0
    while through <= AND_MORE:
        n += 1
        scene = make()
        as_it_was = before(scene)
        failed, answer = out_of_memory(way, n, call, scene)
        if failed or (raised and is_lost(answer, raised)):
            failures += 1
            through = 0
            same = before(scene) == as_it_was
            assert same or raised, f"changed, when allocation {n} failed"
            answer = outcome(call, scene) if same else raised
        else:
            through += 1
        found = after(scene, answer)
        assert found == expected, f"allocation {n}, {failed=}"
        scene = answer = as_it_was = found = None
    return failures
