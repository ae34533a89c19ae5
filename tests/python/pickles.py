"""Makes pickles of all kinds of values, and tells what values pickles have. Every Python from 2.7 on.

Reads lines of a name and a value in hexadecimal:
  generate SEED  a line `pickle PROTOCOL HEX DESCRIPTION` for each value and protocol, then `end`
  loads HEX      a line `is DESCRIPTION`, or `fails EXCEPTION`
  opcodes HEX    a line `opcodes NAME...`
An empty line ends it. A description is text in which equal values are equal, and others are not.
"""
import binascii
import collections
import datetime
import decimal
import fractions
import pickle
import pickletools
import random
import struct
import sys
import uuid

PY2 = sys.version_info[0] == 2
if PY2:
    import cPickle
    PICKLERS = [pickle, cPickle]
else:
    long, unicode = int, str
    PICKLERS = [pickle]
try:
    import enum
    import pathlib
except ImportError:
    enum = pathlib = None


class Plain(object):
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Slots(object):
    __slots__ = ('one', 'two')


class Keywords(object):
    def __new__(cls, name=None):
        return object.__new__(cls)

    def __getnewargs_ex__(self):
        return (), {'name': 'a keyword'}


class Dict(dict):
    pass


class List(list):
    pass


class Old:
    """Of the old kind in Python 2."""


class OldWithArguments:
    def __init__(self, first):
        self.first = first

    def __getinitargs__(self):
        return (self.first,)


Pair = collections.namedtuple('Pair', 'first second')
if enum:
    Colour = enum.Enum('Colour', 'RED GREEN', module=__name__)


def main():
    for line in iter(sys.stdin.readline, '\n'):
        name, value = line.rstrip('\n').split(' ')
        DOINGS[name](binascii.unhexlify(value))
        sys.stdout.flush()


def generate(seed):
    for value in list(recursive()) + list(fixed()) + [arbitrary(random.Random(seed + b'%d' % n)) for n in range(60)]:
        for module in PICKLERS:
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                if protocol < NEEDS.get(type(value), 0):
                    continue
                data = module.dumps(value, protocol)
                tell('pickle', str(protocol), hexadecimal(data), describe(value))
    tell('end')


def loads(data):
    try:
        value = pickle.loads(data)
    except Exception as error:  # whichever: it is told
        tell('fails', type(error).__name__, repr(str(error)))
    else:
        tell('is', describe(value))


def opcodes(data):
    tell('opcodes', *sorted({opcode.name for opcode, _, _ in pickletools.genops(data)}))


# Up to protocol 3, keywords are in a call of something that was called; before 2, there are none.
NEEDS = {Slots: 2, Keywords: 2}
DOINGS = {'generate': generate, 'loads': loads, 'opcodes': opcodes}


def recursive():
    """What contains itself; a tuple by something else."""
    one = []
    one.append(one)
    yield one
    two = {}
    two[1] = two
    yield two
    three = Plain()
    three.itself = three
    yield three
    for length in 1, 3, 5:
        four = []
        four.append((four,) * length)
        yield four[0]


def fixed():
    """One of each kind, and of what has been wrong elsewhere."""
    for value in None, True, False, (), [], {}, set(), frozenset(), u'', b'', bytearray(), 0.0:
        yield value
    for bits in 7, 8, 15, 16, 31, 32, 63, 64, 65, 127, 128, 129, 2039, 2040, 2048:
        for near in -1, 0, 1:
            yield 2 ** bits + near
            yield -(2 ** bits + near)
    for number in -0.0, 1e300, 5e-324, float('inf'), float('-inf'), float('nan'), 0.1:
        yield number
    yield complex(1.5, -0.0)
    for length in 1, 255, 256, 257:
        yield b'x' * length
        yield u'x' * length
        yield bytearray(b'x' * length)
    yield u'x' * 65536
    yield bytes(bytearray(range(256)))
    yield bytearray(range(256))
    for text in u'\0', u"'\"\\\n\r\t\x1a", u'\\u0041', u'\xe9\u20ac', u'\U0001f600', u'\ud83d', u'a\udcff':
        yield text
    yield "a str of either Python's"
    for length in 1, 2, 3, 4, 1001:
        yield tuple(range(length))
        yield list(range(length))
        yield {n: str(n) for n in range(length)}
        yield set(range(length))
        yield frozenset(range(length))
    yield [[n] * 2 for n in range(1001)]
    yield {n: {n: [n]} for n in range(1001)}
    one = [1]
    two = [one, one]
    yield [two, two]
    text, data = u'shared text', b'shared bytes'
    yield [text, data, text, data, (text, data)] * 2
    row = {u'key': (1, 2)}
    yield [row] * 300
    for value in from_modules():
        yield value
    yield Pair(1, (2,))
    yield Plain(one=1, two=[2], three={u'3': None})
    yield Plain()
    yield Keywords()
    slots = Slots()
    slots.one, slots.two = 1, u'2'
    yield slots
    yield Dict(a=1)
    yield List([1, 2])
    yield Old()
    yield OldWithArguments(1)
    yield ValueError(u'wrong', 2)
    yield OSError(5, u'Input/output error')
    yield [int, len, Plain]
    if enum:
        yield Colour.GREEN


