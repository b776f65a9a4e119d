/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Hosts as /proc and /sys describe them, and what clients are told of them. */

#include "daemon/host_info.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/capabilities_xml.h"
#include "fixture.h"
#include "state/store.h"

struct machine {
    char root[32];
    struct host_info info;
};

static void
write_below(struct machine *machine, const char *path, const char *text)
{
    AUTO_FREE char *folder = xasprintf("%s%s", machine->root, path);
    char *slash = strrchr(folder, '/');
    AUTO_ERROR err = {0};

    *slash = '\0';
    assert_int_equal(store_make_folder(folder, &err), 0);
    file_write(folder, slash + 1, text);
}

static void
write_cpu(struct machine *machine, unsigned number, unsigned socket,
          unsigned core, const char *siblings)
{
    AUTO_FREE char *folder =
        xasprintf("/sys/devices/system/cpu/cpu%u/topology/", number);
    AUTO_FREE char *package = xasprintf("%sphysical_package_id", folder);
    AUTO_FREE char *core_id = xasprintf("%score_id", folder);
    AUTO_FREE char *list = xasprintf("%sthread_siblings_list", folder);
    AUTO_FREE char *socket_text = xasprintf("%u\n", socket);
    AUTO_FREE char *core_text = xasprintf("%u\n", core);

    write_below(machine, package, socket_text);
    write_below(machine, core_id, core_text);
    write_below(machine, list, siblings);
}

static void
write_node(struct machine *machine, unsigned number, const char *cpus,
           const char *memory, const char *distances)
{
    AUTO_FREE char *folder =
        xasprintf("/sys/devices/system/node/node%u/", number);
    AUTO_FREE char *list = xasprintf("%scpulist", folder);
    AUTO_FREE char *meminfo = xasprintf("%smeminfo", folder);
    AUTO_FREE char *distance = xasprintf("%sdistance", folder);
    AUTO_FREE char *text = xasprintf("Node %u MemTotal:       %s kB\n"
                                     "Node %u MemFree:        1000 kB\n",
                                     number, memory, number);

    write_below(machine, list, cpus);
    write_below(machine, meminfo, text);
    write_below(machine, distance, distances);
}

/* What is the same on all of them. */
static int
set_up(void **state)
{
    struct machine *machine = xcalloc(1, sizeof *machine);

    folder_make(machine->root);
    write_below(machine, "/proc/meminfo",
                "MemTotal:       16000000 kB\n"
                "MemFree:         8000000 kB\n"
                "MemAvailable:    9000000 kB\n"
                "Buffers:           12345 kB\n"
                "SwapCached:            7 kB\n"
                "Cached:           678900 kB\n");
    write_below(machine, "/proc/cpuinfo",
                "processor\t: 0\nmodel name\t: cpu MHz : 1\n"
                "cpu MHz\t\t: 2096.013\n");
    *state = machine;
    return 0;
}

static int
tear_down(void **state)
{
    struct machine *machine = *state;

    host_info_done(&machine->info);
    folder_remove(machine->root);
    free(machine);
    return 0;
}

static void
assert_layout(struct machine *machine, struct host_layout wanted)
{
    struct host_layout layout;
    AUTO_ERROR err = {0};

    assert_int_equal(host_info_read(machine->root, &machine->info, &err), 0);
    layout = host_info_layout(&machine->info);
    assert_int_equal(layout.cpus, wanted.cpus);
    assert_int_equal(layout.nodes, wanted.nodes);
    assert_int_equal(layout.sockets, wanted.sockets);
    assert_int_equal(layout.cores, wanted.cores);
    assert_int_equal(layout.threads, wanted.threads);
}

/* Two nodes with a socket each, two cores each, two threads each. */
static void
make_server(struct machine *machine, const char *online)
{
    static const char *const siblings[] = {"0,4", "1,5", "2,6", "3,7"};

    write_below(machine, "/sys/devices/system/cpu/online", online);
    write_below(machine, "/sys/devices/system/cpu/present", "0-7\n");
    write_below(machine, "/sys/devices/system/node/online", "0-1\n");
    write_node(machine, 0, "0-1,4-5\n", "9000000", "10 21\n");
    write_node(machine, 1, "2-3,6-7\n", "7000000", "21 10\n");
    for (unsigned i = 0; i < 8; i++) {
        write_cpu(machine, i, i % 4 / 2, i % 2, siblings[i % 4]);
    }
}

