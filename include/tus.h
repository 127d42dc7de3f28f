/* tus.h - libtus, resumable uploads (tus 1.0.0) for every native program.
 *
 * Generated from src/ffi by `cargo xtask header`; do not edit.
 *
 * A COMPLETE PROGRAM
 *
 *   #include <stdio.h>
 *   #include "tus.h"
 *
 *   int main(int argc, char **argv)
 *   {
 *       tus_config *config = tus_config_new();
 *       tus_client *client = NULL;
 *       tus_info *info = NULL;
 *       tus_error *err = NULL;
 *       tus_status status;
 *
 *       if (argc != 3) {
 *           fprintf(stderr, "usage: %s URL FILE\n", argv[0]);
 *           return 2;
 *       }
 *       tus_config_set_url(config, argv[1]);
 *       status = tus_client_new(config, &client, &err);
 *       if (status == TUS_OK)
 *           status = tus_client_upload_file(client, argv[2], NULL, &info, &err);
 *       if (status == TUS_OK)
 *           printf("%s\n", tus_info_url(info));
 *       else
 *           fprintf(stderr, "%s: %s\n", tus_status_name(status), tus_error_message(err));
 *       tus_error_free(err);
 *       tus_info_free(info);
 *       tus_client_unref(client);
 *       tus_config_free(config);
 *       return status == TUS_OK ? 0 : 1;
 *   }
 *
 * OBJECTS are pointers to incomplete structures. What _new or an operation gives is the caller's:
 * _free ends it, or, for the shared tus_client and tus_task, _unref. What a callback gets, and
 * every string, is borrowed: its comment says for how long. Objects keep alive what they need, so
 * they may be freed in any order. No call takes an argument away: what was the caller's before is
 * the caller's afterwards. Every _free and _unref takes NULL. free() is never right. A pointer that
 * is NULL, to another kind of object, or recognisably freed is refused: TUS_E_INVALID_ARGUMENT
 * where a status is returned, elsewhere the value that the function's comment names.
 *
 * ERRORS: functions that can fail return a tus_status, 0 for success. Those with a last parameter
 * `err` write the details there on failure, and on failure only: an object of the caller's to be
 * freed with tus_error_free. `err` may be NULL; set `*err` to NULL before. The details of a failure
 * without `err`, or with NULL for it, are kept for the thread: tus_last_error. Setters of
 * tus_config and tus_upload_options need not be checked: what they refuse is remembered and
 * returned by the call that uses the object. Results (`out`) are set to NULL first. Any function
 * may return TUS_E_PANIC and TUS_E_INTERNAL: bugs of the library, caught.
 *
 * THREADS: each comment says which may call. Different objects never need a lock. A tus_client
 * serves any number of threads at once. The library's own threads block the signals that a
 * terminal, a parent or a timer sends to the process (SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM,
 * SIGCHLD, SIGPIPE, SIGWINCH, SIGTSTP, SIGTTIN, SIGTTOU) and no others: those that a fault raises,
 * a profiler or a language runtime sends reach the program's handlers there. A program that a
 * callback starts on such a thread inherits what is blocked: unblock it in the child, or start the
 * program from a thread of your own. While a thread is in a call, pthread_cancel does not end it;
 * the cancellation takes effect after the call has returned. To end the call, use tus_task_cancel,
 * tus_uploader_cancel, tus_client_close or a callback's return value.
 *
 * TASKS: every operation that makes a request has a twin whose name ends in _async. It checks its
 * arguments and gives a tus_task, which is carried out by a thread of the client's
 * (tus_config_set_workers). How the operation ended is told by the task, which calls `done` when it
 * is over: on that thread or in the program's event loop (tus_config_set_dispatch). The error of
 * tus_task_result is the task's, not to be freed; that of the call itself is the caller's, as
 * everywhere. Before a program ends, tus_client_close sees to it that nothing runs any more.
 *
 * STRINGS are NUL-terminated UTF-8 and copied before a call returns; paths are raw bytes on Unix
 * and UTF-8 on Windows. Sizes and offsets are bytes in a uint64_t. Switches are int: 0 is off,
 * anything else on.
 *
 * CALLBACKS are registered as function, user_data, destroy. user_data comes first in each call; 0
 * goes on, any other value ends the operation with TUS_E_CALLBACK and is kept
 * (tus_error_callback_code). destroy runs exactly once for each registration, also if registering
 * fails. For one operation callbacks never overlap, those of an upload in parts included (a store's
 * functions and the log's aside), but they may run on other threads than the caller's. They may use
 * the library, but a blocking call on the same client is TUS_E_BUSY. They must not unwind: a C++
 * exception that leaves a callback ends the process, longjmp out of one is undefined. A callback
 * that ends its thread (pthread_exit), as some interpreters do when the program ends, never
 * returns: the thread is parked until the process ends, with its operation.
 *
 * STRUCTURES that a program sees into begin with struct_size and only ever grow at the end.
 *
 * THE PROCESS is the program's: no global initialisation, no signal handlers, nothing on stderr, no
 * environment but the proxy variables (tus_config_set_proxy). The library is not unloadable:
 * dlclose() leaves it where it is. Running out of memory aborts. After fork() a child may not use
 * the parent's clients (TUS_E_FORKED).
 *
 * T-numbers are the requirements of tus 1.0.0 as the project numbers them.
 */


#ifndef TUS_H
#define TUS_H

#include <stddef.h>
#include <stdint.h>

/** The version of this header. tus_version_number() tells that of the library that is loaded. */
#define TUS_VERSION_MAJOR 0
#define TUS_VERSION_MINOR 1
#define TUS_VERSION_PATCH 0
/** 0xMMmmpp: major, minor, patch. */
#define TUS_VERSION_NUMBER 0x000100u

/** A size that is not known (yet). */
#define TUS_SIZE_UNKNOWN UINT64_MAX

/** A wait without end. */
#define TUS_WAIT_FOREVER (-1)

/** A chunk size that grows and shrinks with the link; see tus_config_set_chunk_size. */
#define TUS_CHUNK_AUTO UINT64_MAX
/** All that is left in one request; see tus_config_set_chunk_size. */
#define TUS_CHUNK_WHOLE (UINT64_MAX - 1)

/* Define TUS_DLL when linking to the DLL on Windows. */
#if defined(_WIN32) && defined(TUS_DLL)
#define TUS_API __declspec(dllimport)
#else
#define TUS_API
#endif

/* A status that must not be ignored. */
#if defined(__GNUC__)
#define TUS_CHECK __attribute__((warn_unused_result))
#else
#define TUS_CHECK
#endif

/**
 * The values of tus_status. No function takes or returns this type: it is there for its names.
 *
 * -1 to -19: this call, or the caller's own decision. -20 to -39: what is on this machine. -40 to
 * -59: the network. -60 to -79: the server. -90 to -99: this library.
 */
enum tus_status_code {
    /** Success. */
    TUS_OK = 0,
    /** An argument is NULL, of the wrong kind, freed, not UTF-8 or out of range. The same call
     * can never  succeed. */
    TUS_E_INVALID_ARGUMENT = -1,
    /** The call does not fit the object's present state, or the client is closed. */
    TUS_E_INVALID_STATE = -2,
    /** The server, the source or this build of the library lacks what was asked for. */
    TUS_E_UNSUPPORTED = -3,
    /** Cancelled by the caller. The upload stays on the server and can be resumed. */
    TUS_E_CANCELLED = -4,
    /** A callback returned non-zero; see tus_error_callback_code. The upload stays on the server
     * and can be  resumed. */
    TUS_E_CALLBACK = -5,
    /** A time limit was reached: connecting, waiting for the answer, no byte moving, the
     * operation as a whole, or  what tus_task_wait or tus_client_close may take. */
    TUS_E_TIMEOUT = -6,
    /** Nothing of that name or number is there. */
    TUS_E_NOT_FOUND = -7,
    /** The object is in use by another call, this is a call on a client from inside one of its
     * own callbacks, or  a task is not over. */
    TUS_E_BUSY = -8,
    /** The client was made before fork() and this is the child process. */
    TUS_E_FORKED = -9,
    /** The source could not be opened or read. */
    TUS_E_SOURCE = -20,
    /** The source is no longer what it was when the upload began. */
    TUS_E_SOURCE_CHANGED = -21,
    /** The store of upload URLs could not be read or written. */
    TUS_E_STORE = -22,
    /** The fingerprint of the source could not be made. */
    TUS_E_FINGERPRINT = -23,
    /** The machine cannot give what the operation needs, at present: a thread, a descriptor,
     * memory (a limit of the process or of its container). tus_error_os_code has the reason,
     * EAGAIN or EMFILE, say. Worth another try. */
    TUS_E_RESOURCES = -24,
    /** The host name could not be resolved. */
    TUS_E_RESOLVE = -40,
    /** No connection could be made. */
    TUS_E_CONNECT = -41,
    /** TLS failed: certificate, handshake or record. */
    TUS_E_TLS = -42,
    /** The connection broke. */
    TUS_E_IO = -43,
    /** The server answered with a status that ends the operation; see tus_error_http_status. */
    TUS_E_HTTP_STATUS = -60,
    /** The server broke a rule of the protocol; the message says which. */
    TUS_E_PROTOCOL = -61,
    /** Client and server could not agree on an offset. */
    TUS_E_OFFSET_CONFLICT = -62,
    /** The upload is gone from the server (404 or 410). */
    TUS_E_GONE = -63,
    /** The upload stayed locked by another request (423) for longer than the lock budget. */
    TUS_E_LOCKED = -64,
    /** The server keeps finding checksum mismatches. */
    TUS_E_CHECKSUM = -65,
    /** The upload is larger than the server allows. */
    TUS_E_TOO_LARGE = -66,
    /** The server does not speak tus 1.0.0. */
    TUS_E_VERSION = -67,
    /** The server may hold the complete upload but has not confirmed it: the answer to the
     * request that carried the last byte was lost, or the server refused that request although
     * all bytes are there (a hook that runs at the end failed, say). Nothing was deleted. Find
     * out what became of it before you upload the same data again, or there may be two uploads:
     * tus_error_upload_url has the URL where it is known, tus_error_http_status and
     * tus_error_response_body what the server answered. */
    TUS_E_UNCONFIRMED = -68,
    /** A bug in this library: something it relies on did not hold. Please report the message. */
    TUS_E_INTERNAL = -98,
    /** A bug in this library: it panicked. The panic was caught, the process is unharmed; the
     * objects of the  call should be freed and not used again. Please report the message. */
    TUS_E_PANIC = -99
};

/**
 * How much a log line matters. No function takes or returns this type: it is there for its names.
 */
enum tus_log_level {
    /** An operation failed. */
    TUS_LOG_ERROR = 1,
    /** Something is wrong, but the operation goes on. */
    TUS_LOG_WARN = 2,
    /** Milestones: created, resumed, retrying, finished. */
    TUS_LOG_INFO = 3,
    /** Every request and answer. */
    TUS_LOG_DEBUG = 4
};

/**
 * What an operation waits for; see tus_progress. No function takes or returns this type: it is
 * there for its names. Later versions may add some.
 */
enum tus_waiting {
    /** Nothing: it is at work. */
    TUS_WAITING_NOT = 0,
    /** The next try after one that failed (tus_config_set_retry). */
    TUS_WAITING_BACKOFF = 1,
    /** The time the server asked for (Retry-After). */
    TUS_WAITING_RETRY_AFTER = 2,
    /** An upload that is locked by another request. */
    TUS_WAITING_LOCK = 3,
    /** The server, which puts parts together. */
    TUS_WAITING_ASSEMBLY = 4
};

/**
 * What a warning is about; see tus_info_warning_code. No function takes or returns this type: it is
 * there for its names. Later versions may add some: treat a code you do not know as TUS_W_OTHER.
 */
enum tus_warning_code {
    /** There is no such warning. */
    TUS_W_NONE = 0,
    /** Something that has no code of its own. */
    TUS_W_OTHER = 1,
    /** The upload could not be noted in the store, or not be taken out of it: a later run will
     * not find it, or find  what is of no use. Keep the upload's URL. */
    TUS_W_NOT_STORED = 2,
    /** The store could not be read: uploads of earlier runs were not looked for, or not all. */
    TUS_W_STORE_UNREADABLE = 3,
    /** An upload that had been begun is gone from the server, and another was begun from the
     * first byte. */
    TUS_W_BEGUN_ANEW = 4,
    /** The upload of an earlier run could not be continued and is still on the server; another
     * was begun beside it. */
    TUS_W_BEGUN_BESIDE = 5,
    /** Something that nobody needs is left on the server, or may be. */
    TUS_W_LEFT_ON_SERVER = 6,
    /** The server will drop the upload before it can be complete at this speed. */
    TUS_W_EXPIRES_SOON = 7,
    /** The upload was not sent in parts although that was asked for. */
    TUS_W_NOT_IN_PARTS = 8,
    /** The data was sent without checksums although they were asked for, or the server does not
     * check them. */
    TUS_W_CHECKSUMS_NOT_CHECKED = 9,
    /** The server's answers carry no Tus-Resumable. */
    TUS_W_NO_TUS_RESUMABLE = 10,
    /** The server named the upload by http although it was asked by https: https is used. */
    TUS_W_LOCATION_READ_AS_HTTPS = 11,
    /** The upload lies on another origin, where the program's headers are not sent
     * (tus_config_allow_origin). */
    TUS_W_OTHER_ORIGIN = 12,
    /** Others may read the file with the private key. */
    TUS_W_KEY_FILE_READABLE = 13
};

/**
 * Whether an upload belongs to a concatenation (T-120, T-121). No function takes or returns this
 * type: it is there for its names.
 */
enum tus_concat_kind {
    /** An ordinary upload. */
    TUS_CONCAT_NONE = 0,
    /** A part of a final upload. */
    TUS_CONCAT_PARTIAL = 1,
    /** Made of parts. */
    TUS_CONCAT_FINAL = 2
};

/**
 * Checksum algorithms (T-090). No function takes or returns this type: it is there for its names.
 */
enum tus_checksum {
    /** No checksum. */
    TUS_CHECKSUM_NONE = 0,
    /** The one that every server with checksums has. */
    TUS_CHECKSUM_SHA1 = 1,
    /** SHA-256. */
    TUS_CHECKSUM_SHA256 = 2,
    /** SHA-512. */
    TUS_CHECKSUM_SHA512 = 3,
    /** Against accidents only; never chosen unasked. */
    TUS_CHECKSUM_MD5 = 4,
    /** The best one that the server knows: SHA-256, SHA-512, SHA-1. */
    TUS_CHECKSUM_AUTO = 5
};

/**
 * How much checksums are wanted; see tus_config_set_checksum. No function takes or returns this
 * type: it is there for its names.
 */
enum tus_checksum_policy {
    /** None are sent. */
    TUS_CHECKSUM_OFF = 0,
    /** Sent if the server can check them. */
    TUS_CHECKSUM_IF_AVAILABLE = 1,
    /** No byte is sent without. */
    TUS_CHECKSUM_REQUIRED = 2
};

/**
 * Versions of TLS; see tus_config_set_tls_min_version. No function takes or returns this type: it
 * is there for its names.
 */
enum tus_tls_version {
    /** TLS 1.2. */
    TUS_TLS_1_2 = 0x0303,
    /** TLS 1.3. */
    TUS_TLS_1_3 = 0x0304
};

/**
 * Where servers may point to; see tus_config_set_locations. No function takes or returns this type:
 * it is there for its names.
 */
enum tus_locations {
    /** Anywhere, but not from a public address into this machine or its network. */
    TUS_LOCATIONS_OUTWARD = 0,
    /** Anywhere. */
    TUS_LOCATIONS_ANY = 1,
    /** To the origins of the endpoint and of tus_config_allow_origin alone. */
    TUS_LOCATIONS_ALLOWED = 2
};

/**
 * Whether data goes with the creation of an upload; see tus_config_set_upload_with_creation. No
 * function takes or returns this type: it is there for its names.
 */
enum tus_creation_data {
    /** None does. */
    TUS_CREATION_DATA_OFF = 0,
    /** The first chunk does, once. */
    TUS_CREATION_DATA_ON = 1,
    /** The first chunk does, also when the request is repeated. */
    TUS_CREATION_DATA_REPEAT = 2
};

/**
 * Where the functions for tasks run; see tus_config_set_dispatch. No function takes or returns this
 * type: it is there for its names.
 */
enum tus_dispatch {
    /** On the thread of the library's that carries the task out. */
    TUS_DISPATCH_WORKER = 0,
    /** In tus_client_dispatch. */
    TUS_DISPATCH_QUEUE = 1
};

/**
 * How far a task is; see tus_task_state. No function takes or returns this type: it is there for
 * its names.
 */
enum tus_task_state_code {
    /** It waits for a place. */
    TUS_TASK_QUEUED = 0,
    /** It is carried out. */
    TUS_TASK_RUNNING = 1,
    /** It was asked to pause and is not over. */
    TUS_TASK_PAUSED = 2,
    /** It has a result. */
    TUS_TASK_DONE = 3
};

/**
 * How a source is recognised when it is uploaded again; see tus_config_set_fingerprint. No function
 * takes or returns this type: it is there for its names.
 */
enum tus_fingerprint {
    /** By its size and the SHA-256 of all its bytes. */
    TUS_FINGERPRINT_CONTENT = 0,
    /** By its size and the MD5 of its first 64 KiB: quick, and blind to what comes after. */
    TUS_FINGERPRINT_PARTIAL_MD5 = 1,
    /** By what the file system says of it: at once, for files that are neither copied nor
     * changed. */
    TUS_FINGERPRINT_FILE_IDENTITY = 2
};


/**
 * A client: settings, connections and what is known of the server, shared by all its operations.
 * Make one for each server and keep it.
 *
 * A client must not be used in a child process after fork(): every call there fails with
 * TUS_E_FORKED. fork() followed by exec is fine, no descriptor of the library's is inherited.
 *
 * Ownership: shared, counted; tus_client_new, tus_client_ref and tus_client_unref.
 * Threads: any number at once.
 */
typedef struct tus_client tus_client;

/**
 * The settings of a client, to be made, handed to tus_client_new, which copies them, and freed.
 *
 * Each setter checks its value at once and leaves the setting as it was if it refuses the value.
 * The first refusal is remembered, and tus_client_new returns it with its details: checking every
 * setter is possible and not necessary. Since it is remembered, a configuration that refused a
 * value makes no client any more.
 *
 * Ownership: single owner.
 * Threads: one at a time.
 */
typedef struct tus_config tus_config;

/**
 * Takes the headers that all requests of a client carry from now on, after the server has refused
 * the present ones.
 *
 * Ownership: borrowed; valid until the callback that got it returns.
 * Threads: the one the callback runs on.
 */
typedef struct tus_credentials tus_credentials;

/**
 * The details of a failure. Immutable.
 *
 * A call that fails writes one to `*err` if `err` is not NULL; it is the caller's then, to be freed
 * with tus_error_free. A call that succeeds leaves `*err` alone, so set it to NULL before. All
 * strings live as long as the error.
 *
 * Ownership: single owner; the one that a callback gets is borrowed and ends with the callback.
 * Threads: any number may read it at once.
 */
typedef struct tus_error tus_error;

/**
 * What is known of an upload: the result of an operation. Immutable.
 *
 * Ownership: single owner. All strings, and the metadata, live as long as it.
 * Threads: any number may read it at once.
 */
typedef struct tus_info tus_info;

/**
 * Metadata of an upload: pairs of a key and a value of any bytes, in the server's order. Immutable.
 *
 * Ownership: single owner; the one that belongs to a tus_info is borrowed and ends with it.
 * Threads: any number may read it at once.
 */
typedef struct tus_metadata tus_metadata;

/**
 * The unfinished uploads of a source that a client's store knows of, the likeliest first.
 * Immutable.
 *
 * Ownership: single owner. All strings live as long as it.
 * Threads: any number may read it at once.
 */
typedef struct tus_previous_list tus_previous_list;

/**
 * A request about to be sent, or the one an answer belongs to.
 *
 * Ownership: borrowed; it and all strings from it are valid until the callback that got it returns.
 * Threads: the one the callback runs on.
 */
typedef struct tus_request tus_request;

/**
 * A server's answer.
 *
 * Ownership: borrowed; it and all strings from it are valid until the callback that got it returns.
 * Threads: the one the callback runs on.
 */
typedef struct tus_response tus_response;

/**
 * What a server says it can do (T-005 to T-008). Immutable.
 *
 * Ownership: single owner. All strings live as long as it.
 * Threads: any number may read it at once.
 */
typedef struct tus_server_info tus_server_info;

/**
 * Takes bytes from a function of the program's, which so hands back any number of them without
 * anybody having to free anything.
 *
 * Ownership: borrowed; valid until the function that got it returns.
 * Threads: the one the function runs on.
 */
typedef struct tus_sink tus_sink;

/**
 * Where the bytes of an upload come from: a file, a descriptor, memory, a reader of the caller's,
 * or what the program writes (tus_writer).
 *
 * A source is used by one operation, or one tus_uploader, at a time; a second one at the same time
 * fails with TUS_E_BUSY. It is borrowed: afterwards it can be used again, for example to resume,
 * and is still to be freed. What can only be read forward (a pipe, a reader without `seek`, a
 * tus_writer's) stands where it was left, with its last MiB kept.
 *
 * Ownership: single owner. It may be freed while an operation or an uploader uses it; what belongs
 * to it lasts until that is over.
 * Threads: any.
 */
typedef struct tus_source tus_source;

/**
 * An operation that runs on a thread of the library's while the program goes on: what a function
 * whose name ends in _async gives. It goes on without the program's counts of it, of its client and
 * of what it works on, so all of them may be given back in any order.
 *
 * Ownership: shared, counted; tus_task_ref and tus_task_unref. What its getters lend is valid until
 * its last count is given back.
 * Threads: any number at once. In a child process after fork() nothing can be done with it:
 * TUS_E_FORKED where a status is returned, elsewhere the value for an invalid task.
 */
typedef struct tus_task tus_task;

/**
 * Options of an upload: metadata, callbacks, limits. The same options may serve any number of
 * uploads; each copies them when it starts and never changes them.
 *
 * Each setter checks its value at once and leaves the option as it was if it refuses the value. The
 * first refusal is remembered, and every operation with these options returns it with its details:
 * checking every setter is possible and not necessary.
 *
 * Ownership: single owner. They may be changed or freed while an operation that got them runs.
 * Threads: one at a time.
 */
typedef struct tus_upload_options tus_upload_options;

/**
 * An upload that goes on only while a call on it runs: to send a chunk now and then, or to be
 * stopped from another thread. It keeps its client and its source alive, so all three may be freed
 * in any order; the source is in use as long as the uploader is there.
 *
 * What the getters tell is how it was when the last call of tus_uploader_upload or
 * tus_uploader_upload_chunk returned; the progress callback tells what happens in between.
 *
 * Ownership: single owner. It may be freed while a call on it runs, which it does not end.
 * Threads: one at a time; a second call that sends, at the same time, is TUS_E_BUSY.
 * tus_uploader_cancel and the getters may be called from any thread at any time.
 */
typedef struct tus_uploader tus_uploader;