def from_modules():
    values = [
        datetime.datetime(1900, 1, 2, 3, 4, 5, 6), datetime.datetime(2024, 2, 29, 23, 59, 59, 999999),
        datetime.date(1, 1, 1), datetime.date(9999, 12, 31), datetime.time(1, 2, 3),
        datetime.timedelta(-1, 2, 3), decimal.Decimal('-1.50E+3'), decimal.Decimal('NaN'),
        uuid.UUID(int=5), uuid.UUID(int=2 ** 128 - 1), fractions.Fraction(-1, 3),
        fractions.Fraction(2), collections.OrderedDict([(u'b', 1), (u'a', 2)]),
        collections.OrderedDict(), collections.defaultdict(list, {u'a': [1]}),
        collections.defaultdict(None), collections.deque([1, 2]), collections.deque([1], 3),
        collections.deque(), collections.deque([], 2), collections.Counter(u'abca'),
        collections.Counter(),
    ]
    if not PY2:
        zone = datetime.timezone
        hour = datetime.timedelta(hours=-1, minutes=-30)
        values += [
            zone.utc, zone(hour), zone(hour, 'a name'), datetime.datetime(2024, 1, 1, tzinfo=zone.utc),
            datetime.datetime(2024, 1, 1, 1, 1, 1, 5, zone(hour)), datetime.time(1, tzinfo=zone.utc),
        ]
        if sys.version_info >= (3, 7):
            values.append(zone(datetime.timedelta(0, 5, 7)))
            values.append(datetime.time(1, tzinfo=zone(datetime.timedelta(0, 5, 7))))
        if sys.version_info >= (3, 6):
            values.append(datetime.datetime(2024, 10, 27, 2, 30, fold=1))
    if pathlib:
        for kind in pathlib.PurePosixPath, pathlib.PureWindowsPath, pathlib.PosixPath:
            values += [kind(), kind('a'), kind('/'), kind('/usr/lib'), kind('a', 'b/c'), kind('..')]
        values += [pathlib.PurePosixPath('/a', '/b', 'c'), pathlib.PureWindowsPath('C:\\a', 'b')]
        values += [pathlib.PureWindowsPath('\\\\host\\share\\a'), pathlib.PureWindowsPath('C:a')]
    return values


def arbitrary(random, depth=0):
    def some():
        return [arbitrary(random, depth + 1) for _ in range(random.choice([0, 1, 2, 3, 4, 5, 17]))]

    def keys():
        kinds = [number, text, lambda: (number(), text()), lambda: None, real]
        return [random.choice(kinds)() for _ in range(random.randrange(6))]

    def number():
        return random.getrandbits(random.choice([1, 8, 16, 31, 33, 64, 200])) * random.choice([1, -1])

    def text():
        letters = [u'a', u'\\', u'\n', u'\xff', u'\u20ac', u'\U0001f600', u'\0']
        return u''.join(random.choice(letters) for _ in range(random.choice([0, 1, 5, 300])))

    def data():
        return bytes(bytearray(random.getrandbits(8) for _ in range(random.choice([0, 1, 5, 300]))))

    def real():
        return struct.unpack('>d', struct.pack('>Q', random.getrandbits(64)))[0]

    def shared():
        value = arbitrary(random, depth + 1)
        return [value, (value, [value])]

    leaves = [number, text, data, real, lambda: None, lambda: random.random() < .5,
              lambda: bytearray(data()), lambda: complex(real(), real())]
    nodes = [some, lambda: tuple(some()), lambda: {key: arbitrary(random, depth + 1) for key in keys()},
             lambda: set(keys()), lambda: frozenset(keys()), shared,
             lambda: collections.OrderedDict((key, some()) for key in keys()),
             lambda: collections.deque(some())]
    return random.choice(leaves if depth > 5 or depth and random.random() < .5 else nodes)()


