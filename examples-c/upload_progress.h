/* The progress of upload.c: a bar on a terminal, a line for every tenth elsewhere. */
#ifndef UPLOAD_PROGRESS_H
#define UPLOAD_PROGRESS_H

#include <inttypes.h>
#include <stdio.h>

#include "tus.h"
#include "upload_platform.h"

#define BAR_WIDTH 24
#define DRAW_INTERVAL 0.1 /* seconds between two drawings of the bar */
#define TELL_INTERVAL 1.0 /* seconds between two lines where there are no tenths */
#define BAR_COLUMNS 79    /* narrower terminals have the numbers alone */

enum progress_style {
    PROGRESS_NONE,
    PROGRESS_LINES,
    PROGRESS_BAR
};

typedef struct progress_view {
    enum progress_style style;
    int has_begun;
    double drawn_at;
    double told_at;
    int tenths_told;
    uint64_t retries_told;
    int bar_is_visible;
} progress_view;

/* Writes a number of bytes as people read it: "12.3 MiB". */
static void format_bytes(char *text, size_t size, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;

    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1024;
        unit++;
    }
    snprintf(text, size, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

/* Writes a duration: "1:05", "2:00:00". */
static void format_duration(char *text, size_t size, double seconds)
{
    unsigned long whole = (unsigned long)(seconds + 0.5);

    if (seconds >= 100.0 * 3600.0)
        snprintf(text, size, "days");
    else if (whole >= 3600)
        snprintf(text, size, "%lu:%02lu:%02lu", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(text, size, "%lu:%02lu", whole / 60, whole % 60);
}

/* Whole percent of what was sent; 100 not before the server has acknowledged everything. */
static int percent_of(const tus_progress *progress)
{
    int percent;

    if (progress->confirmed == progress->total)
        return 100;
    if (progress->total == TUS_SIZE_UNKNOWN)
        return 0;
    percent = (int)((double)progress->sent / (double)progress->total * 100.0);
    return percent > 99 ? 99 : percent;
}

/* What an upload that does not move waits for, or NULL. Later versions of the library may know more reasons. */
static const char *waits_for(const tus_progress *progress)
{
    switch (progress->waiting) {
    case TUS_WAITING_NOT: return NULL;
    case TUS_WAITING_RETRY_AFTER: return "the server asks to wait";
    case TUS_WAITING_LOCK: return "the upload is locked";
    case TUS_WAITING_ASSEMBLY: return "the server joins the parts";
    default: return "waiting to try again";
    }
}

/* Writes all but the bar: " 47%  30.1 MiB of 64.0 MiB  8.0 MiB/s  0:04 left", or what is known of it; while nothing moves
 * " 47%  tries failed: 2, waiting to try again". */
static void format_numbers(char *text, size_t size, const tus_progress *progress)
{
    char sent[24];
    char total[24];
    char speed[24];
    char left[24] = "-:--";
    const char *reason = waits_for(progress);

    if (reason != NULL) {
        if (progress->total == TUS_SIZE_UNKNOWN)
            snprintf(text, size, "tries failed: %" PRIu64 ", %s", progress->retries, reason);
        else
            snprintf(text, size, "%3d%%  tries failed: %" PRIu64 ", %s", percent_of(progress), progress->retries, reason);
        return;
    }
    format_bytes(sent, sizeof sent, (double)progress->sent);
    format_bytes(speed, sizeof speed, progress->speed);
    if (progress->total == TUS_SIZE_UNKNOWN) {
        snprintf(text, size, "%s  %s/s", sent, speed);
        return;
    }
    format_bytes(total, sizeof total, (double)progress->total);
    if (progress->eta_ms != UINT64_MAX)
        format_duration(left, sizeof left, (double)progress->eta_ms / 1000.0);
    snprintf(text, size, "%3d%%  %s of %s  %s/s  %s left", percent_of(progress), sent, total, speed, left);
}

static void draw_bar(progress_view *view, const tus_progress *progress)
{
    char bar[BAR_WIDTH + 1];
    char numbers[120];
    char line[160];
    /* Some terminals wrap at the last column. A line that wraps is one that is never drawn over. */
    int width = terminal_columns() - 1;
    int filled = percent_of(progress) * BAR_WIDTH / 100;
    int column;

    for (column = 0; column < BAR_WIDTH; column++)
        bar[column] = column < filled ? '=' : ' ';
    if (filled < BAR_WIDTH)
        bar[filled] = '>';
    bar[BAR_WIDTH] = '\0';

    format_numbers(numbers, sizeof numbers, progress);
    if (progress->total == TUS_SIZE_UNKNOWN || width < BAR_COLUMNS)
        snprintf(line, sizeof line, "%s", numbers);
    else
        snprintf(line, sizeof line, "[%s] %s", bar, numbers);
    if (width >= (int)sizeof line)
        width = (int)sizeof line - 1;
    fprintf(stderr, "\r%-*.*s", width, width, line);
    fflush(stderr);
    view->bar_is_visible = 1;
}

static void print_line(progress_view *view, const tus_progress *progress, double now)
{
    char numbers[120];
    int tenths = percent_of(progress) / 10;
    int is_due = tenths > view->tenths_told;
    int is_retry = progress->retries > view->retries_told && progress->waiting != TUS_WAITING_NOT;

    if (progress->total == TUS_SIZE_UNKNOWN)
        is_due = now - view->told_at >= TELL_INTERVAL;
    if (!is_due && !is_retry)
        return;
    view->retries_told = progress->retries;
    view->told_at = now;
    view->tenths_told = tenths;
    format_numbers(numbers, sizeof numbers, progress);
    fprintf(stderr, "%s\n", numbers);
}

/* Shows how far the upload is. It is called more often than one can read: after each acknowledged chunk, too. Only the end
 * and a wait are shown at once. */
static void show_progress(progress_view *view, const tus_progress *progress)
{
    double now = now_seconds();

    if (view->has_begun && now - view->drawn_at < DRAW_INTERVAL && progress->confirmed != progress->total
        && progress->waiting == TUS_WAITING_NOT)
        return;
    if (!view->has_begun)
        view->told_at = now;
    view->has_begun = 1;
    view->drawn_at = now;
    if (view->style == PROGRESS_BAR)
        draw_bar(view, progress);
    else if (view->style == PROGRESS_LINES)
        print_line(view, progress, now);
}

/* Ends the bar's line, so that what is printed next has one of its own. */
static void end_progress(progress_view *view)
{
    if (view->bar_is_visible)
        fprintf(stderr, "\n");
    view->bar_is_visible = 0;
}

#endif