/**
 * The end for writing of a source whose bytes the program writes as it has them, while an operation
 * on another thread reads them. Between the two is a buffer: while it is full writing waits, while
 * it is empty the operation does, and a cancel ends that at once.
 *
 * The data ends with tus_writer_finish and with nothing else, unless its size was told: then it
 * ends with the last byte. A writer that is freed before, as by a program that gives up, ends the
 * upload with TUS_E_CALLBACK instead, and what is on the server stays there unfinished.
 *
 * Ownership: single owner. It keeps nothing of the source alive, and both may be freed in any
 * order.
 * Threads: tus_writer_write by one thread at a time, or pieces of two writes mix;
 * tus_writer_finish, tus_writer_abort and tus_writer_event_handle by any at any time. In a child
 * process after fork() it must not be used (TUS_E_FORKED).
 */
typedef struct tus_writer tus_writer;

/**
 * The result of a call: 0 is success, everything negative a failure.
 *
 * The values are those of enum tus_status_code. Later versions may add some: treat a code you do
 * not know as a failure of its group of ten, and never as success.
 */
typedef int32_t tus_status;

/**
 * Releases what belongs to a callback, a source or a task: it gets the `user_data` that was
 * registered with it.
 *
 * It runs exactly once for each registration, when the library will not use `user_data` again:
 * after a replacement, after the last object that uses the callback is freed, after the `done` of a
 * task, or at once if the registering call fails. It runs on any thread, never while the callback
 * itself runs, and must not unwind. NULL means that there is nothing to release.
 */
typedef void (*tus_destroy_fn)(void *user_data);

/**
 * A store of the program's for what is known of unfinished uploads: a table with a row for each
 * upload, found by `key` and, within that, by `upload_url`. Set `struct_size` to
 * sizeof(tus_store_vtable) and the rest to functions or NULL.
 *
 * A record is bytes that only the library reads, at most 1 MiB; one that is damaged or foreign is
 * passed over. Records are not signed, so keep them where only the program writes; a URL in one
 * counts only at the endpoint's origin or an origin allowed by tus_config_allow_origin. `key` and
 * `upload_url` are UTF-8 without control characters, of any length; whoever has an upload's URL or
 * record may write to the upload, so they are secrets.
 *
 * Each function returns 0, or anything else for a fault of the store, which goes to the log as a
 * warning: an upload never fails because of its store. The functions run on any thread, one at a
 * time for one operation, at once for several, and for an upload in parts also while another
 * callback of it runs. A blocking call on the same client from inside them is TUS_E_BUSY. Such a
 * store does not keep two operations or processes from going on with the same upload at once; that
 * of tus_config_set_store_dir does.
 *
 * An operation, and tus_uploader_free, waits for each of these functions, whatever its time limit
 * or a cancel says. Once its time is over it calls `put` once more at most, to note how far the
 * upload is; for parts that were being created then, once more for them.
 */
typedef struct tus_store_vtable {
    /**
     * sizeof(tus_store_vtable), as the program was compiled.
     */
    size_t struct_size;
    /**
     * Writes every record under `key` to `out`, each with one call of tus_sink_write, in any order;
     * none is a success too. Must not be NULL.
     */
    int32_t (*find)(void *user_data, const char *key, struct tus_sink *out);
    /**
     * Adds the record of an upload under `key`, or replaces the one of the same `key` and
     * `upload_url` as a whole. When it returns, the record should outlive a crash. Must not be
     * NULL.
     */
    int32_t (*put)(void *user_data,
                   const char *key,
                   const char *upload_url,
                   const void *record,
                   size_t len);
    /**
     * Removes the record of an upload; it is no fault if there is none. Must not be NULL.
     */
    int32_t (*remove)(void *user_data, const char *key, const char *upload_url);
    /**
     * Writes every record of the store to `out`, each with one call of tus_sink_write, in any
     * order. NULL: this store cannot; then tus_client_prune_store, tus_client_list_stored and
     * tus_client_forget are TUS_E_UNSUPPORTED.
     */
    int32_t (*list)(void *user_data, struct tus_sink *out);
    /**
     * Releases `user_data`, exactly once; see tus_destroy_fn. May be NULL.
     */
    tus_destroy_fn destroy;
} tus_store_vtable;

/**
 * Makes the fingerprint of a source: a text by which it is recognised when it is uploaded again.
 *
 * - `user_data`: as registered.
 * - `name`: the path of a file that was opened by its path, with what is not UTF-8 in it replaced;
 *   NULL for any other source. Valid until the function returns.
 * - `size`: the source's size in bytes.
 * - `out`: takes the text with tus_sink_write, whose calls are put together: UTF-8 without control
 *   characters, 1 to 4096 bytes, without a NUL at its end. Anything else ends the operation with
 *   TUS_E_FINGERPRINT.
 *
 * Returns 0 if it is written; anything else ends the operation with TUS_E_CALLBACK.
 */
typedef int32_t (*tus_fingerprint_fn)(void *user_data,
                                      const char *name,
                                      uint64_t size,
                                      struct tus_sink *out);

/**
 * Called before each request on the wire, repeated ones included; may change the request's headers,
 * for example to renew a token.
 *
 * - `user_data`: as registered.
 * - `request`: the request.
 *
 * Returns 0 to go on; anything else ends the operation with TUS_E_CALLBACK.
 */
typedef int32_t (*tus_before_request_fn)(void *user_data, struct tus_request *request);

/**
 * Called after each answer, errors too.
 *
 * - `user_data`: as registered.
 * - `request`: the request, as it was sent.
 * - `response`: the answer.
 *
 * Returns 0 to go on; anything else ends the operation with TUS_E_CALLBACK. After the answer that
 * acknowledges the last byte it comes too late and changes nothing: the upload is done.
 */
typedef int32_t (*tus_after_response_fn)(void *user_data,
                                         const struct tus_request *request,
                                         const struct tus_response *response);

/**
 * Called before each retry that the library would make, never after the last.
 *
 * - `user_data`: as registered.
 * - `error`: why the try failed; borrowed, valid until the function returns.
 * - `attempt`: the number of the coming retry, from 1; it begins anew when the server has
 *   acknowledged more bytes.
 * - `delay_ms`: the wait before the retry in milliseconds; may be changed.
 *
 * Returns 0 to retry after `*delay_ms`; anything else gives up: the operation ends with the error
 * at hand, which keeps the value for tus_error_callback_code.
 */
typedef int32_t (*tus_should_retry_fn)(void *user_data,
                                       const struct tus_error *error,
                                       uint32_t attempt,
                                       uint64_t *delay_ms);

/**
 * Called as soon as a new upload has its URL: the moment to store it, so that the upload can be
 * resumed after a crash. That is before its first byte is sent, unless data goes with the creation
 * (tus_config_set_upload_with_creation): then the first chunk has been sent, and may have been all
 * there is.
 *
 * - `user_data`: as registered.
 * - `upload_url`: the absolute URL; valid until the function returns.
 *
 * Returns 0 to go on; anything else ends the operation with TUS_E_CALLBACK, the upload stays on the
 * server.
 */
typedef int32_t (*tus_upload_url_fn)(void *user_data, const char *upload_url);

/**
 * Called after the server has refused a request for want of credentials (401), once for all
 * operations of the client that met it with the same headers, which wait meanwhile: the moment to
 * renew a token.
 *
 * - `user_data`: as registered.
 * - `refusal`: the answer; borrowed, valid until the function returns.
 * - `out`: takes the new headers with tus_credentials_set_header; borrowed too.
 *   tus_client_set_header is as good.
 *
 * Returns 0 to try again with them; anything else gives up: the operation ends with
 * TUS_E_HTTP_STATUS, whose error keeps the value for tus_error_callback_code. If no header was
 * changed, 0 gives up too.
 */
typedef int32_t (*tus_credentials_fn)(void *user_data,
                                      const struct tus_response *refusal,
                                      struct tus_credentials *out);

/**
 * Called when the server will drop an upload sooner than it can be complete at its present speed
 * (T-082).
 *
 * - `user_data`: as registered.
 * - `upload_url`: the absolute URL; valid until the function returns.
 * - `expires_s`: when, in seconds since 1970-01-01 00:00 UTC.
 *
 * Returns 0 to go on; anything else ends the operation with TUS_E_CALLBACK, the upload stays on the
 * server.
 */
typedef int32_t (*tus_expiring_fn)(void *user_data, const char *upload_url, uint64_t expires_s);

/**
 * Gets the library's log lines, which go nowhere else.
 *
 * - `user_data`: as registered.
 * - `level`: a value of enum tus_log_level.
 * - `line`: one line of English, without a line end or control characters; valid until the function
 *   returns. It carries no values of the program's headers, no queries of URLs, and no ids of
 *   uploads unless they are asked for (tus_config_set_show_urls).
 *
 * It runs on any thread, also on several at once.
 */
typedef void (*tus_log_fn)(void *user_data, int32_t level, const char *line);

/**
 * A reader of the caller's. Set `struct_size` to sizeof(tus_reader_vtable) and the rest to
 * functions or NULL.
 */
typedef struct tus_reader_vtable {
    /**
     * sizeof(tus_reader_vtable), as the program was compiled.
     */
    size_t struct_size;
    /**
     * Reads on: writes up to `cap` bytes to `buf` and their number to `*out_len`; 0 is the end of
     * the source. If the size was told, `cap` never goes beyond it: what follows on the same stream
     * stays unread. It should block until there is at least one byte; a cancelled operation waits
     * for it to return. Returns 0, or anything else to end the operation with TUS_E_CALLBACK. Must
     * not be NULL.
     */
    int32_t (*read)(void *user_data, void *buf, size_t cap, size_t *out_len);
    /**
     * Moves to `offset`, in bytes from the beginning, for the next read. Returns 0, or anything
     * else to end the operation with TUS_E_CALLBACK. NULL: the reader only goes forward; then the
     * library keeps the last MiB it read, sends automatic chunks no larger than that, and fails
     * with TUS_E_SOURCE if older bytes are needed again, which may be after a break with
     * TUS_CHUNK_WHOLE or a larger chunk size of your own.
     */
    int32_t (*seek)(void *user_data, uint64_t offset);
    /**
     * Releases `user_data`, exactly once; see tus_destroy_fn. May be NULL.
     */
    tus_destroy_fn destroy;
} tus_reader_vtable;

/**
 * How far an upload is. Neither counter ever exceeds the total. Set `struct_size` to
 * sizeof(tus_progress) before it is filled (tus_task_get_progress).
 */
typedef struct tus_progress {
    /**
     * What a callback gets: the size of the record in the library's version; members beyond it are
     * not there. What is to be filled: sizeof(tus_progress), as the program was compiled.
     */
    size_t struct_size;
    /**
     * Bytes handed to the operating system to be sent, counted from the beginning of the source.
     * What it has buffered is included, so this runs ahead of `confirmed`, and falls back to it
     * when a request breaks.
     */
    uint64_t sent;
    /**
     * Bytes acknowledged by the server: what survives any failure.
     */
    uint64_t confirmed;
    /**
     * The size of the upload in bytes; TUS_SIZE_UNKNOWN while it is unknown.
     */
    uint64_t total;
    /**
     * Bytes that were on the server before this operation; 0 until the server has told. Speed is
     * what came after.
     */
    uint64_t resumed;
    /**
     * Bytes sent per second, over the last seconds.
     */
    double speed;
    /**
     * How long the rest will take at this speed, in milliseconds; UINT64_MAX while nothing moves or
     * the total is unknown.
     */
    uint64_t eta_ms;
    /**
     * Tries of this operation that failed and were, or are about to be, repeated. A number that
     * grows while `confirmed` does not is a server that is down or a link that is broken.
     */
    uint64_t retries;
    /**
     * What the operation waits for before it sends anything, a value of enum tus_waiting; of an
     * upload in parts, what one of them waits for.
     */
    int32_t waiting;
} tus_progress;

/**
 * Called with the progress of an upload: at the start, at each acknowledged chunk, when a failed
 * try is about to be repeated, when a wait begins and ends, at the end, and about ten times a
 * second in between, whether bytes move or not. It is therefore also the way to stop an operation
 * from outside.
 *
 * - `user_data`: as registered.
 * - `progress`: how far the upload is; valid until the function returns.
 *
 * Returns 0 to go on; anything else ends the operation with TUS_E_CALLBACK, the upload stays on the
 * server and can be resumed. In the call at the end, when the server has everything, it comes too
 * late and changes nothing.
 */
typedef int32_t (*tus_progress_fn)(void *user_data, const struct tus_progress *progress);

/**
 * Called with the token by which an upload can be continued later
 * (tus_upload_options_set_resume_token), as soon as the upload has a URL and each time something in
 * it changes that a later run needs. The first time is before the first byte is sent, unless data
 * goes with the creation (tus_config_set_upload_with_creation): then it is after the first chunk,
 * and if that was all there is, not at all.
 *
 * - `user_data`: as registered.
 * - `token`: one word of letters, digits, '-', '_' and '.'; valid until the function returns.
 *   Whoever has it can write to the upload, so treat it as a secret.
 *
 * Returns 0 to go on; anything else ends the operation with TUS_E_CALLBACK, the upload stays on the
 * server.
 */
typedef int32_t (*tus_resume_token_fn)(void *user_data, const char *token);

/**
 * What an operation took. Set `struct_size` to sizeof(tus_stats) before it is filled.
 */
typedef struct tus_stats {
    /**
     * sizeof(tus_stats), as the program was compiled.
     */
    size_t struct_size;
    /**
     * Bytes that were on the server before this operation.
     */
    uint64_t bytes_resumed;
    /**
     * Bytes of the source handed to the network, repeated ones included.
     */
    uint64_t bytes_sent;
    /**
     * Requests on the wire.
     */
    uint64_t requests;
    /**
     * Tries that failed and were repeated.
     */
    uint64_t retries;
    /**
     * Chunks (requests with bytes of the source) that were acknowledged.
     */
    uint64_t chunks_completed;
    /**
     * Chunks that were given up for good: 1 once the operation has ended because of one, else 0,
     * but for parts and for an uploader that went on.
     */
    uint64_t chunks_failed;
    /**
     * From the start of the operation to its end, in milliseconds.
     */
    uint64_t elapsed_ms;
    /**
     * The size of the upload in bytes; TUS_SIZE_UNKNOWN while it is unknown.
     */
    uint64_t bytes_total;
    /**
     * Bytes the server has acknowledged, those of earlier runs included.
     */
    uint64_t bytes_confirmed;
    /**
     * Chunks that were sent more than once, however often.
     */
    uint64_t chunks_retried;
    /**
     * Requests with bytes of the source that there are in all: those completed, and the rest at the
     * present chunk size.
     */
    uint64_t chunks_total;
    /**
     * When the operation began, in milliseconds since 1970-01-01 00:00 UTC.
     */
    uint64_t started_ms;
    /**
     * Bytes sent per second, over the last seconds.
     */
    double speed;
    /**
     * How long the rest will take at this speed, in milliseconds; UINT64_MAX while nothing moves or
     * the total is unknown.
     */
    uint64_t eta_ms;
    /**
     * How much of the total is acknowledged, from 0 to 100; 0 while the total is unknown.
     */
    double progress_percent;
} tus_stats;

/**
 * Called once when a task is over, also if it failed or was cancelled before it began; never before
 * the call that began the task has written its result, nor inside it.
 *
 * - `user_data`: as registered.
 * - `task`: the task, which has its result; borrowed, valid until the function returns unless
 *   tus_task_ref is called.
 *
 * It may begin other operations, which is no blocking call, and take the task's results; blocking
 * calls on the same client and tus_client_close are TUS_E_BUSY, in the destroy of `user_data` too.
 * Where both run is said by tus_config_set_dispatch: there a destroy without a `done` waits for
 * tus_client_dispatch as well. No lock of the library's is held meanwhile.
 */
typedef void (*tus_done_fn)(void *user_data, struct tus_task *task);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library that is loaded, to be compared with TUS_VERSION_NUMBER, the one the
 * program was compiled with.
 *
 * Returns: major * 65536 + minor * 256 + patch.
 * Threads: any.
 * Since: 0.1
 */
TUS_API uint32_t tus_version_number(void);

/**
 * The version of the library that is loaded, as text.
 *
 * Returns: for example "0.1.0". Never NULL.
 * Ownership: the string is static.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_version_string(void);

/**
 * Whether this build of the library has a feature. The names:
 *
 * - "tls": https URLs
 * - "encodings": metadata in text encodings other than UTF-8
 * - "socks-proxy": SOCKS proxies, versions 4, 4a and 5
 * - "creation", "creation-with-upload", "creation-defer-length", "expiration", "checksum",
 *   "checksum-trailer", "termination", "concatenation", "concatenation-unfinished": the extensions
 *   of tus 1.0.0 of these names
 * - "checksum-sha1", "checksum-sha256", "checksum-sha512", "checksum-md5": the algorithms of enum
 *   tus_checksum
 * - "store", "resume-token": going on with the uploads of earlier runs
 * - "parallel": uploads in parts, several at once
 * - "uploader": tus_uploader
 * - "async": tus_task, the functions whose names end in _async, tus_client_dispatch,
 *   tus_client_close
 * - "writer": tus_writer
 *
 * Later versions may add names, never take one away.
 *
 * - `name`: the feature's name, in lower case.
 *
 * Returns: 1 if it is there; 0 if not, if this version does not know the name, or if `name` is
 * NULL.
 * Threads: any.
 * Since: 0.1
 */
TUS_API int tus_has_feature(const char *name);

/**
 * The name of a status code as it stands in this header, for messages and logs.
 *
 * - `status`: any number.
 *
 * Returns: for example "TUS_E_LOCKED"; "TUS_E_UNKNOWN" for a number this version does not know.
 * Never NULL.
 * Ownership: the string is static.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_status_name(tus_status status);

/**
 * The status that the failed call returned.
 *
 * - `e`: the error.
 *
 * Returns: the status, never TUS_OK; TUS_E_INVALID_ARGUMENT if `e` is NULL or no error.
 * Threads: any.
 * Since: 0.1
 */
TUS_API tus_status tus_error_status(const struct tus_error *e);

/**
 * What went wrong, with the whole chain of causes, in English, on one line. It carries no values of
 * the program's headers, also where the server repeats them, no queries of URLs, and no ids of
 * uploads unless they are asked for (tus_config_set_show_urls). What it quotes of the server's is
 * short and printable.
 *
 * - `e`: the error.
 *
 * Returns: the message; a static text if `e` is NULL or no error. Never NULL.
 * Ownership: borrowed; valid until the error is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_error_message(const struct tus_error *e);

/**
 * The HTTP status of the answer that the failure belongs to.
 *
 * - `e`: the error.
 *
 * Returns: for example 403; 0 if there was no answer, or if `e` is NULL or no error.
 * Threads: any.
 * Since: 0.1
 */
TUS_API int32_t tus_error_http_status(const struct tus_error *e);

/**
 * The operating system's code of the failure: errno on Unix, GetLastError on Windows.
 *
 * - `e`: the error.
 *
 * Returns: the code; 0 if there is none, or if `e` is NULL or no error.
 * Threads: any.
 * Since: 0.1
 */
TUS_API int32_t tus_error_os_code(const struct tus_error *e);

/**
 * The value that a callback returned to end the operation, or a tus_should_retry_fn to give up.
 *
 * - `e`: the error.
 *
 * Returns: the value; 0 if no callback ended it, or if `e` is NULL or no error.
 * Threads: any.
 * Since: 0.1
 */
TUS_API int32_t tus_error_callback_code(const struct tus_error *e);

/**
 * Whether the same operation may succeed when it is tried again later, with nothing changed.
 *
 * - `e`: the error.
 *
 * Returns: 1 if so, 0 if not, or if `e` is NULL or no error.
 * Threads: any.
 * Since: 0.1
 */
TUS_API int tus_error_is_retryable(const struct tus_error *e);

/**
 * The upload that exists on the server in spite of the failure: hand it to tus_client_resume_upload
 * to go on. An upload in parts has no URL yet: go on with it by tus_error_resume_token, or by the
 * store. It is the full URL; some servers let whoever knows it write to the upload, so treat it as
 * a secret.
 *
 * - `e`: the error.
 *
 * Returns: the URL; NULL if there is no upload to resume, or if `e` is NULL or no error.
 * Ownership: borrowed; valid until the error is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_error_upload_url(const struct tus_error *e);

/**
 * The token with which a later run, or the same one, goes on with the upload that failed
 * (tus_upload_options_set_resume_token). Unlike the URL it also stands for an upload in parts and
 * lets the source be recognised: a file that was not changed just before shows itself to be the
 * same; for all else the digest of what was sent does, which is only taken with a store or a
 * tus_resume_token_fn. Whoever has it can write to the upload, so treat it as a secret.
 *
 * - `e`: the error.
 *
 * Returns: the token, one word of letters, digits, '-', '_' and '.'; NULL if there is no upload to
 * go on with, its source cannot be recognised again, or `e` is NULL or no error.
 * Ownership: borrowed; valid until the error is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_error_resume_token(const struct tus_error *e);

/**
 * The method of the request that failed, as it was sent: POST where
 * tus_config_set_override_patch_method hides a PATCH or DELETE behind it. tus_error_message then
 * names both.
 *
 * - `e`: the error.
 *
 * Returns: for example "PATCH"; NULL if no request was involved, or if `e` is NULL or no error.
 * Ownership: borrowed; valid until the error is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_error_request_method(const struct tus_error *e);

/**
 * The whole URL of the request that failed; userinfo is never in it. Some servers let whoever knows
 * an upload's URL write to it, and queries may be signatures, so treat it as a secret;
 * tus_error_message has a form for logs.
 *
 * - `e`: the error.
 *
 * Returns: the URL; NULL if no request was involved, or if `e` is NULL or no error.
 * Ownership: borrowed; valid until the error is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_error_request_url(const struct tus_error *e);

/**
 * The id of the request that failed, to be looked for in the server's log: its X-Request-ID,
 * whoever set it (tus_config_set_add_request_id, a header of the program's), or else the one that
 * the server's answer carries. It is part of the message too.
 *
 * - `e`: the error.
 *
 * Returns: the id; NULL if there is none, no request was involved, or if `e` is NULL or no error.
 * Ownership: borrowed; valid until the error is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_error_request_id(const struct tus_error *e);

/**
 * A header of the answer that the failure belongs to.
 *
 * - `e`: the error.
 * - `name`: the header's name, in any case.
 *
 * Returns: its first value (tus_error_response_header_at has the others); NULL if the answer has no
 * such header or there was no answer, or if an argument is NULL or invalid.
 * Ownership: borrowed; valid until the error is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_error_response_header(const struct tus_error *e, const char *name);

/**
 * How many values a header of the answer has, which may come more than once (Set-Cookie).
 *
 * - `e`: the error.
 * - `name`: the header's name, in any case.
 *
 * Returns: the number; 0 if the answer has no such header or there was no answer, or if an argument
 * is NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API size_t tus_error_response_header_count(const struct tus_error *e, const char *name);

/**
 * One of the values of a header of the answer.
 *
 * - `e`: the error.
 * - `name`: the header's name, in any case.
 * - `index`: which one, from 0, in the order they came.
 *
 * Returns: the value; NULL if there are not so many, or if an argument is NULL or invalid.
 * Ownership: borrowed; valid until the error is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API
const char *tus_error_response_header_at(const struct tus_error *e,
                                         const char *name,
                                         size_t index);

/**
 * The body of the answer that the failure belongs to, as the server sent it, cut after 64 KiB.
 * Unlike the message it is not made fit for anything: it may repeat the request, credentials
 * included, and have control characters.
 *
 * - `e`: the error.
 * - `len`: receives the number of bytes; 0 if there is no body. May be NULL.
 *
 * Returns: the bytes, not NUL-terminated; NULL if there is no body, or if `e` is NULL or no error.
 * Ownership: borrowed; valid until the error is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const void *tus_error_response_body(const struct tus_error *e, size_t *len);

/**
 * Frees an error. Its strings become invalid.
 *
 * - `e`: the error, or NULL, which does nothing. One that was handed to a callback is left alone.
 *
 * Threads: any, one at a time, and none may still use the error.
 * Since: 0.1
 */
