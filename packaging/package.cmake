# cpack -G DEB and cpack -G RPM, in the release preset's build.
set(CPACK_PACKAGE_NAME vfio-stress)
set(CPACK_PACKAGE_VENDOR "vfio-stress")
set(CPACK_PACKAGE_CONTACT "vfio-stress <vfio-stress@users.noreply.github.com>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "stress tester for hosts that give PCIe devices to virtual machines")
set(CPACK_PACKAGE_DESCRIPTION
"Starts and stops VMs, reboots and crashes them, resets their devices in every
way the kernel offers, over and over, and watches everything that could go
wrong: the device itself, the VM, libvirt, the kernel log. At the end it says
pass, or names the culprit: which device, in which cycle, at which step, what
it means and what to do.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
	GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_VERBATIM_VARIABLES ON)

set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_SOURCE_DIR}/packaging/cpack.cmake)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libvirt-daemon-system, pciutils")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
	${CMAKE_CURRENT_SOURCE_DIR}/packaging/debian/postinst
	${CMAKE_CURRENT_SOURCE_DIR}/packaging/debian/postrm)

set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_LICENSE "GPL-2.0-or-later")
set(CPACK_RPM_PACKAGE_GROUP "System Environment/Base")
# the distribution owns these
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION
	/usr/share/man /usr/share/man/man1 /usr/share/man/man5
	/usr/share/bash-completion /usr/share/bash-completion/completions
	/usr/share/zsh /usr/share/zsh/site-functions /usr/share/zsh/vendor-completions
	/usr/lib/systemd /usr/lib/systemd/system)

include(CPack)
