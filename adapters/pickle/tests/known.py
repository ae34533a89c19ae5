"""Records how Pythons pickle what this crate knows, and what it is: `known.txt`.

    for python in python2.7 python3.6 python3.13; do $python known.py; done | LC_ALL=C sort -u > known.txt

The same interpreters give the same lines: a pickle in hexadecimal, and what it is to be read as, text
or JSON. Of protocols, 0 is the one in text, 2 what all have, 4 the last with forms of its own.
"""
import collections
import datetime
import decimal
import fractions
import json
import pickle
import sys
import uuid
from binascii import hexlify

PY2 = sys.version_info[0] == 2


def values():
    """Each with what it is read as."""
    for value in (datetime.datetime(1900, 1, 2, 3, 4, 5, 6), datetime.datetime(2024, 2, 29, 23, 59, 59),
                  datetime.date(1, 1, 1), datetime.date(9999, 12, 31),
                  datetime.time(1, 2, 3), datetime.time(1, 2, 3, 65536)):
        yield value, value.isoformat()
    for value in (decimal.Decimal('-1.50E+3'), decimal.Decimal('NaN'), uuid.UUID(int=5),
                  uuid.UUID(int=2 ** 63), uuid.UUID(int=2 ** 128 - 1),
                  fractions.Fraction(-1, 3), fractions.Fraction(2), fractions.Fraction(2 ** 70, 3)):
        yield value, str(value)
    yield datetime.timedelta(-1, 2, 3), [-1, 2, 3]
    yield collections.OrderedDict([('b', 1), ('a', 2)]), {'b': 1, 'a': 2}
    yield collections.OrderedDict(), {}
    yield collections.defaultdict(list, {'a': 1}), {'a': 1}
    yield collections.defaultdict(None), {}
    yield collections.Counter('aba'), {'a': 2, 'b': 1}
    yield collections.Counter(), {}
    for value in (collections.deque([1, 2]), collections.deque([1, 2], 3), collections.deque(),
                  collections.deque([], 2), {1, 2}, set(), frozenset([1, 2]), frozenset()):
        yield value, list(value)
    for data in b'', b'abc', b'\x00\x80\xff':
        yield bytearray(data), list(bytearray(data))
        if not PY2:
            yield data, list(data)
    yield complex(1.5, -0.5), [1.5, -0.5]
    if PY2:
        return
    from pathlib import PosixPath, PurePosixPath, PureWindowsPath
    zones = [datetime.timezone(datetime.timedelta(hours=hours, minutes=minutes))
             for hours, minutes in ((0, 0), (0, 1), (1, 0), (-1, -30), (23, 59), (-23, -59))]
    if sys.version_info >= (3, 7):
        zones += [datetime.timezone(datetime.timedelta(0, *rest)) for rest in ((5, 7), (61, 0), (0, 1))]
    for zone in zones:
        yield zone, str(zone)
        value = datetime.time(1, tzinfo=zone)
        yield value, value.isoformat()
    yield datetime.timezone(datetime.timedelta(hours=1), 'a name'), 'a name'
    for value in (datetime.datetime(2024, 10, 27, 2, 30, fold=1),
                  datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)):
        yield value, value.isoformat()
    yield datetime.time(2, 30, fold=1), '02:30:00'
    for kind in PurePosixPath, PureWindowsPath:
        for parts in (), ('/',), ('a', 'b/c'), ('/a', 'b', 'c'):
            yield kind(*parts), str(kind(*parts))
    yield PosixPath('/a', '/b', '..'), '/b/..'
    for parts in ('C:\\a', 'b'), ('\\\\host\\share\\a',), ('C:a',), ('C:\\',):
        yield PureWindowsPath(*parts), str(PureWindowsPath(*parts))


for value, read in values():
    for protocol in (0, 2) if PY2 else (0, 2, 4):
        written = hexlify(pickle.dumps(value, protocol)).decode()
        text = read if isinstance(read, str) else json.dumps(read, sort_keys=True)
        print('%s %s' % (written, text))