def describe(value):
    try:
        return words(value)
    except RuntimeError:
        return 'recursive'


def words(value):
    kind = type(value)
    if value is None or kind is bool:
        return str(value)
    if kind in (int, long):
        return 'i%s' % hex(value).rstrip('L')
    if kind is float:
        return 'f' + real(value)
    if kind is complex:
        return 'c%s,%s' % (real(value.real), real(value.imag))
    if PY2 and kind is str:
        try:
            return words(value.decode('utf-8'))
        except UnicodeDecodeError:
            return 'b' + hexadecimal(value)
    if kind is unicode:
        return 's' + hexadecimal(value.encode('utf-8', *(() if PY2 else ('surrogatepass',))))
    if kind is bytes:
        return 'b' + hexadecimal(value)
    if kind is bytearray:
        return 'B' + hexadecimal(bytes(value))
    if kind in (tuple, list, set, frozenset):
        parts = [words(part) for part in value]
        if kind in (set, frozenset):
            parts.sort()
        return '%s(%s)' % (kind.__name__, ' '.join(parts))
    if kind is dict:
        return 'dict' + pairs(value)
    if kind in (collections.OrderedDict, collections.defaultdict, collections.Counter):
        return kind.__name__ + pairs(value)
    if kind is collections.deque:
        return 'deque(%s)' % ' '.join(map(words, value))
    if kind is datetime.timedelta:
        return 'timedelta' + words((value.days, value.seconds, value.microseconds))
    if kind in (datetime.datetime, datetime.date, datetime.time):
        return text_of(kind, value.isoformat())
    if kind in (decimal.Decimal, uuid.UUID, fractions.Fraction):
        return text_of(kind, str(value))
    if not PY2 and kind is datetime.timezone:
        return text_of(kind, str(value))
    if pathlib and isinstance(value, pathlib.PurePath):
        return text_of(kind, str(value))
    if isinstance(value, type) or kind is type(len):
        return 'global %s.%s' % (module_of(value), value.__name__)
    if isinstance(value, (tuple, BaseException)):
        args = tuple(value) if isinstance(value, tuple) else value.args
        return 'object %s %s' % (kind.__name__, words(args))
    if enum and kind is Colour:
        # By its value; in some versions, 3.11.2 for one, as an attribute of its class.
        make, args = value.__reduce_ex__(2)
        return 'object %s %s' % (make.__name__, words(args))
    name = getattr(value, '__class__', kind).__name__
    if kind is Slots:
        return 'object Slots ' + words({'one': value.one, 'two': value.two})
    if isinstance(value, dict):
        return 'object %s %s' % (name, pairs(value))
    if isinstance(value, list):
        return 'object %s %s' % (name, words(list(value)))
    return 'object %s %s' % (name, words(vars(value)))


def pairs(value):
    return '{%s}' % ' '.join(sorted('%s:%s' % (words(k), words(v)) for k, v in value.items()))


def text_of(kind, text):
    return '%s %s' % (kind.__name__, hexadecimal(text.encode('utf-8')))


def module_of(value):
    return {'__builtin__': 'builtins'}.get(value.__module__, value.__module__)


def real(number):
    return hexadecimal(struct.pack('>d', number)) if number == number else 'nan'


def hexadecimal(data):
    return binascii.hexlify(data).decode('ascii')


def tell(*words):
    print(' '.join(words))


if __name__ == '__main__':
    # The classes above are to belong to a module that has a name.
    import pickles
    pickles.main()
