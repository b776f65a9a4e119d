/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The words of domain XML: one list for each set of values.
 *
 * A list gives the enumeration, the function from value to word, and what the
 * parser accepts, so that no word is written twice.  A word that is in no list
 * is refused: what is here is what the whole program supports.  Value 0 is
 * always "_UNSET", not in the XML.
 *
 * GUEST_ENUMS at the end names all lists: the tag of the enumeration, the
 * prefix of its values, its list. */

#pragma once

#include <stdbool.h>

#define GUEST_TYPES(X, P)                                                      \
    X(P, QEMU, "qemu") /* Emulated by TCG. */                                  \
    X(P, KVM, "kvm")

/* Where libvirt writes "on" and "off", or "yes" and "no". */
enum guest_switch { GUEST_SWITCH_UNSET, GUEST_SWITCH_ON, GUEST_SWITCH_OFF };

#define GUEST_VCPU_PLACEMENTS(X, P)                                            \
    X(P, STATIC, "static")                                                     \
    X(P, AUTO, "auto")

#define GUEST_ARCHES(X, P) X(P, X86_64, "x86_64")

#define GUEST_OS_TYPES(X, P) X(P, HVM, "hvm")

#define GUEST_BOOT_DEVICES(X, P)                                               \
    X(P, FD, "fd")                                                             \
    X(P, HD, "hd")                                                             \
    X(P, CDROM, "cdrom")                                                       \
    X(P, NETWORK, "network")

#define GUEST_LOADER_TYPES(X, P)                                               \
    X(P, ROM, "rom")                                                           \
    X(P, PFLASH, "pflash")

#define GUEST_SMBIOS_MODES(X, P)                                               \
    X(P, EMULATE, "emulate")                                                   \
    X(P, HOST, "host")                                                         \
    X(P, SYSINFO, "sysinfo")

#define GUEST_SYSINFO_TYPES(X, P)                                              \
    X(P, SMBIOS, "smbios")                                                     \
    X(P, FWCFG, "fwcfg")

/* The elements in a sysinfo of type smbios. */
#define GUEST_SYSINFO_SECTIONS(X, P)                                           \
    X(P, BIOS, "bios")                                                         \
    X(P, SYSTEM, "system")                                                     \
    X(P, BASE_BOARD, "baseBoard")                                              \
    X(P, CHASSIS, "chassis")                                                   \
    X(P, OEM_STRINGS, "oemStrings")

#define GUEST_HYPERV_MODES(X, P) X(P, CUSTOM, "custom")

/* Enlightenments that are just on or off: "hv-" and the word for QEMU. */
#define GUEST_HYPERV_FEATURES(X, P)                                            \
    X(P, RELAXED, "relaxed")                                                   \
    X(P, VAPIC, "vapic")                                                       \
    X(P, VPINDEX, "vpindex")                                                   \
    X(P, RUNTIME, "runtime")                                                   \
    X(P, SYNIC, "synic")                                                       \
    X(P, RESET, "reset")                                                       \
    X(P, FREQUENCIES, "frequencies")                                           \
    X(P, REENLIGHTENMENT, "reenlightenment")                                   \
    X(P, TLBFLUSH, "tlbflush")                                                 \
    X(P, IPI, "ipi")

#define GUEST_CPU_MODES(X, P)                                                  \
    X(P, CUSTOM, "custom")                                                     \
    X(P, HOST_MODEL, "host-model")                                             \
    X(P, HOST_PASSTHROUGH, "host-passthrough")                                 \
    X(P, MAXIMUM, "maximum")

#define GUEST_CPU_MATCHES(X, P)                                                \
    X(P, MINIMUM, "minimum")                                                   \
    X(P, EXACT, "exact")                                                       \
    X(P, STRICT, "strict")

#define GUEST_CPU_CHECKS(X, P)                                                 \
    X(P, NONE, "none")                                                         \
    X(P, PARTIAL, "partial")                                                   \
    X(P, FULL, "full")

#define GUEST_CPU_FALLBACKS(X, P)                                              \
    X(P, ALLOW, "allow")                                                       \
    X(P, FORBID, "forbid")

