# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real libvirtd of our own, as a host of its own.

It runs in session mode, so as an ordinary user, with a host name and an
/etc/hosts of its own (a UTS and a mount namespace) and every file of it below
one folder: nothing of the machine's own libvirt is seen or touched.
"""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import uuid

from . import processes
from .commands import Virsh
from .wait import wait_for

BINARY = "/usr/sbin/libvirtd"
# Where its guests come in: 127.0.0.1 is refused as "the local machine".
ADDRESS = "127.0.0.2"

# Becomes libvirtd, so that the process we start is the one we stop.
START = """
set -e
hostname "$HOST_NAME"
mount --bind "$HOME/hosts" /etc/hosts
exec $DROP {binary} {listen} -p "$HOME/pid" -f "$HOME/libvirtd.conf" \
    >> "$HOME/log" 2>&1
"""

CONFIG = """\
listen_tls = 0
listen_tcp = 1
listen_addr = "127.0.0.1"
tcp_port = "{tcp_port}"
auth_tcp = "none"
host_uuid = "{host_uuid}"
"""

QEMU_CONFIG = """\
migration_port_min = {first_port}
migration_port_max = {last_port}
migration_host = "{address}"
migration_address = "{address}"
"""


def ordinary_user():
    """Who runs session daemons for us: ourselves, or nobody for root."""
    if os.geteuid():
        return os.geteuid(), os.getegid()
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def unshare_command():
    if os.geteuid() == 0:
        return ["unshare", "--uts", "--mount"]
    return ["unshare", "--user", "--map-current-user", "--keep-caps"] + [
        "--uts",
        "--mount",
    ]


def missing():
    """Why a libvirtd can't be started here, or None."""
    if not os.path.exists(BINARY):
        return "no libvirtd (package libvirt-daemon)"
    if not shutil.which("unshare"):
        return "no unshare (package util-linux)"
    probe = subprocess.run(
        unshare_command() + ["sh", "-c", "hostname probe"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
    )
    if probe.returncode:
        return f"no namespaces: {probe.stderr.strip()}"
    return None


# {path: content} of what a daemon has asked QEMU: an answer takes longer than
# all else of its start.
_answers_of_qemu = {}
ANSWERS = "cache/libvirt/qemu/cache/capabilities"


class Libvirtd:
    """Starts at once; `folder` is empty and becomes its home."""

    starts_at_once = True
    # A command that ends by running it.
    wrapper = ()
    address = ADDRESS
    # Lines more in the files of its configuration.
    more_config = more_qemu_config = ""

    def __init__(self, folder, host_name, tcp_port=None, ports=(49600, 49615)):
        self.folder = str(folder)
        self.host_name = host_name
        self.name = host_name
        self.path = "session"
        self.tcp_port = tcp_port
        self.ports = range(ports[0], ports[1] + 1)
        self.socket = f"{self.folder}/run/libvirt/libvirt-sock"
        self.log_path = f"{self.folder}/log"
        self.uri = f"qemu+unix:///session?socket={self.socket}"
        self.virsh = Virsh(self.uri)
        self.process = None
        self._write_files(ports)
        if self.starts_at_once:
            self.start()

    def _write(self, path, text):
        path = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def _write_files(self, ports):
        names = f"{self.host_name} hosta hostb localhost"
        self._write("hosts", f"127.0.0.1 {names}\n")
        self._write(
            "libvirtd.conf",
            CONFIG.format(tcp_port=self.tcp_port, host_uuid=uuid.uuid4())
            + self.more_config,
        )
        self._write(
            "config/libvirt/qemu.conf",
            QEMU_CONFIG.format(
                first_port=ports[0], last_port=ports[1], address=self.address
            )
            + self.more_qemu_config,
        )
        for name in ("run", "cache", "data"):
            os.makedirs(os.path.join(self.folder, name), exist_ok=True)
        for path, content in _answers_of_qemu.items():
            self._write(path, content)
        uid, gid = ordinary_user()
        for folder, _, files in os.walk(self.folder):
            for path in [folder] + [os.path.join(folder, f) for f in files]:
                os.chown(path, uid, gid)

    def environment(self):
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": self.folder,
            "HOST_NAME": self.host_name,
            "XDG_CONFIG_HOME": f"{self.folder}/config",
            "XDG_RUNTIME_DIR": f"{self.folder}/run",
            "XDG_CACHE_HOME": f"{self.folder}/cache",
            "XDG_DATA_HOME": f"{self.folder}/data",
        }

    def start(self):
        """Also again, after kill()."""
        uid, gid = ordinary_user()
        environment = self.environment()
        environment["DROP"] = ""
        if os.geteuid() == 0:
            environment["DROP"] = (
                f"setpriv --reuid {uid} --regid {gid} --clear-groups"
            )
        script = START.format(
            binary=BINARY, listen="-l" if self.tcp_port else ""
        )
        self.process = subprocess.Popen(
            [*self.wrapper, *unshare_command(), "sh", "-c", script],
            env=environment,
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
        )
        wait_for(self._answers, 30, self.log)

    def keep_answers(self):
        """For the next ones: once a guest was started, QEMU was asked."""
        if _answers_of_qemu:
            return
        for path in glob.glob(f"{self.folder}/{ANSWERS}/*.xml"):
            with open(path, encoding="utf-8") as file:
                name = os.path.basename(path)
                _answers_of_qemu[f"{ANSWERS}/{name}"] = file.read()

    def _answers(self):
        assert self.process.poll() is None, self.log()
        return (
            os.path.exists(self.socket)
            and subprocess.run(
                ["virsh", "-q", "-c", self.uri, "uri"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=20,
            ).returncode
            == 0
        )

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def qemus(self):
        """{pid: command line}"""
        return processes.qemus(self.folder)

    def run_files(self):
        """The records of guests that run."""
        return glob.glob(f"{self.folder}/run/libvirt/qemu/run/*.xml")

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8") as file:
                return file.read()
        except OSError:
            return "(no log)"

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def stop(self):
        """Ends the daemon; its QEMUs are ended by processes.end_all()."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
