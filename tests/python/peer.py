"""One peer of multiprocessing.connection, which does as its standard input says.

Lines of a name and a value in hexadecimal come first, ended by an empty line. What happens is
told on the standard output, a line each. Runs on every Python from 2.7 on.
"""
import binascii
import os
import sys
import traceback
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener

PERIOD = bytes(bytearray(range(251)))


def main():
    orders = read_orders()
    if 'rhel' in orders:
        speak_as_rhel()
    try:
        connection, listener = connect(orders)
        DOINGS[orders['do'].decode()](connection, orders)
        connection.close()
        if listener is not None and not is_abstract(orders):
            listener.close()
        result = 'ok'
    except (AuthenticationError, AssertionError, EOFError, EnvironmentError) as error:
        result = type(error).__name__
        tell('because', repr(traceback.format_exc()))
    tell('result', result)
    # Up to 3.8 the finalizer of a listener at an abstract address fails.
    os._exit(0)


def read_orders():
    orders = {}
    for line in iter(sys.stdin.readline, '\n'):
        name, value = line.rstrip('\n').split(' ')
        orders[name] = binascii.unhexlify(value)
    return orders


def tell(*words):
    print(' '.join(words))
    sys.stdout.flush()


def speak_as_rhel():
    """As the RHEL family patches those up to 3.11: HMAC_DIGEST_NAME = 'sha256'."""
    import hashlib
    import hmac
    new = hmac.new
    hmac.new = lambda key, message, digest=None: new(key, message, hashlib.sha256)


def connect(orders):
    key = orders.get('key')
    if orders['role'] == b'client':
        connection = Client(address_of(orders), family_of(orders), authkey=key)
        tell('connected')
        return connection, None
    listener = Listener(address_of(orders), family_of(orders), authkey=key)
    if 'host' in orders:
        tell('listening', str(listener.address[1]))
    elif 'family' in orders:
        tell('listening', listener.address)
    else:
        tell('listening', '0')
    connection = listener.accept()
    tell('accepted')
    return connection, listener


def family_of(orders):
    """Python infers every family but AF_INET6, where there is an address."""
    if 'family' in orders:
        return orders['family'].decode()
    return 'AF_INET6' if b':' in orders.get('host', b'') else None


def address_of(orders):
    if 'host' in orders:
        return orders['host'].decode(), int(orders['port'])
    path = orders.get('path')
    return path if path is None or str is bytes else os.fsdecode(path)


def is_abstract(orders):
    return orders.get('path', b'').startswith(b'\0')


def message(index, size):
    """The same as content.rs makes."""
    index %= len(PERIOD)
    period = PERIOD[index:] + PERIOD[:index]
    return (period * (size // len(period) + 1))[:size]


def check(received, expected, index):
    if received != expected:
        raise AssertionError('message %d of %d bytes is wrong' % (index, len(expected)))


def exchange(connection, orders):
    """Receives one message of each size, then sends as many, then expects the end."""
    sizes = [int(size) for size in orders['sizes'].split(b',')]
    for index, size in enumerate(sizes):
        check(connection.recv_bytes(), message(index, size), index)
    for index, size in enumerate(sizes):
        connection.send_bytes(message(index + len(sizes), size))
    expect_the_end(connection)


def huge(connection, orders):
    """The same with one message, in pieces: a second copy of it would be too much."""
    size = int(orders['size'])
    received = connection.recv_bytes()
    if len(received) != size:
        raise AssertionError('%d bytes in place of %d' % (len(received), size))
    piece = message(0, len(PERIOD) * 4096)
    view = memoryview(received)
    for start in range(0, size, len(piece)):
        part = view[start:start + len(piece)]
        if part != piece[:len(part)]:
            raise AssertionError('wrong after %d bytes' % start)
    connection.send_bytes(received)
    expect_the_end(connection)


def expect_the_end(connection):
    try:
        connection.recv_bytes()
    except EOFError:
        return
    raise AssertionError('a message in place of the end')


def listen_in(connection, orders):
    """Tells what comes, until the end."""
    while True:
        received = connection.recv_bytes()
        tell('received', binascii.hexlify(received).decode())


def speak(connection, orders):
    """Speaks first, then listens."""
    connection.send_bytes(b'hello')
    listen_in(connection, orders)


class Strange(object):
    def __init__(self):
        self.x = 1


def objects(connection, orders):
    """Sends jobs as dicts and lists, and is told of each what it was and what is wrong with it."""
    jobs = [{'id': number, 'name': u'job \u20ac', 'values': [1.5, number], 'data': bytearray(b'\0\xff'),
             'extra': {'any': (None, True, {1})}} for number in range(3)]
    for job in jobs:
        connection.send(job)
        reply = connection.recv()
        expected = {'id': job['id'], 'outcome': {'Done': {'sum': sum(job['values'])}}, 'job': job}
        if reply != expected:
            raise AssertionError('%r in place of %r' % (reply, expected))
    connection.send(jobs)
    error = connection.recv()
    if type(error) is not ValueError or error.args != (u'a list', len(jobs)):
        raise AssertionError(repr(error))
    # And in the other direction, where a reply is expected.
    connection.send(7)
    connection.send(KeyError(u'no more'))
    connection.send(KeyError(u'no more'))
    # The settings of the peer: a protocol, and strictness.
    if sys.version_info >= (3, 4):
        message = connection.recv_bytes()
        if message != b'\x80\x04C\x04data.':
            raise AssertionError(repr(message))
    connection.send(Strange())


def part(connection, orders):
    """Takes one message, and leaves with an empty one."""
    connection.recv_bytes()
    connection.send_bytes(b'')


def overhear(connection, orders):
    """Reads on a duplicate of another process's handle of a Windows pipe, beside that process."""
    import _winapi
    from multiprocessing.connection import PipeConnection
    owner = _winapi.OpenProcess(0x40, False, int(orders['owner']))  # PROCESS_DUP_HANDLE
    duplicate = _winapi.DuplicateHandle(
        owner, int(orders['handle']), _winapi.GetCurrentProcess(), 0, False,
        _winapi.DUPLICATE_SAME_ACCESS)
    overheard = PipeConnection(duplicate)
    connection.send_bytes(b'ready')
    for _ in range(int(orders['times'])):
        connection.send_bytes(overheard.recv_bytes())
    expect_the_end(connection)


DOINGS = {'exchange': exchange, 'huge': huge, 'listen': listen_in, 'objects': objects,
          'overhear': overhear, 'part': part, 'speak': speak}

if __name__ == '__main__':
    main()
