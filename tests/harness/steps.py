# SPDX-License-Identifier: LGPL-2.1-or-later
"""The client's part of a v3 migration, one call at a time.

Each method is one phase, with what the phases before it returned; a test may
do anything in between.  With `typed` the calls carry typed parameters, else
the fixed arguments of the older calls.
"""

from . import rpc


class Steps:
    def __init__(self, source, destination, name, typed=True, flags=rpc.LIVE):
        self.source = source
        self.destination = destination
        self.typed = typed
        self.flags = flags
        self.domain = source.lookup(name)
        self.xml = None
        self.uri = None
        # What the last phase handed over to the next.
        self.cookie = b""

    def _parameters(self):
        values = {}
        if self.xml is not None:
            values["destination_xml"] = self.xml
        if self.uri is not None:
            values["migrate_uri"] = self.uri
        return values

    def _source_flags(self):
        return self.flags | rpc.CHANGE_PROTECTION

    def begin(self):
        arguments = rpc.domain(self.domain)
        if self.typed:
            arguments += rpc.params({}) + rpc.integer(self._source_flags())
            reader = self.source.call(rpc.BEGIN3_PARAMS, arguments)
        else:
            arguments += rpc.optional(None) + rpc.hyper(self._source_flags())
            arguments += rpc.optional(None) + rpc.hyper(0)
            reader = self.source.call(rpc.BEGIN3, arguments)
        self.cookie = reader.opaque()
        self.xml = reader.string()
        return self.xml

    def prepare(self):
        if self.typed:
            arguments = rpc.params(self._parameters())
            arguments += rpc.opaque(self.cookie) + rpc.integer(self.flags)
            reader = self.destination.call(rpc.PREPARE3_PARAMS, arguments)
        else:
            arguments = rpc.opaque(self.cookie) + rpc.optional(None)
            arguments += rpc.hyper(self.flags) + rpc.optional(None)
            arguments += rpc.hyper(0) + rpc.string(self.xml)
            reader = self.destination.call(rpc.PREPARE3, arguments)
        self.cookie = reader.opaque()
        self.uri = reader.optional() or self.uri
        return self.uri

    def start_perform(self):
        """Sends the call; its serial, for finish_perform()."""
        arguments = rpc.domain(self.domain)
        if self.typed:
            arguments += rpc.optional(None) + rpc.params(self._parameters())
            arguments += rpc.opaque(self.cookie)
            arguments += rpc.integer(self._source_flags())
            return self.source.start(rpc.PERFORM3_PARAMS, arguments)
        arguments += rpc.optional(None) + rpc.opaque(self.cookie)
        arguments += rpc.optional(None) + rpc.optional(self.uri)
        arguments += rpc.hyper(self._source_flags()) + rpc.optional(None)
        arguments += rpc.hyper(0)
        return self.source.start(rpc.PERFORM3, arguments)

    def finish_perform(self, serial):
        self.cookie = self.source.wait(serial).opaque()

    def perform(self):
        self.finish_perform(self.start_perform())

    def finish(self, cancelled=0):
        """The domain on the destination."""
        cookie = b"" if cancelled else self.cookie
        if self.typed:
            values = self._parameters()
            values["destination_name"] = self.domain[0]
            arguments = rpc.params(values) + rpc.opaque(cookie)
            arguments += rpc.integer(self.flags) + rpc.integer(cancelled)
            reader = self.destination.call(rpc.FINISH3_PARAMS, arguments)
        else:
            arguments = rpc.string(self.domain[0]) + rpc.opaque(cookie)
            arguments += rpc.optional(None) + rpc.optional(self.uri)
            arguments += rpc.hyper(self.flags) + rpc.integer(cancelled)
            reader = self.destination.call(rpc.FINISH3, arguments)
        result = reader.domain()
        self.cookie = reader.opaque()
        return result

    def confirm(self, cancelled=0):
        cookie = b"" if cancelled else self.cookie
        arguments = rpc.domain(self.domain)
        if self.typed:
            arguments += rpc.params(self._parameters()) + rpc.opaque(cookie)
            arguments += rpc.integer(self._source_flags())
            arguments += rpc.integer(cancelled)
            self.source.call(rpc.CONFIRM3_PARAMS, arguments)
        else:
            arguments += rpc.opaque(cookie) + rpc.hyper(self._source_flags())
            arguments += rpc.integer(cancelled)
            self.source.call(rpc.CONFIRM3, arguments)
