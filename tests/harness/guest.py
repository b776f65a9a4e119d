# SPDX-License-Identifier: LGPL-2.1-or-later
"""Domain XML of the beat guest."""

import uuid as uuid_module
from xml.sax.saxutils import escape

# N MiB + 8 KiB: see "Memory size" in tests/guest/README.rst.  A libvirtd
# rounds up to whole MiB, so beside one the guest must be a quiet one.
ODD_KIB = 131080
WHOLE_KIB = 131072

TEMPLATE = """\
<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='KiB'>{memory}</memory>
  <vcpu placement='static'>1</vcpu>
{sysinfo}  <os>
    <type arch='x86_64' machine='{machine}'>hvm</type>
    <loader type='rom'>{image}</loader>
  </os>
  <features>
    <acpi/>
    <apic/>
  </features>
{cpu}  <clock offset='utc'/>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
{devices}    <memballoon model='none'/>
  </devices>
</domain>
"""

SERIAL = """\
    <serial type='unix'>
      <source mode='connect' path='{path}'/>
      <target port='0'/>
    </serial>
"""

SYSINFO = """\
  <sysinfo type='fwcfg'>
    <entry name='opt/vmferry/guest'>{config}</entry>
  </sysinfo>
"""

DISK = """\
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='none'/>
      <source file='{path}'/>
      <target dev='vda' bus='virtio'/>
    </disk>
"""

USER_NETWORK = """\
    <interface type='user'>
      <mac address='52:54:00:aa:bb:01'/>
      <model type='virtio'/>
    </interface>
"""

SPECIFIC_CPU = """\
  <cpu mode='custom' match='exact'>
    <model fallback='forbid'>{model}</model>
  </cpu>
"""


class Guest:
    """What a test wants to be different about its guest."""

    def __init__(self, image, name="beat", machine="pc", memory=ODD_KIB):
        self.image = image
        self.name = name
        self.uuid = str(uuid_module.uuid4())
        self.machine = machine
        self.memory = memory
        self.config = "hb=10"
        self.serial = None
        self.disk = None
        self.cpu = None  # A model's name, or the whole element.
        self.devices = ""

    def xml(self):
        devices = self.devices
        if self.serial:
            devices = SERIAL.format(path=escape(self.serial)) + devices
        if self.disk:
            devices = DISK.format(path=escape(self.disk)) + devices
        return TEMPLATE.format(
            name=escape(self.name),
            uuid=self.uuid,
            memory=self.memory,
            machine=self.machine,
            image=escape(self.image),
            sysinfo=(
                SYSINFO.format(config=escape(self.config))
                if self.config
                else ""
            ),
            cpu=self._cpu_xml(),
            devices=devices,
        )

    def _cpu_xml(self):
        if not self.cpu or self.cpu.startswith("<"):
            return self.cpu or ""
        return SPECIFIC_CPU.format(model=self.cpu)
