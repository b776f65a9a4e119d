/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "crossing.h"

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

struct wanted {
    struct test_host *host;
    unsigned state;
};

const char slow[] = "set migration-ms 2000";

static void done(struct ferry_call *call, const struct ferry_result *result,
                 const struct error *err);
static struct ferry_call *ask(struct answer *answer);
static void answer_done(struct answer *answer);
static bool is_source_there(void *owner);
static bool is_destination_there(void *owner);
static bool is_over(void *owner);

int
crossing_set_up(void **state)
{
    *state = crossing_new(NULL);
    return 0;
}

struct crossing *
crossing_new(const char *extra)
{
    struct crossing *c = xcalloc(1, sizeof *c);

    c->flags =
        VIR_MIGRATE_LIVE | VIR_MIGRATE_UNSAFE | VIR_MIGRATE_CHANGE_PROTECTION;
    lab_init(&c->lab);
    test_host_init(&c->here, &c->lab, "here");
    test_host_init(&c->there, &c->lab, "there");
    c->here.restore = c->there.restore = ferry_restore;
    c->domain = domain_get(add_defined(&c->here, extra));
    start_guest(&c->here, c->domain);
    c->parameters.migrate_uri = xasprintf("unix:%s/ferry", c->lab.folder);
    return c;
}

int
crossing_tear_down(void **state)
{
    struct crossing *c = *state;

    domain_put(c->domain);
    answer_done(&c->begun);
    answer_done(&c->prepared);
    answer_done(&c->performed);
    answer_done(&c->finished);
    answer_done(&c->confirmed);
    test_host_done(&c->there);
    test_host_done(&c->here);
    ferry_done(&c->here.host);
    ferry_done(&c->there.host);
    migration_parameters_done(&c->parameters);
    lab_done(&c->lab);
    free(c);
    return 0;
}

void
start_begin(struct crossing *c)
{
    ferry_begin(c->domain, &c->parameters, c->flags, ask(&c->begun));
}

void
start_prepare(struct crossing *c)
{
    struct ferry_cookie cookie = {c->begun.cookie, c->begun.cookie_size};

    free(c->parameters.destination_xml);
    if (c->is_v2) {
        c->parameters.destination_xml = domain_format(
            c->domain, VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_MIGRATABLE);
        ferry_prepare2(&c->there.host, &c->parameters, c->flags,
                       ask(&c->prepared));
        return;
    }
    c->parameters.destination_xml = xstrdup(c->begun.xml);
    ferry_prepare(&c->there.host, &c->parameters, cookie,
                  c->flags & ~(unsigned)VIR_MIGRATE_CHANGE_PROTECTION,
                  ask(&c->prepared));
}

void
start_perform(struct crossing *c)
{
    struct ferry_cookie cookie = {c->prepared.cookie, c->prepared.cookie_size};

    if (c->prepared.uri) {
        free(c->parameters.migrate_uri);
        c->parameters.migrate_uri = xstrdup(c->prepared.uri);
    }
    if (c->is_v2) {
        ferry_perform2(c->domain, &c->parameters, (struct ferry_cookie){0},
                       c->flags, ask(&c->performed));
        return;
    }
    ferry_perform(c->domain, &c->parameters, cookie, c->flags,
                  ask(&c->performed));
}

void
start_finish(struct crossing *c, int cancelled)
{
    const char *name = c->parameters.destination_name;
    struct ferry_cookie cookie = {0};

    if (!cancelled) {
        cookie = (struct ferry_cookie){c->performed.cookie,
                                       c->performed.cookie_size};
    }
    if (c->is_v2) {
        ferry_finish2(&c->there.host, name ? name : "beat", c->flags, cancelled,
                      ask(&c->finished));
        return;
    }
    ferry_finish(&c->there.host, name ? name : "beat", cookie,
                 c->flags & ~(unsigned)VIR_MIGRATE_CHANGE_PROTECTION, cancelled,
                 ask(&c->finished));
}

void
start_confirm(struct crossing *c, int cancelled)
{
    struct ferry_cookie cookie = {0};

    if (!cancelled) {
        cookie =
            (struct ferry_cookie){c->finished.cookie, c->finished.cookie_size};
    }
    ferry_confirm(c->domain, cookie, c->flags,
                  cancelled ? FERRY_CANCELLED : FERRY_CONFIRMED,
                  ask(&c->confirmed));
}

void
wait_answer(struct crossing *c, struct answer *answer)
{
    lab_wait(&c->lab, &answer->result.count, 1);
}

void
begin(struct crossing *c)
{
    start_begin(c);
    wait_answer(c, &c->begun);
    assert_succeeded(&c->begun.result);
}

void
prepare(struct crossing *c)
{
    start_prepare(c);
    wait_answer(c, &c->prepared);
    assert_succeeded(&c->prepared.result);
}

void
perform(struct crossing *c)
{
    start_perform(c);
    wait_answer(c, &c->performed);
    assert_succeeded(&c->performed.result);
}

