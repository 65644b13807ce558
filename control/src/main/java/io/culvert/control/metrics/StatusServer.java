// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.metrics;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.culvert.control.view.Counters;
import io.culvert.control.view.FlowReader;
import io.culvert.control.view.Health;
import io.culvert.control.view.Output;
import io.culvert.control.view.Series;
import io.culvert.control.view.Stats;
import io.culvert.control.view.StatsTable;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.stats.CounterFile;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The relay's only HTTP: metrics, health, readiness and a page for people, all read from mapped memory. It serves four
 * fixed paths and no files, changes nothing, and whoever is slow or many costs a bounded number of threads, files and
 * pages in memory.
 */
public final class StatusServer implements AutoCloseable {
    private static final int CONNECTIONS_LIMIT = 32;
    /** A page of all rules is megabytes of text, tens of them while it is made: few may be in memory at once. */
    private static final int PAGES_LIMIT = 4;
    private static final int PAGE_PATIENCE_S = 2;

    static {
        // The JDK's server waits forever and accepts without end unless told otherwise, before its class loads.
        limit("sun.net.httpserver.maxReqTime", 5);
        limit("sun.net.httpserver.maxRspTime", 10);
        limit("sun.net.httpserver.idleInterval", 10);
        limit("sun.net.httpserver.maxReqHeaders", 50);
        limit("sun.net.httpserver.maxReqHeaderSize", 16_384);
        limit("jdk.httpserver.maxConnections", CONNECTIONS_LIMIT);
    }

    private static final int OK = 200;
    private static final int NOT_FOUND = 404;
    private static final int METHOD_NOT_ALLOWED = 405;
    private static final int UNAVAILABLE = 503;
    private static final int NO_BODY = -1;
    private static final String TEXT = "text/plain; charset=utf-8";

    private final Semaphore pagesLeft = new Semaphore(PAGES_LIMIT, true);
    private final HttpServer server;
    private final ExecutorService threads;
    private final MetricsExporter metrics;
    private final Counters counters;
    private final RelayInfo info;

    private record Response(int status, String type, String body) { }

    private interface Page {
        Response render() throws IOException;
    }

    /** As long as the configuration is. */
    private final Map<String, Page> pages = Map.of(
            "/", this::status,
            "/metrics", this::metrics);
    /** Short ones, which answer however many ask for the long. */
    private final Map<String, Page> signs = Map.of(
            "/healthz", this::health,
            "/readyz", this::readiness);

    /** @param address port 0 takes a free one: {@link #address} tells which */
    public StatusServer(final InetSocketAddress address, final CounterFile file, final List<FlowFile> tables,
                        final RelayInfo info) throws IOException {
        this.counters = new Counters(file);
        this.info = info;
        this.server = HttpServer.create(address, CONNECTIONS_LIMIT);
        this.metrics = new MetricsExporter(file, new FlowReader(tables, counters.rules()), info);
        // A thread for each connection there may be: slow ones cannot keep the others waiting.
        final ThreadPoolExecutor pool = new ThreadPoolExecutor(CONNECTIONS_LIMIT, CONNECTIONS_LIMIT, 10,
                TimeUnit.SECONDS, new LinkedBlockingQueue<>(CONNECTIONS_LIMIT),
                Thread.ofPlatform().daemon().name("culvert-http-", 0).factory());
        pool.allowCoreThreadTimeOut(true);
        this.threads = pool;
        server.setExecutor(threads);
        server.createContext("/", this::answer);
        server.start();
    }

