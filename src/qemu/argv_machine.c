/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu/argv_parts.h"

#include <json-c/json.h>
#include <time.h>

static bool has_no_hpet(const struct guest *guest);
static bool has_machine_switches(const struct argv_context *context);
static void add_name(struct argv_context *context);
static int add_machine(struct argv_context *context, struct error *err);
static void add_memory(struct argv_context *context);
static void add_smp(struct argv_context *context);
static int add_clock(struct argv_context *context, struct error *err);
static void add_power(struct argv_context *context);
static void add_boot(struct argv_context *context);

int
argv_machine(struct argv_context *context, struct error *err)
{
    const struct guest *guest = context->guest;
    struct argv_builder *argv = &context->argv;
    const char *binary = context->options->binary;
    char uuid[UUID_TEXT_SIZE];

    argv_add_flag(argv, binary != NULL ? binary : guest->emulator);
    add_name(context);
    argv_add_flag(argv, "-S");
    argv_pflash(context);
    if (add_machine(context, err) < 0) {
        return -1;
    }
    argv_add(argv, "-accel", guest->type == GUEST_TYPE_KVM ? "kvm" : "tcg");
    if (argv_cpu(context, err) < 0) {
        return -1;
    }
    argv_firmware(context);
    add_memory(context);
    argv_addf(argv, "-overcommit", "mem-lock=%s",
              guest->is_memory_locked ? "on" : "off");
    add_smp(context);
    for (uint64_t i = 1; guest->iothreads.is_set && i <= guest->iothreads.value;
         i++) {
        struct json_object *thread = argv_json("qom-type", "iothread");

        argv_json_textf(thread, "id", "iothread%llu", (unsigned long long)i);
        argv_add_json(argv, "-object", thread);
    }
    uuid_format(&guest->uuid, uuid);
    argv_add(argv, "-uuid", uuid);
    return 0;
}

int
argv_board(struct argv_context *context, struct error *err)
{
    struct argv_builder *argv = &context->argv;

    argv_fw_cfg(context);
    argv_smbios(context);
    if (context->guest->graphics.count == 0) {
        argv_add(argv, "-display", "none");
    }
    argv_add_flag(argv, "-no-user-config");
    argv_add_flag(argv, "-nodefaults");
    argv_addf(argv, "-chardev",
              "socket,id=charmonitor,fd=%d,server=on,wait=off",
              context->options->monitor_fd);
    argv_add(argv, "-mon", "chardev=charmonitor,id=monitor,mode=control");
    if (add_clock(context, err) < 0) {
        return -1;
    }
    argv_add_flag(argv, "-no-shutdown");
    if (!context->guest->features.acpi && !has_machine_switches(context)) {
        argv_add_flag(argv, "-no-acpi");
    }
    add_power(context);
    add_boot(context);
    return 0;
}

static void
add_name(struct argv_context *context)
{
    AUTO_TEXT text = {0};

    argv_text_pair(&text, "guest", context->guest->name);
    argv_text_pair(&text, "debug-threads", "on");
    argv_add_text(&context->argv, "-name", &text);
}

static const char *
on_off(enum guest_switch value)
{
    return value == GUEST_SWITCH_UNSET ? NULL
           : value == GUEST_SWITCH_ON  ? "on"
                                       : "off";
}

static const struct guest_timer *
find_timer(const struct guest *guest, enum guest_timer_name name)
{
    for (size_t i = 0; i < guest->clock.timers.count; i++) {
        if (guest->clock.timers.items[i]->name == name) {
            return guest->clock.timers.items[i];
        }
    }
    return NULL;
}

static bool
has_no_hpet(const struct guest *guest)
{
    const struct guest_timer *hpet = find_timer(guest, GUEST_TIMER_NAME_HPET);

    return hpet != NULL && hpet->is_present == GUEST_SWITCH_OFF;
}

/* QEMU 8.0 has properties of the machine for what were options; 9.0 lost the
 * options. */
static bool
has_machine_switches(const struct argv_context *context)
{
    return context->options->qemu_version >= 8000000;
}

static int
add_machine(struct argv_context *context, struct error *err)
{
    const struct guest *guest = context->guest;
    AUTO_TEXT text = {0};

    if (argv_check_word(guest->os.machine, "the machine", err) < 0) {
        return -1;
    }
    text_add(&text, guest->os.machine);
    argv_text_pair(&text, "usb", "off");
    argv_text_pair(&text, "vmport", on_off(guest->features.vmport));
    argv_text_pair(&text, "smm", on_off(guest->features.smm));
    argv_text_pair(&text, "dump-guest-core", "off");
    if (has_machine_switches(context)) {
        argv_text_pair(&text, "acpi", guest->features.acpi ? NULL : "off");
        argv_text_pair(&text, "hpet", has_no_hpet(guest) ? "off" : NULL);
    }
    if (guest->has_no_shared_pages) {
        argv_text_pair(&text, "mem-merge", "off");
    }
    argv_text_pair(&text, "memory-backend", "pc.ram");
    if (guest->os.loader != NULL &&
        guest->os.loader_type == GUEST_LOADER_TYPE_PFLASH) {
        argv_text_pair(&text, "pflash0", "libvirt-pflash0-format");
        if (guest->os.nvram != NULL) {
            argv_text_pair(&text, "pflash1", "libvirt-pflash1-format");
        }
    }
    if (guest->os.bios_useserial == GUEST_SWITCH_ON) {
        argv_text_pair(&text, "graphics", "off");
    }
    argv_add_text(&context->argv, "-machine", &text);
    return 0;
}

