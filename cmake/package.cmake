# Read by cpack. Without these two it would make a package that depends on nothing, and only warn.
foreach(tool dpkg-shlibdeps file)
    find_program(found_${tool} ${tool})
    if(NOT found_${tool})
        message(FATAL_ERROR "${tool} is missing: without it the package would not say what it depends on. "
                            "Install the packages dpkg-dev and file.")
    endif()
endforeach()