#define GUEST_CPU_POLICIES(X, P)                                               \
    X(P, FORCE, "force")                                                       \
    X(P, REQUIRE, "require")                                                   \
    X(P, OPTIONAL, "optional")                                                 \
    X(P, DISABLE, "disable")                                                   \
    X(P, FORBID, "forbid")

#define GUEST_CLOCK_OFFSETS(X, P)                                              \
    X(P, UTC, "utc")                                                           \
    X(P, LOCALTIME, "localtime")                                               \
    X(P, TIMEZONE, "timezone")                                                 \
    X(P, VARIABLE, "variable")

#define GUEST_CLOCK_BASES(X, P)                                                \
    X(P, UTC, "utc")                                                           \
    X(P, LOCALTIME, "localtime")

#define GUEST_TIMER_NAMES(X, P)                                                \
    X(P, RTC, "rtc")                                                           \
    X(P, PIT, "pit")                                                           \
    X(P, HPET, "hpet")                                                         \
    X(P, KVMCLOCK, "kvmclock")                                                 \
    X(P, HYPERVCLOCK, "hypervclock")

#define GUEST_TIMER_POLICIES(X, P)                                             \
    X(P, DELAY, "delay")                                                       \
    X(P, CATCHUP, "catchup")                                                   \
    X(P, MERGE, "merge")                                                       \
    X(P, DISCARD, "discard")

#define GUEST_TIMER_TRACKS(X, P)                                               \
    X(P, BOOT, "boot")                                                         \
    X(P, GUEST, "guest")                                                       \
    X(P, WALL, "wall")

/* What on_poweroff, on_reboot and on_crash may say. */
#define GUEST_ACTIONS(X, P)                                                    \
    X(P, DESTROY, "destroy")                                                   \
    X(P, RESTART, "restart")                                                   \
    X(P, RENAME_RESTART, "rename-restart")                                     \
    X(P, PRESERVE, "preserve")                                                 \
    X(P, COREDUMP_DESTROY, "coredump-destroy")                                 \
    X(P, COREDUMP_RESTART, "coredump-restart")

#define GUEST_ADDRESS_TYPES(X, P)                                              \
    X(P, PCI, "pci")                                                           \
    X(P, DRIVE, "drive")                                                       \
    X(P, USB, "usb")                                                           \
    X(P, VIRTIO_SERIAL, "virtio-serial")                                       \
    X(P, ISA, "isa")

#define GUEST_DISK_TYPES(X, P)                                                 \
    X(P, FILE, "file")                                                         \
    X(P, BLOCK, "block")

#define GUEST_DISK_DEVICES(X, P)                                               \
    X(P, DISK, "disk")                                                         \
    X(P, CDROM, "cdrom")                                                       \
    X(P, FLOPPY, "floppy")

#define GUEST_DISK_BUSES(X, P)                                                 \
    X(P, IDE, "ide")                                                           \
    X(P, FDC, "fdc")                                                           \
    X(P, SCSI, "scsi")                                                         \
    X(P, VIRTIO, "virtio")                                                     \
    X(P, USB, "usb")                                                           \
    X(P, SATA, "sata")

#define GUEST_DISK_FORMATS(X, P)                                               \
    X(P, RAW, "raw")                                                           \
    X(P, QCOW2, "qcow2")

#define GUEST_DISK_CACHES(X, P)                                                \
    X(P, DEFAULT, "default")                                                   \
    X(P, NONE, "none")                                                         \
    X(P, WRITETHROUGH, "writethrough")                                         \
    X(P, WRITEBACK, "writeback")                                               \
    X(P, DIRECTSYNC, "directsync")                                             \
    X(P, UNSAFE, "unsafe")

#define GUEST_DISK_IOS(X, P)                                                   \
    X(P, NATIVE, "native")                                                     \
    X(P, THREADS, "threads")                                                   \
    X(P, IO_URING, "io_uring")

