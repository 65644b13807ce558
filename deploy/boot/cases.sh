# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# The cases of test-boot, in the order they run in. From the_service_relays on each begins with a relay that runs, which
# test-boot sees to; what a case changes of the guest it puts back, also when it fails.

config=/etc/culvert/culvert.yaml
client_address=198.51.100.2
listener=198.51.100.1:7890
listener6=2001:db8:198::1
# The package's own program, which nobody builds anew while a guest is being tested.
lab=$root/deploy/target/package/usr/lib/culvert/culvert

# write_guest FILE: the standard input becomes that file in the guest.
write_guest() {
    cat > "$directory/to-guest"
    GUEST_INPUT=$directory/to-guest guest "cat > $1"
}

# configure WORKERS [MTU]: a rule of each family on the two ports.
configure() {
    local cores mtu=${2:-1500}
    # A single worker leaves the first processor to everything else.
    if [[ $1 == 1 ]]; then cores="[1]"; else cores="[$(seq -s ', ' 0 $(($1 - 1)))]"; fi
    write_guest $config << END
instance: boot
ports:
  edge: { device: "$edge_slot", mtu: $mtu, address: [198.51.100.1/24, "2001:db8:198::1/64"] }
  inner: { device: "$inner_slot", mtu: $mtu, address: [192.0.2.1/24, "2001:db8:192::1/64"] }
workers: { cores: $cores }
memory: { huge: true }
limits: { flows: 16384 }
rules:
  - { name: media, listen: "$listener/udp", target: "192.0.2.2:7890", snat: { address: 192.0.2.1 } }
  - { name: media6, listen: "[$listener6]:7890/udp", target: "[2001:db8:192::2]:7890", snat: { address: "2001:db8:192::1" } }
metrics: { listen: 127.0.0.1:9470 }
END
}

page() {
    guest "exec 3<>/dev/tcp/127.0.0.1/9470 && printf 'GET $1 HTTP/1.0\r\n\r\n' >&3 && cat <&3"
}

is_ready() { page /readyz | grep -q '^ready'; }
says() { page "$1" | grep -q "$2"; }

# counter SERIES: its sum over all labels. Asks again while the page is empty or cut off, as a relay's that is busy
# compiling may be.
counter() {
    local metrics try
    for try in 1 2 3 4 5 6; do
        metrics=$(page /metrics)
        awk -v series="$1" '$1 ~ "^" series "([{]|$)" { sum += $NF; found = 1 }
            END { if (found) print sum + 0; exit !found }' <<< "$metrics" && return 0
        echo "try $try: no $1 among $(wc -l <<< "$metrics") lines" >> "$log"
    done
    return 1
}

journal() { guest "journalctl -u culvert -b -o cat -n ${1:-40} --no-pager"; }

start_relay() {
    guest "systemctl start culvert" || { journal && fail "the service did not start" || return 1; }
    until_holds 600 is_ready
}

# The relay as the cases have it, in a guest where nothing is prepared or a case has failed.
relay_from_nothing() {
    monitor cont && monitor "set_link edge on" || return 1
    guest "test -e /sys/bus/pci/devices/$edge_slot" || monitor "device_add $(nic virtio edge)" || return 1
    guest "test -e /sys/bus/pci/devices/$inner_slot" || monitor "device_add $(nic virtio inner)" || return 1
    prepare_host && configure 2 && guest "systemctl stop culvert" && start_relay
}

# prepare_host [PAGES [OWNER]]: what host.conf asks for, and that it is done.
prepare_host() {
    printf 'page-size 2M\npages %s\nowner %s\ndevice %s\ndevice %s\n' \
        "${1:-300}" "${2:-culvert}" "$edge_slot" "$inner_slot" |
        write_guest /etc/culvert/host.conf
    guest "culvert-host-prepare --config /etc/culvert/host.conf"
}

