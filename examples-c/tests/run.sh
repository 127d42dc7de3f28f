#!/bin/sh
# Runs one case: starts a server of its own, runs an example against it, and checks what came of it.
#
# usage: run.sh CASE PROGRAMS SERVER WORK CHECKER
#   PROGRAMS  folder of the compiled examples
#   SERVER    the tus-test-server program
#   WORK      folder for the case's files, emptied first
#   CHECKER   "none", or the path of valgrind
set -u

case_name=$1
programs=$2
server=$3
work=$4
checker=$5

# Nothing listens there.
nowhere=http://127.0.0.1:1/files/

fail() {
    echo "FAILED: $*"
    for file in "$work/out" "$work/err" "$work/server.log" "$work"/valgrind.*; do
        if [ -s "$file" ]; then
            echo "--- ${file##*/}"
            cat "$file"
        fi
    done
    exit 1
}

# --- the server -------------------------------------------------------------------------------------------------------

# Starts it with the given further options. It ends with its standard input, which is open as long as this script runs.
start_server() {
    rm -f "$work/port" "$work/server.stdin"
    mkfifo "$work/server.stdin"
    "$server" --dir "$work/uploads" --port-file "$work/port" --quiet --until-stdin-eof "$@" \
        <"$work/server.stdin" >/dev/null 2>"$work/server.log" &
    server_id=$!
    exec 9>"$work/server.stdin"
    wait_until "the server listens" test -s "$work/port"
    port=$(cat "$work/port")
    url=http://127.0.0.1:$port/files/
}

# Waits for a command to succeed, no longer than half a minute.
wait_until() {
    what=$1
    shift
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || fail "not after 30 s: $what"
        sleep 0.05
    done
}

# --- programs ---------------------------------------------------------------------------------------------------------

# Becomes the program. Only for use in the background, so that the shell's $! is the program itself.
become() {
    program=$1
    shift
    exec 9>&-
    if [ "$checker" = none ]; then
        exec "$programs/$program" "$@"
    fi
    exec "$checker" --quiet --log-file="$work/valgrind.%p" --leak-check=full --suppressions="${0%/*}/valgrind.supp" \
        --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect --error-exitcode=99 "$programs/$program" "$@"
}

# Its standard input is empty, or the file (or pipe) that $input names.
begin() {
    become "$@" <"${input:-/dev/null}" >"$work/out" 2>"$work/err" &
    program_id=$!
}

# Makes a pipe that the next program reads, and in the background a producer: a command that writes to its stdout.
produce() {
    input=$work/pipe
    rm -f "$input"
    mkfifo "$input"
    "$@" >"$input" 9>&- &
    producer_id=$!
}

stop_producer() {
    kill "$producer_id" 2>/dev/null
    wait "$producer_id" 2>/dev/null
}

# Waits for the program and checks its exit status.
expect_end() {
    wait "$program_id"
    status=$?
    [ "$status" -eq "$1" ] || fail "exit status $status instead of $1"
}

# expect STATUS PROGRAM ARGUMENTS...: runs it to its end.
expect() {
    expected=$1
    shift
    begin "$@"
    expect_end "$expected"
}

# --- checks -----------------------------------------------------------------------------------------------------------

expect_out() {
    grep -q -e "$1" "$work/out" || fail "stdout lacks: $1"
}

expect_err() {
    grep -q -e "$1" "$work/err" || fail "stderr lacks: $1"
}

expect_no_out() {
    [ ! -s "$work/out" ] || fail "stdout should be empty"
}

# What the server has of the upload with this URL is the same as this file.
expect_stored() {
    cmp "$work/uploads/${1##*/}" "$2" || fail "the server's bytes are not those of the file"
}

# The server has so many bytes of the upload with this URL.
expect_stored_size() {
    size=$(wc -c <"$work/uploads/${1##*/}")
    [ "$size" -eq "$2" ] || fail "the server has $size bytes instead of $2"
}

# The URL that is all the program printed.
printed_url() {
    [ "$(wc -l <"$work/out")" -eq 1 ] || fail "stdout should be one line"
    expect_out "^$url[0-9a-f]*\$"
    cat "$work/out"
}

# Makes $work/NAME of so many blocks of 64 KiB.
make_file() {
    dd if=/dev/urandom of="$work/$1" bs=65536 count="$2" 2>/dev/null || fail "cannot make $work/$1"
}

# Whether the server has got at least half a mebibyte.
has_begun() {
    [ "$(cat "$work"/uploads/* 2>/dev/null | wc -c)" -gt 524288 ]
}

# Makes a file that is older than a moment, so that its times alone prove that nothing has changed. What is recognised
# by its bytes needs a digest of them, which a process that is killed early has had no time for.
make_settled_file() {
    make_file "$@"
    sleep 3
}

# How many uploads the server has.
expect_uploads() {
    count=$(find "$work/uploads" -type f ! -name '*.info' | wc -l)
    [ "$count" -eq "$1" ] || fail "the server has $count uploads instead of $1"
}

