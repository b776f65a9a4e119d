/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu/argv_parts.h"

#include <string.h>

static const struct guest_cpu *cpu_of(const struct guest *guest);
static int add_model(const struct guest *guest, struct text *text,
                     struct error *err);
static int add_features(const struct guest_cpu *cpu, struct text *text,
                        struct error *err);
static void add_withheld(const struct guest_seen_cpu *cpu, struct text *text);
static void add_enlightenments(const struct guest *guest, struct text *text);

int
argv_cpu(struct argv_context *context, struct error *err)
{
    const struct guest *guest = context->guest;
    const struct guest_cpu *cpu = cpu_of(guest);
    AUTO_TEXT text = {0};

    if (cpu == NULL) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED, "the guest has no CPU");
    }
    if (add_model(guest, &text, err) < 0 || add_features(cpu, &text, err) < 0) {
        return -1;
    }
    if (context->options->cpu) {
        add_withheld(context->options->cpu, &text);
    }
    if (guest->features.apic_eoi != GUEST_SWITCH_UNSET) {
        argv_text_pair(&text, "kvm-pv-eoi",
                       guest->features.apic_eoi == GUEST_SWITCH_ON ? "on"
                                                                   : "off");
    }
    add_enlightenments(guest, &text);
    argv_add_text(&context->argv, "-cpu", &text);
    return 0;
}

const char *
qemu_cpu_model(const struct guest *guest)
{
    const struct guest_cpu *cpu = cpu_of(guest);

    if (cpu == NULL) {
        return NULL;
    }
    switch (cpu->mode) {
    case GUEST_CPU_MODE_HOST_PASSTHROUGH:
        return "host";
    case GUEST_CPU_MODE_MAXIMUM:
        return "max";
    default:
        return cpu->model;
    }
}

static const struct guest_cpu *
cpu_of(const struct guest *guest)
{
    return guest->live_cpu != NULL ? guest->live_cpu : guest->cpu;
}

static int
add_model(const struct guest *guest, struct text *text, struct error *err)
{
    const struct guest_cpu *cpu = cpu_of(guest);
    const char *model = qemu_cpu_model(guest);

    if (model == NULL) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                         "cpu: the host's model is not known");
    }
    if (argv_check_word(model, "the CPU model", err) < 0) {
        return -1;
    }
    text_add(text, model);
    if (cpu->mode != GUEST_CPU_MODE_HOST_PASSTHROUGH &&
        cpu->mode != GUEST_CPU_MODE_MAXIMUM) {
        return 0;
    }
    if (cpu->migratable != GUEST_SWITCH_UNSET) {
        argv_text_pair(text, "migratable",
                       cpu->migratable == GUEST_SWITCH_ON ? "on" : "off");
    }
    return 0;
}

/* QEMU spells with dashes what libvirt spells with underscores. */
static void
add_feature(struct text *text, const char *name, bool is_on)
{
    text_add(text, ",");
    if (strcmp(name, "pclmuldq") == 0) {
        name = "pclmulqdq";
    }
    for (; *name != '\0'; name++) {
        text_add_bytes(text, *name == '_' ? "-" : name, 1);
    }
    text_add(text, is_on ? "=on" : "=off");
}

static int
add_features(const struct guest_cpu *cpu, struct text *text, struct error *err)
{
    for (size_t i = 0; i < cpu->features.count; i++) {
        const struct guest_cpu_feature *feature = cpu->features.items[i];

        if (argv_check_word(feature->name, "the CPU feature", err) < 0) {
            return -1;
        }
        if (feature->policy == GUEST_CPU_POLICY_OPTIONAL) {
            continue;
        }
        add_feature(text, feature->name,
                    feature->policy != GUEST_CPU_POLICY_DISABLE &&
                        feature->policy != GUEST_CPU_POLICY_FORBID);
    }
    return 0;
}

/* After the features that were asked for: the last word counts.  QEMU could not
 * give them, whatever was asked. */
static void
add_withheld(const struct guest_seen_cpu *cpu, struct text *text)
{
    for (size_t i = 0; i < cpu->count; i++) {
        if (cpu->features[i].seen == GUEST_SEEN_WITHHELD) {
            text_addf(text, ",%s=off", cpu->features[i].name);
        }
    }
}

static void
add_timers(const struct guest *guest, struct text *text)
{
    for (size_t i = 0; i < guest->clock.timers.count; i++) {
        const struct guest_timer *timer = guest->clock.timers.items[i];

        if (timer->name == GUEST_TIMER_NAME_KVMCLOCK &&
            timer->is_present != GUEST_SWITCH_UNSET) {
            argv_text_pair(text, "kvmclock",
                           timer->is_present == GUEST_SWITCH_ON ? "on" : "off");
        }
        if (timer->name == GUEST_TIMER_NAME_HYPERVCLOCK &&
            timer->is_present == GUEST_SWITCH_ON) {
            argv_text_pair(text, "hv-time", "on");
        }
    }
}

static void
add_enlightenments(const struct guest *guest, struct text *text)
{
    const struct guest_features *features = &guest->features;

    add_timers(guest, text);
    if (!features->has_hyperv) {
        return;
    }
    for (unsigned i = 1; i < GUEST_HYPERV_FEATURE_COUNT; i++) {
        /* Spinlocks come third. */
        if (i == GUEST_HYPERV_FEATURE_VPINDEX &&
            features->hyperv_spinlocks == GUEST_SWITCH_ON) {
            text_addf(text, ",hv-spinlocks=0x%llx",
                      features->hyperv_spinlock_retries.is_set
                          ? (unsigned long long)
                                features->hyperv_spinlock_retries.value
                          : 0xfffULL);
        }
        if (features->hyperv[i] == GUEST_SWITCH_ON) {
            AUTO_FREE char *name = xasprintf(
                "hv-%s",
                guest_hyperv_feature_name((enum guest_hyperv_feature)i));

            argv_text_pair(text, name, "on");
        }
    }
}
