# The imported target tus::tus: the library as cargo builds it, nothing installed. Other projects can include this file
# and link to the target as well.

set(TUS_LIB_DIR "${CMAKE_CURRENT_LIST_DIR}/../../target/release" CACHE PATH "Folder of the built library")
get_filename_component(tus_include_dir "${CMAKE_CURRENT_LIST_DIR}/../../include" ABSOLUTE)

# While the major version is 0 every minor version may break programs, so both are in the library's name.
file(STRINGS "${tus_include_dir}/tus.h" tus_version_lines REGEX "^#define TUS_VERSION_(MAJOR|MINOR) [0-9]+")
string(REGEX REPLACE ".*MAJOR ([0-9]+).*" "\\1" tus_major "${tus_version_lines}")
string(REGEX REPLACE ".*MINOR ([0-9]+).*" "\\1" tus_minor "${tus_version_lines}")
set(tus_abi "${tus_major}")
if(tus_major EQUAL 0)
    set(tus_abi "0.${tus_minor}")
endif()

if(WIN32)
    set(tus_built "tus.dll")
elseif(APPLE)
    set(tus_built "libtus.dylib")
    set(tus_name "libtus.${tus_abi}.dylib")
else()
    set(tus_built "libtus.so")
    set(tus_name "libtus.so.${tus_abi}")
endif()

if(NOT EXISTS "${TUS_LIB_DIR}/${tus_built}")
    message(FATAL_ERROR
        "${TUS_LIB_DIR}/${tus_built} is missing. Build it with `cargo build --release --package libtus`, "
        "or say with -DTUS_LIB_DIR=... where it is.")
endif()

add_library(tus::tus SHARED IMPORTED)
set_target_properties(tus::tus PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${tus_include_dir}")
if(WIN32)
    set_target_properties(tus::tus PROPERTIES
        IMPORTED_LOCATION "${TUS_LIB_DIR}/${tus_built}"
        IMPORTED_IMPLIB "${TUS_LIB_DIR}/tus.dll.lib"
        INTERFACE_COMPILE_DEFINITIONS TUS_DLL)
else()
    # Cargo's file has no version in its name, but programs ask the loader for one that has.
    set(tus_link_dir "${CMAKE_CURRENT_BINARY_DIR}/lib")
    file(MAKE_DIRECTORY "${tus_link_dir}")
    file(CREATE_LINK "${TUS_LIB_DIR}/${tus_built}" "${tus_link_dir}/${tus_name}" SYMBOLIC)
    set_target_properties(tus::tus PROPERTIES IMPORTED_LOCATION "${tus_link_dir}/${tus_name}")
endif()
