# ruff: noqa: E501 - bombs are read best on one line
"""Templates can neither run on, nor eat the memory, nor reach anything but their context."""

import json
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

from chalicelib.errors import RenderError
from chalicelib.render.templates import templates_for
from tests.render.test_templates import html, write

BOMBS = {
    "nested range": "{% for a in range(70000) %}{% for b in range(70000) %}{% endfor %}{% endfor %}",
    "nested range with a long body": "{% for a in range(70000) %}{% for b in range(70000) %}{% if a %}{% endif %}"
    "{% if b %}{% endif %}{% endfor %}{% endfor %}",
    "loop over a filter": "{% for a in range(70000)|map('abs') %}{% for b in range(70000)|list %}x{% endfor %}{% endfor %}",
    "macro that calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "macro that calls itself twice": "{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}"
    "{{ m(60) }}",
    "recursive loop": "{% for a in [1, 2] recursive %}{{ loop([1, 2]) }}{% endfor %}",
    "recursive loop over much": "{% for a in range(70000) recursive %}{% if loop.depth < 4 %}{{ loop(range(70000)) }}"
    "{% endif %}{% endfor %}",
    "include of itself": '{% include "email/x/body.mjml" %}',
    "extends itself": '{% extends "email/x/body.mjml" %}',
    "imports itself": '{% import "email/x/body.mjml" as m %}',
    "repetition": '{{ "x" * 10**9 }}',
    "repetition, reversed": "{{ 1000000000 * 'x' }}",
    "power": "{{ 10 ** (10 ** 9) }}",
    "powers": "{% set ns = namespace(x=9) %}{% for a in range(60) %}{% set ns.x = ns.x * ns.x %}{% endfor %}{{ ns.x }}",
    "doubling": "{% set ns = namespace(x='x') %}{% for a in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
    "doubling with +": "{% set ns = namespace(x='x') %}{% for a in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "doubling a list": "{% set ns = namespace(x=[1]) %}{% for a in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "doubling in blocks": "{% set ns = namespace(x='xxxxxxxx') %}{% for a in range(60) %}{% set y %}{{ ns.x }}{{ ns.x }}"
    "{% endset %}{% set ns.x = y %}{% endfor %}",
    "list": "{{ ([0] * 10**9)|length }}",
    "tuple": "{{ ((0, 1) * 10**9)|length }}",
    "center": "{{ 'x'|center(10**9) }}",
    "center, folded": "{{ 'x'|center(1000000000) }}",
    "center, a method": "{{ 'x'.center(10**9) }}",
    "ljust": "{{ 'x'.ljust(10**9) }}",
    "zfill": "{{ 'x'.zfill(10**9) }}",
    "expandtabs": "{{ '\\t'.expandtabs(10**9) }}",
    "encode": "{{ 'x'.encode('utf-32') }}",
    "to_bytes": "{{ (5).to_bytes(10**9) }}",
    "percent": "{{ '%1000000000d' % 5 }}",
    "percent, precision": "{{ '%.1000000000f' % 5 }}",
    "percent, star": "{{ '%*d' % (1000000000, 5) }}",
    "percent, much": "{{ ('%s' * 9000) % ((('x' * 90000),) * 9000) }}",
    "percent, named": "{{ ('%(a)s' * 9000) % {'a': 'x' * 90000} }}",
    "format": "{{ '%1000000000d'|format(5) }}",
    "format, a method": "{{ '{:>1000000000}'.format(5) }}",
    "format_map": "{{ '{a:>1000000000}'.format_map({'a': 5}) }}",
    "join": "{{ range(70000)|join('x' * 90000) }}",
    "join, named": "{{ range(70000)|join(d='x' * 90000) }}",
    "join of one text": "{{ ([('x' * 90000)] * 9000)|join }}",
    "join, attribute": "{{ ([{'a': 'x' * 90000}] * 9000)|join(',', attribute='a') }}",
    "join, a method": "{{ ('x' * 90000).join('y' * 90000) }}",
    "replace": "{{ ('x' * 90000)|replace('x', 'y' * 90000) }}",
    "replace, named": "{{ ('x' * 90000)|replace(new='y' * 90000, old='x') }}",
    "replace with nothing": "{{ ('x' * 90000)|replace('', 'y' * 90000) }}",
    "replace, a method": "{{ ('x' * 90000).replace('x', 'y' * 90000) }}",
    "indent": "{{ ('\\n' * 90000)|indent(9000) }}",
    "indent, wide": "{{ '\\n'|indent(10**9) }}",
    "indent, named": "{{ ('\\n' * 90000)|indent(first=true, width=9000) }}",
    "batch": "{{ [1]|batch(10**9, 'x')|list|length }}",
    "slice": "{{ [1]|slice(10**9)|list|length }}",
    "round": "{{ 5|round(-10**9) }}",
    "wordwrap": "{{ ('x' * 90000)|wordwrap(1, true, 'y' * 90000) }}",
    "sum of lists": "{{ ([[0] * 9000] * 9000)|sum(start=[]) }}",
    "truncate": "{{ ('x' * 90000)|truncate(10, false, 'y' * 10**9) }}",
    "urlize": "{{ ('http://a.b ' * 9000)|urlize(rel='y' * 90000) }}",
    "printing a list of one text": "{{ [('x' * 90000)] * 9000 }}",
    "joining lists": "{{ [[('x' * 90000)] * 9000] ~ 'x' }}",
    "much output": "{% for a in range(70000) %}{{ 'x' * 90000 }}{% endfor %}",
    "much output in a macro": "{% macro m(x) %}{% for a in range(70000) %}{{ x }}{% endfor %}{% endmacro %}"
    "{{ m('x' * 90000) }}",
    "much literal output": "{% for a in range(70000) %}" + "x" * 9000 + "{% endfor %}",
    "pieces": "{% for a in range(70000) %}{% set x = ('a' * 90000).split('') %}{% endfor %}",
    "splitting": "{% for a in range(70000) %}{% set x = ('a ' * 40000).split() %}{% endfor %}",
    "many blanks": "{{ ('(' * 99999)|urlize }}{{ ('<!--' * 20000)|striptags }}{{ 'x' * 10**9 }}",
    "deep in code": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "loops in loops": "{% for a in [1] %}" * 60 + "{% endfor %}" * 60,
    "a huge file": "x" * 600_000,
}


WITHOUT_LINE = {"deep in code", "loops in loops"}


@pytest.mark.parametrize(("name", "body"), BOMBS.items(), ids=BOMBS.keys())
def test_a_bomb_ends_in_an_error_that_names_its_line(tmp_path, name, body):
    begun = monotonic()
    line = "" if name in WITHOUT_LINE else ", line [1-9]"
    with pytest.raises(RenderError, match=rf"email/x/body\.mjml{line}: "):
        html(tmp_path, body)
    assert monotonic() - begun < 60  # it would go on for hours


@pytest.mark.parametrize("name", ["join", "doubling", "much output", "percent, much", "nested range"])
def test_bombs_end_in_text_templates_too(tmp_path, name):
    write(tmp_path, "email/x/body.txt", BOMBS[name])
    with pytest.raises(RenderError, match=r"email/x/body\.txt, line [1-9]"):
        templates_for(tmp_path).text("email/x/body.txt", {})


def test_bombs_take_little_memory(tmp_path):
    """All of them in one process that may use 400 MB more than it begins with."""
    for number, body in enumerate(BOMBS.values()):
        write(tmp_path, f"email/b{number}/body.mjml", body.replace("email/x/", f"email/b{number}/"))
    code = (
        "import json, resource, sys; from pathlib import Path\n"
        "from chalicelib.render.templates import templates_for\n"
        "from chalicelib.errors import RenderError\n"
        "used = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 400_000_000,) * 2)\n"
        "said, templates = [], templates_for(Path(sys.argv[1]))\n"
        "for number in range(int(sys.argv[2])):\n"
        "    try: said.append(templates.html(f'email/b{number}/body.mjml', {}))\n"
        "    except RenderError as error: said.append(type(error.__cause__).__name__)\n"
        "print(json.dumps(said))"
    )
    if not Path("/proc/self/statm").exists():
        pytest.skip("how much memory a process uses is read from /proc")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), str(len(BOMBS))],
        capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[2], check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-500:]
    said = dict(zip(BOMBS, json.loads(done.stdout), strict=True))
    assert [name for name, what in said.items() if what == "MemoryError" and name != "deep in code"] == []
    assert [name for name, what in said.items() if "<" in what] == []


