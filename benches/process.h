/* What the C programs of the benchmark share: how they end, and how they look at themselves. */
#ifndef PROCESS_H
#define PROCESS_H

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FORMAT(at) __attribute__((format(printf, at, at + 1), unused))

/* Ends the program with a line that says why. */
FORMAT(1) __attribute__((noreturn)) static void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static uint64_t nanoseconds(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0) die("clock_gettime failed");
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A number from /proc/self/status, without memory of our own that would show in it. */
static unsigned long status_number(const char *field)
{
    static char text[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (length <= 0) die("/proc/self/status cannot be read");
    close(fd);
    text[length] = 0;
    const char *line = strstr(text, field);
    if (!line) die("/proc/self/status has no %s", field);
    return strtoul(line + strlen(field), NULL, 10);
}

static uint64_t number(const char *text)
{
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (!*text || *end) die("%s: not a number", text);
    return value;
}

#endif
