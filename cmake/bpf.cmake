# The BPF programs: clang compiles them, bpftool turns each into a header that holds the object,
# libbpf loads it. With AUTO, all of it is left out where one of them is missing.
set(PMTOP_HAVE_BPF OFF)
if(NOT PMTOP_BPF STREQUAL "OFF")
    pkg_check_modules(LIBBPF IMPORTED_TARGET libbpf>=1.0)
    find_program(BPF_CLANG NAMES clang DOC "clang with the bpf target")
    # On Ubuntu /usr/sbin/bpftool is a script that refuses to work for a kernel without such a folder.
    file(GLOB tools /usr/lib/linux-tools-*)
    find_program(BPFTOOL NAMES bpftool HINTS ${tools} PATHS /usr/sbin /sbin)
    if(BPFTOOL)
        execute_process(COMMAND ${BPFTOOL} version RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
        if(failed)
            set(BPFTOOL "")
        endif()
    endif()
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
    set(BPF_FOLDER ${PROJECT_SOURCE_DIR}/src/kernel/bpf)
    set(BPF_DIR ${PROJECT_BINARY_DIR}/bpf)
    file(MAKE_DIRECTORY ${BPF_DIR})
    # The skeleton carries the debug information into pmtop: not with the paths of who built it.
    set(BPF_FLAGS -g -O2 -mcpu=v3 -target bpf -Wall
        -ffile-prefix-map=${PROJECT_SOURCE_DIR}/= -fdebug-compilation-dir=.)
    if(PMTOP_WERROR)
        list(APPEND BPF_FLAGS -Werror)
    endif()
    if(CMAKE_LIBRARY_ARCHITECTURE)
        list(APPEND BPF_FLAGS -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE})
    endif()
    foreach(dir ${LIBBPF_INCLUDE_DIRS})
        list(APPEND BPF_FLAGS -I${dir})
    endforeach()
    foreach(program xarray tables)
        set(object ${BPF_DIR}/${program}.bpf.o)
        set(skeleton ${BPF_DIR}/${program}.skel.h)
        add_custom_command(
            OUTPUT ${skeleton}
            COMMAND ${BPF_CLANG} ${BPF_FLAGS} -c ${BPF_FOLDER}/${program}.bpf.c -o ${object}
            COMMAND ${BPFTOOL} gen skeleton ${object} name ${program}_bpf > ${skeleton}.part
            COMMAND ${CMAKE_COMMAND} -E rename ${skeleton}.part ${skeleton}
            DEPENDS ${BPF_FOLDER}/${program}.bpf.c ${BPF_FOLDER}/${program}.h
            COMMENT "BPF program ${program}"
            VERBATIM)
        target_sources(pmtop-core PRIVATE ${skeleton})
    endforeach()
    target_include_directories(pmtop-core SYSTEM PRIVATE ${BPF_DIR})
    target_compile_definitions(pmtop-core PUBLIC PMTOP_HAVE_BPF)
    target_link_libraries(pmtop-core PUBLIC PkgConfig::LIBBPF)
endif()
