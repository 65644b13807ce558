// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

/** One form of a listing of sessions on stdout. */
public interface SessionPrinter {
    void begin();

    void print(Session session);

    /** What a person reads on stderr under the listing; empty for none. */
    String end(SessionList.Count count);
}
