"""A client of a manager: every proxy type that a Rust server has, by method."""
import array
import collections
import datetime
import decimal
import fractions
import gc
import threading
import time
import traceback
import uuid

try:
    import queue
except ImportError:
    import Queue as queue

from multiprocessing.managers import RemoteError, SyncManager

from peer import address_of, tell

MOMENT = 0.05
LONG = 10


class Manager(SyncManager):
    pass


Manager.register('get_jobs')
Manager.register('Counter')
Manager.register('Child', create_method=False)


def expect(found, wanted):
    if found != wanted or type(found) is bool and type(wanted) is not bool:
        raise AssertionError('%r in place of %r' % (found, wanted))


def raises(kind, function, *arguments, **keywords):
    try:
        found = function(*arguments, **keywords)
    except kind as error:
        return error
    raise AssertionError('%r in place of %r' % (found, kind))


def check_queue(manager):
    items = manager.Queue(2)
    items.put(('one', {u'a': [1, 2.5, None, True]}))
    items.put(u'zw\xf6lf', True, LONG)
    raises(queue.Full, items.put, 3, timeout=MOMENT)
    raises(queue.Full, items.put_nowait, 3)
    raises(queue.Full, items.put, 3, False)
    expect((items.full(), items.empty(), items.qsize()), (True, False, 2))
    expect(items.get(), ('one', {u'a': [1, 2.5, None, True]}))
    expect(items.get(timeout=LONG), u'zw\xf6lf')
    before = time.time()
    raises(queue.Empty, items.get, True, MOMENT)
    if time.time() - before < MOMENT:
        raise AssertionError('it does not wait')
    raises(queue.Empty, items.get_nowait)
    raises(queue.Empty, items.get, block=False)
    raises(TypeError, items.get, 1, 2, 3)
    raises(TypeError, items.put)
    raises(TypeError, items.put, 1, no=2)
    raises(ValueError, items.get, True, -1)
    # A thread has a connection of its own.
    found = []
    thread = threading.Thread(target=lambda: found.append(items.get(True, LONG)))
    thread.start()
    time.sleep(MOMENT)
    items.put(b'\x00\xff')
    thread.join()
    expect(found, [b'\x00\xff'])
    big = b'x' * (8 << 20)
    items.put(big)
    expect(items.get(), big)
    expect(str(items), '<queue.Queue object>')
    error = raises(RemoteError, items._callmethod, 'mutex')
    if 'mutex' not in str(error) or 'AttributeError' not in str(error):
        raise AssertionError(str(error))
    if 'Unserializable message' not in str(raises(RemoteError, items._getvalue)):
        raise AssertionError('it can be pickled')


def check_joinable_queue(manager):
    items = manager.JoinableQueue()
    items.put(1)
    thread = threading.Thread(target=items.join)
    thread.start()
    items.get()
    time.sleep(MOMENT)
    expect(thread.is_alive(), True)
    items.task_done()
    thread.join()
    raises(ValueError, items.task_done)


def check_dict(manager):
    pairs = manager.dict({'a': 1}, b=2)
    pairs[('t', 1)] = [1]
    expect((pairs['a'], pairs[('t', 1)], pairs.get('c'), pairs.get('c', 7)), (1, [1], None, 7))
    expect(raises(KeyError, pairs.__getitem__, 'c').args, ('c',))
    raises(KeyError, pairs.pop, 'c')
    raises(TypeError, pairs.__setitem__, [], 1)
    expect(('a' in pairs, 'c' in pairs, len(pairs)), (True, False, 3))
    del pairs[('t', 1)]
    expect(pairs.setdefault('c', 3), 3)
    expect(pairs.pop('c'), 3)
    expect(pairs.pop('c', 4), 4)
    pairs.update({1: 'x'}, d=4)
    pairs.update([(2, 'y')])
    expect(pairs[1.0], 'x')
    expect(pairs.copy(), {'a': 1, 'b': 2, 1: 'x', 'd': 4, 2: 'y'})
    expect(sorted(map(str, pairs.keys())), ['1', '2', 'a', 'b', 'd'])
    expect(len(pairs.values()), 5)
    expect(dict(pairs.items()), pairs.copy())
    expect(pairs.popitem(), (2, 'y'))
    # `__iter__` returns a proxy.
    expect(sorted(map(str, iter(pairs))), ['1', 'a', 'b', 'd'])
    expect(dict(pairs._getvalue()), pairs.copy())
    pairs.clear()
    raises(KeyError, pairs.popitem)
    pairs['k'] = None
    expect(str(pairs), "{'k': None}")


