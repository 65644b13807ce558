// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads JSON as RFC 8259 has it and nothing more lenient: the tests' judge of what {@link Json} writes. */
public final class StrictJson {
    private final String text;
    private int at;

    private StrictJson(final String text) {
        this.text = text;
    }

    /** Objects are maps, arrays lists, numbers Long or Double. */
    public static Object parse(final String text) {
        final StrictJson json = new StrictJson(text);
        final Object value = json.value();
        json.blanks();
        if (json.at != text.length()) {
            throw json.wrong("the end");
        }
        return value;
    }

    private Object value() {
        blanks();
        return switch (peek()) {
            case '{' -> object();
            case '[' -> array();
            case '"' -> string();
            case 't' -> word("true", true);
            case 'f' -> word("false", false);
            case 'n' -> word("null", null);
            default -> number();
        };
    }

    private Map<String, Object> object() {
        final Map<String, Object> object = new LinkedHashMap<>();
        at++;
        blanks();
        if (peek() == '}') {
            at++;
            return object;
        }
        do {
            blanks();
            final String name = string();
            blanks();
            expect(':');
            if (object.put(name, value()) != null) {
                throw wrong("a name only once: " + name);
            }
            blanks();
        } while (more('}'));
        return object;
    }

    private List<Object> array() {
        final List<Object> array = new ArrayList<>();
        at++;
        blanks();
        if (peek() == ']') {
            at++;
            return array;
        }
        do {
            array.add(value());
            blanks();
        } while (more(']'));
        return array;
    }

    private boolean more(final char end) {
        if (peek() == ',') {
            at++;
            return true;
        }
        expect(end);
        return false;
    }

    private String string() {
        final StringBuilder string = new StringBuilder();
        expect('"');
        while (peek() != '"') {
            final char character = text.charAt(at++);
            if (character < ' ') {
                throw wrong("no control character");
            }
            string.append(character == '\\' ? escaped() : character);
        }
        at++;
        return string.toString();
    }

    private char escaped() {
        final char kind = text.charAt(at++);
        if (kind == 'u') {
            at += 4;
            return (char) Integer.parseInt(text.substring(at - 4, at), 16);
        }
        final int known = "\"\\/bfnrt".indexOf(kind);
        if (known < 0) {
            throw wrong("an escape");
        }
        return "\"\\/\b\f\n\r\t".charAt(known);
    }

    private Object number() {
        final int from = at;
        while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
        final String number = text.substring(from, at);
        if (!number.matches("-?(0|[1-9]\\d*)(\\.\\d+)?([eE][+-]?\\d+)?")) {
            throw wrong("a number");
        }
        if (number.matches("-?\\d+")) {
            return Long.valueOf(number);
        }
        return Double.valueOf(number);
    }

    private Object word(final String word, final Object value) {
        if (!text.startsWith(word, at)) {
            throw wrong(word);
        }
        at += word.length();
        return value;
    }

    private void blanks() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }

    private char peek() {
        if (at == text.length()) {
            throw wrong("more");
        }
        return text.charAt(at);
    }

    private void expect(final char character) {
        if (peek() != character) {
            throw wrong("'" + character + "'");
        }
        at++;
    }

    private IllegalArgumentException wrong(final String wanted) {
        return new IllegalArgumentException("at " + at + " JSON wants " + wanted + ": "
                + text.substring(Math.max(0, at - 20), Math.min(text.length(), at + 20)));
    }
}
