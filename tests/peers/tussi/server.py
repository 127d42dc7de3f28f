"""One tussi on a loopback port, for libtus' tests."""

import argparse

import uvicorn
from tussi import FilesystemStorage, TUSApp

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--unfinished", required=True)
parser.add_argument("--finished", required=True)
parser.add_argument("--max-size", type=int)
parser.add_argument("--max-chunk-size", type=int, default=10 << 20)
arguments = parser.parse_args()

app = TUSApp(
    storage=FilesystemStorage(directory=arguments.unfinished),
    completed_dir=arguments.finished,
    max_size=arguments.max_size,
    max_chunk_size=arguments.max_chunk_size,
)
uvicorn.run(app, host="127.0.0.1", port=arguments.port, lifespan="off", log_level="warning")