TUS_API void tus_error_free(struct tus_error *e);

/**
 * The details of the last call on this thread that failed and had no other place for them: a
 * function that returns a tus_status and has no `err`, or one that has it and got NULL. A call that
 * succeeds changes nothing, so look here only after a failure. A program whose work moves from
 * thread to thread (goroutines, some coroutines) has to stay on one from the call to this one.
 *
 * Returns: the error; NULL if no such call has failed on this thread.
 * Ownership: borrowed, not to be freed; valid until the next such failure on this thread, or the
 * thread's end.
 * Threads: any; each has its own.
 * Since: 0.1
 */
TUS_API const struct tus_error *tus_last_error(void);

/**
 * Writes bytes to a sink. Whether the calls make up one text (tus_fingerprint_fn) or each is a
 * record of its own (tus_store_vtable) is said where the sink comes from.
 *
 * - `s`: the sink.
 * - `data`: the bytes; may be NULL if `len` is 0.
 * - `len`: how many.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `s` is NULL or invalid, `data` is NULL but `len` is
 * not 0, or `len` is larger than any object in memory can be.
 * Ownership: the bytes are copied.
 * Threads: the function's that got the sink.
 * Since: 0.1
 */
TUS_API tus_status tus_sink_write(struct tus_sink *s, const void *data, size_t len);

/**
 * The method as it will be sent.
 *
 * - `r`: the request.
 *
 * Returns: for example "PATCH"; NULL if `r` is NULL or no request.
 * Ownership: borrowed; valid until the callback returns.
 * Threads: the callback's.
 * Since: 0.1
 */
TUS_API const char *tus_request_method(const struct tus_request *r);

/**
 * Where the request goes, in full: the query may carry secrets.
 *
 * - `r`: the request.
 *
 * Returns: the absolute URL; NULL if `r` is NULL or no request.
 * Ownership: borrowed; valid until the callback returns.
 * Threads: the callback's.
 * Since: 0.1
 */
TUS_API const char *tus_request_url(const struct tus_request *r);

/**
 * A header of the request, the library's own included.
 *
 * - `r`: the request.
 * - `name`: the header's name, in any case.
 *
 * Returns: its first value; NULL if it has none, or if an argument is NULL or invalid.
 * Ownership: borrowed; valid until the callback returns, also if the header is changed meanwhile.
 * Threads: the callback's.
 * Since: 0.1
 */
TUS_API const char *tus_request_header(const struct tus_request *r, const char *name);

/**
 * Whether the request goes to the server that the client was configured for, or to an origin
 * allowed with tus_config_allow_origin. Requests elsewhere carry none of the caller's headers
 * (T-150), and none can be set.
 *
 * - `r`: the request.
 *
 * Returns: 1 if so; 0 if not, or if `r` is NULL or no request.
 * Threads: the callback's.
 * Since: 0.1
 */
TUS_API int tus_request_is_trusted_origin(const struct tus_request *r);

/**
 * Sets, replaces or removes a header of this one request.
 *
 * - `r`: the request, in a tus_before_request_fn.
 * - `name`: the header's name. Those that the protocol or the message needs are the library's own:
 *   Tus-Resumable, Upload-Offset and their kind, Host, Content-Type, Content-Length and the like.
 * - `value`: UTF-8 without control characters (a tab inside is allowed) and without blanks at its
 *   ends; NULL removes the header.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `r` or `name` is NULL or invalid, the header is the
 * library's own, or the value cannot be sent; TUS_E_UNSUPPORTED if the request goes to an origin
 * that is not trusted (T-150); TUS_E_INVALID_STATE if it was sent already. On failure the request
 * is unchanged.
 * Ownership: the strings are copied.
 * Threads: the callback's.
 * Since: 0.1
 */
TUS_API
tus_status tus_request_set_header(struct tus_request *r,
                                  const char *name,
                                  const char *value);

/**
 * The HTTP status of an answer.
 *
 * - `r`: the answer.
 *
 * Returns: for example 204; 0 if `r` is NULL or no answer.
 * Threads: the callback's.
 * Since: 0.1
 */
TUS_API int32_t tus_response_status(const struct tus_response *r);

/**
 * A header of an answer.
 *
 * - `r`: the answer.
 * - `name`: the header's name, in any case.
 *
 * Returns: its first value (tus_response_header_at has the others); NULL if it has none, or if an
 * argument is NULL or invalid.
 * Ownership: borrowed; valid until the callback returns.
 * Threads: the callback's.
 * Since: 0.1
 */
TUS_API const char *tus_response_header(const struct tus_response *r, const char *name);

/**
 * How many values a header of an answer has, which may come more than once (Set-Cookie).
 *
 * - `r`: the answer.
 * - `name`: the header's name, in any case.
 *
 * Returns: the number; 0 if it has none, or if an argument is NULL or invalid.
 * Threads: the callback's.
 * Since: 0.1
 */
TUS_API size_t tus_response_header_count(const struct tus_response *r, const char *name);

/**
 * One of the values of a header of an answer.
 *
 * - `r`: the answer.
 * - `name`: the header's name, in any case.
 * - `index`: which one, from 0, in the order they came.
 *
 * Returns: the value; NULL if there are not so many, or if an argument is NULL or invalid.
 * Ownership: borrowed; valid until the callback returns.
 * Threads: the callback's.
 * Since: 0.1
 */
TUS_API
const char *tus_response_header_at(const struct tus_response *r,
                                   const char *name,
                                   size_t index);

/**
 * The body of an answer, as the server sent it, cut after 64 KiB.
 *
 * - `r`: the answer.
 * - `len`: receives the number of bytes; 0 if there is no body. May be NULL.
 *
 * Returns: the bytes, not NUL-terminated; NULL if there is no body, or if `r` is NULL or no answer.
 * Ownership: borrowed; valid until the callback returns.
 * Threads: the callback's.
 * Since: 0.1
 */
TUS_API const void *tus_response_body(const struct tus_response *r, size_t *len);

/**
 * Sets, replaces or removes a header of all requests of the client from now on, those of its other
 * operations included. Nothing is changed if the callback then gives up.
 *
 * - `out`: the credentials, in a tus_credentials_fn.
 * - `name`: the header's name, as for tus_config_set_header.
 * - `value`: as for tus_config_set_header; NULL removes the header.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `out` or `name` is NULL or invalid, the header is the
 * library's own, or the value cannot be sent.
 * Ownership: the strings are copied.
 * Threads: the callback's.
 * Since: 0.1
 */
TUS_API
tus_status tus_credentials_set_header(struct tus_credentials *out,
                                      const char *name,
                                      const char *value);

/**
 * Limits the bytes per second that all uploads of a client send together, blocking ones too. Only
 * the data of requests counts, not their heads and not what TLS adds. What the system's buffers
 * have taken before cannot be held back.
 *
 * - `c`: the configuration.
 * - `bytes_per_second`: the limit; 0: none, which is the default.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_bandwidth_limit(struct tus_config *c, uint64_t bytes_per_second);

/**
 * Limits the memory for data that all uploads of a client may need together, blocking ones too:
 * chunks with a checksum in their head, sources whose size is unknown, and 256 KiB for each
 * request. An upload reserves the most it may come to need and begins when there is so much; one
 * always runs. A paused task and a tus_uploader between two calls keep what they have read and
 * cannot read again: that counts too, but nobody waits for it; where it leaves too little, less is
 * read ahead, 64 KiB at least. Sources in memory and tus_writer buffers are the program's own and
 * do not count.
 *
 * - `c`: the configuration.
 * - `bytes`: the limit; 0: none, which is the default.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_memory_limit(struct tus_config *c, uint64_t bytes);

/**
 * Changes the limit of tus_config_set_bandwidth_limit, for uploads under way too: within a tenth of
 * a second.
 *
 * - `c`: the client.
 * - `bytes_per_second`: the limit; 0: none.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid; TUS_E_FORKED.
 * Threads: any, also from inside a callback of the same client.
 * Since: 0.1
 */
TUS_API tus_status tus_client_set_bandwidth_limit(struct tus_client *c, uint64_t bytes_per_second);

/**
 * Changes the limit of tus_config_set_memory_limit, for uploads that have not begun.
 *
 * - `c`: the client.
 * - `bytes`: the limit; 0: none.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid; TUS_E_FORKED.
 * Threads: any, also from inside a callback of the same client.
 * Since: 0.1
 */
TUS_API tus_status tus_client_set_memory_limit(struct tus_client *c, uint64_t bytes);

/**
 * Makes a configuration with the defaults that are told at each setter.
 *
 * Returns: the configuration; NULL only after a bug in the library.
 * Ownership: the caller frees it with tus_config_free.
 * Threads: any.
 * Since: 0.1
 */
TUS_API struct tus_config *tus_config_new(void);

/**
 * Frees a configuration. Clients made of it keep their copies, callbacks included.
 *
 * - `c`: the configuration, or NULL, which does nothing.
 *
 * Threads: any, one at a time, and none may still use it.
 * Since: 0.1
 */
TUS_API void tus_config_free(struct tus_config *c);

/**
 * The details of the last refusal of a setter: which value it was and what is allowed. The first
 * refusal is what tus_client_new returns.
 *
 * - `c`: the configuration.
 *
 * Returns: the error; NULL if no setter has refused anything, or if `c` is NULL or invalid.
 * Ownership: borrowed, not to be freed; valid until a setter refuses another value or `c` is freed.
 * Threads: one at a time.
 * Since: 0.1
 */
TUS_API const struct tus_error *tus_config_last_error(const struct tus_config *c);

/**
 * Sets the URL that uploads are created at (T-040). A client without it can only work on uploads
 * that exist, by their absolute URLs, and answers TUS_E_INVALID_STATE to the rest; the caller's
 * headers it sends to origins given to tus_config_allow_origin.
 *
 * - `c`: the configuration.
 * - `endpoint`: an absolute http or https URL, kept byte for byte (what may not stand in a path or
 *   query is percent-encoded): a slash at its end matters when the server answers with a relative
 *   Location (T-044). A user name and password in it become Basic authentication and are never part
 *   of a request's URL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or this is no such
 * URL.
 * Ownership: the string is copied.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_url(struct tus_config *c, const char *endpoint);

/**
 * Sets a header that goes with every request, whatever its method, to the endpoint's origin and to
 * those given to tus_config_allow_origin, but to no other (T-150). That the caller names an upload
 * by a URL makes its origin none of them: a client without an endpoint sends the header to allowed
 * origins only. Default: none.
 *
 * - `c`: the configuration.
 * - `name`: the header's name. Those that the protocol or the message needs are the library's own:
 *   Tus-Resumable, Upload-Offset and their kind, Host, Content-Type, Content-Length and the like.
 * - `value`: UTF-8 without control characters (a tab inside is allowed) and without blanks at its
 *   ends; NULL removes the header.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` or `name` is NULL or invalid, the header is the
 * library's own, or the value cannot be sent.
 * Ownership: the strings are copied.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_header(struct tus_config *c, const char *name, const char *value);

/**
 * Lets requests to another origin carry the caller's headers and show the client certificate too:
 * for servers whose uploads live on another host than the endpoint, and for clients without an
 * endpoint (T-150). May be called for several. Default: none.
 *
 * - `c`: the configuration.
 * - `url`: any absolute http or https URL; its scheme, host and port count.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or this is no such
 * URL.
 * Ownership: the string is copied.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_allow_origin(struct tus_config *c, const char *url);

/**
 * Sets how many bytes one PATCH request carries at most (T-023). The memory needed does not depend
 * on it.
 *
 * A size of your own and TUS_CHUNK_WHOLE are kept, but where a chunk has to lie in memory, which it
 * does up to 8 MiB: if the source's size is unknown; or if a checksum goes ahead of the data
 * (tus_config_set_checksum_trailers) and the source cannot be read again from anywhere (a
 * tus_writer, a reader without `seek`). Any other source is read twice for such a chunk, once for
 * its checksum and once to be sent; switch checksums off to save that. Other bounds are the rules
 * of tus_config_set_chunk_rules for TUS_CHUNK_WHOLE, and a server that refuses a request for its
 * size. What a break may cost is a whole chunk if the server does not keep parts of one, as none
 * does that checks checksums; of a source that can only be read forward no more than the last MiB
 * can be sent again, and an upload that needs more ends with TUS_E_SOURCE.
 *
 * - `c`: the configuration.
 * - `bytes`: from 1 to 2^63-1; TUS_CHUNK_AUTO: grows while the link allows and shrinks when a
 *   request is refused for its size or breaks; TUS_CHUNK_WHOLE: all that is left in one request.
 *   Default: TUS_CHUNK_AUTO.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or `bytes` is 0 or out of
 * range.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_chunk_size(struct tus_config *c, uint64_t bytes);

/**
 * Sets what the server wants of the size of chunks, where its documentation says so. TUS_CHUNK_AUTO
 * and TUS_CHUNK_WHOLE keep to it, but for the last chunk of an upload, which is what is left; a
 * size of your own is sent as it is.
 *
 * - `c`: the configuration.
 * - `min_bytes`: the smallest chunk; 0: any. Default: 0.
 * - `max_bytes`: the largest; 0: any. Default: 0.
 * - `multiple_bytes`: what a chunk's size is a multiple of; 0: any. Default: 0.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or no size fulfils all three.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API
tus_status tus_config_set_chunk_rules(struct tus_config *c,
                                      uint64_t min_bytes,
                                      uint64_t max_bytes,
                                      uint64_t multiple_bytes);

/**
 * Sets the encoding that text metadata has on the server; the program's side is always UTF-8.
 * Metadata set as bytes is not touched by it.
 *
 * - `c`: the configuration.
 * - `label`: a name of the WHATWG Encoding Standard, in any case. Default: "utf-8".
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or this is no such
 * name; TUS_E_UNSUPPORTED if text cannot be written in this encoding (UTF-16), or if
 * tus_has_feature("encodings") is 0 and it is not UTF-8.
 * Ownership: the string is copied.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_metadata_encoding(struct tus_config *c, const char *label);

/**
 * Sets what checksums the data of an upload carries, by which the server finds out what was changed
 * on the way (T-090): a chunk that arrives damaged is sent again, after two times with another
 * algorithm if both sides know one. Which algorithms a server knows is asked before the first byte;
 * see also tus_config_set_query_server. A chunk with a checksum is hashed before it is sent: in
 * memory up to 8 MiB, read twice beyond that (tus_config_set_checksum_trailers). The result tells
 * which algorithm all data was checked by (tus_info_checksum).
 *
 * - `c`: the configuration.
 * - `algorithm`: a value of enum tus_checksum; TUS_CHECKSUM_AUTO: sha1 or sha256, whichever this
 *   machine computes faster, else the other one or sha512. Default: TUS_CHECKSUM_AUTO.
 * - `policy`: a value of enum tus_checksum_policy. TUS_CHECKSUM_IF_AVAILABLE: with another
 *   algorithm if the server lacks this one, and with none if it knows none. TUS_CHECKSUM_REQUIRED:
 *   exactly this one (any, with TUS_CHECKSUM_AUTO), or the operation ends with TUS_E_UNSUPPORTED
 *   before a byte is sent. Default: TUS_CHECKSUM_IF_AVAILABLE; but no checksums unless this
 *   function asks for them where a chunk size was asked for that does not fit into memory
 *   (TUS_CHUNK_WHOLE or more than 8 MiB, of a source that has more than that).
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, this is no algorithm or no
 * policy, or TUS_CHECKSUM_NONE is required.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_checksum(struct tus_config *c, int32_t algorithm, int32_t policy);

/**
 * Sets whether a checksum may follow the data as a trailer where the server offers that (T-100).
 * Then data goes out as it is read; else each chunk is hashed before it is sent: in memory up to 8
 * MiB, read twice beyond that (see tus_config_set_chunk_size). Some proxies drop trailers without a
 * word or hang on them. So each upload first sends a wrong checksum without data; unless that is
 * refused as wrong, checksums go in headers, and so they do once a request with a trailer is not
 * answered, and where an HTTP proxy (tus_config_set_proxy) forwards what goes to an http:// URL.
 *
 * - `c`: the configuration.
 * - `on`: 0 off, anything else on. Default: off.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_checksum_trailers(struct tus_config *c, int on);

/**
 * Sets a metadata value that each part of an upload in parts carries
 * (tus_upload_options_set_parallel_uploads); an upload's own metadata goes with the whole alone
 * (T-123). Default: none.
 *
 * - `c`: the configuration.
 * - `key`: visible ASCII without space and comma, at least one character.
 * - `value`: the bytes; may be NULL if `len` is 0.
 * - `len`: how many; 0 sends the key alone.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` or `key` is NULL or invalid, `value` is NULL but
 * `len` is not 0, or the key has other characters.
 * Ownership: key and value are copied.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API
tus_status tus_config_set_metadata_for_partial_uploads(struct tus_config *c,
                                                       const char *key,
                                                       const void *value,
                                                       size_t len);

/**
 * Sets where servers may point to: with the URL of an upload that they create, and with redirects.
 * The origins of the endpoint and of tus_config_allow_origin are always allowed, and so is that of
 * a URL that the program itself names. The headers of the program go to none but the former,
 * whatever is set here.
 *
 * - `c`: the configuration.
 * - `locations`: a value of enum tus_locations. TUS_LOCATIONS_OUTWARD: anywhere; but where a server
 *   at a public address points to loopback, link-local or private addresses, no connection to them
 *   is made. What counts is the address that is connected to, not how the URL is written. A server
 *   behind a proxy counts as one at a public address; of a URL that is requested through a proxy
 *   only an address in numbers is judged, for names are the proxy's to look up. TUS_LOCATIONS_ANY:
 *   anywhere. TUS_LOCATIONS_ALLOWED: nowhere else. Default: TUS_LOCATIONS_OUTWARD.
 *
 * An operation that a server leads to where it may not ends with TUS_E_PROTOCOL before a byte is
 * sent there; the error has the upload's URL, if there is one.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or this is no such value.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_locations(struct tus_config *c, int32_t locations);

/**
 * Sets whether the first chunk of an upload goes with the request that creates it, where the server
 * offers that: one round trip less, and a small file is one request (T-060). How large a first
 * chunk is tells tus_config_set_chunk_size. Only what the server was asked for, or
 * tus_client_get_server_info has learned, counts as offered. No data goes along with checksums,
 * which are defined for later requests alone, nor for a tus_uploader or the parts of an upload.
 *
 * What it costs: until that request is answered nobody knows the upload's URL. So a connection that
 * breaks meanwhile loses all that was sent; tus_on_upload_url_fn and tus_resume_token_fn are
 * called, and a store notes the upload, only after the first chunk; a pause takes effect only then.
 * And if the first chunk was the whole upload and the answer is lost, the server may hold a
 * complete upload that this program was never told of.
 *
 * - `c`: the configuration.
 * - `data`: a value of enum tus_creation_data. TUS_CREATION_DATA_OFF: no data goes with it; if it
 *   is not answered it is repeated, and what is left on the server is an upload without data at
 *   most. (But an upload of size 0 is complete with its creation, and ends without a clear answer
 *   as the next value says.) TUS_CREATION_DATA_ON: data goes with it, once. Without an answer it is
 *   repeated without data; but if the whole upload was sent and may be complete on the server (no
 *   answer, or one like 500, 502 or 429), the operation ends with TUS_E_UNCONFIRMED, for only the
 *   program can tell whether a second upload does harm. TUS_CREATION_DATA_REPEAT: as before, but
 *   then repeated, data and all: a second complete upload may be left on the server. It also lets
 *   the request be repeated that puts parts together, and the creation of an upload of size 0.
 *   Default: TUS_CREATION_DATA_OFF.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or this is no such value.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_upload_with_creation(struct tus_config *c, int32_t data);

/**
 * Sets whether the server is asked for its capabilities (OPTIONS) before the first upload. Off
 * saves one request for each client. Then nothing is known of the server, as with one that does not
 * answer: no extension is used that the program did not ask for (no checksums, no data with the
 * creation), what it asks for is tried (a stream of unknown size, a partial or final upload, a
 * removal), and a refusal is told as what the server said (T-006).
 *
 * - `c`: the configuration.
 * - `on`: 0 off, anything else on. Default: on.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_query_server(struct tus_config *c, int on);

/**
 * Sets what the server can do, for a service that says so in its documentation and not by OPTIONS.
 * It is then not asked before uploads; tus_client_get_server_info still asks.
 *
 * - `c`: the configuration.
 * - `extensions`: the names of the extensions (T-007) with commas between them, for example
 *   "creation-defer-length,checksum,termination"; NULL: the server is asked. Default: NULL.
 * - `max_size`: the largest upload it takes, in bytes (T-008); TUS_SIZE_UNKNOWN: not known.
 * - `checksum_algorithms`: their names with commas between them (T-090), or NULL: sha1, if
 *   "checksum" is an extension.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, a text is not UTF-8, or a name
 * is empty or has a character that no name has.
 * Ownership: the strings are copied.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API
tus_status tus_config_set_capabilities(struct tus_config *c,
                                       const char *extensions,
                                       uint64_t max_size,
                                       const char *checksum_algorithms);

/**
 * Sets whether PATCH and DELETE are sent as POST with X-HTTP-Method-Override, for networks that let
 * only GET and POST through (T-009).
 *
 * - `c`: the configuration.
 * - `on`: 0 off, anything else on. Default: off.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_override_patch_method(struct tus_config *c, int on);

/**
 * Sets whether every request carries a random X-Request-ID, to be found again in the server's log.
 * It stands in the library's log lines and in errors (tus_error_request_id).
 *
 * - `c`: the configuration.
 * - `on`: 0 off, anything else on. Default: off.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_add_request_id(struct tus_config *c, int on);

/**
 * Sets how often and how long to try again. Every request of an operation draws from the same
 * budget, and only progress restores it: the server having acknowledged more bytes (T-034). The
 * delay doubles with each retry and is partly random (T-141); a Retry-After of the server's goes
 * first (T-140).
 *
 * - `c`: the configuration.
 * - `max_retries`: failed tries in a row before the operation fails; 0: none is repeated. Default:
 *   6.
 * - `base_delay_ms`: the delay before the first retry, in milliseconds. Default: 1000.
 * - `max_delay_ms`: the longest delay, in milliseconds. Default: 60000.
 *
 * As long as neither this function nor tus_config_set_timeouts_ms has been called, a server that
 * does not answer at all from the beginning of an operation on (no connection, or no answer) is
 * told after two minutes at the latest, whatever the limits above would allow: no try is begun
 * after 88 seconds, and an answer is waited for until 110 seconds, 60 of them for one request. One
 * that refuses connections is tried for 31 to 63 seconds.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API
tus_status tus_config_set_retry(struct tus_config *c,
                                uint32_t max_retries,
                                uint64_t base_delay_ms,
                                uint64_t max_delay_ms);

/**
 * Sets how long to wait, in a row, for an upload that another request has locked (423, or 409 again
 * although the offset asked for has not changed). After it the operation ends with TUS_E_LOCKED, or
 * TUS_E_OFFSET_CONFLICT where the server said 409. Such waits do not count as retries: servers hold
 * the lock of a dead connection for up to minutes.
 *
 * - `c`: the configuration.
 * - `milliseconds`: the budget; 0: a lock fails the operation at once. Default: 120000.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_lock_budget_ms(struct tus_config *c, uint64_t milliseconds);

/**
 * Sets the longest Retry-After that is waited for; a longer one fails the operation with the error
 * at hand (T-140).
 *
 * - `c`: the configuration.
 * - `milliseconds`: the limit. Default: 3600000, an hour.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_max_retry_after_ms(struct tus_config *c, uint64_t milliseconds);

/**
 * Sets the time limits of each request, and that of a whole operation (T-029).
 *
 * - `c`: the configuration.
 * - `connect_ms`: resolving the name, connecting (a proxy included) and the TLS handshake together,
 *   in milliseconds. Default: 30000.
 * - `response_ms`: from the last byte of a request to the complete head of its answer, in
 *   milliseconds. Default: 120000.
 * - `stall_ms`: how long no byte may move in either direction, in milliseconds. Default: 60000.
 * - `total_ms`: the whole operation, retries and waits included, in milliseconds; 0: no limit.
 *   Default: 0. An operation that would have to wait longer than that, for a Retry-After or a lock
 *   too, ends with TUS_E_TIMEOUT at once. It bounds work on this machine too: waiting for a source,
 *   reading and hashing it. What it does not bound is a function of the program's or a system call
 *   that does not return, a store's among them (tus_store_vtable).
 *
 * Without this call a server that does not answer at all is given less time: see
 * tus_config_set_retry.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or one of the first three
 * limits is 0.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API
tus_status tus_config_set_timeouts_ms(struct tus_config *c,
                                      uint64_t connect_ms,
                                      uint64_t response_ms,
                                      uint64_t stall_ms,
                                      uint64_t total_ms);

/**
 * Sets whether the certificates of https servers are verified. Without it any certificate will do,
 * so that anybody on the way can read and change an upload: for tests only, or together with
 * tus_config_pin_tls_key. That the server holds the key of the certificate it shows is always
 * checked.
 *
 * - `c`: the configuration.
 * - `verify`: 0 off, anything else on. Default: on.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_tls_verify(struct tus_config *c, int verify);

/**
 * Sets whether nothing may go over plain http: neither to the endpoint, nor to the URL of an
 * upload, nor to where a server points. Such a request ends the operation with TUS_E_TLS before a
 * byte is sent, and tus_client_new refuses an endpoint that begins with http://.
 * tus_config_pin_tls_key, tus_config_set_tls_client_certificate and TUS_TLS_1_3 as the lowest
 * version ask for that by themselves, whatever is set here.
 *
 * - `c`: the configuration.
 * - `on`: 0 off, anything else on. Default: off.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_https_only(struct tus_config *c, int on);

/**
 * Sets the lowest version of TLS to speak. With TUS_TLS_1_3 nothing goes over plain http either
 * (see tus_config_set_https_only).
 *
 * - `c`: the configuration.
 * - `version`: TUS_TLS_1_2 or TUS_TLS_1_3. Default: TUS_TLS_1_2.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or this is none of the two.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_tls_min_version(struct tus_config *c, int32_t version);

/**
 * Talks only to https servers with this key, or another one given by a call of this function,
 * besides everything else that is verified; nothing goes over plain http (see
 * tus_config_set_https_only). With tus_config_set_tls_verify off the key alone says who the server
 * is: it has proved that it holds the key before anything is sent.
 *
 * - `c`: the configuration.
 * - `pin`: the SHA-256 of the SubjectPublicKeyInfo of the server's certificate (DER) in base64,
 *   with or without "sha256//" before it. Default: none.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or this is not the
 * base64 form of 32 bytes. An operation that meets another key ends with TUS_E_TLS.
 * Ownership: the string is copied.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_pin_tls_key(struct tus_config *c, const char *pin);

/**
 * Sets the certificates to trust instead of the platform's.
 *
 * - `c`: the configuration.
 * - `file`: the path of a file of PEM certificates, read by tus_client_new, which fails if one of
 *   them cannot be read. Raw bytes on Unix, UTF-8 on Windows. Default: the platform's certificates,
 *   from where it keeps them; no environment variable is asked. tus_client_new reads those too, so
 *   that a program may give up its rights or change its root afterwards, unless the endpoint is a
 *   plain http one and no https origin was given to tus_config_allow_origin: then they are read
 *   when an https server is first met.
 *
 * A certificate is an authority for other servers if it says so: basicConstraints with CA:TRUE,
 * keyUsage with keyCertSign or without keyUsage, extendedKeyUsage with serverAuth or without it. It
 * need not be self-signed: an intermediate authority alone is enough. Any certificate of the file,
 * self-signed or not, is also trusted as that of a server that shows exactly this one, if its dates
 * and its subjectAltName fit. One of version 1 is no authority.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or the path is empty.
 * Ownership: the string is copied.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_tls_ca_file(struct tus_config *c, const char *file);

/**
 * Sets the certificate that the client identifies itself with. Like headers of the caller's it goes
 * to the endpoint's origin and to those given to tus_config_allow_origin, but to no other (T-150),
 * whatever URL is worked on; and nothing goes over plain http (see tus_config_set_https_only).
 *
 * - `c`: the configuration.
 * - `chain_path`: a PEM file with the certificate, then those between it and the authority.
 * - `key_path`: a PEM file with its private key, not encrypted. It may be the same file.
 *
 * Both are read by tus_client_new. Raw bytes on Unix, UTF-8 on Windows. A key file that all users
 * of the machine may read is worth a warning to the log. Default: none.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or a path is empty.
 * Ownership: the strings are copied.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API
tus_status tus_config_set_tls_client_certificate(struct tus_config *c,
                                                 const char *chain_path,
                                                 const char *key_path);

/**
 * Sets the proxy. Without this call the environment decides when the client is made: http_proxy
 * (lower case only), https_proxy, all_proxy and no_proxy (lower or upper case), by curl's rules. A
 * value that names no proxy makes tus_client_new fail if its endpoint would go through it, and a
 * request elsewhere that would, with TUS_E_INVALID_ARGUMENT and the variable's name; it is of no
 * account to all others (another scheme, a host in no_proxy).
 *
 * A proxy that refuses a tunnel (any status but 5xx) ends the operation at once: TUS_E_HTTP_STATUS,
 * with the proxy's status in tus_error_http_status and CONNECT in tus_error_request_method.
 *
 * - `c`: the configuration.
 * - `url`: scheme://user:password@host:port, all but the host optional. The scheme is http, socks4,
 *   socks4a, socks5, socks5h or socks (the same as socks5h), by default http; the port is by
 *   default 1080. NULL or "": no proxy, whatever the environment says.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or this is no proxy's URL.
 * Ownership: the string is copied.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_proxy(struct tus_config *c, const char *url);

/**
 * Sets the User-Agent header.
 *
 * - `c`: the configuration.
 * - `value`: UTF-8 without control characters and without blanks at its ends. Default: "libtus/"
 *   and the version.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or the value cannot be
 * sent.
 * Ownership: the string is copied.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_user_agent(struct tus_config *c, const char *value);

/**
 * Keeps what is known of unfinished uploads in a folder, so that a later run, of this program or
 * another one, goes on where an upload of the same source to the same endpoint was interrupted
 * (T-052). Entries survive crashes; while an upload is worked on, others leave it alone: they wait
 * a second for it to be free, and then send an upload of their own. Only the user himself can read
 * them. A folder that cannot be used is a warning in the log and never fails an upload.
 *
 * Each entry is a file whose name is a hash of endpoint, size and URL, and whose content is JSON:
 * the upload's URL, the endpoint without its query, the source's size, fingerprint and times, when
 * the upload expires. Headers and tokens of yours are not in it; the upload's URL is, as the server
 * gave it, and a hash of its metadata. The entry of an upload that is complete is removed. What is
 * read back is trusted only so far: a folder or file that belongs to another user is not read, and
 * a URL in it counts only at the endpoint's origin or an origin allowed by tus_config_allow_origin.
 *
 * - `c`: the configuration.
 * - `path`: the folder; it and those above it are made, for this user alone, when there is
 *   something to keep. A relative one is taken from the present working directory. Raw bytes on
 *   Unix, UTF-8 on Windows. Default: no store.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or the path is empty.
 * Ownership: the string is copied.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_store_dir(struct tus_config *c, const char *path);

/**
 * Keeps what is known of unfinished uploads in the platform's folder for such state, as
 * tus_config_set_store_dir would: `libtus` in $XDG_STATE_HOME, or in ~/.local/state where that is
 * not set. All programs of the user that ask for it share it. The environment is read in this call.
 *
 * - `c`: the configuration. Default: no store.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid; TUS_E_UNSUPPORTED if neither
 * XDG_STATE_HOME nor HOME is set to an absolute path.
 * Threads: one at a time for each configuration, and while no other thread changes the environment.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_store_default(struct tus_config *c);

/**
 * Keeps what is known of unfinished uploads in a store of the program's, in place of a folder
 * (tus_config_set_store_dir).
 *
 * - `c`: the configuration.
 * - `vtable`: the store's functions, which are copied; NULL: no store, which is the default.
 * - `user_data`: handed to each of them; may be NULL. Not released if `vtable` is NULL.
 *
 * If this call fails, `destroy` runs at once, provided that `vtable` is not NULL and `struct_size`
 * covers it.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, `struct_size` is smaller than
 * the structure or absurdly large, or `find`, `put` or `remove` is NULL.
 * Ownership: `user_data` is the configuration's and its clients' until `destroy` has run.
 * Threads: one at a time for each configuration. For those of the functions see tus_store_vtable.
 * Since: 0.1
 */