# How many uploads the server has beside the parts of others: those stay when they have been put together.
expect_wholes() {
    count=$(grep -L -x 'concat partial' "$work/uploads"/*.info | wc -l)
    [ "$count" -eq "$1" ] || fail "the server has $count uploads beside parts instead of $1"
}

# The URL in a line of stdout that begins with these words.
url_after() {
    sed -n "s|^$1 \($url[0-9a-f]*\)\$|\1|p" "$work/out" | head -n 1
}

# The number in stdout where this basic regular expression has its group.
number_in() {
    number=$(sed -n "s/.*$1.*/\1/p" "$work/out" | head -n 1)
    [ -n "$number" ] || fail "stdout lacks a number: $1"
    echo "$number"
}

# interrupt SIGNAL STATUS PROGRAM ARGUMENTS...: runs it half way and ends it by a signal, with this exit status; after
# KILL there is none to expect. An upload in parts has $parts of them.
interrupt() {
    signal=$1
    expected=$2
    shift 2
    begin "$@"
    wait_until "bytes arrive" have_begun "${parts:-1}"
    kill "-$signal" "$program_id"
    if [ "$signal" = KILL ]; then
        wait "$program_id" 2>/dev/null
    else
        expect_end "$expected"
    fi
}

# Whether the server has bytes of so many parts, and half a mebibyte in all. The URL of each is kept by then.
have_begun() {
    [ "$(find "$work/uploads" -type f ! -name '*.info' -size +0 | wc -l)" -eq "$1" ] && has_begun
}

# Checks that stdout is nothing but the hint to resume this file, one that a shell understands; leaves the upload's URL
# in $upload_url.
expect_hint() {
    [ "$(wc -l <"$work/out")" -eq 1 ] || fail "stdout should be one line"
    expect_out '^resume with: '
    eval "set -- \"$1\" $(sed 's/^resume with: //' "$work/out")"
    [ "$#" -eq 5 ] || fail "the hint has $(($# - 1)) words"
    [ "$2" = "$programs/upload" ] || fail "the hint's program is $2"
    [ "$3" = --resume ] || fail "the hint says $3 instead of --resume"
    [ "$5" = "$1" ] || fail "the hint's file is $5"
    upload_url=$4
}

# --- the cases --------------------------------------------------------------------------------------------------------

case_quickstart() {
    start_server
    make_file input 20
    expect 0 quickstart "$url" "$work/input"
    upload_url=$(printed_url) || fail "$upload_url"
    expect_stored "$upload_url" "$work/input"
}

case_quickstart_fails() {
    start_server
    expect 2 quickstart
    expect 1 quickstart "$url" "$work/missing"
    expect_err '^TUS_E_SOURCE: '
    expect_no_out
}

case_server_info() {
    start_server --checksums --max-size 1234567
    expect 0 server_info "$url"
    expect_out '^protocol versions: .* 1\.0\.0'
    expect_out '^extensions: .* creation .*termination'
    expect_out '^largest upload:  *1234567 bytes$'
    expect_out '^checksum algorithms:.* sha1'
    expect_out '^can delete uploads:  *yes$'
    expect 1 server_info "http://127.0.0.1:$port"nonsense
    expect_err '^TUS_E_INVALID_ARGUMENT: '
}

case_memory() {
    start_server
    expect 0 memory "$url"
    [ "$(grep -c '^buffer released$' "$work/out")" -eq 1 ] || fail "the buffer was not released once"
    expect_out '^bytes: 300000$'
    expect_out '^complete: yes$'
    expect_out '^metadata filename: alphabet\.txt$'
    expect_out '^metadata title: Fünf Boxkämpfer$'
    expect_out '^metadata thumbnail: 6 bytes that are no text$'
    awk 'BEGIN { for (i = 0; i < 300000; i++) printf "%c", 97 + i % 26 }' >"$work/expected"
    expect_stored "$(sed -n 's/^url: //p' "$work/out")" "$work/expected"
}

case_memory_delete() {
    start_server
    expect 0 memory --delete "$url"
    expect_out '^deleted$'
    upload_url=$(sed -n 's/^url: //p' "$work/out")
    [ -n "$upload_url" ] || fail "no URL was printed"
    [ ! -e "$work/uploads/${upload_url##*/}" ] || fail "the server still has the upload"
}

# Larger than what is kept of a reader that cannot seek, and no whole number of lines.
case_custom_reader() {
    start_server
    awk 'BEGIN { for (i = 0; i < 3000000; i += 16) printf "%015x\n", i; printf "0000000" }' >"$work/expected"
    expect 0 custom_reader "$url" 3000007
    upload_url=$(printed_url) || fail "$upload_url"
    expect_stored "$upload_url" "$work/expected"
    expect 0 custom_reader --no-seek "$url" 3000007
    upload_url=$(printed_url) || fail "$upload_url"
    expect_stored "$upload_url" "$work/expected"
    expect 0 custom_reader "$url" 0
}

case_custom_reader_fails() {
    start_server
    for seek in --fail-at --no-seek; do
        [ "$seek" = --fail-at ] && seek=
        expect 1 custom_reader $seek --fail-at 2000000 "$url" 3000000
        expect_err '^TUS_E_CALLBACK: '
        expect_err "this program's reader that failed, with 42"
        expect_err "the upload can be resumed: $url"
        expect_no_out
    done
    expect 2 custom_reader "$url"
}

case_hooks() {
    start_server --token demo-token
    make_file input 20
    expect 0 hooks "$url" "$work/input"
    expect_out '^answer: 201 to POST$'
    expect_out '^answer: 204 to PATCH$'
    expect_out "^upload url: $url"
    expect_err '^log, info: '
    expect_err 'log, info: done'
    [ "$(grep -c '^token: fetched$' "$work/out")" -eq 1 ] || fail "the token was not fetched once"
    [ "$(grep -c '^token: forgotten$' "$work/out")" -eq 1 ] || fail "the token was not destroyed once"
    expect_stored "$(sed -n 's/^done: //p' "$work/out")" "$work/input"
}

case_hooks_give_up() {
    make_file input 1
    expect 1 hooks "$nowhere" "$work/input"
    expect_err '^TUS_E_CONNECT: '
    expect_out '^retry: number 1 after TUS_E_CONNECT$'
    expect_out '^retry: number 2 after TUS_E_CONNECT$'
    expect_out '^retry: giving up$'
    expect_out '^it was should_retry that gave up$'
    expect_out '^token: forgotten$'
}

case_upload() {
    start_server
    make_file input 40
    expect 0 upload "$work/input" "$url"
    upload_url=$(printed_url) || fail "$upload_url"
    expect_stored "$upload_url" "$work/input"
    expect_err '^100%  2\.5 MiB of 2\.5 MiB'
    expect_err '^sent 2\.5 MiB in '
    # Resuming what is complete is a success, and sends nothing.
    expect 0 upload --quiet --resume "$upload_url" "$work/input"
    [ ! -s "$work/err" ] || fail "--quiet is not quiet"
    expect_out "^$upload_url\$"
}

case_upload_empty() {
    start_server
    : >"$work/input"
    expect 0 upload "$work/input" "$url"
    upload_url=$(printed_url) || fail "$upload_url"
    expect_stored "$upload_url" "$work/input"
}

case_upload_options() {
    start_server --token secret
    make_file input 40
    for size in 1m 100000 auto whole; do
        expect 0 upload --chunk-size "$size" --header 'Authorization: Bearer secret' --header 'X-Team:  blue ' \
            --metadata filename=other.bin --metadata note= --retries 0 --timeout 10 --proxy '' --verbose \
            -- "$work/input" "$url"
        upload_url=$(printed_url) || fail "$upload_url"
        expect_stored "$upload_url" "$work/input"
        expect_err '^PATCH '
    done
    # The server notes metadata as it came: "other.bin" in base64, and a key alone.
    grep -q '^metadata filename b3RoZXIuYmlu,note$' "$work/uploads/${upload_url##*/}.info" || fail "the metadata is missing"
    expect 0 upload --header 'Authorization: Bearer secret' --resume "$upload_url" "$work/input"
    expect 5 upload "$work/input" "$url"
    expect_err 'TUS_E_HTTP_STATUS: .*401'
    expect_no_out
}

# Ctrl-C half way, then what the hint says.
case_upload_interrupt() {
    start_server --throttle 4000000
    file="$work/it's an input"
    make_file input 192
    mv "$work/input" "$file"
    begin upload "$file" "$url"
    wait_until "bytes arrive" has_begun
    kill -INT "$program_id"
    expect_end 130
    expect_err ': interrupted$'
    expect_hint "$file"
    expect 0 upload --resume "$upload_url" "$file"
    expect_out "^$upload_url\$"
    expect_err ' were there before'
    expect_stored "$upload_url" "$file"
}

# Ctrl-C while the program waits before it tries again: at once, and there is nothing to resume.
case_upload_interrupt_waiting() {
    make_file input 1
    begin upload --verbose --retries 30 "$work/input" "$nowhere"
    wait_until "the program waits" grep -q 'trying again' "$work/err"
    kill -INT "$program_id"
    expect_end 130
    expect_err ': interrupted, nothing is on the server$'
    expect_no_out
}

# The server dies half way and comes back later.
case_upload_broken() {
    start_server --throttle 4000000
    make_file input 192
    begin upload --retries 0 "$work/input" "$url"
    wait_until "bytes arrive" has_begun
    kill -KILL "$server_id"
    wait "$server_id" 2>/dev/null
    expect_end 4
    expect_hint "$work/input"
    start_server --port "$port"
    expect 0 upload --resume "$upload_url" "$work/input"
    expect_stored "$upload_url" "$work/input"
}

case_upload_wrong_url() {
    start_server
    make_file input 1
    expect 5 upload "$work/input" "http://127.0.0.1:$port/nothing/here/"
    expect_err 'TUS_E_HTTP_STATUS: .*404'
    expect_no_out
    expect 2 upload "$work/input" 'no url'
    expect_err 'TUS_E_INVALID_ARGUMENT: '
    expect 2 upload "$work/input" ftp://127.0.0.1/files/
    expect 4 upload --retries 0 "$work/input" http://no-such-host.invalid/files/
    expect_err 'TUS_E_RESOLVE: '
    expect_no_out
}

case_upload_missing_file() {
    start_server
    expect 3 upload "$work/missing" "$url"
    expect_err 'TUS_E_SOURCE: .*missing'
    expect_no_out
    expect 3 upload --resume "$url"0123 "$work/missing"
}

case_upload_directory() {
    start_server
    expect 3 upload "$work" "$url"
    expect_err 'TUS_E_SOURCE: .*directory'
    expect_no_out
}

case_upload_refused() {
    make_file input 1
    expect 4 upload --retries 0 "$work/input" "$nowhere"
    expect_err 'TUS_E_CONNECT: '
    expect_no_out
    # An upload that exists is worth a hint, whatever the reason.
    expect 4 upload --retries 0 --resume "$nowhere"0123 "$work/input"
    expect_hint "$work/input"
    [ "$upload_url" = "$nowhere"0123 ] || fail "the hint's URL is $upload_url"
}

case_upload_gone() {
    start_server
    make_file input 1
    expect 5 upload --resume "$url"0123456789 "$work/input"
    expect_err 'TUS_E_GONE: '
    expect_no_out
}

# Of several files each is sent, whatever becomes of the others.
case_upload_several() {
    start_server
    make_file one 1
    make_file two 3
    expect 0 upload "$work/one" "$work/two" "$url"
    [ "$(wc -l <"$work/out")" -eq 2 ] || fail "stdout should be two lines"
    expect_stored "$(head -n 1 "$work/out")" "$work/one"
    expect_stored "$(tail -n 1 "$work/out")" "$work/two"
    expect 3 upload "$work/one" "$work/missing" "$work/two" "$url"
    expect_err ': .*/missing: TUS_E_SOURCE: '
    [ "$(wc -l <"$work/out")" -eq 2 ] || fail "stdout should be two lines"
    expect_stored "$(tail -n 1 "$work/out")" "$work/two"
    expect 2 upload --resume "$(tail -n 1 "$work/out")" "$work/one" "$work/two"
    expect 2 upload "$work/one" - "$url"
}

# A server that is down is seen to be tried again.
case_upload_retries() {
    make_file input 1
    expect 4 upload --retries 1 "$work/input" "$nowhere"
    expect_err '  0%  tries failed: 1, waiting to try again$'
}

# What could not be noted in the store is found again by its URL.
case_upload_store_unusable() {
    start_server
    make_file input 4
    make_file store 1
    expect 0 upload --stop-at 64k --chunk-size 64k --store "$work/store" "$work/input" "$url"
    expect_err 'warning: .*store'
    expect_hint "$work/input"
    expect 0 upload --store "$work/store" --resume "$upload_url" "$work/input"
    expect_stored "$upload_url" "$work/input"
    make_file one 1
    expect 0 upload --store "$work/store" "$work/one" "$url"
    expect_err 'warning: .*store'
}

# However narrow the terminal is, what is drawn fits into one line of it.
case_upload_narrow() {
    start_server --throttle 4000000
    make_file input 32
    for columns in 20 40 80 200; do
        script -qec "stty cols $columns && exec '$programs/upload' '$work/input' '$url'" /dev/null \
            </dev/null >"$work/out" 2>"$work/err" || fail "it fails on $columns columns"
        tr '\r' '\n' <"$work/out" | grep '%' >"$work/drawn" || fail "nothing was drawn on $columns columns"
        awk -v most="$((columns - 1))" 'length > most { exit 1 }' "$work/drawn" ||
            fail "a line is too long for $columns columns"
    done
}

case_upload_usage() {
    make_file input 1
    expect 2 upload
    expect 2 upload "$work/input"
    expect 2 upload "$work/input" "$nowhere" more
    expect 2 upload --no-such-option "$work/input" "$nowhere"
    expect 2 upload "$work/input" "$nowhere" --chunk-size
    for option in '--chunk-size 0' '--chunk-size 1x' '--chunk-size 9999999999g' '--retries -1' '--timeout 0' \
        '--parallel 0' '--parallel x' '--checksum sha2' '--checksum sha1,maybe' '--checksum none' '--stop-at x' \
        '--token rubbish' '--metadata novalue' '--metadata a,b=c' '--header nocolon' '--header Host:x' \
        '--proxy ftp://proxy'; do
        # One word for the option, one for its value.
        # shellcheck disable=SC2086
        expect 2 upload --retries 0 $option "$work/input" "$nowhere"
        expect_no_out
    done
    expect 2 upload --retries many "$work/input" "$nowhere"
    expect_err '--retries takes a number from 0 to 4294967295, not "many"'
    expect 2 upload --resume "$nowhere"0123 --metadata a=b "$work/input"
    expect 2 upload --resume "$nowhere"0123 --parallel 2 "$work/input"
    expect 2 upload --parallel 2 - "$nowhere"
    expect 2 upload --info
    expect 2 upload --info "$nowhere"0123 "$work/input"
    expect 2 upload --delete "$nowhere"0123 --metadata a=b
    begin upload --ca "$work/no.pem" "$work/input" "$nowhere"
    wait "$program_id" && fail "a missing certificate file is no mistake"
    expect_err 'no\.pem'
    expect 0 upload --help
    expect_out '^usage: '
}

# Stops at an offset, goes on to another one, then to the end.
case_upload_stop_at() {
    start_server
    make_file input 40
    expect 0 upload --stop-at 1m "$work/input" "$url"
    expect_hint "$work/input"
    expect_stored_size "$upload_url" 1048576
    expect 0 upload --stop-at 2000000 --resume "$upload_url" "$work/input"
    expect_hint "$work/input"
    expect_stored_size "$upload_url" 2000000
    expect 0 upload --resume "$upload_url" "$work/input"
    expect_out "^$upload_url\$"
    expect_stored "$upload_url" "$work/input"
}

# The hint names the store; what is found there goes on, and is compared first if that is asked for.
case_upload_store() {
    start_server --throttle 4000000
    make_settled_file input 192
    interrupt INT 130 upload --store "$work/store" "$work/input" "$url"
    expect_out "^resume with: $programs/upload --store $work/store $work/input $url\$"
    expect 0 upload --stop-at 4m --store "$work/store" "$work/input" "$url"
    expect_out "^resume with: $programs/upload --store "
    expect_err ' were there before'
    expect 0 upload --verify --verbose --store "$work/store" "$work/input" "$url"
    expect_err ' bytes of the source are those of an earlier upload'
    expect_err ' were there before'
    upload_url=$(printed_url) || fail "$upload_url"
    expect_stored "$upload_url" "$work/input"
    expect_uploads 1
}

# Without a store the hint has a token.
case_upload_parallel() {
    start_server --throttle 4000000
    make_settled_file input 256
    parts=3
    interrupt INT 130 upload --parallel 3 "$work/input" "$url"
    expect_err ': interrupted$'
    expect_out "^resume with: $programs/upload --token [-A-Za-z0-9_.]* $work/input $url\$"
    token=$(sed 's/.*--token \([^ ]*\).*/\1/' "$work/out")
    expect 0 upload --token "$token" "$work/input" "$url"
    expect_err ' were there before'
    upload_url=$(printed_url) || fail "$upload_url"
    expect_stored "$upload_url" "$work/input"
    expect_wholes 1
    expect 2 upload --token "$token"x "$work/input" "$url"
    expect 2 upload --parallel 2 --stop-at 1m "$work/input" "$url"
    expect_no_out
    expect_wholes 1
}

case_upload_parallel_store() {
    start_server --throttle 4000000
    make_settled_file input 256
    parts=3
    interrupt INT 130 upload --store "$work/store" --parallel 3 "$work/input" "$url"
    expect_out "^resume with: $programs/upload --store $work/store $work/input $url\$"
    expect 0 upload --store "$work/store" "$work/input" "$url"
    expect_err ' were there before'
    upload_url=$(printed_url) || fail "$upload_url"
    expect_stored "$upload_url" "$work/input"
    expect_wholes 1
}

# From a pipe, stopped in the middle and taken up again by a producer that begins anew; and from a file.
case_upload_stdin() {
    start_server
    make_file input 320
    produce cat "$work/input"
    expect 0 upload - "$url"
    upload_url=$(printed_url) || fail "$upload_url"
    expect_stored "$upload_url" "$work/input"
    produce cat "$work/input"
    expect 0 upload --stop-at 10000000 - "$url"
    expect_hint -
    expect_stored_size "$upload_url" 10000000
    produce cat "$work/input"
    expect 0 upload --resume "$upload_url" -
    expect_out "^$upload_url\$"
    expect_err ' were there before'
    expect_stored "$upload_url" "$work/input"
    input=$work/input
    expect 0 upload - "$url"
    upload_url=$(printed_url) || fail "$upload_url"
    expect_stored "$upload_url" "$work/input"
}

case_upload_checksum() {
    start_server --checksums
    make_file input 40
    for algorithm in sha1 sha256 sha512,required md5 auto auto,required; do
        expect 0 upload --checksum "$algorithm" "$work/input" "$url"
        expect_err ', with checksums$'
        upload_url=$(printed_url) || fail "$upload_url"
        expect_stored "$upload_url" "$work/input"
    done
}

case_upload_info_delete() {
    start_server --token secret
    make_file input 40
    set -- --header 'Authorization: Bearer secret'
    expect 0 upload "$@" --stop-at 1m --metadata 'note=half of it' "$work/input" "$url"
    expect_hint "$work/input"
    expect 0 upload "$@" --info "$upload_url"
    expect_out "^url: $upload_url\$"
    expect_out '^bytes: 1048576 of 2621440$'
    expect_out '^complete: no$'
    expect_out '^metadata note: half of it$'
    expect_out '^metadata filename: input$'
    expect 5 upload --info "$upload_url"
    expect_err 'TUS_E_HTTP_STATUS: .*401'
    expect 5 upload --delete "$upload_url"
    expect_uploads 1
    expect 0 upload "$@" --delete "$upload_url"
    expect_no_out
    expect_uploads 0
    # What is gone already is as good as removed, but there is nothing to tell of it.
    expect 0 upload "$@" --delete "$upload_url"
    expect 5 upload "$@" --info "$upload_url"
    expect_err 'TUS_E_GONE: '
    expect_no_out
}

case_resume() {
    start_server
    make_file input 40
    expect 3 resume --stop-at 1000000 "$work/store" "$url" "$work/input"
    expect_out '^found: nothing of an earlier run$'
    expect_out '^there before: 0 bytes, sent now: 1000000$'
    expect_out '^stopped: the server has at least 1000000 bytes; '
    expect 3 resume --stop-at 1500000 "$work/store" "$url" "$work/input"
    found=$(url_after found:)
    expect_out '^ *with at least 1000000 of 2621440 bytes$'
    expect_out '^there before: 1000000 bytes, sent now: 500000$'
    expect_stored_size "$found" 1500000
    expect 0 resume "$work/store" "$url" "$work/input"
    expect_out '^there before: 1500000 bytes, sent now: 1121440$'
    expect_out "^done: $found\$"
    expect_stored "$found" "$work/input"
    expect_uploads 1
    # What is complete is no longer kept: the same file again is another upload.
    expect 0 resume "$work/store" "$url" "$work/input"
    expect_out '^found: nothing of an earlier run$'
    expect_uploads 2
}

case_resume_interrupt() {
    start_server --throttle 4000000
    make_settled_file input 192
    interrupt INT 3 resume "$work/store" "$url" "$work/input"
    expect_out '^stopped: the server has at least '
    expect 0 resume "$work/store" "$url" "$work/input"
    [ "$(number_in 'there before: \([0-9]*\) bytes')" -gt 524288 ] || fail "it began anew"
    upload_url=$(url_after done:)
    [ "$(url_after found:)" = "$upload_url" ] || fail "another upload was found"
    expect_stored "$upload_url" "$work/input"
    expect_uploads 1
}

# A process that dies without a word, and a server that is not the same one any more.
case_resume_killed() {
    start_server --throttle 4000000
    make_settled_file input 192
    interrupt KILL - resume "$work/store" "$url" "$work/input"
    kill -KILL "$server_id"
    wait "$server_id" 2>/dev/null
    start_server --port "$port"
    expect 0 resume "$work/store" "$url" "$work/input"
    [ "$(number_in 'there before: \([0-9]*\) bytes')" -gt 0 ] || fail "it began anew"
    upload_url=$(url_after done:)
    expect_stored "$upload_url" "$work/input"
    expect_uploads 1
}

# Of the same size, but another file by now.
case_resume_changed() {
    start_server
    make_file input 40
    expect 3 resume --stop-at 1000000 "$work/store" "$url" "$work/input"
    make_file input 40
    expect 0 resume "$work/store" "$url" "$work/input"
    expect_out '^found: nothing of an earlier run$'
    expect_out '^there before: 0 bytes'
    upload_url=$(url_after done:)
    expect_stored "$upload_url" "$work/input"
    expect_uploads 2
}

case_resume_usage() {
    make_file input 1
    expect 2 resume
    expect 2 resume "$work/store" "$nowhere"
    expect 2 resume --stop-at "$work/store" "$nowhere" "$work/input"
    expect 2 resume --stop-at 1x "$work/store" "$nowhere" "$work/input"
    expect 2 resume --stop-at -1 "$work/store" "$nowhere" "$work/input"
    expect 1 resume "$work/store" "$nowhere" "$work/missing"
    expect_err '^TUS_E_SOURCE: '
    expect 1 resume "$work/store" 'no url' "$work/input"
    expect_err '^TUS_E_INVALID_ARGUMENT: '
    [ ! -e "$work/store" ] || fail "there was nothing to keep"
}

# Refused half way is no reason to forget.
case_resume_refused() {
    start_server
    make_file input 40
    expect 3 resume --stop-at 1000000 "$work/store" "$url" "$work/input"
    kill -KILL "$server_id"
    wait "$server_id" 2>/dev/null
    start_server --port "$port" --token secret
    expect 1 resume "$work/store" "$url" "$work/input"
    expect_err '^TUS_E_HTTP_STATUS: .*401'
    kill -KILL "$server_id"
    wait "$server_id" 2>/dev/null
    start_server --port "$port"
    expect 0 resume "$work/store" "$url" "$work/input"
    expect_out '^there before: 1000000 bytes'
    expect_stored "$(url_after done:)" "$work/input"
    expect_uploads 1
}

# The parts are removed when they have been put together. Parts of odd sizes, and more of them than bytes.
case_parallel() {
    start_server
    make_file input 40
    printf odd >>"$work/input"
    for parts in 1 2 5; do
        expect 0 parallel "$parts" "$work/store" "$url" "$work/input"
        [ "$parts" -eq 1 ] || expect_out '^done, put together: '
        expect_err '2621443 of 2621443 bytes acknowledged'
        expect_stored "$(url_after 'done, [a-z ]*:')" "$work/input"
    done
    printf abc >"$work/input"
    expect 0 parallel 5 "$work/store" "$url" "$work/input"
    expect_stored "$(url_after 'done, in one piece:')" "$work/input"
    : >"$work/input"
    expect 0 parallel 5 "$work/store" "$url" "$work/input"
    expect_stored "$(url_after 'done, in one piece:')" "$work/input"
    expect 0 parallel --fallback 2 "$work/store" "$url" "$work/input"
    expect_wholes 6
}

case_parallel_interrupt() {
    start_server --throttle 3000000
    make_settled_file input 256
    parts=4
    interrupt INT 3 parallel 4 "$work/store" "$url" "$work/input"
    expect_out '^stopped: '
    # As many parts as there were, whatever is asked for now.
    expect 0 parallel 2 "$work/store" "$url" "$work/input"
    expect_out '^found: .* in 4 parts$'
    expect_out "^part 4: $url"
    [ "$(number_in 'there before: \([0-9]*\) bytes')" -gt 524288 ] || fail "it began anew"
    expect_stored "$(url_after 'done, put together:')" "$work/input"
    expect_wholes 1
}

case_parallel_killed() {
    start_server --throttle 3000000
    make_settled_file input 256
    parts=4
    interrupt KILL - parallel 4 "$work/store" "$url" "$work/input"
    kill -KILL "$server_id"
    wait "$server_id" 2>/dev/null
    start_server --port "$port"
    expect 0 parallel 4 "$work/store" "$url" "$work/input"
    expect_out '^found: .* in 4 parts$'
    [ "$(number_in 'there before: \([0-9]*\) bytes')" -gt 0 ] || fail "it began anew"
    expect_stored "$(url_after 'done, put together:')" "$work/input"
    expect_wholes 1
}

case_parallel_usage() {
    make_file input 1
    for words in '' 2 '0 a b c' '2x a b c' '-1 a b c' '1001 a b c' '--fallback 2 a b' 'a b c d' '--no 2 a b c'; do
        # Words, for once.
        # shellcheck disable=SC2086
        expect 2 parallel $words
        expect_err '^usage: '
    done
    expect 1 parallel 2 "$work/store" "$nowhere" "$work/missing"
    expect_err '^TUS_E_SOURCE: '
}

# Nothing is left behind by parts that were refused; where the server is gone half way, they are kept.
case_parallel_refused() {
    start_server --max-size 1000000
    make_file input 40
    expect 1 parallel 2 "$work/store" "$url" "$work/input"
    expect_err '^TUS_E_'
    expect_uploads 0
    kill -KILL "$server_id"
    wait "$server_id" 2>/dev/null
    start_server --port "$port" --token secret
    expect 1 parallel --fallback 2 "$work/store" "$url" "$work/input"
    expect_err '401'
    expect_no_out
    expect_uploads 0
}

# Three chunks and a bit, written in two goes.
case_deferred() {
    start_server
    make_file input 400
    printf odd >>"$work/input"
    produce sh -c 'head -c 9000001 "$1"; sleep 1; tail -c +9000002 "$1"' sh "$work/input"
    expect 0 deferred "$url" 'Größe unbekannt.bin'
    expect_out '^done: 26214403 bytes$'
    expect_err '26214403 bytes so far$'
    upload_url=$(url_after 'upload url:')
    expect_stored "$upload_url" "$work/input"
    grep -q '^metadata filename R3LDtsOfZSB1bmJla2FubnQuYmlu$' "$work/uploads/${upload_url##*/}.info" \
        || fail "the name is missing"
}

# What fits into one chunk, and nothing at all; from a pipe and from what is none.
case_deferred_small() {
    start_server
    make_file input 1
    produce cat "$work/input"
    expect 0 deferred "$url" small
    expect_stored "$(url_after 'upload url:')" "$work/input"
    produce true
    expect 0 deferred "$url" empty
    expect_out '^done: 0 bytes$'
    input=
    expect 0 deferred "$url" nothing
    expect_out '^done: 0 bytes$'
    input=$work/input
    expect 0 deferred "$url" file
    expect_out '^done: 65536 bytes$'
    expect_stored "$(url_after 'upload url:')" "$work/input"
    expect 2 deferred "$url"
}

# Ctrl-C while the producer has nothing to say.
case_deferred_interrupt() {
    start_server
    produce sleep 60
    begin deferred "$url" never
    wait_until "it reads" grep -q 'so far' "$work/err"
    began=$(date +%s)
    kill -INT "$program_id"
    expect_end 3
    [ $(($(date +%s) - began)) -lt 20 ] || fail "Ctrl-C was not heard"
    stop_producer
    expect_err '^stopped$'
    expect_uploads 0
}

# What the first comment of deferred.c says: the same input from its beginning, to the URL that was printed.
case_deferred_resume() {
    start_server
    make_file input 400
    produce sh -c 'head -c 20000000 "$1"; exec sleep 60' sh "$work/input"
    begin deferred "$url" half
    wait_until "bytes arrive" has_begun
    kill -INT "$program_id"
    expect_end 3
    stop_producer
    upload_url=$(url_after 'upload url:')
    produce cat "$work/input"
    expect 0 upload --resume "$upload_url" -
    expect_err ' were there before'
    expect_stored "$upload_url" "$work/input"
}

case_deferred_refused() {
    start_server --max-size 10000000
    make_file input 400
    produce cat "$work/input"
    expect 1 deferred "$url" large
    expect_err '^TUS_E_TOO_LARGE: '
    input=
    expect 1 deferred 'no url' none
    expect_err '^TUS_E_INVALID_ARGUMENT: '
    expect_no_out
}

case_chunk_by_chunk() {
    start_server
    make_file input 40
    expect 0 chunk_by_chunk --chunk-size 500000 "$url" "$work/input"
    [ "$(grep -c '^offset ' "$work/out")" -eq 6 ] || fail "that should be six chunks"
    expect_out '^offset 500000: 19%, 1 of 6 chunks, '
    expect_out '^offset 2621440: 100%, 6 of 6 chunks, '
    expect_stored "$(url_after done:)" "$work/input"
    : >"$work/input"
    expect 0 chunk_by_chunk "$url" "$work/input"
    expect_stored "$(url_after done:)" "$work/input"
}

# The server dies half way and comes back a second later.
case_chunk_by_chunk_broken() {
    start_server --throttle 4000000
    make_file input 192
    begin chunk_by_chunk --pause 20 "$url" "$work/input"
    wait_until "bytes arrive" has_begun
    kill -KILL "$server_id"
    wait "$server_id" 2>/dev/null
    wait_until "it fails" grep -q '^TUS_E_CONNECT after ' "$work/out"
    start_server --port "$port"
    expect_end 0
    expect_out '^TUS_E_CONNECT after [0-9]* bytes, trying again$'
    expect_stored "$(url_after done:)" "$work/input"
    expect_uploads 1
}

case_chunk_by_chunk_usage() {
    make_file input 1
    expect 2 chunk_by_chunk
    expect 2 chunk_by_chunk "$nowhere"
    expect 2 chunk_by_chunk --chunk-size "$nowhere" "$work/input"
    expect 2 chunk_by_chunk --pause x "$nowhere" "$work/input"
    expect 2 chunk_by_chunk --no-such-option 1 "$nowhere" "$work/input"
    expect 1 chunk_by_chunk --chunk-size 0 "$nowhere" "$work/input"
    expect_err '^TUS_E_INVALID_ARGUMENT: '
    expect 1 chunk_by_chunk "$nowhere" "$work"
    expect_err '^TUS_E_SOURCE: .*directory'
    expect 1 chunk_by_chunk "$nowhere" "$work/input"
    expect_err '^TUS_E_CONNECT: '
    expect_no_out
}

# A refusal is no failure to survive, neither at once nor half way.
case_chunk_by_chunk_refused() {
    start_server --token secret
    make_file input 192
    expect 1 chunk_by_chunk "$url" "$work/input"
    expect_err '^TUS_E_HTTP_STATUS: .*401'
    kill -KILL "$server_id"
    wait "$server_id" 2>/dev/null
    start_server --port "$port" --throttle 4000000
    begin chunk_by_chunk "$url" "$work/input"
    wait_until "bytes arrive" has_begun
    kill -KILL "$server_id"
    wait "$server_id" 2>/dev/null
    start_server --port "$port" --token secret
    expect_end 1
    expect_err '^TUS_E_HTTP_STATUS: .*401'
}

case_checksums() {
    start_server --checksums
    make_file input 40
    for algorithm in sha1 sha256 sha512 md5; do
        for policy in if-available required; do
            expect 0 checksums "$algorithm" "$policy" "$url" "$work/input"
            expect_out '^the server knows: .*sha1'
            expect_out "^the server checked: $algorithm\$"
            expect_stored "$(url_after done:)" "$work/input"
        done
    done
    expect 0 checksums auto required "$url" "$work/input"
    expect_out "^the server checked: sha\(1\|256\)$"
    for choice in 'sha1 off' 'none if-available' 'none off'; do
        # One word for the algorithm, one for the policy.
        # shellcheck disable=SC2086
        expect 0 checksums $choice "$url" "$work/input"
        expect_out '^the server checked: none$'
        expect_stored "$(url_after done:)" "$work/input"
    done
}

case_checksums_usage() {
    make_file input 1
    expect 2 checksums
    expect 2 checksums sha1 required "$nowhere"
    expect 2 checksums sha2 required "$nowhere" "$work/input"
    expect 2 checksums sha1 maybe "$nowhere" "$work/input"
    expect_err '^usage: '
    expect 2 checksums none required "$nowhere" "$work/input"
    expect_err '^TUS_E_INVALID_ARGUMENT: '
    expect_no_out
}

case_checksums_refused() {
    start_server --token secret
    make_file input 1
    expect 1 checksums sha1 required "$url" "$work/input"
    expect_err '401'
    expect_uploads 0
    expect_no_out
}

case_async_wait() {
    start_server
    make_file input 20
    expect 0 async_wait "$url" "$work/input"
    expect_out '^the upload has been started'
    expect_stored "$(grep "^$url" "$work/out")" "$work/input"
    expect 2 async_wait "$url"
    expect_err '^usage: '
    expect 1 async_wait "$url" "$work/missing"
    expect_err '^TUS_E_SOURCE: '
    expect 1 async_wait 'no url' "$work/input"
    expect_err '^TUS_E_INVALID_ARGUMENT: '
    expect_no_out
    expect_uploads 1
}

case_async_upload() {
    start_server
    make_file input 40
    printf odd >>"$work/input"
    for parts in 1 5; do
        expect 0 async_upload "$parts" "$work/store" "$url" "$work/input"
        [ "$parts" -eq 1 ] || expect_out '^done, put together: '
        expect_out '^there before: 0 bytes'
        expect_err '2621443 of 2621443 bytes acknowledged'
        expect_stored "$(url_after 'done, [a-z ]*:')" "$work/input"
    done
    : >"$work/input"
    expect 0 async_upload 1 "$work/store" "$url" "$work/input"
    expect_stored "$(url_after 'done, in one piece:')" "$work/input"
    expect_wholes 3
}

# Ctrl-C, in one piece and in parts; the next run goes on.
case_async_upload_interrupt() {
    start_server --throttle 3000000
    make_settled_file input 256
    interrupt INT 3 async_upload 1 "$work/store" "$url" "$work/input"
    expect_out '^stopped: run this again'
    expect 0 async_upload 1 "$work/store" "$url" "$work/input"
    [ "$(number_in 'there before: \([0-9]*\) bytes')" -gt 0 ] || fail "it began anew"
    expect_stored "$(url_after 'done, in one piece:')" "$work/input"
    expect_wholes 1

    rm -f "$work"/uploads/*
    parts=4
    interrupt INT 3 async_upload 4 "$work/store" "$url" "$work/input"
    expect_out '^stopped: run this again'
    expect 0 async_upload 4 "$work/store" "$url" "$work/input"
    [ "$(number_in 'there before: \([0-9]*\) bytes')" -gt 0 ] || fail "it began anew"
    expect_stored "$(url_after 'done, put together:')" "$work/input"
    expect_wholes 1
}

# Ctrl-C with --delete, in one piece and in parts: nothing is left, neither there nor in the folder.
case_async_upload_delete() {
    start_server --throttle 3000000
    make_settled_file input 192
    for parts in 1 3; do
        interrupt INT 3 async_upload --delete "$parts" "$work/store" "$url" "$work/input"
        expect_out '^stopped: nothing is left on the server$'
        expect_uploads 0
    done
    expect 0 async_upload --delete 3 "$work/store" "$url" "$work/input"
    expect_out '^there before: 0 bytes'
    expect_stored "$(url_after 'done, put together:')" "$work/input"
    expect_wholes 1
}

# A server that is gone removes nothing. The second Ctrl-C gives up.
case_async_upload_delete_fails() {
    start_server --throttle 3000000
    make_settled_file input 192
    begin async_upload --delete 1 "$work/store" "$url" "$work/input"
    wait_until "bytes arrive" has_begun
    kill -KILL "$server_id"
    wait "$server_id" 2>/dev/null
    kill -INT "$program_id"
    sleep 1
    kill -0 "$program_id" 2>/dev/null || fail "it does not try to remove it"
    began=$(date +%s)
    kill -INT "$program_id"
    expect_end 3
    [ $(($(date +%s) - began)) -lt 10 ] || fail "the second Ctrl-C was not heard"
    expect_out '^stopped, but it could not be removed'
    start_server --port "$port"
    expect 0 async_upload 1 "$work/store" "$url" "$work/input"
    [ "$(number_in 'there before: \([0-9]*\) bytes')" -gt 0 ] || fail "it began anew"
    expect_stored "$(url_after 'done, in one piece:')" "$work/input"
    expect_uploads 1
}

case_async_upload_refused() {
    start_server --token secret
    make_file input 1
    expect 1 async_upload 1 "$work/store" "$url" "$work/input"
    expect_err '^TUS_E_HTTP_STATUS: .*401'
    expect_no_out
    expect 1 async_upload 1 "$work/store" "$url" "$work/missing"
    expect_err '^TUS_E_SOURCE: '
    for words in '' 2 '0 a b c' '2x a b c' '-1 a b c' '1001 a b c' '--delete 2 a b' 'a b c d' '--no 2 a b c'; do
        # Words, for once.
        # shellcheck disable=SC2086
        expect 2 async_upload $words
        expect_err '^usage: '
    done
    expect_uploads 0
}

# What the programs with a loop have in common.
loop_uploads() {
    start_server --throttle 3000000
    make_file input 40
    printf odd >>"$work/input"
    expect 0 "$1" "$url" "$work/input"
    upload_url=$(printed_url) || fail "$upload_url"
    expect_stored "$upload_url" "$work/input"
    expect_err '2621443 of 2621443 bytes acknowledged'
    expect_err '[1-9][0-9]* callbacks, all on the loop'
}

loop_fails() {
    start_server --token secret
    make_file input 1
    expect 2 "$1" "$url"
    expect_err '^usage: '
    expect 1 "$1" "$url" "$work/input"
    expect_err '^TUS_E_HTTP_STATUS: .*401'
    expect 1 "$1" "$url" "$work/missing"
    expect_err '^TUS_E_SOURCE: '
    expect 1 "$1" 'no url' "$work/input"
    expect_err '^TUS_E_INVALID_ARGUMENT: '
    expect_no_out
    expect_uploads 0
}

loop_interrupt() {
    start_server --throttle 3000000
    make_file input 192
    interrupt INT 3 "$1" "$url" "$work/input"
    expect_err '^TUS_E_CANCELLED: '
    expect_err '[1-9][0-9]* callbacks, all on the loop'
    expect_no_out
}

case_async_poll_loop() { loop_uploads async_poll_loop; }

case_async_poll_loop_fails() { loop_fails async_poll_loop; }

# Nothing moves while it is paused; then it goes on. What it reads comes from a pipe that this script writes.
case_async_poll_loop_pause() {
    start_server --throttle 3000000
    make_file input 192
    input=$work/typed
    mkfifo "$input"
    begin async_poll_loop "$url" "$work/input"
    exec 8>"$input"
    wait_until "bytes arrive" has_begun
    echo p >&8
    wait_until "it is paused" grep -q '^paused$' "$work/err"
    sleep 1
    before=$(cat "$work"/uploads/* | wc -c)
    sleep 1
    after=$(cat "$work"/uploads/* | wc -c)
    [ "$before" -eq "$after" ] || fail "it was not paused: $before bytes, then $after"
    echo r >&8
    expect_end 0
    exec 8>&-
    expect_err '^going on$'
    upload_url=$(printed_url) || fail "$upload_url"
    expect_stored "$upload_url" "$work/input"
    expect_uploads 1
}

case_async_poll_loop_cancel() {
    start_server --throttle 3000000
    make_file input 192
    input=$work/typed
    mkfifo "$input"
    begin async_poll_loop "$url" "$work/input"
    exec 8>"$input"
    wait_until "bytes arrive" has_begun
    echo c >&8
    expect_end 3
    exec 8>&-
    expect_err '^TUS_E_CANCELLED: '
    expect_no_out
}

case_libuv_loop() {
    loop_uploads libuv_loop
    expect_err '[1-9][0-9]* ticks$'
}

case_libuv_loop_fails() { loop_fails libuv_loop; }

case_libuv_loop_interrupt() { loop_interrupt libuv_loop; }

case_glib_loop() {
    loop_uploads glib_loop
    expect_err '[1-9][0-9]* ticks$'
}

case_glib_loop_fails() { loop_fails glib_loop; }

case_glib_loop_interrupt() { loop_interrupt glib_loop; }

# Makes files in $work/folder, each of so many blocks of 64 KiB.
make_folder() {
    blocks=$1
    shift
    mkdir "$work/folder"
    for name in "$@"; do
        make_file "folder/$name" "$blocks"
    done
}

case_batch() {
    start_server
    make_folder 10 a b c d e 'with space'
    mkdir "$work/folder/within"
    for jobs in 2 4; do
        expect 0 batch --jobs "$jobs" "$url" "$work/folder"
        expect_out '^6 uploaded with 3932160 bytes, 0 failed, 0 not done$'
        [ "$(wc -l <"$work/out")" -eq 7 ] || fail "stdout should be seven lines"
        for name in a b c d e 'with space'; do
            expect_stored "$(url_after "uploaded  $name:")" "$work/folder/$name"
        done
    done
    expect_uploads 12
    rm -r "$work/folder"/*
    expect 0 batch "$url" "$work/folder"
    expect_out '^0 uploaded with 0 bytes'
}

# Two at a time, and no more.
case_batch_jobs() {
    start_server --throttle 1000000
    make_folder 12 a b c d
    begin batch --jobs 2 "$url" "$work/folder"
    wait_until "bytes arrive" have_begun 2
    expect_uploads 2
    expect_end 0
    expect_out '^4 uploaded '
    expect_uploads 4
}

# Some files fail, the others do not.
case_batch_fails() {
    start_server --max-size 1000000
    make_folder 10 a b c
    make_file folder/large 20
    ln -s nowhere "$work/folder/dangling"
    expect 1 batch --jobs 2 "$url" "$work/folder"
    expect_out '^3 uploaded with 1966080 bytes, 2 failed, 0 not done$'
    expect_out '^failed    dangling: TUS_E_SOURCE: '
    expect_out '^failed    large: TUS_E_TOO_LARGE: '
    for name in a b c; do
        expect_stored "$(url_after "uploaded  $name:")" "$work/folder/$name"
    done
    expect_uploads 3
}

case_batch_interrupt() {
    start_server --throttle 1000000
    make_folder 64 a b c d e
    begin batch --jobs 2 "$url" "$work/folder"
    wait_until "bytes arrive" have_begun 2
    kill -INT "$program_id"
    expect_end 3
    expect_out '^0 uploaded with 0 bytes, 0 failed, 5 not done$'
    [ "$(grep -c '^cancelled [a-e]: TUS_E_CANCELLED: ' "$work/out")" -eq 5 ] || fail "that should be five lines"
    expect_uploads 2
}

case_batch_usage() {
    mkdir "$work/folder"
    for words in '' a '--jobs 0 a b' '--jobs 2x a b' '--jobs 1025 a b' '--jobs 2 a' '--no 2 a b'; do
        # Words, for once.
        # shellcheck disable=SC2086
        expect 2 batch $words
        expect_err '^usage: '
    done
    expect 1 batch "$nowhere" "$work/missing"
    expect_err 'missing: No such file'
    expect 1 batch 'no url' "$work/folder"
    expect_err '^TUS_E_INVALID_ARGUMENT: '
    expect_no_out
}

case_cancel() {
    start_server --throttle 1000000
    make_file input 192
    expect 0 cancel "$url" "$work/input"
    [ "$(number_in 'cancelled after \([0-9]*\)\.[0-9] ms')" -lt 5000 ] || fail "it took too long"
    expect_out "^the server has [0-9]* bytes: $url"
    expect_uploads 1
}

case_cancel_delete() {
    start_server --throttle 1000000
    make_file input 192
    expect 0 cancel --delete "$url" "$work/input"
    [ "$(number_in 'cancelled and deleted after \([0-9]*\)\.[0-9] ms')" -lt 10000 ] || fail "it took too long"
    expect_out "^the server answers 4[01][04]: $url"
    expect_uploads 0
}

case_cancel_fails() {
    start_server --token secret
    make_file input 1
    expect 2 cancel "$url"
    expect 2 cancel --no "$url" "$work/input"
    expect_err '^usage: '
    expect 1 cancel "$url" "$work/input"
    expect_err '^TUS_E_HTTP_STATUS: .*401'
    expect 1 cancel --delete "$url" "$work/missing"
    expect_err '^TUS_E_SOURCE: '
    expect_no_out
}

# Makes $work/expected: so many lines of push_writer.
make_lines() {
    awk -v lines="$1" 'BEGIN { for (i = 0; i < lines; i++) printf "%015x\n", i * 16 }' >"$work/expected"
}

# More than any buffer on the way takes, to a server that is slower.
case_push_writer() {
    start_server --throttle 8000000
    make_lines 1500000
    expect 0 push_writer "$url" 1500000
    upload_url=$(printed_url) || fail "$upload_url"
    expect_stored "$upload_url" "$work/expected"
    expect_err 'the slower one [1-9][0-9]* times'
}

case_push_writer_small() {
    start_server
    for lines in 0 1 4097; do
        make_lines "$lines"
        expect 0 push_writer "$url" "$lines"
        upload_url=$(printed_url) || fail "$upload_url"
        expect_stored "$upload_url" "$work/expected"
    done
}

# Data that is no good never makes a complete upload.
case_push_writer_fails() {
    start_server
    make_lines 1000000
    expect 1 push_writer --fail-at 1000000 "$url" 1500000
    expect_err '^TUS_E_CALLBACK: '
    expect_err "this program's data that failed, with 42"
    expect_err "^what the server has stays there: $url"
    expect_no_out
    upload_url=$(sed -n 's/^what the server has stays there: //p' "$work/err")
    size=$(wc -c <"$work/uploads/${upload_url##*/}")
    cmp -n "$size" "$work/uploads/${upload_url##*/}" "$work/expected" || fail "the server has other bytes"
    ! grep -q '^length ' "$work/uploads/${upload_url##*/}.info" || fail "the upload was given a length"
}