void
finish(struct crossing *c)
{
    start_finish(c, 0);
    wait_answer(c, &c->finished);
    assert_succeeded(&c->finished.result);
}

void
confirm(struct crossing *c)
{
    start_confirm(c, 0);
    wait_answer(c, &c->confirmed);
    assert_succeeded(&c->confirmed.result);
}

void
cancel_finish(struct crossing *c)
{
    start_finish(c, 1);
    wait_answer(c, &c->finished);
    assert_true(error_is_set(&c->finished.result.err));
    assert_null(find_beat(&c->there));
}

void
wait_source(struct crossing *c, enum source_state state)
{
    struct wanted wanted = {&c->here, state};

    lab_wait_for(&c->lab, is_source_there, &wanted);
}

void
wait_destination(struct crossing *c, enum destination_state state)
{
    struct wanted wanted = {&c->there, state};

    lab_wait_for(&c->lab, is_destination_there, &wanted);
}

void
wait_over(struct crossing *c, struct test_host *host)
{
    lab_wait_for(&c->lab, is_over, host);
    if (find_beat(host)) {
        assert_free(find_beat(host));
    }
}

void
assert_stayed(struct crossing *c)
{
    wait_over(c, &c->here);
    assert_int_equal(find_beat(&c->here)->state, DOMAIN_STATE_RUNNING);
    assert_null(find_beat(&c->there));
}

struct qmp_session *
monitor_here(struct crossing *c)
{
    return qemu_process_monitor(find_beat(&c->here)->qemu);
}

static void
done(struct ferry_call *call, const struct ferry_result *result,
     const struct error *err)
{
    struct answer *answer = container_of(call, struct answer, call);

    assert_true((result == NULL) == (err != NULL));
    result_came(&answer->result, err);
    if (result) {
        answer->cookie_size = result->cookie_size;
        answer->cookie = result->cookie_size
                             ? xmemdup(result->cookie, result->cookie_size)
                             : NULL;
        answer->xml = xstrdup_null(result->xml);
        answer->uri = xstrdup_null(result->uri);
        answer->domain = result->domain ? domain_get(result->domain) : NULL;
    }
}

/* As for the first time. */
static struct ferry_call *
ask(struct answer *answer)
{
    answer_done(answer);
    answer->call = (struct ferry_call){
        .client_id = CLIENT,
        .client_name = "a test",
        .api = "remoteDispatchTest",
        .done = done,
    };
    return &answer->call;
}

static void
answer_done(struct answer *answer)
{
    result_done(&answer->result);
    free(answer->cookie);
    free(answer->xml);
    free(answer->uri);
    domain_put(answer->domain);
    *answer = (struct answer){0};
}

static bool
is_source_there(void *owner)
{
    const struct wanted *wanted = owner;
    struct domain *domain = find_beat(wanted->host);
    const struct source *source = domain ? source_find(domain) : NULL;

    return source && source->state == wanted->state;
}

static bool
is_destination_there(void *owner)
{
    const struct wanted *wanted = owner;
    struct domain *domain = find_beat(wanted->host);
    const struct destination *destination =
        domain ? destination_find(domain) : NULL;

    return destination && destination->state == wanted->state;
}

static bool
is_over(void *owner)
{
    struct domain *domain = find_beat(owner);

    return !domain || !domain->migration;
}

/* A guest whose QEMU follows 'script' instead of the one of the set-up. */
void
scripted(void **state, const char *script)
{
    struct crossing *c = *state;
    struct result result = {0};

    lab_script(&c->lab, script);
    domain_destroy(c->domain, result_came, &result);
    lab_wait(&c->lab, &result.count, 1);
    start_guest(&c->here, c->domain);
    lab_script(&c->lab, "");
}

void
go_as_far_as_copying(struct crossing *c)
{
    begin(c);
    prepare(c);
    start_perform(c);
    lab_wait(&c->lab, &c->here.passes, 1);
    wait_source(c, SOURCE_STATE_COPYING);
}

/* Prepares; the destination's QEMU follows 'script'. */
void
prepare_scripted(struct crossing *c, const char *script)
{
    if (!c->is_v2) {
        begin(c);
    }
    lab_script(&c->lab, script);
    prepare(c);
}

/* As a client after a Finish that failed. */
void
go_back(struct crossing *c)
{
    start_confirm(c, 1);
    wait_answer(c, &c->confirmed);
    assert_succeeded(&c->confirmed.result);
    assert_stayed(c);
}

void
assert_finish_fails(struct crossing *c, const char *why)
{
    start_finish(c, 0);
    wait_answer(c, &c->finished);
    assert_failed(&c->finished.result, why);
    assert_null(find_beat(&c->there));
    go_back(c);
}

bool
is_dead(pid_t pid)
{
    return kill(pid, 0) < 0;
}

pid_t
pid_there(struct crossing *c)
{
    return qemu_process_pid(find_beat(&c->there)->qemu);
}
