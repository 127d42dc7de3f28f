/* What upload.c needs from the operating system: Ctrl-C, a clock, and who is watching on how wide a terminal. */
#ifndef UPLOAD_PLATFORM_H
#define UPLOAD_PLATFORM_H

#include <signal.h>

#ifdef _WIN32
#include <io.h>
#include <windows.h>
#else
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#endif

/* Set by Ctrl-C, read by the progress callback. The only global variable: a signal handler has no user_data. */
static volatile sig_atomic_t interrupted = 0;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

/* From now on the first Ctrl-C only sets the flag. A second one ends the program at once. */
static void watch_for_interrupts(void)
{
#ifdef _WIN32
    /* Windows takes the handler away again by itself when it runs. */
    signal(SIGINT, on_interrupt);
#else
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    action.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
#endif
}

/* Whether stderr is a terminal, where a line can be drawn again and again. */
static int stderr_is_terminal(void)
{
#ifdef _WIN32
    return _isatty(2);
#else
    return isatty(2);
#endif
}

/* How many columns the terminal has that stderr is; it may change at any moment. */
static int terminal_columns(void)
{
#ifdef _WIN32
    CONSOLE_SCREEN_BUFFER_INFO console;

    if (GetConsoleScreenBufferInfo(GetStdHandle(STD_ERROR_HANDLE), &console))
        return console.srWindow.Right - console.srWindow.Left + 1;
#elif defined(TIOCGWINSZ)
    struct winsize window;

    if (ioctl(2, TIOCGWINSZ, &window) == 0 && window.ws_col > 0)
        return window.ws_col;
#endif
    return 80;
}

/* A clock that nobody sets back, in seconds. Only differences mean something. */
static double now_seconds(void)
{
#ifdef _WIN32
    return (double)GetTickCount64() / 1000.0;
#else
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
#endif
}

#endif
