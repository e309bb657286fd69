#!/bin/sh
# Stands for git in the build of a project that asks git for its version: what is compiled has no repository. Answers
# what the source says of itself; hands everything else to git.
#   state: STATE
tree='TREE' copy='COPY' build='BUILD' commit='COMMIT' description='DESCRIPTION'

real() {
    PATH=$(printf '%s' "$PATH" | awk -v own="$own" 'BEGIN { RS = ":"; ORS = "" } $0 != own { print sep $0; sep = ":" }')
    exec git "$@"
}
own=$(cd "$(dirname "$0")" && pwd)

# What is asked, and where.
asked='' at=$PWD skip=''
for word; do
    if [ "$skip" = directory ]; then
        case $word in /*) at=$word ;; *) at=$at/$word ;; esac
        skip=''
    elif [ -n "$skip" ]; then
        skip=''
    else
        case $word in
            -C) skip=directory ;;
            -c | --git-dir | --work-tree | --namespace) skip=value ;;
            -*) ;;
            *)
                asked=$word
                break
                ;;
        esac
    fi
done
at=$(cd "$at" 2>/dev/null && pwd) || real "$@"
case $at/ in
    "$copy"/*) ;;
    # Where people build, it lies in the checkout.
    "$build"/*) at=$copy ;;
    *) real "$@" ;;
esac

case $asked in describe | rev-parse | log | show | rev-list | name-rev | status | diff | diff-index) ;; *) real "$@" ;; esac
for word; do
    # Paths of the repository are of no use to a build: it is somewhere else.
    case $word in --show-toplevel | --git-dir | --absolute-git-dir | --git-dir=* | --work-tree=*) real "$@" ;; esac
done

if [ -n "$tree" ]; then
    # The user's own checkout, which is only read.
    cd "$tree${at#"$copy"}" 2>/dev/null || real "$@"
    export GIT_OPTIONAL_LOCKS=0 GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
    # The directory is the one that it runs in.
    while [ "$1" != "$asked" ]; do
        case $1 in -C) shift 2 ;; -c) shift 2 ;; *) shift ;; esac
    done
    real "$@"
fi

short=7 long='' exact='' tag_alone='' always='' format=''
for word; do
    case $word in
        --short=* | --abbrev=*)
            short=${word#*=}
            if [ "$short" = 0 ]; then tag_alone=yes short=7; fi
            ;;
        --short) format=%h ;;
        --long) long=yes ;;
        --exact-match) exact=yes ;;
        --always) always=yes ;;
        --format=* | --pretty=*) format=${word#*=} ;;
    esac
    case $word in --short=*) format=%h ;; esac
done
few=$(printf '%s' "$commit" | cut -c "1-$short")
case $asked in
    describe)
        tag=${description%-*-g*}
        distance=${description#"$tag"-}
        distance=${distance%-g*}
        if [ -z "$description" ]; then
            if [ -n "$always" ]; then echo "$few"; else echo 'fatal: No names found' >&2; exit 128; fi
        elif [ "$distance" = 0 ] && [ -z "$long" ]; then
            echo "$tag"
        elif [ -n "$exact" ] && [ "$distance" != 0 ]; then
            echo 'fatal: no tag exactly matches' >&2
            exit 128
        elif [ -n "$tag_alone" ]; then
            echo "$tag"
        else
            echo "$tag-$distance-g$few"
        fi
        ;;
    rev-parse | log | show)
        case ${format#format:} in
            '') if [ "$asked" = rev-parse ]; then echo "$commit"; else real "$@"; fi ;;
            %h) echo "$few" ;;
            %H) echo "$commit" ;;
            *) real "$@" ;;
        esac
        ;;
    *) real "$@" ;;
esac
