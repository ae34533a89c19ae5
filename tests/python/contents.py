"""Sends objects of all kinds, and tells as what each may be read. Every Python from 2.7 on.

Prints, for each value and protocol, a line `value NAME PROTOCOL HEX HOLDER` and a line for each target for
which there is a right value: `may TARGET VALUE`, or `must TARGET VALUE` where the documentation promises it.
For any other target the only right outcome is an error. HOLDER is the pickle of a dict with the value twice
in a list, `{'twice': [value, value], 'other': 5}`. The last line is `end`. VALUE is JSON; bytes
are lists of numbers there. A line `raised SENDER PROTOCOL HEX` is the answer of a worker that raised
`KeyError('x', 'boom')`.

With arguments, it also tells of these libraries, which must be there.
"""
import argparse
import array
import collections
import datetime
import decimal
import fractions
import functools
import io
import itertools
import json
import operator
import os
import pickle
import random
import re
import sys
import time
import uuid
from binascii import hexlify

PY2 = sys.version_info[0] == 2
if PY2:
    from UserDict import UserDict
    from UserList import UserList
    from UserString import UserString
    text_types, int_types = (str, unicode), (int, long)
else:
    from collections import UserDict, UserList, UserString
    text_types, int_types = (str,), (int,)
    import enum
    import http
    import ipaddress
    import pathlib
    import types


class Plain(object):
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Slots(object):
    __slots__ = ('x', 'n')

    def __init__(self, x, n):
        self.x, self.n = x, n


class Both(Slots):
    """With slots and a `__dict__`."""


class StateList(Slots):
    def __getstate__(self):
        return [self.x, self.n]

    def __setstate__(self, state):
        self.x, self.n = state


class Outer(object):
    class Inner(Plain):
        pass


class List(list):
    pass


class Dict(dict):
    pass


class Tuple(tuple):
    pass


class Set(set):
    pass


class FrozenSet(frozenset):
    pass


class Text(type(u'')):
    pass


class Data(bytes):
    pass


class Array(bytearray):
    pass


class Int(int):
    pass


class Float(float):
    pass


class Date(datetime.date):
    pass


class DateTime(datetime.datetime):
    pass


class Counter(collections.Counter):
    pass


class Ordered(collections.OrderedDict):
    pass


class Default(collections.defaultdict):
    pass


class Deque(collections.deque):
    pass


class JobError(Exception):
    pass


class Made(object):
    """By a call with arguments that are not its content."""

    def __init__(self, *args):
        self.made_of = args

    def __reduce__(self):
        return Made, self.made_of


Pair = collections.namedtuple('Pair', 'x n')
if not PY2:
    Colour = enum.Enum('Colour', {'RED': 'red'}, module=__name__)
    Level = enum.IntEnum('Level', 'LOW HIGH', module=__name__)
    Flags = enum.IntFlag('Flags', 'A B', module=__name__)
    Real = enum.Enum('Real', {'HALF': 0.5}, module=__name__)

NOTHING = {}


def is_int(value):
    return isinstance(value, int_types) and not isinstance(value, bool)


def is_text(value):
    return isinstance(value, text_types)


def as_int(value):
    return {'int': int(value)} if abs(value) < 2 ** 63 else {}


def row(values):
    """Of a sequence, whose order is that of its iteration."""
    values = list(values)
    right = {}
    if all(map(is_int, values)):
        right['ints'] = [int(value) for value in values]
    if all(map(is_text, values)):
        right['texts'] = [plain(value) for value in values]
    if all(is_int(value) or isinstance(value, float) for value in values):
        right['floats'] = [float(value) for value in values]
    if len(values) == 2 and is_int(values[0]) and is_text(values[1]):
        right['pair'] = [int(values[0]), plain(values[1])]
        right['named'] = {'x': int(values[0]), 'n': plain(values[1])}
    if len(values) == 1 and is_int(values[0]) or not values:
        # What a struct has and a shorter sequence has not is its default.
        right['named'] = {'x': int(values[0]) if values else 0, 'n': u''}
    return right


def pairs(mapping):
    """Of a mapping, or of attributes."""
    right = {}
    if all(map(is_text, mapping)):
        if all(map(is_int, mapping.values())):
            right['counts'] = dict((plain(key), int(value)) for key, value in mapping.items())
        x, n = mapping.get('x', 0), mapping.get('n', u'')
        if is_int(x) and is_text(n):
            right['named'] = {'x': int(x), 'n': plain(n)}
    return right


