# SPDX-License-Identifier: LGPL-2.1-or-later
"""The beat guest on real QEMU, without vmferry."""

import contextlib
import struct
import subprocess

import pytest

from harness.beat import IMAGE, Beat, check_stream
from harness.wait import wait_for

QEMU = "qemu-system-x86_64"


@contextlib.contextmanager
def booted(folder, machine, config, *more):
    beat = Beat(str(folder / "serial"))
    qemu = subprocess.Popen(
        [QEMU, "-machine", machine, "-accel", "tcg", "-m", "131080K"]
        + ["-nodefaults", "-no-user-config", "-display", "none"]
        + ["-bios", IMAGE, "-chardev", f"socket,id=s,path={beat.path}"]
        + ["-serial", "chardev:s"]
        + ["-fw_cfg", f"name=opt/vmferry/guest,string={config}", *more],
        stdin=subprocess.DEVNULL,
    )
    beat.qemu = qemu
    try:
        yield beat
    finally:
        qemu.kill()
        qemu.wait()
        beat.close()


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_beats_ten_times_without_a_break(tmp_path, machine):
    with booted(tmp_path, machine, "hb=10") as beat:
        beat.wait_running(10)
        assert beat.check() >= 10


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_powers_itself_off(tmp_path, machine):
    with booted(tmp_path, machine, "hb=10") as beat:
        beat.wait_running()
        beat.send("p\n")
        assert beat.qemu.wait(10) == 0


def test_writes_and_verifies_its_memory(tmp_path):
    with booted(tmp_path, "pc", "ws=256 rate=4000 fill=8 wr=1") as beat:
        beat.wait_running(20)
        assert "pages=00000800" in beat.verify()
        beat.wait_running()
        lines = [line for _, line in beat.legs[0].lines()]
        last = [line for line in lines if line.startswith(b"H ")][-1]
        assert int(last.split()[3], 16) > 256, "wrote its set once around"
        beat.check()


@pytest.mark.parametrize("device", ["virtio-blk-pci", "ide-hd,bus=ide.0"])
def test_writes_its_disk_in_order(tmp_path, device):
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(1 << 20))
    with booted(
        tmp_path,
        "pc",
        "disk=5 nsec=4",
        "-drive",
        f"if=none,id=d,format=raw,file={image}",
        "-device",
        f"{device},drive=d",
    ) as beat:
        beat.wait_running()
        wait_for(lambda: b"\nD 0000000a " in beat.legs[0].data(), 10)
        beat.check()
    magic, number = struct.unpack_from("<8sQ", image.read_bytes(), 2 * 512)
    assert magic == b"BEATDISK" and number >= 10 and number % 4 == 2


def test_a_fork_a_gap_and_a_garbled_line_are_found():
    def line(text):
        return text + b" %02x\n" % (sum(text) & 255)

    def beat(number, time):
        return line(b"H %08x %010x %010x 0000" % (number, time, 0))

    whole = [beat(n, 1000 * n) for n in range(6)]
    assert check_stream([b"".join(whole)]) == (6, [])
    cut = b"".join(whole)
    assert check_stream([cut[:100], cut[100:]]) == (6, [])
    forked = [b"".join(whole[:4]), b"".join(whole[3:])]
    assert check_stream(forked)[1][0] == "beat 3 after 3"
    gap = [b"".join(whole[:3]), b"".join(whole[4:])]
    assert check_stream(gap)[1] == ["beat 4 after 2"]
    assert "garbled" in check_stream([cut[:100], cut[101:]])[1][0]
    assert check_stream([line(b"BADMEM page=1")])[1]
