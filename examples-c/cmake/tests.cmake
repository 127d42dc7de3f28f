# The tests: every case of tests/run.sh, compiled with AddressSanitizer where that can be had; and as users compile it,
# under valgrind, the cases that are about what lives how long.
include(CheckCSourceRuns)

set(cases
    quickstart quickstart_fails server_info memory memory_delete
    custom_reader custom_reader_fails hooks hooks_give_up
    upload upload_empty upload_options upload_interrupt upload_interrupt_waiting upload_broken
    upload_wrong_url upload_missing_file upload_directory upload_refused upload_gone upload_usage
    upload_several upload_retries upload_store_unusable
    upload_stop_at upload_store upload_parallel upload_parallel_store upload_stdin upload_checksum upload_info_delete
    resume resume_interrupt resume_killed resume_changed resume_usage resume_refused
    parallel parallel_interrupt parallel_killed parallel_usage parallel_refused
    deferred deferred_small deferred_interrupt deferred_resume deferred_refused
    chunk_by_chunk chunk_by_chunk_broken chunk_by_chunk_usage chunk_by_chunk_refused
    checksums checksums_usage checksums_refused
    async_wait
    async_upload async_upload_interrupt async_upload_delete async_upload_delete_fails async_upload_refused
    async_poll_loop async_poll_loop_fails async_poll_loop_pause async_poll_loop_cancel
    batch batch_jobs batch_fails batch_interrupt batch_usage
    cancel cancel_delete cancel_fails
    push_writer push_writer_small push_writer_fails push_writer_interrupt push_writer_refused)
if(libuv_FOUND)
    list(APPEND cases libuv_loop libuv_loop_fails libuv_loop_interrupt)
endif()
if(glib_FOUND)
    list(APPEND cases glib_loop glib_loop_fails glib_loop_interrupt)
endif()
if(SQLite3_FOUND)
    list(APPEND cases
        custom_store_sqlite custom_store_sqlite_killed custom_store_sqlite_changed custom_store_sqlite_damaged
        custom_store_sqlite_usage custom_store_sqlite_refused)
endif()

# For each program: one run to its end, one that is broken off.
set(lifetimes
    quickstart quickstart_fails server_info memory_delete custom_reader custom_reader_fails hooks_give_up
    upload_options upload_interrupt upload_several upload_parallel_store upload_info_delete
    resume parallel_interrupt deferred_interrupt chunk_by_chunk_broken checksums
    async_wait async_upload async_upload_interrupt async_poll_loop_cancel batch batch_interrupt cancel_delete
    push_writer_small push_writer_fails)
if(libuv_FOUND)
    list(APPEND lifetimes libuv_loop_interrupt)
endif()
if(glib_FOUND)
    list(APPEND lifetimes glib_loop_interrupt)
endif()
if(SQLite3_FOUND)
    list(APPEND lifetimes custom_store_sqlite)
endif()

# A test that says what is missing.
function(leave_out name reason)
    message(STATUS "left out: ${name}: ${reason}")
    add_test(NAME ${name} COMMAND sh "${CMAKE_CURRENT_SOURCE_DIR}/tests/left_out.sh" "${name}" "${reason}")
    set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77)
endfunction()

find_program(SCRIPT script)
if(SCRIPT)
    list(APPEND cases upload_narrow)
else()
    leave_out(upload_narrow "script(1) is missing, which makes terminals")
endif()

# Adds the cases that follow once. `checker` is "none", or the path of valgrind.
function(add_cases prefix label programs checker)
    foreach(case IN LISTS ARGN)
        set(name "${prefix}${case}")
        add_test(NAME ${name} COMMAND sh "${CMAKE_CURRENT_SOURCE_DIR}/tests/run.sh"
            ${case} "${programs}" "${TUS_TEST_SERVER}" "${CMAKE_CURRENT_BINARY_DIR}/tests/${name}" "${checker}")
        set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 120)
    endforeach()
endfunction()

if(NOT UNIX)
    message(STATUS "left out: tests of the examples: they need a POSIX shell and signals")
    return()
endif()
if(NOT TUS_TEST_SERVER)
    set(TUS_TEST_SERVER "${TUS_LIB_DIR}/tus-test-server")
endif()
if(NOT EXISTS "${TUS_TEST_SERVER}")
    leave_out(test-server "${TUS_TEST_SERVER} is missing: cargo build --release --package tus-test-server")
    return()
endif()

if(NOT SQLite3_FOUND)
    leave_out(custom_store_sqlite "SQLite 3, its library or its header, was not found")
endif()
if(NOT libuv_FOUND)
    leave_out(libuv_loop "libuv, its library or its header, was not found by pkg-config")
endif()
if(NOT glib_FOUND)
    leave_out(glib_loop "GLib 2, its library or its headers, was not found by pkg-config")
endif()

if(CMAKE_C_FLAGS MATCHES "-fsanitize=")
    message(STATUS "the examples themselves are compiled with a sanitizer: neither valgrind nor a second build")
    add_cases("" plain "${CMAKE_CURRENT_BINARY_DIR}" none ${cases})
    return()
endif()

find_program(TUS_VALGRIND valgrind)
if(TUS_VALGRIND)
    add_cases(valgrind_ valgrind "${CMAKE_CURRENT_BINARY_DIR}" "${TUS_VALGRIND}" ${lifetimes})
else()
    leave_out(valgrind "not found in PATH")
endif()

set(asan_options -fsanitize=address -fno-omit-frame-pointer)
set(CMAKE_REQUIRED_FLAGS -fsanitize=address)
set(CMAKE_REQUIRED_LINK_OPTIONS -fsanitize=address)
check_c_source_runs("int main(void) { return 0; }" TUS_HAS_ASAN)
unset(CMAKE_REQUIRED_FLAGS)
unset(CMAKE_REQUIRED_LINK_OPTIONS)
if(TUS_HAS_ASAN)
    foreach(program IN LISTS programs)
        add_example(asan_${program} ${program} ${asan_options})
        set_target_properties(asan_${program} PROPERTIES
            OUTPUT_NAME ${program}
            RUNTIME_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/asan")
    endforeach()
    add_cases("" asan "${CMAKE_CURRENT_BINARY_DIR}/asan" none ${cases})
else()
    leave_out(asan "programs compiled with -fsanitize=address do not run here")
    add_cases("" plain "${CMAKE_CURRENT_BINARY_DIR}" none ${cases})
endif()
