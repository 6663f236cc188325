# SPDX-License-Identifier: MIT
"""Calls functions of the library that its headers define in line: foreign.py LIBRARY BACKEND."""
import ctypes
import sys
from ctypes import POINTER, byref, c_bool, c_char_p, c_int, c_size_t, c_uint32, c_void_p


class Layout(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("align", c_size_t)]


library = ctypes.CDLL(sys.argv[1])


def function(name, result, *parameters):
    found = getattr(library, name)
    found.restype = result
    found.argtypes = parameters
    return found


def check(condition, what):
    if not condition:
        sys.exit("foreign.py: " + what)


version_number = function("dal_version_number", c_uint32)
version = function("dal_version", c_char_p)
major, minor, patch = map(int, version().split(b"."))
check(version_number() == major * 1000000 + minor * 1000 + patch, "version")

layout_make = function("dal_layout_make", c_int, c_size_t, c_size_t, POINTER(Layout))
layout_array = function("dal_layout_array", c_int, Layout, c_size_t, POINTER(Layout))
layout_is_valid = function("dal_layout_is_valid", c_bool, Layout)
pad_to_align = function("dal_layout_pad_to_align", Layout, Layout)
layout = Layout()
check(layout_make(10, 3, byref(layout)) < 0, "an alignment of 3")
check(layout_make(10, 8, byref(layout)) == 0, "dal_layout_make")
check(layout_is_valid(layout) and not layout_is_valid(Layout(1, 0)), "dal_layout_is_valid")
check(pad_to_align(layout).size == 16, "dal_layout_pad_to_align")
check(layout_array(layout, 5, byref(layout)) == 0 and layout.size == 80, "dal_layout_array")

alloc = function("dal_alloc_layout", c_void_p, Layout)
realloc = function("dal_realloc_layout", c_void_p, c_void_p, Layout, c_size_t)
dealloc = function("dal_dealloc_layout", None, c_void_p, Layout)
block = alloc(Layout(100, 64))
check(block and block % 64 == 0, "dal_alloc_layout")
ctypes.memset(block, 7, 100)
block = realloc(block, Layout(100, 64), 5000)
check(block % 64 == 0 and ctypes.string_at(block, 100) == b"\7" * 100, "dal_realloc_layout")
dealloc(block, Layout(5000, 64))

strdup = function("dal_strdup", c_void_p, c_char_p)
string_delete = function("dal_string_delete", None, c_void_p)
name = strdup(b"from afar")
check(ctypes.string_at(name) == b"from afar", "dal_strdup")
string_delete(name)
check(function("dal_global_name", c_char_p)().decode() == sys.argv[2], "served by another")
