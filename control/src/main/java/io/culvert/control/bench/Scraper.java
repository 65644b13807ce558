// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

/** Fetches a page at a steady pace, as Prometheus does, and prints a line for each time it got it: a process. */
final class Scraper {
    private static final int OK = 200;

    /** @param arguments the page's address and the milliseconds from one fetch to the next; ends with its stdin */
    public static void main(final String[] arguments) throws InterruptedException {
        Thread.ofPlatform().daemon().start(Scraper::awaitEnd);
        final HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[0])).build();
        try (HttpClient client = HttpClient.newHttpClient()) {
            while (true) {
                try {
                    if (client.send(request, BodyHandlers.discarding()).statusCode() == OK) {
                        System.out.println("scraped");
                    }
                } catch (final IOException e) {
                    // Whoever reads the lines misses one.
                }
                Thread.sleep(Integer.parseInt(arguments[1]));
            }
        }
    }

    private static void awaitEnd() {
        try {
            System.in.read();
        } catch (final IOException e) {
            // As good as an end.
        }
        System.exit(0);
    }

    private Scraper() { }
}