TUS_API
tus_status tus_config_set_store(struct tus_config *c,
                                const struct tus_store_vtable *vtable,
                                void *user_data);

/**
 * Sets the key that resume tokens are signed with (HMAC-SHA-256 over all of a token). With a key, a
 * token counts only if it was signed with this key; any other is refused before anything in it is
 * read. Without one, tokens are not signed: whoever can hand the program a token can write one
 * himself, and so choose which upload at the endpoint's origin or an allowed one the data goes to.
 * So set a key wherever a token leaves the program's hands: in a form, a URL, a database that
 * others write to.
 *
 * What a token names is held against this client in either case: it counts only for the client's
 * own endpoint and for uploads at the endpoint's origin or an origin allowed by
 * tus_config_allow_origin, and nothing it names is deleted unless the server shows it to be the
 * upload that the token tells of.
 *
 * - `c`: the configuration.
 * - `key`: the bytes of the key, best 32 random ones; NULL: none, which is the default. It is wiped
 *   from memory with the configuration and its clients.
 * - `len`: how many, at least 16; 0 if `key` is NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, `key` is NULL but `len` is not
 * 0, or `len` is below 16.
 * Ownership: the bytes are copied.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_token_key(struct tus_config *c, const void *key, size_t len);

/**
 * Sets how a source is recognised when it is uploaded again. A file that has not been touched since
 * is recognised by what the file system says of it, whatever is set here; and what was sent of an
 * earlier upload is always held against the source before it is continued, unless the file system
 * or the program vouches for it.
 *
 * - `c`: the configuration.
 * - `kind`: a value of enum tus_fingerprint. Default: TUS_FINGERPRINT_CONTENT.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or this is no such kind.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_fingerprint(struct tus_config *c, int32_t kind);

/**
 * Sets the program's own way to recognise a source. For what is no file its answer is taken for a
 * proof that the content is the same, unless tus_config_set_verify_resumed is on.
 *
 * - `c`: the configuration.
 * - `f`: the function; NULL: TUS_FINGERPRINT_CONTENT, which is the default.
 * - `user_data`: handed to `f`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
 * Ownership: `user_data` is the configuration's and its clients' until `destroy` has run.
 * Threads: one at a time for each configuration. `f` runs on the thread of the operation, never
 * twice at once for one operation, but at once for several; no lock is held meanwhile.
 * Since: 0.1
 */
TUS_API
tus_status tus_config_set_fingerprint_callback(struct tus_config *c,
                                               tus_fingerprint_fn f,
                                               void *user_data,
                                               tus_destroy_fn destroy);

/**
 * Sets whether what an earlier run has sent is read again and compared before its upload is
 * continued, even where file system and fingerprint say that nothing has changed.
 *
 * - `c`: the configuration.
 * - `on`: 0 off, anything else on. Default: off.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_verify_resumed(struct tus_config *c, int on);

/**
 * Sets the function that sees every request before it is sent and may change its headers.
 *
 * - `c`: the configuration.
 * - `f`: the function; NULL: none, which is the default.
 * - `user_data`: handed to `f`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
 * Ownership: `user_data` is the configuration's and its clients' until `destroy` has run.
 * Threads: one at a time for each configuration. `f` runs on a thread of the operation, never twice
 * at once for one operation, but at once for several; no lock that other operations need is held
 * meanwhile.
 * Since: 0.1
 */
TUS_API
tus_status tus_config_set_before_request(struct tus_config *c,
                                         tus_before_request_fn f,
                                         void *user_data,
                                         tus_destroy_fn destroy);

/**
 * Sets the function that sees every answer, errors too.
 *
 * - `c`: the configuration.
 * - `f`: the function; NULL: none, which is the default.
 * - `user_data`: handed to `f`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
 * Ownership: `user_data` is the configuration's and its clients' until `destroy` has run.
 * Threads: one at a time for each configuration. `f` runs on a thread of the operation, never twice
 * at once for one operation, but at once for several; no lock that other operations need is held
 * meanwhile.
 * Since: 0.1
 */
TUS_API
tus_status tus_config_set_after_response(struct tus_config *c,
                                         tus_after_response_fn f,
                                         void *user_data,
                                         tus_destroy_fn destroy);

/**
 * Sets the function that is asked before each retry.
 *
 * - `c`: the configuration.
 * - `f`: the function; NULL: none, which is the default: every retry the limits allow is made.
 * - `user_data`: handed to `f`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
 * Ownership: `user_data` is the configuration's and its clients' until `destroy` has run.
 * Threads: one at a time for each configuration. `f` runs on a thread of the operation, never twice
 * at once for one operation, but at once for several; no lock that other operations need is held
 * meanwhile.
 * Since: 0.1
 */
TUS_API
tus_status tus_config_set_should_retry(struct tus_config *c,
                                       tus_should_retry_fn f,
                                       void *user_data,
                                       tus_destroy_fn destroy);

/**
 * Sets the function that learns the URL of every new upload as soon as there is one: before the
 * first byte is sent, unless data goes with the creation (tus_config_set_upload_with_creation).
 *
 * - `c`: the configuration.
 * - `f`: the function; NULL: none, which is the default. An upload's own, set with
 *   tus_upload_options_set_on_upload_url_available, is called instead of this one.
 * - `user_data`: handed to `f`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
 * Ownership: `user_data` is the configuration's and its clients' until `destroy` has run.
 * Threads: one at a time for each configuration. `f` runs on a thread of the operation, never twice
 * at once for one operation, but at once for several; no lock that other operations need is held
 * meanwhile.
 * Since: 0.1
 */
TUS_API
tus_status tus_config_set_on_upload_url_available(struct tus_config *c,
                                                  tus_upload_url_fn f,
                                                  void *user_data,
                                                  tus_destroy_fn destroy);

/**
 * Sets the function that gets other credentials when the server refuses the present ones (401), for
 * example a new token.
 *
 * - `c`: the configuration.
 * - `f`: the function; NULL: none, which is the default: a 401 ends the operation.
 * - `user_data`: handed to `f`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
 * Ownership: `user_data` is the configuration's and its clients' until `destroy` has run.
 * Threads: one at a time for each configuration. `f` runs on a thread of an operation, never twice
 * at once for one client; other operations of the client that were refused wait for it.
 * Since: 0.1
 */
TUS_API
tus_status tus_config_set_credentials(struct tus_config *c,
                                      tus_credentials_fn f,
                                      void *user_data,
                                      tus_destroy_fn destroy);

/**
 * Sets the function that is warned when the server will drop an upload before it can be complete
 * (T-082).
 *
 * - `c`: the configuration.
 * - `f`: the function; NULL: none, which is the default.
 * - `user_data`: handed to `f`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
 * Ownership: `user_data` is the configuration's and its clients' until `destroy` has run.
 * Threads: one at a time for each configuration. `f` runs on a thread of the operation, never twice
 * at once for one operation, but at once for several.
 * Since: 0.1
 */
TUS_API
tus_status tus_config_set_on_expiring(struct tus_config *c,
                                      tus_expiring_fn f,
                                      void *user_data,
                                      tus_destroy_fn destroy);

/**
 * Sets the function that gets the library's log lines. There is no other log: nothing is ever
 * written to stderr.
 *
 * - `c`: the configuration.
 * - `level`: the least important lines wanted, a value of enum tus_log_level.
 * - `f`: the function; NULL: none, which is the default.
 * - `user_data`: handed to `f`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or this is no level.
 * Ownership: `user_data` is the configuration's and its clients' until `destroy` has run.
 * Threads: one at a time for each configuration. `f` runs on any thread, also on several at once;
 * no lock is held meanwhile.
 * Since: 0.1
 */
TUS_API
tus_status tus_config_set_log(struct tus_config *c,
                              int32_t level,
                              tus_log_fn f,
                              void *user_data,
                              tus_destroy_fn destroy);

/**
 * Sets whether messages (tus_error_message, warnings) and log lines name uploads by their whole
 * URLs. Without it the query and the last part of the path are hidden, since some servers let
 * whoever knows them write to the upload. Functions that give URLs (tus_error_upload_url,
 * tus_info_url) give the whole ones in any case.
 *
 * - `c`: the configuration.
 * - `on`: 0 off, anything else on. Default: off.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_show_urls(struct tus_config *c, int on);

/**
 * Sets how many uploads run at once as tasks; more wait for their turn and take little memory.
 * Operations without data have as many places of their own and never wait behind uploads; blocking
 * operations take none. An upload that is paused leaves its place to another. With
 * TUS_DISPATCH_WORKER a task has its place until its `done` and the destroy of that have returned.
 *
 * - `c`: the configuration.
 * - `n`: from 1 to 1024. Default: 4.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or `n` is out of range.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_workers(struct tus_config *c, uint32_t n);

/**
 * Sets where the functions for tasks run: tus_done_fn with its destroy, and tus_progress_fn.
 * Everything that an upload needs an answer from at once runs on a thread of the library's in both
 * modes: hooks, readers, credentials, stores, the log.
 *
 * - `c`: the configuration.
 * - `mode`: a value of enum tus_dispatch. TUS_DISPATCH_WORKER: on the thread of the library's that
 *   carries the task out. TUS_DISPATCH_QUEUE: in tus_client_dispatch, which the program's event
 *   loop calls when tus_client_event_handle can be read. Then only the newest progress of a task
 *   waits there, and a value other than 0 that its function returns ends the upload a moment later.
 *   Default: TUS_DISPATCH_WORKER.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or this is no such value.
 * Threads: one at a time for each configuration.
 * Since: 0.1
 */
TUS_API tus_status tus_config_set_dispatch(struct tus_config *c, int32_t mode);

/**
 * Makes a client. It reads certificate files and the proxy variables of the environment, and makes
 * no connection. The platform's certificates are read if https is to be expected (see
 * tus_config_set_tls_ca_file).
 *
 * - `c`: the configuration, which is copied and may be changed or freed afterwards.
 * - `out`: receives the client; NULL on failure. May not be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` or `out` is NULL or invalid, or a variable of the
 * environment names no usable proxy; the first failure of a setter of `c`, whatever it was;
 * TUS_E_INVALID_STATE if a setter panicked; TUS_E_TLS if a certificate file cannot be read or used,
 * if the endpoint is an https one and the platform has no certificates, or if it is a plain http
 * one where nothing may go over plain http (see tus_config_set_https_only); TUS_E_UNSUPPORTED if
 * certificates were set and tus_has_feature("tls") is 0.
 * Ownership: the caller holds one count and gives it back with tus_client_unref.
 * Threads: any.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_new(const struct tus_config *c,
                          struct tus_client **out,
                          struct tus_error **err);

/**
 * Takes one more count of a client, for another owner.
 *
 * - `c`: the client.
 *
 * Returns: `c`; NULL if `c` is NULL or invalid.
 * Ownership: each count is given back with tus_client_unref.
 * Threads: any.
 * Since: 0.1
 */
TUS_API struct tus_client *tus_client_ref(struct tus_client *c);

/**
 * Gives one count back. The client ends with its last count; operations that are running, and tasks
 * that are not over, keep it alive until then (tus_client_close ends them). With
 * TUS_DISPATCH_QUEUE, functions that still wait for tus_client_dispatch are run by threads of the
 * library's from then on. Never blocks. In a child process after fork() it does nothing.
 *
 * - `c`: the client, or NULL, which does nothing.
 *
 * Ownership: the caller's count ends.
 * Threads: any. If this was the last count, destroy functions of the client's callbacks run before
 * this returns.
 * Since: 0.1
 */
TUS_API void tus_client_unref(struct tus_client *c);

/**
 * Changes a header of all requests from now on, those of running operations included: the way to
 * renew a token.
 *
 * - `c`: the client.
 * - `name`: the header's name, as for tus_config_set_header.
 * - `value`: as for tus_config_set_header; NULL removes the header.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` or `name` is NULL or invalid, the header is the
 * library's own, or the value cannot be sent; TUS_E_FORKED. On failure nothing is changed.
 * Ownership: the strings are copied.
 * Threads: any, also from inside a callback of the same client.
 * Since: 0.1
 */
TUS_API
tus_status tus_client_set_header(struct tus_client *c,
                                 const char *name,
                                 const char *value,
                                 struct tus_error **err);

/**
 * Copies the present value of a header of the client's: as it was configured or last changed, Basic
 * authentication from the URL and new credentials (tus_config_set_credentials) included.
 *
 * - `c`: the client.
 * - `name`: the header's name, in any case.
 * - `buf`: receives the value, followed by a NUL; may be NULL if `cap` is 0.
 * - `cap`: how many bytes `buf` has room for, the NUL included.
 * - `len`: receives the number of bytes of the value, the NUL not included: also if `cap` is too
 *   small, so that 0 asks for it. May be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_NOT_FOUND if the client has no such header; TUS_E_INVALID_ARGUMENT if `c`
 * or `name` is NULL or invalid, `buf` is NULL but `cap` is not 0, or `cap` is not 0 and too small;
 * TUS_E_FORKED. On failure `buf` is an empty string if it has room for one, and `*len` is 0 unless
 * `cap` was too small.
 * Ownership: the value is the caller's copy.
 * Threads: any, also from inside a callback of the same client.
 * Since: 0.1
 */
TUS_API
tus_status tus_client_copy_header(struct tus_client *c,
                                  const char *name,
                                  char *buf,
                                  size_t cap,
                                  size_t *len,
                                  struct tus_error **err);

/**
 * Changes how many uploads run at once as tasks (tus_config_set_workers). Fewer than before: those
 * that run go on, and the next one begins when there is room.
 *
 * - `c`: the client.
 * - `n`: from 1 to 1024.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or `n` is out of range;
 * TUS_E_FORKED.
 * Threads: any, also from inside a callback of the same client.
 * Since: 0.1
 */
TUS_API tus_status tus_client_set_workers(struct tus_client *c, uint32_t n);

