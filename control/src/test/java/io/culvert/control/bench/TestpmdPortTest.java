// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class TestpmdPortTest {
    private static final double EXACT = 1e-12;

    @Test
    void readsTheRateSinceTheLastLook() {
        assertEquals(17_482_174, TestpmdPort.rate("""
                  ######################## NIC statistics for port 2  ########################
                  RX-packets: 56181536   RX-missed: 0          RX-bytes:  3370892160
                  RX-errors: 0
                  RX-nombuf:  0
                  TX-packets: 56195552   TX-errors: 0          TX-bytes:  3371733120

                  Throughput (since last show)
                  Rx-pps:     17482174          Rx-bps:   8391443632
                  Tx-pps:     17482797          Tx-bps:   8391742912
                  ############################################################################
                """));
    }

    @Test
    void readsWhatWasForwardedFromTheAnswerToStop() {
        final TestpmdPort port = TestpmdPort.parse("""
                Telling cores to stop...
                Waiting for lcores to finish...

                  ---------------------- Forward statistics for port 3  ----------------------
                  RX-packets: 900            RX-dropped: 0             RX-total: 900
                  TX-packets: 1000           TX-dropped: 3000          TX-total: 4000
                  ----------------------------------------------------------------------------

                  +++++++++++++++ Accumulated forward statistics for all ports+++++++++++++++
                  RX-packets: 7              RX-dropped: 0             RX-total: 7
                  TX-packets: 7              TX-dropped: 7             TX-total: 14
                  ++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++

                Done.
                """);
        assertEquals(new TestpmdPort(900, 1_000, 3_000), port);
        assertEquals(0.75, port.refusedShare(), EXACT);
        assertEquals(0.1, port.lostShare(), EXACT);
    }

    @Test
    void nothingSentIsNothingLost() {
        final TestpmdPort port = new TestpmdPort(0, 0, 0);
        assertEquals(0, port.refusedShare(), EXACT);
        assertEquals(0, port.lostShare(), EXACT);
    }

    @Test
    void otherWordsAreNotTakenForFigures() {
        assertThrows(IllegalStateException.class, () -> TestpmdPort.parse("Bad arguments\n"));
        assertThrows(IllegalStateException.class, () -> TestpmdPort.rate("Invalid port\n"));
    }
}