def check_list(manager):
    items = manager.list([3, 1])
    items.append(2)
    items.extend((5, 4))
    items.insert(0, 9)
    expect(items[:], [9, 3, 1, 2, 5, 4])
    expect((items[-1], items[1:3], items[::2]), (4, [3, 1], [9, 1, 5]))
    raises(IndexError, items.__getitem__, 6)
    items[0] = 0
    del items[1]
    items[1:3] = [7, 8, 9]
    expect(items[:], [0, 7, 8, 9, 5, 4])
    del items[1:3]
    items.sort()
    expect(items[:], [0, 4, 5, 9])
    items.sort(reverse=True)
    expect(items[:], [9, 5, 4, 0])
    items.reverse()
    expect((items.pop(), items.pop(0), items.index(5), items.count(4)), (9, 0, 1, 1))
    items.remove(4)
    raises(ValueError, items.remove, 4)
    expect((5 in items, 4 in items, len(items)), (True, False, 1))
    expect((items + [1], items * 2, 2 * items), ([5, 1], [5, 5], [5, 5]))
    items += [6]
    items *= 2
    expect(items[:], [5, 6, 5, 6])
    items.append('a')
    if str is not bytes:
        raises(TypeError, items.sort)
    expect(str(items), "[5, 6, 5, 6, 'a']")
    expect(items._getvalue(), [5, 6, 5, 6, 'a'])


def check_namespace(manager):
    names = manager.Namespace(y=1)
    names.x = (1, 'two')
    expect((names.x, names.y), ((1, 'two'), 1))
    del names.x
    raises(AttributeError, getattr, names, 'x')
    raises(AttributeError, delattr, names, 'x')
    expect(str(names), 'Namespace(y=1)')
    expect(names._getvalue().y, 1)


def check_value(manager):
    value = manager.Value('i', 7)
    expect(value.value, 7)
    value.value = 8
    value.set(value.get() + 1)
    expect((value.get(), str(value)), (9, "Value('i', 9)"))
    expect(value._getvalue().value, 9)


def check_event(manager):
    event = manager.Event()
    expect((event.is_set(), event.wait(MOMENT)), (False, False))
    thread = threading.Thread(target=event.wait)
    thread.start()
    time.sleep(MOMENT)
    event.set()
    thread.join()
    expect((event.is_set(), event.wait()), (True, True))
    event.clear()
    expect(event.is_set(), False)


def check_lock(manager):
    lock = manager.Lock()
    expect((lock.acquire(), lock.acquire(False)), (True, False))
    if str is not bytes:
        expect(lock.acquire(True, MOMENT), False)
    waiting = threading.Thread(target=lock.acquire)
    waiting.start()
    time.sleep(MOMENT)
    lock.release()
    waiting.join()
    lock.release()
    raises(RuntimeError, lock.release)
    with lock:
        expect(lock.acquire(False), False)


def check_semaphores(manager):
    semaphore = manager.Semaphore(2)
    expect([semaphore.acquire(False) for _ in range(3)], [True, True, False])
    for _ in range(3):
        semaphore.release()
    bounded = manager.BoundedSemaphore(1)
    bounded.acquire()
    bounded.release()
    raises(ValueError, bounded.release)


def check_custom(manager):
    counter = manager.Counter(5)
    expect((counter.add(2), counter.add(1, times=3)), (7, 10))
    error = raises(LookupError, counter.fail, 'no')
    expect(error.args, ('no', 7))
    child = counter.child()
    expect((child.add(1), counter.add(0)), (11, 10))
    raises(TypeError, counter.add, 'x')
    raises(RemoteError, manager.Counter, 'x')
    raises(RuntimeError, counter.panic)
    expect(counter.add(0), 10)


