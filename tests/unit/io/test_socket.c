/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/socket.h"

/* A folder, a loop with a pool, what a listener accepted, what came of an
 * attempt to connect. */
struct world {
    char folder[32];
    char path[64];
    struct loop *loop;
    struct pool *pool;
    struct listener *listener;
    struct connect_attempt *attempt;
    int accepted;
    bool is_accepted;
    bool frees_listener;
    int connected;
    bool is_done;
    bool frees_attempt;
    struct error err;
};

static int
set_up(void **state)
{
    struct world *world = xcalloc(1, sizeof *world);
    AUTO_ERROR err = {0};

    strcpy(world->folder, "/tmp/test-socket-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    snprintf(world->path, sizeof world->path, "%s/sock", world->folder);
    world->loop = test_loop_new();
    world->pool = pool_new(world->loop, 1, &err);
    world->accepted = world->connected = -1;
    *state = world;
    return 0;
}

static int
tear_down(void **state)
{
    struct world *world = *state;

    connect_attempt_free(world->attempt);
    listener_free(world->listener);
    pool_free(world->pool);
    loop_free(world->loop);
    close_ref(&world->accepted);
    close_ref(&world->connected);
    error_clear(&world->err);
    unlink(world->path);
    assert_int_equal(rmdir(world->folder), 0);
    free(world);
    return 0;
}

static void
note_accepted(void *owner, int fd)
{
    struct world *world = owner;

    close_ref(&world->accepted);
    world->accepted = fd;
    world->is_accepted = true;
    if (world->frees_listener) {
        listener_free(STEAL(world->listener));
    }
}

static void
note_done(void *owner, int fd, const struct error *err)
{
    struct world *world = owner;

    assert_false(world->is_done);
    assert_int_equal(fd < 0, err != NULL);
    world->connected = fd;
    world->is_done = true;
    if (err) {
        error_copy(&world->err, err);
    }
    if (world->frees_attempt) {
        connect_attempt_free(STEAL(world->attempt));
    }
}

static struct socket_address
parse(const char *text)
{
    struct socket_address address = {0};
    AUTO_ERROR err = {0};

    if (socket_address_parse(text, &address, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return address;
}

static void
listen_at(struct world *world, const char *text)
{
    struct socket_address address = parse(text);
    AUTO_ERROR err = {0};

    world->listener =
        listener_new(world->loop, &address, note_accepted, world, &err);
    if (!world->listener) {
        fail_msg("%s", err.message);
    }
    socket_address_done(&address);
}

static void
connect_to(struct world *world, const char *text, int64_t timeout_ms)
{
    struct socket_address address = parse(text);

    world->attempt = socket_connect(world->loop, world->pool, &address,
                                    timeout_ms, note_done, world);
    socket_address_done(&address);
    assert_false(world->is_done);
}

static void
assert_not_listening(struct world *world, int errnum)
{
    struct socket_address address = {.path = world->path};
    AUTO_ERROR err = {0};

    assert_int_equal(socket_listen(&address, &err), -1);
    assert_int_equal(err.errnum, errnum);
}

static mode_t
mode_of(const char *path)
{
    struct stat file;

    assert_int_equal(lstat(path, &file), 0);
    return file.st_mode & 07777;
}

static void
an_address_is_read_and_written_back(void **state)
{
    static const char *const texts[] = {
        "host:16509", "10.0.0.1:0",  "[::1]:65535",
        ":16509",     "/run/x/sock", "[fe80::1%eth0]:1",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        struct socket_address address = parse(texts[i]);
        AUTO_FREE char *text = socket_address_format(&address);

        assert_string_equal(text, texts[i]);
        socket_address_done(&address);
        socket_address_done(&address);
    }
}

static void
an_address_that_is_none_is_refused(void **state)
{
    static const char *const texts[] = {
        "",        "host",    "host:",      "host:65536", "host:-1",
        "host:1x", "::1:80",  "[::1]",      "[]:80",      "[::1:80",
        "::1]:80", "a[b]:80", "[[::1]]:80", "host: 1",    "relative/path",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        struct socket_address address = {0};
        AUTO_ERROR err = {0};

        if (socket_address_parse(texts[i], &address, &err) == 0) {
            fail_msg("'%s' was taken", texts[i]);
        }
        assert_int_equal(err.code, ERROR_INVALID_ARG);
        assert_null(address.host);
    }
}

static void
a_path_that_is_too_long_for_a_socket_is_refused(void **state)
{
    struct socket_address address = {0};
    AUTO_ERROR err = {0};
    char path[200];

    (void)state;
    memset(path, 'x', sizeof path - 1);
    path[0] = '/';
    path[108] = '\0';
    assert_int_equal(socket_address_parse(path, &address, &err), -1);
    error_clear(&err);
    address.path = path;
    assert_int_equal(socket_listen(&address, &err), -1);
    assert_int_equal(err.errnum, ENAMETOOLONG);
    path[107] = '\0';
    address = parse(path);
    socket_address_done(&address);
}

static void
a_unix_socket_connects_and_names_its_peer(void **state)
{
    struct world *world = *state;
    AUTO_FREE char *wanted = xasprintf("pid %d uid %u", getpid(), getuid());
    AUTO_FREE char *name = NULL;

    listen_at(world, world->path);
    connect_to(world, world->path, PATIENCE_MS);
    run_until(world->loop, &world->is_accepted);
    run_until(world->loop, &world->is_done);
    name = socket_peer_name(world->accepted);
    assert_string_equal(name, wanted);
    assert_true(fcntl(world->accepted, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(world->accepted, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(world->connected, F_GETFD) & FD_CLOEXEC);
}

static void
a_socket_file_is_private_unless_told_otherwise(void **state)
{
    struct world *world = *state;
    struct socket_address address = {.path = world->path};
    mode_t before = umask(0);
    AUTO_ERROR err = {0};

    close(socket_listen(&address, &err));
    assert_int_equal(mode_of(world->path), 0600);
    umask(0077);
    address.mode = 0666;
    close(socket_listen(&address, &err));
    assert_int_equal(mode_of(world->path), 0666);
    umask(before);
}

static void
a_live_socket_is_not_taken_over(void **state)
{
    struct world *world = *state;

    listen_at(world, world->path);
    assert_not_listening(world, EADDRINUSE);
    assert_int_equal(access(world->path, F_OK), 0);
}

static void
a_live_socket_with_a_full_queue_is_not_taken_over(void **state)
{
    struct world *world = *state;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int listening = socket(AF_UNIX, SOCK_STREAM, 0);
    int first = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(name.sun_path, world->path);
    bind(listening, (struct sockaddr *)&name, sizeof name);
    listen(listening, 0);
    connect(first, (struct sockaddr *)&name, sizeof name);
    assert_not_listening(world, EADDRINUSE);
    close(first);
    close(listening);
}

static void
a_stale_socket_is_replaced(void **state)
{
    struct world *world = *state;
    struct socket_address address = {.path = world->path};
    AUTO_ERROR err = {0};

    close(socket_listen(&address, &err));
    assert_int_equal(access(world->path, F_OK), 0);
    listen_at(world, world->path);
    connect_to(world, world->path, PATIENCE_MS);
    run_until(world->loop, &world->is_accepted);
}

static void
a_file_that_is_no_socket_is_left_alone(void **state)
{
    struct world *world = *state;

    close(open(world->path, O_CREAT | O_WRONLY, 0600));
    assert_not_listening(world, EADDRINUSE);
    assert_int_equal(access(world->path, F_OK), 0);
}

static void
a_listener_removes_its_file_but_no_other(void **state)
{
    struct world *world = *state;

    listen_at(world, world->path);
    listener_free(STEAL(world->listener));
    assert_int_equal(access(world->path, F_OK), -1);
    listen_at(world, world->path);
    unlink(world->path);
    close(open(world->path, O_CREAT | O_WRONLY, 0600));
    listener_free(STEAL(world->listener));
    assert_int_equal(access(world->path, F_OK), 0);
}

static void
a_listener_may_be_freed_when_it_accepts(void **state)
{
    struct world *world = *state;

    listen_at(world, world->path);
    world->frees_listener = true;
    world->frees_attempt = true;
    connect_to(world, world->path, PATIENCE_MS);
    run_until(world->loop, &world->is_accepted);
    run_until(world->loop, &world->is_done);
    run_until_idle(world->loop);
    assert_null(world->listener);
    assert_null(world->attempt);
}

static void
a_listener_goes_on_after_descriptors_ran_out(void **state)
{
    struct world *world = *state;
    struct rlimit before, none;

    listen_at(world, world->path);
    connect_to(world, world->path, PATIENCE_MS);
    getrlimit(RLIMIT_NOFILE, &before);
    /* The client's socket must be had before. */
    while (!world->is_done) {
        AUTO_ERROR err = {0};

        none = before;
        none.rlim_cur = 0;
        assert_int_equal(loop_step(world->loop, 1000, &err), 0);
        setrlimit(RLIMIT_NOFILE, &none);
        run_until_idle(world->loop);
        assert_false(world->is_accepted);
        setrlimit(RLIMIT_NOFILE, &before);
    }
    run_until(world->loop, &world->is_accepted);
}

static void
tcp_connects_by_number_and_by_name(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    struct world *world = *state;

    listen_at(world, "127.0.0.1:0");
    for (size_t i = 0; i < ARRAY_COUNT(hosts); i++) {
        AUTO_FREE char *address =
            xasprintf("%s:%u", hosts[i], listener_port(world->listener));
        AUTO_FREE char *name = NULL;

        world->is_accepted = world->is_done = false;
        connect_to(world, address, PATIENCE_MS);
        run_until(world->loop, &world->is_done);
        run_until(world->loop, &world->is_accepted);
        assert_true(world->connected >= 0);
        name = socket_peer_name(world->connected);
        assert_non_null(strstr(name, "127.0.0.1:"));
        close(STEAL_FD(world->connected));
        connect_attempt_free(STEAL(world->attempt));
    }
}

static void
listening_anywhere_takes_ipv4_and_names_it_so(void **state)
{
    struct world *world = *state;
    AUTO_FREE char *address = NULL;
    AUTO_FREE char *name = NULL;

    listen_at(world, ":0");
    address = xasprintf("127.0.0.1:%u", listener_port(world->listener));
    connect_to(world, address, PATIENCE_MS);
    run_until(world->loop, &world->is_accepted);
    name = socket_peer_name(world->accepted);
    assert_int_equal(strncmp(name, "127.0.0.1:", 10), 0);
}

static void
a_refused_connection_says_where_and_why(void **state)
{
    struct world *world = *state;
    AUTO_FREE char *address = NULL;
    AUTO_FREE char *wanted = NULL;

    listen_at(world, "127.0.0.1:0");
    address = xasprintf("127.0.0.1:%u", listener_port(world->listener));
    listener_free(STEAL(world->listener));
    wanted = xasprintf(
        "unable to connect to server at '%s': Connection refused", address);
    connect_to(world, address, PATIENCE_MS);
    run_until(world->loop, &world->is_done);
    assert_string_equal(world->err.message, wanted);
    assert_int_equal(world->err.errnum, ECONNREFUSED);
}

static void
a_missing_unix_socket_says_which(void **state)
{
    struct world *world = *state;
    AUTO_FREE char *wanted =
        xasprintf("Failed to connect socket to '%s': No such file or directory",
                  world->path);

    connect_to(world, world->path, PATIENCE_MS);
    run_until(world->loop, &world->is_done);
    assert_string_equal(world->err.message, wanted);
}

/* Full queues: nobody accepts. */
static int
fill(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    strcpy(name.sun_path, path);
    assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof name), 0);
    return fd;
}

static void
a_full_queue_is_waited_for_until_the_timeout(void **state)
{
    struct world *world = *state;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int listening = socket(AF_UNIX, SOCK_STREAM, 0);
    int first;

    strcpy(name.sun_path, world->path);
    bind(listening, (struct sockaddr *)&name, sizeof name);
    listen(listening, 0);
    first = fill(world->path);
    connect_to(world, world->path, 50);
    run_until(world->loop, &world->is_done);
    assert_int_equal(world->err.errnum, ETIMEDOUT);

    error_clear(&world->err);
    world->is_done = false;
    connect_attempt_free(STEAL(world->attempt));
    connect_to(world, world->path, PATIENCE_MS);
    run_until_idle(world->loop);
    assert_false(world->is_done);
    close(accept(listening, NULL, NULL));
    run_until(world->loop, &world->is_done);
    assert_true(world->connected >= 0);
    close(first);
    close(listening);
}

static void
a_name_that_does_not_exist_is_an_error(void **state)
{
    struct world *world = *state;

    /* RFC 6761: never resolves. */
    connect_to(world, "host.invalid:1", PATIENCE_MS);
    run_until(world->loop, &world->is_done);
    assert_non_null(strstr(world->err.message,
                           "Unable to resolve address 'host.invalid' "
                           "service '1': "));
}

static void
an_attempt_may_be_freed_at_any_time(void **state)
{
    struct world *world = *state;

    listen_at(world, "127.0.0.1:0");
    for (int steps = 0; steps < 4; steps++) {
        AUTO_FREE char *address =
            xasprintf("localhost:%u", listener_port(world->listener));
        AUTO_ERROR err = {0};

        world->is_done = false;
        connect_to(world, address, PATIENCE_MS);
        for (int i = 0; i < steps && !world->is_done; i++) {
            assert_int_equal(loop_step(world->loop, 1000, &err), 0);
        }
        close_ref(&world->connected);
        world->connected = -1;
        connect_attempt_free(STEAL(world->attempt));
    }
    world->is_done = false;
    run_until_idle(world->loop);
    assert_false(world->is_done);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_address_is_read_and_written_back),
        TEST(an_address_that_is_none_is_refused),
        TEST(a_path_that_is_too_long_for_a_socket_is_refused),
        TEST(a_unix_socket_connects_and_names_its_peer),
        TEST(a_socket_file_is_private_unless_told_otherwise),
        TEST(a_live_socket_is_not_taken_over),
        TEST(a_live_socket_with_a_full_queue_is_not_taken_over),
        TEST(a_stale_socket_is_replaced),
        TEST(a_file_that_is_no_socket_is_left_alone),
        TEST(a_listener_removes_its_file_but_no_other),
        TEST(a_listener_may_be_freed_when_it_accepts),
        TEST(a_listener_goes_on_after_descriptors_ran_out),
        TEST(tcp_connects_by_number_and_by_name),
        TEST(listening_anywhere_takes_ipv4_and_names_it_so),
        TEST(a_refused_connection_says_where_and_why),
        TEST(a_missing_unix_socket_says_which),
        TEST(a_full_queue_is_waited_for_until_the_timeout),
        TEST(a_name_that_does_not_exist_is_an_error),
        TEST(an_attempt_may_be_freed_at_any_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