    private static void limit(final String property, final int value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, Integer.toString(value));
        }
    }

    public InetSocketAddress address() {
        return server.getAddress();
    }

    /** Waits a little for pages that are being made: what they read is closed next, and then they end with an error. */
    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
        try {
            threads.awaitTermination(PAGE_PATIENCE_S, TimeUnit.SECONDS);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        metrics.close();
    }

    private void answer(final HttpExchange exchange) throws IOException {
        try (exchange) {
            final String method = exchange.getRequestMethod();
            // A proxy's absolute form names no page of ours.
            final boolean foreign = exchange.getRequestURI().getRawAuthority() != null;
            final String path = foreign ? "" : String.valueOf(exchange.getRequestURI().getRawPath());
            if (!pages.containsKey(path) && !signs.containsKey(path)) {
                send(exchange, new Response(NOT_FOUND, TEXT, "not found: see /, /metrics, /healthz, /readyz\n"));
            } else if (!method.equals("GET") && !method.equals("HEAD")) {
                exchange.getResponseHeaders().set("Allow", "GET, HEAD");
                send(exchange, new Response(METHOD_NOT_ALLOWED, TEXT, "read only: GET or HEAD\n"));
            } else if (signs.containsKey(path)) {
                send(exchange, signs.get(path).render());
            } else {
                sendPage(exchange, pages.get(path));
            }
        }
    }

    /** The page is in memory until its reader, who may be slow, has it or is cut off. */
    private void sendPage(final HttpExchange exchange, final Page page) throws IOException {
        try {
            if (!pagesLeft.tryAcquire(PAGE_PATIENCE_S, TimeUnit.SECONDS)) {
                send(exchange, new Response(UNAVAILABLE, TEXT, "too many ask at once: try again in a few seconds\n"));
                return;
            }
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            return;
        }
        try {
            send(exchange, render(page));
        } finally {
            pagesLeft.release();
        }
    }

    private synchronized Response render(final Page page) throws IOException {
        return page.render();
    }

    private static void send(final HttpExchange exchange, final Response response) throws IOException {
        final byte[] body = response.body.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", response.type);
        exchange.getResponseHeaders().set("Cache-Control", "no-store");
        exchange.getResponseHeaders().set("X-Content-Type-Options", "nosniff");
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.getResponseHeaders().set("Content-Length", Integer.toString(body.length));
            exchange.sendResponseHeaders(response.status, NO_BODY);
            return;
        }
        exchange.sendResponseHeaders(response.status, body.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    private Response metrics() throws IOException {
        final StringWriter text = new StringWriter();
        metrics.scrape(text);
        return new Response(OK, MetricsExporter.CONTENT_TYPE, text.toString());
    }

    private Response status() {
        final StringWriter text = new StringWriter();
        try (Output out = new Output(new PrintWriter(text))) {
            new StatsTable(out, Stats.read(counters, System.currentTimeMillis())).print(info.instance());
        }
        return new Response(OK, TEXT, text.toString());
    }

    /** Alive: the housekeeping thread and, once it is ready, every worker has been round lately. */
    private Response health() {
        final long nowMs = System.currentTimeMillis();
        final CounterFile file = counters.file();
        if (nowMs - file.heartbeatMs() >= Health.STALE_MS) {
            return new Response(UNAVAILABLE, TEXT, "housekeeping has no fresh heartbeat\n");
        }
        final OptionalInt silent = file.state() == CounterFile.State.READY
                ? Health.silentWorker(counters, nowMs - Health.STALE_MS + 1) : OptionalInt.empty();
        if (silent.isPresent()) {
            return new Response(UNAVAILABLE, TEXT, "worker " + silent.getAsInt() + " has no fresh heartbeat\n");
        }
        return new Response(OK, TEXT, "ok\n");
    }

    /** Relaying: it is ready, and every port has a link, for a session needs two directions. */
    private Response readiness() {
        if (counters.file().state() == CounterFile.State.READY) {
            final List<String> down = counters.ports().stream()
                    .filter(port -> counters.process(Series.of("culvert_port_up", "port", port)) == 0).toList();
            if (!down.isEmpty()) {
                return new Response(UNAVAILABLE, TEXT, "no link on " + String.join(", ", down) + "\n");
            }
        }
        return new Response(counters.file().state() == CounterFile.State.READY ? OK : UNAVAILABLE, TEXT,
                Health.of(counters.file(), System.currentTimeMillis()).stateLabel() + "\n");
    }
}
