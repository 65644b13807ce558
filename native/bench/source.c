/* SPDX-License-Identifier: Apache-2.0 */
/* A packet source and sink in place of a driver: costs little, and the same whoever walks the packets. */
#include <errno.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "culvert_bench.h"

#define HEADER_LENGTH 64
#define PORTS_LIMIT 8
#define QUEUES_LIMIT 8
/* Buffers whose lines are asked for ahead of their use, as drivers do. */
#define AHEAD 16

/* ethdev takes a queue's data from an array; the driver's own array stays untouched for its close. */
static void *streams[PORTS_LIMIT][QUEUES_LIMIT];

static inline void
write_header(struct culvert_bench_stream *stream, uint64_t buffer)
{
	memcpy(stream->frames[buffer], stream->headers + stream->header_next * HEADER_LENGTH, HEADER_LENGTH);
	if (++stream->header_next == stream->header_count)
		stream->header_next = 0;
}

/* The four fields that drivers write as one long. */
struct rearm {
	uint16_t data_off;
	uint16_t refcnt;
	uint16_t nb_segs;
	uint16_t port;
};

/* What a driver writes for every packet it received. */
static inline void
describe(struct rte_mbuf *mbuf, struct rearm rearm, uint32_t length)
{
	memcpy((uint8_t *)mbuf + offsetof(struct rte_mbuf, rearm_data), &rearm, sizeof(rearm));
	mbuf->ol_flags = 0;
	mbuf->packet_type = 0;
	mbuf->pkt_len = length;
	mbuf->data_len = (uint16_t)length;
	mbuf->vlan_tci = 0;
	mbuf->hash.rss = 0;
}

/* Raises the limit by what has arrived since the last call, but for what found the ring full. */
static void
let_arrive(struct culvert_bench_stream *stream)
{
	const uint64_t now = rte_rdtsc();
	uint64_t arrived, waiting;

	if (stream->pace_start == 0)
		stream->pace_start = now;
	arrived = (uint64_t)((double)(now - stream->pace_start) * stream->packets_per_cycle);
	waiting = arrived - stream->skipped - stream->received;
	if (waiting > stream->ring) {
		stream->skipped += waiting - stream->ring;
		if (now >= stream->lost_from)
			stream->lost += waiting - stream->ring;
	}
	stream->limit = arrived - stream->skipped;
}

static uint16_t
receive(void *queue, struct rte_mbuf **mbufs, uint16_t capacity)
{
	struct culvert_bench_stream *stream = queue;

	if (stream->packets_per_cycle > 0)
		let_arrive(stream);

	const uint64_t left = stream->limit - stream->received;
	const uint32_t mask = stream->mbuf_count - 1;
	const uint32_t half = stream->mbuf_count / 2;
	const uint32_t next = (uint32_t)stream->received;
	const struct rearm rearm = { RTE_PKTMBUF_HEADROOM, stream->refcnt, 1, 0 };
	const uint32_t length = stream->frame_length;
	uint16_t count = RTE_MIN(capacity, stream->burst);

	count = (uint16_t)RTE_MIN(left, count);
	for (uint32_t i = 0; i < count; i++) {
		struct rte_mbuf *mbuf = stream->mbufs[(next + i) & mask];

		__builtin_prefetch(stream->mbufs[(next + i + AHEAD) & mask], 1);
		__builtin_prefetch(stream->frames[(next + i + half + AHEAD) & mask], 1);
		describe(mbuf, rearm, length);
		mbufs[i] = mbuf;
		write_header(stream, (next + i + half) & mask);
	}
	stream->received += count;
	return count;
}

static void
capture(struct culvert_bench_stream *stream, struct rte_mbuf *const *mbufs, uint16_t count)
{
	for (uint16_t i = 0; i < count && stream->capture_left > 0; i++) {
		uint8_t *to = stream->capture + stream->captured * CULVERT_BENCH_CAPTURE_LENGTH;
		const uint32_t lengths[2] = { mbufs[i]->pkt_len, mbufs[i]->data_len };

		memcpy(to, rte_pktmbuf_mtod(mbufs[i], const void *), HEADER_LENGTH);
		memcpy(to + HEADER_LENGTH, lengths, sizeof(lengths));
		stream->captured++;
		stream->capture_left--;
	}
}

static uint16_t
transmit(void *queue, struct rte_mbuf **mbufs, uint16_t count)
{
	struct culvert_bench_stream *stream = queue;

	if (unlikely(stream->capture_left > 0))
		capture(stream, mbufs, count);
	stream->sent += count;
	return count;
}

int32_t
culvert_bench_plug(uint16_t port, uint16_t queue, struct culvert_bench_stream *stream)
{
	struct rte_eth_fp_ops *ops = &rte_eth_fp_ops[port];

	if (port >= PORTS_LIMIT || queue >= QUEUES_LIMIT)
		return -EINVAL;
	streams[port][queue] = stream;
	ops->rxq.data = streams[port];
	ops->txq.data = streams[port];
	ops->rx_pkt_burst = receive;
	ops->tx_pkt_burst = transmit;
	return 0;
}

void
culvert_bench_rewind(struct culvert_bench_stream *stream, uint64_t limit)
{
	stream->limit = limit;
	stream->received = 0;
	stream->sent = 0;
	stream->captured = 0;
	stream->header_next = 0;
	stream->packets_per_cycle = 0;
	for (uint32_t buffer = 0; buffer < stream->mbuf_count / 2; buffer++)
		write_header(stream, buffer);
}

void
culvert_bench_pace(struct culvert_bench_stream *stream, double packets_per_cycle, uint64_t ring, uint64_t lost_from)
{
	culvert_bench_rewind(stream, 0);
	stream->packets_per_cycle = packets_per_cycle;
	stream->ring = ring;
	stream->pace_start = 0;
	stream->skipped = 0;
	stream->lost_from = lost_from;
	stream->lost = 0;
}

void
culvert_bench_source(const uint16_t *ports, uint16_t queue, uint64_t cycles)
{
	struct rte_mbuf *mbufs[64];

	for (uint64_t cycle = 0; cycle < cycles; cycle++) {
		for (int link = 0; link < 2; link++) {
			const uint16_t count = rte_eth_rx_burst(ports[link], queue, mbufs, RTE_DIM(mbufs));

			if (count > 0)
				rte_eth_tx_burst(ports[link ^ 1], queue, mbufs, count);
		}
	}
}
