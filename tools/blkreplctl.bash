# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for blkreplctl

# __blkreplctl_names NOUN COLUMN: what the daemon knows
__blkreplctl_names() {
	blkreplctl "$1" list --no-legend --no-pager 2>/dev/null | awk -v c="$2" '{ print $c }'
}

_blkreplctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} last=$((COMP_CWORD - 1))
	local -A verbs=(
		[relationship]='create list show operations set wait activate deactivate suspend resume detach
			abort activate-consistency deactivate-consistency dissolve failover failback fracture
			resync-replica restore-from-replica reset-to-sync reset-to-async
			return-to-resource-pool reverse-roles split unprepare'
		[group]='list show start stop resize delete'
		[volume]='list show'
		[pool]='list show'
		[peer]='list show'
		[job]='list show wait cancel'
	)
	local alone='status monitor wait'
	local options='-h --help --version -H --host= --json= -j --no-legend --no-pager --no-ask-password -q --quiet
		-v --show-call --no-block --timeout= -f --force --revision= --now --remove-volumes'
	local create='--source= --member-name= --target-pool= --target= --source-group= --target-group=
		--source-log= --target-log= --mode= --rpo= --seeded --inactive --set='
	local settings='rate-limit= yield-rate= leg-timeout= recovery-mode= failed-copy-stops-host-io=
		heartbeat='
	local states='initialized unsynchronized synchronized broken inactive suspended prepared aborted'
	local noun='' verb='' name='' word choice='' i

	# Bash takes "--mode=sync" for three words.
	if [ "$cur" = = ]; then
		cur=''
	elif [ "$prev" = = ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
		last=$((COMP_CWORD - 2))
	fi

	for ((i = 1; i <= last; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-H | --host | --json | --timeout | --revision | --source | --member-name | --target-pool | \
			--target | --source-group | --target-group | --source-log | --target-log | --mode | \
			--rpo | --set)
			((i++))
			[ "${COMP_WORDS[i]}" != = ] || ((i++))
			;;
		-* | =) ;;
		*)
			if [ -z "$noun" ]; then
				noun=$word
			elif [ -z "$verb" ] && [ -n "${verbs[$noun]}" ]; then
				verb=$word
			else
				name=$word
			fi
			;;
		esac
	done

	case $prev in
	--json) choice='pretty short off' ;;
	--mode) choice='sync auto' ;;
	--set) choice=$settings ;;
	--target-pool) choice=$(__blkreplctl_names pool 1) ;;
	--source | --target) choice=$(__blkreplctl_names volume 1) ;;
	--source-group | --target-group) choice=$(__blkreplctl_names group 1) ;;
	recovery-mode) choice='automatic manual' ;;
	failed-copy-stops-host-io) choice='yes no' ;;
	--source-log | --target-log)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	-H | --host)
		mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur")
		return
		;;
	--timeout | --revision | --member-name | --rpo | rate-limit | yield-rate | leg-timeout | heartbeat) return ;;
	esac

	if [ -z "$choice" ]; then
		if [[ $cur == -* ]]; then
			choice=$options
			[ "$verb" != create ] || choice+=" $create"
		elif [ -z "$noun" ]; then
			choice="${!verbs[*]} $alone"
		elif [ "$noun" = status ]; then
			choice=$(__blkreplctl_names relationship 1)
		elif [ "$noun" = wait ] || [ "$noun $verb" = "relationship wait" ]; then
			choice=$states
			[ -n "$name" ] || [ "$prev" != wait ] || choice=$(__blkreplctl_names relationship 1)
		elif [ -z "$verb" ]; then
			choice=${verbs[$noun]}
		elif [ "$verb" = set ] && [ -n "$name" ]; then
			choice=$settings
		elif [ "$verb" != create ] && [ "$verb" != list ]; then
			choice=$(__blkreplctl_names "$noun" 1)
		fi
	fi

	mapfile -t COMPREPLY < <(compgen -W "$choice" -- "$cur")
	[[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace
}

complete -F _blkreplctl blkreplctl
