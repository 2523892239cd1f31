# SPDX-License-Identifier: GPL-2.0-or-later
# Made by data/completions/generate from the option tables: do not edit.
complete -c pmtop -f
complete -c pmtop -n __fish_use_subcommand -a run -d 'start a workload under a memory limit and watch it'
complete -c pmtop -n __fish_use_subcommand -a record -d 'record a process without a screen'
complete -c pmtop -n __fish_use_subcommand -a replay -d 'the same screens on a recorded session'
complete -c pmtop -n __fish_use_subcommand -a dump -d 'one snapshot to standard output'
complete -c pmtop -n __fish_use_subcommand -a diff -d 'what changed between two moments'
complete -c pmtop -n __fish_use_subcommand -a export -d 'a log as csv, json or openmetrics'
complete -c pmtop -n __fish_use_subcommand -a swaps -d 'swap areas, and who holds which slots'
complete -c pmtop -n __fish_use_subcommand -a doctor -d 'what this kernel and these rights allow'
complete -c pmtop -n '__fish_use_subcommand' -l pid -s p -x -a '(__fish_complete_pids)'
complete -c pmtop -n '__fish_use_subcommand' -l interval -x
complete -c pmtop -n '__fish_use_subcommand' -l max-size -x
complete -c pmtop -n '__fish_use_subcommand' -l rotate -x
complete -c pmtop -n '__fish_use_subcommand' -l without -x
complete -c pmtop -n '__fish_use_subcommand' -l version
complete -c pmtop -n '__fish_use_subcommand' -l theme -x -a 'auto dark light monochrome'
complete -c pmtop -n '__fish_use_subcommand' -l color -x -a 'auto always never'
complete -c pmtop -n '__fish_use_subcommand' -l config -r -F
complete -c pmtop -n '__fish_use_subcommand' -l no-mouse
complete -c pmtop -n '__fish_use_subcommand' -l ascii
complete -c pmtop -n '__fish_use_subcommand' -l help
complete -c pmtop -n '__fish_seen_subcommand_from run' -l limit -x
complete -c pmtop -n '__fish_seen_subcommand_from run' -l swap-limit -x
complete -c pmtop -n '__fish_seen_subcommand_from run' -l high -x
complete -c pmtop -n '__fish_seen_subcommand_from run' -l swappiness -x
complete -c pmtop -n '__fish_seen_subcommand_from run' -l make-swap -x
complete -c pmtop -n '__fish_seen_subcommand_from run' -l swap-dir -r -F
complete -c pmtop -n '__fish_seen_subcommand_from run' -l no-cgroup
complete -c pmtop -n '__fish_seen_subcommand_from run' -l record -r -F
complete -c pmtop -n '__fish_seen_subcommand_from run' -l max-size -x
complete -c pmtop -n '__fish_seen_subcommand_from run' -l rotate -x
complete -c pmtop -n '__fish_seen_subcommand_from run' -l json
complete -c pmtop -n '__fish_seen_subcommand_from run' -l once
complete -c pmtop -n '__fish_seen_subcommand_from run' -l duration -x
complete -c pmtop -n '__fish_seen_subcommand_from run' -l interval -x
complete -c pmtop -n '__fish_seen_subcommand_from run' -l kind -x
complete -c pmtop -n '__fish_seen_subcommand_from run' -l pages -x
complete -c pmtop -n '__fish_seen_subcommand_from run' -l rate -x
complete -c pmtop -n '__fish_seen_subcommand_from run' -l order -x
complete -c pmtop -n '__fish_seen_subcommand_from run' -l seed -x
complete -c pmtop -n '__fish_seen_subcommand_from run' -l theme -x -a 'auto dark light monochrome'
complete -c pmtop -n '__fish_seen_subcommand_from run' -l color -x -a 'auto always never'
complete -c pmtop -n '__fish_seen_subcommand_from run' -l config -r -F
complete -c pmtop -n '__fish_seen_subcommand_from run' -l no-mouse
complete -c pmtop -n '__fish_seen_subcommand_from run' -l ascii
complete -c pmtop -n '__fish_seen_subcommand_from run' -l help
complete -c pmtop -n '__fish_seen_subcommand_from record' -l pid -s p -x -a '(__fish_complete_pids)'
complete -c pmtop -n '__fish_seen_subcommand_from record' -l output -r -F
complete -c pmtop -n '__fish_seen_subcommand_from record' -l interval -x
complete -c pmtop -n '__fish_seen_subcommand_from record' -l duration -x
complete -c pmtop -n '__fish_seen_subcommand_from record' -l until -x -a 'exit'
complete -c pmtop -n '__fish_seen_subcommand_from record' -l max-size -x
complete -c pmtop -n '__fish_seen_subcommand_from record' -l rotate -x
complete -c pmtop -n '__fish_seen_subcommand_from record' -l force
complete -c pmtop -n '__fish_seen_subcommand_from record' -l without -x
complete -c pmtop -n '__fish_seen_subcommand_from record' -l quiet
complete -c pmtop -n '__fish_seen_subcommand_from record' -l help
complete -c pmtop -n '__fish_seen_subcommand_from replay' -l info
complete -c pmtop -n '__fish_seen_subcommand_from replay' -l theme -x -a 'auto dark light monochrome'
complete -c pmtop -n '__fish_seen_subcommand_from replay' -l color -x -a 'auto always never'
complete -c pmtop -n '__fish_seen_subcommand_from replay' -l config -r -F
complete -c pmtop -n '__fish_seen_subcommand_from replay' -l no-mouse
complete -c pmtop -n '__fish_seen_subcommand_from replay' -l ascii
complete -c pmtop -n '__fish_seen_subcommand_from replay' -l help
complete -c pmtop -n '__fish_seen_subcommand_from replay' -F
complete -c pmtop -n '__fish_seen_subcommand_from dump' -l pid -s p -x -a '(__fish_complete_pids)'
complete -c pmtop -n '__fish_seen_subcommand_from dump' -l json
complete -c pmtop -n '__fish_seen_subcommand_from dump' -l csv
complete -c pmtop -n '__fish_seen_subcommand_from dump' -l prometheus
complete -c pmtop -n '__fish_seen_subcommand_from dump' -l totals
complete -c pmtop -n '__fish_seen_subcommand_from dump' -l pages
complete -c pmtop -n '__fish_seen_subcommand_from dump' -l verify
complete -c pmtop -n '__fish_seen_subcommand_from dump' -l pagemap -r -F
complete -c pmtop -n '__fish_seen_subcommand_from dump' -l timeout -x
complete -c pmtop -n '__fish_seen_subcommand_from dump' -l without -x
complete -c pmtop -n '__fish_seen_subcommand_from dump' -l output -r -F
complete -c pmtop -n '__fish_seen_subcommand_from dump' -l help
complete -c pmtop -n '__fish_seen_subcommand_from diff' -l json
complete -c pmtop -n '__fish_seen_subcommand_from diff' -l pages
complete -c pmtop -n '__fish_seen_subcommand_from diff' -l all
complete -c pmtop -n '__fish_seen_subcommand_from diff' -l without -x
complete -c pmtop -n '__fish_seen_subcommand_from diff' -l output -r -F
complete -c pmtop -n '__fish_seen_subcommand_from diff' -l help
complete -c pmtop -n '__fish_seen_subcommand_from diff' -F
complete -c pmtop -n '__fish_seen_subcommand_from export' -l format -x -a 'csv json openmetrics'
complete -c pmtop -n '__fish_seen_subcommand_from export' -l pages
complete -c pmtop -n '__fish_seen_subcommand_from export' -l totals
complete -c pmtop -n '__fish_seen_subcommand_from export' -l from -x
complete -c pmtop -n '__fish_seen_subcommand_from export' -l to -x
complete -c pmtop -n '__fish_seen_subcommand_from export' -l output -r -F
complete -c pmtop -n '__fish_seen_subcommand_from export' -l help
complete -c pmtop -n '__fish_seen_subcommand_from export' -F
complete -c pmtop -n '__fish_seen_subcommand_from swaps' -l pid -s p -x -a '(__fish_complete_pids)'
complete -c pmtop -n '__fish_seen_subcommand_from swaps' -l json
complete -c pmtop -n '__fish_seen_subcommand_from swaps' -l timeout -x
complete -c pmtop -n '__fish_seen_subcommand_from swaps' -l without -x
complete -c pmtop -n '__fish_seen_subcommand_from swaps' -l help
complete -c pmtop -n '__fish_seen_subcommand_from doctor' -l json
complete -c pmtop -n '__fish_seen_subcommand_from doctor' -l without -x
complete -c pmtop -n '__fish_seen_subcommand_from doctor' -l help
