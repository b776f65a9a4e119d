# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stands between a client and a daemon: writes down what they say.

It passes on whole frames.  What it saw becomes a capture file, for tshark and
libvirt's own dissector of its protocol.  Where asked, it changes one thing: the
answer to "do you support feature X?" becomes "no", which makes a client choose
another protocol.  One listener may take a unix socket and a TCP port.
"""

import os
import socket
import struct
import threading
import time

from . import rpc

PORT = 16509
PIECE = 60000
# Of each message of a stream.
PIECE_KEPT = 1024
MIGRATION_V2, MIGRATION_V3, MIGRATION_PARAMS = 3, 6, 13


class Capture:
    """A pcap file with a TCP connection for each pair that was tapped."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.lock = threading.Lock()
        # Magic, version 2.4, zone, accuracy, longest packet, raw IP.
        header = (0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
        self.file.write(struct.pack("<IHHiIII", *header))
        self.next_port = 20000
        # Messages so far; a long one has several packets.
        self.frames = 0

    def connection(self):
        with self.lock:
            self.next_port += 1
            return Conversation(self, self.next_port)

    def packet(self, data):
        now = time.time()
        record = struct.pack(
            "<IIII", int(now), int(now % 1 * 1e6), len(data), len(data)
        )
        self.file.write(record + data)

    def flush(self):
        with self.lock:
            self.file.flush()

    def close(self):
        with self.lock:
            self.file.close()


class Conversation:
    """One connection's place in a capture: ports and numbers of bytes."""

    def __init__(self, capture, port):
        self.capture = capture
        self.port = port
        # Bytes so far from the client, from the server.
        self.sent = [1, 1]

    def record(self, side, data):
        """Data from the client (0) or from the server (1)."""
        with self.capture.lock:
            if self.capture.file.closed:
                return
            self.capture.frames += 1
            for start in range(0, len(data), PIECE):
                self._segment(side, data[start : start + PIECE])

    def _segment(self, side, data):
        ports = (self.port, PORT) if side == 0 else (PORT, self.port)
        addresses = b"\x0a\0\0\1\x0a\0\0\2"
        if side:
            addresses = addresses[4:] + addresses[:4]
        tcp = struct.pack(
            ">HHIIBBHHH",
            *ports,
            self.sent[side] & 0xFFFFFFFF,
            self.sent[1 - side] & 0xFFFFFFFF,
            5 << 4,
            0x18,
            65535,
            0,
            0,
        )
        ip = struct.pack(
            ">BBHHHBBH", 0x45, 0, 40 + len(data), 0, 0, 64, 6, 0
        )
        self.capture.packet(ip + addresses + tcp + data)
        self.sent[side] += len(data)


class Link:
    """One client, connected through to the daemon."""

    def __init__(self, tap, client, server):
        self.tap = tap
        self.ends = (client, server)
        self.conversation = tap.capture.connection() if tap.capture else None
        # Serial numbers of questions whose answer is to be "no".
        self.questions = set()
        self.lock = threading.Lock()
        self.running = 2
        tap.links.add(self)
        for side in (0, 1):
            threading.Thread(
                target=self._pass_on, args=(side,), daemon=True
            ).start()

    def _pass_on(self, side):
        source, target = self.ends[side], self.ends[1 - side]
        try:
            while True:
                frame = receive_frame(source)
                frame = self._look_at(side, frame)
                if self.conversation:
                    self.conversation.record(side, for_capture(frame))
                target.sendall(frame)
        except (OSError, rpc.Lost):
            pass
        self.close()
        with self.lock:
            self.running -= 1
            is_last = self.running == 0
        if is_last:
            for end in self.ends:
                end.close()
            self.tap.links.discard(self)

    def _look_at(self, side, frame):
        """The frame, or what is to be sent instead."""
        if len(frame) < rpc.HEADER.size:
            return frame
        _, program, _, procedure, kind, serial, status = (
            rpc.HEADER.unpack_from(frame)
        )
        if program != rpc.REMOTE:
            return frame
        if kind in (rpc.CALL, rpc.REPLY):
            self.tap.heard(kind, procedure)
        is_whole = len(frame) >= rpc.HEADER.size + 4
        if procedure != rpc.CONNECT_SUPPORTS_FEATURE or not is_whole:
            return frame
        if side == 0 and kind == rpc.CALL:
            (feature,) = struct.unpack_from(">i", frame, rpc.HEADER.size)
            if feature in self.tap.hidden:
                self.questions.add(serial)
        elif side == 1 and serial in self.questions and status == 0:
            self.questions.discard(serial)
            return frame[: rpc.HEADER.size] + rpc.integer(0)
        return frame

    def close(self):
        for end in self.ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def for_capture(frame):
    """A piece of a stream in a length that the dissector can take.

    Most of a long one is left out.  A short one is filled up: of a stream's
    bytes the dissector subtracts the header's length a second time.
    """
    kind = rpc.HEADER.unpack_from(frame)[4]
    if kind != rpc.STREAM or len(frame) == rpc.HEADER.size:
        return frame
    frame = frame[:PIECE_KEPT].ljust(2 * rpc.HEADER.size + 4, b"\0")
    return rpc.integer(len(frame)) + frame[4:]


class Tap:
    """Listens at `where` (a path, or a port of 127.0.0.1) for `daemon`."""

    def __init__(self, where, daemon, capture=None):
        self.where = where
        self.daemon = daemon
        self.capture = capture
        self.hidden = set()
        # Procedures of calls since forget().
        self.calls = []
        self.links = set()
        self.listener = self._listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _listen(self):
        if isinstance(self.where, str):
            listener = make_socket(self.where)
            listener.bind(self.where)
            os.chmod(self.where, 0o777)
        else:
            listener = listening("127.0.0.1", self.where)
        listener.listen(16)
        return listener

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = make_socket(self.daemon)
            try:
                server.connect(address(self.daemon))
            except OSError:
                client.close()
                continue
            Link(self, client, server)

    def heard(self, kind, procedure):
        if kind == rpc.CALL:
            self.calls.append(procedure)

    def forget(self):
        self.calls.clear()

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for link in list(self.links):
            link.close()
        if isinstance(self.where, str):
            os.unlink(self.where)


def make_socket(where):
    family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
    made = socket.socket(family)
    if family == socket.AF_INET:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def listening(host, port):
    """A TCP socket that is bound, for listen()."""
    made = make_socket(port)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((host, port))
    return made


def address(where):
    return where if isinstance(where, str) else ("127.0.0.1", where)


def receive_frame(source):
    head = receive(source, 4)
    (size,) = struct.unpack(">I", head)
    if size < 4:
        raise rpc.Lost("no frame is so short")
    return head + receive(source, size - 4)


def receive(source, size):
    data = bytearray()
    while len(data) < size:
        part = source.recv(min(size - len(data), 1 << 20))
        if not part:
            raise rpc.Lost("the connection was closed")
        data += part
    return bytes(data)
