#!/usr/bin/env python3
"""Checks the numbered statements of docs/protocol.md against real CPythons.

    python3 conformance/statements/run.py PYTHON...

Every statement has a check here, or a reason why it has none; a statement with neither, a check of
no statement, and a check that fails, are failures. The checks run under each interpreter given (2.7
or later, on POSIX), so this file is written for all of them.
"""

from __future__ import print_function

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PROTOCOL = os.path.join(HERE, '..', '..', 'docs', 'protocol.md')
CHECKS = os.path.join(HERE, 'checks.py')

ON_WINDOWS = 'Windows alone has message pipes: the tests of the pipe adapter are where to look'
REASONS = dict.fromkeys(['W1', 'W2', 'W3', 'W4', 'W5', 'W6', 'W7'], ON_WINDOWS)


def stated():
    with open(PROTOCOL) as file:
        return re.findall(r'^\*\*([A-Z]\d+)\.\*\*', file.read(), re.MULTILINE)


def compare(statements, checks):
    """What is wrong with the numbers alone."""
    for name in sorted(set(statements)):
        if statements.count(name) > 1:
            yield '%s is stated twice' % name
        if (name in checks) == (name in REASONS):
            yield '%s has %s' % (name, 'a check and a reason against it' if name in checks
                                 else 'neither a check nor a reason why not')
    for name in sorted(set(checks) | set(REASONS)):
        if name not in statements:
            yield '%s is not stated' % name


def run(python, *arguments):
    output = subprocess.check_output([python, '-B', CHECKS] + list(arguments))
    return output.decode('ascii').splitlines()


def main(pythons):
    statements = stated()
    wrong = list(compare(statements, run(sys.executable, '--names')))
    for python in pythons:
        version, lines = None, run(python)
        for line in lines:
            version, name, found = line.split(' ', 2)
            if found != 'ok':
                wrong.append('%s does not hold for %s: %s' % (name, version, found))
        print('%s: %d statements checked' % (version, len(lines)))
    for name, reason in sorted(REASONS.items()):
        print('%s: not checked. %s' % (name, reason))
    sys.exit('\n'.join(wrong) or None)


if __name__ == '__main__':
    if not sys.argv[1:]:
        sys.exit(__doc__.strip())
    main(sys.argv[1:])
