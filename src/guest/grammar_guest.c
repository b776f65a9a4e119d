/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tables of the domain but for its devices and its CPU. */

#include <stdlib.h>
#include <string.h>

#include "guest/grammar.h"

enum {
    DESCRIPTION_LENGTH_MAX = 1 << 20,
    CMDLINE_LENGTH_MAX = 64 << 10,
    ENTRY_LENGTH_MAX = 1 << 20,
};

static bool parse_uuid(void *object, const char *value);
static char *format_uuid(const void *object, unsigned flags);
static int read_memory(struct grammar_reader *reader, const xmlNode *node,
                       void *object);
static void write_memory(struct grammar_writer *writer, const void *object);
static int read_current_memory(struct grammar_reader *reader,
                               const xmlNode *node, void *object);
static void write_current_memory(struct grammar_writer *writer,
                                 const void *object);
static int read_kib(struct grammar_reader *reader, const xmlNode *node,
                    uint64_t *kib);
static void write_kib(struct grammar_writer *writer, const char *name,
                      uint64_t kib);
static bool parse_unit(const char *unit, uint64_t *bytes);
static int finish_guest(struct grammar_reader *reader, const xmlNode *node,
                        void *object);
static int finish_cpus(struct grammar_reader *reader, struct guest *guest);
static void insert_disk(void *object, void *disk);
static void insert_controller(void *object, void *controller);

static const struct grammar_hook uuid_hook = {.parse = parse_uuid,
                                              .format = format_uuid};
static const struct grammar_hook memory_hook = {.read = read_memory,
                                                .write = write_memory};
static const struct grammar_hook current_memory_hook = {
    .read = read_current_memory, .write = write_current_memory};

/* ---- sysinfo ----------------------------------------------------------- */

static const struct grammar_field entry_fields[] = {
    ATTRIBUTE("name", TEXT(guest_sysinfo_entry, name)),
    ATTRIBUTE("file", TEXT(guest_sysinfo_entry, file)),
    CONTENT(TEXT(guest_sysinfo_entry, value), .max = ENTRY_LENGTH_MAX),
};
static const struct grammar guest_sysinfo_entry_grammar =
    GRAMMAR(guest_sysinfo_entry, entry_fields);

static const struct grammar_field block_fields[] = {
    LIST_OF("entry", guest_sysinfo_block, entries, guest_sysinfo_entry,
            guest_sysinfo_entry),
};
static const struct grammar guest_sysinfo_block_grammar =
    GRAMMAR(guest_sysinfo_block, block_fields,
            .tag_offset = offsetof(struct guest_sysinfo_block, section));

#define SECTION(P, section, word)                                              \
    LIST_OF(word, guest_sysinfo, blocks, guest_sysinfo_block,                  \
            guest_sysinfo_block, .tag = P##_##section,                         \
            WHEN(guest_sysinfo, type, BIT(GUEST_SYSINFO_TYPE_SMBIOS))),
static const struct grammar_field sysinfo_fields[] = {
    ATTRIBUTE("type", WORD(guest_sysinfo, type, guest_sysinfo_type),
              FLAGS(FIELD_REQUIRED)),
    GUEST_SYSINFO_SECTIONS(SECTION, GUEST_SYSINFO_SECTION)
        LIST_OF("entry", guest_sysinfo, entries, guest_sysinfo_entry,
                guest_sysinfo_entry,
                WHEN(guest_sysinfo, type, BIT(GUEST_SYSINFO_TYPE_FWCFG))),
};
#undef SECTION
const struct grammar guest_sysinfo_grammar =
    GRAMMAR(guest_sysinfo, sysinfo_fields);

/* ---- os ---------------------------------------------------------------- */

static const struct grammar_field os_type_fields[] = {
    ATTRIBUTE("arch", WORD(guest, os.arch, guest_arch)),
    ATTRIBUTE("machine", TEXT(guest, os.machine), .min = 1),
    CONTENT(WORD(guest, os.type, guest_os_type), FLAGS(FIELD_REQUIRED)),
};
static const struct grammar_field loader_fields[] = {
    ATTRIBUTE("readonly", YES_NO(guest, os.is_loader_readonly)),
    ATTRIBUTE("secure", YES_NO(guest, os.is_loader_secure)),
    ATTRIBUTE("type", WORD(guest, os.loader_type, guest_loader_type)),
    CONTENT(TEXT(guest, os.loader), FLAGS(FIELD_REQUIRED), .min = 1),
};
static const struct grammar_field nvram_fields[] = {
    ATTRIBUTE("template", TEXT(guest, os.nvram_template)),
    CONTENT(TEXT(guest, os.nvram)),
};
static const struct grammar_field boot_fields[] = {
    ATTRIBUTE("dev", WORD(guest_boot, device, guest_boot_device),
              FLAGS(FIELD_REQUIRED)),
};
static const struct grammar guest_boot_grammar =
    GRAMMAR(guest_boot, boot_fields);