static void
a_machine_without_numa_is_one_node(void **state)
{
    struct machine *machine = *state;

    write_below(machine, "/sys/devices/system/cpu/online", "0-1\n");
    write_below(machine, "/sys/devices/system/cpu/present", "0-1\n");
    write_cpu(machine, 0, 0, 0, "0\n");
    write_cpu(machine, 1, 0, 1, "1\n");
    assert_layout(machine, (struct host_layout){2, 1, 1, 2, 1});
    assert_int_equal(machine->info.mhz, 2096);
    assert_int_equal(machine->info.memory_kib, 16000000);
    assert_int_equal(machine->info.nodes[0].cpu_count, 2);
}

static void
a_server_has_nodes_sockets_cores_and_threads(void **state)
{
    struct machine *machine = *state;

    make_server(machine, "0-7\n");
    assert_layout(machine, (struct host_layout){8, 2, 1, 2, 2});
    assert_int_equal(machine->info.memory_kib, 16000000);
    assert_int_equal(machine->info.nodes[1].memory_kib, 7000000);
    assert_int_equal(machine->info.nodes[1].cpus[0].number, 2);
    assert_int_equal(machine->info.nodes[1].distances[0], 21);
}

static void
processors_that_are_off_count_only_for_the_layout(void **state)
{
    struct machine *machine = *state;

    make_server(machine, "0-6\n");
    assert_layout(machine, (struct host_layout){7, 2, 1, 2, 2});
    assert_int_equal(machine->info.offline_count, 1);
}

static void
a_layout_that_does_not_add_up_is_one_socket(void **state)
{
    struct machine *machine = *state;

    make_server(machine, "0-7\n");
    write_cpu(machine, 7, 3, 9, "7\n");
    assert_layout(machine, (struct host_layout){8, 1, 1, 8, 1});
}

static void
a_processor_without_a_topology_is_a_core_of_its_own(void **state)
{
    struct machine *machine = *state;

    write_below(machine, "/sys/devices/system/cpu/online", "0\n");
    write_below(machine, "/proc/cpuinfo", "processor\t: 0\n");
    assert_layout(machine, (struct host_layout){1, 1, 1, 1, 1});
    assert_int_equal(machine->info.mhz, 0);
    assert_string_equal(machine->info.nodes[0].cpus[0].siblings, "0");
}

static void
a_machine_without_processors_is_an_error(void **state)
{
    struct machine *machine = *state;
    AUTO_ERROR err = {0};

    assert_int_equal(host_info_read(machine->root, &machine->info, &err), -1);
    assert_non_null(strstr(err.message, "no processors"));
}

static void
nonsense_in_a_list_ends_it(void **state)
{
    struct machine *machine = *state;

    write_below(machine, "/sys/devices/system/cpu/online",
                "0-1,9-3,4-99999999999999999999,x\n");
    assert_layout(machine, (struct host_layout){2, 1, 1, 2, 1});
}

static void
memory_is_told_with_and_without_caches(void **state)
{
    struct machine *machine = *state;
    struct host_memory memory;
    AUTO_ERROR err = {0}, absent = {0};

    make_server(machine, "0-7\n");
    assert_int_equal(host_memory_read(machine->root, &memory, &err), 0);
    assert_int_equal(memory.total_kib, 16000000);
    assert_int_equal(memory.free_kib, 8000000);
    assert_int_equal(memory.buffers_kib, 12345);
    assert_int_equal(memory.cached_kib, 678900);
    assert_int_equal(host_memory_read_node(machine->root, 1, &memory, &err), 0);
    assert_int_equal(memory.total_kib, 7000000);
    assert_int_equal(memory.free_kib, 1000);
    assert_int_equal(memory.cached_kib, 0);
    assert_int_equal(host_memory_read_node(machine->root, 2, &memory, &absent),
                     -1);
    assert_non_null(strstr(absent.message, "NUMA node 2"));
}

