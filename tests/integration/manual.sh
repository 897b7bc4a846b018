#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# manual.sh PROGRAM PAGES SOURCES: --help of every command fits a screen and has an example; every command has a
# man page, man has nothing to complain of, and the pages name every option and every environment variable.
set -u
program=$(realpath "${1:?usage: manual.sh PROGRAM PAGES SOURCES}") pages=$(realpath "$2") sources=$(realpath "$3")
dir=$(mktemp -d "${TMPDIR:-/tmp}/vfio-stress-manual.XXXXXX")
trap 'rm -rf "$dir"' EXIT
bad=0

wrong()
{
	echo "WRONG: $*" >&2
	bad=1
}

fits()
{
	[ "$(wc -l <"$1")" -le 24 ] || wrong "$2 has $(wc -l <"$1") lines"
	[ "$(wc -L <"$1")" -le 80 ] || wrong "$2 has $(wc -L <"$1") columns"
}

"$program" --help >"$dir/overview" || wrong "--help fails"
fits "$dir/overview" "--help"
mapfile -t commands < <("$program" list manual)
[ "${#commands[@]}" -ge 13 ] || wrong "only ${#commands[@]} commands"
for command in "${commands[@]}"; do
	"$program" "$command" --help >"$dir/help" || wrong "$command --help fails"
	fits "$dir/help" "$command --help"
	grep -q "^  .*vfio-stress $command" "$dir/help" || wrong "$command --help has no example"
	grep -q "^  $command " "$dir/overview" || wrong "--help does not know $command"
done

command -v man >/dev/null || { echo "no man (package man-db): the pages are not looked at" >&2; exit $((bad ? 1 : 77)); }
[ -d "$pages" ] || { echo "no pages were built: no scdoc" >&2; exit $((bad ? 1 : 77)); }
export MANWIDTH=80 LC_ALL=C.UTF-8
for page in "$pages"/*.gz; do
	man --warnings -l -Tutf8 -Z "$page" >/dev/null 2>"$dir/warnings" || wrong "$page: man fails"
	[ ! -s "$dir/warnings" ] || wrong "$page: $(head -n 3 "$dir/warnings")"
done
for command in "${commands[@]}"; do
	page=$pages/vfio-stress-$command.1.gz
	man -l "$page" >"$dir/page" || wrong "there is no $page"
	"$program" "$command" --help | sed -nE 's/^  (-., |    )(--[a-z-]+).*/\2/p' | sort -u >"$dir/options"
	while read -r option; do
	grep -qE -e "^       (-., )?$option( |$)" "$dir/page" || wrong "vfio-stress-$command(1) lacks $option"
	done <"$dir/options"
	grep -q '^EXIT STATUS' "$dir/page" || wrong "vfio-stress-$command(1) tells no exit status"
done
man -l "$pages/vfio-stress-scenario.5.gz" >"$dir/scenario"
for word in $("$program" list steps | sed -n 's/^\([a-z-]*\)[: ].*/\1/p'); do
	[ "$word" = any ] || grep -q "^       $word" "$dir/scenario" || wrong "vfio-stress-scenario(5) lacks $word"
done
man -l "$pages/vfio-stress.1.gz" >"$dir/main"
while read -r variable; do
	grep -qw "$variable" "$dir/main" || wrong "vfio-stress(1) does not tell of the environment variable $variable"
done < <(grep -rhoE 'getenv\("[A-Z_]+"\)' "$sources/stress" "$sources/reporters" | grep -oE '[A-Z_]+' | sort -u)
exit $bad