static const struct grammar_field bootmenu_fields[] = {
    ATTRIBUTE("enable", YES_NO(guest, os.bootmenu)),
    ATTRIBUTE("timeout", NUMBER(guest, os.bootmenu_timeout, 0, 65535)),
};
static const struct grammar_field os_fields[] = {
    GROUP("type", os_type_fields, FLAGS(FIELD_REQUIRED)),
    GROUP("loader", loader_fields),
    GROUP("nvram", nvram_fields),
    CHILD_CONTENT("kernel", TEXT(guest, os.kernel)),
    CHILD_CONTENT("initrd", TEXT(guest, os.initrd)),
    CHILD_CONTENT("cmdline", TEXT(guest, os.cmdline),
                  .max = CMDLINE_LENGTH_MAX),
    LIST_OF("boot", guest, os.boots, guest_boot, guest_boot),
    GROUP("bootmenu", bootmenu_fields),
    CHILD_ATTRIBUTE("bios", "useserial", YES_NO(guest, os.bios_useserial)),
    CHILD_ATTRIBUTE("smbios", "mode",
                    WORD(guest, os.smbios, guest_smbios_mode)),
};

/* ---- features, clock, power -------------------------------------------- */

static const struct grammar_field apic_fields[] = {
    ATTRIBUTE("eoi", ON_OFF(guest, features.apic_eoi)),
};
static const struct grammar_field spinlocks_fields[] = {
    ATTRIBUTE("state", ON_OFF(guest, features.hyperv_spinlocks)),
    ATTRIBUTE("retries", NUMBER(guest, features.hyperv_spinlock_retries, 4095,
                                UINT32_MAX)),
};
#define HYPERV(feature, word)                                                  \
    CHILD_ATTRIBUTE(                                                           \
        word, "state",                                                         \
        ON_OFF(guest, features.hyperv[GUEST_HYPERV_FEATURE_##feature]))
static const struct grammar_field hyperv_fields[] = {
    ATTRIBUTE("mode", WORD(guest, features.hyperv_mode, guest_hyperv_mode),
              INITIALLY(GUEST_HYPERV_MODE_CUSTOM)),
    HYPERV(RELAXED, "relaxed"),
    HYPERV(VAPIC, "vapic"),
    GROUP("spinlocks", spinlocks_fields),
    HYPERV(VPINDEX, "vpindex"),
    HYPERV(RUNTIME, "runtime"),
    HYPERV(SYNIC, "synic"),
    HYPERV(RESET, "reset"),
    HYPERV(FREQUENCIES, "frequencies"),
    HYPERV(REENLIGHTENMENT, "reenlightenment"),
    HYPERV(TLBFLUSH, "tlbflush"),
    HYPERV(IPI, "ipi"),
};
#undef HYPERV
static const struct grammar_field features_fields[] = {
    FLAG("acpi", guest, features.acpi),
    GROUP("apic", apic_fields, PRESENCE(guest, features.apic)),
    FLAG("pae", guest, features.pae),
    GROUP("hyperv", hyperv_fields, PRESENCE(guest, features.has_hyperv)),
    CHILD_ATTRIBUTE("vmport", "state", ON_OFF(guest, features.vmport)),
    CHILD_ATTRIBUTE("smm", "state", ON_OFF(guest, features.smm)),
};

static const struct grammar_field timer_fields[] = {
    ATTRIBUTE("name", WORD(guest_timer, name, guest_timer_name),
              FLAGS(FIELD_REQUIRED)),
    ATTRIBUTE("present", YES_NO(guest_timer, is_present)),
    ATTRIBUTE("tickpolicy", WORD(guest_timer, policy, guest_timer_policy)),
    ATTRIBUTE("track", WORD(guest_timer, track, guest_timer_track),
              WHEN(guest_timer, name, BIT(GUEST_TIMER_NAME_RTC))),
};
static const struct grammar guest_timer_grammar =
    GRAMMAR(guest_timer, timer_fields);

#define IS_VARIABLE WHEN(guest, clock.offset, BIT(GUEST_CLOCK_OFFSET_VARIABLE))
static const struct grammar_field clock_fields[] = {
    ATTRIBUTE("offset", WORD(guest, clock.offset, guest_clock_offset),
              INITIALLY(GUEST_CLOCK_OFFSET_UTC)),
    ATTRIBUTE("timezone", TEXT(guest, clock.timezone),
              WHEN(guest, clock.offset, BIT(GUEST_CLOCK_OFFSET_TIMEZONE)),
              FLAGS(FIELD_REQUIRED)),
    ATTRIBUTE("adjustment", SIGNED(guest, clock.adjustment), IS_VARIABLE),
    ATTRIBUTE("basis", WORD(guest, clock.basis, guest_clock_basis),
              INITIALLY(GUEST_CLOCK_BASIS_UTC), IS_VARIABLE),
    LIST_OF("timer", guest, clock.timers, guest_timer, guest_timer),
};

static const struct grammar_field pm_fields[] = {
    CHILD_ATTRIBUTE("suspend-to-mem", "enabled", YES_NO(guest, suspend_to_mem)),
    CHILD_ATTRIBUTE("suspend-to-disk", "enabled",
                    YES_NO(guest, suspend_to_disk)),
};

/* ---- the whole ---------------------------------------------------------- */

static const struct grammar_field memory_backing_fields[] = {
    FLAG("nosharepages", guest, has_no_shared_pages),
    FLAG("locked", guest, is_memory_locked),
};
static const struct grammar_field vcpu_fields[] = {
    ATTRIBUTE("placement", WORD(guest, vcpu_placement, guest_vcpu_placement),
              INITIALLY(GUEST_VCPU_PLACEMENT_STATIC)),
    ATTRIBUTE("cpuset", TEXT(guest, vcpu_set)),
    ATTRIBUTE("current", NUMBER(guest, current_vcpus, 1, GUEST_VCPUS_MAX)),
    CONTENT(UNSIGNED(guest, vcpus, 1, GUEST_VCPUS_MAX), INITIALLY(1)),
};

static const struct grammar_field devices_fields[] = {
    CHILD_CONTENT("emulator", TEXT(guest, emulator), .min = 1),
    LIST_OF("disk", guest, disks, guest_disk, guest_disk,
            .insert = insert_disk),
    LIST_OF("controller", guest, controllers, guest_controller,
            guest_controller, .insert = insert_controller),
    LIST_OF("interface", guest, interfaces, guest_interface, guest_interface),
    LIST_OF("serial", guest, serials, guest_chardev, guest_serial),
    LIST_OF("parallel", guest, parallels, guest_chardev, guest_parallel),
    LIST_OF("console", guest, consoles, guest_chardev, guest_console),
    LIST_OF("channel", guest, channels, guest_chardev, guest_channel),
    LIST_OF("input", guest, inputs, guest_input, guest_input),
    LIST_OF("graphics", guest, graphics, guest_graphics, guest_graphics),
    LIST_OF("sound", guest, sounds, guest_sound, guest_sound),
    LIST_OF("audio", guest, audios, guest_audio, guest_audio),
    LIST_OF("video", guest, videos, guest_video, guest_video),
    LIST_OF("hub", guest, hubs, guest_hub, guest_hub),
    LIST_OF("watchdog", guest, watchdogs, guest_watchdog, guest_watchdog),
    LIST_OF("memballoon", guest, memballoons, guest_memballoon,
            guest_memballoon),
    LIST_OF("rng", guest, rngs, guest_rng, guest_rng),
    LIST_OF("panic", guest, panics, guest_panic, guest_panic),
};

/* What concerns the host only, and is kept without being carried out. */
#define KEPT_ELEMENTS(X)                                                       \
    X("blkiotune")                                                             \
    X("memtune")                                                               \
    X("cputune")                                                               \
    X("numatune")                                                              \
    X("resource")                                                              \
    X("on_lockfailure")                                                        \
    X("perf")                                                                  \
    X("seclabel")
#define NAME(name) name,
static const char *const kept_list[] = {NULL, KEPT_ELEMENTS(NAME)};
#undef NAME
static const struct guest_words kept_words = {kept_list,
                                              ARRAY_COUNT(kept_list)};

static const struct grammar_field guest_fields[] = {
    ATTRIBUTE("type", WORD(guest, type, guest_type), FLAGS(FIELD_REQUIRED)),
    ATTRIBUTE("id", NUMBER(guest, id, 1, INT32_MAX), FLAGS(FIELD_LIVE)),
    CHILD_CONTENT("name", TEXT(guest, name), FLAGS(FIELD_REQUIRED), .min = 1,
                  .max = GUEST_NAME_LENGTH_MAX),
    CHILD_CONTENT("uuid", HOOK(uuid_hook)),
    CHILD_CONTENT("title", TEXT(guest, title)),
    CHILD_CONTENT("description", TEXT(guest, description),
                  .max = DESCRIPTION_LENGTH_MAX),
    VERBATIM("metadata", guest, metadata),
    CUSTOM("memory", memory_hook, FLAGS(FIELD_REQUIRED)),
    CUSTOM("currentMemory", current_memory_hook),
    GROUP("memoryBacking", memory_backing_fields),
    KEPT("blkiotune", guest, kept),
    KEPT("memtune", guest, kept),
    GROUP("vcpu", vcpu_fields),
    CHILD_CONTENT("iothreads", NUMBER(guest, iothreads, 0, 1024)),
    KEPT("cputune", guest, kept),
    KEPT("numatune", guest, kept),
    KEPT("resource", guest, kept),
    LIST_OF("sysinfo", guest, sysinfos, guest_sysinfo, guest_sysinfo),
    GROUP("os", os_fields, FLAGS(FIELD_REQUIRED)),
    GROUP("features", features_fields),
    STRUCT("cpu", guest, cpu, guest_cpu),
 /* While it is written, 'cpu' is what is shown and 'live_cpu' the other
  * one: see guest_format(). */
    STRUCT("configuredCpu", guest, live_cpu, guest_cpu, FLAGS(FIELD_STATUS)),
    GROUP("clock", clock_fields),
    CHILD_CONTENT("on_poweroff", WORD(guest, on_poweroff, guest_action),
                  INITIALLY(GUEST_ACTION_DESTROY)),
    CHILD_CONTENT("on_reboot", WORD(guest, on_reboot, guest_action),
                  INITIALLY(GUEST_ACTION_RESTART)),
    CHILD_CONTENT("on_crash", WORD(guest, on_crash, guest_action),
                  INITIALLY(GUEST_ACTION_DESTROY)),
    KEPT("on_lockfailure", guest, kept),
    GROUP("pm", pm_fields),
    KEPT("perf", guest, kept),
    GROUP("devices", devices_fields, FLAGS(FIELD_ALWAYS)),
    KEPT("seclabel", guest, kept),
    {.place = PLACE_KEPT,
                               .offset = offsetof(struct guest, kept),
                               .words = &kept_words},
};
const struct grammar guest_grammar =
    GRAMMAR(guest, guest_fields, .finish = finish_guest);

static bool
parse_uuid(void *object, const char *value)
{
    struct guest *guest = object;

    return uuid_parse(value, &guest->uuid);
}

static char *
format_uuid(const void *object, unsigned flags)
{
    const struct guest *guest = object;
    char text[UUID_TEXT_SIZE];

    (void)flags;
    uuid_format(&guest->uuid, text);
    return xstrdup(text);
}

static int
read_memory(struct grammar_reader *reader, const xmlNode *node, void *object)
{
    struct guest *guest = object;

    return read_kib(reader, node, &guest->memory_kib);
}

static void
write_memory(struct grammar_writer *writer, const void *object)
{
    const struct guest *guest = object;

    write_kib(writer, "memory", guest->memory_kib);
}

static int
read_current_memory(struct grammar_reader *reader, const xmlNode *node,
                    void *object)
{
    struct guest *guest = object;

    return read_kib(reader, node, &guest->current_memory_kib);
}

static void
write_current_memory(struct grammar_writer *writer, const void *object)
{
    const struct guest *guest = object;

    write_kib(writer, "currentMemory", guest->current_memory_kib);
}

/* What is no whole KiB becomes the next one, as libvirt documents; whole KiB
 * are never touched. */
static int
read_kib(struct grammar_reader *reader, const xmlNode *node, uint64_t *kib)
{
    const xmlAttr *attr = node->properties;
    AUTO_FREE char *unit = (char *)xmlGetNoNsProp(node, (xmlChar *)"unit");
    AUTO_FREE char *content = NULL, *trimmed = NULL;
    uint64_t factor, number, bytes;

    for (; attr; attr = attr->next) {
        if (attr->ns || strcmp((const char *)attr->name, "unit") != 0) {
            return grammar_refuse_attribute(reader, node,
                                            (const char *)attr->name);
        }
    }
    if (!parse_unit(unit ? unit : "KiB", &factor)) {
        return grammar_refuse_value(reader, node, "unit", unit);
    }
    content = grammar_content(reader, node);
    if (!content) {
        return -1;
    }
    trimmed = grammar_trim(content);
    if (!parse_u64(trimmed, UINT64_MAX, &number)) {
        return error_set_from(reader->err, ERROR_FROM_XML, ERROR_XML,
                              "invalid value '%.*s' of <%s> at line %ld",
                              grammar_excerpt(trimmed, 64), trimmed, node->name,
                              xmlGetLineNo(node));
    }
    if (__builtin_mul_overflow(number, factor, &bytes) ||
        bytes > UINT64_MAX - 1023 || bytes > INT64_MAX) {
        return error_set(reader->err, ERROR_OVERFLOW,
                         "size in <%s> at line %ld is too large", node->name,
                         xmlGetLineNo(node));
    }
    *kib = (bytes + 1023) / 1024;
    return 0;
}

static void
write_kib(struct grammar_writer *writer, const char *name, uint64_t kib)
{
    text_addf(writer->text, "%*s<%s unit='KiB'>%llu</%s>\n",
              (int)writer->indent, "", name, (unsigned long long)kib, name);
}

static bool
parse_unit(const char *unit, uint64_t *bytes)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } units[] = {
        {"b",     1                      },
        {"byte",  1                      },
        {"bytes", 1                      },
        {"KB",    1000                   },
        {"k",     1 << 10                },
        {"KiB",   1 << 10                },
        {"MB",    1000000                },
        {"M",     1 << 20                },
        {"MiB",   1 << 20                },
        {"GB",    1000000000             },
        {"G",     1 << 30                },
        {"GiB",   1 << 30                },
        {"TB",    UINT64_C(1000000000000)},
        {"T",     UINT64_C(1) << 40      },
        {"TiB",   UINT64_C(1) << 40      },
    };

    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        if (strcasecmp(units[i].name, unit) == 0) {
            *bytes = units[i].bytes;
            return true;
        }
    }
    return false;
}

