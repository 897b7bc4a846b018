#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# completion.sh PROGRAM TREE STORE_FILL: what bash and zsh offer for a line that is being typed, on a recorded
# machine and a store with one run.
set -u
usage="usage: completion.sh PROGRAM TREE STORE_FILL"
program=$(realpath "${1:?$usage}") tree=$(realpath "${2:?$usage}") fill=$(realpath "${3:?$usage}")
top=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/vfio-stress-completion.XXXXXX")
trap 'rm -rf "$dir"' EXIT
bad=0

wrong()
{
	echo "WRONG: $*" >&2
	bad=1
}

mkdir "$dir/machine" "$dir/bin" "$dir/there"
"$tree" unpack "$top/tests/trees/intel.tree" "$dir/machine" || exit 1
"$fill" "$dir/there/runs.db" ended || exit 1
cat >"$dir/bin/vfio-stress" <<X
#!/bin/bash
[ "\$1" = complete ] || exit 9
shift
exec "$program" complete --root "$dir/machine" "\$@"
X
chmod +x "$dir/bin/vfio-stress"
PATH=$dir/bin:$PATH
cp "$top/scenarios/smoke.yaml" "$top/scenarios/reset-only.yaml" "$dir/there"
mkdir "$dir/there/a folder"
cp "$dir/there/runs.db" "$dir/there/a folder/old runs.db"
cp "$dir/there/smoke.yaml" "$dir/there/a folder"
cd "$dir/there" || exit 1

# shellcheck source=../../packaging/completion/vfio-stress.bash
. "$top/packaging/completion/vfio-stress.bash"
complete -p vfio-stress | grep -q '_vfio_stress' || wrong "bash does not know of it"

# shellcheck disable=SC2317 # called as in_$shell
# in_bash LINE: the words that bash would put in
in_bash()
{
	COMP_LINE=$1 COMP_POINT=${#1} COMPREPLY=()
	_vfio_stress
	[ ${#COMPREPLY[@]} = 0 ] || printf '%s\n' "${COMPREPLY[@]}"
}

# shellcheck disable=SC2317
# What zsh's functions would be told, without a terminal.
in_zsh()
{
	zsh -f -c '
		_describe() { print -rl -- "${(@)${(@P)2}%%:*}" }
		_files() { print -rl -- *(N) }
		compset() { PREFIX=${PREFIX#$~2} }
		typeset -a words
		words=("${(@z)1}")
		[[ $1 != *" " ]] || words+=("")
		CURRENT=$#words PREFIX=$words[-1]
		source "$2"' zsh "$1" "$top/packaging/completion/_vfio-stress" 2>&1
}

# offers LINE WORD...: are these among them? A word after "!" is not.
offers()
{
	local line=$1 shell word

	shift
	for shell in "${shells[@]}"; do
		in_"$shell" "$line" >"$dir/offered"
		for word; do
			if [[ $word = !* ]]; then
				! grep -qxF -e "${word#!}" "$dir/offered" || wrong "$shell: '$line' offers $word"
			else
				grep -qxF -e "$word" "$dir/offered" ||
					wrong "$shell: '$line' does not offer '$word' but: $(tr '\n' ' ' <"$dir/offered")"
			fi
		done
	done
}

shells=(bash)
COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
if command -v zsh >/dev/null; then
	shells+=(zsh)
else
	echo "not tried: zsh, which is not installed (package zsh)"
fi

offers 'vfio-stress ' run check scan '!lane' '!complete'
offers 'vfio-stress pre' preflight '!run'
offers 'vfio-stress help s' scan snapshot '!run'
offers 'vfio-stress run --d' --db --dry-run '!--quiet' '!--root'
offers 'vfio-stress run ' smoke.yaml
offers 'vfio-stress list ' steps faults '!manual'
offers 'vfio-stress list steps re' reset rescan rebind reboot '!start'
offers 'vfio-stress list faults vfio.b' vfio.busy '!aer.correctable'
offers 'vfio-stress list checks device.g' device.group
offers 'vfio-stress list reporters ' json webhook
offers 'vfio-stress list templates sl' slack.json
offers 'vfio-stress webhook ' test
offers 'vfio-stress webhook test ' smoke.yaml
offers 'vfio-stress webhook test --body ' slack cloudevents
offers 'vfio-stress webhook test --sample ' pass resumed
offers 'vfio-stress report --db runs.db ' latest 20261121-040000-aaaa
offers 'vfio-stress report --db=runs.db 2026' 20261121-040000-aaaa '!latest'
offers 'vfio-stress report --format ' json text '!webhook'
offers 'vfio-stress scan --format ' text jsonl '!webhook'
offers 'vfio-stress scan --min-severity ' warning fatal
offers 'vfio-stress scan --' --kmsg --help
offers 'vfio-stress diff ' smoke.yaml
offers 'vfio-stress runs ' prune stop
offers 'vfio-stress runs --db runs.db stop ' 20261121-040000-aaaa '!prune'
offers 'vfio-stress watch --db runs.db ' latest 20261121-040000-aaaa
offers 'vfio-stress nonsense ' '!run'
offers 'vfio-stress compare --db runs.db ' 20261121-040000-aaaa runs.db
# quotes and what they keep together, as typed
offers "vfio-stress report --db a\\ folder/old\\ runs.db 2026" 20261121-040000-aaaa
offers "vfio-stress report --db 'a folder/old runs.db' 2026" 20261121-040000-aaaa
HOME=$dir/there offers 'vfio-stress report --db ~/runs.db 2026' 20261121-040000-aaaa

# readline has split these words at their signs, and takes what follows the last one
shells=(bash)
offers 'vfio-stress devices ' 0000:02:00.0
offers 'vfio-stress devices 0000:02' 02:00.0 '!08:00.0'
offers 'vfio-stress preflight class:gpu 0000:02:' 00.0
offers 'vfio-stress run smoke.yaml --set ' domain= '!device='
offers 'vfio-stress run --set=dev' '!device='
offers 'vfio-stress run reset-only.yaml --set device=0000:02:' 00.0
offers 'vfio-stress run smoke.yaml --report js' json:
offers 'vfio-stress run smoke.yaml --report json:smo' smoke.yaml
offers 'vfio-stress run smoke.yaml --report json:run.json,ev' run.json,every=
offers 'vfio-stress report --db=ru' runs.db
offers 'vfio-stress snapshot a' 'a folder'
offers "vfio-stress run a\\ fo" 'a folder'
offers 'vfio-stress run "a fo' 'a folder'
offers "vfio-stress run 'a folder/smo" 'a folder/smoke.yaml'
offers "vfio-stress run a\\ folder/smo" 'a folder/smoke.yaml'
offers "vfio-stress run smoke.yaml --report json:a\\ fo" 'a folder'
offers 'vfio-stress run smoke.yaml --report "json:a fo' 'json:a folder'
offers "vfio-stress report -o a\\ fo" 'a folder'
domain=$(find "$dir/machine/etc/libvirt/qemu" -maxdepth 1 -name '*.xml' -printf '%f\n' | head -n 1)
offers 'vfio-stress run smoke.yaml --set domain=' "${domain%.xml}"
COMP_WORDBREAKS=$' \t\n"\'><;|&('
offers 'vfio-stress devices 0000:02' 0000:02:00.0
offers 'vfio-stress run smoke.yaml --set dom' domain=
exit $bad
