# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Shared by the lints. A lint takes the tree to look at (default: the one it lies in), prints one
# "file:line: what is wrong: what to do" per finding, and exits 0 clean, 1 findings, 77 cannot look.
set -u

lint_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "${1:-$lint_dir/../..}" && pwd) || exit 2
cd "$top" || exit 2
findings=0

complain()
{
	printf '%s\n' "$*"
	findings=$((findings + 1))
}

# Takes findings from standard input, one a line.
complain_all()
{
	local line

	while IFS= read -r line; do
		complain "$line"
	done
}

finish()
{
	[ "$findings" -eq 0 ] || echo "$(basename "$0"): $findings finding(s)"
	exit $((findings > 0))
}

skip()
{
	echo "skipped: $*"
	exit 77
}

# The tree's files, NUL-separated, "a/b" without "./". Git knows what is built; without it (a
# tarball, a foreign owner) the usual build directories are left out.
all_files()
{
	if [ -e .git ] && git rev-parse --git-dir >/dev/null 2>&1; then
		git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' f; do
			[ -f "$f" ] && printf '%s\0' "$f"
		done
	else
		find . \( -path ./build -o -path ./out -o -path ./.git \) -prune -o -type f -printf '%P\0'
	fi
}

# files REGEX...: those whose path matches one of the extended regular expressions, one a line.
files()
{
	local args=() re

	for re in "$@"; do
		args+=(-e "$re")
	done
	all_files | tr '\0' '\n' | grep -E "${args[@]}" | LC_ALL=C sort
}

# C sources as FILE:LINE:CODE, with comments and the insides of strings blanked.
code_of()
{
	xargs -r -d '\n' awk -f "$lint_dir/code.awk"
}

# Scripts for sh or bash, by their first line or their name.
shell_scripts()
{
	files '.' | while IFS= read -r f; do
		case $f in
		*.sh | *.bash) echo "$f" ;;
		*)
			IFS= read -r -n 64 line <"$f" 2>/dev/null
			[[ $line =~ ^'#!'.*[/\ ](ba|da)?sh( |$) ]] && echo "$f"
			;;
		esac
	done
	return 0
}
