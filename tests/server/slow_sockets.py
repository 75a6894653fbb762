# SPDX-License-Identifier: Apache-2.0
"""Many clients, each slower than a server should wait."""
import selectors
import socket
import threading
import time

from served import request_bytes


class SlowSockets(threading.Thread):
    """n sockets that send a byte each second, of a request that is right. `closed`: when the server closed each."""

    def __init__(self, server, n):
        super().__init__(daemon=True)
        self.server, self.closed, self.refused, self.stopping = server, [], 0, False
        self.selector, self.sockets, self.start_time = selectors.DefaultSelector(), {}, time.monotonic()
        data = request_bytes("POST", "/tokenize", b'{"content": "a slow one"}')
        for i in range(n):
            try:
                connection = socket.create_connection((server.host, server.port), timeout=10)
            except OSError:
                self.refused += 1
                continue
            connection.setblocking(False)
            self.sockets[connection] = data[:-1] if i % 2 else b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: " + b"a" * 2000
            self.selector.register(connection, selectors.EVENT_READ)

    def run(self):
        at = 0
        while self.sockets and not self.stopping:
            for connection, data in list(self.sockets.items()):
                try:
                    connection.send(data[at:at + 1])
                except OSError:
                    self.drop(connection)
            at += 1
            end = time.monotonic() + 1
            while (left := end - time.monotonic()) > 0 and self.sockets:
                for key, _ in self.selector.select(left):
                    try:
                        if not key.fileobj.recv(4096):
                            self.drop(key.fileobj)
                    except OSError:
                        self.drop(key.fileobj)

    def drop(self, connection):
        if connection in self.sockets:
            self.closed.append(time.monotonic() - self.start_time)
            self.selector.unregister(connection)
            del self.sockets[connection]
            connection.close()

    def stop(self):
        self.stopping = True
        self.join()
        for connection in self.sockets:
            connection.close()