static char *
format(struct machine *machine, bool has_kvm)
{
    char new_name[] = "pc-7.2", alias[] = "pc", old_name[] = "pc-<1'&",
         none[] = "none", arch[] = "x86_64", binary[] = "/opt/q&a/qemu";
    struct qemu_machine machines[] = {
        {.name = none,           .max_cpus = 1},
        {                .name = old_name,   .max_cpus = 1,              .is_deprecated = true},
        { .name = new_name, .alias = alias,                 .max_cpus = 255, .is_default = true},
    };
    struct qemu_capabilities qemu = {
        .binary = binary,
        .arch = arch,
        .is_kvm_enabled = has_kvm,
        .machines = machines,
        .machine_count = ARRAY_COUNT(machines),
    };
    struct uuid uuid;
    struct capabilities_facts facts = {&uuid, &machine->info, &qemu};
    AUTO_ERROR err = {0};

    assert_true(uuid_parse("c0ffee03-1234-4abc-8def-0123456789ab", &uuid));
    assert_int_equal(host_info_read(machine->root, &machine->info, &err), 0);
    return capabilities_format(&facts);
}

static void
capabilities_tell_of_the_host(void **state)
{
    static const char *const parts[] = {
        "    <uuid>c0ffee03-1234-4abc-8def-0123456789ab</uuid>\n",
        "      <arch>x86_64</arch>\n",
        "      <topology sockets='1' dies='1' cores='2' threads='2'/>\n",
        "        <uri_transport>tcp</uri_transport>\n",
        "      <cells num='2'>\n",
        "        <cell id='1'>\n"
        "          <memory unit='KiB'>7000000</memory>\n"
        "          <pages unit='KiB' size='4'>1238000</pages>\n"
        "          <pages unit='KiB' size='2048'>1000</pages>\n"
        "          <pages unit='KiB' size='1048576'>0</pages>\n"
        "          <distances>\n"
        "            <sibling id='0' value='21'/>\n"
        "            <sibling id='1' value='10'/>\n"
        "          </distances>\n"
        "          <cpus num='4'>\n"
        "            <cpu id='2' socket_id='1' die_id='0' core_id='0'"
        " siblings='2,6'/>\n",
    };
    struct machine *machine = *state;
    AUTO_FREE char *xml = NULL;

    make_server(machine, "0-7\n");
    write_below(machine,
                "/sys/devices/system/node/node1/hugepages/hugepages-1048576kB/"
                "nr_hugepages",
                "0\n");
    write_below(machine,
                "/sys/devices/system/node/node1/hugepages/hugepages-2048kB/"
                "nr_hugepages",
                "1000\n");
    xml = format(machine, false);
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        if (!strstr(xml, parts[i])) {
            fail_msg("%s is not in %s", parts[i], xml);
        }
    }
}

static void
capabilities_name_the_default_machine_first(void **state)
{
    struct machine *machine = *state;
    AUTO_FREE char *xml = NULL;

    make_server(machine, "0-7\n");
    xml = format(machine, false);
    assert_non_null(strstr(
        xml, "      <machine maxCpus='255'>pc-7.2</machine>\n"
             "      <machine canonical='pc-7.2' maxCpus='255'>pc</machine>\n"
             "      <machine maxCpus='1' deprecated='yes'>"
             "pc-&lt;1&apos;&amp;</machine>\n"
             "      <domain type='qemu'/>\n"
             "    </arch>\n"));
    assert_non_null(strstr(xml, "<emulator>/opt/q&amp;a/qemu</emulator>"));
}

static void
capabilities_offer_kvm_only_where_it_works(void **state)
{
    struct machine *machine = *state;
    AUTO_FREE char *xml = NULL;

    make_server(machine, "0-7\n");
    xml = format(machine, true);
    assert_non_null(strstr(xml, "      <domain type='qemu'/>\n"
                                "      <domain type='kvm'/>\n"));
}

int
main(void)
{
#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_machine_without_numa_is_one_node),
        TEST(a_server_has_nodes_sockets_cores_and_threads),
        TEST(processors_that_are_off_count_only_for_the_layout),
        TEST(a_layout_that_does_not_add_up_is_one_socket),
        TEST(a_processor_without_a_topology_is_a_core_of_its_own),
        TEST(a_machine_without_processors_is_an_error),
        TEST(nonsense_in_a_list_ends_it),
        TEST(memory_is_told_with_and_without_caches),
        TEST(capabilities_tell_of_the_host),
        TEST(capabilities_name_the_default_machine_first),
        TEST(capabilities_offer_kvm_only_where_it_works),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
