# SPDX-License-Identifier: MIT
# The public headers document every name where it stands. One line for each lack:
#
#   FILE:LINE: NAME: lacks WHAT
#
# What has to be there, for names that do not end in an underscore:
#
#   everything    a /** comment directly before it, no empty line between: functions, types,
#                 macros that take arguments. For a member or an enumerator also one behind
#                 it, or the comment of its structure names it.
#   a function    in its comment,
#     parameters    @param for each, or in a comment without any @param its name;
#     result        unless void: @return, or "Returns"; of an int it has a DAL_ERR_ or "0";
#     NULL          what a pointer may be: the word in its @param;
#     units         of a size, count or alignment: bytes, elements, how many;
#     owner         of what it returns or hands out by a pointer: owned, the caller's, valid,
#                   lives, until;
#     threads       "Thread-safe", "any thread" or "thread at a time";
#     backends      "from inside a backend", with "not" where it is not;
#     source        in the headers of $sources: Rust, a C standard, POSIX, glibc, or a page (3).
#
# A comment that begins with "dal_other()", or has "as dal_other()", has all that the comment
# of that function has. A result that is "as dal_other()" tells no threads and backends, though:
# "As dal_other()" at the start of a sentence does, and "where dal_other() may be".
#
# Threads, backends, owner and source may be said once for a section (a comment that begins with
# four hyphens) or, but for the source, for the file (@file); so may NULL, by "Pointers are not
# NULL unless", and units, by "Sizes and alignments are in bytes".
set -eu
. "$srcdir/tests/lib.sh"

sources='layout.h unsized.h front.h'

cat >"$work/lacks.awk" <<'END_OF_AWK'
BEGIN {
    split(sources, list, " ")
    for (i in list)
        has_source[list[i]] = 1
}

function has_word(text, word)
{
    return (" " text " ") ~ ("[^A-Za-z0-9_]" word "[^A-Za-z0-9_]")
}

function lack(line, name, what)
{
    print FILENAME ":" line ": " name ": lacks " what
}

# ---- Comments ----------------------------------------------------------------------------

# The text of a comment without its frame.
function bare(text)
{
    sub(/^[ \t]*\/\*+<?/, "", text)
    sub(/\*\/.*$/, "", text)
    sub(/^[ \t]*\*/, "", text)
    gsub(/[ \t]+/, " ", text)
    return text
}

function end_comment()
{
    in_comment = 0
    gsub(/ +/, " ", comment)
    if (kind == "behind")
        behind(comment)
    else if (comment ~ /@file/)
        file_text = comment
    else if (kind == "plain" && comment ~ /^ *----/)
        section = comment
    else if (kind == "doc")
        doc = comment
}