static int
finish_guest(struct grammar_reader *reader, const xmlNode *node, void *object)
{
    struct guest *guest = object;

    (void)node;
    if (guest->memory_kib == 0) {
        return error_set_from(reader->err, ERROR_FROM_XML, ERROR_XML,
                              "domain '%s' has no memory", guest->name);
    }
    if (guest->current_memory_kib == 0 ||
        guest->current_memory_kib > guest->memory_kib) {
        guest->current_memory_kib = guest->memory_kib;
    }
    if (guest->current_vcpus.is_set &&
        guest->current_vcpus.value == guest->vcpus) {
        guest->current_vcpus = (struct guest_number){0};
    }
    if (uuid_is_zero(&guest->uuid)) {
        uuid_generate(&guest->uuid);
    }
    return finish_cpus(reader, guest);
}

/* Sorts out which CPU is which; see struct guest. */
static int
finish_cpus(struct grammar_reader *reader, struct guest *guest)
{
    enum guest_cpu_check check = guest->type == GUEST_TYPE_KVM
                                     ? GUEST_CPU_CHECK_PARTIAL
                                     : GUEST_CPU_CHECK_NONE;

    if (guest->live_cpu) {
        struct guest_cpu *configured = guest->live_cpu;

        guest->live_cpu = guest->cpu;
        guest->cpu = configured;
    } else if (reader->flags == 0 && guest->cpu &&
               guest->cpu->check == GUEST_CPU_CHECK_FULL) {
        /* What QEMU gave a running guest.  Which of its features were asked
         * for can't be told any more: none. */
        guest->live_cpu = guest->cpu;
        guest->cpu = guest_cpu_copy(guest->live_cpu);
        guest->cpu->check = check;
        guest_cpu_remove_features(guest->cpu);
    }
    if (guest->cpu && guest->cpu->check == GUEST_CPU_CHECK_UNSET) {
        guest->cpu->check = guest->cpu->mode == GUEST_CPU_MODE_HOST_MODEL
                                ? GUEST_CPU_CHECK_PARTIAL
                            : guest->cpu->mode == GUEST_CPU_MODE_CUSTOM
                                ? check
                                : GUEST_CPU_CHECK_NONE;
    }
    return 0;
}

static void
insert_disk(void *object, void *disk)
{
    guest_add_disk(object, disk);
}

static void
insert_controller(void *object, void *controller)
{
    guest_add_controller(object, controller);
}
