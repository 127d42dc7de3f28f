/* The line by which upload.c says how to go on with an upload. */
#ifndef UPLOAD_HINT_H
#define UPLOAD_HINT_H

#include <stdio.h>
#include <string.h>

#include "upload_arguments.h"

/* The quotation mark of the shell that a hint is for. */
#ifdef _WIN32
#define QUOTE '"'
#else
#define QUOTE '\''
#endif

/* Prints a blank and one word as a shell reads it: in quotes, but only if it needs them. */
static void print_shell_word(const char *word)
{
    static const char harmless[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+.,:/@%=";
    const char *c;

    putchar(' ');
    if (word[0] != '\0' && word[strspn(word, harmless)] == '\0') {
        printf("%s", word);
        return;
    }
    putchar(QUOTE);
    for (c = word; *c != '\0'; c++) {
        if (*c == '\'' && QUOTE == '\'')
            printf("'\\''");
        else
            putchar(*c);
    }
    putchar(QUOTE);
}

/* An upload is found again by its store, if it could be noted there; or by its URL; or, as one in parts has none yet, by its
 * token. */
static void print_hint(const arguments *args, const char *upload_url, const char *token, int is_noted)
{
    int is_stored;

    if (args->file == NULL || (upload_url == NULL && token == NULL))
        return;
    is_stored = is_noted && args->store != NULL && args->action == ACTION_UPLOAD && !is_standard_input(args->file);
    printf("resume with:");
    print_shell_word(args->program);
    if (is_stored) {
        print_shell_word("--store");
        print_shell_word(args->store);
    } else if (upload_url != NULL) {
        print_shell_word("--resume");
        print_shell_word(upload_url);
    } else {
        print_shell_word("--token");
        print_shell_word(token);
    }
    print_shell_word(args->file);
    if (is_stored || upload_url == NULL)
        print_shell_word(args->url);
    putchar('\n');
}

#endif
