#!/usr/bin/env python3
"""Records what real CPythons do with the wire of multiprocessing.connection.

    python3 conformance/vectors/record.py PYTHON...

runs every interpreter given (2.7 or later, on POSIX) and writes the files next to this one anew.
The same interpreters give the same files, byte for byte: nothing here is random. Whether they
still do can be asked without writing: put --check in front.

This file runs under the interpreters it records, so it is written for 2.7 and 3.15 alike.
"""

from __future__ import print_function

import binascii
import hashlib
import hmac
import os
import subprocess
import sys
import tempfile
from multiprocessing import AuthenticationError, connection

HERE = os.path.dirname(os.path.abspath(__file__))
HMAC_NEW = hmac.new
DIGESTS = ['md5', 'sha256', 'sha384', 'sha3_256', 'sha3_384']
KEY_LENGTHS = [0, 1, 64, 65, 128, 129, 200]
MODERN = sys.version_info >= (3, 12)

# What the files say about themselves, above their lines.
FORMATS = {
    'answers.txt': """\
What a peer answers to a challenge (answer_challenge).
key  challenge  response|error  origins
The challenge and what its MAC covers: all bytes after #CHALLENGE#. An error sends nothing.""",
    'verdicts.txt': """\
What a peer thinks of a response to its challenge (deliver_challenge).
key  challenge  response  welcome|failure  origins
The challenge: all bytes after #CHALLENGE#. Before 3.12 it has no prefix, and 20 bytes.""",
    'headers.txt': """\
What stands in front of a message (Connection.send_bytes).
length  header|error  origins
The length in decimal. Above 1 MiB it was only claimed, to the method that writes the header.""",
    'streams.txt': """\
What is read from a stream that ends (Connection.recv_bytes, until it raises).
stream  maxlength|none  messages  end  origins
The messages are separated by commas, none at all is written none. The end is eof (EOFError),
truncated (OSError, got end of file during message) or too-long (OSError, bad message length).""",
}
PREAMBLE = """
Recorded by conformance/vectors/record.py; it says how to do it again.
Fields are separated by one space. Bytes are in hexadecimal, none of them is a dash. The origins
are the CPythons that did so, separated by commas. +sha256 is one that was patched as the RHEL
family's are up to 3.11: it does HMAC-SHA256 where it did HMAC-MD5."""


def seeded(label, length):
    """The same bytes for the same label, in every version."""
    found = b''
    while len(found) < length:
        part = '%s %d' % (label, len(found))
        found += hashlib.sha256(part.encode('ascii')).digest()
    return found[:length]


def key_of(length):
    return seeded('key', length)


def hexed(data):
    return binascii.hexlify(data).decode('ascii') if data else '-'


class Recorder(object):
    """Prints cases, numbered: the driver puts the results of all versions side by side."""

    def __init__(self):
        self.number = 0

    def __call__(self, name, *fields):
        print(name, self.number, *fields)

    def case(self):
        self.number += 1


class Scripted(object):
    """A connection that receives what the script says, and keeps what is sent."""

    def __init__(self, script):
        self.script = list(script)
        self.sent = []

    def recv_bytes(self, maxlength=None):
        message = self.script.pop(0)
        return message(self.sent) if callable(message) else message

    def send_bytes(self, message):
        self.sent.append(message)


def challenges():
    """Pairs of keys and challenges, the bytes after #CHALLENGE#."""
    for key_length in KEY_LENGTHS:
        key = key_of(key_length)
        for digest in DIGESTS:
            prefix = ('{%s}' % digest).encode('ascii')
            for length in (21, 48, 245):
                label = 'challenge %d %s' % (key_length, digest)
                yield key, prefix + seeded(label, length - len(prefix))
        yield key, seeded('legacy %d' % key_length, 20)
    key = key_of(32)
    for length in (0, 16, 19, 21, 48, 245):
        yield key, seeded('unprefixed', length)
    # Twenty bytes are legacy before anything else.
    for prefix in (b'{md5}', b'{sha256}', b'{sha3_384}', b'{sha512}'):
        yield key, prefix + seeded('twenty', 20 - len(prefix))
    for prefix in (b'{sha512}', b'{SHA256}', b'{sha1}', b'{sha256', b'sha256}', b'{}', b'{sha256 }',
                   b'{sha224}', b' {sha256}', b'{blake2b}', b'{sha3_256_}'):
        yield key, prefix + seeded('odd', 40)
    # A challenge with mpconn's client mark is one like any other to every CPython.
    for digest in DIGESTS:
        prefix = ('{%s}' % digest).encode('ascii')
        yield key, prefix + seeded('marked %s' % digest, 24) + b'#mpconn-client-1'


