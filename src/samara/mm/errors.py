# SPDX-License-Identifier: MIT
"""The error of a system call. Anybody may call it."""

from __future__ import annotations

import os


def os_error(number: int) -> OSError:
    """Return the OSError of an errno, with Linux's text: `raise os_error(errno.EINVAL)`.

    OSError itself picks the subclass.
    """
    return OSError(number, os.strerror(number))