def text(value):
    return {'text': value, 'data': list(bytearray(value.encode('utf-8')))}


def data(value):
    right = {'data': list(bytearray(value)), 'ints': list(bytearray(value)), 'floats': [float(b) for b in bytearray(value)]}
    if not value:
        right['texts'], right['named'] = [], {'x': 0, 'n': u''}
    if len(value) == 1:
        right['named'] = {'x': bytearray(value)[0], 'n': u''}
    return right


def plain(value):
    return value.decode('utf-8') if isinstance(value, bytes) else type(u'')(value)


def number(value):
    return dict(as_int(value), float=float(value))


def values():
    """Each with its name, what it may be read as, and as what of that it must be."""
    yield 'int', 7, number(7), 'int float'
    yield 'long', 2 ** 70, {'float': float(2 ** 70)}, ''
    yield 'float', 1.5, {'float': 1.5}, 'float'
    yield 'text', u'red', text(u'red'), 'text'
    yield 'list', [1, 2], row([1, 2]), 'ints'
    yield 'list of texts', [u'a'], row([u'a']), 'texts'
    yield 'tuple', (1, u'n'), row((1, u'n')), 'pair named'
    yield 'set', {1}, row({1}), 'ints'
    yield 'frozenset', frozenset([1]), row([1]), 'ints'
    yield 'dict', {u'x': 1}, pairs({u'x': 1}), 'counts named'
    yield 'bytearray', bytearray(b'abc'), data(b'abc'), 'data'
    yield 'complex', 1.5 + 2.5j, row([1.5, 2.5]), 'floats'
    if not PY2:
        yield 'bytes', b'abc', data(b'abc'), 'data'
        yield 'Ellipsis', Ellipsis, text_only('Ellipsis'), 'text'
        yield 'range', range(3), row(range(3)), 'ints'
        yield 'range down', range(5, 0, -2), row(range(5, 0, -2)), 'ints'
        yield 'slice', slice(1, 2, 3), row([1, 2, 3]), 'ints'
    for value in List([1, 2]), collections.deque([1, 2]), collections.deque([1, 2], 5), Deque([1, 2]):
        # Python 2 makes it of two arguments.
        must = '' if PY2 and type(value) is Deque else 'ints'
        yield type(value).__name__, value, row(value), must
    yield 'Tuple', Tuple((1, 2)), row((1, 2)), 'ints'
    yield 'empty Tuple', Tuple(), row(()), ''
    yield 'Set', Set([1]), row([1]), 'ints'
    yield 'FrozenSet', FrozenSet([1]), row([1]), 'ints'
    yield 'Pair', Pair(1, u'n'), row((1, u'n')), 'pair named'
    for value in (Dict(x=1), collections.OrderedDict(x=1), Ordered(x=1), collections.Counter('xx'), Counter('xx'),
                  collections.defaultdict(int, x=1), Default(int, x=1), Dict()):
        # Python 2 makes it of a list of lists, as if that were its one argument.
        must = '' if PY2 and type(value) is Ordered else 'counts named'
        yield type(value).__name__, value, pairs(value), must
    for value in collections.OrderedDict(), collections.Counter(), collections.defaultdict(list):
        yield 'empty ' + type(value).__name__, value, pairs(value), 'counts'
    for value in Ordered(), Counter(), Default(list):
        # Python 2 makes an empty one as an empty set.
        right = row([]) if PY2 and type(value) is Ordered else pairs(value)
        yield 'empty ' + type(value).__name__, value, right, ''
    yield 'empty List', List(), dict(row([]), **pairs({})), ''
    yield 'empty Deque', Deque(), dict(row([]), **pairs({})), ''
    yield 'empty deque', collections.deque(), row([]), 'ints'
    yield 'Text', Text(u'red'), text(u'red'), 'text'
    yield 'Int', Int(7), number(7), 'int'
    yield 'Float', Float(1.5), {'float': 1.5}, 'float'
    yield 'Array', Array(b'abc'), data(b'abc'), ''
    if not PY2:
        yield 'Data', Data(b'abc'), data(b'abc'), 'data'
    both = Both(1, u'n')
    both.other = 3
    for value in (Plain(x=1, n=u'n'), Plain(x=1, n=u'n', other=2), Slots(1, u'n'), both) + (() if PY2 else (Outer.Inner(x=1, n=u'n'),)):
        yield type(value).__name__, value, {'named': {'x': 1, 'n': u'n'}}, 'named'
    yield 'StateList', StateList(1, u'n'), row([1, u'n']), 'pair named'
    yield 'no attributes', Plain(), pairs({}), 'named'
    yield 'other attributes', Plain(other=5), pairs({'other': 5}), 'named'
    attributed = List([1, 2])
    attributed.x = 5
    yield 'List with attributes', attributed, dict(row(attributed), **pairs({'x': 5})), 'ints'
    attributed = Dict(x=1)
    attributed.x = 5
    yield 'Dict with attributes', attributed, pairs({'x': 1}), 'counts'
    attributed = Int(7)
    attributed.x = 5
    yield 'Int with attributes', attributed, dict(number(7), **pairs({'x': 5})), ''
    for value in datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 1, 2, 3), datetime.time(1, 2, 3):
        yield type(value).__name__, value, text_only(value.isoformat()), 'text'
    yield 'Date', Date(2024, 2, 29), text_only(Date(2024, 2, 29).isoformat()), ''
    yield 'DateTime', DateTime(2024, 2, 29), text_only(DateTime(2024, 2, 29).isoformat()), ''
    yield 'timedelta', datetime.timedelta(1, 2, 3), row([1, 2, 3]), 'ints'
    for value in decimal.Decimal('1.5'), fractions.Fraction(1, 3), uuid.UUID(int=5):
        yield type(value).__name__, value, text_only(str(value)), 'text'
    yield 'regular expression', re.compile(u'a+'), text_only(u'a+'), 'text'
    yield 'regular expression with flags', re.compile(u'a+', re.I | re.S), text_only(u'(?is)a+'), 'text'
    yield 'class', Plain, text_only(u'%s.Plain' % __name__), 'text'
    for code, items in ('b', [-1]), ('H', [1, 2]), ('i', [1, -2]), ('l', [1]), ('f', [1.5]), ('d', [1.5]), ('i', []):
        value = array.array(str(code), items)
        yield 'array of ' + code, value, row(value), ('floats' if code in 'fd' else 'ints')
    for error in ValueError('boom'), KeyError('x', 1), ValueError(7), JobError('boom'), OSError(2, 'none'), StopIteration():
        yield type(error).__name__, error, NOTHING, ''
    with_state = ValueError(7)
    with_state.x = 5
    yield 'exception with attributes', with_state, NOTHING, ''
    yield 'partial', functools.partial(int, '7'), NOTHING, ''
    if not PY2:
        for call in operator.itemgetter(1), operator.attrgetter('x'), operator.methodcaller('upper', a=1):
            yield type(call).__name__, call, NOTHING, ''
    for iterator in iter([1, 2]), iter((1, 2)), iter(range(3)), reversed([1]), iter(u'ab'), iter(b'ab'), enumerate([1]), itertools.count(5), zip([1], [2]), map(abs, [1]):
        if not PY2 and sys.version_info < (3, 14):
            yield type(iterator).__name__, iterator, NOTHING, ''
    yield 'struct_time', time.gmtime(0), row(tuple(time.gmtime(0))), ''
    yield 'Random', random.Random(5), NOTHING, ''
    yield 'UserList', UserList([1, 2]), row([1, 2]), 'ints'
    yield 'UserDict', UserDict({'x': 1}), pairs({'x': 1}), 'named counts'
    yield 'UserString', UserString(u'text'), text_only(u'text'), 'text'
    if not PY2:
        yield 'StringIO', io.StringIO('text'), NOTHING, ''
        yield 'BytesIO', io.BytesIO(b'data'), NOTHING, ''
        yield 'stat', os.stat('/'), NOTHING, ''
        yield 'Namespace of argparse', argparse.Namespace(x=1, n='n'), {'named': {'x': 1, 'n': 'n'}}, 'named'
    yield 'bound method', Plain(x=1).__init__ if not PY2 else 7, (number(7) if PY2 else NOTHING), ''
    yield 'made of two', Made(1, u'n'), NOTHING, ''
    yield 'made of nothing', Made(), pairs({}), ''
    if PY2:
        return
    yield 'iterator', iter([1, 2]), NOTHING, ''
    yield 'attributes of SimpleNamespace', types.SimpleNamespace(x=1, n='n'), {'named': {'x': 1, 'n': 'n'}}, 'named'
    for value in Colour.RED, http.HTTPStatus.OK, Level.HIGH, Flags.A | Flags.B, Flags(0), Real.HALF:
        right = {str: text, float: lambda value: {'float': value}, int: number}[type(value.value)](value.value)
        yield str(value), value, right, 'text' if value is Colour.RED else 'float'
    for kind in pathlib.PurePosixPath, pathlib.PureWindowsPath:
        yield kind.__name__, kind('a', 'b'), text_only(str(kind('a', 'b'))), 'text'
    zone = datetime.timezone(datetime.timedelta(hours=-1, minutes=-30))
    yield 'timezone', zone, text_only(str(zone)), 'text'
    aware = datetime.datetime(2024, 1, 1, tzinfo=zone)
    yield 'aware datetime', aware, text_only(aware.isoformat()), 'text'
    for address in '10.0.0.0/8', '::/0':
        network = ipaddress.ip_network(address)
        yield 'network', network, text_only(str(network)), 'text'
    for address in '1.2.3.4', '::1', '2001:db8::5':
        value = ipaddress.ip_address(address)
        yield 'address', value, text_only(str(value)), 'text'
        interface = ipaddress.ip_interface(address)
        yield 'interface', interface, text_only(str(interface)), 'text'
    if sys.version_info >= (3, 9):
        import zoneinfo
        for key in 'Europe/Berlin', 'UTC':
            zone = zoneinfo.ZoneInfo(key)
            yield 'zone', zone, text_only(key), 'text'
            aware = datetime.datetime(2024, 7, 1, tzinfo=zone)
            yield 'datetime in ' + key, aware, text_only(aware.isoformat()), 'text' if key == 'UTC' else ''