# begin_traffic SECONDS FLOWS [PAYLOAD [RATE]]: echoed datagrams, RATE a second of all flows together or one a second of
# each, for so long or until the client is told to end. An emulated relay takes 15 ms and more for a packet while its
# methods are interpreted, and does not poll for seconds at a time.
# The programs themselves are the jobs: of a function in the background only the shell around it would hear a signal.
begin_traffic() {
    rm -f "$directory"/{client.json,client.txt,flows.txt}
    ip netns exec "$servers" "$lab" lab echo --workers 1 --flows "$directory/flows.txt" >> "$log" 2>&1 &
    server=$!
    until_holds 300 in_servers grep -q ":1ED2 " /proc/self/net/udp || { kill "$server"; return 1; }
    ip netns exec "$clients" "$lab" lab client --target $listener --bind $client_address --flows "$2" \
        --rate "${4:-$2}" --seconds "$1" --payload "${3:-200}" --linger 60000 --json \
        > "$directory/client.json" 2> "$directory/client.txt" &
    client=$!
}

# end_traffic FLOWS: waits for the client, then ends the server. Leaves the client's report in client.json and in
# flows.txt the endpoints that the server saw: run, flow, endpoint, and the monotonic ns it was first and last seen.
end_traffic() {
    local status=0 arrived
    wait "$client" || fail "the client ended with $?" || status=1
    kill -TERM "$server" || fail "the server was gone" || status=1
    wait "$server" || fail "the server ended with $?" || status=1
    tail -n 3 "$directory/client.txt"
    cat "$directory/client.json"
    arrived=$(awk '{ print $1, $2 }' "$directory/flows.txt" | sort -u | wc -l)
    ((arrived == $1)) || fail "the server saw $arrived flows of $1" || status=1
    return $status
}

traffic() { begin_traffic "$@" && end_traffic "$2"; }

reported() { sed "s/.*\"$1\":\([0-9]*\).*/\1/" "$directory/client.json"; }

# expect NAME RELATION VALUE, e.g. expect lost -eq 0, of the last traffic's report.
expect() {
    local value
    value=$(reported "$1")
    test "$value" "$2" "$3" || fail "$1 is $value, not $2 $3"
}

# Every flow of the last traffic came from one endpoint only.
ports_kept() {
    local changed
    changed=$(awk '{ print $1, $2 }' "$directory/flows.txt" | sort | uniq -d | wc -l)
    ((changed == 0)) || fail "$changed flows changed their external port"
}

# What the client has counted so far: a line a second.
answers() { sed -n 's/.* received \([0-9]*\) .*/\1/p' "$directory/client.txt" | tail -n 1; }
has_answers() { (($(answers) >= $1)); }

# The clock that the server notes the flows by.
monotonic_ns() { sed -n 's/^now at \([0-9]*\) nsecs$/\1/p' /proc/timer_list; }

main_pid() { guest "systemctl show -p MainPID --value culvert"; }

is_other_than() {
    local now
    now=$(main_pid) && [[ $now && $now != 0 && $now != "$1" ]]
}

