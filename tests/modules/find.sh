# SPDX-License-Identifier: MIT
# $modules, those that this build has, and where they are, in DISPATCHALLOC_MODULE_PATH. Source it.
# A file that others could write to is refused, and so is what lies in such a directory.
umask 022
modules='' DISPATCHALLOC_MODULE_PATH=''
for module in jemalloc mimalloc tcmalloc tbb; do
    [ -e "$builddir/backends/$module/.libs/$module.so" ] || {
        echo "there is no module $module in this build"
        continue
    }
    modules="$modules $module"
    place=$(cd "$builddir/backends/$module/.libs" && pwd -P)
    DISPATCHALLOC_MODULE_PATH=$DISPATCHALLOC_MODULE_PATH${DISPATCHALLOC_MODULE_PATH:+:}$place
done
export DISPATCHALLOC_MODULE_PATH
