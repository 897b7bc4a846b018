# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Whom resets disturb, by canaries: the host must be booted with iomem=relaxed.
# For the tests in the lab: . "$(dirname "$0")/canaries.sh", after lib.sh.

# planned: what `check` says in ./out, a line for each device of a step: STEP, DEVICE, those disturbed
planned()
{
	awk -v OFS='\t' '
		function flush() { if (bdf != "") print step, bdf, set; bdf = "" }
		/^ +[0-9]+  [a-z]/ { flush(); step = $3 != "" ? $2 " " $3 : $2 }
		/^        [^ ]/ {
			flush()
			if (step == "check")
				exit
			match($0, /0000:[0-9a-f:.]+[0-9a-f]/)
			bdf = substr($0, RSTART, RLENGTH)
			set = /disturbs nothing else/ ? " " bdf : ""
		}
		/^         +0000:/ { set = set " " $1 }
		END { flush() }' out
}

# disturbed: what `canaries` saw in ./seen, with the steps of ./plan
disturbed()
{
	awk -F '\t' -v OFS='\t' '
		function flush(  i, set) {
			for (i = 1; i <= nbdfs; i++)
				if (bdfs[i] in lost)
					set = set " " bdfs[i]
			if (bdf != "")
				print steps[n], bdf, set
			bdf = ""
			split("", lost)
		}
		FILENAME == "bdfs" { bdfs[++nbdfs] = $1; next }
		FILENAME == "plan" { steps[++nsteps] = $1; next }
		/^info: lane: all cycle 1: / {
			flush()
			if (/: check /)
				exit
			n++
			match($0, /0000:[0-9a-f:.]+[0-9a-f]/)
			bdf = substr($0, RSTART, RLENGTH)
		}
		/^lost / { lost[substr($1, 6, 12)] = 1 }
		END { flush() }' bdfs plan seen
}

# as_planned: each step of ./reached disturbed whom ./plan says. `default` may take any of its
# methods, the widest counts in its plan: it must not reach further.
as_planned()
{
	paste plan reached | awk -F '\t' '
		function within(set, all,  i, n, words) {
			n = split(set, words, " ")
			for (i = 1; i <= n; i++)
				if (index(all, words[i]) == 0)
					return 0
			return n > 0 || all == ""
		}
		$1 != $4 || $2 != $5 || !($1 == "reset: default" ? within($6, $3) : $3 == $6) {
			print $1 " on " $2 " disturbs" $3 ", and disturbed" $6
			bad = 1
		}
		END { exit bad }'
}

# watched CODE NAME: a run of one cycle and a lane `all`, whose resets must disturb whom the plan says.
# What sleeps for want of work would look as if it were reset: vfio-pci must keep it awake.
watched()
{
	local rc=0

	exits 0 vfio-stress check "$2.yaml"
	planned >plan
	ls /sys/bus/pci/devices >bdfs
	vfio-stress run -v "$2.yaml" --report json:report.json 2>&1 | canaries >seen || rc=$?
	cat seen
	[ $rc = 0 ] || fail "canaries: $rc"
	holds ".exit_code == $1"
	disturbed >reached
	as_planned || fail "others were disturbed than planned"
}