def record_answers(record, cases):
    for key, challenge in cases:
        record.case()
        peer = Scripted([b'#CHALLENGE#' + challenge, b'#WELCOME#'])
        try:
            connection.answer_challenge(peer, key)
            response, = peer.sent
            outcome = hexed(response)
        except (AuthenticationError, AssertionError):
            assert not peer.sent
            outcome = 'error'
        record('answers.txt', hexed(key), hexed(challenge), outcome)


def mac(key, challenge, digest):
    return HMAC_NEW(key, challenge, getattr(hashlib, digest)).digest()


def prefixed(digest):
    def response(key, challenge):
        return ('{%s}' % digest).encode('ascii') + mac(key, challenge, digest)
    return response


def raw(digest):
    def response(key, challenge):
        return mac(key, challenge, digest)
    return response


def flipped(response, at):
    def wrong(key, challenge):
        found = bytearray(response(key, challenge))
        found[at] ^= 1
        return bytes(found)
    return wrong


def just(found):
    return lambda key, challenge: found


def responses():
    """Triples of a key, the digest of the challenge, and how the response to it is made."""
    for key_length in KEY_LENGTHS:
        key = key_of(key_length)
        yield key, 'sha256', raw('md5')
        if MODERN:
            for digest in DIGESTS:
                yield key, digest, prefixed(digest)
                yield key, 'sha256', prefixed(digest)
    key = key_of(32)
    yield key, 'sha256', flipped(raw('md5'), 0)
    yield key, 'sha256', flipped(raw('md5'), 15)
    yield key, 'sha256', lambda key, challenge: raw('md5')(key, challenge)[:15]
    yield key, 'sha256', lambda key, challenge: raw('md5')(key, challenge) + b'x'
    yield key, 'sha256', lambda key, challenge: raw('md5')(key_of(31), challenge)
    yield key, 'sha256', lambda key, challenge: challenge
    yield key, 'sha256', lambda key, challenge: b'#CHALLENGE#' + challenge
    for length in (0, 1, 15, 16, 17, 19, 20, 21, 32, 48, 256):
        yield key, 'sha256', just(seeded('junk', length))
    for found in (b'#WELCOME#', b'#FAILURE#', b'{sha256}', b'{md5}', b'{sha256}123456789012',
                  b'{sha256}12345678', b'{md5}12345678901'):
        yield key, 'sha256', just(found)
    if MODERN:
        right = prefixed('sha256')
        yield key, 'sha256', flipped(right, 8)
        yield key, 'sha256', flipped(right, 39)
        yield key, 'sha256', lambda key, challenge: right(key, challenge)[:-1]
        yield key, 'sha256', lambda key, challenge: right(key, challenge) + b'x'
        yield key, 'sha256', lambda key, challenge: right(key_of(31), challenge)
        for name in (b'{SHA256}', b'{sha256', b'sha256}', b'{sha3_256}', b'{sha512}', b'{sha384}'):
            yield key, 'sha256', (
                lambda key, challenge, name=name: name + mac(key, challenge, 'sha256'))
        for digest in ('sha1', 'sha224', 'sha512'):
            yield key, 'sha256', prefixed(digest)
        for digest in ('sha256', 'sha384', 'sha512'):
            yield key, 'sha256', raw(digest)


