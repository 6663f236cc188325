# SPDX-License-Identifier: MIT
# Completion of the dispatchalloc command, for fish. The command itself knows what may come.

function __dispatchalloc_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l found (dispatchalloc --complete $words[2..-1] "$current" 2>/dev/null)
    switch "$found[1]"
        case @program
            complete -C "$current"
        case @file
            __fish_complete_path "$current"
        case @process
            __fish_complete_pids
        case '*'
            string join \n -- $found
    end
end
complete -c dispatchalloc -f -a '(__dispatchalloc_complete)'