#define GUEST_DISK_ERROR_POLICIES(X, P)                                        \
    X(P, STOP, "stop")                                                         \
    X(P, REPORT, "report")                                                     \
    X(P, IGNORE, "ignore")                                                     \
    X(P, ENOSPACE, "enospace") /* Not for reading. */

#define GUEST_DISK_DISCARDS(X, P)                                              \
    X(P, UNMAP, "unmap")                                                       \
    X(P, IGNORE, "ignore")

#define GUEST_DISK_ZERO_DETECTIONS(X, P)                                       \
    X(P, OFF, "off")                                                           \
    X(P, ON, "on")                                                             \
    X(P, UNMAP, "unmap")

#define GUEST_DISK_TRAYS(X, P)                                                 \
    X(P, CLOSED, "closed")                                                     \
    X(P, OPEN, "open")

#define GUEST_CONTROLLER_TYPES(X, P)                                           \
    X(P, IDE, "ide")                                                           \
    X(P, FDC, "fdc")                                                           \
    X(P, SCSI, "scsi")                                                         \
    X(P, SATA, "sata")                                                         \
    X(P, VIRTIO_SERIAL, "virtio-serial")                                       \
    X(P, USB, "usb")                                                           \
    X(P, PCI, "pci")

/* Of all types; which goes with which type is checked by guest_check(). */
#define GUEST_CONTROLLER_MODELS(X, P)                                          \
    X(P, NONE, "none") /* usb: there shall be none. */                         \
    X(P, PIIX3_UHCI, "piix3-uhci")                                             \
    X(P, PIIX4_UHCI, "piix4-uhci")                                             \
    X(P, EHCI, "ehci")                                                         \
    X(P, ICH9_EHCI1, "ich9-ehci1")                                             \
    X(P, ICH9_UHCI1, "ich9-uhci1")                                             \
    X(P, ICH9_UHCI2, "ich9-uhci2")                                             \
    X(P, ICH9_UHCI3, "ich9-uhci3")                                             \
    X(P, NEC_XHCI, "nec-xhci")                                                 \
    X(P, QEMU_XHCI, "qemu-xhci")                                               \
    X(P, VIRTIO_SCSI, "virtio-scsi")                                           \
    X(P, LSILOGIC, "lsilogic")                                                 \
    X(P, PCI_ROOT, "pci-root")                                                 \
    X(P, PCIE_ROOT, "pcie-root")                                               \
    X(P, PCI_BRIDGE, "pci-bridge")                                             \
    X(P, DMI_TO_PCI_BRIDGE, "dmi-to-pci-bridge")                               \
    X(P, PCIE_TO_PCI_BRIDGE, "pcie-to-pci-bridge")                             \
    X(P, PCIE_ROOT_PORT, "pcie-root-port")

/* QEMU's device for a PCI controller: <model name=>. */
#define GUEST_PCI_MODELS(X, P)                                                 \
    X(P, PCI_BRIDGE, "pci-bridge")                                             \
    X(P, I82801B11_BRIDGE, "i82801b11-bridge")                                 \
    X(P, PCIE_PCI_BRIDGE, "pcie-pci-bridge")                                   \
    X(P, IOH3420, "ioh3420")                                                   \
    X(P, PCIE_ROOT_PORT, "pcie-root-port")

#define GUEST_INTERFACE_TYPES(X, P)                                            \
    X(P, USER, "user")                                                         \
    X(P, BRIDGE, "bridge")                                                     \
    X(P, ETHERNET, "ethernet") /* A tap device by name. */

#define GUEST_INTERFACE_MODELS(X, P)                                           \
    X(P, VIRTIO, "virtio")                                                     \
    X(P, E1000, "e1000")                                                       \
    X(P, E1000E, "e1000e")                                                     \
    X(P, RTL8139, "rtl8139")

#define GUEST_CHARDEV_TYPES(X, P)                                              \
    X(P, NOTHING, "null")                                                      \
    X(P, PTY, "pty")                                                           \
    X(P, FILE, "file")                                                         \
    X(P, UNIX, "unix")                                                         \
    X(P, TCP, "tcp")

