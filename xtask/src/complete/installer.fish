# fish completion for installer, printed by `installer completions fish`
function __installer_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l program (string replace --regex '^~' "$HOME" -- $words[1])
    command --query $program; or return
    set -l found ($program __complete fish -- $words "$current" 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else if string match --quiet '*=*' -- "$current"
        # A path after `--flag=` or `NAME=`.
        set -l parts (string split --max 1 = -- "$current")
        printf '%s\n' "$parts[1]="(__fish_complete_path "$parts[2]")
    else
        __fish_complete_path "$current"
    end
end
complete --command installer --no-files --keep-order --arguments '(__installer_complete)'