def text_only(value):
    return {'text': plain(value)}


def of_numpy():
    import numpy
    for kind in 'int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64'.split():
        value = getattr(numpy, kind)(3)
        right = number(3) if 'int' in kind else {'float': 3.0}
        yield kind, value, right, 'float'
        array = numpy.array([3, 4], dtype=kind)
        yield 'array of ' + kind, array, row(array.tolist()), 'floats'
        array = array.astype(array.dtype.newbyteorder('>'))
        yield 'array of big-endian ' + kind, array, row(array.tolist()), 'floats'
        yield 'two dimensions of ' + kind, numpy.zeros((2, 2), dtype=kind), NOTHING, ''
    yield 'str_', numpy.str_('red'), text('red'), 'text'
    yield 'bytes_', numpy.bytes_(b'abc'), {'data': [97, 98, 99]}, 'data'
    yield 'bool_', numpy.bool_(True), NOTHING, ''
    yield 'complex128', numpy.complex128(1.5 + 2.5j), row([1.5, 2.5]), 'floats'
    yield 'datetime64', numpy.datetime64('2024-01-01'), {'pair': [19723, 'D'], 'named': {'x': 19723, 'n': 'D'}}, 'pair'
    yield 'timedelta64', numpy.timedelta64(5, '25s'), {'pair': [5, '25s'], 'named': {'x': 5, 'n': '25s'}}, 'pair'
    yield 'array of objects', numpy.array(['a', 1], dtype=object), NOTHING, ''
    yield 'array of structures', numpy.zeros(1, dtype=[('x', 'i4')]), NOTHING, ''
    yield 'array of texts', numpy.array(['a', 'bc']), row(['a', 'bc']), 'texts'
    yield 'dtype', numpy.dtype('f8'), NOTHING, ''


