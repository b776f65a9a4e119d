# SPDX-License-Identifier: LGPL-2.1-or-later
"""What QEMU is told of a guest's clock."""

import datetime

import pytest


def start(daemon, guest, clock):
    """What QEMU got for -rtc, and its environment."""
    xml = guest.xml().replace("<clock offset='utc'/>", f"<clock {clock}/>")
    assert clock in xml
    daemon.virsh("create", daemon.file("clock.xml", xml))
    ((pid, line),) = daemon.qemus().items()
    with open(f"/proc/{pid}/environ", "rb") as file:
        environment = file.read().decode().split("\0")
    return line[line.index("-rtc") + 1], environment


@pytest.fixture
def in_tokyo(new_daemon):
    daemon = new_daemon("hosta")
    daemon.environment["TZ"] = "Asia/Tokyo"
    return daemon.start()


def test_time_zone_is_qemus_own(in_tokyo, guest):
    rtc, environment = start(
        in_tokyo, guest, "offset='timezone' timezone='Europe/Berlin'"
    )
    assert rtc == "base=localtime"
    assert "TZ=Europe/Berlin" in environment
    assert "TZ=Asia/Tokyo" not in environment
    assert "timezone='Europe/Berlin'" in in_tokyo.virsh("dumpxml", "beat")


def test_local_time_is_the_daemons(in_tokyo, guest):
    rtc, environment = start(in_tokyo, guest, "offset='localtime'")
    assert rtc == "base=localtime"
    assert "TZ=Asia/Tokyo" in environment


@pytest.mark.parametrize(
    "clock, adjustment",
    [
        ("offset='variable' adjustment='-3600'", -3600),
        ("offset='variable' adjustment='60' basis='utc'", 60),
        (
            "offset='variable' adjustment='60' basis='localtime'",
            9 * 3600 + 60,
        ),
    ],
)
def test_variable_offset_is_told_from_utc(in_tokyo, guest, clock, adjustment):
    rtc, _ = start(in_tokyo, guest, clock)
    base = datetime.datetime.fromisoformat(rtc.removeprefix("base="))
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    late = now + datetime.timedelta(seconds=adjustment) - base
    assert 0 <= late.total_seconds() < 60
    assert (
        f"<clock offset='variable' adjustment='{adjustment}' basis='utc'/>"
        in in_tokyo.virsh("dumpxml", "beat")
    )
