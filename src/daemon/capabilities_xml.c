/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/capabilities_xml.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static void add_host(struct text *text, const struct capabilities_facts *facts);
static void add_cpu(struct text *text, const struct capabilities_facts *facts);
static void add_cells(struct text *text, const struct host_info *info);
static void add_cell(struct text *text, const struct host_info *info,
                     const struct host_node *node);
static void add_cpus(struct text *text, const struct host_node *node);
static void add_guest(struct text *text, const struct qemu_capabilities *qemu);
static void add_machine(struct text *text, const struct qemu_machine *machine,
                        const char *name);

char *
capabilities_format(const struct capabilities_facts *facts)
{
    AUTO_TEXT text = {0};

    text_add(&text, "<capabilities>\n\n");
    add_host(&text, facts);
    text_add(&text, "\n");
    add_guest(&text, facts->qemu);
    text_add(&text, "\n</capabilities>\n");
    return text_take(&text);
}

static void
add_host(struct text *text, const struct capabilities_facts *facts)
{
    char uuid[UUID_TEXT_SIZE];

    uuid_format(facts->uuid, uuid);
    text_addf(text, "  <host>\n    <uuid>%s</uuid>\n", uuid);
    add_cpu(text, facts);
    text_add(text, "    <power_management/>\n"
                   "    <iommu support='no'/>\n"
                   "    <migration_features>\n"
                   "      <live/>\n"
                   "      <uri_transports>\n"
                   "        <uri_transport>tcp</uri_transport>\n"
                   "      </uri_transports>\n"
                   "    </migration_features>\n");
    add_cells(text, facts->info);
    text_add(text, "    <secmodel>\n"
                   "      <model>none</model>\n"
                   "      <doi>0</doi>\n"
                   "    </secmodel>\n"
                   "  </host>\n");
}

/* Without a model: whether a guest's CPU can be had here is asked of QEMU. */
static void
add_cpu(struct text *text, const struct capabilities_facts *facts)
{
    struct host_layout layout = host_info_layout(facts->info);
    const struct host_node *node = &facts->info->nodes[0];

    text_add(text, "    <cpu>\n      <arch>");
    capabilities_add_escaped(text, facts->qemu->arch);
    text_addf(text,
              "</arch>\n"
              "      <topology sockets='%u' dies='1' cores='%u'"
              " threads='%u'/>\n",
              layout.sockets, layout.cores, layout.threads);
    for (size_t i = 0; i < node->pages_count; i++) {
        text_addf(text, "      <pages unit='KiB' size='%llu'/>\n",
                  (unsigned long long)node->pages[i].size_kib);
    }
    text_add(text, "    </cpu>\n");
}

static void
add_cells(struct text *text, const struct host_info *info)
{
    text_addf(text, "    <topology>\n      <cells num='%zu'>\n",
              info->node_count);
    for (size_t i = 0; i < info->node_count; i++) {
        add_cell(text, info, &info->nodes[i]);
    }
    text_add(text, "      </cells>\n    </topology>\n");
}

static void
add_cell(struct text *text, const struct host_info *info,
         const struct host_node *node)
{
    text_addf(text,
              "        <cell id='%u'>\n"
              "          <memory unit='KiB'>%llu</memory>\n",
              node->number, (unsigned long long)node->memory_kib);
    for (size_t i = 0; i < node->pages_count; i++) {
        text_addf(text,
                  "          <pages unit='KiB' size='%llu'>%llu</pages>\n",
                  (unsigned long long)node->pages[i].size_kib,
                  (unsigned long long)node->pages[i].count);
    }
    if (node->distance_count > 0 && node->distance_count == info->node_count) {
        text_add(text, "          <distances>\n");
        for (size_t i = 0; i < node->distance_count; i++) {
            text_addf(text, "            <sibling id='%u' value='%u'/>\n",
                      info->nodes[i].number, node->distances[i]);
        }
        text_add(text, "          </distances>\n");
    }
    add_cpus(text, node);
    text_add(text, "        </cell>\n");
}

static void
add_cpus(struct text *text, const struct host_node *node)
{
    text_addf(text, "          <cpus num='%zu'>\n", node->cpu_count);
    for (size_t i = 0; i < node->cpu_count; i++) {
        const struct host_cpu *cpu = &node->cpus[i];

        text_addf(text,
                  "            <cpu id='%u' socket_id='%u' die_id='%u'"
                  " core_id='%u' siblings='",
                  cpu->number, cpu->socket, cpu->die, cpu->core);
        capabilities_add_escaped(text, cpu->siblings);
        text_add(text, "'/>\n");
    }
    text_add(text, "          </cpus>\n");
}

/* An alias stands behind the machine that it means, the default machine is
 * first: clients take that one where a user names none.  QEMU's machine "none"
 * has no guest. */
static void
add_guest(struct text *text, const struct qemu_capabilities *qemu)
{
    text_add(text, "  <guest>\n    <os_type>hvm</os_type>\n    <arch name='");
    capabilities_add_escaped(text, qemu->arch);
    text_add(text, "'>\n      <wordsize>64</wordsize>\n      <emulator>");
    capabilities_add_escaped(text, qemu->binary);
    text_add(text, "</emulator>\n");
    for (int is_first = 1; is_first >= 0; is_first--) {
        for (size_t i = 0; i < qemu->machine_count; i++) {
            const struct qemu_machine *machine = &qemu->machines[i];

            if (machine->is_default != (is_first == 1) ||
                strcmp(machine->name, "none") == 0) {
                continue;
            }
            add_machine(text, machine, machine->name);
            if (machine->alias) {
                add_machine(text, machine, machine->alias);
            }
        }
    }
    text_add(text, "      <domain type='qemu'/>\n");
    if (qemu->is_kvm_enabled) {
        text_add(text, "      <domain type='kvm'/>\n");
    }
    text_add(text, "    </arch>\n"
                   "    <features>\n"
                   "      <acpi default='on' toggle='yes'/>\n"
                   "      <apic default='on' toggle='no'/>\n"
                   "      <cpuselection/>\n"
                   "      <deviceboot/>\n"
                   "    </features>\n"
                   "  </guest>\n");
}

static void
add_machine(struct text *text, const struct qemu_machine *machine,
            const char *name)
{
    text_add(text, "      <machine");
    if (name != machine->name) {
        text_add(text, " canonical='");
        capabilities_add_escaped(text, machine->name);
        text_add(text, "'");
    }
    text_addf(text, " maxCpus='%u'%s>", machine->max_cpus,
              machine->is_deprecated ? " deprecated='yes'" : "");
    capabilities_add_escaped(text, name);
    text_add(text, "</machine>\n");
}

/* For content and for attributes in single quotes. */
void
capabilities_add_escaped(struct text *text, const char *value)
{
    for (; *value; value++) {
        switch (*value) {
        case '<':
            text_add(text, "&lt;");
            break;
        case '>':
            text_add(text, "&gt;");
            break;
        case '&':
            text_add(text, "&amp;");
            break;
        case '\'':
            text_add(text, "&apos;");
            break;
        default:
            text_add_bytes(text, value, 1);
            break;
        }
    }
}
