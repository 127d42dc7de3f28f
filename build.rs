//! Link arguments of the shared library: the name that programs ask the loader for, and that it stays loaded.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let variable = |name: &str| env::var(name).unwrap_or_default();
    // While the major version is 0 every minor version may break programs, so both are in the name.
    let abi = match variable("CARGO_PKG_VERSION_MAJOR").as_str() {
        "0" => format!("0.{}", variable("CARGO_PKG_VERSION_MINOR")),
        major => major.to_owned(),
    };
    match variable("CARGO_CFG_TARGET_OS").as_str() {
        "macos" => link(&format!("-Wl,-install_name,@rpath/libtus.{abi}.dylib")),
        "linux" | "android" | "freebsd" | "netbsd" | "openbsd" | "dragonfly" => {
            link(&format!("-Wl,-soname,libtus.so.{abi}"));
            // A thread may end after dlclose() and run destructors of thread-locals that are part of the library.
            link("-Wl,-z,nodelete");
            // Functions that dependencies export for their own C code are none of our callers' business.
            link("-Wl,--exclude-libs,ALL");
        }
        _ => {}
    }
}

fn link(argument: &str) {
    println!("cargo::rustc-cdylib-link-arg={argument}");
}
