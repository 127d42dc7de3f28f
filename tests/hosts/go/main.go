// Uploads with Go's functions as callbacks, while Go's scheduler preempts its threads (SIGURG) and collects garbage.
package main

/*
#cgo LDFLAGS: -ltus
#include <stdlib.h>
#include "tus.h"

int32_t onProgress(void *user_data, tus_progress *progress);
void onDone(void *user_data, tus_task *task);

static tus_status set_progress(tus_upload_options *options)
{
	return tus_upload_options_set_progress(options, (tus_progress_fn)onProgress, NULL, NULL);
}

static tus_status begin(tus_client *client, const char *path, const tus_upload_options *options, tus_task **task)
{
	return tus_client_upload_file_async(client, path, options, (tus_done_fn)onDone, NULL, NULL, task, NULL);
}
*/
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"unsafe"
)

var told, ended, spun int64

//export onProgress
func onProgress(userData unsafe.Pointer, progress *C.tus_progress) C.int32_t {
	atomic.AddInt64(&told, 1)
	// Long enough to be preempted.
	for i := 0; i < 20_000_000; i++ {
		spun++
	}
	runtime.GC()
	return 0
}

//export onDone
func onDone(userData unsafe.Pointer, task *C.tus_task) {
	atomic.AddInt64(&ended, 1)
}

func check(status C.tus_status) {
	if status != 0 {
		fmt.Fprintln(os.Stderr, C.GoString(C.tus_status_name(status)))
		os.Exit(1)
	}
}

func main() {
	const uploads = 10
	url, path := C.CString(os.Args[1]), C.CString(os.Args[2])
	defer C.free(unsafe.Pointer(url))
	defer C.free(unsafe.Pointer(path))
	config, options := C.tus_config_new(), C.tus_upload_options_new()
	var client *C.tus_client
	check(C.tus_config_set_url(config, url))
	check(C.tus_client_new(config, &client, nil))
	check(C.set_progress(options))
	var tasks [uploads]*C.tus_task
	for i := range tasks {
		check(C.begin(client, path, options, &tasks[i]))
	}
	for _, task := range tasks {
		check(C.tus_task_wait(task, -1))
		check(C.tus_task_result(task, nil))
		C.tus_task_unref(task)
	}
	check(C.tus_client_close(client, -1))
	C.tus_client_unref(client)
	C.tus_upload_options_free(options)
	C.tus_config_free(config)
	if atomic.LoadInt64(&told) < uploads {
		fmt.Println("too little progress")
	}
	fmt.Println(atomic.LoadInt64(&ended))
}
