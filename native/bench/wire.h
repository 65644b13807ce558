/* SPDX-License-Identifier: Apache-2.0 */
/* Header bytes and checksums as io.culvert.dataplane.wire has them: fields stay in network order. */
#ifndef CULVERT_BENCH_WIRE_H
#define CULVERT_BENCH_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define MAC_MASK 0xFFFFFFFFFFFFULL

/* Offsets into a frame: Ethernet, IPv4 without options, UDP or ICMP. */
enum {
	MAC_SOURCE = 6, ETHERTYPE = 12, VLAN_TAG_LENGTH = 4, IP = 14, TOTAL_LENGTH = 16, IP_ID = 18, FRAGMENT = 20,
	TTL = 22, PROTOCOL = 23,
	IPV4_CHECKSUM = 24, IPV4_SOURCE = 26, IPV4_DESTINATION = 30, PORTS = 34, UDP_LENGTH = 38, UDP_CHECKSUM = 40,
	HEADERS_END = 42,
	ICMP_TYPE = 34, ICMP_CODE = 35, ICMP_CHECKSUM = 36,
};

enum { ETHERNET_LENGTH = 14, IP_LENGTH = 20, UDP_HEADER_LENGTH = 8, ICMP_HEADER_LENGTH = 8 };

/* As they lie in memory. */
enum { TYPE_IPV4 = 0x0008, TYPE_ARP = 0x0608, TYPE_VLAN = 0x0081, TYPE_QINQ = 0xA888, TYPE_IPV6 = 0xDD86 };
#define FRAGMENT_MASK 0xFF3F
#define DONT_FRAGMENT 0x0040

static inline uint64_t
load64(const void *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint32_t
load32(const void *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint16_t
load16(const void *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline void
store64(void *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

static inline void
store32(void *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static inline void
store16(void *at, uint32_t value)
{
	const uint16_t narrow = (uint16_t)value;

	memcpy(at, &narrow, sizeof(narrow));
}

static inline uint32_t
host16(uint32_t network)
{
	return __builtin_bswap16((uint16_t)network);
}

/* RFC 1071: folded to 16 bits. */
static inline uint32_t
checksum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & 0xFFFF) + (sum >> 16);
	sum = (sum & 0xFFFF) + (sum >> 16);
	return (uint32_t)((sum & 0xFFFF) + (sum >> 16));
}

/*
 * Right when the 20 bytes sum to all ones, that is when the one's complement sum of their longs is a multiple of
 * 65,535, that is when its product with the inverse of 65,535 is small. It cannot be 0: the version is in it.
 */
static inline bool
ipv4_header_is_right(const uint8_t *frame)
{
	const uint64_t inverse = 0xFFFEFFFEFFFEFFFFULL;
	uint64_t sum;
	bool carry;

	carry = __builtin_add_overflow(load64(frame + IP), load64(frame + TTL), &sum);
	carry = __builtin_add_overflow(sum, (uint64_t)load32(frame + IPV4_DESTINATION) + carry, &sum);
	sum += carry;
	return sum * inverse <= UINT64_MAX / 0xFFFF;
}

/* RFC 1624, equation 3. */
static inline uint32_t
checksum_update(uint32_t checksum, uint32_t delta)
{
	/* The same as ~(~HC + delta) in one's complement, with a borrow in place of the carry. */
	const int32_t difference = (int32_t)(checksum - delta);

	return (uint32_t)(difference + (difference >> 31)) & 0xFFFF;
}

/* RFC 768: none stays none, a computed zero is sent as all ones. */
static inline uint32_t
checksum_update_udp(uint32_t checksum, uint32_t delta)
{
	const uint32_t updated = checksum_update(checksum, delta);

	return checksum == 0 ? 0 : updated == 0 ? 0xFFFF : updated;
}

/* Adds to a delta the change of one 32-bit field, or of two 16-bit fields side by side. */
static inline uint32_t
checksum_delta(uint32_t sum, uint32_t from, uint32_t to)
{
	return checksum_fold((uint64_t)(uint32_t)~from + to + sum);
}

/* The folded sum of any bytes. */
static inline uint32_t
checksum_sum(const uint8_t *bytes, uint32_t length)
{
	uint64_t sum = 0;
	uint32_t at = 0;

	for (; at + 4 <= length; at += 4)
		sum += load32(bytes + at);
	for (uint32_t shift = 0; at < length; at++, shift += 8)
		sum += (uint64_t)bytes[at] << shift;
	return checksum_fold(sum);
}

#endif