# Takes comments out of a line; what is left is code.
function without_comments(line,    start)
{
    if (in_comment) {
        comment = comment " " bare(line)
        if (line !~ /\*\//)
            return ""
        end_comment()
        sub(/^.*\*\//, "", line)
    }
    while ((start = index(line, "/*")) > 0) {
        before_comment = substr(line, 1, start - 1)
        line = substr(line, start)
        kind = line ~ /^\/\*\*</ ? "behind" : line ~ /^\/\*\*/ ? "doc" : "plain"
        # What is behind a member is known once the member is.
        if (kind == "behind") {
            code(before_comment)
            before_comment = ""
        }
        comment = bare(line)
        if (line !~ /\*\//) {
            in_comment = 1
            return before_comment
        }
        end_comment()
        sub(/^\/\*([^*]|\*[^\/])*\*\//, "", line)
        line = before_comment line
    }
    return line
}

# ---- Code ---------------------------------------------------------------------------------

# A comment behind the last member, which may want its comma or brace yet.
function behind(text)
{
    if (statement ~ /[^ \t]/)
        doc = text
    else
        pending_member = ""
}

function flush_member()
{
    if (pending_member != "" && !has_word(structure_doc, pending_member))
        lack(pending_line, pending_member, "a comment")
    pending_member = ""
}

function member(name)
{
    flush_member()
    if (name != "" && name !~ /_$/ && doc == "") {
        pending_member = name
        pending_line = FNR
    }
    doc = ""
}

function name_of_member(text)
{
    if (match(text, /\( *\*[a-z_A-Z0-9]+ *\)/)) {
        text = substr(text, RSTART, RLENGTH)
        gsub(/[^a-zA-Z0-9_]/, "", text)
        return text
    }
    sub(/DAL_ATTRIBUTE.*$/, "", text)
    sub(/\[.*$/, "", text)
    sub(/[ \t]+$/, "", text)
    if (text !~ /[a-zA-Z0-9_] *\**[ *][a-zA-Z0-9_]+$/)
        return ""
    sub(/^.*[^a-zA-Z0-9_]/, "", text)
    return text
}

# The members of a structure, or the enumerators of an enumeration.
function inside(line,    part, end)
{
    statement = statement " " line
    while (!closing && match(statement, body == "enum" ? "[,}]" : "[;}]")) {
        part = substr(statement, 1, RSTART - 1)
        end = substr(statement, RSTART, 1)
        # A comma within parentheses, and a brace of an initializer, do not occur.
        statement = substr(statement, RSTART + 1)
        if (body == "enum") {
            sub(/=.*/, "", part)
            gsub(/[ \t]/, "", part)
            if (part ~ /^[A-Z][A-Z_0-9]*$/)
                member(part)
        } else if (part ~ /[^ \t]/)
            member(name_of_member(part))
        if (end == "}") {
            closing = 1
            body = ""
        }
    }
    if (closing && statement ~ /;/) {
        flush_member()
        closing = 0
        statement = ""
    }
}

function start_body(text)
{
    structure_name = text
    sub(/^.*(struct|enum) +/, "", structure_name)
    sub(/[^a-zA-Z0-9_].*/, "", structure_name)
    body = text ~ /enum/ ? "enum" : "struct"
    if (structure_name !~ /_$/ && doc == "")
        lack(FNR, structure_name, "a comment")
    structure_doc = doc
    doc = ""
}

# A declaration that is complete: a function, a type, or something else.
function declaration(text,    name, parameters)
{
    gsub(/[ \t]+/, " ", text)
    while (sub(/DAL_ATTRIBUTE_ ?\(\([^()]*(\([^()]*\)[^()]*)*\)\)/, "", text) ||
           sub(/DAL_ATTRIBUTE_DEALLOC_ ?\([^()]*\)/, "", text))
        ;
    if (text ~ /^ *typedef/) {
        if (match(text, /\( ?\*[a-z_0-9]+/)) {
            name = substr(text, RSTART, RLENGTH)
            gsub(/[^a-z_0-9]/, "", name)
            if (name !~ /_$/ && doc == "")
                lack(first_line, name, "a comment")
        }
    } else if (text ~ /DAL_API|static inline|DAL_INLINE_/ && match(text, /dal_[a-z_0-9]+ ?\(/)) {
        name = substr(text, RSTART, RLENGTH)
        parameters = substr(text, RSTART + RLENGTH)
        gsub(/[ (]/, "", name)
        sub(/\)[^)]*$/, "", parameters)
        if (name !~ /_$/ && text !~ /extern/)
            remember(name, substr(text, 1, RSTART - 1), parameters)
    }
    doc = ""
    statement = ""
}

function remember(name, type, parameters)
{
    functions++
    sub(/^.*(DAL_API|static inline|DAL_INLINE_)/, "", type)
    f_file[functions] = FILENAME
    f_base[functions] = base
    f_line[functions] = first_line
    f_name[functions] = name
    f_type[functions] = type
    f_parameters[functions] = parameters
    f_section[functions] = section
    doc_of[name] = doc
}

function count(text, letter,    copy)
{
    copy = text
    return gsub(letter, "", copy)
}

function code(line)
{
    if (line ~ /^[ \t]*$/)
        return
    if (body != "" || closing) {
        inside(line)
        return
    }
    if (depth > 0) {
        depth += count(line, "[{]") - count(line, "[}]")
        return
    }
    if (statement == "")
        first_line = FNR
    statement = statement " " line
    if (statement ~ /[{]/) {
        if (statement ~ /^ *(struct|enum) [a-z_0-9]+ *[{]/) {
            line = statement
            start_body(line)
            sub(/^[^{]*[{]/, "", line)
            statement = ""
            inside(line)
            return
        }
        depth = count(statement, "[{]") - count(statement, "[}]")
        line = statement
        sub(/[{].*/, "", line)
        declaration(line)
    } else if (statement ~ /;[ \t]*$/)
        declaration(statement)
    else if (statement ~ /^ *DAL_(BEGIN|END)_DECLS_/ || is_again(statement))
        statement = ""
}

# A function once more, for its attributes: what it is stands at its first declaration.
function is_again(text)
{
    return text ~ /^ *DAL_DECLARE_AGAIN_/ && count(text, "[(]") == count(text, "[)]")
}

# A macro that takes arguments; it may be defined once for each language, or stand before a
# function of its name.
function directive(line,    name)
{
    if (match(line, /^[ \t]*#[ \t]*define[ \t]+[A-Za-z_0-9]+\(/)) {
        name = substr(line, RSTART, RLENGTH - 1)
        sub(/^.*define[ \t]+/, "", name)
        if (name !~ /_$/ && doc == "" && !(name in macro) && !(name in doc_of))
            lack(FNR, name, "a comment")
        macro[name] = 1
    }
    if (line ~ /define/)
        doc = ""
}

FNR == 1 {
    base = FILENAME
    sub(/.*\//, "", base)
    doc = section = file_text = statement = body = ""
    in_comment = closing = depth = in_directive = 0
    files++
}
in_directive { in_directive = /\\$/; next }
!in_comment && /^[ \t]*#/ { directive($0); in_directive = /\\$/; next }
!in_comment && /^[ \t]*$/ {
    flush_member()
    doc = ""
    next
}
{
    code(without_comments($0))
    if (!in_comment && body == "")
        flush_member()
    file_of[FILENAME] = file_text
}

# ---- What the comment of a function says ---------------------------------------------------

# With what it has from others: all that they say, or where_called, the threads and backends.
# A result that is "as dal_other()" does not tell those.
function whole(name, steps, where_called,    text, rest, other)
{
    text = doc_of[name]
    if (steps == 0)
        return text
    rest = text
    if (match(rest, /^ *dal_[a-z_0-9]+\(\)/) ||
        (where_called && match(rest, /(As|where) dal_[a-z_0-9]+\(\)/)) ||
        (!where_called && match(rest, /(^|[^a-zA-Z])[Aa]s (for )?dal_[a-z_0-9]+\(\)/))) {
        other = substr(rest, RSTART, RLENGTH)
        sub(/\(\).*$/, "", other)
        sub(/^.*[^a-z_0-9]/, "", other)
        if (other != name && (other in doc_of))
            text = text " " whole(other, steps - 1, where_called)
    }
    return text
}

# What is said of a parameter: all of its @param, or else the whole comment.
function of_parameter(text, name,    said, rest)
{
    rest = text
    said = ""
    while (match(rest, "@param " name "[^A-Za-z0-9_]")) {
        rest = substr(rest, RSTART + RLENGTH)
        said = said " " (match(rest, /@(param|return)/) ? substr(rest, 1, RSTART - 1) : rest)
    }
    return said != "" ? said : text
}

function report(what)
{
    print f_file[at] ":" f_line[at] ": " f_name[at] ": lacks " what
}

function check_parameter(type, name, text, around,    said)
{
    if (text !~ ("@param " name "[^A-Za-z0-9_]") && !has_word(text, name)) {
        report("parameter " name)
        return
    }
    said = of_parameter(text, name)
    if (type ~ /\*|_visitor|_hook/ && said !~ /NULL/ && around !~ /Pointers are not NULL unless/)
        report("whether " name " may be NULL")
    if (name ~ /(^|_)(size|align|count|bytes)$/ &&
        said !~ /byte|element|object|how many|alignment|items/ &&
        around !~ /Sizes and alignments are in bytes/)
        report("the unit of " name)
}

function check(at_,    text, around, where, list, n, i, type, name, result)
{
    at = at_
    if (doc_of[f_name[at]] == "") {
        report("a comment")
        return
    }
    text = whole(f_name[at], 3, 0)
    around = f_section[at] " " file_of[f_file[at]]
    n = split(f_parameters[at], list, ",")
    for (i = 1; i <= n; i++) {
        type = list[i]
        if (type ~ /^ *void *$/ || type ~ /\.\.\./)
            continue
        name = type
        gsub(/[ \t]+$/, "", name)
        sub(/^.*[^a-z_A-Z0-9]/, "", name)
        check_parameter(type, name, text, around)
    }
    type = f_type[at]
    if (type !~ /^ *void *$/ && text !~ /@return|Returns/)
        report("its result")
    result = text
    sub(/^.*(@return|Returns)/, "", result)
    if (type ~ /^ *int *$/ && text ~ /@return|Returns/ && result !~ /DAL_ERR_|(^|[^0-9])0([^0-9]|$)/)
        report("its errors")
    if ((type ~ /\*/ || f_parameters[at] ~ /\* ?\*/) &&
        (text " " around) !~ /[Oo]wned|caller's|valid|live|until/)
        report("the owner of what it returns")
    where = whole(f_name[at], 3, 1) " " around
    if (where !~ /Thread-safe|any thread|thread at a time|threads at once/)
        report("threads")
    if (where !~ /from inside a backend/)
        report("whether it may be called from inside a backend")
    if ((f_base[at] in has_source) && (text " " f_section[at]) !~ /Rust|C11|C23|POSIX|glibc|\(3\)/)
        report("its source")
}

END {
    for (i = 1; i <= functions; i++)
        check(i)
    printf "%d files, %d functions\n", files, functions >counts
}
END_OF_AWK

awk -v sources="$sources" -v counts="$work/counts" -f "$work/lacks.awk" \
    "$srcdir"/include/dispatchalloc/*.h "$srcdir"/include/dispatchalloc/*/*.h |
    $SED "s|^$srcdir/||" | sort -t : -k 1,1 -k 2,2n | uniq >"$work/lacks"
cat "$work/lacks" "$work/counts"

at_least 60 "$(awk '{ print $3 }' "$work/counts")" "functions"
[ ! -s "$work/lacks" ] || fail "comments lack something (above)"
finish
