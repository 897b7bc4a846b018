# SPDX-License-Identifier: GPL-2.0-or-later
# Common to the lab's scripts outside: messages, the lab's place, Debian's packages. Sourced.
# shellcheck shell=bash disable=SC2034

lab_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lab_top=$(cd "$lab_here/../.." && pwd)
lab_default_out=$lab_top/build/lab    # used by those who source this
export PATH=$PATH:/usr/sbin:/sbin     # depmod, mke2fs, modprobe for an unprivileged user

say()
{
	echo "lab: $*" >&2
}

# die CODE MESSAGE
die()
{
	local code=$1

	shift
	say "$*"
	exit "$code"
}

# Of the packages on standard input, one a line: those that are not installed.
missing_packages()
{
	local package

	while read -r package; do
		case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
		installed) ;;
		*) echo "$package" ;;
		esac
	done
}

# need_packages [PACKAGE...]: those of tests/lab/packages, and these
need_packages()
{
	local missing

	missing=$(
		{
			cat "$lab_here/packages"
			[ $# = 0 ] || printf '%s\n' "$@"
		} | missing_packages | tr '\n' ' '
	)
	[ -z "$missing" ] || die 77 "packages are missing: ${missing% }
lab: install them with: apt-get install --no-install-recommends ${missing% }"
}
