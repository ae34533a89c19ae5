"""CPython's test cases for the start method in MPCONN_START_METHOD.

A module of its own, since children look for what they are to run by the name of its module."""

import os

from test._test_multiprocessing import install_tests_in_module_dict

install_tests_in_module_dict(globals(), os.environ['MPCONN_START_METHOD'])