#define GUEST_CHARDEV_MODES(X, P)                                              \
    X(P, CONNECT, "connect")                                                   \
    X(P, BIND, "bind")

#define GUEST_CHARDEV_PROTOCOLS(X, P)                                          \
    X(P, RAW, "raw")                                                           \
    X(P, TELNET, "telnet")

/* What a serial, console or channel is for the guest: <target type=>. */
#define GUEST_CHARDEV_TARGETS(X, P)                                            \
    X(P, ISA_SERIAL, "isa-serial") /* serial */                                \
    X(P, PCI_SERIAL, "pci-serial") /* serial */                                \
    X(P, USB_SERIAL, "usb-serial") /* serial */                                \
    X(P, SERIAL, "serial")         /* console: the first serial again */       \
    X(P, VIRTIO, "virtio")         /* console, channel */

/* QEMU's device for a serial: <target><model name=>. */
#define GUEST_SERIAL_MODELS(X, P)                                              \
    X(P, ISA_SERIAL, "isa-serial")                                             \
    X(P, PCI_SERIAL, "pci-serial")                                             \
    X(P, USB_SERIAL, "usb-serial")

#define GUEST_CHANNEL_STATES(X, P)                                             \
    X(P, CONNECTED, "connected")                                               \
    X(P, DISCONNECTED, "disconnected")

#define GUEST_INPUT_TYPES(X, P)                                                \
    X(P, MOUSE, "mouse")                                                       \
    X(P, TABLET, "tablet")                                                     \
    X(P, KEYBOARD, "keyboard")

#define GUEST_INPUT_BUSES(X, P)                                                \
    X(P, PS2, "ps2")                                                           \
    X(P, USB, "usb")                                                           \
    X(P, VIRTIO, "virtio")

#define GUEST_GRAPHICS_TYPES(X, P) X(P, VNC, "vnc")

#define GUEST_GRAPHICS_LISTENS(X, P) X(P, ADDRESS, "address")

#define GUEST_GRAPHICS_SHARES(X, P)                                            \
    X(P, ALLOW_EXCLUSIVE, "allow-exclusive")                                   \
    X(P, FORCE_SHARED, "force-shared")                                         \
    X(P, IGNORE, "ignore")

#define GUEST_GRAPHICS_CONNECTEDS(X, P)                                        \
    X(P, FAIL, "fail")                                                         \
    X(P, DISCONNECT, "disconnect")                                             \
    X(P, KEEP, "keep")

#define GUEST_AUDIO_TYPES(X, P) X(P, NONE, "none")

#define GUEST_VIDEO_TYPES(X, P)                                                \
    X(P, NONE, "none")                                                         \
    X(P, VGA, "vga")                                                           \
    X(P, CIRRUS, "cirrus")                                                     \
    X(P, VIRTIO, "virtio")

#define GUEST_SOUND_MODELS(X, P)                                               \
    X(P, AC97, "ac97")                                                         \
    X(P, ICH6, "ich6")                                                         \
    X(P, ICH9, "ich9")

#define GUEST_WATCHDOG_MODELS(X, P)                                            \
    X(P, I6300ESB, "i6300esb")                                                 \
    X(P, IB700, "ib700")

#define GUEST_WATCHDOG_ACTIONS(X, P)                                           \
    X(P, RESET, "reset")                                                       \
    X(P, SHUTDOWN, "shutdown")                                                 \
    X(P, POWEROFF, "poweroff")                                                 \
    X(P, PAUSE, "pause")                                                       \
    X(P, NONE, "none")                                                         \
    X(P, INJECT_NMI, "inject-nmi")

#define GUEST_MEMBALLOON_MODELS(X, P)                                          \
    X(P, VIRTIO, "virtio")                                                     \
    X(P, NONE, "none")

#define GUEST_RNG_MODELS(X, P) X(P, VIRTIO, "virtio")

#define GUEST_RNG_BACKENDS(X, P)                                               \
    X(P, RANDOM, "random")                                                     \
    X(P, BUILTIN, "builtin")

#define GUEST_PANIC_MODELS(X, P) X(P, ISA, "isa")

