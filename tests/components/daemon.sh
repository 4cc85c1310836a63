# What scripts of this folder share that start one small program: sourced by `mosquitto`, `influxdb` and `victoria-metrics`, which say what
# `name` is, and what `install`, `prepare`, `command_line` and `answers` do.
#
# A program's whole state lives in the folder `dir`: `ports`, `pid`, `log`, `env` and what it writes itself.

cache=${HEADWATER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/headwater}
start_limit=30
stop_limit=20

say() { echo "$name: $*" >&2; }
die() { say "$*"; exit 1; }

usage() {
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0" >&2
    exit 2
}

# Installs Debian packages; only reached when a program is really missing.
apt_install() {
    command -v apt-get >/dev/null || die "missing: $* (install them by hand, this system has no apt-get)"
    local root=() log
    [ "$(id -u)" = 0 ] || root=(sudo)
    log=$(mktemp)
    # Packages of servers start them where there is an init system, but not in the runlevel of repairs.
    if ! {
        "${root[@]}" apt-get update -qq &&
            "${root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "$@"
    } >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        die "could not install $*"
    fi
    rm -f "$log"
}

# Prints $1 different ports nobody listens on, below the range from which systems take ports for outgoing connections.
free_ports() {
    local want=$1 port chosen=" "
    while [ "$want" -gt 0 ]; do
        port=$((20000 + RANDOM % 12000))
        [[ $chosen != *" $port "* ]] || continue
        if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then continue; fi
        chosen+="$port "
        want=$((want - 1))
    done
    echo "$chosen"
}

# A private authority and a certificate of `localhost` in DIR/tls: ca.pem, server.pem, server.key. The authority's key is thrown away.
make_certificates() {
    [ ! -e "$dir/tls" ] || return 0
    local work=$dir/tls.partial
    rm -rf "$work"
    mkdir -p "$work"
    {
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
            -subj "/CN=Headwater test authority" -keyout "$work/ca.key" -out "$work/ca.pem"
        openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
            -subj "/CN=localhost" -keyout "$work/server.key" -out "$work/server.csr"
        openssl x509 -req -days 3650 -in "$work/server.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial \
            -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1
extendedKeyUsage=serverAuth") -out "$work/server.pem"
    } 2>"$work/openssl.log" || {
        cat "$work/openssl.log" >&2
        die "could not make certificates"
    }
    rm "$work/ca.key"
    mv "$work" "$dir/tls"
}

# Prints the pid when DIR's program runs. A pid alone proves nothing: the command line must name our folder.
running() {
    local pid command
    pid=$(cat "$dir/pid" 2>/dev/null) && [ -n "$pid" ] || return 1
    if [ -d /proc/self ]; then
        command=$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") || return 1
    else
        command=$(ps -p "$pid" -o command= 2>/dev/null) || return 1
    fi
    case $command in
        *"$dir/"*) echo "$pid" ;;
        *) return 1 ;;
    esac
}

wait_gone() {
    local end=$((SECONDS + $1))
    while running >/dev/null; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

# start_with COUNT: starts the program with so many ports of its own.
start_with() {
    mkdir -p "$dir"
    if running >/dev/null; then
        say "already running in $dir"
        return 0
    fi
    [ -e "$dir/ports" ] || free_ports "$1" >"$dir/ports"
    read -r -a ports <"$dir/ports"
    prepare
    local detach=()
    ! command -v setsid >/dev/null || detach=(setsid)
    command_line
    "${detach[@]}" "${command[@]}" </dev/null >>"$dir/log" 2>&1 9>&- &
    local pid=$! end=$((SECONDS + start_limit))
    disown
    echo "$pid" >"$dir/pid"
    until answers; do
        if ! kill -0 "$pid" 2>/dev/null || [ $SECONDS -ge $end ]; then
            tail -n 40 "$dir/log" >&2
            kill -9 "$pid" 2>/dev/null || true
            rm -f "$dir/pid"
            die "it did not come up in $dir"
        fi
        sleep 0.1
    done
}

# Ends DIR's program with the signal $1 and, if it does not obey, with kill -9.
end_with() {
    local pid
    if pid=$(running); then
        kill "-$1" "$pid" 2>/dev/null || true
        if ! wait_gone "$stop_limit"; then
            kill -9 "$pid" 2>/dev/null || true
            wait_gone 10 || die "process $pid does not go away"
        fi
    fi
    rm -f "$dir/pid"
}

# main COUNT ARGUMENTS: the sub-commands, of a program with so many ports.
main() {
    local count=$1
    shift
    [ $# -lt 2 ] || dir=$(realpath -m "$2" 2>/dev/null || echo "$PWD/$2")
    case "${1:-} $#" in
        "install 1") install ;;
        "start 2") start_with "$count" ;;
        "stop 2") end_with TERM ;;
        "kill 2") end_with KILL ;;
        *) usage ;;
    esac
}