def of_pandas():
    import pandas
    yield 'Timestamp', pandas.Timestamp('2024-01-01', tz='Europe/Berlin'), NOTHING, ''
    yield 'Series', pandas.Series([1, 2]), NOTHING, ''
    yield 'DataFrame', pandas.DataFrame({'x': [1], 'n': ['n']}), NOTHING, ''


def of_pydantic():
    import pydantic

    global Model, Extra
    Model = pydantic.create_model('Model', __module__=__name__, x=(int, 1), n=(str, 'n'))
    Extra = pydantic.create_model('Extra', __module__=__name__, __config__={'extra': 'allow'}, x=(int, 1))
    yield 'Model', Model(x=1), {'named': {'x': 1, 'n': 'n'}}, 'named'
    yield 'Extra', Extra(x=1, n='n'), {'named': {'x': 1, 'n': 'n'}}, 'named'


def of_attrs():
    import attr
    for slots in True, False:
        for frozen in True, False:
            kind = attr.make_class('Attrs%d%d' % (slots, frozen), ['x', 'n'], slots=slots, frozen=frozen)
            kind.__module__ = __name__
            globals()[kind.__name__] = kind
            yield kind.__name__, kind(1, 'n'), {'named': {'x': 1, 'n': 'n'}}, 'named'


