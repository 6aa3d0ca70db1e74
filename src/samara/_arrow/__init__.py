# SPDX-License-Identifier: MIT
"""Columns of Arrow in and out, by the Arrow C data and stream interfaces and without any package.

`abi.py` has the structures of the interface and reads a stream. `column.py` puts the chunks of a
column together. `intake.py` opens what the array operations of a tree are given, for both
implementations.

ctypes reads the structures, so this is imported only when somebody gives a column that has them.

Source: https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
"""