/**
 * What an event loop watches for a client with TUS_DISPATCH_QUEUE: a descriptor that can be read
 * while something waits for tus_client_dispatch, as long as it waits (level-triggered). For poll,
 * select, epoll, kqueue and whatever is built on them; it does not block. With TUS_DISPATCH_WORKER
 * it can never be read.
 *
 * - `c`: the client.
 *
 * Returns: the descriptor, always the same one; -1 if there is none to be had, or if `c` is NULL,
 * invalid or of another process.
 * Ownership: the client's: not to be read or closed, and to be watched no longer than the client is
 * there.
 * Threads: any.
 * Since: 0.1
 */
TUS_API intptr_t tus_client_event_handle(struct tus_client *c);

/**
 * Runs functions for tasks that wait for it (TUS_DISPATCH_QUEUE), here and now, in the order in
 * which they became due. Never waits for anything but these functions. What they bring about waits
 * for the next call.
 *
 * - `c`: the client.
 * - `max`: how many at most; 0: all that are there now.
 *
 * Returns: how many were run, a progress with nothing new not counted; 0 if none waits, from inside
 * a callback of the same client, while another thread is in this function, or if `c` is NULL,
 * invalid or of another process.
 * Threads: any; the functions run on the one that calls.
 * Since: 0.1
 */
TUS_API size_t tus_client_dispatch(struct tus_client *c, size_t max);

/**
 * Ends all that a client does: refuses new operations (TUS_E_INVALID_STATE), cancels its tasks and
 * the blocking operations of other threads, waits for them, and runs here what is still to be run
 * by tus_client_dispatch. What is on the server stays and can be resumed; a removal that
 * tus_task_cancel_and_delete asked for is let finish. Calling it again goes on waiting, and ends
 * such removals too. Afterwards the client's getters still work, and so do its tasks'; its count is
 * still to be given back with tus_client_unref.
 *
 * - `c`: the client. NULL is refused, which a program that cleans up after a failure may leave
 *   unheeded.
 * - `timeout_ms`: how long to wait, in milliseconds; TUS_WAIT_FOREVER, or anything negative:
 *   however long.
 *
 * Returns: TUS_OK: nothing of the client's runs any more, and no function of the program's for its
 * operations will; TUS_E_TIMEOUT: a function of the program's (a callback, a reader's `read`) has
 * not returned, or a removal is under way: call again; TUS_E_BUSY from inside a callback of the
 * same client; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid; TUS_E_FORKED.
 * Threads: any; blocks until the end.
 * Since: 0.1
 */
TUS_API tus_status tus_client_close(struct tus_client *c, int64_t timeout_ms);

/**
 * Opens a regular file. From now on the open file is the source: renamed, removed or replaced by
 * another of its name, it is uploaded all the same.
 *
 * An upload ends with TUS_E_SOURCE_CHANGED when the file's content may have changed since: its size
 * or time of modification is another, or the time of its last change has moved and nothing but a
 * write explains that (a new mode, owner or name, a link and extended attributes do). Where the
 * client notes digests for later runs (tus_config_set_store_dir,
 * tus_upload_options_set_on_resume_token), a file that still has the bytes that were sent of it has
 * not changed, whatever its times say. The upload stays on the server (see tus_error_upload_url),
 * unless the file is now shorter than it was, or its digest another, so that nothing can complete
 * it. Bytes appended meanwhile change the size; a stretch of a file that grows is no exception.
 *
 * A file with other than as many bytes as it says, as under /proc, is read to its end like a pipe:
 * its size is unknown.
 *
 * - `path`: the file. Raw bytes on Unix, UTF-8 on Windows.
 * - `out`: receives the source; NULL on failure. May not be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `path` or `out` is NULL, or the path is empty;
 * TUS_E_SOURCE if the file is missing, not readable, leased by another process, a directory or no
 * regular file (see tus_error_os_code). It never waits.
 * Ownership: the caller frees the source with tus_source_free.
 * Threads: any.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_source_file(const char *path,
                           struct tus_source **out,
                           struct tus_error **err);

/**
 * Opens a stretch of a regular file, as a source of its own: its first byte is byte 0 of the
 * upload. All else is as with tus_source_file; a later run goes on with the upload of the same
 * stretch only.
 *
 * - `path`: the file. Raw bytes on Unix, UTF-8 on Windows.
 * - `offset`: the first byte of the file that is uploaded.
 * - `length`: how many bytes, which may be 0; TUS_SIZE_UNKNOWN: all from `offset` to the present
 *   end of the file.
 * - `out`: receives the source; NULL on failure. May not be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `path` or `out` is NULL, the path is empty, or the
 * file has not all of these bytes; TUS_E_SOURCE as for tus_source_file, or if the file does not
 * tell its size.
 * Ownership: the caller frees the source with tus_source_free.
 * Threads: any.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_source_file_range(const char *path,
                                 uint64_t offset,
                                 uint64_t length,
                                 struct tus_source **out,
                                 struct tus_error **err);

/**
 * Takes what the program has opened. A regular file is read from its beginning, wherever its
 * position is, which is neither used nor moved; it is the source as with tus_source_file. A pipe, a
 * socket or a character device (a terminal) is read on from where it stands and has a size only at
 * its end: see TUS_SIZE_UNKNOWN at tus_source_reader.
 *
 * - `fd`: a descriptor open for reading. It is duplicated: the caller may close it at once.
 * - `out`: receives the source; NULL on failure. May not be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `fd` is negative or `out` is NULL; TUS_E_SOURCE if it
 * is no open descriptor or none of these (see tus_error_os_code); TUS_E_UNSUPPORTED on systems
 * without descriptors.
 * Ownership: the caller frees the source with tus_source_free.
 * Threads: any.
 * Since: 0.1
 */
TUS_API TUS_CHECK tus_status tus_source_fd(int fd, struct tus_source **out, struct tus_error **err);

/**
 * Takes bytes in memory, which are not copied: they must stay as they are until `release` has run.
 *
 * - `data`: the bytes; may be NULL if `len` is 0.
 * - `len`: how many.
 * - `release`: called with `user_data`, exactly once, when the bytes are no longer needed, also if
 *   this call fails. May be NULL: then the bytes must outlive the source and every operation that
 *   uses it.
 * - `user_data`: handed to `release`; may be NULL.
 * - `out`: receives the source; NULL on failure. May not be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `out` is NULL, `data` is NULL but `len` is not 0, or
 * `len` is larger than any object in memory can be.
 * Ownership: the caller frees the source with tus_source_free.
 * Threads: any.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_source_memory(const void *data,
                             size_t len,
                             tus_destroy_fn release,
                             void *user_data,
                             struct tus_source **out,
                             struct tus_error **err);

/**
 * Takes a reader of the caller's.
 *
 * - `vtable`: its functions, which are copied.
 * - `user_data`: handed to each of them; may be NULL.
 * - `size`: how many bytes it gives; TUS_SIZE_UNKNOWN if that is only known at the end. Then each
 *   chunk, of at most 8 MiB, is read before it is sent, with one byte more to know whether it is
 *   the last; unless all fits into the first one, the server needs the extension
 *   creation-defer-length. Such an upload cannot be found again by a later run.
 * - `out`: receives the source; NULL on failure. May not be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * If this call fails, `destroy` runs at once, provided that `vtable` is not NULL and `struct_size`
 * covers it.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `vtable` or `out` is NULL, `struct_size` is smaller
 * than the structure or absurdly large, `read` is NULL, or `size` is beyond 2^63-1 and not
 * TUS_SIZE_UNKNOWN.
 * Ownership: the caller frees the source with tus_source_free. `user_data` is the source's until
 * `destroy` has run.
 * Threads: any. The functions run on a thread of the operation, never two at once, and not while
 * another callback of the operation runs.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_source_reader(const struct tus_reader_vtable *vtable,
                             void *user_data,
                             uint64_t size,
                             struct tus_source **out,
                             struct tus_error **err);

/**
 * Frees a source. If an operation still uses it, what belongs to it is released when that returns.
 *
 * - `s`: the source, or NULL, which does nothing.
 *
 * Threads: any; no other thread may be about to start an operation with it.
 * Since: 0.1
 */
TUS_API void tus_source_free(struct tus_source *s);

/**
 * Makes a writer, and the source that has what is written to it. The source goes forward only, with
 * its last MiB kept, as one of tus_source_reader without `seek`.
 *
 * - `size`: how many bytes will be written; TUS_SIZE_UNKNOWN if that is only known at the end,
 *   which costs what it does at tus_source_reader.
 * - `capacity`: how many bytes the buffer has room for. Memory is only taken as it is used.
 * - `out`: receives the writer; NULL on failure. May not be NULL.
 * - `out_source`: receives the source; NULL on failure. May not be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `out` or `out_source` is NULL, `size` is beyond 2^63-1
 * and not TUS_SIZE_UNKNOWN, or `capacity` is 0 or larger than any object in memory can be;
 * TUS_E_SOURCE if the process has no descriptor left.
 * Ownership: the caller frees the writer with tus_writer_free and the source with tus_source_free.
 * Threads: any.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_writer_new(uint64_t size,
                          size_t capacity,
                          struct tus_writer **out,
                          struct tus_source **out_source,
                          struct tus_error **err);

/**
 * Writes bytes, and waits while the buffer is full. Before an operation with the source has begun,
 * what fits is taken and the rest waits for it.
 *
 * - `w`: the writer.
 * - `data`: the bytes; may be NULL if `len` is 0.
 * - `len`: how many; may be more than the capacity.
 * - `timeout_ms`: how long to wait at most, in milliseconds; 0: takes what fits now;
 *   TUS_WAIT_FOREVER, as any negative number, waits without end.
 * - `written`: receives how many bytes were taken: `len` after a success, perhaps fewer after a
 *   failure. May be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * From inside a callback of the operation that reads, nobody empties the buffer meanwhile: a write
 * that does not fit waits until its time is over, or for ever.
 *
 * Returns: TUS_OK, everything was taken; TUS_E_TIMEOUT if not all of it fitted in time: write the
 * rest, after the first `*written` bytes, again; TUS_E_INVALID_STATE after tus_writer_finish or
 * tus_writer_abort, or if nobody reads any more: the operation that read it is over, or the source
 * was freed (with another operation on the same source, writing goes on behind the bytes taken so
 * far); TUS_E_INVALID_ARGUMENT if `w` is NULL or invalid, `data` is NULL but `len` is not 0, `len`
 * is larger than any object in memory can be, or these are more bytes than the size that was told,
 * of which then none is taken; TUS_E_FORKED.
 * Ownership: the bytes are copied.
 * Threads: any, one at a time.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_writer_write(struct tus_writer *w,
                            const void *data,
                            size_t len,
                            int64_t timeout_ms,
                            size_t *written,
                            struct tus_error **err);

/**
 * Says that the data ends here. Does not wait: the operation's own result tells whether the upload
 * succeeds. Once more does nothing.
 *
 * If fewer bytes were written than the size that was told, the upload fails with TUS_E_SOURCE.
 *
 * - `w`: the writer.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_STATE after tus_writer_abort; TUS_E_INVALID_ARGUMENT if `w` is
 * NULL or invalid; TUS_E_FORKED.
 * Threads: any.
 * Since: 0.1
 */
TUS_API TUS_CHECK tus_status tus_writer_finish(struct tus_writer *w, struct tus_error **err);

/**
 * Gives up: the operation that reads ends with TUS_E_CALLBACK and this code, as if a reader's
 * `read` had returned it, and so does every later one with this source. What is on the server stays
 * there. The buffer is emptied, and a write that waits ends with TUS_E_INVALID_STATE. After
 * tus_writer_finish it still counts as long as the operation reads; a second abort does nothing.
 *
 * - `w`: the writer, or NULL, which does nothing.
 * - `code`: for tus_error_callback_code; 0 stands for 1, because there 0 is no failure.
 *
 * Threads: any, also from inside a callback of the operation. In a child process after fork() it
 * does nothing.
 * Since: 0.1
 */
TUS_API void tus_writer_abort(struct tus_writer *w, int32_t code);

/**
 * A descriptor to wait for with poll() and its like beside others of the program's: readable while
 * tus_writer_write would take at least one byte, or fail at once. It is not to be read, written or
 * closed.
 *
 * - `w`: the writer.
 *
 * Returns: the descriptor, always the same; -1 if `w` is NULL or invalid, the process has no
 * descriptor left, or this is a child process after fork().
 * Ownership: the writer's; not to be used after tus_writer_free.
 * Threads: any.
 * Since: 0.1
 */
TUS_API intptr_t tus_writer_event_handle(struct tus_writer *w);

/**
 * Frees a writer. Without a tus_writer_finish before, and unless all bytes of a size that was told
 * were written, this is tus_writer_abort with the code 1: an upload never ends where the program
 * happened to stop. In a child process after fork() it does nothing.
 *
 * - `w`: the writer, or NULL, which does nothing.
 *
 * Threads: any; a write that waits on another thread ends with TUS_E_INVALID_STATE, and none may be
 * about to begin.
 * Since: 0.1
 */
TUS_API void tus_writer_free(struct tus_writer *w);

/**
 * Makes options with the defaults that are told at each setter.
 *
 * Returns: the options; NULL only after a bug in the library.
 * Ownership: the caller frees them with tus_upload_options_free.
 * Threads: any.
 * Since: 0.1
 */
TUS_API struct tus_upload_options *tus_upload_options_new(void);

/**
 * The details of the last refusal of a setter: which value it was and what is allowed. The first
 * refusal is what every operation with these options returns.
 *
 * - `o`: the options.
 *
 * Returns: the error; NULL if no setter has refused anything, or if `o` is NULL or invalid.
 * Ownership: borrowed, not to be freed; valid until a setter refuses another value or `o` is freed.
 * Threads: one at a time.
 * Since: 0.1
 */
TUS_API const struct tus_error *tus_upload_options_last_error(const struct tus_upload_options *o);

/**
 * Frees options. Operations that got them keep their copies.
 *
 * - `o`: the options, or NULL, which does nothing.
 *
 * Threads: any, one at a time, and none may still use them.
 * Since: 0.1
 */
TUS_API void tus_upload_options_free(struct tus_upload_options *o);

/**
 * Sets a metadata value of any bytes, sent as they are (T-046, T-047). Setting a key again replaces
 * its value; keys are sent in the order in which they were first set.
 *
 * - `o`: the options.
 * - `key`: visible ASCII without space and comma, at least one character.
 * - `value`: the bytes; may be NULL if `len` is 0.
 * - `len`: how many; 0 sends the key alone.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` or `key` is NULL or invalid, `value` is NULL but
 * `len` is not 0, or the key has other characters.
 * Ownership: key and value are copied.
 * Threads: one at a time for the same options.
 * Since: 0.1
 */
TUS_API
tus_status tus_upload_options_set_metadata(struct tus_upload_options *o,
                                           const char *key,
                                           const void *value,
                                           size_t len);

/**
 * Sets a metadata value of text, sent in the client's metadata encoding
 * (tus_config_set_metadata_encoding).
 *
 * - `o`: the options.
 * - `key`: visible ASCII without space and comma, at least one character.
 * - `value`: UTF-8. A character that the client's encoding lacks makes the operation fail with
 *   TUS_E_INVALID_ARGUMENT before any request.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or the key has other
 * characters.
 * Ownership: key and value are copied.
 * Threads: one at a time for the same options.
 * Since: 0.1
 */
TUS_API
tus_status tus_upload_options_set_metadata_text(struct tus_upload_options *o,
                                                const char *key,
                                                const char *value);

/**
 * Sets whether metadata is sent that takes more than 4096 bytes as a header, which many servers
 * refuse (T-049). Off, an operation with such metadata fails with TUS_E_INVALID_ARGUMENT before any
 * request.
 *
 * - `o`: the options.
 * - `on`: 0 off, anything else on. Default: off.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
 * Threads: one at a time for the same options.
 * Since: 0.1
 */
TUS_API tus_status tus_upload_options_set_large_metadata(struct tus_upload_options *o, int on);

/**
 * Sets a header that goes with the requests of this upload alone, all of them, in place of the
 * client's header of the same name. It goes where the client's headers go (tus_config_set_header):
 * to the endpoint's origin and to allowed ones, but to no other (T-150). Default: none.
 *
 * - `o`: the options.
 * - `name`: the header's name. Those that the protocol or the message needs are the library's own:
 *   Tus-Resumable, Upload-Offset and their kind, Host, Content-Type, Content-Length and the like.
 * - `value`: UTF-8 without control characters (a tab inside is allowed) and without blanks at its
 *   ends; NULL takes the header back, so that the client's counts.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` or `name` is NULL or invalid, the header is the
 * library's own, or the value cannot be sent.
 * Ownership: the strings are copied.
 * Threads: one at a time for the same options.
 * Since: 0.1
 */
TUS_API
tus_status tus_upload_options_set_header(struct tus_upload_options *o,
                                         const char *name,
                                         const char *value);

/**
 * Sets an offset to stop at: the operation ends with TUS_OK once the server has acknowledged that
 * many bytes, its result is not complete, and the upload can be resumed.
 *
 * - `o`: the options.
 * - `offset`: bytes from the beginning of the source; TUS_SIZE_UNKNOWN: do not stop. Default:
 *   TUS_SIZE_UNKNOWN.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
 * Threads: one at a time for the same options.
 * Since: 0.1
 */
TUS_API tus_status tus_upload_options_set_stop_at(struct tus_upload_options *o, uint64_t offset);

/**
 * Sets how many bytes one PATCH request of this upload carries at most, in place of the client's
 * chunk size.
 *
 * - `o`: the options.
 * - `bytes`: as for tus_config_set_chunk_size. Default: the client's.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid, or `bytes` is 0 or out of
 * range.
 * Threads: one at a time for the same options.
 * Since: 0.1
 */
TUS_API tus_status tus_upload_options_set_chunk_size(struct tus_upload_options *o, uint64_t bytes);

/**
 * Sets what checksums the data of this upload carries, in place of the client's
 * (tus_config_set_checksum).
 *
 * - `o`: the options.
 * - `algorithm`: a value of enum tus_checksum.
 * - `policy`: a value of enum tus_checksum_policy. Default: the client's.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT as for tus_config_set_checksum.
 * Threads: one at a time for the same options.
 * Since: 0.1
 */
TUS_API
tus_status tus_upload_options_set_checksum(struct tus_upload_options *o,
                                           int32_t algorithm,
                                           int32_t policy);

/**
 * Sets how often and how long this upload tries again, in place of the client's
 * tus_config_set_retry; the budgets for locks and Retry-After are the defaults then.
 *
 * - `o`: the options.
 * - `max_retries`: failed tries in a row before the operation fails; 0: none is repeated. Default:
 *   the client's.
 * - `base_delay_ms`: the delay before the first retry, in milliseconds.
 * - `max_delay_ms`: the longest delay, in milliseconds.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
 * Threads: one at a time for the same options.
 * Since: 0.1
 */
TUS_API
tus_status tus_upload_options_set_retry(struct tus_upload_options *o,
                                        uint32_t max_retries,
                                        uint64_t base_delay_ms,
                                        uint64_t max_delay_ms);

/**
 * Sets the time limits of each request of this upload, in place of the first three of
 * tus_config_set_timeouts_ms. They hold for everything that is done for it: its creation, its data,
 * its parts and what removes them; for an uploader, in each of its calls. As with that function, a
 * server that does not answer at all is given all the time that these limits and the retries allow.
 * The limit of the whole upload is tus_upload_options_set_timeout_ms.
 *
 * - `o`: the options.
 * - `connect_ms`: resolving the name, connecting (a proxy included) and the TLS handshake together,
 *   in milliseconds. Default: the client's.
 * - `response_ms`: from the last byte of a request to the complete head of its answer, in
 *   milliseconds. Default: the client's.
 * - `stall_ms`: how long no byte may move in either direction, in milliseconds. Default: the
 *   client's.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid, or one of the limits is 0.
 * Threads: one at a time for the same options.
 * Since: 0.1
 */
TUS_API
tus_status tus_upload_options_set_request_timeouts_ms(struct tus_upload_options *o,
                                                      uint64_t connect_ms,
                                                      uint64_t response_ms,
                                                      uint64_t stall_ms);

/**
 * Sets how long this upload may take, retries and waits included, in place of the client's total
 * timeout (tus_config_set_timeouts_ms); for an uploader, how long each of its calls may.
 *
 * - `o`: the options.
 * - `total_ms`: in milliseconds. Default: the client's.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid, or `total_ms` is 0. The
 * operation ends with TUS_E_TIMEOUT when the time is over.
 * Threads: one at a time for the same options.
 * Since: 0.1
 */
TUS_API
tus_status tus_upload_options_set_timeout_ms(struct tus_upload_options *o,
                                             uint64_t total_ms);

/**
 * Sends the data in several parts at once, which the server then puts together (T-120). Needs a
 * server with the extension concatenation and a source of known size that can be read anywhere: a
 * file, memory, a reader with `seek`. There are fewer parts where one would be smaller than 1 MiB
 * (tus_upload_options_set_min_part_size), and never more than fit with their URLs into the 8 KiB of
 * the header that names them. An upload of an earlier run is continued
 * as it was begun. The parts stay on the server afterwards, see
 * tus_upload_options_set_remove_parts; those of an upload that fails and cannot be continued by a
 * later run are removed, within 3 seconds, and what may be left is told by a warning
 * (TUS_W_LEFT_ON_SERVER). Not together with tus_upload_options_set_stop_at
 * (TUS_E_INVALID_ARGUMENT); an uploader sends one chunk after the other.
 *
 * - `o`: the options.
 * - `parts`: how many; 0 and 1: an ordinary upload. Default: 0.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid. The operation ends with
 * TUS_E_UNSUPPORTED before anything is created if the server or the source does not allow parts;
 * see tus_upload_options_set_parallel_fallback.
 * Threads: one at a time for the same options.
 * Since: 0.1
 */
TUS_API
tus_status tus_upload_options_set_parallel_uploads(struct tus_upload_options *o,
                                                   uint32_t parts);

/**
 * Sets how small the parts of an upload in parts may be (T-128). A source that is not twice as
 * large is sent as an ordinary upload. The parts of an earlier run stay as they are.
 *
 * - `o`: the options.
 * - `bytes`: how many a part has at least; 0 is taken as 1. Default: 1 MiB.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
 * Threads: one at a time for the same options.
 * Since: 0.1
 */
TUS_API
tus_status tus_upload_options_set_min_part_size(struct tus_upload_options *o,
                                                uint64_t bytes);

/**
 * Sets whether the parts of an upload in parts are removed from the server after it has put them
 * together (T-128).
 *
 * Set it only for a server that copies the parts into the final upload, as tusd does with files.
 * The final upload of other servers (tus-java-server, say) only refers to its parts: removing them
 * deletes the data of an upload that is complete. The removal takes 3 seconds at most; a part that
 * stays is told by a warning (TUS_W_LEFT_ON_SERVER).
 *
 * - `o`: the options.
 * - `on`: 0 off, anything else on. Default: off.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
 * Threads: one at a time for the same options.
 * Since: 0.1
 */
TUS_API tus_status tus_upload_options_set_remove_parts(struct tus_upload_options *o, int on);

/**
 * Sets whether an upload in parts becomes an ordinary one where the server or the source does not
 * allow parts, instead of failing with TUS_E_UNSUPPORTED.
 *
 * - `o`: the options.
 * - `on`: 0 off, anything else on. Default: off.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
 * Threads: one at a time for the same options.
 * Since: 0.1
 */
TUS_API tus_status tus_upload_options_set_parallel_fallback(struct tus_upload_options *o, int on);

