#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets: small inputs that each reach another part of their target.

    python3 fuzz/make_seeds.py [DIRECTORY]

Writes DIRECTORY/<target>/<name>, and DIRECTORY/dictionary for libFuzzer; the default is fuzz/seeds,
which is not committed. What the first bytes of an input choose is in src/fuzzing.rs and its folder.
What real CPythons sent is taken from conformance/vectors. Inputs that made a target fail once are in
fuzz/regressions.
"""

import collections
import datetime
import decimal
import os
import pickle
import shutil
import sys
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
EXTENDED = b'\xff' * 4
STREAMS = {
    'nothing': b'',
    'frames': b'\0\0\0\0\0\0\0\x05hello\0\0\0\x01a',
    'long': b'\0\0\0\x64' + b'x' * 100 + b'\0\0\0\x01a',
    'extended': EXTENDED + b'\0' * 7 + b'\x03abc\0\0\0\0',
    'extended_long': EXTENDED + b'\0' * 7 + b'\x28' + b'x' * 40 + b'\0\0\0\0',
    'extended_2_63': EXTENDED + b'\x80' + b'\0' * 7,
    'extended_most': EXTENDED + b'\xff' * 8,
    'half_a_header': b'\0\0\0\x01a\0\0',
    'half_an_extended_header': EXTENDED + b'\0\0\0',
    'half_a_payload': b'\0\0\0\x09hell',
    'header_alone': b'\0\0\0\x09',
    'minus_2': b'\0\0\0\0\xff\xff\xff\xfe',
    'http': b'GET / HTTP/1.1\r\n\r\n',
}
VECTORS = os.path.join(HERE, '..', 'conformance', 'vectors')
WELCOME, FAILURE, AGAIN, ECHO, RIGHT, NAMED, CHALLENGE, LONG, JUNK = 0, 1, 2, 3, 4, 11, 12, 13, 14
# By their place in `dialects()`.
DIALECTS = {'raw_md5': 0, 'raw_sha256': 1, 'sha256': 3, 'sha3_384': 6}
SPLIT = ('frames', 'long', 'extended', 'extended_long', 'half_a_header', 'half_a_payload')


def recorded(name):
    """The fields of each line, with bytes for what is hexadecimal in it."""
    with open(os.path.join(VECTORS, name)) as lines:
        for line in lines:
            if line.strip() and not line.startswith('#'):
                yield [b'' if field == '-' else field for field in line.split()]


def octets(field):
    return bytes.fromhex(field) if field else b''


def form(message):
    """What a peer looks at before it computes anything."""
    return len(message), message[:message.find(b'}') + 1] if message.startswith(b'{') else b''


def one_of_each(messages):
    """The first message of each form, by a name."""
    forms = {form(found): found for found in reversed(list(messages))}
    return {'recorded_%d' % nth: forms[key] for nth, key in enumerate(sorted(forms))}


def recorded_streams():
    return one_of_each(octets(stream) for stream, *_ in recorded('streams.txt'))


def recorded_challenges():
    return one_of_each(octets(challenge) for _, challenge, *_ in recorded('answers.txt'))


def exchanges():
    """A key, a challenge, a response, the first two behind their lengths."""
    def behind_length(data):
        return bytes([len(data)]) + data

    verdicts = [fields[:4] for fields in recorded('verdicts.txt')]
    answers = [(key, challenge, answer.replace('error', ''), 'answer')
               for key, challenge, answer, *_ in recorded('answers.txt')]
    found = {}
    for key, challenge, response, verdict in verdicts + answers:
        key, challenge, response = octets(key), octets(challenge), octets(response)
        if max(len(key), len(challenge)) < 256:
            data = behind_length(key) + behind_length(challenge) + response
            found.setdefault((verdict, form(challenge), form(response)), data)
    seeds = {'recorded_%d' % nth: found[key] for nth, key in enumerate(sorted(found))}
    for length in (16, 19, 20, 21):
        challenge = b'{sha256}'.ljust(length, b'c')
        seeds['named_of_%d' % length] = behind_length(b'key') + behind_length(challenge)
    return seeds


def dictionary():
    """Tokens of the wire, in the format of libFuzzer."""
    tokens = {b'#CHALLENGE#', b'#WELCOME#', b'#FAILURE#', b'#mpconn-client-1', EXTENDED}
    for name in ('answers.txt', 'verdicts.txt'):
        for _, challenge, response, *_ in recorded(name):
            tokens.update(form(octets(field))[1] for field in (challenge, response)
                          if field != 'error')
    tokens.update(octets(header) for _, header, *_ in recorded('headers.txt') if header != 'error')
    return [''.join('\\x%02x' % byte for byte in token) for token in sorted(tokens) if token]


def message(kind, body=b''):
    return bytes([kind, len(body)]) + body


def named(digest, body=b'n' * 40):
    return bytes([NAMED, digest, len(body)]) + body


def handshakes(listener):
    def whole(response, challenge, verdict=bytes([WELCOME])):
        return response + challenge + verdict if listener else challenge + verdict + response

    right = bytes([RIGHT + 3])
    found = {name: b'\0\0' + whole(bytes([RIGHT + nth]), named(1))
             for name, nth in DIALECTS.items()}
    found['modern'] = b'\x01\0' + whole(right, named(4))
    found['modern_refuses'] = b'\x01\0' + whole(bytes([RIGHT]), named(0))
    found['legacy'] = b'\0\0' + whole(bytes([RIGHT]), message(CHALLENGE, b'l' * 20))
    found['legacy_sha256'] = b'\x02\0' + whole(right, message(CHALLENGE, b'l' * 20))
    found['short_challenge'] = b'\0\0' + whole(right, message(CHALLENGE, b's' * 19))
    found['marked'] = b'\0\0' + whole(right, named(2, b'm' * 24 + b'#mpconn-client-1'))
    found['rejected'] = b'\0\0' + whole(right, named(1), bytes([FAILURE]))
    found['no_verdict'] = b'\0\0' + whole(right, named(1), message(JUNK, b'#WELCOME#x'))
    found['wrong'] = b'\0\0' + whole(bytes([0x80 | RIGHT + 3, 39, 1]), named(1))
    found['echo'] = b'\0\0' + whole(bytes([ECHO]), named(1))
    found['again'] = b'\0\0' + whole(right, bytes([AGAIN]))
    found['too_long'] = b'\0\0' + bytes([LONG, 129])
    for name, challenge in recorded_challenges().items():
        if len(challenge) < 256:
            found[name] = b'\0\0' + whole(right, message(CHALLENGE, challenge))
    found['junk'] = b'\0\0' + message(JUNK, b'{sha512}' + b'j' * 64)
    return found


# Flags and a choice for each side, the generator; then what becomes of each message.
PAIRS = {
    'as_sent': b'\0\1\0\1',
    'other_digests': b'\0\x02\0\x04',
    'md5_refused': b'\1\1\0\0',
    'md5_refused_by_the_client': b'\0\0\1\1',
    'another_key': b'\0\x1f\0\1',
    'empty_keys': b'\4\x24\4\x24',
    'empty_key_refused': b'\0\x24\4\x24',
    'changed_byte': b'\0\1\0\1\x7f\x82\x09\x40',
    'cut': b'\0\1\0\1\x7f\x83\x05',
    'longer': b'\0\1\0\1\x7f\x7f\x84\0\x01x',
    'replaced': b'\0\1\0\1\x7f\x80\0\x09#WELCOME#',
    'said_before': b'\0\1\0\1\x7f\x81\0',
    'thrown_in': b'\0\1\0\1' + b'\0' * 6 + b'\1\x09#WELCOME#',
}
BEGIN, SEND, FEED, MANY, TAKE_BACK, KEEP, FLUSH, TRANSMIT = range(8)
RESUME, RELEASE, READY, LIMITED, RECEIVE = range(0x80, 0x85)
INLINE = 253  # A payload of 64 KiB.
# Three bytes for what the sender does, two for the receiver.
OPERATIONS = {
    'send': bytes([SEND, 5, 255, RECEIVE, 255]),
    'in_two': bytes([BEGIN, 9, 6, RECEIVE, 255, TRANSMIT, 0, 255, RECEIVE, 255]),
    'kept': bytes([BEGIN, 9, 6, KEEP, 0, 0, FEED, 3, 0, FLUSH, 0, 255, RECEIVE, 255, RECEIVE, 9]),
    'half_sent': bytes([SEND, 9, 6, SEND, 1, 255, RECEIVE, 255]),
    'fed': bytes([FEED, 0, 0, FEED, 7, 0, FLUSH, 0, 3, TAKE_BACK, 4, 0, RECEIVE, 255]),
    'many': bytes([MANY, 20, 0, READY, 0, RECEIVE, 7, RECEIVE, 99, RECEIVE, 1]),
    'limited': bytes([SEND, 20, 255, LIMITED, 20, SEND, 21, 255, LIMITED, 20]),
    'resumed': bytes([SEND, 20, 255, RECEIVE, 7, RESUME, 0, RECEIVE, 255, RELEASE, 0]),
    'inline': bytes([MANY, INLINE, 0, RECEIVE | 0x70, 255, RECEIVE | 0x70, 255]),
    'large': bytes([MANY, INLINE + 1, 0, RECEIVE | 0x70, 99, RESUME, 0, RECEIVE | 0x70, 255]),
    'large_limited': bytes([MANY, INLINE + 2, 0, LIMITED, 255]),
}


def pickles():
    plain = [None, True, 1, 300, -70000, 1 << 40, 1 << 200, 1.5, 'text', '\xe9\u20ac', b'\xff\0',
             (), (1,), (1, 2), (1, 2, 3, 4), {'key': [1, 2]}, bytearray(b'abc'), 1j]
    shared = [1]
    recursive = []
    recursive.append((recursive,))
    values = {
        'plain': plain,
        'shared': [shared, shared, (shared, [shared])],
        'recursive': recursive,
        'set': [{1}, frozenset([2])],
        'date': datetime.datetime(2024, 2, 29, 1, 2, 3, 4, datetime.timezone.utc),
        'ordered': collections.OrderedDict([('b', 1), ('a', 2)]),
        'deque': collections.deque([1, 2], 3),
        'decimal': decimal.Decimal('1.5'),
        'uuid': uuid.UUID(int=5),
        'error': ValueError('wrong'),
        'names': [int, len],
    }
    # The first byte chooses options.
    found = {'%s_%d' % (name, protocol): b'\0' + pickle.dumps(value, protocol)
             for name, value in values.items() for protocol in (0, 2, 5)}
    found['python2'] = b"\1(S'a\\xff'\nU\x03abcVa\\u20ac\nI01\nL5L\nF1e+20\nt."
    found['old'] = b"\0(im\nC\n(dS'a'\nI1\nsb."
    found['old_binary'] = b'\0(cm\nC\nNo}b.'
    found['strict'] = b'\2cos\nsystem\nX\x05\0\0\0false\x85R.'
    found['reconstructor'] = b'\0ccopy_reg\n_reconstructor\n(cm\nC\nc__builtin__\ndict\n(dtR.'
    found['keywords'] = b'\0\x80\x04cm\nC\n)}\x8c\x01aNs\x92.'
    found['surrogate'] = b'\0X\x03\0\0\0\xed\xa0\x80.'
    found['bomb'] = b'\0]\x94(NN' + b''.join(b'e]\x94(h%ch%c' % (n, n) for n in range(30)) + b'e.'
    found['deep'] = b'\0' + b']' * 100 + b'a' * 99 + b'.'
    found['memo'] = b'\0Nr\xff\xff\0\0.'
    found['stack'] = b'\0(K\x01(K\x0201N2000.'
    found['claim'] = b'\0\x8e' + b'\xff' * 8 + b'abc.'
    return found


def managers():
    """Requests to a server, with a byte for the client and one for the length before each."""
    def request(choice, *parts):
        data = pickle.dumps(parts, 2)
        return bytes([choice, len(data)]) + data

    def queue(choice, method, *arguments):
        return request(choice, '1', method, arguments, {})

    def manager(method, *arguments):
        return request(4, None, method, arguments, {})

    put = queue(1, 'put', [1, 'two'])
    return {
        'put_and_get': put + queue(2, 'get'),
        'get_and_put': queue(2, 'get') + put,
        'full': put + put + queue(0x80 | 3, 'put', 7, True, 0.5) + queue(2, 'get'),
        'gone': queue(0x42, 'get') + put + queue(3, 'get', False),
        'empty': queue(0x82, 'get', True, 0.1) + queue(2, 'get_nowait'),
        'joined': put + queue(2, 'join') + queue(3, 'get') + queue(3, 'task_done'),
        'unknown': queue(1, 'mutex') + request(2, 'ffff', 'get', (), {}) + request(3, 'get'),
        'value': queue(1, '#GETVALUE') + queue(2, '__repr__'),
        'dict': manager('create', 'dict', {'a': 1}),
        'list': manager('create', 'list', [1, 2]),
        'info': manager('debug_info'),
        'references': manager('incref', '1'),
        'shutdown': manager('shutdown'),
        'return': pickle.dumps(('#RETURN', [1]), 2),
        'error': pickle.dumps(('#ERROR', KeyError('a')), 2),
        'traceback': pickle.dumps(('#TRACEBACK', 'KeyError'), 2),
        'proxy': b'\x80\x02(X\x06\0\0\0#PROXY)cmultiprocessing.managers\nToken\n)\x81'
                 b'(X\x01\0\0\0aNX\x01\0\0\x001tb\x86t.',
    }


TARGETS = {
    # A limit, what is inline.
    'framer': {name: b'\0\x10' + stream for name, stream in STREAMS.items()}
              | {name: b'\0\x10' + stream for name, stream in recorded_streams().items()},
    # The same, what is received directly, reads of 1, 3 and 9 bytes.
    'split': {name: b'\0\x10\x55\x02\x01\x03\x09' + STREAMS[name] for name in SPLIT},
    'handshake_listener': handshakes(True),
    'handshake_client': handshakes(False),
    'pair': PAIRS,
    'operations': OPERATIONS,
    'exchange': exchanges(),
    'pickle': pickles(),
    'managers': managers(),
    'addresses': {
        'path': b'/run/app.sock',
        'tcp': b'tcp://localhost:6000',
        'tcp6': b'tcp://[fe80::1%eth0]:6000',
        'pipe': rb'\\.\pipe\app',
        'unix': b'unix:/run/%ff%20app',
        'abstract': b'\0app',
        'abstract_text': b'unix-abstract:%00app',
        'looks_like_tcp': b'localhost:6000',
        'brackets': b'pp[app]',
    },
}


def main():
    seeds = sys.argv[1] if sys.argv[1:] else os.path.join(HERE, 'seeds')
    shutil.rmtree(seeds, ignore_errors=True)
    for target, files in TARGETS.items():
        os.makedirs(os.path.join(seeds, target))
        for name, data in files.items():
            with open(os.path.join(seeds, target, name), 'wb') as file:
                file.write(data)
    with open(os.path.join(seeds, 'dictionary'), 'w') as file:
        file.writelines('"%s"\n' % token for token in dictionary())


if __name__ == '__main__':
    main()
