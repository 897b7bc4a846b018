# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Completion for bash. What may come next, `vfio-stress complete` knows.

# Fills the caller's `words` with those of LINE, without their quotes, and `kept` with what readline leaves
# as it is of the last one: it replaces only what follows the last unquoted sign among BREAKS.
_vfio_stress_words()
{
	local line=$1 breaks=$2 word='' quote='' char
	local -i i in_word=0

	words=() kept=''
	for ((i = 0; i < ${#line}; i++)); do
		char=${line:i:1}
		if [[ -z $quote && $char = [[:space:]] ]]; then
			((!in_word)) || words+=("$word")
			word='' kept='' in_word=0
			continue
		fi
		in_word=1
		if [[ $char = \\ && $quote != \' ]]; then
			((i += 1))
			word+=${line:i:1}
		elif [[ $char = "$quote" ]]; then
			quote=''
		elif [[ -z $quote && $char = [\"\'] ]]; then
			quote=$char
		else
			word+=$char
			[[ -n $quote || $breaks != *"$char"* ]] || kept=$word
		fi
	done
	words+=("$word")
}

_vfio_stress()
{
	local breaks=${COMP_WORDBREAKS//[!:=]/} current kept word rest file
	local -a words before

	_vfio_stress_words "${COMP_LINE:0:COMP_POINT}" "$breaks"
	current=${words[-1]}
	before=("${words[@]:1:${#words[@]}-2}")
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
	done < <("${words[0]}" complete -- "${before[@]/#\~\//$HOME/}" "$current" 2>/dev/null </dev/null)
	COMPREPLY=("${COMPREPLY[@]#"$kept"}")
}

complete -F _vfio_stress vfio-stress