case_push_writer_interrupt() {
    start_server --throttle 4000000
    interrupt INT 3 push_writer "$url" 3000000
    expect_err '^TUS_E_CANCELLED: '
    expect_err "^what the server has stays there: $url"
    expect_no_out
}

case_push_writer_refused() {
    start_server --max-size 10000000
    expect 1 push_writer "$url" 1500000
    expect_err '^TUS_E_TOO_LARGE: '
    kill -KILL "$server_id"
    wait "$server_id" 2>/dev/null
    # Nothing is ever read here.
    start_server --port "$port" --token secret
    expect 1 push_writer "$url" 1500000
    expect_err '^TUS_E_'
    expect_uploads 1
    expect 2 push_writer "$url"
    expect 2 push_writer "$url" x
    expect 2 push_writer --fail-at x "$url" 5
    expect 2 push_writer --no 2 "$url" 5
    expect_err '^usage: '
    expect 1 push_writer 'no url' 5
    expect_err '^TUS_E_INVALID_ARGUMENT: '
    expect_no_out
}

case_custom_store_sqlite() {
    start_server
    make_file input 40
    expect 3 custom_store_sqlite --stop-at 1000000 "$work/uploads.db" "$url" "$work/input"
    upload_url=$(url_after stopped:)
    # Another upload of the same size is kept beside it.
    make_file second 40
    expect 3 custom_store_sqlite --stop-at 2000000 "$work/uploads.db" "$url" "$work/second"
    second_url=$(url_after stopped:)
    expect 0 custom_store_sqlite "$work/uploads.db" "$url" "$work/input"
    expect_out "^found: $upload_url with 1000000 bytes\$"
    expect_out '^there before: 1000000 bytes, there now: 2621440$'
    expect_out "^done: $upload_url\$"
    expect_stored "$upload_url" "$work/input"
    expect 0 custom_store_sqlite "$work/uploads.db" "$url" "$work/second"
    expect_out '^there before: 2000000 bytes, there now: 2621440$'
    expect_stored "$second_url" "$work/second"
    expect_uploads 2
    # Neither is kept any longer.
    expect 0 custom_store_sqlite "$work/uploads.db" "$url" "$work/input"
    expect_out '^there before: 0 bytes'
    [ ! -s "$work/err" ] || fail "the store has faults"
}

