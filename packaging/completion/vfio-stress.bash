# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Completion for bash. What may come next, `vfio-stress complete` knows.

_vfio_stress()
{
	local line=${COMP_LINE:0:COMP_POINT} breaks=${COMP_WORDBREAKS//[!:=]/} current kept='' word rest file
	local -a words

	read -ra words <<<"$line"
	[[ $line != *[[:space:]] ]] || words+=("")
	current=${words[-1]}
	# readline replaces only what follows the last of these signs
	[[ -z $breaks ]] || kept=${current%"${current##*["$breaks"]}"}
	COMPREPLY=()
	while IFS=$'\t' read -r word rest; do
		if [[ $word = :files ]]; then
			compopt -o filenames 2>/dev/null
			while IFS= read -r file; do
				COMPREPLY+=("${current:0:rest}$file")
			done < <(compgen -f -- "${current:rest}")
		else
			[[ $word != *[:=] ]] || compopt -o nospace 2>/dev/null
			COMPREPLY+=("$word")
		fi
	done < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null </dev/null)
	COMPREPLY=("${COMPREPLY[@]#"$kept"}")
}

complete -F _vfio_stress vfio-stress