SECRETS = [
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ ''|attr('__class__') }}",
    "{{ ['']|map(attribute='__class__')|join }}",
    "{{ self._TemplateReference__context }}",
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ lipsum.__globals__ }}",
    "{{ range.__self__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ config }}",
    "{{ request }}",
    "{{ '{0.__class__}'.format('') }}",
    "{{ '{0.__class__}'['format']('') }}",
    "{{ '{0.__class__}'|attr('format') }}{{ 1/0 }}",
    "{{ ''.format_map({}) }}",
    "{{ '%(__class__)s' % value }}",
    "{{ value.secret.__func__ }}",
    "{{ value._private }}",
    "{{ value.secret.__globals__ }}",
    "{{ (1).__class__.__mro__ }}",
    "{{ [].append(1) }}",
    "{{ {}.update({}) }}",
    "{% set x = value.__dict__ %}{{ x }}",
    "{{ caller.__globals__ }}",
    "{% for x in [1] %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "{% macro m() %}{% endmacro %}{{ m.__init__.__globals__ }}",
    "{% macro m() %}{% endmacro %}{{ m._func.__globals__ }}",
]


class Value:
    _private = "hidden"

    def secret(self) -> str:
        return "hidden"


@pytest.mark.parametrize("body", SECRETS)
def test_nothing_but_the_context_is_in_reach(tmp_path, body):
    with pytest.raises(RenderError, match=r"email/x/body\.mjml, line 1"):
        html(tmp_path, body, value=Value())
    write(tmp_path, "email/x/body.txt", body)
    with pytest.raises(RenderError, match=r"email/x/body\.txt, line 1"):
        templates_for(tmp_path).text("email/x/body.txt", {"value": Value()})


