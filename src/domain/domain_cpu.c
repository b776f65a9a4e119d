/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which CPU a guest sees. */

#include "domain/domain.h"

#include "base/memory.h"
#include "qemu/argv.h"

static void cpu_came(void *owner, struct guest_seen_cpu *cpu,
                     const struct error *err);

void
domain_learn_cpu(struct domain *domain,
                 void (*done)(void *owner, const struct error *err),
                 void *owner)
{
    domain->cpu_known = done;
    domain->cpu_owner = owner;
    qemu_cpu_ask(&domain->cpu_question, qemu_process_monitor(domain->qemu),
                 qemu_cpu_model(domain->live), cpu_came, domain);
}

void
domain_forget_cpu(struct domain *domain)
{
    qemu_cpu_question_done(&domain->cpu_question);
}

static void
cpu_came(void *owner, struct guest_seen_cpu *cpu, const struct error *err)
{
    struct domain *domain = owner;

    guest_seen_cpu_free(domain->cpu);
    domain->cpu = cpu;
    domain->cpu_known(domain->cpu_owner, err);
}
