"""check.py CLASSES EXPECTED: runs CPython's test cases, and compares.

Fails on every difference to the file EXPECTED, when a class of the file CLASSES has gone past the
extension module, and when a thread ended with an exception or was left behind.
"""

import faulthandler
import os
import pathlib
import sys
import threading
import unittest

import test.support

import cases

# Far above what any class takes: then every thread's stack is shown, and that is it.
CLASS_SECONDS = 300

CALLS = pathlib.Path(os.environ['MPCONN_CALLS'])
METHOD = os.environ['MPCONN_START_METHOD']
VERSION = '%d.%d' % sys.version_info[:2]


class Outcomes(unittest.TestResult):
    """What became of each case, by its name without the module's, and why."""

    def __init__(self):
        super().__init__()
        self.by_case = {}

    def record(self, case, outcome, detail=''):
        self.by_case[case.id().removeprefix('cases.')] = (outcome, detail)

    def startTest(self, case):
        super().startTest(case)
        self.record(case, 'ok')

    def addSubTest(self, case, subtest, error):
        super().addSubTest(case, subtest, error)
        if error:
            self.record(case, 'failure', subtest.id())

    def addFailure(self, case, error):
        super().addFailure(case, error)
        self.record(case, 'failure', self.failures[-1][1])

    def addError(self, case, error):
        super().addError(case, error)
        self.record(case, 'error', self.errors[-1][1])

    def addSkip(self, case, reason):
        super().addSkip(case, reason)
        self.record(case, 'skipped', reason)


def rows(path):
    """The lines that say something."""
    lines = pathlib.Path(path).read_text().splitlines()
    return [line for line in lines if line and not line.startswith('#')]


def calls():
    """So far: in this process, in its children, and how many children there were."""
    counts = {path.name: path.stat().st_size for path in CALLS.iterdir()}
    own = counts.pop(str(os.getpid()), 0)
    return own, sum(counts.values()), len(counts)


def run_class(name, has_children):
    """Runs one class, and gives what became of its cases, and what is wrong beside them."""
    outcomes, problems = Outcomes(), []
    before = calls()
    test.support.environment_altered = False
    threading.excepthook = lambda ended: problems.append(f'{name}: a thread: {ended.exc_value!r}')
    faulthandler.dump_traceback_later(CLASS_SECONDS, exit=True)
    # A suite of its own has the module's set-up and tear-down.
    unittest.defaultTestLoader.loadTestsFromTestCase(getattr(cases, name)).run(outcomes)
    faulthandler.cancel_dump_traceback_later()

    own, children, _ = (now - earlier for now, earlier in zip(calls(), before))
    print(f'{VERSION} {METHOD} {name}: {outcomes.testsRun} cases, {own} calls here, '
          f'{children} in children', flush=True)
    if not own:
        problems.append(f'{name}: not one call came to mpconn')
    if has_children and not children:
        problems.append(f'{name}: not one call of its children came to mpconn')
    if test.support.environment_altered:
        problems.append(f'{name}: left threads or processes behind')
    return outcomes.by_case, problems


def main(classes, expectations):
    by_case, problems = {}, []
    for row in rows(classes):
        name, *flags = row.split()
        outcomes, found = run_class(name, 'children' in flags)
        by_case |= outcomes
        problems += found

    expected = {}
    for row in rows(expectations):
        case, outcome, _reason = row.split(None, 2)
        expected[case] = outcome
    for case in sorted(expected.keys() | by_case.keys()):
        wanted = expected.get(case, 'ok')
        got, detail = by_case.get(case, ('not run', ''))
        if got != wanted:
            problems.append(f'{case}: {got}, expected {wanted}. {detail}')
    for problem in problems:
        print(f'{VERSION} {METHOD} {problem}')
    passed = sum(outcome == 'ok' for outcome, _ in by_case.values())
    own, in_children, children = calls()
    print(f'{VERSION} {METHOD}: {passed} cases pass, {len(expected)} are known not to, '
          f'{len(problems)} problems; {own} calls here, {in_children} in {children} children')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