FAULTS = [
    ("{{ 1|nofilter }}", "nofilter"),
    ("{{ 1 is notest }}", "notest"),
    ('{% include "email/none.mjml" %}', "email/none.mjml"),
    ("{{ range(3)|list }}", "can't be printed"),
    ("{% for a in 5 %}{% endfor %}", "not iterable"),
    ("{{ value.split(1) }}", "str"),
]


@pytest.mark.parametrize(("body", "said"), FAULTS)
def test_other_faults_are_named(tmp_path, body, said):
    with pytest.raises(RenderError, match=said):
        html(tmp_path, body, value="x")


ORDINARY = [
    ("{% for a in [1, 2, 3] %}{{ loop.index }}/{{ loop.length }}{% if not loop.last %},{% endif %}{% endfor %}", "1/3,2/3,3/3"),
    ("{% for a in [1, 2, 3] if a > 1 %}{{ a }}{{ loop.length }}{% else %}none{% endfor %}", "2232"),
    ("{% for a in [] %}{% else %}none{% endfor %}", "none"),
    ("{% for a, b in {'x': 1}.items() %}{{ a }}{{ b }}{% endfor %}", "x1"),
    ("{% for a in [1, [2, [3]]] recursive %}{% if a is iterable %}({{ loop(a) }}){% else %}{{ a }}{% endif %}{% endfor %}", "1(2(3))"),
    ("{{ [1, 2]|join(', ') }}", "1, 2"),
    ("{{ [{'a': 'x'}, {'a': 'y'}]|join('-', attribute='a') }}", "x-y"),
    ("{{ [3, 1]|sort|first }}{{ [1, 2, 3]|batch(2)|list|length }}{{ [1, 2]|sum }}", "123"),
    ("{{ 'a b c'|replace('b', 'x')|upper }}", "A X C"),
    ("{{ 'a\\nb'|indent(2) }}", "a\n  b"),
    ("{{ '%02d:%02d' % (5, 7) }} {{ '%s!'|format('x') }} {{ '100%%' % () }}", "05:07 x! 100%"),
    ("{{ 'a' ~ 1 ~ 'b' }}{{ 2 ** 10 }}{{ 7 % 3 }}{{ 'ab' * 2 }}{{ 1 + 2.5 }}", "a1b10241abab3.5"),
    ("{{ 'Hello there'.split(' ')[0].lower() }} {{ 'x'.startswith('x') }}", "hello True"),
    ("{{ missing|default('none') }}{{ missing is defined }}", "noneFalse"),
    ("{% set ns = namespace(n=0) %}{% for a in [1, 2] %}{% set ns.n = ns.n + a %}{% endfor %}{{ ns.n }}", "3"),
    ("{{ 'one two three four'|truncate(9) }} {{ 1.5|round|int }}", "one... 2"),
    ("{{ [1, 2]|map('string')|select('equalto', '1')|list|length }}", "1"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "shown"), ORDINARY)
def test_what_templates_ordinarily_do_still_works(tmp_path, body, shown):
    write(tmp_path, "email/x/body.txt", body)
    assert templates_for(tmp_path).text("email/x/body.txt", {}) == shown


def test_concatenation_escapes_as_before(tmp_path):
    page = html(tmp_path, "{{ '<b>'|safe ~ value ~ '</b>'|safe }}<i>end</i>", value="</b><")
    assert "<b>&lt;/b&gt;&lt;</b><i>end</i>" in page


def test_one_rendering_does_not_use_up_the_budget_of_the_next(tmp_path):
    write(tmp_path, "email/x/body.txt", "{% for a in range(70000) %}{% endfor %}done")
    for _ in range(5):
        assert templates_for(tmp_path).text("email/x/body.txt", {}) == "done"
