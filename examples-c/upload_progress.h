/* The progress of upload.c: a bar on a terminal, a line for every tenth elsewhere. */
#ifndef UPLOAD_PROGRESS_H
#define UPLOAD_PROGRESS_H

#include <inttypes.h>
#include <stdio.h>

#include "tus.h"
#include "upload_platform.h"

#define BAR_WIDTH 24
#define DRAW_INTERVAL 0.1 /* seconds between two drawings of the bar */
#define WINDOW_SIZE 50    /* samples that the speed is taken from: the last five seconds */
#define LINE_WIDTH 79     /* of a terminal with 80 columns, the last of which some wrap at */

enum progress_style {
    PROGRESS_NONE,
    PROGRESS_LINES,
    PROGRESS_BAR
};

typedef struct progress_sample {
    double time;
    uint64_t sent;
} progress_sample;

typedef struct progress_view {
    enum progress_style style;
    progress_sample window[WINDOW_SIZE]; /* a ring: the newest overwrites the oldest */
    size_t count;                        /* samples in it */
    size_t next;                         /* where the next one goes */
    uint64_t resumed;                    /* of the previous call */
    double drawn_at;
    int tenths_told;
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

static void take_sample(progress_view *view, double now, uint64_t sent)
{
    view->window[view->next].time = now;
    view->window[view->next].sent = sent;
    view->next = (view->next + 1) % WINDOW_SIZE;
    if (view->count < WINDOW_SIZE)
        view->count++;
}

/* Bytes a second over the window; negative while it is too short to tell. */
static double current_speed(const progress_view *view)
{
    const progress_sample *newest;
    const progress_sample *oldest;

    if (view->count < 2)
        return -1;
    newest = &view->window[(view->next + WINDOW_SIZE - 1) % WINDOW_SIZE];
    oldest = &view->window[(view->next + WINDOW_SIZE - view->count) % WINDOW_SIZE];
    if (newest->time - oldest->time < 0.5)
        return -1;
    return (double)(newest->sent - oldest->sent) / (newest->time - oldest->time);
}

/* Whole percent of what was sent; 100 not before the server has acknowledged everything. */
static int percent_of(const tus_progress *progress)
{
    int percent;

    if (progress->confirmed == progress->total)
        return 100;
    percent = (int)((double)progress->sent / (double)progress->total * 100.0);
    return percent > 99 ? 99 : percent;
}

/* Writes all but the bar: " 47%  30.1 MiB of 64.0 MiB  8.0 MiB/s  0:04 left". */
static void format_numbers(char *text, size_t size, const progress_view *view, const tus_progress *progress)
{
    char sent[24];
    char total[24];
    char speed[24] = "- B";
    char left[24] = "-:--";
    double bytes_per_second = current_speed(view);

    format_bytes(sent, sizeof sent, (double)progress->sent);
    format_bytes(total, sizeof total, (double)progress->total);
    if (bytes_per_second >= 0)
        format_bytes(speed, sizeof speed, bytes_per_second);
    if (bytes_per_second > 0)
        format_duration(left, sizeof left, (double)(progress->total - progress->sent) / bytes_per_second);
    snprintf(text, size, "%3d%%  %s of %s  %s/s  %s left", percent_of(progress), sent, total, speed, left);
}

static void draw_bar(progress_view *view, const tus_progress *progress)
{
    char bar[BAR_WIDTH + 1];
    char numbers[120];
    char line[160];
    int filled = percent_of(progress) * BAR_WIDTH / 100;
    int column;

    for (column = 0; column < BAR_WIDTH; column++)
        bar[column] = column < filled ? '=' : ' ';
    if (filled < BAR_WIDTH)
        bar[filled] = '>';
    bar[BAR_WIDTH] = '\0';

    format_numbers(numbers, sizeof numbers, view, progress);
    snprintf(line, sizeof line, "[%s] %s", bar, numbers);
    fprintf(stderr, "\r%-*.*s", LINE_WIDTH, LINE_WIDTH, line);
    fflush(stderr);
    view->bar_is_visible = 1;
}

static void print_line(progress_view *view, const tus_progress *progress)
{
    char numbers[120];
    int tenths = percent_of(progress) / 10;

    if (tenths <= view->tenths_told)
        return;
    view->tenths_told = tenths;
    format_numbers(numbers, sizeof numbers, view, progress);
    fprintf(stderr, "%s\n", numbers);
}

/* Shows how far the upload is. It is called more often than one can read: after each acknowledged chunk, too. */
static void show_progress(progress_view *view, const tus_progress *progress)
{
    double now = now_seconds();
    int is_last = progress->confirmed == progress->total;

    /* What a server has from an earlier run is learnt with its first answer and was not sent now; and what has to be
     * sent again does not count twice. In both cases the measurement begins anew. */
    if (view->resumed != progress->resumed)
        view->count = 0;
    if (view->count > 0 && progress->sent < view->window[(view->next + WINDOW_SIZE - 1) % WINDOW_SIZE].sent)
        view->count = 0;
    view->resumed = progress->resumed;

    if (view->count > 0 && now - view->drawn_at < DRAW_INTERVAL && !is_last)
        return;
    view->drawn_at = now;
    take_sample(view, now, progress->sent);
    if (view->style == PROGRESS_BAR)
        draw_bar(view, progress);
    else if (view->style == PROGRESS_LINES)
        print_line(view, progress);
}

/* Ends the bar's line, so that what is printed next has one of its own. */
static void end_progress(progress_view *view)
{
    if (view->bar_is_visible)
        fprintf(stderr, "\n");
    view->bar_is_visible = 0;
}

#endif
