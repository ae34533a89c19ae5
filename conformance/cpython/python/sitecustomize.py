"""Puts the extension module under multiprocessing.connection, in every Python that has this
directory on its PYTHONPATH: the children of the start methods spawn and forkserver too."""

import multiprocessing.connection as connection

import mpconn_cpython

for name in ('Connection', 'Listener', 'Client', 'Pipe', 'wait', 'deliver_challenge',
             'answer_challenge', '_create_response', '_verify_challenge'):
    setattr(connection, name, getattr(mpconn_cpython, name))

# Nothing can fall back to these any more.
del connection._ConnectionBase, connection.SocketListener, connection.SocketClient


class XmlListener(connection.Listener):
    accept = connection.XmlListener.accept


connection.XmlListener = XmlListener

# It is rebuilt by the name that it has in the module, where it is ours by now.
connection.reduction.register(connection.Connection, connection.reduce_connection)
