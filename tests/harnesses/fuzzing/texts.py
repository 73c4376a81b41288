"""How hypothesis makes inputs that hardly differ from right ones: texts, numbers and files that people might have."""

from hypothesis import strategies as st

# Letters that have broken something somewhere: controls, directions, halves of surrogate pairs, markup, formulas.
NASTY = "\x00\x01\t\n\r\x1b\x7f\x85\x9b\u00ad\u200b\u202e\u2028\u2066\ufeff\ufffd\U000e0041\U0001f600éÅ0\u0661\uff11"
MARKUP = "<>&|`*_[](){}#~!$@=+-\"'\\/%^;:,. "
WORDS = (
    "../x", "/etc/passwd", ".", "", "-rf", "CON", "~root", "\x1b]0;x\x07", "\x1b[2J", "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0", "a|b\n# x", "[x](javascript:alert(1))", "{{7*7}}", "%s%n", "nan", "-inf", "1e400",
    "9" * 5000, "0x" + "f" * 4000, "true", "null", "1_000", "\uff11\uff12",
)  # fmt: skip

letters = st.sampled_from(NASTY + MARKUP + "abcxyzABC019") | st.characters(exclude_categories=["Cs"])
words = st.sampled_from(WORDS) | st.text(letters, max_size=12)
numbers = (
    st.integers(-3, 20)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0, 1, 1.0, -0.0, 1e-308, 1e308, 2**31, 2**32, 2**53, 2**63, 2**64, 10**30, 10**400, 0.1])
)
scalars = numbers | st.booleans() | words
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=3), max_leaves=6
)


@st.composite
def damaged(draw: st.DrawFn, contents: st.SearchStrategy[bytes]) -> bytes:
    """A few bytes of a file changed, cut off or doubled; mostly none."""
    content = draw(contents)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        begin = draw(st.integers(0, len(content)))
        end = min(len(content), begin + draw(st.integers(0, 30)))
        content = draw(
            st.sampled_from([content[:begin], content[:begin] + content[end:], content[:end] + content[begin:]])
            | st.binary(max_size=8).map(
                lambda new, content=content, begin=begin: content[:begin] + new + content[begin:]
            )
        )
    return content
