"""What the YAML parser minds, in words that say what to do."""

from __future__ import annotations

_EXPLANATIONS: tuple[tuple[str, str, str], ...] = (
    ("mapping values are not allowed", "a ': ' cannot stand inside a plain value", "put the whole value in quotes"),
    ("character '\\t'", "a tab cannot indent", "indent with spaces"),
    ("cannot start any token", "a plain value cannot begin with this character", "put the value in quotes"),
    ("could not find expected ':'", "a ':' is missing after the key", "write `key: value`, or indent a continued text"),
    ("expected <block end>", "the indentation does not fit the lines above", "align it with its neighbours"),
    ("while scanning a quoted scalar", "a quote is opened here and never closed", "close the quote"),
    ("unexpected end of stream", "a quote is opened here and never closed", "close the quote"),
    (
        "expected ',' or ']'",
        "a '[' is opened here and never closed",
        "close it with ']'; in brackets, text with ${…} needs quotes",
    ),
    (
        "expected ',' or '}'",
        "a '{' is opened here and never closed",
        "close it with '}'; in brackets, text with ${…} needs quotes",
    ),
    ("expected the node content", "a value is missing here", "write one, or close the bracket before"),
    (
        "unknown escape character",
        "this is no escape of a double-quoted text",
        "use single quotes, or double the backslash",
    ),
    ("expected chomping or indentation", "a block text starts on the next line", "break the line after '|' or '>'"),
)


def explain(complaint: str) -> tuple[str, str]:
    """Return message and advice for what the parser said."""
    for part, message, advice in _EXPLANATIONS:
        if part in complaint:
            return message, advice
    return f"this is not YAML: {complaint}", ""
