"""CPython's own tests of managers, with a manager elsewhere: like peer.py, and then a result for each."""
import gc
import multiprocessing
import os
import shutil
import tempfile
import unittest

from multiprocessing.managers import SyncManager

from peer import address_of, read_orders, tell

# An RLock is not served.
LEFT_OUT = ('test_rlock',)
CLASSES = ['Queue', 'Lock', 'Semaphore', 'Event', 'Containers']


def main():
    orders = read_orders()
    # Some make a directory in the one where they are.
    scratch = tempfile.mkdtemp()
    os.chdir(scratch)
    multiprocessing.set_start_method('fork')
    multiprocessing.current_process().authkey = orders['key']
    from test import _test_multiprocessing as tests

    def set_up(cls):
        super(tests.ManagerMixin, cls).setUpClass()
        cls.manager = SyncManager(address_of(orders), orders['key'])
        cls.manager.connect()

    def tear_down(cls):
        cls.manager = None
        super(tests.ManagerMixin, cls).tearDownClass()

    tests.ManagerMixin.setUpClass = classmethod(set_up)
    tests.ManagerMixin.tearDownClass = classmethod(tear_down)
    namespace = {'__name__': 'cpython'}
    tests.install_tests_in_module_dict(namespace, 'fork')
    loader, run, wrong = unittest.TestLoader(), 0, []
    for name in CLASSES:
        for test in loader.loadTestsFromTestCase(namespace['WithManagerTest' + name]):
            if test._testMethodName.startswith(LEFT_OUT):
                continue
            result = unittest.TestResult()
            unittest.TestSuite([test]).run(result)
            run += 1
            for test, text in result.errors + result.failures:
                wrong.append(str(test))
                tell('because', str(test), repr(text))
    gc.collect()
    shutil.rmtree(scratch)
    tell('ran', str(run))
    tell('result', 'ok' if not wrong else ' '.join(wrong))
    os._exit(0)


if __name__ == '__main__':
    main()
