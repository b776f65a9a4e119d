/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ferry/ledger.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "fixture.h"
#include "state/store.h"

#define ID "22222222-2222-4333-8444-bbbbbbbbbbbb"

struct test {
    struct lab lab;
    struct test_host host;
    struct domain *domain;
    struct uuid id;
};

static void
init(struct test *test)
{
    lab_init(&test->lab);
    test_host_init(&test->host, &test->lab, "there");
    test->domain = add_defined(&test->host, NULL);
    assert_true(uuid_parse(ID, &test->id));
}

static void
done(struct test *test)
{
    test_host_done(&test->host);
    lab_done(&test->lab);
}

static enum ledger_outcome
find(struct test *test)
{
    return ledger_find(&test->host.host, &test->domain->uuid, &test->id);
}

static char *
path_of(const struct test *test)
{
    return xasprintf("%s/handovers/" ID ".record",
                     test->host.host.settings.state_dir);
}

static void
outcomes_are_kept_over_a_restart(void **state)
{
    static const enum ledger_outcome outcomes[] = {LEDGER_TAKEN,
                                                   LEDGER_RETURNED};
    struct test test = {0};

    (void)state;
    init(&test);
    assert_int_equal(find(&test), LEDGER_NOTHING);
    for (size_t i = 0; i < ARRAY_COUNT(outcomes); i++) {
        ledger_note(test.domain, &test.id, outcomes[i]);
        test_host_restart(&test.host);
        test.domain = find_beat(&test.host);
        ledger_clean(&test.host.host);
        assert_int_equal(find(&test), outcomes[i]);
    }
    done(&test);
}

static void
an_outcome_is_of_its_domain_only(void **state)
{
    struct test test = {0};
    struct uuid other;

    (void)state;
    init(&test);
    assert_true(uuid_parse("c0ffee00-1234-4abc-8def-0000000000b2", &other));
    ledger_note(test.domain, &test.id, LEDGER_TAKEN);
    assert_int_equal(ledger_find(&test.host.host, &other, &test.id),
                     LEDGER_NOTHING);
    done(&test);
}

static void
what_can_not_be_read_says_nothing_and_is_kept(void **state)
{
    struct test test = {0};
    AUTO_FREE char *path = NULL;
    FILE *file;

    (void)state;
    init(&test);
    path = path_of(&test);
    ledger_note(test.domain, &test.id, LEDGER_TAKEN);
    file = fopen(path, "w");
    fputs("outcome taken", file);
    fclose(file);
    assert_int_equal(find(&test), LEDGER_NOTHING);
    ledger_clean(&test.host.host);
    assert_int_equal(access(path, F_OK), -1);
    assert_noted(&test.host, ID);
    done(&test);
}

/* A folder that is a file stands for a disk that is full. */
static void
what_is_not_on_disk_is_not_told(void **state)
{
    struct test test = {0};
    AUTO_FREE char *folder = NULL;
    FILE *file;

    (void)state;
    init(&test);
    folder = xasprintf("%s/handovers", test.host.host.settings.state_dir);
    assert_int_equal(rmdir(folder), 0);
    file = fopen(folder, "w");
    fclose(file);
    ledger_note(test.domain, &test.id, LEDGER_RETURNED);
    assert_noted(&test.host, "keeping the end of the migration");
    assert_int_equal(find(&test), LEDGER_UNSAVED);
    ledger_note(test.domain, &test.id, LEDGER_TAKEN);
    assert_int_equal(find(&test), LEDGER_UNSAVED);
    assert_int_equal(unlink(folder), 0);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(find(&test), LEDGER_TAKEN);
    test_host_restart(&test.host);
    test.domain = find_beat(&test.host);
    assert_int_equal(find(&test), LEDGER_TAKEN);
    done(&test);
}

static void
what_is_forgotten_is_gone(void **state)
{
    struct test test = {0};
    AUTO_ERROR err = {0};

    (void)state;
    init(&test);
    assert_int_equal(ledger_forget(&test.host.host, &test.id, &err), 0);
    ledger_note(test.domain, &test.id, LEDGER_RETURNED);
    assert_int_equal(ledger_forget(&test.host.host, &test.id, &err), 0);
    assert_int_equal(find(&test), LEDGER_NOTHING);
    done(&test);
}

static void
old_outcomes_go(void **state)
{
    const int64_t day_ms = INT64_C(24) * 3600 * 1000;
    struct test test = {0};
    AUTO_FREE char *folder = NULL;

    (void)state;
    init(&test);
    folder = xasprintf("%s/handovers", test.host.host.settings.state_dir);
    for (int days = LEDGER_DAYS - 1; days <= LEDGER_DAYS + 1; days += 2) {
        AUTO(record) *record = NULL;
        AUTO_ERROR err = {0};

        ledger_note(test.domain, &test.id, LEDGER_RETURNED);
        record = store_load(folder, ID ".record", &err);
        record_set_number(record, "when", realtime_ms() - days * day_ms);
        assert_int_equal(store_save(folder, ID ".record", record, &err), 0);
        ledger_clean(&test.host.host);
        assert_int_equal(find(&test),
                         days < LEDGER_DAYS ? LEDGER_RETURNED : LEDGER_NOTHING);
    }
    done(&test);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes_are_kept_over_a_restart),
        cmocka_unit_test(an_outcome_is_of_its_domain_only),
        cmocka_unit_test(what_can_not_be_read_says_nothing_and_is_kept),
        cmocka_unit_test(what_is_not_on_disk_is_not_told),
        cmocka_unit_test(what_is_forgotten_is_gone),
        cmocka_unit_test(old_outcomes_go),
    };

    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
