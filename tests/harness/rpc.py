# SPDX-License-Identifier: LGPL-2.1-or-later
"""libvirt's wire, spoken by hand.

Enough of it to drive each phase of a migration by itself, and to say things
that no honest client says.  Values are encoded by small functions that are
put together in the order of the arguments; results are read with a Reader.
"""

import socket
import struct
import uuid as uuid_module

REMOTE = 0x20008086
KEEPALIVE = 0x6B656570
CALL, REPLY, MESSAGE, STREAM, STREAM_HOLE = 0, 1, 2, 3, 6
OK, ERROR, CONTINUE = 0, 1, 2
HEADER = struct.Struct(">IIIiiIi")

CONNECT_OPEN = 1
CONNECT_CLOSE = 2
CONNECT_NUM_OF_DOMAINS = 51
DOMAIN_CREATE_XML, DOMAIN_DEFINE_XML = 10, 11
DOMAIN_DESTROY, DOMAIN_UNDEFINE = 12, 35
CONNECT_LIST_ALL_DOMAINS = 273
DOMAIN_GET_XML_DESC = 14
DOMAIN_LOOKUP_BY_NAME = 23
CONNECT_GET_HOSTNAME = 59
CONNECT_SUPPORTS_FEATURE = 60
AUTH_LIST = 66
DOMAIN_SUSPEND, DOMAIN_RESUME = 34, 28
OPEN_CONSOLE = 201
PREPARE_TUNNEL, PREPARE_TUNNEL3, PREPARE_TUNNEL3_PARAMS = 148, 215, 304
DOMAIN_GET_STATE = 212
DOMAIN_GET_JOB_INFO = 163
DOMAIN_ABORT_JOB = 164
PREPARE1, PERFORM, FINISH1 = 61, 62, 63
PREPARE2, FINISH2 = 108, 109
BEGIN3, PREPARE3, PERFORM3, FINISH3, CONFIRM3 = 213, 214, 216, 217, 218
BEGIN3_PARAMS, PREPARE3_PARAMS, PERFORM3_PARAMS = 302, 303, 305
FINISH3_PARAMS, CONFIRM3_PARAMS = 306, 307

LIVE = 0x1
PEER2PEER = 0x2
TUNNELLED = 0x4
PERSIST_DEST = 0x8
UNDEFINE_SOURCE = 0x10
PAUSED = 0x20
CHANGE_PROTECTION = 0x100
UNSAFE = 0x200


# Encoding.


def integer(value):
    return struct.pack(">i" if value < 0 else ">I", value)


def hyper(value):
    return struct.pack(">q" if value < 0 else ">Q", value)


def opaque(data):
    return integer(len(data)) + data + bytes(-len(data) % 4)


def string(text):
    return opaque(text.encode() if isinstance(text, str) else text)


def optional(text):
    return integer(0) if text is None else integer(1) + string(text)


def domain(dom):
    name, uuid, number = dom
    return string(name) + uuid.bytes + integer(number)


def params(values):
    """{name: str, int (INT) or ("ullong", int)} as typed parameters."""
    coded = integer(len(values))
    for name, value in values.items():
        coded += string(name)
        if isinstance(value, str):
            coded += integer(7) + string(value)
        elif isinstance(value, tuple):
            coded += integer(4) + hyper(value[1])
        else:
            coded += integer(1) + integer(value)
    return coded