def of_dataclasses():
    import dataclasses
    for frozen in True, False:
        for slots in (True, False) if sys.version_info >= (3, 10) else (False,):
            name = 'Data%d%d' % (frozen, slots)
            more = {'slots': True} if slots else {}
            kind = dataclasses.make_dataclass(name, [('x', int), ('n', str)], frozen=frozen, **more)
            kind.__module__ = __name__
            globals()[name] = kind
            yield name, kind(1, 'n'), row([1, 'n']), 'named'


def of_pytz():
    import pytz
    naive = datetime.datetime(2024, 7, 1)
    yield 'pytz.utc', pytz.utc, text_only('UTC'), 'text'
    for zone in pytz.utc, pytz.timezone('Europe/Berlin'), pytz.FixedOffset(60):
        aware = zone.localize(naive)
        yield 'datetime in %s of pytz' % zone, aware, text_only(aware.isoformat()), 'text'


def of_dateutil():
    import dateutil.tz
    naive = datetime.datetime(2024, 7, 1)
    for zone in dateutil.tz.tzutc(), dateutil.tz.tzoffset('X', 3600), dateutil.tz.gettz('Europe/Berlin'), dateutil.tz.tzlocal():
        aware = naive.replace(tzinfo=zone)
        must = 'text' if type(zone).__name__ in ('tzutc', 'tzoffset') else ''
        yield 'datetime in %s' % type(zone).__name__, aware, text_only(aware.isoformat()), must


def by_value(module):
    """Pickles by another pickler, of classes that are not to be found by their name."""
    class Job(object):
        pass

    class Fields(object):
        __slots__ = ('x', 'n')

    for kind in Job, Fields:
        kind.__module__ = '__main__'
        job = kind()
        job.x, job.n = 1, 'n'
        yield kind.__name__, job, {'named': {'x': 1, 'n': 'n'}}, 'named'
    # It has no attributes.
    yield 'function', lambda: 7, pairs({}), ''
    yield 'list of jobs', [7], row([7]), 'ints'


def tell(values, pickler=pickle):
    for name, value, right, must in values:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            if protocol < 2 and any(part in name for part in ('Slots', 'Both', 'StateList', 'Attrs', 'Data', 'Fields', 'StringIO', 'BytesIO')):
                continue
            if pickler is not pickle and protocol < 2:
                continue
            pickled = pickler.dumps(value, protocol)
            # The second one comes from the pickler's memo.
            holder = pickler.dumps({'twice': [value, value], 'other': 5}, protocol)
            pickles = [hexlify(part).decode('ascii') for part in (pickled, holder)]
            print('value %s %d %s %s' % ((name.replace(' ', '_'), protocol) + tuple(pickles)))
            for target, expected in right.items():
                word = 'must' if target in must.split() else 'may'
                print('%s %s %s' % (word, target, json.dumps(expected, sort_keys=True)))


def tell_exceptions():
    try:
        raise KeyError('x', 'boom')
    except KeyError as caught:
        sent = [(caught, 'plain')]
        if not PY2:
            from concurrent.futures.process import _ExceptionWithTraceback
            from multiprocessing.pool import ExceptionWithTraceback
            sent.append((ExceptionWithTraceback(caught, caught.__traceback__), 'Pool'))
            sent.append((_ExceptionWithTraceback(caught, caught.__traceback__), 'ProcessPoolExecutor'))
    for error, sender in sent:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            # As a worker of a Pool answers: a job, a position, and whether it went well.
            reply = pickle.dumps((3, 0, (False, error)), protocol)
            print('raised %s %d %s' % (sender, protocol, hexlify(reply).decode('ascii')))


def main(libraries):
    tell(values())
    tell_exceptions()
    if not PY2 and sys.version_info >= (3, 7):
        tell(of_dataclasses())
    for library in libraries:
        if library in ('cloudpickle', 'dill'):
            module = __import__(library)
            tell(by_value(module), module)
        else:
            tell(globals()['of_' + library]())
    print('end')


if __name__ == '__main__':
    # The classes above are to belong to a module that has a name.
    import contents
    contents.main(sys.argv[1:])
