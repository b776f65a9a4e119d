# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client that says what no honest client says.

The daemon answers with an error or closes that connection; others never
notice.
"""

import os
import socket
import struct
import uuid

import pytest

from harness import rpc
from harness.rpc import CALL, HEADER, REMOTE, Client, Lost, Refused
from harness.wait import wait_for

UNKNOWN_PROCEDURE = 9999
STRING_MAX = 4194304


@pytest.fixture
def client(here):
    with Client(here.socket) as client:
        yield client


@pytest.fixture
def opened(here, client):
    return client.open(here.path)


@pytest.fixture(autouse=True)
def others_never_notice(here):
    """Another client's connection works before and after."""
    with Client(here.socket) as other:
        other.open(here.path)
        yield
        assert other.call(rpc.CONNECT_GET_HOSTNAME).string() == "hosta"
        assert here.is_alive()


def assert_closed(client):
    """The daemon ends the connection, perhaps after an answer."""
    with pytest.raises((Lost, ConnectionError)):
        while True:
            client.read()


def header(size, **more):
    fields = {
        "program": REMOTE,
        "version": 1,
        "procedure": rpc.AUTH_LIST,
        "kind": CALL,
        "serial": 0,
        "status": 0,
        **more,
    }
    return HEADER.pack(size, *fields.values())


# Framing.


@pytest.mark.parametrize("size", [0, 4, 27, 33554437, 0xFFFFFFFF])
def test_length_that_cannot_be_closes_the_connection(client, size):
    client.send_raw(header(size))
    assert_closed(client)


def test_random_bytes_close_the_connection(client):
    client.send_raw(b"\xff" * 64)
    assert_closed(client)


def test_http_closes_the_connection(client):
    client.send_raw(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert_closed(client)


def test_message_in_single_bytes_is_understood(client):
    for byte in header(28):
        client.send_raw(bytes([byte]))
    client.serial = 1
    assert client.wait(0).integer() == 1


def test_connection_that_says_nothing_disturbs_nobody(here):
    silent = [Client(here.socket) for _ in range(20)]
    assert here.virsh("hostname") == "hosta"
    for client in silent:
        client.close()


def test_half_a_message_disturbs_nobody(here, client):
    client.send_raw(header(1000)[:20])
    assert here.virsh("hostname") == "hosta"


def test_client_gone_within_a_message_is_forgotten(here, client):
    client.send_raw(header(1000))
    client.close()
    assert here.virsh("hostname") == "hosta"


# Programs, procedures, order.


def test_unknown_program_is_answered(opened):
    with pytest.raises(Refused) as refused:
        opened.call(1, program=0x12345678)
    assert (refused.value.code, refused.value.domain) == (39, 7)
    assert refused.value.message == "Cannot find program 305419896 version 1"


def test_unknown_version_is_answered(opened):
    with pytest.raises(Refused) as refused:
        opened.call(1, version=2)
    assert refused.value.message == (
        f"Cannot find program {REMOTE} version 2"
    )


def test_unknown_procedure_is_answered(opened):
    with pytest.raises(Refused) as refused:
        opened.call(UNKNOWN_PROCEDURE)
    assert (refused.value.code, refused.value.domain) == (39, 7)
    assert refused.value.message == (
        f"unknown procedure: {UNKNOWN_PROCEDURE}"
    )


def test_call_before_open_is_refused(client):
    client.call(rpc.AUTH_LIST)
    with pytest.raises(Refused) as refused:
        client.call(rpc.DOMAIN_LOOKUP_BY_NAME, rpc.string("beat"))
    assert (refused.value.code, refused.value.domain) == (1, 7)
    assert "hypervisor connection not open" in refused.value.message


def test_flags_of_open_without_a_meaning_are_let_pass(here, client):
    """virsh of an ordinary user sends 4, and libvirtd does not mind."""
    client.open(here.path, flags=4)
    assert client.call(rpc.CONNECT_GET_HOSTNAME).string() == "hosta"


def test_reply_where_a_call_belongs_is_not_fatal_to_others(opened):
    opened.send_raw(header(28, kind=1, serial=77))
    with pytest.raises((Lost, ConnectionError, Refused)):
        opened.call(rpc.CONNECT_GET_HOSTNAME)
        raise Lost("answered: also right")


# Arguments.


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\0\0\0\5be",
        b"\xff\xff\xff\xff",
        rpc.integer(STRING_MAX + 1),
        struct.pack(">I", 0x80000000),
    ],
    ids=["nothing", "short", "length", "too long", "negative"],
)
def test_arguments_that_cannot_be_decoded_are_refused(opened, payload):
    with pytest.raises(Refused) as refused:
        opened.call(rpc.DOMAIN_LOOKUP_BY_NAME, payload)
    assert (refused.value.code, refused.value.domain) == (39, 7)
    assert "Unable to decode message payload" in refused.value.message