def record_verdicts(record, cases):
    urandom = os.urandom
    for key, digest, response in cases:
        record.case()
        # Also where the version's challenges differ, so that no two are alike.
        os.urandom = lambda length: seeded('nonce %d' % record.number, length)
        found = []

        def answer(sent):
            found.append(sent[0][len(b'#CHALLENGE#'):])
            found.append(response(key, found[0]))
            return found[1]

        peer = Scripted([answer])
        try:
            connection.deliver_challenge(peer, key, *([digest] if MODERN else []))
        except AuthenticationError:
            pass
        finally:
            os.urandom = urandom
        _, verdict = peer.sent
        verdict = {b'#WELCOME#': 'welcome', b'#FAILURE#': 'failure'}[verdict]
        record('verdicts.txt', hexed(key), hexed(found[0]), hexed(found[1]), verdict)


def with_file(content, readable, action):
    """A connection over a file: no peer is needed, and the end comes by itself."""
    if sys.version_info >= (3,):
        Connection = connection.Connection
    else:
        from _multiprocessing import Connection
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        conn = Connection(os.dup(file.fileno()), readable=readable, writable=not readable)
        found = action(conn)
        conn.close()
        file.seek(0)
        return found, file.read()


class Claim(object):
    """Something that says it is so long."""

    def __init__(self, length):
        self.length = length

    def __len__(self):
        return self.length


def claimed_header(length):
    class Parts(object):
        sent = []

        def _send(self, part):
            self.sent.append(part)

    claim, parts = Claim(length), Parts()
    parts.sent = []
    try:
        connection.Connection._send_bytes(parts, claim)
    except Exception:
        # struct.error: the version has no header for it.
        assert not parts.sent
        return None
    assert parts.sent.pop() is claim
    return b''.join(parts.sent)


def record_headers(record):
    for length in (0, 1, 2, 16, 20, 59, 61, 127, 128, 129, 255, 256, 257, 4095, 4096, 4097, 16383,
                   16384, 16385, 65535, 65536, 65537, 1 << 20):
        record.case()
        payload = b'x' * length
        _, written = with_file(b'', False, lambda conn: conn.send_bytes(payload))
        assert written[len(written) - length:] == payload
        record('headers.txt', length, hexed(written[:len(written) - length]))
    for length in (0x7ffffffe, 0x7fffffff, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 32) + 1, 1 << 40,
                   (1 << 63) - 1):
        record.case()
        # 2.7 writes them in C.
        if sys.version_info >= (3,):
            header = claimed_header(length)
            record('headers.txt', length, 'error' if header is None else hexed(header))


def streams():
    """Pairs of a stream and a limit."""
    short = [b'', b'\0\0\0\0', b'\0\0\0\x05hello', b'\0\0\0\0\0\0\0\x01a\0\0\0\0', b'\0', b'\0\0\0',
             b'\0\0\0\x01', b'\0\0\0\x05hell', b'\0\0\0\x01a\0\0', b'\0\0\0\x01a\0\0\0\x02',
             b'\0\0\x01\0' + b'x' * 256]
    for stream in short:
        yield stream, None
        yield stream, 256
    yield b'\0\0\0\0', 0
    yield b'\0\0\0\x01a', 0
    yield b'\0\0\0\x01a', 1
    yield b'\0\0\0\x02ab', 1
    yield b'\0\0\x01\x01' + b'x' * 257, 256
    yield b'\x7f\xff\xff\xff', 256
    # Negative lengths, and a frame behind them.
    yield b'\xff\xff\xff\xfe\0\0\0\x01a', None
    yield b'\x80\0\0\0\0\0\0\x01a', None
    # Extended headers.
    extended = b'\xff\xff\xff\xff'
    yield extended, None
    yield extended + b'\0' * 7, None
    yield extended + b'\0' * 8, None
    yield extended + b'\0' * 8 + b'\0\0\0\x01a', 0
    yield extended + b'\0' * 7 + b'\x03abc\0\0\0\x01d', None
    yield extended + b'\0' * 7 + b'\x03ab', None
    yield extended + b'\0' * 7 + b'\x03', None
    yield extended + b'\0' * 6 + b'\x01\x01', 256
    yield extended + b'\x80' + b'\0' * 7, 256
    yield extended + b'\xff' * 8, 256


