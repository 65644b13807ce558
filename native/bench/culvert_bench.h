/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the benchmarks need in C, in a library of its own: a packet source in place of a driver, and the twin, the
 * relay's walk once more in C over the same memory. Nothing of the relay itself calls this. Fixed-width types only; the
 * structs belong to Java, which fills them and reads the counts.
 */
#ifndef CULVERT_BENCH_H
#define CULVERT_BENCH_H

#include <stdint.h>

struct rte_mbuf;
struct rte_mempool;

/* ---- the packet source: bench/source.c ------------------------------------------------------------------------ */

/*
 * What one queue of a port receives, and what it sends. Buffers are handed out in turn, never freed and never filled by
 * anybody else. A packet's first 64 bytes are written half a lap of the buffers before it is received, so that the walk
 * finds them where a NIC's DMA would leave them: in the last-level cache, not in the first.
 */
struct culvert_bench_stream {
	/* Set before the plug. */
	struct rte_mbuf **mbufs;  /* mbuf_count of them, a power of two */
	uint8_t **frames;         /* the first byte of each one's packet, 64-byte aligned */
	const uint8_t *headers;   /* 64 bytes each, in the order of arrival; after the last comes the first again */
	uint64_t header_count;
	uint32_t mbuf_count;
	uint32_t frame_length;    /* bytes of each packet */
	uint16_t burst;           /* packets per receive call, at most */
	uint16_t refcnt;          /* 2 for packets that the walk drops, so that the source keeps them; else 1 */

	/* Moved by the source; set by culvert_bench_rewind. */
	uint32_t reserved;
	uint64_t limit;           /* no more packets than this */
	uint64_t received;
	uint64_t header_next;     /* of the next header to be written */
	uint64_t sent;

	/* The first packets sent are copied while capture_left is not 0: 64 bytes, then port and length in 8 more. */
	uint8_t *capture;
	uint64_t capture_left;
	uint64_t captured;

	/* Packets that arrive by the clock, see culvert_bench_pace. */
	double packets_per_cycle; /* 0: a packet is there whenever one is asked for */
	uint64_t ring;            /* so many can wait; what arrives then is lost */
	uint64_t pace_start;      /* TSC of the first receive call */
	uint64_t skipped;         /* lost so far */
	uint64_t lost_from;       /* TSC from which losses count */
	uint64_t lost;
};

#define CULVERT_BENCH_CAPTURE_LENGTH 72

/* Puts the stream in the place of the driver's queue. Stopping the port takes it out again. */
int32_t culvert_bench_plug(uint16_t port, uint16_t queue, struct culvert_bench_stream *stream);

/* Back to the first packet, with a new limit: every buffer of the first half lap has its header again. */
void culvert_bench_rewind(struct culvert_bench_stream *stream, uint64_t limit);

/*
 * As culvert_bench_rewind; then packets arrive at a steady rate from the first receive call on, whether or not anybody
 * receives them. They wait in a ring as a NIC's would: at each call all that arrived since the last one are there, but
 * for those that found the ring full.
 */
void culvert_bench_pace(struct culvert_bench_stream *stream, double packets_per_cycle, uint64_t ring,
	uint64_t lost_from);

/* The source alone: receives and sends on, port 0 to port 1 and back, for so many cycles of both. */
void culvert_bench_source(const uint16_t *ports, uint16_t queue, uint64_t cycles);

/* ---- the paced source: bench/paced.c -------------------------------------------------------------------------- */

/* Packets offered to a port at a steady rate, in bursts of 32, and what came back of them. */
struct culvert_bench_trial {
	/* Set before. */
	const uint8_t *headers;   /* 64 bytes each, in the order of sending; after the last comes the first again */
	uint32_t header_count;
	uint32_t frame_length;    /* bytes of each packet */
	uint64_t packets_per_second;
	uint64_t packets;         /* how many to offer */
	uint64_t drain_cycles;    /* it is over when so long nothing came back */
	uint16_t port;
	uint16_t reserved[3];

