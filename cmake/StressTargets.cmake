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

# stress_fuzz(kmsg LINKS stress_world SEEDS scenarios): tests/fuzz/kmsg.c as the ctest fuzz.kmsg, with
# the corpus tests/fuzz/corpus/kmsg and further directories of seeds. The fuzz preset builds it; the
# other presets run what that one built, so that one ctest run sees everything.
add_custom_target(fuzzers)
function(stress_fuzz name)
	cmake_parse_arguments(ARG "" "" "LINKS;SEEDS" ${ARGN})
	if(STRESS_FUZZ)
		add_executable(fuzz_${name} ${name}.c)
		target_link_libraries(fuzz_${name} PRIVATE ${ARG_LINKS} stress_flags)
		target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
		add_dependencies(fuzzers fuzz_${name})
	endif()
	list(TRANSFORM ARG_SEEDS PREPEND ${CMAKE_SOURCE_DIR}/)
	add_test(NAME fuzz.${name} COMMAND ${CMAKE_SOURCE_DIR}/tests/fuzz/run ${name} ${ARG_SEEDS})
	set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz SKIP_RETURN_CODE 77 TIMEOUT 300)
endfunction()

# stress_lab_test(dma-fault VARIANTS intel amd TOPOLOGY small): tests/lab/tests/dma-fault.sh, run in
# boots of its own, as the ctests lab.dma-fault.intel and lab.dma-fault.amd. LONG: only with `tests/all
# --long`; RELEASE: of those, with the release build's program. OPTIONS: further ones for tests/lab/run. What fits into a shared boot belongs into
# tests/lab/core.list instead. A boot keeps a little less than one processor busy. What may take longest
# begins first (COST): a long boot at the end would have one processor wait for the other.
function(stress_lab_test name)
	cmake_parse_arguments(ARG "LONG;RELEASE" "TOPOLOGY;TIMEOUT" "VARIANTS;OPTIONS" ${ARGN})
	if(NOT ARG_TOPOLOGY)
		set(ARG_TOPOLOGY small)
	endif()
	if(NOT ARG_TIMEOUT)
		set(ARG_TIMEOUT 300)
	endif()
	math(EXPR ctest_timeout "${ARG_TIMEOUT} + 60")
	set(build ${CMAKE_BINARY_DIR})
	if(ARG_RELEASE)
		set(build ${CMAKE_SOURCE_DIR}/build/release)
	endif()
	foreach(variant ${ARG_VARIANTS})
		add_test(NAME lab.${name}.${variant}
			COMMAND ${CMAKE_SOURCE_DIR}/tests/lab/in-lab ${build} ${variant}
				--topology ${ARG_TOPOLOGY} --timeout ${ARG_TIMEOUT} ${ARG_OPTIONS} -- ${name})
		set(labels lab)
		if(ARG_LONG)
			set(labels long)
		endif()
		set_tests_properties(lab.${name}.${variant} PROPERTIES LABELS ${labels}
			SKIP_RETURN_CODE 77 TIMEOUT ${ctest_timeout} COST ${ARG_TIMEOUT})
	endforeach()
endfunction()

# stress_lab_core(intel TOPOLOGY full): all of tests/lab/core.list that names the variant, in one boot.
function(stress_lab_core variant)
	cmake_parse_arguments(ARG "" "TOPOLOGY;TIMEOUT" "" ${ARGN})
	math(EXPR ctest_timeout "${ARG_TIMEOUT} + 60")
	add_test(NAME lab.core.${variant}
		COMMAND ${CMAKE_SOURCE_DIR}/tests/lab/in-lab ${CMAKE_BINARY_DIR} ${variant}
			--topology ${ARG_TOPOLOGY} --timeout ${ARG_TIMEOUT} -- --core)
	set_tests_properties(lab.core.${variant} PROPERTIES LABELS lab
		SKIP_RETURN_CODE 77 TIMEOUT ${ctest_timeout} COST ${ARG_TIMEOUT})
endfunction()

# stress_long(build.clang COMMAND ...): only with `tests/all --long`
function(stress_long name)
	add_test(NAME ${name} ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
	set_tests_properties(${name} PROPERTIES LABELS long SKIP_RETURN_CODE 77 TIMEOUT 1800)
endfunction()
