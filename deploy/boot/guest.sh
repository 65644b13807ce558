# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# One guest in QEMU between two network namespaces, for test-boot. Sets nothing up by itself.
#   clients 198.51.100.2 --- 198.51.100.1 edge, guest, inner 192.0.2.1 --- 192.0.2.2 servers
# The guest's third NIC is QEMU's own user network: SSH from this host to 127.0.0.1, and nothing else.

clients=cvb-$$-clients
servers=cvb-$$-servers
edge_slot=0000:01:00.0
inner_slot=0000:02:00.0
ssh_port=$((20000 + $$ % 10000))
qemu=

in_clients() { ip netns exec "$clients" "$@"; }
in_servers() { ip netns exec "$servers" "$@"; }

# fail WHAT: ends the case, not the run.
fail() {
    echo "    $*"
    return 1
}

# until_holds SECONDS COMMAND...: tries it twice a second, to its success or the deadline.
until_holds() {
    local deadline=$((SECONDS + $1)) guest_limit=$(($1 < 60 ? 60 : $1))
    shift
    until "$@" > /dev/null 2>&1; do
        ((SECONDS < deadline)) || fail "in vain, to the deadline: $*" || return 1
        sleep 0.5
    done
}

# Runs a command in the guest; one connection carries them all.
guest() {
    timeout "$guest_limit" ssh -q -i "$directory/id" -p $ssh_port -o ControlMaster=auto -o ControlPersist=600 \
        -o ControlPath="$directory/ssh-%p" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
        -o ConnectTimeout=60 -o ServerAliveInterval=60 root@127.0.0.1 "$@" < "${GUEST_INPUT:-/dev/null}"
}

# Says a line to QEMU's monitor, which answers with an error or not at all.
monitor() {
    local answer
    answer=$(timeout 60 socat -t 10 - "UNIX-CONNECT:$directory/monitor" <<< "$1") ||
        fail "no monitor for: $1" || return 1
    echo "$answer" >> "$log"
    [[ $answer != *Error* ]] || fail "QEMU refuses: $1"
}

# The NIC of a kind in a slot: nic KIND edge|inner.
nic() {
    local name=$2 mac=52:54:00:12:01:01
    [[ $name == edge ]] || mac=52:54:00:12:01:02
    case $1 in
        virtio) echo "virtio-net-pci,disable-legacy=on,iommu_platform=on,mq=on,rss=on,hash=on,vectors=10,netdev=$name-net,bus=$name-port,id=$name,mac=$mac" ;;
        *) echo "$1,netdev=$name-net,bus=$name-port,id=$name,mac=$mac" ;;
    esac
}

# start_guest KIND QUEUES [--no-iommu]: boots the image in $directory, both NICs of that kind, and waits for SSH. As many
# processors as queues, all of them emulated by one thread.
start_guest() {
    local iommu=(-device "intel-iommu,intremap=on,caching-mode=on") name net
    [[ ${3:-} != --no-iommu ]] || iommu=()
    rm -f "$directory/monitor"
    # no_timer_check: on a busy host the guest's kernel sees no tick in time and panics ("timer doesn't work").
    # One emulating thread: four of them on two cores take ten times as long. KVM is not used: not every CI has it.
    nice -n "${BOOT_NICE:-10}" taskset -c "${BOOT_CPU:-0}" qemu-system-x86_64 -accel tcg,thread=single \
        -machine q35,kernel-irqchip=split -cpu max -smp "$2" -m 4096 -display none -nodefaults "${iommu[@]}" \
        -kernel "$directory/vmlinuz" -initrd "$directory/initrd.img" -append "root=/dev/vda rw console=ttyS0 quiet \
            intel_iommu=on iommu=pt tsc=reliable clocksource=tsc no_timer_check mitigations=off transparent_hugepage=never hugepages=${HUGEPAGES:-400}" \
        -drive "file=$directory/disk.img,if=virtio,format=raw,cache=unsafe" -device virtio-rng-pci \
        -serial "file:$directory/console.log" -monitor "unix:$directory/monitor,server,nowait" \
        -netdev "user,id=management,restrict=on,hostfwd=tcp:127.0.0.1:$ssh_port-:22" \
        -device virtio-net-pci,netdev=management,mac=52:54:00:12:00:01 \
        -device pcie-root-port,id=edge-port,bus=pcie.0,chassis=1,addr=0x5 \
        -device pcie-root-port,id=inner-port,bus=pcie.0,chassis=2,addr=0x6 \
        -netdev "tap,id=edge-net,ifname=cvb$$e,script=no,downscript=no,queues=$2" \
        -netdev "tap,id=inner-net,ifname=cvb$$i,script=no,downscript=no,queues=$2" \
        -device "$(nic "$1" edge)" -device "$(nic "$1" inner)" >> "$log" 2>&1 < /dev/null &
    qemu=$!
    until_holds 30 ip link show "cvb$$i" || return 1
    plug "cvb$$e" "$clients" 198.51.100.2 2001:db8:198::2
    plug "cvb$$i" "$servers" 192.0.2.2 2001:db8:192::2
    until_holds "$boot_limit" guest true || return 1
}

# plug TAP NAMESPACE IPV4 IPV6: a cable from the guest's NIC to a host.
plug() {
    ip link set "$1" netns "$2"
    ip -n "$2" link set "$1" mtu 9000
    # The tap holds what comes while the guest does not poll, for seconds at a time.
    ip -n "$2" link set "$1" txqueuelen 5000
    ip netns exec "$2" ethtool -K "$1" tx off gro off gso off > /dev/null 2>&1 || true
    ip -n "$2" link set "$1" up
    ip -n "$2" addr add "$3/24" dev "$1"
    ip -n "$2" addr add "$4/64" dev "$1" nodad
}

open_networks() {
    ip netns add "$clients"
    ip netns add "$servers"
    ip -n "$clients" link set lo up
    ip -n "$servers" link set lo up
}

# Ends the connection that carries the guest's commands.
leave_guest() { ssh -q -O exit -o ControlPath="$directory/ssh-%p" -p $ssh_port root@127.0.0.1 2> /dev/null || true; }

is_gone() { ! kill -0 "$1"; }

# Another machine with the same disk: restart_guest KIND QUEUES [--no-iommu], as start_guest.
restart_guest() {
    guest "systemctl poweroff" || true
    leave_guest
    until_holds 600 is_gone "$qemu" || return 1
    wait "$qemu" || true
    start_guest "$@"
}

stop_guest() {
    [[ $qemu ]] || return 0
    leave_guest
    kill "$qemu" 2> /dev/null || true
    wait "$qemu" 2> /dev/null || true
    qemu=
}

close_all() {
    stop_guest
    local job
    for job in $(jobs -p); do kill "$job" 2> /dev/null || true; done
    ip netns del "$clients" 2> /dev/null || true
    ip netns del "$servers" 2> /dev/null || true
}