#define GUEST_HUB_TYPES(X, P) X(P, USB, "usb")

#define GUEST_ENUMS(E)                                                         \
    E(guest_type, GUEST_TYPE, GUEST_TYPES)                                     \
    E(guest_vcpu_placement, GUEST_VCPU_PLACEMENT, GUEST_VCPU_PLACEMENTS)       \
    E(guest_arch, GUEST_ARCH, GUEST_ARCHES)                                    \
    E(guest_os_type, GUEST_OS_TYPE, GUEST_OS_TYPES)                            \
    E(guest_boot_device, GUEST_BOOT_DEVICE, GUEST_BOOT_DEVICES)                \
    E(guest_loader_type, GUEST_LOADER_TYPE, GUEST_LOADER_TYPES)                \
    E(guest_smbios_mode, GUEST_SMBIOS_MODE, GUEST_SMBIOS_MODES)                \
    E(guest_sysinfo_type, GUEST_SYSINFO_TYPE, GUEST_SYSINFO_TYPES)             \
    E(guest_sysinfo_section, GUEST_SYSINFO_SECTION, GUEST_SYSINFO_SECTIONS)    \
    E(guest_hyperv_mode, GUEST_HYPERV_MODE, GUEST_HYPERV_MODES)                \
    E(guest_hyperv_feature, GUEST_HYPERV_FEATURE, GUEST_HYPERV_FEATURES)       \
    E(guest_cpu_mode, GUEST_CPU_MODE, GUEST_CPU_MODES)                         \
    E(guest_cpu_match, GUEST_CPU_MATCH, GUEST_CPU_MATCHES)                     \
    E(guest_cpu_check, GUEST_CPU_CHECK, GUEST_CPU_CHECKS)                      \
    E(guest_cpu_fallback, GUEST_CPU_FALLBACK, GUEST_CPU_FALLBACKS)             \
    E(guest_cpu_policy, GUEST_CPU_POLICY, GUEST_CPU_POLICIES)                  \
    E(guest_clock_offset, GUEST_CLOCK_OFFSET, GUEST_CLOCK_OFFSETS)             \
    E(guest_clock_basis, GUEST_CLOCK_BASIS, GUEST_CLOCK_BASES)                 \
    E(guest_timer_name, GUEST_TIMER_NAME, GUEST_TIMER_NAMES)                   \
    E(guest_timer_policy, GUEST_TIMER_POLICY, GUEST_TIMER_POLICIES)            \
    E(guest_timer_track, GUEST_TIMER_TRACK, GUEST_TIMER_TRACKS)                \
    E(guest_action, GUEST_ACTION, GUEST_ACTIONS)                               \
    E(guest_address_type, GUEST_ADDRESS_TYPE, GUEST_ADDRESS_TYPES)             \
    E(guest_disk_type, GUEST_DISK_TYPE, GUEST_DISK_TYPES)                      \
    E(guest_disk_device, GUEST_DISK_DEVICE, GUEST_DISK_DEVICES)                \
    E(guest_disk_bus, GUEST_DISK_BUS, GUEST_DISK_BUSES)                        \
    E(guest_disk_format, GUEST_DISK_FORMAT, GUEST_DISK_FORMATS)                \
    E(guest_disk_cache, GUEST_DISK_CACHE, GUEST_DISK_CACHES)                   \
    E(guest_disk_io, GUEST_DISK_IO, GUEST_DISK_IOS)                            \
    E(guest_disk_error_policy, GUEST_DISK_ERROR_POLICY,                        \
      GUEST_DISK_ERROR_POLICIES)                                               \
    E(guest_disk_discard, GUEST_DISK_DISCARD, GUEST_DISK_DISCARDS)             \
    E(guest_disk_detect_zeroes, GUEST_DISK_DETECT_ZEROES,                      \
      GUEST_DISK_ZERO_DETECTIONS)                                              \
    E(guest_disk_tray, GUEST_DISK_TRAY, GUEST_DISK_TRAYS)                      \
    E(guest_controller_type, GUEST_CONTROLLER_TYPE, GUEST_CONTROLLER_TYPES)    \
    E(guest_controller_model, GUEST_CONTROLLER_MODEL, GUEST_CONTROLLER_MODELS) \
    E(guest_pci_model, GUEST_PCI_MODEL, GUEST_PCI_MODELS)                      \
    E(guest_interface_type, GUEST_INTERFACE_TYPE, GUEST_INTERFACE_TYPES)       \
    E(guest_interface_model, GUEST_INTERFACE_MODEL, GUEST_INTERFACE_MODELS)    \
    E(guest_chardev_type, GUEST_CHARDEV_TYPE, GUEST_CHARDEV_TYPES)             \
    E(guest_chardev_mode, GUEST_CHARDEV_MODE, GUEST_CHARDEV_MODES)             \
    E(guest_chardev_protocol, GUEST_CHARDEV_PROTOCOL, GUEST_CHARDEV_PROTOCOLS) \
    E(guest_chardev_target, GUEST_CHARDEV_TARGET, GUEST_CHARDEV_TARGETS)       \
    E(guest_serial_model, GUEST_SERIAL_MODEL, GUEST_SERIAL_MODELS)             \
    E(guest_channel_state, GUEST_CHANNEL_STATE, GUEST_CHANNEL_STATES)          \
    E(guest_input_type, GUEST_INPUT_TYPE, GUEST_INPUT_TYPES)                   \
    E(guest_input_bus, GUEST_INPUT_BUS, GUEST_INPUT_BUSES)                     \
    E(guest_graphics_type, GUEST_GRAPHICS_TYPE, GUEST_GRAPHICS_TYPES)          \
    E(guest_graphics_listen, GUEST_GRAPHICS_LISTEN, GUEST_GRAPHICS_LISTENS)    \
    E(guest_graphics_share, GUEST_GRAPHICS_SHARE, GUEST_GRAPHICS_SHARES)       \
    E(guest_graphics_connected, GUEST_GRAPHICS_CONNECTED,                      \
      GUEST_GRAPHICS_CONNECTEDS)                                               \
    E(guest_audio_type, GUEST_AUDIO_TYPE, GUEST_AUDIO_TYPES)                   \
    E(guest_video_type, GUEST_VIDEO_TYPE, GUEST_VIDEO_TYPES)                   \
    E(guest_sound_model, GUEST_SOUND_MODEL, GUEST_SOUND_MODELS)                \
    E(guest_watchdog_model, GUEST_WATCHDOG_MODEL, GUEST_WATCHDOG_MODELS)       \
    E(guest_watchdog_action, GUEST_WATCHDOG_ACTION, GUEST_WATCHDOG_ACTIONS)    \
    E(guest_memballoon_model, GUEST_MEMBALLOON_MODEL, GUEST_MEMBALLOON_MODELS) \
    E(guest_rng_model, GUEST_RNG_MODEL, GUEST_RNG_MODELS)                      \
    E(guest_rng_backend, GUEST_RNG_BACKEND, GUEST_RNG_BACKENDS)                \
    E(guest_panic_model, GUEST_PANIC_MODEL, GUEST_PANIC_MODELS)                \
    E(guest_hub_type, GUEST_HUB_TYPE, GUEST_HUB_TYPES)

/* The words of one enumeration, indexed by its values; NULL for _UNSET. */
struct guest_words {
    const char *const *words;
    unsigned count; /* With _UNSET. */
};

/* For each: the enumeration, its words, and the word of a value, which is NULL
 * for _UNSET. */
#define GUEST_ENUM_VALUE(P, name, word) P##_##name,
#define GUEST_ENUM_DECLARE(tag, P, LIST)                                       \
    enum tag { P##_UNSET, LIST(GUEST_ENUM_VALUE, P) P##_COUNT };               \
    extern const struct guest_words tag##_words;                               \
    const char *tag##_name(enum tag value);
GUEST_ENUMS(GUEST_ENUM_DECLARE)
#undef GUEST_ENUM_DECLARE

/* The value of a word, or 0 (_UNSET) where it is none. */
unsigned guest_words_find(const struct guest_words *words, const char *word);