/**
 * Goes on with exactly this upload instead of creating one, as tus_client_resume_upload does, which
 * goes by its own argument.
 *
 * - `o`: the options.
 * - `url`: the upload's URL, absolute or relative to the endpoint; NULL: none, which is the
 *   default.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid, or `url` is not UTF-8. The
 * operation ends with TUS_E_INVALID_ARGUMENT if this is no such URL.
 * Ownership: the string is copied.
 * Threads: one at a time for the same options.
 * Since: 0.1
 */
TUS_API tus_status tus_upload_options_set_upload_url(struct tus_upload_options *o, const char *url);

/**
 * Goes on with the upload that gave this token (tus_resume_token_fn, tus_error_resume_token,
 * tus_uploader_resume_token), parts included, if the source is still the same; the store is not
 * asked. If the server has dropped that upload, another one is created.
 *
 * A token is not believed: what it names counts only at the client's endpoint and at allowed
 * origins, and nothing it names is deleted that the server does not show to be the upload it tells
 * of. Who may write a token is settled by tus_config_set_token_key.
 *
 * - `o`: the options.
 * - `token`: the token; NULL: none, which is the default.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid, or `token` is not UTF-8. The
 * operation ends with TUS_E_INVALID_ARGUMENT if this is no token, one of another server, not signed
 * with the client's key, names an upload at an origin that is not allowed, or one with other
 * metadata than these options have; TUS_E_SOURCE_CHANGED if the source is not the same or cannot be
 * shown to be, TUS_E_UNSUPPORTED if it cannot be recognised at all.
 * Ownership: the string is copied.
 * Threads: one at a time for the same options.
 * Since: 0.1
 */
TUS_API
tus_status tus_upload_options_set_resume_token(struct tus_upload_options *o,
                                               const char *token);

/**
 * Sets which of several tasks that wait begins first: the one with the larger number, of equal ones
 * the one that was submitted first. It means nothing to blocking operations; see also
 * tus_task_set_priority.
 *
 * - `o`: the options.
 * - `priority`: any number. Default: 0.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
 * Threads: one at a time for the same options.
 * Since: 0.1
 */
TUS_API tus_status tus_upload_options_set_priority(struct tus_upload_options *o, int32_t priority);

/**
 * Sets whether tus_client_create_final_upload takes parts that are not complete yet, where the
 * server offers that (extension concatenation-unfinished, T-123).
 *
 * - `o`: the options.
 * - `on`: 0 off, anything else on. Default: off.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
 * Threads: one at a time for the same options.
 * Since: 0.1
 */
TUS_API tus_status tus_upload_options_set_unfinished_parts(struct tus_upload_options *o, int on);

/**
 * Sets the function that learns how far the upload is.
 *
 * - `o`: the options.
 * - `f`: the function; NULL: none, which is the default.
 * - `user_data`: handed to `f`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
 * Ownership: `user_data` belongs to the options, and to operations that got them, until `destroy`
 * has run.
 * Threads: one at a time for the same options. `f` runs on a thread of the operation, never twice
 * at once for one operation; no lock that other operations need is held meanwhile.
 * Since: 0.1
 */
TUS_API
tus_status tus_upload_options_set_progress(struct tus_upload_options *o,
                                           tus_progress_fn f,
                                           void *user_data,
                                           tus_destroy_fn destroy);

/**
 * Sets the function that learns the upload's URL as soon as there is one, in place of the client's
 * (tus_config_set_on_upload_url_available). That is before the first byte is sent, unless data goes
 * with the creation (tus_config_set_upload_with_creation).
 *
 * - `o`: the options.
 * - `f`: the function; NULL: the client's, which is the default.
 * - `user_data`: handed to `f`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
 * Ownership: `user_data` belongs to the options, and to operations that got them, until `destroy`
 * has run.
 * Threads: one at a time for the same options. `f` runs on a thread of the operation, never twice
 * at once for one operation; no lock that other operations need is held meanwhile.
 * Since: 0.1
 */
TUS_API
tus_status tus_upload_options_set_on_upload_url_available(struct tus_upload_options *o,
                                                          tus_upload_url_fn f,
                                                          void *user_data,
                                                          tus_destroy_fn destroy);

/**
 * Sets the function that learns the token by which the upload can be continued later, for programs
 * that keep state of their own.
 *
 * - `o`: the options.
 * - `f`: the function; NULL: none, which is the default.
 * - `user_data`: handed to `f`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once, also if this call fails; may be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `o` is NULL or invalid.
 * Ownership: `user_data` belongs to the options, and to operations that got them, until `destroy`
 * has run.
 * Threads: one at a time for the same options. `f` runs on a thread of the operation, never twice
 * at once for one operation; no lock that other operations need is held meanwhile.
 * Since: 0.1
 */
TUS_API
tus_status tus_upload_options_set_on_resume_token(struct tus_upload_options *o,
                                                  tus_resume_token_fn f,
                                                  void *user_data,
                                                  tus_destroy_fn destroy);

/**
 * Sends the whole of a file, as tus_client_upload does. If the options have no metadata of the name
 * "filename", the last part of the path is sent as such: as text, or as the bytes it is if it is
 * not UTF-8 or the client's metadata encoding cannot write it. The caller's options are not
 * changed.
 *
 * - `c`: the client.
 * - `path`: the file. Raw bytes on Unix, UTF-8 on Windows.
 * - `o`: the options; may be NULL.
 * - `out`: receives the result; NULL on failure. May be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_INVALID_STATE, TUS_E_BUSY, TUS_E_FORKED,
 * TUS_E_SOURCE before any request; any other status of enum tus_status_code. If an upload exists on
 * the server after a failure, tus_error_upload_url tells it.
 * Ownership: the caller frees the result with tus_info_free.
 * Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_upload_file(struct tus_client *c,
                                  const char *path,
                                  const struct tus_upload_options *o,
                                  struct tus_info **out,
                                  struct tus_error **err);

/**
 * Sends the whole source: goes on with the upload of an earlier run if the client has a store
 * (tus_config_set_store_dir) with one of it, else creates an upload. An empty source is one request
 * (T-042).
 *
 * - `c`: the client.
 * - `s`: the source; in use until the call returns, and still the caller's then.
 * - `o`: the options; may be NULL.
 * - `out`: receives the result; NULL on failure. May be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_INVALID_STATE, TUS_E_BUSY, TUS_E_FORKED before any
 * request; TUS_E_UNSUPPORTED if the source's size is unknown and the server cannot do without; any
 * other status of enum tus_status_code. If an upload exists on the server after a failure,
 * tus_error_upload_url tells it.
 * Ownership: the caller frees the result with tus_info_free.
 * Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_upload(struct tus_client *c,
                             struct tus_source *s,
                             const struct tus_upload_options *o,
                             struct tus_info **out,
                             struct tus_error **err);

/**
 * Sends what the server lacks of an upload that exists (T-013 to T-016). The server's size of the
 * upload is compared with the source's before a byte is sent. An upload that is complete already is
 * a success.
 *
 * If the client's store knows this upload, the source must be shown to be the one it was begun
 * with, as it is before tus_client_upload continues one; if not, the call fails before a request is
 * made. An upload the store does not know is continued on the program's word that the source is the
 * right one, and noted in the store once the server has shown it, so that a later tus_client_upload
 * finds it, with the metadata in `o` for its own. When it is complete it is forgotten.
 *
 * - `c`: the client.
 * - `s`: the source, from its beginning; in use until the call returns, and still the caller's
 *   then.
 * - `upload_url`: the upload's URL, absolute or relative to the endpoint.
 * - `o`: the options; may be NULL. Metadata in them is not sent: it belongs to the creation.
 * - `out`: receives the result; NULL on failure. May be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_BUSY, TUS_E_FORKED before any request; TUS_E_GONE
 * if there is no such upload any more; TUS_E_SOURCE_CHANGED if its size is not the source's
 * (T-014), or if the source cannot be shown to be that of the upload in the store; any other status
 * of enum tus_status_code.
 * Ownership: the caller frees the result with tus_info_free.
 * Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_resume_upload(struct tus_client *c,
                                    struct tus_source *s,
                                    const char *upload_url,
                                    const struct tus_upload_options *o,
                                    struct tus_info **out,
                                    struct tus_error **err);

/**
 * Asks the server how far an upload is and what is known of it (HEAD).
 *
 * - `c`: the client.
 * - `upload_url`: the upload's URL, absolute or relative to the endpoint.
 * - `out`: receives the result; NULL on failure. May be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_BUSY, TUS_E_FORKED before any request; TUS_E_GONE
 * if there is no such upload any more; any other status of enum tus_status_code.
 * Ownership: the caller frees the result with tus_info_free.
 * Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_get_upload_info(struct tus_client *c,
                                      const char *upload_url,
                                      struct tus_info **out,
                                      struct tus_error **err);

/**
 * Asks the server for the metadata of an upload (HEAD). Pairs that cannot be read are left out
 * (T-048).
 *
 * - `c`: the client.
 * - `upload_url`: the upload's URL, absolute or relative to the endpoint.
 * - `out`: receives the metadata; NULL on failure. May be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_BUSY, TUS_E_FORKED before any request; TUS_E_GONE
 * if there is no such upload any more; any other status of enum tus_status_code.
 * Ownership: the caller frees the metadata with tus_metadata_free.
 * Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_get_metadata(struct tus_client *c,
                                   const char *upload_url,
                                   struct tus_metadata **out,
                                   struct tus_error **err);

/**
 * Asks the server what it can do (OPTIONS). The client keeps the answer for an hour, or until an
 * operation fails because of it; later calls and uploads do not ask again before that, and
 * operations that begin together ask once.
 *
 * - `c`: the client.
 * - `out`: receives the result; NULL on failure. May be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_BUSY, TUS_E_FORKED before any request;
 * TUS_E_PROTOCOL if the server is no tus server; any other status of enum tus_status_code.
 * Ownership: the caller frees the result with tus_server_info_free.
 * Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_get_server_info(struct tus_client *c,
                                      struct tus_server_info **out,
                                      struct tus_error **err);

/**
 * Removes an upload from the server (DELETE), and from the client's store. One that is gone already
 * counts as removed (T-110).
 *
 * - `c`: the client.
 * - `upload_url`: the upload's URL, absolute or relative to the endpoint.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_BUSY, TUS_E_FORKED before any request;
 * TUS_E_UNSUPPORTED if the server does not remove uploads; TUS_E_LOCKED if the upload stays locked;
 * any other status of enum tus_status_code.
 * Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_delete_upload(struct tus_client *c,
                                    const char *upload_url,
                                    struct tus_error **err);

/**
 * Creates an upload that is to be a part of another (T-120), and sends the whole source. The parts
 * are put together by tus_client_create_final_upload. To send one source in parts, let
 * tus_upload_options_set_parallel_uploads do all of it. The store is not used.
 *
 * - `c`: the client.
 * - `s`: the source of this part; in use until the call returns, and still the caller's then.
 * - `o`: the options; may be NULL. Their metadata is that of the part.
 * - `out`: receives the result; NULL on failure. May be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_INVALID_STATE, TUS_E_BUSY, TUS_E_FORKED before any
 * request; TUS_E_UNSUPPORTED if the server has no concatenation; any other status of enum
 * tus_status_code. If an upload exists on the server after a failure, tus_error_upload_url tells
 * it.
 * Ownership: the caller frees the result with tus_info_free.
 * Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_create_partial_upload(struct tus_client *c,
                                            struct tus_source *s,
                                            const struct tus_upload_options *o,
                                            struct tus_info **out,
                                            struct tus_error **err);

/**
 * Has the server put partial uploads together (T-121). Each part is asked first whether it is one,
 * which the server has to tell (Upload-Concat: partial), and whether it is complete, unless the
 * options say otherwise (tus_upload_options_set_unfinished_parts). The request that puts them
 * together is not repeated by itself once it was sent, for a second whole might be made: without a
 * clear answer the call ends with TUS_E_UNCONFIRMED, and the parts stay.
 * tus_config_set_upload_with_creation (TUS_CREATION_DATA_REPEAT) lets it be repeated.
 *
 * - `c`: the client.
 * - `urls`: the URLs of the parts in their order, each absolute or relative to the endpoint.
 * - `n`: how many, at least 1.
 * - `o`: the options; may be NULL. Their metadata is that of the whole.
 * - `out`: receives the result; NULL on failure. May be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_BUSY, TUS_E_FORKED before any request;
 * TUS_E_INVALID_STATE if a part is not complete, or is an ordinary upload or one that was put
 * together, or the client has no server URL; TUS_E_GONE if a part is not there; TUS_E_UNSUPPORTED
 * if the server has no concatenation; any other status of enum tus_status_code.
 * Ownership: the strings are copied; the caller frees the result with tus_info_free.
 * Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_create_final_upload(struct tus_client *c,
                                          const char *const *urls,
                                          size_t n,
                                          const struct tus_upload_options *o,
                                          struct tus_info **out,
                                          struct tus_error **err);

/**
 * Creates an upload whose size is not known yet, and sends nothing (T-070). It is continued by
 * tus_client_resume_upload, with a source of any kind, which tells the size with its last bytes. A
 * source of unknown size can also be handed to tus_client_upload at once.
 *
 * - `c`: the client.
 * - `o`: the options; may be NULL.
 * - `out`: receives the result; NULL on failure. May be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_INVALID_STATE, TUS_E_BUSY, TUS_E_FORKED before any
 * request; TUS_E_UNSUPPORTED if the server needs to know the size; any other status of enum
 * tus_status_code.
 * Ownership: the caller frees the result with tus_info_free.
 * Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_create_deferred_upload(struct tus_client *c,
                                             const struct tus_upload_options *o,
                                             struct tus_info **out,
                                             struct tus_error **err);

/**
 * Looks into the client's store for unfinished uploads of a source at the client's endpoint. The
 * source may be read for that; no request is made, so that an upload of the list may be gone from
 * the server. tus_client_upload finds and continues by itself the first one that has the metadata
 * of its options: other metadata is another upload, which is created while the one of the list
 * stays there. Whatever their order, the keys and values must be the same, the `filename` that
 * tus_client_upload_file adds included, and for one in parts also those of
 * tus_config_set_metadata_for_partial_uploads. An upload that is complete is forgotten by the store
 * and not listed.
 *
 * Listed are only uploads at the endpoint's origin or an origin allowed by tus_config_allow_origin,
 * whatever the store holds.
 *
 * - `c`: the client.
 * - `s`: the source; in use until the call returns, and still the caller's then.
 * - `out`: receives the list; NULL on failure. May be NULL. It is empty without a store, if the
 *   store cannot be read, and for a source that cannot be recognised: of unknown size, or only to
 *   be read forward.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_INVALID_STATE, TUS_E_BUSY, TUS_E_FORKED;
 * TUS_E_SOURCE, TUS_E_SOURCE_CHANGED, TUS_E_CALLBACK if the source cannot be read;
 * TUS_E_FINGERPRINT, TUS_E_CALLBACK if the callback of tus_config_set_fingerprint_callback fails.
 * Ownership: the caller frees the list with tus_previous_list_free.
 * Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_find_previous_uploads(struct tus_client *c,
                                            struct tus_source *s,
                                            struct tus_previous_list **out,
                                            struct tus_error **err);

/**
 * Lists the unfinished uploads at the client's endpoint that its store knows of, whatever their
 * source, the newest first. No request is made, so that an upload of the list may be gone from the
 * server. To go on with one, pass its URL and its source to tus_client_resume_upload, or, for one
 * in parts, the source to tus_client_upload.
 *
 * - `c`: the client.
 * - `out`: receives the list; NULL on failure. May be NULL. It is empty without a store.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_BUSY, TUS_E_FORKED; TUS_E_INVALID_STATE if the
 * client has no endpoint; TUS_E_STORE if the store cannot be read; TUS_E_UNSUPPORTED if it is a
 * tus_store_vtable without `list`.
 * Ownership: the caller frees the list with tus_previous_list_free.
 * Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_list_stored(struct tus_client *c,
                                  struct tus_previous_list **out,
                                  struct tus_error **err);

/**
 * Takes one upload out of the client's store. The server is not asked, and the upload stays there:
 * tus_client_delete_upload removes it from both.
 *
 * - `c`: the client.
 * - `upload_url`: the upload's URL, absolute or relative to the endpoint; for one in parts that of
 *   any part.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK, also if the store does not know the upload or there is no store;
 * TUS_E_INVALID_ARGUMENT, TUS_E_BUSY, TUS_E_FORKED; TUS_E_INVALID_STATE if the upload is being
 * worked on, by this process or another one; TUS_E_STORE if the store cannot be read or changed;
 * TUS_E_UNSUPPORTED if it is a tus_store_vtable without `list`.
 * Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
 * Since: 0.1
 */
TUS_API
tus_status tus_client_forget(struct tus_client *c,
                             const char *upload_url,
                             struct tus_error **err);

/**
 * Removes from the client's store what is of no use any more: uploads that their servers have
 * dropped by now (T-080), and those that are too old. Servers are not asked and nothing is removed
 * from them; what is being worked on stays.
 *
 * - `c`: the client.
 * - `max_age_s`: how long ago an upload may have been created, in seconds; 0 or UINT64_MAX: however
 *   long.
 * - `removed`: receives how many there were; 0 on failure. May be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK, also without a store; TUS_E_INVALID_ARGUMENT, TUS_E_BUSY, TUS_E_FORKED;
 * TUS_E_STORE if the store cannot be read or changed; TUS_E_UNSUPPORTED if it is a tus_store_vtable
 * without `list`.
 * Threads: any; blocks until the end. Not from inside a callback of the same client (TUS_E_BUSY).
 * Since: 0.1
 */
TUS_API
tus_status tus_client_prune_store(struct tus_client *c,
                                  uint64_t max_age_s,
                                  uint64_t *removed,
                                  struct tus_error **err);

/**
 * How many uploads there are.
 *
 * - `l`: the list.
 *
 * Returns: the number; 0 if `l` is NULL or no list.
 * Threads: any.
 * Since: 0.1
 */
TUS_API size_t tus_previous_list_count(const struct tus_previous_list *l);

/**
 * The URL of an upload, for tus_client_resume_upload; of one in parts that of the part that was
 * created first (see tus_previous_list_part_count). It is the full URL; some servers let whoever
 * knows it write to the upload, so treat it as a secret.
 *
 * - `l`: the list.
 * - `index`: from 0.
 *
 * Returns: the absolute URL; NULL if there is no such upload, or if `l` is NULL or no list.
 * Ownership: borrowed; valid until the list is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_previous_list_url(const struct tus_previous_list *l, size_t index);

/**
 * By what the source of an upload was recognised (tus_config_set_fingerprint).
 *
 * - `l`: the list.
 * - `index`: from 0.
 *
 * Returns: for example "size:11--sha256:" and 64 hexadecimal digits; NULL if it was recognised as
 * the same file before its fingerprint was known, if there is no such upload, or if `l` is NULL or
 * no list.
 * Ownership: borrowed; valid until the list is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_previous_list_fingerprint(const struct tus_previous_list *l, size_t index);

/**
 * How many bytes of an upload the server had acknowledged when that was last noted; it may have
 * more, a whole chunk for example whose acknowledgement was still due.
 *
 * - `l`: the list.
 * - `index`: from 0.
 *
 * Returns: the number of bytes; 0 if there is no such upload, or if `l` is NULL or no list.
 * Threads: any.
 * Since: 0.1
 */
TUS_API uint64_t tus_previous_list_offset(const struct tus_previous_list *l, size_t index);

/**
 * The size of an upload in bytes.
 *
 * - `l`: the list.
 * - `index`: from 0.
 *
 * Returns: the size; TUS_SIZE_UNKNOWN if there is no such upload, or if `l` is NULL or no list.
 * Threads: any.
 * Since: 0.1
 */
TUS_API uint64_t tus_previous_list_size(const struct tus_previous_list *l, size_t index);

/**
 * When the server will drop an upload (T-080).
 *
 * - `l`: the list.
 * - `index`: from 0.
 *
 * Returns: seconds since 1970-01-01 00:00 UTC; 0 if the server did not say, if there is no such
 * upload, or if `l` is NULL or no list.
 * Threads: any.
 * Since: 0.1
 */
TUS_API uint64_t tus_previous_list_expires_s(const struct tus_previous_list *l, size_t index);

/**
 * When an upload was created.
 *
 * - `l`: the list.
 * - `index`: from 0.
 *
 * Returns: seconds since 1970-01-01 00:00 UTC; 0 if there is no such upload, or if `l` is NULL or
 * no list.
 * Threads: any.
 * Since: 0.1
 */
TUS_API uint64_t tus_previous_list_created_s(const struct tus_previous_list *l, size_t index);

/**
 * How many parts an upload is sent in (tus_upload_options_set_parallel_uploads).
 *
 * - `l`: the list.
 * - `index`: from 0.
 *
 * Returns: the number; 0 if it is an ordinary one, if there is no such upload, or if `l` is NULL or
 * no list.
 * Threads: any.
 * Since: 0.1
 */
TUS_API size_t tus_previous_list_part_count(const struct tus_previous_list *l, size_t index);

/**
 * The URL of a part of an upload. Treat it as a secret.
 *
 * - `l`: the list.
 * - `index`: that of the upload, from 0.
 * - `part`: that of the part, from 0.
 *
 * Returns: the absolute URL; "" if this part has not been created yet; NULL if there is no such
 * part or upload, or if `l` is NULL or no list.
 * Ownership: borrowed; valid until the list is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API
const char *tus_previous_list_part_url(const struct tus_previous_list *l,
                                       size_t index,
                                       size_t part);

/**
 * Frees a list. Its strings become invalid.
 *
 * - `l`: the list, or NULL, which does nothing.
 *
 * Threads: any, one at a time, and none may still use it.
 * Since: 0.1
 */
TUS_API void tus_previous_list_free(struct tus_previous_list *l);

/**
 * Begins an upload that the program drives: finds that of an earlier run
 * (tus_config_set_store_dir), asks for the one that the options name
 * (tus_upload_options_set_upload_url, tus_upload_options_set_resume_token), or creates one. No data
 * is sent yet. What is wrong with source and options shows before the first request.
 *
 * - `c`: the client.
 * - `s`: the source; in use until the uploader is freed, and still the caller's.
 * - `o`: the options; may be NULL. An uploader sends no parts:
 *   tus_upload_options_set_parallel_uploads is TUS_E_UNSUPPORTED, or passed over with
 *   tus_upload_options_set_parallel_fallback.
 * - `out`: receives the uploader; NULL on failure. May not be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT, TUS_E_INVALID_STATE, TUS_E_BUSY, TUS_E_FORKED,
 * TUS_E_SOURCE before any request; any other status of enum tus_status_code. If an upload exists on
 * the server after a failure, tus_error_upload_url tells it.
 * Ownership: the caller frees the uploader with tus_uploader_free.
 * Threads: any; blocks until the upload is there. Not from inside a callback of the same client
 * (TUS_E_BUSY).
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_create_uploader(struct tus_client *c,
                                      struct tus_source *s,
                                      const struct tus_upload_options *o,
                                      struct tus_uploader **out,
                                      struct tus_error **err);

/**
 * Sends all that is left, or up to the offset of tus_upload_options_set_stop_at. After a failure it
 * can be called again: it asks the server how far the upload is and goes on from there. When all is
 * sent already it gives the same result again.
 *
 * - `u`: the uploader.
 * - `out`: receives the result; NULL on failure. May be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `u` is NULL or invalid; TUS_E_BUSY if another call on
 * it runs, or from inside a callback of its client; TUS_E_FORKED; TUS_E_CANCELLED after
 * tus_uploader_cancel; TUS_E_INVALID_STATE if the upload is gone; any other status of enum
 * tus_status_code.
 * Ownership: the caller frees the result with tus_info_free.
 * Threads: one at a time for each uploader; blocks until the end.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_uploader_upload(struct tus_uploader *u,
                               struct tus_info **out,
                               struct tus_error **err);

/**
 * Sends until the server has acknowledged more than before: one chunk
 * (tus_upload_options_set_chunk_size) where nothing goes wrong. A chunk that the server refuses for
 * its place (409) is sent again from where it should be. After a failure the next call goes on, so
 * the loop is: until it is TUS_OK and there is no more, or you give up.
 *
 * - `u`: the uploader.
 * - `out_more`: receives 1 if there is more to send; 0 if not (all of it, or
 *   tus_upload_options_set_stop_at, is reached), or on failure. May be NULL.
 * - `err`: receives the details of a failure. May be NULL.
 *
 * Returns: as tus_uploader_upload.
 * Threads: one at a time for each uploader; blocks until the end.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_uploader_upload_chunk(struct tus_uploader *u,
                                     int *out_more,
                                     struct tus_error **err);

/**
 * Sets how many bytes the next chunks of an uploader have, in place of what its options or its
 * client say: from the next call that sends on.
 *
 * - `u`: the uploader.
 * - `bytes`: as for tus_config_set_chunk_size, which also says what bounds it.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if `u` is NULL or invalid, or `bytes` is 0 or out of
 * range; TUS_E_BUSY while a call on it runs, also from inside its callbacks; TUS_E_FORKED.
 * Threads: any.
 * Since: 0.1
 */
