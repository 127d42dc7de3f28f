//! Compiles `curl_loop.c` against the libcurl that `curl-sys` builds; its `main` becomes `curl_loop`.

use std::env;

fn main() {
    for file in ["curl_loop.c", "contender.h", "process.h"] {
        println!("cargo::rerun-if-changed={file}");
    }
    let include = env::var_os("DEP_CURL_INCLUDE").expect("curl-sys with static-curl tells where its headers are");
    cc::Build::new()
        .file("curl_loop.c")
        .include(include)
        .define("CURL_STATICLIB", None)
        .define("main", "curl_loop")
        .opt_level(2)
        .warnings(true)
        .extra_warnings(true)
        .compile("curl_loop");
}
