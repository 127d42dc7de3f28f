"""Ends while uploads run whose progress function is Python: until Python 3.14 the interpreter ends a thread that calls into it
then (pthread_exit). The arguments: the library, the URL, a file, and "task" or "call"."""
import ctypes
import sys
import threading

library, url, path, how = sys.argv[1:]
tus = ctypes.CDLL(library)
pointer = ctypes.c_void_p
for name in ("tus_config_new", "tus_upload_options_new"):
    getattr(tus, name).restype = pointer
running = threading.Semaphore(0)


@ctypes.CFUNCTYPE(ctypes.c_int32, pointer, pointer)
def progress(_user_data, _progress):
    running.release()
    return 0


config, client, options = pointer(tus.tus_config_new()), pointer(), pointer(tus.tus_upload_options_new())
assert tus.tus_config_set_url(config, url.encode()) == 0
assert tus.tus_client_new(config, ctypes.byref(client), None) == 0
assert tus.tus_upload_options_set_progress(options, progress, None, None) == 0
# The interpreter frees its objects at the end; this one is called until then.
ctypes.pythonapi.Py_IncRef(ctypes.py_object(progress))


def call():
    tus.tus_client_upload_file(client, path.encode(), options, None, None)


for _ in range(4):
    if how == "task":
        task = pointer()
        assert tus.tus_client_upload_file_async(client, path.encode(), options, None, None, None, ctypes.byref(task), None) == 0
    else:
        threading.Thread(target=call, daemon=True).start()
for _ in range(12):
    running.acquire()
sys.exit(7)