def record_streams(record):
    for stream, maxlength in streams():
        record.case()
        messages = []

        def receive(conn):
            while True:
                try:
                    messages.append(conn.recv_bytes(*([] if maxlength is None else [maxlength])))
                except EOFError:
                    return 'eof'
                except (IOError, OSError) as error:
                    ends = {'got end of file during message': 'truncated',
                            'bad message length': 'too-long'}
                    return ends[str(error)]

        end, _ = with_file(stream, True, receive)
        messages = ','.join(map(hexed, messages)) or 'none'
        maxlength = 'none' if maxlength is None else maxlength
        record('streams.txt', hexed(stream), maxlength, messages, end)


def record_all():
    record = Recorder()
    record_answers(record, challenges())
    # The numbers of the others do not depend on how many cases a version has.
    record.number = 1000
    record_verdicts(record, responses())
    record.number = 2000
    record_headers(record)
    record.number = 3000
    record_streams(record)


def record_patched():
    """The RHEL family's patch, which sets HMAC_DIGEST_NAME, in its effect."""
    hmac.new = lambda key, message, digest: HMAC_NEW(key, message, 'sha256')
    record = Recorder()
    record.number = 10000
    record_answers(record, (
        (key_of(length), seeded('patched %d' % length, 20)) for length in KEY_LENGTHS))
    record_answers(record, [
        (key_of(32), b'{sha256}' + seeded('patched', 40)), (key_of(32), seeded('patched', 21))])
    record_verdicts(record, ((key_of(length), None, raw('sha256')) for length in KEY_LENGTHS))
    record_verdicts(record, [
        (key_of(32), None, flipped(raw('sha256'), 31)), (key_of(32), None, raw('md5'))])


def run(python, how):
    # No .pyc files beside the script, and nothing of the caller's environment in the result.
    output = subprocess.check_output([python, '-B', os.path.abspath(__file__), how])
    return output.decode('ascii').splitlines()


def version_of(python):
    code = 'import sys; print("%d.%d.%d" % sys.version_info[:3])'
    version = subprocess.check_output([python, '-c', code]).decode('ascii').strip()
    return tuple(map(int, version.split('.')))


def drive(pythons, check):
    found = {}
    for version, python in sorted((version_of(python), python) for python in pythons):
        origin = '.'.join(map(str, version))
        runs = [(origin, run(python, '--record'))]
        if version[:2] == (3, 11):
            runs.append((origin + '+sha256', run(python, '--record-patched')))
        for origin, lines in runs:
            for line in lines:
                name, number, fields = line.split(' ', 2)
                origins = found.setdefault(name, {}).setdefault((int(number), fields), [])
                origins.append(origin)
    differ = []
    for name, cases in sorted(found.items()):
        header = ''.join('# %s\n' % line if line else '#\n'
                         for line in (FORMATS[name] + '\n' + PREAMBLE).splitlines())
        # By number; among versions that differ, the oldest comes first.
        ordered = sorted(cases.items(), key=lambda case: case[0][0])
        text = header + '\n' + ''.join('%s %s\n' % (fields, ','.join(origins))
                                       for (_, fields), origins in ordered)
        path = os.path.join(HERE, name)
        print('%s: %d vectors' % (name, len(cases)))
        if check:
            with open(path) as file:
                differ += [name] * (file.read() != text)
        else:
            with open(path, 'w') as file:
                file.write(text)
    if differ:
        sys.exit('recorded otherwise: %s' % ', '.join(differ))


if __name__ == '__main__':
    if sys.argv[1:] == ['--record']:
        record_all()
    elif sys.argv[1:] == ['--record-patched']:
        record_patched()
    elif not sys.argv[1:] or sys.argv[1:] == ['--check']:
        sys.exit(__doc__.strip())
    else:
        drive([python for python in sys.argv[1:] if python != '--check'], '--check' in sys.argv[1:])
