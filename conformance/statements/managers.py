"""The checks of the statements about managers, for checks.py."""

import pickle
import sys
import threading
import time

from multiprocessing import current_process, managers
from multiprocessing.connection import Client, Listener
from multiprocessing.managers import BaseProxy, SyncManager, Token

try:
    import queue
except ImportError:
    import Queue as queue

PYTHON = sys.version_info[:2]
KEY = b'a key that both sides hold'
PATIENCE = 10
MOMENT = 0.1

CHECKS = {}


def check(function):
    CHECKS[function.__name__] = function
    return function


def expect(found, wanted):
    if found != wanted:
        raise AssertionError('%r in place of %r' % (found, wanted))


class Thing(object):
    def fail(self):
        raise LookupError('no', 7)

    def lock(self):
        return threading.Lock()


class Manager(SyncManager):
    pass


Manager.register('Thing', Thing)
STARTED = []


def started():
    """A manager in a process of its own, for all checks."""
    if not STARTED:
        current_process().authkey = KEY
        manager = Manager(authkey=KEY)
        manager.start()
        STARTED.append(manager)
    return STARTED[0]


def stop():
    """Ends the manager, which would keep the standard output open."""
    for manager in STARTED:
        manager.shutdown()


def open_to(manager):
    return Client(manager.address, authkey=KEY)


def received(conn):
    if not conn.poll(PATIENCE):
        raise AssertionError('no reply')
    return conn.recv()


def ask(*request):
    """What the manager itself replies to a request, after which the connection ends."""
    conn = open_to(started())
    conn.send((None,) + request)
    reply = received(conn)
    if not conn.poll(PATIENCE):
        raise AssertionError('the connection stays')
    try:
        conn.recv()
    except EOFError:
        return reply
    raise AssertionError('two replies')


def serving():
    """A connection for calls of objects."""
    conn = open_to(started())
    conn.send((None, 'accept_connection', ('a name',), {}))
    expect(received(conn), ('#RETURN', None))
    return conn


def call(conn, *request):
    conn.send(request)
    return received(conn)


def created(typeid, *args):
    kind, (ident, exposed) = ask('create', (typeid,) + args, {})
    expect(kind, '#RETURN')
    return ident, exposed


def is_there(ident):
    return call(serving(), ident, '#GETVALUE', (), {})[0] != '#TRACEBACK'


def traceback_of(reply, name):
    expect(reply[0], '#TRACEBACK')
    if name not in reply[1]:
        raise AssertionError('%r without %s' % (reply, name))


class Overheard(object):
    """A listener in place of a manager, which hears what proxies send."""

    def __init__(self, act, answers):
        listener = Listener(('127.0.0.1', 0), authkey=KEY)
        manager = Manager(listener.address, KEY)
        manager._state.value = 1
        thread = threading.Thread(target=lambda: self.run(act, manager))
        thread.daemon = True
        thread.start()
        self.heard = []
        conn = None
        for answer in answers:
            # A proxy keeps its connection for calls, and opens one for everything else.
            if conn is None or self.heard[-1][1] != 'accept_connection':
                conn = listener.accept()
            data = conn.recv_bytes()
            self.heard.append(pickle.loads(data))
            conn.send(('#RETURN', answer))

    def run(self, act, manager):
        try:
            self.result = act(manager)
        except Exception:
            pass


@check
def S1():
    # create, incref, decref, accept_connection, and a call.
    heard = Overheard(lambda manager: manager.list([1]).append(7),
                      [('7f', ('append',)), None, None, None, None]).heard
    expect(heard[0], (None, 'create', ('list', [1]), {}))
    expect(heard[1], (None, 'incref', ('7f',), {}))
    expect(heard[2], (None, 'decref', ('7f',), {}))
    expect(heard[3][:2] + heard[3][3:], (None, 'accept_connection', {}))
    expect(heard[4], ('7f', 'append', (7,), {}))


@check
def S2():
    conn = serving()
    for request in [('no', 'method', (), {}), ('no', 'method', ())]:
        reply = call(conn, *request)
        expect((type(reply), len(reply), type(reply[0])), (tuple, 2, str))


@check
def S3():
    expect(ask('dummy', (), {}), ('#RETURN', None))
    for name in ('create', 'get_methods', 'incref', 'decref', 'shutdown', 'accept_connection'):
        # Each takes an argument, or none.
        traceback_of(ask(name, (1, 2, 3, 4), {'no': 1}), 'Error')
    expect(ask('number_of_objects', (), {})[0], '#RETURN')
    expect(type(ask('debug_info', (), {})[1]), str)
    traceback_of(ask('serve_forever', (), {}), 'AssertionError')


@check
def S4():
    ident, exposed = created('list', [1])
    int(ident, 16)
    expect((type(exposed), 'append' in exposed), (tuple, True))
    expect(call(serving(), ident, '__len__', (), {}), ('#RETURN', 1))
    traceback_of(ask('create', ('nothing',), {}), 'KeyError')
    expect(ask('decref', (ident,), {}), ('#RETURN', None))
    expect(is_there(ident), False)


@check
def S5():
    ident, _ = created('list', [1])
    conn = serving()
    for _ in range(3):
        expect(call(conn, ident, '__len__', (), {}), ('#RETURN', 1))
    conn.close()
    # Nothing of it is kept by the connection.
    expect(is_there(ident), True)
    ask('decref', (ident,), {})