case_custom_store_sqlite_killed() {
    start_server --throttle 4000000
    make_settled_file input 192
    interrupt KILL - custom_store_sqlite "$work/uploads.db" "$url" "$work/input"
    expect 0 custom_store_sqlite "$work/uploads.db" "$url" "$work/input"
    expect_out "^found: $url"
    [ "$(number_in 'there before: \([0-9]*\) bytes')" -gt 0 ] || fail "it began anew"
    expect_stored "$(url_after done:)" "$work/input"
    expect_uploads 1
    ! grep -q 'store' "$work/err" || fail "the store has faults"
}

case_custom_store_sqlite_changed() {
    start_server
    make_file input 40
    expect 3 custom_store_sqlite --stop-at 1000000 "$work/uploads.db" "$url" "$work/input"
    make_file input 40
    expect 0 custom_store_sqlite "$work/uploads.db" "$url" "$work/input"
    expect_out '^there before: 0 bytes'
    expect_stored "$(url_after done:)" "$work/input"
    expect_uploads 2
}

# What is no database is this program's own failure.
case_custom_store_sqlite_damaged() {
    make_file input 1
    expect 1 custom_store_sqlite "$work/input" "$nowhere" "$work/input"
    expect_err 'not a database'
    expect 1 custom_store_sqlite "$work/missing/uploads.db" "$nowhere" "$work/input"
    expect_err 'unable to open'
    expect_no_out
}

case_custom_store_sqlite_usage() {
    make_file input 1
    expect 2 custom_store_sqlite
    expect 2 custom_store_sqlite "$work/uploads.db" "$nowhere"
    expect 2 custom_store_sqlite --stop-at x "$work/uploads.db" "$nowhere" "$work/input"
    expect_err '^usage: '
    expect 1 custom_store_sqlite "$work/uploads.db" 'no url' "$work/input"
    expect_err '^TUS_E_INVALID_ARGUMENT: '
    expect 1 custom_store_sqlite "$work/uploads.db" "$nowhere" "$work/missing"
    expect_err '^TUS_E_SOURCE: '
}

case_custom_store_sqlite_refused() {
    start_server --token secret
    make_file input 1
    expect 1 custom_store_sqlite "$work/uploads.db" "$url" "$work/input"
    expect_err '^TUS_E_HTTP_STATUS: .*401'
    expect_no_out
    expect_uploads 0
}

# --- run it -----------------------------------------------------------------------------------------------------------

unset http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
rm -rf "$work"
mkdir -p "$work/uploads" || exit 1
"case_$case_name"
for file in "$work"/valgrind.*; do
    [ ! -s "$file" ] || fail "valgrind has something to say"
done
echo "$case_name: well"