/* To the KiB: what is no whole number of MiB is said in another way. */
static void
add_memory(struct argv_context *context)
{
    uint64_t kib = context->guest->memory_kib;
    struct json_object *ram = argv_json("qom-type", "memory-backend-ram");

    if (kib % 1024 == 0) {
        argv_addf(&context->argv, "-m", "%llu",
                  (unsigned long long)(kib / 1024));
    } else {
        argv_addf(&context->argv, "-m", "size=%lluk", (unsigned long long)kib);
    }
    argv_json_text(ram, "id", "pc.ram");
    argv_json_number(ram, "size", kib * 1024);
    argv_add_json(&context->argv, "-object", ram);
}

static void
add_smp(struct argv_context *context)
{
    const struct guest *guest = context->guest;
    const struct guest_cpu *cpu = guest->cpu;
    unsigned current = guest->current_vcpus.is_set
                           ? (unsigned)guest->current_vcpus.value
                           : guest->vcpus;
    AUTO_TEXT text = {0};

    text_addf(&text, "%u", current);
    if (current != guest->vcpus) {
        text_addf(&text, ",maxcpus=%u", guest->vcpus);
    }
    if (cpu != NULL && cpu->has_topology) {
        text_addf(&text, ",sockets=%u,dies=%u,cores=%u,threads=%u",
                  cpu->sockets, cpu->dies, cpu->cores, cpu->threads);
    } else {
        text_addf(&text, ",sockets=%u,cores=1,threads=1", guest->vcpus);
    }
    argv_add_text(&context->argv, "-smp", &text);
}

/* ---- Clock ----------------------------------------------------------------
 */

static int
add_rtc_base(const struct argv_context *context, struct text *text,
             struct error *err)
{
    const struct guest_clock *clock = &context->guest->clock;
    time_t base;
    char date[64];
    struct tm tm;

    switch (clock->offset) {
    case GUEST_CLOCK_OFFSET_LOCALTIME:
    case GUEST_CLOCK_OFFSET_TIMEZONE: /* QEMU's own: see process.h. */
        text_add(text, "base=localtime");
        return 0;
    case GUEST_CLOCK_OFFSET_VARIABLE:
        break;
    default:
        text_add(text, "base=utc");
        return 0;
    }
    if (__builtin_add_overflow(context->options->now_s, clock->adjustment,
                               &base) ||
        (clock->basis == GUEST_CLOCK_BASIS_LOCALTIME
             ? localtime_r(&base, &tm)
             : gmtime_r(&base, &tm)) == NULL ||
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "clock: no such time, with adjustment %lld",
                         (long long)clock->adjustment);
    }
    text_addf(text, "base=%s", date);
    return 0;
}

static int
add_clock(struct argv_context *context, struct error *err)
{
    static const char *const tracks[] = {
        [GUEST_TIMER_TRACK_BOOT] = NULL,
        [GUEST_TIMER_TRACK_GUEST] = "vm",
        [GUEST_TIMER_TRACK_WALL] = "host",
    };
    static const char *const policies[] = {
        [GUEST_TIMER_POLICY_DELAY] = "delay",
        [GUEST_TIMER_POLICY_DISCARD] = "discard",
    };
    const struct guest_timer *rtc =
        find_timer(context->guest, GUEST_TIMER_NAME_RTC);
    const struct guest_timer *pit =
        find_timer(context->guest, GUEST_TIMER_NAME_PIT);
    AUTO_TEXT text = {0};

    if (add_rtc_base(context, &text, err) < 0) {
        return -1;
    }
    if (rtc != NULL && rtc->track < ARRAY_COUNT(tracks)) {
        argv_text_pair(&text, "clock", tracks[rtc->track]);
    }
    if (rtc != NULL && rtc->policy == GUEST_TIMER_POLICY_CATCHUP) {
        argv_text_pair(&text, "driftfix", "slew");
    }
    argv_add_text(&context->argv, "-rtc", &text);
    if (pit != NULL && pit->policy < ARRAY_COUNT(policies) &&
        policies[pit->policy] != NULL) {
        argv_addf(&context->argv, "-global", "kvm-pit.lost_tick_policy=%s",
                  policies[pit->policy]);
    }
    if (has_no_hpet(context->guest) && !has_machine_switches(context)) {
        argv_add_flag(&context->argv, "-no-hpet");
    }
    return 0;
}

/* ---- Power, boot ------------------------------------------------------------
 */

static void
add_power(struct argv_context *context)
{
    const struct guest *guest = context->guest;
    const char *chip = context->is_q35 ? "ICH9-LPC" : "PIIX4_PM";

    if (guest->suspend_to_mem != GUEST_SWITCH_UNSET) {
        argv_addf(&context->argv, "-global", "%s.disable_s3=%d", chip,
                  guest->suspend_to_mem == GUEST_SWITCH_OFF);
    }
    if (guest->suspend_to_disk != GUEST_SWITCH_UNSET) {
        argv_addf(&context->argv, "-global", "%s.disable_s4=%d", chip,
                  guest->suspend_to_disk == GUEST_SWITCH_OFF);
    }
}

static void
add_boot(struct argv_context *context)
{
    const struct guest_os *os = &context->guest->os;
    AUTO_TEXT text = {0};

    argv_text_pair(&text, "menu", on_off(os->bootmenu));
    if (os->bootmenu == GUEST_SWITCH_ON && os->bootmenu_timeout.is_set) {
        text_addf(&text, ",splash-time=%llu",
                  (unsigned long long)os->bootmenu_timeout.value);
    }
    argv_text_pair(&text, "strict", "on");
    argv_add_text(&context->argv, "-boot", &text);
    if (os->kernel != NULL) {
        argv_add(&context->argv, "-kernel", os->kernel);
    }
    if (os->initrd != NULL) {
        argv_add(&context->argv, "-initrd", os->initrd);
    }
    if (os->cmdline != NULL) {
        argv_add(&context->argv, "-append", os->cmdline);
    }
}
