# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# The experiment of three hosts, for test-boot --experiment: clients, the guest, servers that echo. The guest is Culvert
# on vfio and the iptables script on the kernel's driver in turn, on the same NICs with the same two queues. Everything
# is emulated, on one thread that also emulates the NICs: the ratio of the two says something, their figures do not.

experiment_rates=(500 2000 8000)
experiment_seconds=20

be_culvert() {
    prepare_host && configure 2 && start_relay
}

# What the operators' script does, with forwarding of nothing else.
be_iptables() {
    write_guest /root/iptables.sh << END
set -e
systemctl stop culvert
sysctl -q net.ipv4.ip_forward=1
port() {
    driverctl unset-override \$1
    until interface=\$(ls /sys/bus/pci/devices/\$1/virtio*/net 2> /dev/null); do sleep 0.2; done
    ethtool -L \$interface combined 2
    ip addr replace \$2 dev \$interface
    ip link set \$interface up
}
port $edge_slot 198.51.100.1/24
port $inner_slot 192.0.2.1/24
iptables -t nat -F
iptables -t nat -A PREROUTING -d 198.51.100.1 -p udp --dport 7890 -j DNAT --to-destination 192.0.2.2:7890
iptables -t nat -A POSTROUTING -d 192.0.2.2 -p udp --dport 7890 -j SNAT --to-source 192.0.2.1
END
    guest "timeout $guest_limit sh /root/iptables.sh"
}

# busy_ticks: of the guest's processors, in hundredths of a second: "busy all".
busy_ticks() { guest "awk '/^cpu / { print \$2 + \$3 + \$4 + \$7 + \$8, \$2 + \$3 + \$4 + \$5 + \$6 + \$7 + \$8 }' /proc/stat"; }

# measure BOX ROUND RATE: a line of the table.
measure() {
    local before after
    begin_traffic $experiment_seconds 50 200 "$3" && before=$(busy_ticks) || return 1
    wait "$client" || fail "the client ended with $?" || return 1
    after=$(busy_ticks)
    kill -TERM "$server" && wait "$server"
    # shellcheck disable=SC2086
    printf '%-9s %5d %12d %12.0f %12.0f %9.1f %8.0f %%\n' "$1" "$2" "$3" \
        "$(reported sent | awk -v s=$experiment_seconds '{ print $1 / s }')" \
        "$(reported received | awk -v s=$experiment_seconds '{ print $1 / s }')" \
        "$(sed 's/.*"p50":\([0-9.]*\).*/\1/' "$directory/client.json" | awk '{ print $1 / 1000 }')" \
        "$(echo $before $after | awk '{ print 100 * ($3 - $1) / ($4 - $2) }')" | tee -a "$directory/experiment.txt"
}

# experiment ROUNDS: both boxes in turn, each warmed by what it then carries.
experiment() {
    local round box rate
    printf '%-9s %5s %12s %12s %12s %9s %10s\n' box round asked/s sent/s answered/s 'RTT (ms)' 'guest CPU' |
        tee "$directory/experiment.txt"
    for ((round = 1; round <= $1; round++)); do
        for box in culvert iptables; do
            "be_$box" >> "$log" 2>&1 || fail "the guest does not become $box" || return 1
            traffic 60 50 200 500 >> "$log" 2>&1 || return 1
            for rate in "${experiment_rates[@]}"; do measure "$box" "$round" "$rate" || return 1; done
        done
    done
}
