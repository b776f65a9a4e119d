/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli/progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "cli/output.h"

static uint64_t
number(const struct vmferry_values *values, const char *name)
{
    uint64_t value = 0;

    vmferry_values_number(values, name, &value);
    return value;
}

void
copy_numbers_read(const struct vmferry_values *statistics,
                  struct copy_numbers *numbers)
{
    uint64_t page_size = number(statistics, "memory_page_size");

    *numbers = (struct copy_numbers){
        .total_bytes = number(statistics, "data_total"),
        .processed_bytes = number(statistics, "data_processed"),
        .remaining_bytes = number(statistics, "data_remaining"),
        .rate =
            number(statistics, "memory_bps") + number(statistics, "disk_bps"),
        .dirty_rate = number(statistics, "memory_dirty_rate") *
                      (page_size ? page_size : 4096),
        .iteration = number(statistics, "memory_iteration"),
        .downtime_ms = number(statistics, "downtime"),
    };
}

__attribute__((format(printf, 2, 3))) static void
add(char text[PROGRESS_SIZE], const char *format, ...)
{
    size_t length = strlen(text);
    va_list args;

    va_start(args, format);
    vsnprintf(text + length, PROGRESS_SIZE - length, format, args);
    va_end(args);
}

/* What is left takes as long as sending it, and again what is written in the
 * meantime, and so on: remaining / (rate - dirty rate). */
static void
add_eta(char text[PROGRESS_SIZE], const struct copy_numbers *numbers)
{
    char amount[AMOUNT_SIZE];
    double seconds;

    if (numbers->rate == 0 || numbers->remaining_bytes == 0) {
        return;
    }
    if (numbers->dirty_rate >= numbers->rate) {
        add(text, "  no end in sight: the guest writes faster");
        return;
    }
    seconds = (double)numbers->remaining_bytes /
              (double)(numbers->rate - numbers->dirty_rate);
    if (seconds < 100.0 * 3600) {
        add(text, "  %s left", format_time((int64_t)(seconds * 1e6), amount));
    }
}

const char *
progress_line(const struct copy_numbers *numbers, char text[PROGRESS_SIZE])
{
    char amount[AMOUNT_SIZE];

    strcpy(text, "perform");
    if (numbers->total_bytes > 0) {
        uint64_t done = numbers->remaining_bytes < numbers->total_bytes
                            ? numbers->total_bytes - numbers->remaining_bytes
                            : 0;

        add(text, " %3.0f%%",
            100.0 * (double)done / (double)numbers->total_bytes);
        add(text, "  %s of", format_bytes(done, amount));
        add(text, " %s", format_bytes(numbers->total_bytes, amount));
    }
    if (numbers->rate > 0) {
        add(text, "  %s/s", format_bytes(numbers->rate, amount));
    }
    if (numbers->dirty_rate > 0) {
        add(text, "  written %s/s", format_bytes(numbers->dirty_rate, amount));
    }
    if (numbers->iteration > 1) {
        add(text, "  pass %" PRIu64, numbers->iteration);
    }
    if (numbers->downtime_ms > 0) {
        add(text, "  blackout ~%" PRIu64 " ms", numbers->downtime_ms);
    }
    add_eta(text, numbers);
    return text;
}

const char *
phase_meaning(enum vmferry_phase phase, bool is_stopping)
{
    switch (phase) {
    case VMFERRY_PHASE_CONNECT:
        return "the hosts are asked what they can";
    case VMFERRY_PHASE_BEGIN:
        return is_stopping ? "stopping: nothing was changed yet"
                           : "the source locks and describes the guest";
    case VMFERRY_PHASE_PREPARE:
        return is_stopping ? "stopping: the destination is heard out"
                           : "the destination makes room";
    case VMFERRY_PHASE_PERFORM:
        return is_stopping ? "stopping: the source is told to keep the guest"
                           : "the guest is copied";
    case VMFERRY_PHASE_FINISH:
        return is_stopping ? "the destination forgets the guest"
                           : "the destination takes the guest over";
    case VMFERRY_PHASE_CONFIRM:
        return is_stopping ? "the source has the guest back"
                           : "the source lets go of the guest";
    case VMFERRY_PHASE_COUNT:
        break;
    }
    return "";
}

/* What the completed job says; any part may be missing. */
static void
print_statistics(FILE *file, const struct vmferry_values *statistics)
{
    char amount[AMOUNT_SIZE];
    uint64_t downtime;
    uint64_t bytes;
    uint64_t passes;

    if (vmferry_values_number(statistics, "downtime", &downtime)) {
        fprintf(file, "  blackout  %-10s the guest stood still, as it saw it\n",
                format_time((int64_t)downtime * 1000, amount));
    }
    if (vmferry_values_number(statistics, "data_processed", &bytes)) {
        fprintf(file, "  sent      %-10s", format_bytes(bytes, amount));
        if (vmferry_values_number(statistics, "data_total", &bytes)) {
            fprintf(file, " of %s", format_bytes(bytes, amount));
        }
        if (vmferry_values_number(statistics, "memory_iteration", &passes)) {
            fprintf(file, " in %" PRIu64 " %s", passes,
                    passes == 1 ? "pass" : "passes");
        }
        fputc('\n', file);
    }
}

void
report_print(FILE *file, const char *destination,
             const struct vmferry_report *report)
{
    char amount[AMOUNT_SIZE];

    fprintf(file, "%s is now on %s", report->name, destination);
    if (report->state) {
        fprintf(file, ", %s", vmferry_state_name(report->state));
    }
    fputc('\n', file);
    for (int i = 0; i < VMFERRY_PHASE_COUNT; i++) {
        fprintf(file, "  %-8s  %-10s %s\n",
                vmferry_phase_name((enum vmferry_phase)i),
                format_time(report->phase_us[i], amount),
                phase_meaning((enum vmferry_phase)i, false));
    }
    fprintf(file, "  total     %s\n", format_time(report->total_us, amount));
    if (report->statistics) {
        print_statistics(file, report->statistics);
    }
}
