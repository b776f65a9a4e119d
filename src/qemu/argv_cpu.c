/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu/argv_parts.h"

#include <string.h>

static int add_model(const struct guest_cpu *cpu, struct text *text,
                     struct error *err);
static int add_features(const struct guest_cpu *cpu, struct text *text,
                        struct error *err);
static void add_enlightenments(const struct guest *guest, struct text *text);

int
argv_cpu(struct argv_context *context, struct error *err)
{
    const struct guest *guest = context->guest;
    const struct guest_cpu *cpu =
        guest->live_cpu != NULL ? guest->live_cpu : guest->cpu;
    AUTO_TEXT text = {0};

    if (cpu == NULL) {
        return error_set(err, ERROR_CONFIG_UNSUPPORTED, "the guest has no CPU");
    }
    if (add_model(cpu, &text, err) < 0 || add_features(cpu, &text, err) < 0) {
        return -1;
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

static int
add_model(const struct guest_cpu *cpu, struct text *text, struct error *err)
{
    switch (cpu->mode) {
    case GUEST_CPU_MODE_HOST_PASSTHROUGH:
        text_add(text, "host");
        break;
    case GUEST_CPU_MODE_MAXIMUM:
        text_add(text, "max");
        break;
    case GUEST_CPU_MODE_HOST_MODEL:
        if (cpu->model == NULL) {
            return error_set(err, ERROR_CONFIG_UNSUPPORTED,
                             "cpu: the host's model is not known");
        }
        /* fallthrough */
    default:
        if (argv_check_word(cpu->model, "the CPU model", err) < 0) {
            return -1;
        }
        text_add(text, cpu->model);
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