# replaced_by COMMAND...: fifty flows go on while the command, in the guest, puts another process in the relay's place.
# All must be answered before and after, from the endpoints they had. A relay that starts cold may well choose the same
# endpoints, so the journal must say that the sessions are the old ones.
replaced_by() {
    local before ready_ns='' status=0 late
    before=$(main_pid) || fail "the guest does not say which process relays" || return 1
    begin_traffic 3600 50 || return 1
    replace "$before" "$@" || status=1
    kill -TERM "$client" || status=1
    end_traffic 50 || status=1
    ((status == 0)) || return 1
    late=$(awk -v ready="$ready_ns" '$5 > last[$1, $2] { last[$1, $2] = $5 }
        END { for (flow in last) late += (last[flow] < ready); print late + 0 }' "$directory/flows.txt")
    ((late == 0)) || fail "$late flows did not reach the server after the relay was ready again" || return 1
    expect flowsAnswered -eq 50 && expect corrupted -eq 0 && ports_kept
}

# The part of replaced_by during which the client sends. Sets its ready_ns.
replace() {
    local before=$1 answered
    until_holds 600 grep -q "flows answered 50 of 50" "$directory/client.txt" || return 1
    guest "${@:2}" || fail "this ended with $?: ${*:2}" || return 1
    until_holds 600 is_other_than "$before" || return 1
    until_holds 600 is_ready || return 1
    ready_ns=$(monotonic_ns)
    answered=$(answers)
    [[ $ready_ns && $answered ]] || fail "no clock, or no count of answers" || return 1
    # Of fifty a second: more than what was on its way when the relay became ready.
    until_holds 600 has_answers $((answered + 1000)) || return 1
    journal 300 | grep -F "goes on with its predecessor's sessions (process $before): 50 kept, 0 ended" ||
        fail "the journal does not say that all sessions of process $before were kept"
}

the_device_policy_covers_the_container_of_vfio() {
    local probe="systemd-run -q --wait -p User=culvert -p DevicePolicy=closed"
    local open="sh -c 'exec 3<>/dev/vfio/vfio'" rules
    rules=$(guest "sed -n 's/^DeviceAllow=\(.*vfio.*\)/-p \"DeviceAllow=\1\"/p' /usr/lib/systemd/system/culvert.service" |
        tr '\n' ' ')
    ! guest "$probe -p 'DeviceAllow=char-vfio rw' $open" ||
        fail "char-vfio covers it here: this case proves nothing" || return 1
    guest "$probe $rules $open" || fail "the unit's DeviceAllow does not cover /dev/vfio/vfio: $rules"
}

vfio_is_loaded_at_boot_before_any_service_asks() {
    guest "test -d /sys/module/vfio_pci && grep -q vfio /proc/devices"
}

each_obstacle_has_its_own_name_and_mend() {
    configure 2 || return 1
    guest "culvert doctor -c $config" | tee "$directory/doctor.txt"
    grep -q "$edge_slot is bound to the kernel's driver virtio-pci.*culvert-host-prepare" "$directory/doctor.txt" ||
        fail "an unbound NIC is not named" || return 1
    prepare_host || return 1
    guest 'chown root: /dev/vfio/[0-9]*; runuser -u culvert -- culvert doctor -c /etc/culvert/culvert.yaml' |
        grep -q "may not open /dev/vfio/[0-9]*, the group of $edge_slot.*--owner" || fail "wrong rights are not named" ||
        return 1
    guest "systemd-run -q --pipe --wait -p User=culvert -p DevicePolicy=closed culvert doctor -c $config" |
        grep -q "may not open /dev/vfio/vfio.*DeviceAllow=/dev/vfio/vfio" || fail "the container is not named"
}

the_service_relays() {
    guest "culvert doctor -c $config" || fail "the doctor finds something in a relay that runs" || return 1
    traffic 60 50 || return 1 # the JIT compiles what it is interpreting; what the taps cannot hold meanwhile is lost
    traffic 20 50 || return 1
    expect lost -eq 0 && expect corrupted -eq 0 && expect flowsAnswered -eq 50 && ports_kept
}

replies_reach_their_worker_without_a_handoff() {
    local handoffs
    handoffs=$(counter culvert_worker_handed_off_packets_total) || fail "no count of handoffs: $handoffs" || return 1
    [[ $handoffs == 0 ]] || fail "$handoffs handoffs on NICs with RSS"
}

ping_is_answered_in_both_families() {
    in_clients ping -q -c 3 -W 20 198.51.100.1 && in_clients ping -q -c 3 -W 20 2001:db8:198::1
}

# A server that is not ours, and a client that is not ours.
ipv6_is_relayed() {
    local server answer status=0
    ip netns exec "$servers" socat -t 20 UDP6-RECVFROM:7890,fork EXEC:cat >> "$log" 2>&1 &
    server=$!
    until_holds 60 in_servers grep -q ":1ED2 " /proc/self/net/udp6 || status=1
    answer=$(in_clients timeout 60 bash -c \
        "exec 3<>/dev/udp/$listener6/7890 && echo over six >&3 && head -n 1 <&3") || status=1
    kill "$server" && wait "$server"
    [[ $answer == "over six" ]] || fail "the answer is '$answer'" || status=1
    return $status
}

set_mtu() {
    ip -n "$clients" link set "cvb$$e" mtu "$1" && ip -n "$servers" link set "cvb$$i" mtu "$1"
}

# The client's kernel cuts each datagram into three, and the server's its answers. Behind the cases that count handoffs:
# fragments have no ports, so they are gathered where their addresses and IP id lead.
datagrams_in_fragments_are_relayed() {
    set_mtu 1500 && traffic 20 20 4000 && expect lost -eq 0 && expect corrupted -eq 0
}

jumbo_frames_are_relayed() {
    local status=0
    configure 2 9000 && set_mtu 9000 && guest "systemctl restart culvert" && until_holds 600 is_ready &&
        traffic 20 20 8900 && expect lost -eq 0 && expect corrupted -eq 0 || status=1
    configure 2 && guest "systemctl restart culvert" && until_holds 600 is_ready || status=1
    return $status
}

# undisturbed COMMAND...: fifty flows go on while the command runs, and none of their sessions ends. One that had ended
# would have been opened again, perhaps with the port that it had, so the relay's count of openings must stay.
undisturbed() {
    local opened answered status=0
    begin_traffic 3600 50 || return 1
    until_holds 600 grep -q "flows answered 50 of 50" "$directory/client.txt" || status=1
    opened=$(counter culvert_flows_created_total) || status=1
    "$@" || status=1
    answered=$(answers)
    until_holds 600 has_answers $((answered + 1000)) || status=1
    kill -TERM "$client" || status=1
    end_traffic 50 || status=1
    ((status == 0)) || return 1
    [[ $(counter culvert_flows_created_total) == "$opened" ]] || fail "sessions ended" || return 1
    expect flowsAnswered -eq 50 && expect corrupted -eq 0 && ports_kept
}

# As a host does that moves a machine, or takes a snapshot of it: in the guest no time passes.
a_machine_that_stood_still_keeps_its_sessions() { undisturbed stand_still; }

stand_still() {
    local status=0
    monitor stop && until_holds 30 machine_is paused && sleep 15 || status=1
    monitor cont && until_holds 30 machine_is running || status=1
    return $status
}

machine_is() { socat -t 10 - "UNIX-CONNECT:$directory/monitor" <<< "info status" | grep -q "VM status: $1"; }

# Sessions count a clock that nobody sets, so those of thirty days back or ahead are as old as before.
a_clock_that_jumps_ends_no_session() {
    undisturbed guest "date -s '+30 days' && sleep 3 && date -s '-60 days' && sleep 3 && date -s '+30 days'"
}

# The guest's administrator enabled the service; nobody logs in after the reboot.
a_reboot_brings_the_relay_back_unattended() {
    local boot
    guest "systemctl -q enable culvert" && boot=$(guest "cat /proc/sys/kernel/random/boot_id") || return 1
    guest "systemctl reboot" || true
    leave_guest
    until_holds $((2 * boot_limit)) is_booted_after "$boot" || return 1
    until_holds 600 is_ready || { journal && return 1; }
    traffic 10 50 && expect lost -eq 0 && expect flowsAnswered -eq 50
}

is_booted_after() {
    local now
    now=$(guest "cat /proc/sys/kernel/random/boot_id") && [[ $now && $now != "$1" ]]
}

# Of a host whose administrator left them out of host.conf; with them in, its preparation would make them.
missing_huge_pages_are_named_with_the_mend() {
    local status=0
    guest "systemctl stop culvert && rm -rf /dev/hugepages/culvert-*" && prepare_host 0 &&
        guest "echo 0 > /proc/sys/vm/nr_hugepages" || status=1
    ! guest "timeout $guest_limit systemctl start culvert" || fail "it started without huge pages" || status=1
    guest "systemctl stop culvert"
    journal | grep -q 'memory: { huge: true } needs [0-9]* MiB of huge pages and .*Fix: ' ||
        fail "the journal does not name what is missing" || status=1
    guest "echo ${HUGEPAGES:-400} > /proc/sys/vm/nr_hugepages" && prepare_host && start_relay || status=1
    return $status
}

a_kill_costs_no_session_and_no_port() {
    replaced_by "systemctl kill -s KILL culvert" && replies_reach_their_worker_without_a_handoff
}

a_restart_costs_no_session_and_no_port() {
    replaced_by "systemctl restart culvert" && replies_reach_their_worker_without_a_handoff
}

a_link_that_is_off_shows_in_readiness() {
    local status=0
    monitor "set_link edge off" && until_holds 300 says /readyz "no link on edge" || status=1
    monitor "set_link edge on" && until_holds 300 is_ready || status=1
    ((status == 0)) && traffic 5 10 && expect lost -eq 0
}

a_stop_during_the_start_is_honoured_at_once() {
    local took invocation
    # EAL makes its directory as its first step; the old one goes with the old process.
    guest "systemctl stop culvert && ! test -e /run/culvert/dpdk" || fail "EAL's directory was there before it" ||
        return 1
    guest "systemctl start --no-block culvert &&
        timeout $guest_limit sh -c 'until test -e /run/culvert/dpdk; do sleep 0.1; done'" || fail "EAL did not begin" || return 1
    invocation=$(guest "systemctl show -p InvocationID --value culvert") || return 1
    took=$SECONDS
    guest "systemctl stop culvert" || return 1
    took=$((SECONDS - took))
    guest "journalctl INVOCATION_ID=$invocation + _SYSTEMD_INVOCATION_ID=$invocation -o cat --no-pager" \
        > "$directory/start.txt" || fail "the journal has nothing of this start" || return 1
    cat "$directory/start.txt"
    if grep -q 'is ready:' "$directory/start.txt"; then
        fail "the start was over before the stop, so this proves nothing"
        return 1
    fi
    if grep -q "State 'stop-sigterm' timed out" "$directory/start.txt"; then
        fail "it had to be killed"
        return 1
    fi
    ((took <= 20)) || fail "the stop took $took s" || return 1
    start_relay
}

restarts() { guest "systemctl show -p NRestarts --value culvert"; }
has_restarts() { (($(restarts) >= $1)); }

a_nic_is_given_back_when_asked_and_taken_when_it_returns() {
    local before
    before=$(restarts) && [[ $before ]] || fail "systemd does not say how often it started the relay again" || return 1
    monitor "device_del inner" || return 1
    until_holds 300 guest "! test -e /sys/bus/pci/devices/$inner_slot" || return 1
    journal 80 | grep -q "the device is going or gone" || fail "the relay did not say why it ended" || return 1
    # More attempts than systemd's usual limit of five, which counts those of ten seconds; here they may take longer.
    until_holds 600 has_restarts $((before + 6)) || return 1
    [[ $(guest "systemctl show -p StartLimitIntervalUSec --value culvert") == 0 ]] ||
        fail "systemd limits the attempts" || return 1
    monitor "device_add $(nic virtio inner)" || return 1
    until_holds 600 is_ready && traffic 5 10 && expect lost -eq 0
}

installed() { guest "dpkg-query -W -f '\${Version}' culvert"; }

an_upgrade_under_traffic_keeps_sessions_ports_and_configuration() {
    local old now
    old=$(installed) || return 1
    guest "cd /root && rm -rf new && dpkg-deb -R culvert.deb new && sed -i 's/^Version: .*/&.1/' new/DEBIAN/control &&
        dpkg-deb --root-owner-group -Znone -b new new.deb && md5sum /etc/culvert/* > conf.md5" || return 1
    replaced_by "dpkg -i /root/new.deb" || return 1
    now=$(installed)
    [[ $now == "$old.1" ]] || fail "version $now is installed, not $old.1" || return 1
    guest "md5sum -c --quiet /root/conf.md5"
}

# swap KIND: other NICs in the same slots, while the service is stopped.
swap() {
    local slot
    guest "systemctl stop culvert" || return 1
    for slot in edge inner; do monitor "device_del $slot" || return 1; done
    until_holds 300 guest "! test -e /sys/bus/pci/devices/$edge_slot -o -e /sys/bus/pci/devices/$inner_slot" || return 1
    for slot in edge inner; do monitor "device_add $(nic "$1" $slot)" || return 1; done
    until_holds 300 guest "test -e /sys/bus/pci/devices/$edge_slot -a -e /sys/bus/pci/devices/$inner_slot"
}

vmxnet3_relays_with_two_workers() {
    configure 2 && swap vmxnet3 && start_relay && traffic 10 50 && expect lost -eq 0 && ports_kept
}

# Its driver spreads nothing, so a second worker would have nothing to do.
e1000e_relays_with_one_worker() {
    swap e1000e && configure 1 && start_relay && traffic 10 50 && expect lost -eq 0
}

four_queues_relay_with_four_workers() {
    restart_guest virtio 4 && prepare_host && configure 4 && start_relay && traffic 60 50 && traffic 20 50 &&
        expect lost -eq 0 && expect corrupted -eq 0 && ports_kept && replies_reach_their_worker_without_a_handoff
}

# What deploy/README.md says for virtual machines without one.
a_host_without_an_iommu_is_refused_until_it_is_allowed() {
    restart_guest virtio 2 --no-iommu || return 1
    ! prepare_host > "$directory/refused.txt" 2>&1 || fail "vfio got NICs that are in no IOMMU group" || return 1
    grep -q "$edge_slot is in no IOMMU group.*enable_unsafe_noiommu_mode" "$directory/refused.txt" ||
        fail "the refusal names no mend: $(cat "$directory/refused.txt")" || return 1
    guest "systemctl stop culvert; rm -rf /dev/shm/culvert &&
        echo Y > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode &&
        sed 's/ culvert culvert / root root /' /usr/lib/tmpfiles.d/culvert.conf > /etc/tmpfiles.d/culvert.conf &&
        systemd-tmpfiles --create culvert.conf &&
        ln -sf /usr/share/culvert/service.d/no-iommu.conf /etc/systemd/system/culvert.service.d/ &&
        systemctl daemon-reload" || return 1
    prepare_host 300 root && configure 2 && start_relay && traffic 60 50 && traffic 20 50 &&
        expect lost -eq 0 && expect corrupted -eq 0
}

cases=(
    the_device_policy_covers_the_container_of_vfio
    vfio_is_loaded_at_boot_before_any_service_asks
    each_obstacle_has_its_own_name_and_mend
    the_service_relays
    replies_reach_their_worker_without_a_handoff
    ping_is_answered_in_both_families
    ipv6_is_relayed
    jumbo_frames_are_relayed
    a_machine_that_stood_still_keeps_its_sessions
    a_clock_that_jumps_ends_no_session
    a_kill_costs_no_session_and_no_port
    a_restart_costs_no_session_and_no_port
    a_link_that_is_off_shows_in_readiness
    a_stop_during_the_start_is_honoured_at_once
    a_nic_is_given_back_when_asked_and_taken_when_it_returns
    an_upgrade_under_traffic_keeps_sessions_ports_and_configuration
    datagrams_in_fragments_are_relayed
    missing_huge_pages_are_named_with_the_mend
    a_reboot_brings_the_relay_back_unattended
    vmxnet3_relays_with_two_workers
    e1000e_relays_with_one_worker
    four_queues_relay_with_four_workers
    a_host_without_an_iommu_is_refused_until_it_is_allowed
)
