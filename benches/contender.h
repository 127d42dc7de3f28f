/*
 * What the contenders of the benchmark share: their command line, and how they measure themselves.
 *
 *   PROGRAM version                             prints the library's name and version
 *   PROGRAM file  URL PATH CHUNK VARIANT        uploads one file, CHUNK bytes a request (0: all in one)
 *   PROGRAM files URL FOLDER COUNT VARIANT      uploads FOLDER/00000 ... with one client, one upload each
 *
 * An upload prints one line: its wall time, its processor time, and the resident memory before and at its peak. What
 * comes before the upload, the loading of the program, is not counted. Any failure ends the program with status 1.
 */
#ifndef CONTENDER_H
#define CONTENDER_H

#include "process.h"

#include <sys/stat.h>

struct job {
    const char *url;     /* where uploads are created */
    const char *path;    /* the file, or the folder of the files */
    const char *variant; /* a word that only the program knows */
    uint64_t chunk;      /* bytes in one request; 0: all */
    unsigned count;      /* how many files; 0: `path` is one file */
};

/* What a program has to bring. */
static const char *contender_version(void);
static void upload(const struct job *job);

/* The path of file number `index` of a job with many, in a buffer that the next call uses again. */
__attribute__((unused)) static const char *path_of(const struct job *job, unsigned index)
{
    static char path[4096];
    if (snprintf(path, sizeof path, "%s/%05u", job->path, index) >= (int)sizeof path) die("%s: too long", job->path);
    return path;
}

/* Opens a file and tells its size. */
__attribute__((unused)) static int open_file(const char *path, uint64_t *size)
{
    struct stat facts;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &facts) != 0) die("%s: cannot be opened", path);
    *size = (uint64_t)facts.st_size;
    return fd;
}

/* Makes the peak of memory begin at what is in use now. Where that is not allowed, the peak since the start counts. */
static void forget_peak(void)
{
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (write(fd, "5", 1) != 1) { /* the peak since the start, then */
    }
    close(fd);
}

static int measure(const struct job *job)
{
    forget_peak();
    unsigned long idle = status_number("VmRSS:");
    uint64_t cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t wall = nanoseconds(CLOCK_MONOTONIC);
    upload(job);
    wall = nanoseconds(CLOCK_MONOTONIC) - wall;
    cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    unsigned long peak = status_number("VmHWM:");
    printf("wall_ns=%" PRIu64 " cpu_ns=%" PRIu64 " idle_kib=%lu peak_kib=%lu\n", wall, cpu, idle, peak);
    return 0;
}

static int contend(int argc, char **argv)
{
    struct job job = {0};
    if (argc == 2 && strcmp(argv[1], "version") == 0) return puts(contender_version()) < 0;
    if (argc != 6) die("usage: see contender.h");
    job.url = argv[2];
    job.path = argv[3];
    job.variant = argv[5];
    if (strcmp(argv[1], "files") == 0) {
        job.count = (unsigned)number(argv[4]);
    } else {
        job.chunk = number(argv[4]);
    }
    return measure(&job);
}

#endif
