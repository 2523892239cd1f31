# SPDX-License-Identifier: GPL-2.0-or-later
# Made by data/completions/generate from the option tables: do not edit.
_pmtop() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} options word=
	local -a pids
	[[ $COMP_CWORD -gt 1 && ${COMP_WORDS[1]} != -* ]] && word=${COMP_WORDS[1]}
	COMPREPLY=()
	case $prev in
	-p)
		pids=(/proc/[0-9]*)
		mapfile -t COMPREPLY < <(compgen -W "${pids[*]#/proc/}" -- "$cur")
		return
		;;
	--color)
		mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur")
		return
		;;
	--config)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--duration)
		return
		;;
	--format)
		mapfile -t COMPREPLY < <(compgen -W 'csv json openmetrics' -- "$cur")
		return
		;;
	--from)
		return
		;;
	--high)
		return
		;;
	--interval)
		return
		;;
	--kind)
		return
		;;
	--limit)
		return
		;;
	--make-swap)
		return
		;;
	--max-size)
		return
		;;
	--order)
		return
		;;
	--output)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--pagemap)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--pages)
		return
		;;
	--pid)
		pids=(/proc/[0-9]*)
		mapfile -t COMPREPLY < <(compgen -W "${pids[*]#/proc/}" -- "$cur")
		return
		;;
	--rate)
		return
		;;
	--record)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--rotate)
		return
		;;
	--seed)
		return
		;;
	--swap-dir)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--swap-limit)
		return
		;;
	--swappiness)
		return
		;;
	--theme)
		mapfile -t COMPREPLY < <(compgen -W 'auto dark light monochrome' -- "$cur")
		return
		;;
	--timeout)
		return
		;;
	--to)
		return
		;;
	--until)
		mapfile -t COMPREPLY < <(compgen -W 'exit' -- "$cur")
		return
		;;
	--without)
		return
		;;
	esac
	case $word in
	'')
		options='--pid --interval --max-size --rotate --without --version --theme --color --config --no-mouse --ascii --help'
		;;
	'run')
		options='--limit --swap-limit --high --swappiness --make-swap --swap-dir --no-cgroup --record --max-size --rotate --json --once --duration --interval --kind --pages --rate --order --seed --theme --color --config --no-mouse --ascii --help'
		;;
	'record')
		options='--pid --output --interval --duration --until --max-size --rotate --force --without --quiet --help'
		;;
	'replay')
		options='--info --theme --color --config --no-mouse --ascii --help'
		;;
	'dump')
		options='--pid --json --csv --prometheus --totals --pages --verify --pagemap --timeout --without --output --help'
		;;
	'diff')
		options='--json --pages --all --without --output --help'
		;;
	'export')
		options='--format --pages --totals --from --to --output --help'
		;;
	'swaps')
		options='--pid --json --timeout --without --help'
		;;
	'doctor')
		options='--json --without --help'
		;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	elif [[ $COMP_CWORD -eq 1 ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'run record replay dump diff export swaps doctor' -- "$cur")
	elif [[ $word == replay || $word == diff || $word == export ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}
complete -F _pmtop pmtop