def test_bytes_after_the_arguments_are_ignored(opened):
    reader = opened.call(rpc.CONNECT_GET_HOSTNAME, b"rubbish!")
    assert reader.string() == "hosta"


@pytest.mark.parametrize(
    "text",
    [b"a\0b", b"\xff\xfe\xfd", b"", b"%s%n"],
    ids=["zero byte", "no UTF-8", "empty", "format"],
)
def test_odd_names_are_no_domains(opened, text):
    with pytest.raises(Refused) as refused:
        opened.call(rpc.DOMAIN_LOOKUP_BY_NAME, rpc.string(text))
    assert refused.value.code in (8, 39, 42)


def test_a_million_parameters_are_refused(opened):
    dom = ("beat", uuid.uuid4(), -1)
    arguments = rpc.domain(dom) + rpc.integer(1000000)
    with pytest.raises(Refused) as refused:
        opened.call(rpc.BEGIN3_PARAMS, arguments)
    assert refused.value.code == 39


def test_parameter_of_an_unknown_type_is_refused(opened):
    dom = ("beat", uuid.uuid4(), -1)
    arguments = rpc.domain(dom) + rpc.integer(1) + rpc.string("bandwidth")
    arguments += rpc.integer(99) + rpc.hyper(0) + rpc.integer(0)
    with pytest.raises(Refused) as refused:
        opened.call(rpc.BEGIN3_PARAMS, arguments)
    assert refused.value.code == 39


BILLION_LAUGHS = """<?xml version='1.0'?>
<!DOCTYPE domain [
  <!ENTITY a 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'>
  <!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>
  <!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>
  <!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'>
  <!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;'>
]><domain type='qemu'><name>&e;</name></domain>"""

FOREIGN_ENTITY = """<!DOCTYPE domain [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>
<domain type='qemu'><name>&x;</name></domain>"""


@pytest.mark.parametrize(
    "xml",
    [
        BILLION_LAUGHS,
        FOREIGN_ENTITY,
        "<domain>" * 5000,
        "<domain type='qemu'><name>" + "x" * 100000 + "</name></domain>",
        "<domain type='qemu'><memory>99999999999999999999</memory></domain>",
    ],
    ids=["entities", "file", "depth", "name", "number"],
)
def test_hostile_xml_is_refused(here, xml):
    path = here.file("hostile.xml", xml)
    text = here.virsh.fails("define", path)
    assert "root:" not in text
    assert here.virsh("list", "--all", "--name").strip() == ""


@pytest.mark.parametrize(
    "cookie",
    [
        b"rubbish\0",
        b"<qemu-migration>",
        b"<qemu-migration/>\0",
        b"\xff" * 1000,
        b"<qemu-migration>" + b"<a>" * 3000,
    ],
    ids=["no XML", "not closed", "empty", "no text", "deep"],
)
def test_prepare_with_a_bad_cookie_is_refused(here, opened, guest, cookie):
    arguments = rpc.params({"destination_xml": guest.xml()})
    arguments += rpc.opaque(cookie) + rpc.integer(rpc.LIVE)
    with pytest.raises(Refused):
        opened.call(rpc.PREPARE3_PARAMS, arguments)
    wait_for(lambda: not here.qemus())
    assert here.virsh.state("beat") is None


# Too much.


def test_many_calls_at_once_are_all_answered(opened):
    serials = [opened.start(rpc.CONNECT_GET_HOSTNAME) for _ in range(500)]
    for serial in serials:
        assert opened.wait(serial).string() == "hosta"


def test_client_that_never_reads_disturbs_nobody(here, opened):
    opened.socket.settimeout(2)
    call = header(28, procedure=rpc.CONNECT_GET_HOSTNAME)
    with pytest.raises(socket.timeout):
        for _ in range(100000):
            opened.send_raw(call * 100)
    assert here.virsh("hostname") == "hosta"


def test_many_connections_come_and_go(here):
    def descriptors():
        return len(os.listdir(f"/proc/{here.process.pid}/fd"))

    before = descriptors()
    for _ in range(200):
        with Client(here.socket) as client:
            client.open(here.path)
    wait_for(lambda: descriptors() <= before, 10)


def test_processors_of_no_domain_in_no_buffer_are_refused(opened):
    """Two errors at once."""
    dom = rpc.domain(("nobody", uuid.UUID(int=1), -1))
    with pytest.raises(Refused) as caught:
        opened.call(20, dom + rpc.integer(-1) + rpc.integer(-1))
    assert caught.value.code == 42
