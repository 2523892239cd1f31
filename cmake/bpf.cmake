# The BPF program: clang compiles it, bpftool turns it into a header that holds the object, libbpf
# loads it. With AUTO, all of it is left out where one of them is missing.
set(PMTOP_HAVE_BPF OFF)
if(NOT PMTOP_BPF STREQUAL "OFF")
    pkg_check_modules(LIBBPF IMPORTED_TARGET libbpf>=1.0)
    find_program(BPF_CLANG NAMES clang DOC "clang with the bpf target")
    find_program(BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin)
    set(BPF_MISSING "")
    foreach(part LIBBPF_FOUND BPF_CLANG BPFTOOL)
        if(NOT ${part})
            string(TOLOWER "${part}" part)
            string(REGEX REPLACE "_found|bpf_" "" part "${part}")
            list(APPEND BPF_MISSING ${part})
        endif()
    endforeach()
    if(NOT BPF_MISSING)
        set(PMTOP_HAVE_BPF ON)
    elseif(PMTOP_BPF STREQUAL "ON")
        message(FATAL_ERROR "PMTOP_BPF=ON, but these are missing: ${BPF_MISSING}")
    else()
        message(STATUS "Without BPF (missing: ${BPF_MISSING}): no slots of shared pages")
    endif()
endif()

if(PMTOP_HAVE_BPF)
    set(BPF_SOURCE ${PROJECT_SOURCE_DIR}/src/kernel/bpf/xarray.bpf.c)
    set(BPF_DIR ${PROJECT_BINARY_DIR}/bpf)
    file(MAKE_DIRECTORY ${BPF_DIR})
    # The skeleton carries the debug information into pmtop: not with the paths of who built it.
    set(BPF_FLAGS -g -O2 -mcpu=v3 -target bpf -Wall -Werror
        -ffile-prefix-map=${PROJECT_SOURCE_DIR}/= -fdebug-compilation-dir=.)
    if(CMAKE_LIBRARY_ARCHITECTURE)
        list(APPEND BPF_FLAGS -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE})
    endif()
    foreach(dir ${LIBBPF_INCLUDE_DIRS})
        list(APPEND BPF_FLAGS -I${dir})
    endforeach()
    add_custom_command(
        OUTPUT ${BPF_DIR}/xarray.skel.h
        COMMAND ${BPF_CLANG} ${BPF_FLAGS} -c ${BPF_SOURCE} -o ${BPF_DIR}/xarray.bpf.o
        COMMAND ${BPFTOOL} gen skeleton ${BPF_DIR}/xarray.bpf.o name xarray_bpf
                > ${BPF_DIR}/xarray.skel.h.part
        COMMAND ${CMAKE_COMMAND} -E rename ${BPF_DIR}/xarray.skel.h.part ${BPF_DIR}/xarray.skel.h
        DEPENDS ${BPF_SOURCE} ${PROJECT_SOURCE_DIR}/src/kernel/bpf/xarray.h
        COMMENT "BPF program xarray"
        VERBATIM)
    target_sources(pmtop-core PRIVATE ${BPF_DIR}/xarray.skel.h)
    target_include_directories(pmtop-core SYSTEM PRIVATE ${BPF_DIR})
    target_compile_definitions(pmtop-core PUBLIC PMTOP_HAVE_BPF)
    target_link_libraries(pmtop-core PUBLIC PkgConfig::LIBBPF)
endif()
