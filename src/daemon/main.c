/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* vmferryd: starts, serves until it is told to stop, and leaves the guests
 * running. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/memory.h"
#include "daemon/client.h"
#include "daemon/console.h"
#include "daemon/config.h"
#include "daemon/event.h"
#include "domain/domain_change.h"
#include "ferry/ferry.h"
#include "ferry/ledger.h"
#include "io/failpoint.h"
#include "qemu/capabilities.h"
#include "state/store.h"

enum { POOL_THREADS = 4, OPTION_FIRST = 256 };

/* What main() sets up, in this order, and takes down in the other. */
struct service {
    struct daemon daemon;
    struct config config;
    struct qemu_capabilities_cache *cache;
    struct signal_watch signals[4];
    int lock_fd;
    bool is_failed;
};

static int read_options(struct config *config, int argc, char **argv);
static void help(void);
static int start(struct service *service, struct error *err);
static int lock_runtime_dir(struct service *service, struct error *err);
static int watch_signals(struct service *service, struct error *err);
static void fill_settings(struct service *service);
static void qemu_known(void *owner, const struct qemu_capabilities *caps,
                       const struct error *err);
static int serve(struct service *service, const struct qemu_capabilities *caps,
                 struct error *err);
static int listen_at(struct service *service, const char *text,
                     struct listener **listener, struct error *err);
static void accepted(void *owner, int fd);
static void caught(void *owner, int signal);
static void stop(struct service *service);

int
main(int argc, char **argv)
{
    struct service service = {.lock_fd = -1};
    AUTO_ERROR err = {0};
    int status = EXIT_SUCCESS;

    setvbuf(stderr, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    config_init(&service.config);
    if (read_options(&service.config, argc, argv) < 0) {
        config_done(&service.config);
        return EXIT_FAILURE;
    }
    log_set_level(service.config.log_level);
    failpoints_start();
    host_init(&service.daemon.host);
    list_init(&service.daemon.clients);
    list_init(&service.daemon.consoles);
    if (start(&service, &err) < 0 || loop_run(service.daemon.loop, &err) < 0) {
        log_line(LOG_LEVEL_ERROR, NULL, "%s", err.message);
        status = EXIT_FAILURE;
    }
    stop(&service);
    return service.is_failed ? EXIT_FAILURE : status;
}

/* The configuration file is read first, so that options win. */
static int
read_options(struct config *config, int argc, char **argv)
{
    struct option options[64] = {
        {"help",    no_argument,       NULL, 'h'},
        {"version", no_argument,       NULL, 'V'},
        {"config",  required_argument, NULL, 'c'},
    };
    unsigned count = 3;
    AUTO_ERROR err = {0};
    int option;

    for (unsigned i = 0; config_key_at(i); i++) {
        options[count++] =
            (struct option){config_key_at(i)->name, required_argument, NULL,
                            OPTION_FIRST + (int)i};
    }
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            help();
            exit(EXIT_SUCCESS);
        } else if (option == 'V') {
            puts("vmferryd " VMFERRY_VERSION);
            exit(EXIT_SUCCESS);
        } else if (option == '?' ||
                   (option == 'c' && config_read(config, optarg, &err) < 0)) {
            break;
        }
    }
    if (option == -1 && optind < argc) {
        fprintf(stderr, "vmferryd: '%s' is not an option\n", argv[optind]);
        return -1;
    }
    optind = 0;
    while (option == -1 || option == 0) {
        option = getopt_long(argc, argv, "h", options, NULL);
        if (option == -1) {
            return 0;
        }
        if (option >= OPTION_FIRST &&
            config_set(config,
                       config_key_at((unsigned)(option - OPTION_FIRST))->name,
                       optarg, &err) < 0) {
            error_wrap(&err, "option");
            break;
        }
        option = 0;
    }
    if (error_is_set(&err)) {
        fprintf(stderr, "vmferryd: %s\n", err.message);
    } else {
        fputs("Try 'vmferryd --help'.\n", stderr);
    }
    return -1;
}

static void
help(void)
{
    AUTO_FREE char *keys = config_help();

    printf("Usage: vmferryd [OPTION]...\n"
           "Moves running QEMU guests from and to this host.\n\n"
           "  --config FILE\n      Configuration: lines of 'key = value', with"
           " the options' names as keys.\n%s"
           "  --help\n  --version\n",
           keys);
}

static int
start(struct service *service, struct error *err)
{
    struct daemon *daemon = &service->daemon;
    struct config *config = &service->config;

    if (config_complete(config, geteuid() == 0, err) < 0 ||
        lock_runtime_dir(service, err) < 0) {
        return -1;
    }
    daemon->config = config;
    daemon->loop = loop_new(err);
    if (!daemon->loop || watch_signals(service, err) < 0) {
        return -1;
    }
    daemon->pool = pool_new(daemon->loop, POOL_THREADS, err);
    if (!daemon->pool) {
        return -1;
    }
    fill_settings(service);
    service->cache =
        qemu_capabilities_cache_new(daemon->loop, config->state_dir);
    qemu_capabilities_get(service->cache, config->qemu_binary, qemu_known,
                          service);
    return 0;
}