def check_registered(manager):
    one, other = manager.get_jobs(), manager.get_jobs()
    one.put(1)
    expect(other.get(), 1)


def check_nested(manager):
    outer, inner = manager.dict(), manager.list([1])
    outer['inner'] = inner
    found = outer['inner']
    found.append(2)
    expect(inner[:], [1, 2])
    # The value keeps it.
    del inner, found
    expect(outer['inner'][:], [1, 2])
    # Two processes of one key know each other's.
    items = manager.Queue()
    outer['queue'] = items
    outer['queue'].put(outer)
    expect(items.get()['inner'][:], [1, 2])


class Point(object):
    """A class that the server has not."""

    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return type(other) is Point and self.x == other.x

    def __ne__(self, other):
        return not self == other

    __hash__ = None


def check_values(manager):
    values = [
        None, True, 0, -1, 1 << 70, 1.5, float('inf'), 2j, u'\u20ac', b'\x00\xff', bytearray(b'a'), (), (1, (2,)),
        [[]], {1: {2: 3}}, set([1, 2]), frozenset([u'a']), datetime.datetime(2024, 2, 29, 12, 30),
        datetime.timedelta(1, 2, 3), decimal.Decimal('1.50'), fractions.Fraction(1, 3), uuid.UUID(int=7),
        collections.OrderedDict([(u'b', 1), (u'a', 2)]), collections.deque([1, 2], 3), Point([1]), Point, len,
        array.array('d', [1.5]), slice(1, 2), complex,
    ]
    items, pairs, queued = manager.list(values), manager.dict(), manager.Queue()
    for place, value in enumerate(values):
        pairs[place] = value
        queued.put(value)
        for found in (items[place], pairs[place], queued.get()):
            expect((found, type(found)), (value, type(value)))
    error = ValueError(u'a', 7)
    queued.put(error)
    found = queued.get()
    expect((type(found), found.args), (ValueError, (u'a', 7)))
    # What contains itself has no copy.
    endless = []
    endless.append(endless)
    raises(TypeError, queued.put, endless)
    expect(queued.qsize(), 0)


def check_manager(manager):
    # Exceptions keep their frames, and those proxies.
    gc.collect()
    expect(manager._number_of_objects(), 0)
    items = manager.list([1])
    expect(manager._number_of_objects(), 1)
    info = manager._debug_info()
    if 'refcount=1' not in info or '[1]' not in info:
        raise AssertionError(info)
    from multiprocessing.managers import dispatch
    def ask(*request):
        connection = manager._Client(manager._address, authkey=manager._authkey)
        try:
            return dispatch(connection, None, *request)
        finally:
            connection.close()
    if 'append' not in ask('get_methods', (items._token,)):
        raise AssertionError('append is missing')
    for request in [('nothing',), ('create', ('nothing',)), ('incref', ('ffff',)), ('decref', ('0',)),
                    ('create', ()), ('dummy', (1,))]:
        raises(RemoteError, ask, *request)


CHECKS = [check_queue, check_joinable_queue, check_dict, check_list, check_namespace, check_value,
          check_event, check_lock, check_semaphores, check_custom, check_registered, check_nested,
          check_values, check_manager]


def get(manager):
    """Gets items until it is killed."""
    jobs = manager.get_jobs()
    tell('ready')
    while True:
        tell('got', repr(jobs.get()))


def put(manager):
    """Puts numbers until it is killed."""
    jobs = manager.get_jobs()
    tell('ready')
    number = 0
    while True:
        jobs.put((number, b'x' * 10000))
        number += 1


DOINGS = {'get': get, 'put': put}


def run(orders):
    from multiprocessing import current_process
    # Proxies in values are rebuilt with the key of the process.
    current_process().authkey = orders['key']
    manager = Manager(address_of(orders), orders['key'])
    manager.connect()
    if 'do' in orders:
        return DOINGS[orders['do'].decode()](manager)
    failed = False
    for check in CHECKS:
        try:
            check(manager)
        except Exception:
            failed = True
            tell('because', check.__name__, repr(traceback.format_exc()))
    if failed:
        raise AssertionError('see above')