class Reader:
    """Takes values off the front of a payload."""

    def __init__(self, data):
        self.data = data
        self.position = 0

    def take(self, size):
        part = self.data[self.position : self.position + size]
        assert len(part) == size, "the payload is too short"
        self.position += size
        return part

    def unpack(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def integer(self):
        return self.unpack(">i")

    def hyper(self):
        return self.unpack(">Q")

    def opaque(self):
        size = self.unpack(">I")
        data = self.take(size)
        self.take(-size % 4)
        return data

    def string(self):
        return self.opaque().decode()

    def optional(self):
        return self.string() if self.integer() else None

    def domain(self):
        name = self.string()
        uuid = uuid_module.UUID(bytes=self.take(16))
        return name, uuid, self.integer()


class Refused(Exception):
    """The daemon answered with an error."""

    def __init__(self, reader):
        self.code = reader.integer()
        self.domain = reader.integer()
        self.message = reader.optional()
        super().__init__(f"{self.code}/{self.domain}: {self.message}")


class Lost(Exception):
    """The daemon closed the connection."""


class Client:
    """One connection, opened as far as the caller wants it."""

    def __init__(self, path, seconds=30):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(seconds)
        self.socket.connect(path)
        self.serial = 0
        self.replies = {}
        self.events = []
        # serial: [(status, data)] of packets that came and were not taken
        self.packets = {}

    def open(self, uri_path, flags=0):
        self.call(AUTH_LIST)
        self.call(CONNECT_SUPPORTS_FEATURE, integer(10))
        name = f"qemu:///{uri_path}"
        self.call(CONNECT_OPEN, optional(name) + integer(flags))
        return self

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Messages.

    def send_raw(self, data):
        self.socket.sendall(data)

    def start(self, procedure, arguments=b"", program=REMOTE, version=1):
        """Send a call; its serial, to wait() for."""
        serial = self.serial
        self.serial += 1
        size = HEADER.size + len(arguments)
        header = HEADER.pack(
            size, program, version, procedure, CALL, serial, 0
        )
        self.send_raw(header + arguments)
        return serial

    def _receive(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise Lost("the daemon closed the connection")
            data += part
        return data

    def read(self):
        """One message: (program, procedure, type, serial, status, Reader)."""
        header = HEADER.unpack(self._receive(HEADER.size))
        size, program, _, procedure, kind, serial, status = header
        payload = Reader(self._receive(size - HEADER.size))
        return program, procedure, kind, serial, status, payload

    def pump(self):
        """Read one message and put it where it belongs."""
        program, procedure, kind, serial, status, payload = self.read()
        if program == KEEPALIVE:
            if procedure == 1:
                self.send_raw(HEADER.pack(28, KEEPALIVE, 1, 2, MESSAGE, 0, 0))
        elif kind == MESSAGE:
            self.events.append((procedure, payload))
        elif kind == STREAM:
            packets = self.packets.setdefault(serial, [])
            packets.append((status, payload.data))
        else:
            self.replies[serial] = (procedure, status, payload)

    def wait(self, serial):
        """The result of a call; Refused where it is an error."""
        while serial not in self.replies:
            self.pump()
        _, status, payload = self.replies.pop(serial)
        if status:
            raise Refused(payload)
        return payload

    def has_reply(self, serial, seconds):
        """Does the reply come within that time?"""
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            while serial not in self.replies:
                self.pump()
        except socket.timeout:
            return False
        finally:
            self.socket.settimeout(before)
        return True

    def call(self, procedure, arguments=b"", **more):
        return self.wait(self.start(procedure, arguments, **more))

    # Streams.

    def send_packet(self, procedure, serial, status, data=b"", kind=STREAM):
        """One packet of the stream that the call `serial` has opened."""
        size = HEADER.size + len(data)
        self.send_raw(
            HEADER.pack(size, REMOTE, 1, procedure, kind, serial, status)
            + data
        )

    def packet(self, serial):
        """The next packet of a stream: (status, data)."""
        while not self.packets.get(serial):
            self.pump()
        return self.packets[serial].pop(0)

    def stream_end(self, serial):
        """Skips its data: what ends it, (status, Refused or None)."""
        status = CONTINUE
        while status == CONTINUE:
            status, data = self.packet(serial)
        return status, Refused(Reader(data)) if status == ERROR else None

    # Calls that tests need more than once.

    def lookup(self, name):
        return self.call(DOMAIN_LOOKUP_BY_NAME, string(name)).domain()

    def state(self, dom):
        reader = self.call(DOMAIN_GET_STATE, domain(dom) + integer(0))
        return reader.integer(), reader.integer()

    def domains(self):
        """All, running or only defined."""
        reader = self.call(CONNECT_LIST_ALL_DOMAINS, integer(1) + integer(0))
        return [reader.domain() for _ in range(reader.integer())]

    def job_info(self, dom):
        """(type, total bytes of memory) of its job; the type 0 is none."""
        reader = self.call(DOMAIN_GET_JOB_INFO, domain(dom))
        job = reader.integer()
        *_, memory = [reader.hyper() for _ in range(6)]
        return job, memory