	/* The result. */
	uint64_t offered;
	uint64_t taken;           /* by the port: the others found its ring full */
	uint64_t returned;
	uint64_t cycles;          /* from the first to the last offered: more than planned when the source was too slow */
};

void culvert_bench_trial(struct culvert_bench_trial *trial, struct rte_mempool *pool);

/* ---- the twin: bench/twin.c ------------------------------------------------------------------------------------ */

#define CULVERT_BENCH_STAGES 5 /* receive, parse, lookup (with admission), rewrite, transmit */

/* One port's place on its network; addresses in network order. */
struct culvert_bench_link {
	uint64_t mac;             /* first byte lowest */
	uint32_t address;
	uint32_t mask;
	uint32_t gateway;         /* 0: none */
	uint16_t port;
	uint16_t reserved;
	/* Indices of this link's counters; packets before bytes. */
	uint32_t received;
	uint32_t sent;
	uint32_t dropped;
	uint32_t answered_icmp;
};

/* The one rule, and its one SNAT pool. Addresses in network order, ports as numbers. */
struct culvert_bench_rule {
	uint32_t listen_address;
	uint32_t target_address;
	uint16_t listen_port;
	uint16_t target_port;
	uint16_t pool_low;
	uint16_t pool_high;
	const uint32_t *pool_addresses;
	uint32_t pool_count;
	int32_t idle_timeout_ms;
	int32_t unanswered_timeout_ms;
	/* Indices of its counters. */
	uint32_t traffic;
	uint32_t created;
	uint32_t ended;
};

/*
 * A worker in C. It works on the memory that a Java worker works on, or on its like: the flow file and the neighbours
 * as their classes draw them, a block of counters by the indices of the catalogue. Two links, one network on each.
 */
struct culvert_bench_twin {
	uint8_t *flows;           /* the flow file, from its header on */
	uint8_t *neighbors;       /* adjacency 0 */
	uint64_t *counters;
	uint64_t cycles_per_ms;
	uint64_t clock_offset;    /* cycles that the twin's clock is ahead of the TSC */
	const uint32_t *own;      /* our addresses */
	uint32_t own_count;
	uint32_t drop_reasons;    /* how many Java knows */
	uint16_t queue;
	uint16_t reserved;
	/* Indices of the worker's own counters. */
	uint32_t packets;
	uint32_t bursts;
	uint32_t sessions;

	uint64_t stage_cycles[CULVERT_BENCH_STAGES];
	void *state;              /* what Java keeps in objects */
};

/*
 * Makes the twin ready; `links` are two, and all that is pointed to stays. Returns 0, -ENOMEM, or -EINVAL when the flow
 * file or the drop reasons are not those that the twin was written for, or more than 32 next hops are configured.
 */
int32_t culvert_bench_twin_open(struct culvert_bench_twin *twin, const struct culvert_bench_link *links,
	const struct culvert_bench_rule *rule);

void culvert_bench_twin_close(struct culvert_bench_twin *twin);

/* So many cycles of a worker: a tick, then one burst of each link. */
void culvert_bench_twin_run(struct culvert_bench_twin *twin, uint64_t cycles);

/* The same, with the time of each stage added to stage_cycles. */
void culvert_bench_twin_run_staged(struct culvert_bench_twin *twin, uint64_t cycles);

/*
 * How long a polling loop stayed away from its queues, in TSC cycles: below CULVERT_BENCH_GAPS_EXACT each value has a
 * bucket of its own, from there on each power of two has as many.
 */
#define CULVERT_BENCH_GAPS_EXACT 32
#define CULVERT_BENCH_GAPS_BUCKETS 1920

struct culvert_bench_gaps {
	uint64_t longest;
	uint64_t counts[CULVERT_BENCH_GAPS_BUCKETS];
};

/* Polls until the TSC reaches `until`, as a worker's loop does; gaps that end before `from` are not counted. */
void culvert_bench_twin_poll(struct culvert_bench_twin *twin, uint64_t from, uint64_t until,
	struct culvert_bench_gaps *gaps);

/* Live sessions of the twin's table. */
int32_t culvert_bench_twin_sessions(const struct culvert_bench_twin *twin);

#endif
