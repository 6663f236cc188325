# SPDX-License-Identifier: MIT
# git: a repository with history, branches and a merge, packed by threads, cloned and checked.
. "$srcdir/tests/programs/lib.sh"
need git
GIT_CONFIG_NOSYSTEM=1 HOME=$PWD GIT_PAGER=cat
GIT_AUTHOR_NAME=Author GIT_AUTHOR_EMAIL=author@example.org GIT_AUTHOR_DATE='1700000000 +0000'
GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
export GIT_CONFIG_NOSYSTEM HOME GIT_PAGER GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_AUTHOR_DATE \
    GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL GIT_COMMITTER_DATE
run git init -q -b main one
cd one
run git config gc.autoDetach false
run git config pack.threads 2
cp -R "$srcdir/lib" "$srcdir/include" .
run git add -A
run git commit -q -m 'All of it'
for commit in $(seq "$(amount 2 40)"); do
    for file in lib/*/*.c; do
        sed "s/dal_\\(.\\)/dal_${commit}_\\1/$((commit % 3 + 1))" "$file" >changed
        mv changed "$file"
    done
    run git commit -q -a -m "Change $commit"
done
run git checkout -q -b side HEAD~2
run git mv lib/base/text.c lib/base/words.c
run git commit -q -m 'Move a file'
run git checkout -q main
run git merge -q -s ort -m 'Merge' side
run git repack -q -a -d -f --depth=50 --window="$(amount 10 100)"
run git fsck --strict
run git log --stat -M -p | sum
run git blame -M HEAD~1 -- lib/spec/spec.c | sum
run git grep -c 'dal_' HEAD | sum
run git rev-list --objects --all | sort | sum
cd ..
run git clone -q --no-local one two
cd two
run git gc -q --aggressive --prune=now
run git rev-parse HEAD
run git status --porcelain
run git archive HEAD | sum
