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
        --errors-for-leak-kinds=definite,indirect,possible --error-exitcode=99 "$programs/$program" "$@"
}

begin() {
    become "$@" </dev/null >"$work/out" 2>"$work/err" &
    program_id=$!
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
    start_server --max-size 1234567
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
    expect_err ' were there before$'
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

case_upload_usage() {
    make_file input 1
    expect 2 upload
    expect 2 upload "$work/input"
    expect 2 upload "$work/input" "$nowhere" more
    expect 2 upload --no-such-option "$work/input" "$nowhere"
    expect 2 upload "$work/input" "$nowhere" --chunk-size
    for option in '--chunk-size 0' '--chunk-size 1x' '--chunk-size 9999999999g' '--retries -1' '--timeout 0' \
        '--metadata novalue' '--header nocolon' '--header Host:x' '--metadata a,b=c' '--proxy ftp://proxy'; do
        # One word for the option, one for its value.
        # shellcheck disable=SC2086
        expect 2 upload --retries 0 $option "$work/input" "$nowhere"
        expect_no_out
    done
    expect 2 upload --resume "$nowhere"0123 --metadata a=b "$work/input"
    begin upload --ca "$work/no.pem" "$work/input" "$nowhere"
    wait "$program_id" && fail "a missing certificate file is no mistake"
    expect_err 'no\.pem'
    expect 0 upload --help
    expect_out '^usage: '
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
