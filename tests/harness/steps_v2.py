# SPDX-License-Identifier: LGPL-2.1-or-later
"""The client's part of a v2 migration, one call at a time.

Each method is one call, with what the calls before it returned; a test may do
anything in between.
"""

from . import rpc


class StepsV2:
    def __init__(self, source, destination, name, flags=rpc.LIVE):
        self.source = source
        self.destination = destination
        self.flags = flags
        self.domain = source.lookup(name)
        self.xml = None
        self.uri = None
        # Of Prepare; nobody reads it.
        self.cookie = b""

    def dump(self):
        arguments = rpc.domain(self.domain) + rpc.integer(8)
        self.xml = self.source.call(rpc.DOMAIN_GET_XML_DESC, arguments).string()
        return self.xml

    def prepare(self):
        if self.xml is None:
            self.dump()
        arguments = rpc.optional(None) + rpc.hyper(self.flags)
        arguments += rpc.optional(None) + rpc.hyper(0) + rpc.string(self.xml)
        reader = self.destination.call(rpc.PREPARE2, arguments)
        self.cookie = reader.opaque()
        self.uri = reader.optional()
        return self.uri

    def start_perform(self):
        """Sends the call; its serial."""
        arguments = rpc.domain(self.domain) + rpc.opaque(self.cookie)
        arguments += rpc.string(self.uri or "") + rpc.hyper(self.flags)
        arguments += rpc.optional(None) + rpc.hyper(0)
        return self.source.start(rpc.PERFORM, arguments)

    def perform(self):
        reader = self.source.wait(self.start_perform())
        assert reader.position == len(reader.data)

    def finish(self, retcode=0):
        """The domain on the destination."""
        arguments = rpc.string(self.domain[0]) + rpc.opaque(self.cookie)
        arguments += rpc.string(self.uri or "") + rpc.hyper(self.flags)
        arguments += rpc.integer(retcode)
        return self.destination.call(rpc.FINISH2, arguments).domain()