TUS_API tus_status tus_uploader_set_chunk_size(struct tus_uploader *u, uint64_t bytes);

/**
 * Whether the server has acknowledged every byte.
 *
 * - `u`: the uploader.
 *
 * Returns: 1 if so; 0 if not, or if `u` is NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API int tus_uploader_is_complete(const struct tus_uploader *u);

/**
 * How many bytes the server has acknowledged, those of earlier runs included.
 *
 * - `u`: the uploader.
 *
 * Returns: the offset in bytes; 0 if `u` is NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API uint64_t tus_uploader_offset(const struct tus_uploader *u);

/**
 * The upload's URL, to be kept for tus_client_resume_upload. It is the full URL; some servers let
 * whoever knows it write to the upload, so treat it as a secret.
 *
 * - `u`: the uploader.
 *
 * Returns: the absolute URL; NULL if the upload is gone from the server, or if `u` is NULL or
 * invalid.
 * Ownership: borrowed; valid until `u` is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_uploader_url(const struct tus_uploader *u);

/**
 * Tells what it took so far, all calls together and the time between them.
 *
 * - `u`: the uploader.
 * - `stats`: the record to fill; set its `struct_size` first, as for tus_info_get_stats.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or `struct_size` is,
 * as for tus_info_get_stats.
 * Threads: any.
 * Since: 0.1
 */
TUS_API tus_status tus_uploader_get_stats(const struct tus_uploader *u, struct tus_stats *stats);

/**
 * The token by which a later run can go on (tus_upload_options_set_resume_token). Whoever has it
 * can write to the upload, so treat it as a secret.
 *
 * - `u`: the uploader.
 *
 * Returns: one word of letters, digits, '-', '_' and '.'; NULL if the upload is complete or gone,
 * its source cannot be recognised again (see tus_error_resume_token), it was named by its URL, or
 * `u` is NULL or invalid.
 * Ownership: borrowed; valid until a call of tus_uploader_upload or tus_uploader_upload_chunk
 * returns, or `u` is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_uploader_resume_token(const struct tus_uploader *u);

/**
 * Ends a call under way within 50 ms, whatever it waits for, and every later one: they are
 * TUS_E_CANCELLED. The upload stays on the server and can be continued by another uploader or
 * tus_client_resume_upload. Only a function of the program's that does not return (a reader's
 * `read`) is waited for.
 *
 * - `u`: the uploader, or NULL, which does nothing.
 *
 * Threads: any, at any time before tus_uploader_free, any number of times; also from inside
 * callbacks. In a child process after fork() it does nothing.
 * Since: 0.1
 */
TUS_API void tus_uploader_cancel(struct tus_uploader *u);

/**
 * Frees an uploader. The upload stays on the server as it is, and in the client's store. In a child
 * process after fork() it does nothing.
 *
 * With a store, an upload that is not complete is noted once more, and for that the digest of what
 * has been sent is waited for where it is behind: mostly not at all, never longer than 2 s nor than
 * one call of this uploader may take (tus_upload_options_set_timeout_ms), and not after
 * tus_uploader_cancel.
 *
 * - `u`: the uploader, or NULL, which does nothing.
 *
 * Threads: any; no other thread may be about to use it. Functions of the client's store and destroy
 * functions may run before this returns.
 * Since: 0.1
 */
TUS_API void tus_uploader_free(struct tus_uploader *u);

/**
 * Waits until a task is over: with TUS_DISPATCH_WORKER until its `done` and the destroy of that
 * have returned, with TUS_DISPATCH_QUEUE until there is a result (`done` waits for
 * tus_client_dispatch).
 *
 * - `t`: the task.
 * - `timeout_ms`: how long, in milliseconds; TUS_WAIT_FOREVER, or anything negative: however long;
 *   0: not at all, only look.
 *
 * Inside its own `done` a task is over already: TUS_OK. Then tus_task_result says how the operation
 * ended, and tus_task_take_info or its like gives what it gave; examples-c/async_wait.c is a whole
 * program.
 *
 * Returns: TUS_OK if it is over, however it ended (tus_task_result); TUS_E_TIMEOUT if not;
 * TUS_E_BUSY if it is not over, `timeout_ms` is not 0 and this is inside a callback of the same
 * client; TUS_E_INVALID_ARGUMENT if `t` is NULL or invalid; TUS_E_FORKED.
 * Threads: any; blocks.
 * Since: 0.1
 */
TUS_API tus_status tus_task_wait(struct tus_task *t, int64_t timeout_ms);

/**
 * How far a task is. One that waits for its place again after a pause is running.
 *
 * - `t`: the task.
 *
 * Returns: a value of enum tus_task_state_code; TUS_E_INVALID_ARGUMENT if `t` is NULL or invalid,
 * TUS_E_FORKED, both of which are negative.
 * Threads: any.
 * Since: 0.1
 */
TUS_API int32_t tus_task_state(const struct tus_task *t);

/**
 * Whether a task has its result. Its `done` may still be running, or to be run.
 *
 * - `t`: the task.
 *
 * Returns: 1 if so, always inside its `done`; 0 if not, or if `t` is NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API int tus_task_is_done(const struct tus_task *t);

/**
 * How the operation of a task ended. To be asked any number of times.
 *
 * - `t`: the task.
 * - `err`: receives the details of the operation's failure; NULL if it succeeded, is not over, or
 *   the task is invalid. May be NULL. Unlike other errors this one is not to be freed.
 *
 * Returns: the status that the blocking function of this name would have returned; TUS_E_CANCELLED
 * after tus_task_cancel; TUS_E_BUSY while there is no result (tus_task_is_done tells it from an
 * operation that ended so); TUS_E_INVALID_ARGUMENT if `t` is NULL or invalid; TUS_E_FORKED.
 * Ownership: the error is borrowed; valid until the last count of the task is given back.
 * Threads: any.
 * Since: 0.1
 */
TUS_API tus_status tus_task_result(const struct tus_task *t, const struct tus_error **err);

/**
 * Tells how far the upload of a task is, as its progress function is told.
 *
 * - `t`: the task.
 * - `p`: the record to fill; set its `struct_size` first. Before the upload has begun, and for an
 *   operation without data, nothing is sent or acknowledged and the total is unknown.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or `struct_size` is
 * smaller than the first record of this name was or absurdly large; TUS_E_FORKED.
 * Threads: any.
 * Since: 0.1
 */
TUS_API tus_status tus_task_get_progress(const struct tus_task *t, struct tus_progress *p);

/**
 * The upload that a task works on, to be kept for tus_client_resume_upload. It is the full URL;
 * some servers let whoever knows it write to the upload, so treat it as a secret.
 *
 * - `t`: the task.
 *
 * Returns: the absolute URL; NULL while it is not known, if the task has no upload or it was
 * removed, or if `t` is NULL or invalid. An upload in parts has none before the parts are put
 * together.
 * Ownership: borrowed; valid until the last count of the task is given back.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_task_upload_url(const struct tus_task *t);

/**
 * Ends a task within 50 ms, whatever it waits for, or before it begins: its status is
 * TUS_E_CANCELLED, and `done` is called as always. An upload stays on the server and can be
 * resumed. Only a function of the program's that does not return (a reader's `read`) is waited for.
 * Does not wait itself, and does nothing to a task that is done.
 *
 * - `t`: the task, or NULL, which does nothing.
 *
 * Threads: any, any number of times; also from inside callbacks.
 * Since: 0.1
 */
TUS_API void tus_task_cancel(struct tus_task *t);

/**
 * Ends a task as tus_task_cancel does, and has the server remove the upload (T-110), its parts too,
 * before the task is over. It is removed if the task's error (TUS_E_CANCELLED) has neither an
 * upload URL nor a resume token; else its message says why it stays. An upload that is complete
 * already is not removed. A task that had not begun ends at once and removes nothing: if it was to
 * go on with an upload (by URL, token or uploader), its error names that one, for
 * tus_client_delete_upload.
 *
 * Data is sent no more within 50 ms, but the removal takes its time: a creation that is under way
 * is let finish, since only its answer names what is to be removed, and a lock that the ended
 * request still has is waited for (tus_config_set_lock_budget_ms); a server that does not answer is
 * tried again (tus_config_set_retry). A tus_task_cancel after it ends the attempt.
 *
 * - `t`: the task, or NULL, which does nothing.
 *
 * Threads: any, any number of times; also from inside callbacks.
 * Since: 0.1
 */
TUS_API void tus_task_cancel_and_delete(struct tus_task *t);

/**
 * Has an upload stand still within 50 ms, its place left to another (tus_config_set_workers) and
 * its memory too (tus_config_set_memory_limit), until tus_task_resume. What the server has
 * acknowledged stays. A request without data is let finish, and so is a creation, with its data if
 * it carries any (at most 512 KiB). While a reader, a pipe or a tus_writer has nothing to give, the
 * place is kept. Time limits for the whole operation do not run meanwhile. A task that waits for
 * its place does not begin. A task that nobody resumes stays until tus_client_close or
 * tus_task_cancel.
 *
 * - `t`: the task, or NULL, which does nothing.
 *
 * Threads: any, any number of times; also from inside callbacks.
 * Since: 0.1
 */
TUS_API void tus_task_pause(struct tus_task *t);

/**
 * Lets a task go on after tus_task_pause, as soon as there is a place for it, from where the server
 * says that the upload is.
 *
 * - `t`: the task, or NULL, which does nothing.
 *
 * Threads: any, any number of times; also from inside callbacks.
 * Since: 0.1
 */
TUS_API void tus_task_resume(struct tus_task *t);

/**
 * Changes which of several tasks that wait begins first (tus_upload_options_set_priority). It means
 * nothing to a task that has begun.
 *
 * - `t`: the task, or NULL, which does nothing.
 * - `priority`: larger goes first.
 *
 * Threads: any; also from inside callbacks.
 * Since: 0.1
 */
TUS_API void tus_task_set_priority(struct tus_task *t, int32_t priority);

/**
 * Takes one more count of a task, for another owner, or to keep what `done` has got.
 *
 * - `t`: the task.
 *
 * Returns: `t`; NULL if `t` is NULL or invalid.
 * Ownership: each count is given back with tus_task_unref.
 * Threads: any.
 * Since: 0.1
 */
TUS_API struct tus_task *tus_task_ref(struct tus_task *t);

/**
 * Gives one count of a task back. It does not cancel: a task that nobody has a count of goes on to
 * its end, `done` included. A result that was not taken ends with the last count. Never blocks. In
 * a child process after fork() it does nothing.
 *
 * - `t`: the task, or NULL, which does nothing.
 *
 * Ownership: the caller's count ends.
 * Threads: any; also from inside callbacks, the task's own `done` included. If this was the last
 * that held the client, destroy functions of the client's callbacks run before this returns.
 * Since: 0.1
 */
TUS_API void tus_task_unref(struct tus_task *t);

/**
 * Takes the result of an upload, or of a question for one, out of its task.
 *
 * - `t`: the task.
 *
 * Returns: what is known of the upload; NULL if the task is not over, has failed or is of another
 * operation, if it was taken before, or if `t` is NULL or invalid.
 * Ownership: the caller frees it with tus_info_free.
 * Threads: any; only one of several gets it.
 * Since: 0.1
 */
TUS_API struct tus_info *tus_task_take_info(struct tus_task *t);

/**
 * Takes the metadata out of a task of tus_client_get_metadata_async.
 *
 * - `t`: the task.
 *
 * Returns: the metadata; NULL if the task is not over, has failed or is of another operation, if it
 * was taken before, or if `t` is NULL or invalid.
 * Ownership: the caller frees it with tus_metadata_free.
 * Threads: any; only one of several gets it.
 * Since: 0.1
 */
TUS_API struct tus_metadata *tus_task_take_metadata(struct tus_task *t);

/**
 * Takes what the server can do out of a task of tus_client_get_server_info_async.
 *
 * - `t`: the task.
 *
 * Returns: what the server can do; NULL if the task is not over, has failed or is of another
 * operation, if it was taken before, or if `t` is NULL or invalid.
 * Ownership: the caller frees it with tus_server_info_free.
 * Threads: any; only one of several gets it.
 * Since: 0.1
 */
TUS_API struct tus_server_info *tus_task_take_server_info(struct tus_task *t);

/**
 * Takes the list of uploads out of a task of tus_client_find_previous_uploads_async.
 *
 * - `t`: the task.
 *
 * Returns: the list of uploads; NULL if the task is not over, has failed or is of another
 * operation, if it was taken before, or if `t` is NULL or invalid.
 * Ownership: the caller frees it with tus_previous_list_free.
 * Threads: any; only one of several gets it.
 * Since: 0.1
 */
TUS_API struct tus_previous_list *tus_task_take_previous_list(struct tus_task *t);

/**
 * Takes the uploader out of a task of tus_client_create_uploader_async.
 *
 * - `t`: the task.
 *
 * Returns: the uploader; NULL if the task is not over, has failed or is of another operation, if it
 * was taken before, or if `t` is NULL or invalid.
 * Ownership: the caller frees it with tus_uploader_free.
 * Threads: any; only one of several gets it.
 * Since: 0.1
 */
TUS_API struct tus_uploader *tus_task_take_uploader(struct tus_task *t);

/**
 * Whether a task of tus_uploader_upload_chunk_async has left more to send.
 *
 * - `t`: the task.
 *
 * Returns: 1 if so; 0 if not, if the task is not over, has failed or is of another operation, or if
 * `t` is NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API int tus_task_more(const struct tus_task *t);

/**
 * How many uploads a task of tus_client_prune_store_async has removed from the store.
 *
 * - `t`: the task.
 *
 * Returns: the number; 0 if the task is not over, has failed or is of another operation, or if `t`
 * is NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API uint64_t tus_task_pruned(const struct tus_task *t);

/**
 * Begins what tus_client_upload_file does, as a task. The file is only opened when the task's turn
 * has come, so that any number of them may wait; that it cannot be opened is told by the task.
 *
 * - `c`: the client.
 * - `path`: the file. Raw bytes on Unix, UTF-8 on Windows.
 * - `o`: the options, which are copied; may be NULL.
 * - `done`: called once when the task is over; see tus_done_fn. May be NULL.
 * - `user_data`: handed to `done`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
 *   be NULL.
 * - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
 * - `err`: receives the details if this call fails; how the operation fails is told by the task.
 *   May be NULL.
 *
 * Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c` or `path` is NULL or
 * invalid, or `o` is invalid; the first failure of a setter of `o`; TUS_E_INVALID_STATE if one
 * panicked, or after tus_client_close; TUS_E_FORKED. Everything else is told by the task
 * (tus_task_result).
 * Ownership: the strings are copied; the caller gives the task back with tus_task_unref, at any
 * time. tus_task_take_info has the result.
 * Threads: any; does not wait. Also from inside a callback of the same client.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_upload_file_async(struct tus_client *c,
                                        const char *path,
                                        const struct tus_upload_options *o,
                                        tus_done_fn done,
                                        void *user_data,
                                        tus_destroy_fn destroy,
                                        struct tus_task **out,
                                        struct tus_error **err);

/**
 * Begins what tus_client_upload does, as a task.
 *
 * - `c`: the client.
 * - `s`: the source; in use only while the task runs, and still the caller's. It may be freed at
 *   once.
 * - `o`: the options, which are copied; may be NULL.
 * - `done`: called once when the task is over; see tus_done_fn. May be NULL.
 * - `user_data`: handed to `done`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
 *   be NULL.
 * - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
 * - `err`: receives the details if this call fails; how the operation fails is told by the task.
 *   May be NULL.
 *
 * Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c` or `s` is NULL or invalid,
 * or `o` is invalid; the first failure of a setter of `o`; TUS_E_INVALID_STATE if one panicked, or
 * after tus_client_close; TUS_E_FORKED. Everything else is told by the task (tus_task_result), that
 * the source is in use too.
 * Ownership: the caller gives the task back with tus_task_unref, at any time. tus_task_take_info
 * has the result.
 * Threads: any; does not wait. Also from inside a callback of the same client.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_upload_async(struct tus_client *c,
                                   struct tus_source *s,
                                   const struct tus_upload_options *o,
                                   tus_done_fn done,
                                   void *user_data,
                                   tus_destroy_fn destroy,
                                   struct tus_task **out,
                                   struct tus_error **err);

/**
 * Begins what tus_client_resume_upload does, as a task.
 *
 * - `c`: the client.
 * - `s`: the source; in use only while the task runs, and still the caller's. It may be freed at
 *   once.
 * - `upload_url`: the upload's URL, absolute or relative to the endpoint.
 * - `o`: the options, which are copied; may be NULL.
 * - `done`: called once when the task is over; see tus_done_fn. May be NULL.
 * - `user_data`: handed to `done`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
 *   be NULL.
 * - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
 * - `err`: receives the details if this call fails; how the operation fails is told by the task.
 *   May be NULL.
 *
 * Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c`, `s` or `upload_url` is
 * NULL or invalid, or `o` is invalid; the first failure of a setter of `o`; TUS_E_INVALID_STATE if
 * one panicked, or after tus_client_close; TUS_E_FORKED. Everything else is told by the task
 * (tus_task_result), that the source is in use too.
 * Ownership: the strings are copied; the caller gives the task back with tus_task_unref, at any
 * time. tus_task_take_info has the result.
 * Threads: any; does not wait. Also from inside a callback of the same client.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_resume_upload_async(struct tus_client *c,
                                          struct tus_source *s,
                                          const char *upload_url,
                                          const struct tus_upload_options *o,
                                          tus_done_fn done,
                                          void *user_data,
                                          tus_destroy_fn destroy,
                                          struct tus_task **out,
                                          struct tus_error **err);

/**
 * Begins what tus_client_get_upload_info does, as a task.
 *
 * - `c`: the client.
 * - `upload_url`: the upload's URL, absolute or relative to the endpoint.
 * - `done`: called once when the task is over; see tus_done_fn. May be NULL.
 * - `user_data`: handed to `done`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
 *   be NULL.
 * - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
 * - `err`: receives the details if this call fails; how the operation fails is told by the task.
 *   May be NULL.
 *
 * Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c` or `upload_url` is NULL or
 * invalid; TUS_E_INVALID_STATE after tus_client_close; TUS_E_FORKED. Everything else is told by the
 * task (tus_task_result).
 * Ownership: the strings are copied; the caller gives the task back with tus_task_unref, at any
 * time. tus_task_take_info has the result.
 * Threads: any; does not wait. Also from inside a callback of the same client.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_get_upload_info_async(struct tus_client *c,
                                            const char *upload_url,
                                            tus_done_fn done,
                                            void *user_data,
                                            tus_destroy_fn destroy,
                                            struct tus_task **out,
                                            struct tus_error **err);

/**
 * Begins what tus_client_get_metadata does, as a task.
 *
 * - `c`: the client.
 * - `upload_url`: the upload's URL, absolute or relative to the endpoint.
 * - `done`: called once when the task is over; see tus_done_fn. May be NULL.
 * - `user_data`: handed to `done`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
 *   be NULL.
 * - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
 * - `err`: receives the details if this call fails; how the operation fails is told by the task.
 *   May be NULL.
 *
 * Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c` or `upload_url` is NULL or
 * invalid; TUS_E_INVALID_STATE after tus_client_close; TUS_E_FORKED. Everything else is told by the
 * task (tus_task_result).
 * Ownership: the strings are copied; the caller gives the task back with tus_task_unref, at any
 * time. tus_task_take_metadata has the result.
 * Threads: any; does not wait. Also from inside a callback of the same client.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_get_metadata_async(struct tus_client *c,
                                         const char *upload_url,
                                         tus_done_fn done,
                                         void *user_data,
                                         tus_destroy_fn destroy,
                                         struct tus_task **out,
                                         struct tus_error **err);

/**
 * Begins what tus_client_get_server_info does, as a task.
 *
 * - `c`: the client.
 * - `done`: called once when the task is over; see tus_done_fn. May be NULL.
 * - `user_data`: handed to `done`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
 *   be NULL.
 * - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
 * - `err`: receives the details if this call fails; how the operation fails is told by the task.
 *   May be NULL.
 *
 * Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid;
 * TUS_E_INVALID_STATE after tus_client_close; TUS_E_FORKED. Everything else is told by the task
 * (tus_task_result).
 * Ownership: the caller gives the task back with tus_task_unref, at any time.
 * tus_task_take_server_info has the result.
 * Threads: any; does not wait. Also from inside a callback of the same client.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_get_server_info_async(struct tus_client *c,
                                            tus_done_fn done,
                                            void *user_data,
                                            tus_destroy_fn destroy,
                                            struct tus_task **out,
                                            struct tus_error **err);

/**
 * Begins what tus_client_delete_upload does, as a task.
 *
 * - `c`: the client.
 * - `upload_url`: the upload's URL, absolute or relative to the endpoint.
 * - `done`: called once when the task is over; see tus_done_fn. May be NULL.
 * - `user_data`: handed to `done`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
 *   be NULL.
 * - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
 * - `err`: receives the details if this call fails; how the operation fails is told by the task.
 *   May be NULL.
 *
 * Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c` or `upload_url` is NULL or
 * invalid; TUS_E_INVALID_STATE after tus_client_close; TUS_E_FORKED. Everything else is told by the
 * task (tus_task_result).
 * Ownership: the strings are copied; the caller gives the task back with tus_task_unref, at any
 * time.
 * Threads: any; does not wait. Also from inside a callback of the same client.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_delete_upload_async(struct tus_client *c,
                                          const char *upload_url,
                                          tus_done_fn done,
                                          void *user_data,
                                          tus_destroy_fn destroy,
                                          struct tus_task **out,
                                          struct tus_error **err);

/**
 * Begins what tus_client_create_partial_upload does, as a task.
 *
 * - `c`: the client.
 * - `s`: the source; in use only while the task runs, and still the caller's. It may be freed at
 *   once.
 * - `o`: the options, which are copied; may be NULL.
 * - `done`: called once when the task is over; see tus_done_fn. May be NULL.
 * - `user_data`: handed to `done`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
 *   be NULL.
 * - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
 * - `err`: receives the details if this call fails; how the operation fails is told by the task.
 *   May be NULL.
 *
 * Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c` or `s` is NULL or invalid,
 * or `o` is invalid; the first failure of a setter of `o`; TUS_E_INVALID_STATE if one panicked, or
 * after tus_client_close; TUS_E_FORKED. Everything else is told by the task (tus_task_result), that
 * the source is in use too.
 * Ownership: the caller gives the task back with tus_task_unref, at any time. tus_task_take_info
 * has the result.
 * Threads: any; does not wait. Also from inside a callback of the same client.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_create_partial_upload_async(struct tus_client *c,
                                                  struct tus_source *s,
                                                  const struct tus_upload_options *o,
                                                  tus_done_fn done,
                                                  void *user_data,
                                                  tus_destroy_fn destroy,
                                                  struct tus_task **out,
                                                  struct tus_error **err);

/**
 * Begins what tus_client_create_final_upload does, as a task.
 *
 * - `c`: the client.
 * - `urls`: the URLs of the parts in their order, each absolute or relative to the endpoint.
 * - `n`: how many, at least 1.
 * - `o`: the options, which are copied; may be NULL.
 * - `done`: called once when the task is over; see tus_done_fn. May be NULL.
 * - `user_data`: handed to `done`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
 *   be NULL.
 * - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
 * - `err`: receives the details if this call fails; how the operation fails is told by the task.
 *   May be NULL.
 *
 * Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c`, `urls` or one of them is
 * NULL or invalid, or `o` is invalid; the first failure of a setter of `o`; TUS_E_INVALID_STATE if
 * one panicked, or after tus_client_close; TUS_E_FORKED. Everything else is told by the task
 * (tus_task_result).
 * Ownership: the strings are copied; the caller gives the task back with tus_task_unref, at any
 * time. tus_task_take_info has the result.
 * Threads: any; does not wait. Also from inside a callback of the same client.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_create_final_upload_async(struct tus_client *c,
                                                const char *const *urls,
                                                size_t n,
                                                const struct tus_upload_options *o,
                                                tus_done_fn done,
                                                void *user_data,
                                                tus_destroy_fn destroy,
                                                struct tus_task **out,
                                                struct tus_error **err);

/**
 * Begins what tus_client_create_deferred_upload does, as a task.
 *
 * - `c`: the client.
 * - `o`: the options, which are copied; may be NULL.
 * - `done`: called once when the task is over; see tus_done_fn. May be NULL.
 * - `user_data`: handed to `done`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
 *   be NULL.
 * - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
 * - `err`: receives the details if this call fails; how the operation fails is told by the task.
 *   May be NULL.
 *
 * Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid, or `o`
 * is invalid; the first failure of a setter of `o`; TUS_E_INVALID_STATE if one panicked, or after
 * tus_client_close; TUS_E_FORKED. Everything else is told by the task (tus_task_result).
 * Ownership: the caller gives the task back with tus_task_unref, at any time. tus_task_take_info
 * has the result.
 * Threads: any; does not wait. Also from inside a callback of the same client.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_create_deferred_upload_async(struct tus_client *c,
                                                   const struct tus_upload_options *o,
                                                   tus_done_fn done,
                                                   void *user_data,
                                                   tus_destroy_fn destroy,
                                                   struct tus_task **out,
                                                   struct tus_error **err);

/**
 * Begins what tus_client_find_previous_uploads does, as a task.
 *
 * - `c`: the client.
 * - `s`: the source; in use only while the task runs, and still the caller's. It may be freed at
 *   once.
 * - `done`: called once when the task is over; see tus_done_fn. May be NULL.
 * - `user_data`: handed to `done`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
 *   be NULL.
 * - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
 * - `err`: receives the details if this call fails; how the operation fails is told by the task.
 *   May be NULL.
 *
 * Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c` or `s` is NULL or invalid;
 * TUS_E_INVALID_STATE after tus_client_close; TUS_E_FORKED. Everything else is told by the task
 * (tus_task_result), that the source is in use too.
 * Ownership: the caller gives the task back with tus_task_unref, at any time.
 * tus_task_take_previous_list has the result.
 * Threads: any; does not wait. Also from inside a callback of the same client.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_find_previous_uploads_async(struct tus_client *c,
                                                  struct tus_source *s,
                                                  tus_done_fn done,
                                                  void *user_data,
                                                  tus_destroy_fn destroy,
                                                  struct tus_task **out,
                                                  struct tus_error **err);

/**
 * Begins what tus_client_prune_store does, as a task.
 *
 * - `c`: the client.
 * - `max_age_s`: how long ago an upload may have been created, in seconds; 0 or UINT64_MAX: however
 *   long.
 * - `done`: called once when the task is over; see tus_done_fn. May be NULL.
 * - `user_data`: handed to `done`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
 *   be NULL.
 * - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
 * - `err`: receives the details if this call fails; how the operation fails is told by the task.
 *   May be NULL.
 *
 * Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c` is NULL or invalid;
 * TUS_E_INVALID_STATE after tus_client_close; TUS_E_FORKED. Everything else is told by the task
 * (tus_task_result).
 * Ownership: the caller gives the task back with tus_task_unref, at any time. tus_task_pruned has
 * the result.
 * Threads: any; does not wait. Also from inside a callback of the same client.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_prune_store_async(struct tus_client *c,
                                        uint64_t max_age_s,
                                        tus_done_fn done,
                                        void *user_data,
                                        tus_destroy_fn destroy,
                                        struct tus_task **out,
                                        struct tus_error **err);

/**
 * Begins what tus_client_create_uploader does, as a task.
 *
 * - `c`: the client.
 * - `s`: the source; in use while the task runs and until the uploader is freed, and still the
 *   caller's. It may be freed at once.
 * - `o`: the options, which are copied; may be NULL.
 * - `done`: called once when the task is over; see tus_done_fn. May be NULL.
 * - `user_data`: handed to `done`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
 *   be NULL.
 * - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
 * - `err`: receives the details if this call fails; how the operation fails is told by the task.
 *   May be NULL.
 *
 * Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `c` or `s` is NULL or invalid,
 * or `o` is invalid; the first failure of a setter of `o`; TUS_E_INVALID_STATE if one panicked, or
 * after tus_client_close; TUS_E_FORKED. Everything else is told by the task (tus_task_result), that
 * the source is in use too.
 * Ownership: the caller gives the task back with tus_task_unref, at any time.
 * tus_task_take_uploader has the result.
 * Threads: any; does not wait. Also from inside a callback of the same client.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_client_create_uploader_async(struct tus_client *c,
                                            struct tus_source *s,
                                            const struct tus_upload_options *o,
                                            tus_done_fn done,
                                            void *user_data,
                                            tus_destroy_fn destroy,
                                            struct tus_task **out,
                                            struct tus_error **err);

/**
 * Begins what tus_uploader_upload does, as a task. tus_task_cancel ends this call alone, and the
 * uploader can go on with another; tus_uploader_cancel ends all.
 *
 * - `u`: the uploader.
 * - `done`: called once when the task is over; see tus_done_fn. May be NULL.
 * - `user_data`: handed to `done`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
 *   be NULL.
 * - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
 * - `err`: receives the details if this call fails; how the operation fails is told by the task.
 *   May be NULL.
 *
 * Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `u` is NULL or invalid;
 * TUS_E_INVALID_STATE after tus_client_close; TUS_E_FORKED. Everything else is told by the task
 * (tus_task_result), that another call on it runs too.
 * Ownership: the caller gives the task back with tus_task_unref, at any time. tus_task_take_info
 * has the result.
 * Threads: any; does not wait. Also from inside a callback of the same client.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_uploader_upload_async(struct tus_uploader *u,
                                     tus_done_fn done,
                                     void *user_data,
                                     tus_destroy_fn destroy,
                                     struct tus_task **out,
                                     struct tus_error **err);

/**
 * Begins what tus_uploader_upload_chunk does, as a task. tus_task_cancel ends this call alone, and
 * the uploader can go on with another; tus_uploader_cancel ends all.
 *
 * - `u`: the uploader.
 * - `done`: called once when the task is over; see tus_done_fn. May be NULL.
 * - `user_data`: handed to `done`; may be NULL.
 * - `destroy`: releases `user_data`, exactly once: after `done`, or at once if this call fails. May
 *   be NULL.
 * - `out`: receives the task; NULL on failure. May be NULL: the task goes on all the same.
 * - `err`: receives the details if this call fails; how the operation fails is told by the task.
 *   May be NULL.
 *
 * Returns: TUS_OK if there is a task now; TUS_E_INVALID_ARGUMENT if `u` is NULL or invalid;
 * TUS_E_INVALID_STATE after tus_client_close; TUS_E_FORKED. Everything else is told by the task
 * (tus_task_result), that another call on it runs too.
 * Ownership: the caller gives the task back with tus_task_unref, at any time. tus_task_more tells
 * whether there is more to send.
 * Threads: any; does not wait. Also from inside a callback of the same client.
 * Since: 0.1
 */