/* The lock goes with the process, however that ends. */
static int
lock_runtime_dir(struct service *service, struct error *err)
{
    AUTO_FREE char *path =
        xasprintf("%s/vmferryd.lock", service->config.runtime_dir);

    service->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (service->lock_fd < 0) {
        return error_set_errno(err, errno, "opening %s", path);
    }
    if (flock(service->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        return error_set(err, ERROR_RESOURCE_BUSY,
                         "another vmferryd uses %s: give this one its own"
                         " --runtime-dir and --state-dir",
                         service->config.runtime_dir);
    }
    return 0;
}

static int
watch_signals(struct service *service, struct error *err)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        if (signal_watch_start(&service->signals[i], service->daemon.loop,
                               numbers[i], caught, service, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static void
fill_settings(struct service *service)
{
    const struct config *config = &service->config;
    struct host *host = &service->daemon.host;

    host->loop = service->daemon.loop;
    host->pool = service->daemon.pool;
    host->observer = &event_observer;
    host->observer_owner = &service->daemon;
    host->settings = (struct host_settings){
        .runtime_dir = config->runtime_dir,
        .state_dir = config->state_dir,
        .name = config->host_name,
        .uuid = config->host_uuid,
        .migration_address = config->migration_address,
        .peer_uri = config->peer_uri,
        .migration_port_first = config->migration_ports.first,
        .migration_port_last = config->migration_ports.last,
        .shared_filesystems = config->shared_filesystems,
        .qemu_binary = config->qemu_binary,
        .is_privileged = geteuid() == 0,
        .job_timeout_ms = (int64_t)config->job_timeout * 1000,
        .qemu_timeout_ms = (int64_t)config->qemu_timeout * 1000,
        .begin_timeout_ms = (int64_t)config->begin_timeout * 1000,
        .incoming_timeout_ms = (int64_t)config->incoming_timeout * 1000,
        .monitor_timeout_ms = (int64_t)config->monitor_timeout * 1000,
        .stall_timeout_ms = (int64_t)config->stall_timeout * 1000,
        .switchover_timeout_ms = (int64_t)config->switchover_timeout * 1000,
        .peer_timeout_ms = (int64_t)config->peer_timeout * 1000,
        .rejoin_timeout_ms = (int64_t)config->rejoin_timeout * 1000,
        .peer_keepalive_interval_s = (int)config->peer_keepalive_interval,
        .peer_keepalive_count = (unsigned)config->peer_keepalive_count,
    };
}

static void
qemu_known(void *owner, const struct qemu_capabilities *caps,
           const struct error *failed)
{
    struct service *service = owner;
    AUTO_ERROR err = {0};

    if (failed) {
        error_copy(&err, failed);
        error_wrap(&err, "asking %s what it can do",
                   service->config.qemu_binary);
    } else if (serve(service, caps, &err) == 0) {
        return;
    }
    log_line(LOG_LEVEL_ERROR, NULL, "%s", err.message);
    service->is_failed = true;
    loop_stop(service->daemon.loop);
}

static int
serve(struct service *service, const struct qemu_capabilities *caps,
      struct error *err)
{
    struct daemon *daemon = &service->daemon;
    const struct config *config = &service->config;

    daemon->host.qemu = caps;
    ledger_clean(&daemon->host);
    if (domain_restore_all(&daemon->host, ferry_restore, err) < 0) {
        return -1;
    }
    if (config->listen_tcp && listen_at(service, config->listen_tcp,
                                        &daemon->tcp_listener, err) < 0) {
        return -1;
    }
    /* Last: whoever has waited for it finds everything. */
    if (listen_at(service, config->listen_unix, &daemon->unix_listener, err) <
        0) {
        return -1;
    }
    domain_autostart_all(&daemon->host);
    log_line(LOG_LEVEL_INFO, NULL,
             "vmferryd %s on host %s, QEMU %u.%u.%u: ready at %s%s%s",
             VMFERRY_VERSION, config->host_name, caps->major, caps->minor,
             caps->micro, config->listen_unix,
             config->listen_tcp ? " and " : "",
             config->listen_tcp ? config->listen_tcp : "");
    sd_notify(0, "READY=1");
    return 0;
}

static int
listen_at(struct service *service, const char *text, struct listener **listener,
          struct error *err)
{
    struct socket_address address = {0};

    if (socket_address_parse(text, &address, err) < 0) {
        return -1;
    }
    *listener = listener_new(service->daemon.loop, &address, accepted,
                             &service->daemon, err);
    socket_address_done(&address);
    return *listener ? 0 : -1;
}

static void
accepted(void *owner, int fd)
{
    client_new(owner, fd);
}

static void
caught(void *owner, int signal)
{
    struct service *service = owner;

    if (signal == SIGTERM || signal == SIGINT) {
        log_line(LOG_LEVEL_INFO, NULL, "stopping; guests go on");
        sd_notify(0, "STOPPING=1");
        loop_stop(service->daemon.loop);
        return;
    }
    log_line(LOG_LEVEL_INFO, NULL, "signal %d (%s) means nothing here", signal,
             strsignal(signal));
}

static void
stop(struct service *service)
{
    struct daemon *daemon = &service->daemon;

    /* Their migrations go on in QEMU, and are found again by their records:
     * clients are let go without a clean-up. */
    clients_abandon(daemon);
    consoles_abandon(daemon);
    listener_free(daemon->unix_listener);
    listener_free(daemon->tcp_listener);
    ferry_stop(&daemon->host);
    host_done(&daemon->host);
    ferry_done(&daemon->host);
    if (service->cache) {
        qemu_capabilities_cache_free(service->cache);
    }
    for (size_t i = 0; i < ARRAY_COUNT(service->signals); i++) {
        signal_watch_stop(&service->signals[i]);
    }
    if (daemon->pool) {
        pool_free(daemon->pool);
    }
    if (daemon->loop) {
        loop_free(daemon->loop);
    }
    config_done(&service->config);
    if (service->lock_fd >= 0) {
        close(service->lock_fd);
    }
}
