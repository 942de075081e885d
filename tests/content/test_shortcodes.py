"""Shortcodes: known ones become Markdown, the marks of others go and their words stay, code keeps what it shows."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.content.filling import Known, filled
from chalicelib.content.markup import markdown_to_html, plain_text
from chalicelib.content.pieces import Part, Pieces
from chalicelib.content.shortcodes import one_line_without_shortcodes, without_shortcodes
from chalicelib.content.teaser import parted
from tests.content.test_formats import good

BASE = "https://www.example.org/a/"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a {% unknown x y=1 %} b {%- endunknown -%} c", "a  b  c"),
        ("a {% broken b", "a  broken b"),
        ("a {% broken\n\nb %} c", "a  broken\n\nb %} c"),
        ("a {{ x | y: '{' }} b {{{ z }}} c", "a  b  c"),
        ("a {{ open b", "a {{ open b"),
        ("a {{< new >}}b{{< /new >}} {{% x %}}c", "a b c"),
        ("a {{< open b", "a  open b"),
        ("# T {: .c}\n{: #id}\nb{: .x } {:y", "# T \n\nb y"),
        ("a\n{::comment}\nb\n{:/comment}\nc{::nomarkdown}d{:/}{::options x=\"y\" /}", "a\n\ncd"),
        ("* TOC\n{:toc}\n\na\n[TOC]\n*[HTML]: Hyper", "\n\na\n\n"),
        ("## T {#an-id}\n{.class}\na", "## T\n\na"),
        ("a{% comment %}b ``` {% endcomment %}c", "ac"),
        ("a{{< comment >}}b{{< /comment >}}c{/* d */}", "ac"),
        ("import T from '@x/T';\nimport {a, b} from \"x\"\n\nexport const y = {\n  a: 1,\n};\n\ntext", "\n\n\n\ntext"),
        ("import your own data from 'here' with care", "import your own data from 'here' with care"),
        ("<Tabs>\n<TabItem value='a' label=\"Mac OS\">\n\nx <Y a={{b: [() => 1]}} c />\n</TabItem>\n</Tabs>",
         "\n**Mac OS**\n\n\n\nx \n\n"),
        (":::note Mind this\n\na\n\n:::\n:::tip[T]\nb\n:::\n:::info\nc\n:::",
         "**Mind this**\n\n\na\n\n\n**T**\n\nb\n\n\nc\n"),
        ("{% if a %}b{% else %}c{% endif %}{% unless d %}e{% endunless %}", "be"),
        ("{% if a %}b{% if x %}1{% else %}2{% endif %}{% elsif y %}c{% else %}d{% endif %}e", "b1e"),
        ("{% case a %} head {% when 1 %}b{% when 2 %}c{% endcase %}d", "bd"),
        ("a{% for x in y %}b{{ x }}{% if z %}c{% endif %}{% endfor %}d", "ad"),
        ("a{% for x in y %}b{% else %}none{% endfor %}d{% capture z %}e{% endcapture %}", "anoned"),
        ("a{% for x in y %}b {% if %}", "ab "),
        ("{% if a %}{% for x in y %}b{% endif %}c{% endfor %}d", "d"),
        ("{% highlight ruby linenos %}\n{{ x }}\n```\n{% endhighlight %}", "\n\n````ruby\n{{ x }}\n```\n````\n\n"),
        ("{{< highlight go \"linenos=table\" >}}\na\n{{< / highlight >}}b", "\n\n```go\na\n```\n\nb"),
        ("{% raw %}{{ x }} {% y %} `{{ z }}`{% endraw %}{{ w }}", "&#123;{ x }} &#123;% y %} `{{ z }}`"),
        ("```yaml\n{% raw %}\n{{ x }}\n{% endraw %}\n```", "```yaml\n{{ x }}\n\n```"),
        ("{% raw %}\n```yaml\n{{ x }}\n```\n{% endraw %}", "\n```yaml\n{{ x }}\n```\n"),
        ("{{</* ref x */>}} `{{%/* y */%}}`", "&#123;&#123;< ref x >}} `{{% y %}}`"),
        ("{{ \"/a\" | relative_url }} {{ '{{' }}", "/a &#123;{"),
        ("[a]({static}/i.png) [b]({attach}i.png) [c]({filename}b.md) <a href=\"|filename|b.md\">",
         "[a](/i.png) [b](/i.png) [c]() <a href=\"\">"),
        ("{% include figure.html src='/x.png' alt='[A]' caption=\"C *d*\" %}", "![A](</x.png>)\n*C d*"),
        ("{{< figure src=`x.png` >}}{{< img \"y.png\" >}}{{< figure title='T' src='{{x' >}}",
         "![](<x.png>)![](<y.png>)*T*"),
        ("{{< youtube w7Ft2ymGmfc >}} {% include vimeo.html id=123 title=\"V\" %} {{< youtube \"javascript:x\" >}}",
         "[https://www.youtube.com/watch?v=w7Ft2ymGmfc](https://www.youtube.com/watch?v=w7Ft2ymGmfc) "
         "[V](https://vimeo.com/123) "),
        ("{% gist ada/12 %}{{< gist bo 34 >}}", "[https://gist.github.com/ada/12](https://gist.github.com/ada/12)"
         "[https://gist.github.com/bo/34](https://gist.github.com/bo/34)"),
        ("{{< tweet user=ada id=99 >}}", "[https://twitter.com/i/status/99](https://twitter.com/i/status/99)"),
        ("{{< details \"More *of* it\" >}}\na\n{{< /details >}}", "**More of it**\n\n\na\n"),
        ("{% tabs %}{{% tab name=\"Linux\" %}}a{{% /tab %}}{% endtabs %}", "**Linux**\n\na"),
        ("<div>\n    {% for x in y %}\n    b\n    {% endfor %}\n    <p>c</p>\n{% endif %}\n\nd",
         "<div>\n    <p>c</p>\n\n\nd"),
        ("plain [a](b) {c} { % d", "plain [a](b) {c} { % d"),
    ],
)  # fmt: skip
def test_what_becomes_of_it(text: str, expected: str) -> None:
    assert without_shortcodes(text) == expected
    assert without_shortcodes(expected) == expected


@pytest.mark.parametrize(
    "code",
    [
        "```yaml\nx: {{ value }}\n{% if y %}\n{{< z >}} {: .a}\n```",
        "> ~~~~\n> {{ value }}\n> ~~~\n> {{ x }}\n> ~~~~",
        "- a\n\n  ```\n  {{ value }}\n  ```\n- b",
        "Use `{{ value }}` and ``{% `x` %}`` and `{: .a}`.",
        "Like this:\n\n    {{ value }}\n\n    {% endfor %}\n\nSo.",
        "<pre>\n{{ value }}\n</pre>\n<code>{% x %}</code>",
        "```\n{% comment %}\n```\n\nwords\n\n```\n{% endcomment %}\n```",
        "```\nimport x from 'y'\n:::note\n<Tabs>\n```",
        "```\nunclosed {{ x }}",
        "``a\nb {{ value }}``",
    ],
)
def test_code_keeps_what_it_shows(code: str) -> None:
    assert without_shortcodes(code) == code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one ` {{ x }}\n\nand ` more", "one ` \n\nand ` more"),
        ("\\` {{ x }} \\`", "\\`  \\`"),
        ("`a`` {{ x }} b", "`a``  b"),
        ("- item\n\n    {{ x }}words", "- item\n\n    words"),
        ("1. item\n\n    {{ x }}words", "1. item\n\n    words"),
        ("<div>\n\n    {{ x }}words", "<div>\n\n    words"),
        ("a\n    {{ x }}words", "a\n    words"),
        ("<pre>{{ x }}", "<pre>"),
        ("<!-- {{ x }} --> {{ y }}", "<!-- {{ x }} --> "),
        ("```\na\n```\n{{ x }}", "```\na\n```\n"),
        ("<a href=\"{{ x }}\">{{ y }}</a>", "<a href=\"\"></a>"),
    ],
)  # fmt: skip
def test_what_only_looks_like_code(text: str, expected: str) -> None:
    assert without_shortcodes(text) == expected


def test_in_html_nothing_is_left_and_links_without_a_target_are_none() -> None:
    text = "[a]({% post_url x %}) <a href=\"{{ x }}\" title='t'>b</a> ![c]({{ y }}) {% raw %}{{ z }}{% endraw %}"
    assert markdown_to_html(text, BASE) == '<p><a>a</a> <a title="t">b</a> <img alt="c"> {{ z }}</p>'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Using {{ value }} in `{% x %}`", "Using {{ value }} in `{% x %}`"),
        ("A {% t x %} title {: .c}", "A title"),
        ("A {{< x >}} title", "A title"),
        ("Vec<String> and <T> import", "Vec<String> and <T> import"),
        ("{% x %}", "{% x %}"),
        ("plain", "plain"),
    ],
)
def test_titles(text: str, expected: str) -> None:
    assert one_line_without_shortcodes(text) == expected


KNOWN = Known(
    {"site.url": "https://www.example.org", "site.baseurl": "", "page.title": "T"},
    {"talks": [{".name": "A", ".url": "/a"}, {".name": "B"}], "words": [{"": "x"}, {"": "y"}]},
    lambda name: f"/posts/{name}" if "known" in name else "",
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ page.title }} {{page.title | escape}} {{ page.other }} {{ x }}", "T T {{ page.other }} {{ x }}"),
        ("{{ site.baseurl }}/a {{ '/b' | absolute_url }} {{ '/b' | relative_url }}", "/a https://www.example.org/b /b"),
        ("{{ page.title | date: '%Y' }} {{ '/b' | prepend: site.url }}",
         "{{ page.title | date: '%Y' }} https://www.example.org/b"),
        ("{% post_url known %} {% link other %} {{< relref \"known\" >}} {{% ref path=known %}} {{< param title >}}",
         "/posts/known {% link other %} /posts/known /posts/known T"),
        ("`{{ page.title }}` {% raw %}{{ page.title }}{% endraw %}",
         "`{{ page.title }}` {% raw %}{{ page.title }}{% endraw %}"),
        ("{% for t in page.talks %}\n- {{ t.name }}{% if t.url %} {{ t.url }}{% else %}!{% endif %}\n{% endfor %}\nend",
         "\n- A /a\n\n- B!\n\nend"),
        ("{% for w in page.words %}{{ w }}{{ w.z }}{{ page.title }},{% endfor %}", "xT,yT,"),
        ("{% for w in page.none %}{{ w }}{% endfor %}", "{% for w in page.none %}{{ w }}{% endfor %}"),
        ("{% for w in page.words %}{{ w }}", "{% for w in page.words %}{{ w }}"),
    ],
)  # fmt: skip
def test_what_is_known_is_filled_in(text: str, expected: str) -> None:
    assert filled(text, KNOWN) == expected


def test_loops_in_loops_end() -> None:
    many = Known({}, {"x": [{"": "y" * 1000}] * 100}, str)
    text = "{% for a in page.x %}" * 5 + "{{ a }}" * 10_000 + "{% endfor %}" * 5
    assert len(filled(text, many)) < 1_000_000


def test_a_post_is_filled_with_what_it_says_itself(tmp_path: Path) -> None:
    text = (
        "---\ntitle: A {% t x %} title\ndate: 2026-03-01\nnumber: 7\nseries: [a, b]\n---\n"
        "{{ page.title }} no. {{ page.number }}: [x]({% post_url sub/2026-01-02-other %}#part) {{ page.url }}\n"
        '{{< ref "/blog/one/index.md" >}} {% for s in page.series %}{{ s }}{% endfor %} {{ site.url }}/b'
    )
    assert good(tmp_path, text).body == (
        "A {% t x %} title no. 7: [x](https://www.example.org/blog/other/#part) https://www.example.org/blog/a/\n"
        "https://www.example.org/blog/one/ ab https://www.example.org/b"
    )
    assert good(tmp_path, text).title == "A title"


@pytest.mark.parametrize(
    ("body", "separator", "expected"),
    [
        ("# H\n\nThe **lead**.\n\n<!--more-->\nRest", "", "The lead."),
        ("Lead.\n<!-- truncate -->\nRest", "", "Lead."),
        ("Lead.\n{/* truncate */}\nRest", "", "Lead."),
        ("Lead {{ x }}.\n\n[more]\n\nRest <!--more-->", "[more]", "Lead ."),
        ("<!--more-->Rest", "", ""),
        ("word " * 2000 + "<!--more-->Rest", "", ""),
        ("Rest", "[more]", ""),
    ],
)
def test_what_stands_above_more_is_the_summary(body: str, separator: str, expected: str) -> None:
    rest, lead = parted(body, separator)
    assert lead == expected
    assert "[more]" not in rest
    assert "truncate" not in plain_text(markdown_to_html(rest, ""))


def test_a_summary_wins_over_more(tmp_path: Path) -> None:
    assert good(tmp_path, "---\ntitle: T\nsummary: Own\n---\nLead.\n<!--more-->\nRest").summary == "Own"
    assert (
        good(tmp_path, "---\ntitle: T\nexcerpt_separator: <!--cut-->\n---\nLead.\n<!--cut-->\nRest").summary == "Lead."
    )


MARKS = [
    *(
        "{% if a %}",
        "{% else %}",
        "{% endif %}",
        "{% for x in y %}",
        "{% endfor %}",
        "{% raw %}",
        "{% endraw %}",
        "{%",
        "%}",
    ),
    *(
        "{% comment %}",
        "{% endcomment %}",
        "{% highlight a %}",
        "{% endhighlight %}",
        "{{ x }}",
        "{{",
        "}}",
        "{{ 'x{{' }}",
    ),
    *(
        "{{<",
        ">}}",
        "{{< a >}}",
        "{{< /a >}}",
        "{{%",
        "%}}",
        "{: .a}",
        "{:",
        "{::comment}",
        "{:/}",
        "{/*",
        "*/}",
        "{#a}",
    ),
    *("```", "````\n", "~~~", "`", "``", "\n", "\n\n", "\n    ", "\n- ", "> ", "\\", "<pre>", "</pre>", "<!--", "-->"),
    *("<Tab a={b}>", "</Tab>", ":::note x\n", "import 'a'", "[TOC]", "*[a]: b", "word"),
]
TOKENS = st.lists(
    st.one_of(
        st.sampled_from(MARKS),
        st.text(max_size=4),
    ),
    max_size=14,
).map("".join)


@settings(max_examples=400, deadline=None)
@given(TOKENS)
@example("{% raw %}{% raw %}{{ x }}{% endraw %}{% endraw %}")
@example("{{:")
@example("{{{<")
@example("{{:::note x\n")
def test_the_pieces_are_the_text_and_what_is_left_has_no_marks(text: str) -> None:
    pieces = list(Pieces(text))
    assert "".join(piece.written for piece in pieces) == text
    left = [p.written for p in Pieces(without_shortcodes(text)) if p.part is Part.TEXT]
    assert not [mark for mark in ("{%", "{{<", "{{%", "{:", "{::") if any(mark in part for part in left)]


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab`~ \n\t>-<!{}%:\"'=/"), max_size=40))
def test_text_without_shortcodes_stays(text: str) -> None:
    if not re.search(r"\{[{%:/#.<]|:::|</?[A-Z]", text):
        assert without_shortcodes(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *(
            mark * 40_000
            for mark in ("{{<", "{{%", "{% raw %}", "{% highlight x %}", "{::comment}", "{/*", "<pre>", "`")
        ),
        *(
            mark * 30_000
            for mark in ("{{< highlight >}}", "<Tab ", "<Tab a={{", ":::", "import {", "{% a\n\n", "\n    x\n\n")
        ),
        *(mark * 60_000 for mark in ("{", "{{:", "{{{<")),
        "".join("`" * n + " " for n in range(1, 600)),
        "".join("\n" + "`" * (n + 3) + "\nx" for n in range(400)) * 2,
        "<Tab " + "a={" * 60_000,
        "{% if a %}" * 20_000 + "{% else %}" * 20_000 + "{% endif %}" * 20_000,
        "{% for a in page.talks %}" * 10_000 + "{{ a.name }}" + "{% endfor %}" * 10_000,
        "{% x" + " " * 190_000 + "y %}",
        "{{ '" + "' | x: '" * 20_000 + " }}",
        "{{< figure " + 'src="' * 30_000 + " >}}",
        "```\n" + "{% raw %}" * 20_000 + "endraw",
        "export const a\n" + "b\n" * 90_000,
        "a\n" + "\n" * 100_000 + "    b\n\n" * 10_000,
        "[a](" * 10_000 + "{static}" * 10_000,
    ],
    ids=lambda text: repr(text[:20]),
)
@pytest.mark.parametrize("share", [0.1, pytest.param(1.0, marks=pytest.mark.slow)])
@pytest.mark.timeout(60)  # a guard against what is not linear, no measure
def test_hostile_text_is_read_in_seconds(text: str, share: float) -> None:
    text = text[: int(len(text) * share)]
    assert len(without_shortcodes(text)) <= 2 * len(text) + 100
    filled(text, KNOWN)
    one_line_without_shortcodes(text)
