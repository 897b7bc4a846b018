# The house's helpers: one library per layer, one line per test.

add_library(stress_flags INTERFACE)
target_compile_options(stress_flags INTERFACE
	-Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wundef
	-Wpointer-arith -Wvla $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation> -fno-common -fstack-protector-strong)
target_compile_definitions(stress_flags INTERFACE _GNU_SOURCE)
target_include_directories(stress_flags INTERFACE ${CMAKE_SOURCE_DIR}/include)
if(STRESS_WERROR)
	target_compile_options(stress_flags INTERFACE -Werror)
endif()
if(STRESS_SANITIZE)
	target_compile_options(stress_flags INTERFACE -fsanitize=address,undefined
		-fno-sanitize-recover=undefined -fno-omit-frame-pointer)
	target_link_options(stress_flags INTERFACE -fsanitize=address,undefined)
endif()
if(STRESS_FUZZ)
	target_compile_options(stress_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined
		-fno-omit-frame-pointer)
	target_link_options(stress_flags INTERFACE -fsanitize=address,undefined)
endif()

# stress_layer(base SOURCES a.c b.c DEPENDS stress_x PkgConfig::Y): the static library stress_base
function(stress_layer name)
	cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
	add_library(stress_${name} STATIC ${ARG_SOURCES})
	target_link_libraries(stress_${name} PUBLIC stress_flags ${ARG_DEPENDS})
endfunction()

# stress_test(klog_rules LINKS stress_klog): tests/unit/klog_rules.c as the ctest unit.klog_rules
function(stress_test name)
	cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
	add_executable(unit_${name} ${name}.c ${ARG_SOURCES})
	target_link_libraries(unit_${name} PRIVATE ${ARG_LINKS} stress_flags PkgConfig::CMOCKA)
	target_compile_definitions(unit_${name} PRIVATE SOURCE_DIR="${CMAKE_SOURCE_DIR}")
	add_test(NAME unit.${name} COMMAND unit_${name} WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
	set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT 60)
endfunction()

# stress_fuzz(kmsg LINKS stress_world): tests/fuzz/kmsg.c with the corpus tests/fuzz/corpus/kmsg
function(stress_fuzz name)
	cmake_parse_arguments(ARG "" "" "LINKS" ${ARGN})
	if(NOT STRESS_FUZZ)
		return()
	endif()
	add_executable(fuzz_${name} ${name}.c)
	target_link_libraries(fuzz_${name} PRIVATE ${ARG_LINKS} stress_flags)
	target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endfunction()