TUS_API
TUS_CHECK
tus_status tus_uploader_upload_chunk_async(struct tus_uploader *u,
                                           tus_done_fn done,
                                           void *user_data,
                                           tus_destroy_fn destroy,
                                           struct tus_task **out,
                                           struct tus_error **err);

/**
 * The upload's URL, to be kept for tus_client_resume_upload. It is the full URL; some servers let
 * whoever knows it write to the upload, so treat it as a secret.
 *
 * - `i`: the result.
 *
 * Returns: the absolute URL; NULL if `i` is NULL or invalid.
 * Ownership: borrowed; valid until `i` is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_info_url(const struct tus_info *i);

/**
 * How many bytes the server has acknowledged.
 *
 * - `i`: the result.
 *
 * Returns: the number; 0 if `i` is NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API uint64_t tus_info_offset(const struct tus_info *i);

/**
 * The size of the upload in bytes.
 *
 * - `i`: the result.
 *
 * Returns: the size; TUS_SIZE_UNKNOWN while it is deferred, or if `i` is NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API uint64_t tus_info_size(const struct tus_info *i);

/**
 * Whether the server has acknowledged every byte.
 *
 * - `i`: the result.
 *
 * Returns: 1 if so; 0 if not, or if `i` is NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API int tus_info_is_complete(const struct tus_info *i);

/**
 * Whether the upload's size is not known to the server yet (T-070).
 *
 * - `i`: the result.
 *
 * Returns: 1 if so; 0 if not, or if `i` is NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API int tus_info_is_deferred(const struct tus_info *i);

/**
 * When the server will drop the upload if it stays unfinished (T-080).
 *
 * - `i`: the result.
 *
 * Returns: seconds since 1970-01-01 00:00 UTC; 0 if the server does not say, or if `i` is NULL or
 * invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API uint64_t tus_info_expires(const struct tus_info *i);

/**
 * Whether the upload belongs to a concatenation.
 *
 * - `i`: the result.
 *
 * Returns: a value of enum tus_concat_kind; 0 (none) if `i` is NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API int32_t tus_info_concat_kind(const struct tus_info *i);

/**
 * The algorithm by which the server checked the data that the operation sent
 * (tus_config_set_checksum): all of it; where there were several, the last one.
 *
 * - `i`: the result.
 *
 * Returns: a value of enum tus_checksum; TUS_CHECKSUM_NONE if some data was not checked or none was
 * sent, or if `i` is NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API int32_t tus_info_checksum(const struct tus_info *i);

/**
 * A metadata value, as the bytes it is: what was sent after an upload, what the server tells after
 * a query.
 *
 * - `i`: the result.
 * - `key`: the key; case matters.
 * - `len`: receives the number of bytes. May be NULL.
 *
 * Returns: the bytes, followed by a NUL that is not counted; NULL if there is no such key, or if an
 * argument is NULL or invalid.
 * Ownership: borrowed; valid until `i` is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const void *tus_info_metadata(const struct tus_info *i, const char *key, size_t *len);

/**
 * A metadata value as text, from the client's metadata encoding (tus_config_set_metadata_encoding)
 * to UTF-8.
 *
 * - `i`: the result.
 * - `key`: the key; case matters.
 *
 * Returns: the text; NULL if there is no such key, its value is not text in that encoding or has a
 * NUL in it, or if an argument is NULL or invalid.
 * Ownership: borrowed; valid until `i` is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_info_metadata_text(const struct tus_info *i, const char *key);

/**
 * All the metadata, to be gone through with tus_metadata_count and the like.
 *
 * - `i`: the result.
 *
 * Returns: the metadata, maybe without a pair; NULL if `i` is NULL or invalid.
 * Ownership: borrowed; valid until `i` is freed; not to be freed itself.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const struct tus_metadata *tus_info_metadata_object(const struct tus_info *i);

/**
 * Frees a result. Its strings and its metadata become invalid.
 *
 * - `i`: the result, or NULL, which does nothing.
 *
 * Threads: any, one at a time, and none may still use it.
 * Since: 0.1
 */
TUS_API void tus_info_free(struct tus_info *i);

/**
 * How many warnings there are: what the operation met that is no failure but may have to be acted
 * on, for example that the upload could not be noted in the store. No more than 32 are kept, and
 * the same one once.
 *
 * - `i`: the result.
 *
 * Returns: the number; 0 if `i` is NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API size_t tus_info_warning_count(const struct tus_info *i);

/**
 * A warning as a sentence in English, fit for logs.
 *
 * - `i`: the result.
 * - `index`: which one, from 0, in the order they came.
 *
 * Returns: the text; NULL if there is no such warning, or if `i` is NULL or invalid.
 * Ownership: borrowed; valid until `i` is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_info_warning(const struct tus_info *i, size_t index);

/**
 * What a warning is about.
 *
 * - `i`: the result.
 * - `index`: which one, from 0.
 *
 * Returns: a value of enum tus_warning_code; TUS_W_NONE if there is no such warning, or if `i` is
 * NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API int32_t tus_info_warning_code(const struct tus_info *i, size_t index);

/**
 * The upload that a warning is about, where that is not the one of the operation: for example what
 * is left on the server (TUS_W_LEFT_ON_SERVER). It is the full URL; some servers let whoever knows
 * it write to the upload, so treat it as a secret.
 *
 * - `i`: the result.
 * - `index`: which one, from 0.
 *
 * Returns: the absolute URL; NULL if there is no such warning or it names no upload, or if `i` is
 * NULL or invalid.
 * Ownership: borrowed; valid until `i` is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_info_warning_url(const struct tus_info *i, size_t index);

/**
 * How many warnings there are: what the operation met that is no failure but may have to be acted
 * on, for example that the upload could not be noted in the store. No more than 32 are kept, and
 * the same one once.
 *
 * - `e`: the error.
 *
 * Returns: the number; 0 if `e` is NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API size_t tus_error_warning_count(const struct tus_error *e);

/**
 * A warning as a sentence in English, fit for logs.
 *
 * - `e`: the error.
 * - `index`: which one, from 0, in the order they came.
 *
 * Returns: the text; NULL if there is no such warning, or if `e` is NULL or invalid.
 * Ownership: borrowed; valid until the error is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_error_warning(const struct tus_error *e, size_t index);

/**
 * What a warning is about.
 *
 * - `e`: the error.
 * - `index`: which one, from 0.
 *
 * Returns: a value of enum tus_warning_code; TUS_W_NONE if there is no such warning, or if `e` is
 * NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API int32_t tus_error_warning_code(const struct tus_error *e, size_t index);

/**
 * The upload that a warning is about, where that is not the one of the operation: for example what
 * is left on the server (TUS_W_LEFT_ON_SERVER). It is the full URL; some servers let whoever knows
 * it write to the upload, so treat it as a secret.
 *
 * - `e`: the error.
 * - `index`: which one, from 0.
 *
 * Returns: the absolute URL; NULL if there is no such warning or it names no upload, or if `e` is
 * NULL or invalid.
 * Ownership: borrowed; valid until the error is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_error_warning_url(const struct tus_error *e, size_t index);

/**
 * How many warnings there are: what the operation met that is no failure but may have to be acted
 * on, for example that the upload could not be noted in the store. No more than 32 are kept, and
 * the same one once.
 *
 * - `u`: the uploader.
 *
 * Returns: the number; 0 if `u` is NULL or invalid.
 * Threads: any, also while a call on the uploader runs: what it has met counts once it returns.
 * Since: 0.1
 */
TUS_API size_t tus_uploader_warning_count(const struct tus_uploader *u);

/**
 * A warning as a sentence in English, fit for logs.
 *
 * - `u`: the uploader.
 * - `index`: which one, from 0, in the order they came.
 *
 * Returns: the text; NULL if there is no such warning, or if `u` is NULL or invalid.
 * Ownership: borrowed; valid until `u` is freed.
 * Threads: any, also while a call on the uploader runs: what it has met counts once it returns.
 * Since: 0.1
 */
TUS_API const char *tus_uploader_warning(const struct tus_uploader *u, size_t index);

/**
 * What a warning is about.
 *
 * - `u`: the uploader.
 * - `index`: which one, from 0.
 *
 * Returns: a value of enum tus_warning_code; TUS_W_NONE if there is no such warning, or if `u` is
 * NULL or invalid.
 * Threads: any, also while a call on the uploader runs: what it has met counts once it returns.
 * Since: 0.1
 */
TUS_API int32_t tus_uploader_warning_code(const struct tus_uploader *u, size_t index);

/**
 * The upload that a warning is about, where that is not the one of the operation: for example what
 * is left on the server (TUS_W_LEFT_ON_SERVER). It is the full URL; some servers let whoever knows
 * it write to the upload, so treat it as a secret.
 *
 * - `u`: the uploader.
 * - `index`: which one, from 0.
 *
 * Returns: the absolute URL; NULL if there is no such warning or it names no upload, or if `u` is
 * NULL or invalid.
 * Ownership: borrowed; valid until `u` is freed.
 * Threads: any, also while a call on the uploader runs: what it has met counts once it returns.
 * Since: 0.1
 */
TUS_API const char *tus_uploader_warning_url(const struct tus_uploader *u, size_t index);

/**
 * Tells what the operation took that had this result.
 *
 * - `i`: the result.
 * - `stats`: the record to fill; set its `struct_size` first. Members that this version of the
 *   library does not know are set to 0.
 *
 * Returns: TUS_OK; TUS_E_INVALID_ARGUMENT if an argument is NULL or invalid, or `struct_size` is
 * smaller than the first record of this name was (its members up to `elapsed_ms`) or absurdly
 * large.
 * Threads: any.
 * Since: 0.1
 */
TUS_API tus_status tus_info_get_stats(const struct tus_info *i, struct tus_stats *stats);

/**
 * How many pairs there are.
 *
 * - `m`: the metadata.
 *
 * Returns: the number; 0 if `m` is NULL or no metadata.
 * Threads: any.
 * Since: 0.1
 */
TUS_API size_t tus_metadata_count(const struct tus_metadata *m);

/**
 * The key of a pair.
 *
 * - `m`: the metadata.
 * - `index`: from 0.
 *
 * Returns: the key; NULL if there is no such pair, or if `m` is NULL or no metadata.
 * Ownership: borrowed; valid until the metadata is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_metadata_key_at(const struct tus_metadata *m, size_t index);

/**
 * The value of a pair, as the bytes it is.
 *
 * - `m`: the metadata.
 * - `index`: from 0.
 * - `len`: receives the number of bytes. May be NULL.
 *
 * Returns: the bytes, followed by a NUL that is not counted; NULL if there is no such pair, or if
 * `m` is NULL or no metadata.
 * Ownership: borrowed; valid until the metadata is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const void *tus_metadata_value_at(const struct tus_metadata *m, size_t index, size_t *len);

/**
 * The value of a key, as the bytes it is.
 *
 * - `m`: the metadata.
 * - `key`: the key; case matters.
 * - `len`: receives the number of bytes. May be NULL.
 *
 * Returns: the bytes, followed by a NUL that is not counted; NULL if there is no such key, or if an
 * argument is NULL or invalid.
 * Ownership: borrowed; valid until the metadata is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const void *tus_metadata_value(const struct tus_metadata *m, const char *key, size_t *len);

/**
 * The value of a key as text, from the client's metadata encoding
 * (tus_config_set_metadata_encoding) to UTF-8.
 *
 * - `m`: the metadata.
 * - `key`: the key; case matters.
 *
 * Returns: the text; NULL if there is no such key, its value is not text in that encoding or has a
 * NUL in it, or if an argument is NULL or invalid.
 * Ownership: borrowed; valid until the metadata is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_metadata_text(const struct tus_metadata *m, const char *key);

/**
 * Frees metadata. Its strings become invalid.
 *
 * - `m`: the metadata, or NULL, which does nothing. That of a tus_info is left alone.
 *
 * Threads: any, one at a time, and none may still use it.
 * Since: 0.1
 */
TUS_API void tus_metadata_free(struct tus_metadata *m);

/**
 * How many versions of the protocol the server names.
 *
 * - `i`: the result.
 *
 * Returns: the number, 0 if it does not say; 0 if `i` is NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API size_t tus_server_info_version_count(const struct tus_server_info *i);

/**
 * A version of the protocol that the server speaks; its favourite comes first.
 *
 * - `i`: the result.
 * - `index`: from 0.
 *
 * Returns: for example "1.0.0"; NULL if there is no such version, or if `i` is NULL or invalid.
 * Ownership: borrowed; valid until `i` is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_server_info_version_at(const struct tus_server_info *i, size_t index);

/**
 * Whether the server advertises an extension (T-007).
 *
 * - `i`: the result.
 * - `name`: the extension, for example "termination".
 *
 * Returns: 1 if so; 0 if not, or if an argument is NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API int tus_server_info_has_extension(const struct tus_server_info *i, const char *name);

/**
 * How many extensions the server advertises, ones unknown to this library included.
 *
 * - `i`: the result.
 *
 * Returns: the number; 0 if `i` is NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API size_t tus_server_info_extension_count(const struct tus_server_info *i);

/**
 * An extension that the server advertises.
 *
 * - `i`: the result.
 * - `index`: from 0.
 *
 * Returns: its name; NULL if there is no such extension, or if `i` is NULL or invalid.
 * Ownership: borrowed; valid until `i` is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API const char *tus_server_info_extension_at(const struct tus_server_info *i, size_t index);

/**
 * The largest upload that the server takes (T-008).
 *
 * - `i`: the result.
 *
 * Returns: bytes; TUS_SIZE_UNKNOWN if it does not say, or if `i` is NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API uint64_t tus_server_info_max_size(const struct tus_server_info *i);

/**
 * How many checksum algorithms the server names (T-090).
 *
 * - `i`: the result.
 *
 * Returns: the number; 0 if `i` is NULL or invalid.
 * Threads: any.
 * Since: 0.1
 */
TUS_API size_t tus_server_info_checksum_algorithm_count(const struct tus_server_info *i);

/**
 * A checksum algorithm that the server knows.
 *
 * - `i`: the result.
 * - `index`: from 0.
 *
 * Returns: its name, for example "sha1"; NULL if there is no such algorithm, or if `i` is NULL or
 * invalid.
 * Ownership: borrowed; valid until `i` is freed.
 * Threads: any.
 * Since: 0.1
 */
TUS_API
const char *tus_server_info_checksum_algorithm_at(const struct tus_server_info *i,
                                                  size_t index);

/**
 * Frees a result. Its strings become invalid.
 *
 * - `i`: the result, or NULL, which does nothing.
 *
 * Threads: any, one at a time, and none may still use it.
 * Since: 0.1
 */
TUS_API void tus_server_info_free(struct tus_server_info *i);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TUS_H */
