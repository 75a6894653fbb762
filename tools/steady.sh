# Sourced first by what runs under a sanitizer: clang 14's do not know the wider address layouts of newer systems
# (vm.mmap_rnd_bits=32), so the script begins again with a fixed one, where the system allows it.
if [ -z "${ROPEWALK_STEADY:-}" ] && setarch -R true 2>/dev/null; then ROPEWALK_STEADY=1 exec setarch -R "$0" "$@"; fi