@check
def S6():
    conn = serving()
    traceback_of(call(conn, 'ffff', 'get', (), {}), 'KeyError')
    traceback_of(call(conn, 'ffff', 'get'), 'ValueError')
    ident, _ = created('list', [1])
    expect(call(conn, ident, '__len__', (), {}), ('#RETURN', 1))
    ask('decref', (ident,), {})


@check
def S7():
    ident, exposed = created('list', [1])
    conn = serving()
    traceback_of(call(conn, ident, '__class__', (), {}), 'KeyError')
    for method, result in [('__str__', '[1]'), ('__repr__', '[1]'), ('#GETVALUE', [1])]:
        expect(method in exposed, False)
        expect(call(conn, ident, method, (), {}), ('#RETURN', result))
    ask('decref', (ident,), {})


@check
def S8():
    ident, _ = created('Thing')
    conn = serving()
    kind, error = call(conn, ident, 'fail', (), {})
    expect((kind, type(error), error.args), ('#ERROR', LookupError, ('no', 7)))
    kind, error = call(conn, ident, 'fail', (1,), {})
    expect((kind, type(error)), ('#ERROR', TypeError))
    kind, text = call(conn, ident, 'lock', (), {})
    expect((kind, type(text)), ('#UNSERIALIZABLE', str))
    ask('decref', (ident,), {})


@check
def S9():
    ident, _ = created('dict', {'a': 1})
    conn = serving()
    kind, (exposed, token) = call(conn, ident, '__iter__', (), {})
    expect((kind, type(token), token.typeid), ('#PROXY', Token, 'Iterator'))
    method = '__next__' if PYTHON >= (3,) else 'next'
    expect((type(exposed), method in exposed), (tuple, True))
    expect(call(conn, token.id, method, (), {}), ('#RETURN', 'a'))
    kind, error = call(conn, token.id, method, (), {})
    expect((kind, type(error)), ('#ERROR', StopIteration))
    for ident in (token.id, ident):
        expect(ask('decref', (ident,), {}), ('#RETURN', None))
        expect(is_there(ident), False)


@check
def S10():
    token = Token('list', ('host', 6000), '7f')
    function, arguments, state = token.__reduce_ex__(2)[:3]
    expect(state, ('list', ('host', 6000), '7f'))
    expect(arguments[0], Token)
    expect(token.__reduce_ex__(2)[0].__name__, '__newobj__')


@check
def S11():
    manager = started()
    pairs, items = manager.dict(), manager.Queue()
    function, arguments = pairs.__reduce__()
    expect(function.__name__, 'RebuildProxy')
    expect(arguments[0].__name__, 'DictProxy')
    expect((type(arguments[1]), arguments[2], arguments[3]), (Token, 'pickle', {}))
    function, arguments = items.__reduce__()
    expect(arguments[0].__name__, 'AutoProxy')
    expect(sorted(arguments[3]), ['exposed'])


@check
def S12():
    ident, _ = created('list', [1])
    expect(ask('incref', (ident,), {}), ('#RETURN', None))
    for there in (True, False):
        expect(ask('decref', (ident,), {}), ('#RETURN', None))
        expect(is_there(ident), there)
    traceback_of(ask('incref', (ident,), {}), 'KeyError')
    traceback_of(ask('decref', (ident,), {}), 'KeyError')


@check
def S13():
    module = {True: 'Queue', False: 'queue'}[PYTHON < (3,)]
    expect((queue.Full.__module__, queue.Full.__name__), (module, 'Full'))
    expect(queue.Empty.__module__, '_queue' if PYTHON >= (3, 7) else module)


@check
def S14():
    _, exposed = created('Queue')
    expect('shutdown' in exposed, PYTHON >= (3, 13))
    expect(set(['get', 'get_nowait', 'put', 'put_nowait', 'qsize', 'empty', 'full', 'join',
                'task_done']) - set(exposed), set())
    _, exposed = created('Lock')
    expect(sorted(exposed), ['acquire', 'release'])


@check
def S15():
    conn = serving()
    ident, _ = created('Queue')
    conn.send((ident, 'get', (), {}))
    time.sleep(MOMENT)
    conn.close()
    time.sleep(MOMENT)
    other = serving()
    expect(call(other, ident, 'put', (7,), {}), ('#RETURN', None))
    time.sleep(MOMENT)
    expect(call(other, ident, 'qsize', (), {}), ('#RETURN', 0))


@check
def S16():
    if PYTHON < (3,):
        error = managers.convert_to_error
        try:
            error('#TRACEBACK', u'text')
        except AssertionError:
            return
        raise AssertionError('it takes its unicode')
    error = managers.convert_to_error('#TRACEBACK', u'text')
    expect(type(error), managers.RemoteError)


@check
def S17():
    manager = started()
    outer, inner = manager.dict(), manager.list([1])
    outer['inner'] = inner
    found = outer['inner']
    expect(isinstance(found, BaseProxy), PYTHON >= (3,))
    if PYTHON >= (3,):
        found.append(2)
        expect(inner[:], [1, 2])
    items = manager.Queue()
    if (3,) <= PYTHON < (3, 9):
        try:
            outer['queue'] = items
        except managers.RemoteError:
            return
        raise AssertionError('it is rebuilt')
    elif PYTHON >= (3, 9):
        outer['queue'] = items
        outer['queue'].put(1)
        expect(items.get(), 1)


@check
def S18():
    manager = Manager(authkey=KEY)
    manager.start()
    conn = open_to(manager)
    conn.send((None, 'shutdown', (), {}))
    expect(received(conn), ('#RETURN', None))
    manager._process.join(PATIENCE)
    expect(manager._process.is_alive(), False)
