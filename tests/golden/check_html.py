#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""check_html.py DIRECTORY: every *.html.expected there is one whole page: each element closed, none but those that
the report makes, no attribute that runs anything, nothing from the network, headings in order, names for what is
operated; and the charts' data is JSON of numbers. Foreign text that means ill is letters only."""

import glob
import html.parser
import json
import re
import sys

VOID = {"meta", "br", "input", "rect", "path"}
TAGS = VOID | set("""html head title style body main h1 h2 h3 p div strong span dl dt dd nav a table caption thead tbody
tr th td figure figcaption script svg form label select option output details summary ul li pre small""".split())
ATTRIBUTES = set("""lang charset http-equiv content name id class href scope tabindex role aria-label aria-live hidden
aria-hidden data-rows data-severity data-chart data-of data-label type value open viewbox preserveaspectratio x y
width height d rowspan colspan""".split())


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.texts, self.level, self.scripts, self.ids, self.links = [], [], 0, [], set(), set()

    def must(self, good, what):
        if not good:
            raise SystemExit(f"{sys.argv[1]}: line {self.getpos()[0]}: {what}")

    def handle_starttag(self, tag, attrs):
        self.must(tag in TAGS, f"<{tag}>")
        for name, value in attrs:
            self.must(name in ATTRIBUTES, f"{name} of <{tag}>")
            self.must(name != "href" or value.startswith("#"), f"a link to {value}")
            if name == "id":
                self.must(value not in self.ids, f"two of id {value}")
                self.ids.add(value)
            if name == "href":
                self.links.add(value[1:])
        if re.fullmatch("h[1-6]", tag):
            self.must(int(tag[1]) <= self.level + 1, f"<{tag}> below h{self.level}")
            self.level = int(tag[1])
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_startendtag(self, tag, attrs):
        self.must(tag in VOID, f"<{tag}/>")
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        self.must(self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}")
        self.open.pop()

    def handle_comment(self, data):
        self.must(False, f"a comment: {data}")

    def handle_data(self, data):
        if self.open[-1:] == ["script"]:
            attrs, text = self.scripts[-1]
            self.scripts[-1] = (attrs, text + data)
        else:
            self.texts.append(data)

    def handle_decl(self, decl):
        self.must(decl == "DOCTYPE html" and self.getpos() == (1, 0), decl)


def check_chart(page, text):
    chart = json.loads(text)
    rows = chart["rows"]
    page.must(len(rows) == 4 and len({len(row) for row in rows}) == 1 and len(rows[0]) > 1, "a chart's rows")
    page.must(rows[0] == sorted(rows[0]), "a chart goes back in time")
    page.must(all(least <= mean * 1.000001 and mean <= most * 1.000001 for least, mean, most in zip(*rows[1:])),
              "a mean that is no mean")
    baseline = chart.get("baseline", [0, 0])
    page.must(len(baseline) == 2 and 0 <= baseline[0] <= baseline[1], "a chart's baseline")
    page.must(all(0 <= severity <= 3 for _, severity in chart["marks"]), "a chart's marks")
    least, most = chart["range"]
    page.must(all(least <= x <= most for x in rows[0] + [at for at, _ in chart["marks"]]), "a chart's range")


def check(path):
    page = Page()
    with open(path, "rb") as file:
        data = file.read().decode("utf-8")
    page.feed(data)
    page.close()
    page.must(not page.open, f"not closed: {page.open}")
    page.must(page.links <= page.ids, f"links to nowhere: {page.links - page.ids}")
    page.must("default-src 'none'" in data, "no content security policy")
    text = "".join(page.texts)
    page.must(not re.search("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", data), "control characters")
    for attrs, script in page.scripts:
        if attrs.get("type") == "application/json":
            check_chart(page, script)
    return "<script>alert(1)</script>" in text, sum("type" in attrs for attrs, _ in page.scripts)


def main():
    paths = sorted(glob.glob(sys.argv[1] + "/*.html.expected"))
    if not paths:
        raise SystemExit(f"no pages in {sys.argv[1]}")
    hostile = charts = 0
    for path in paths:
        sys.argv[1] = path
        evil, n = check(path)
        hostile, charts = hostile + evil, charts + n
    if hostile < 2 or charts < 2:
        raise SystemExit(f"{hostile} pages with hostile text, {charts} charts: this shows nothing")
    print(f"{len(paths)} pages good, {charts} charts, {hostile} of them with hostile text")


if __name__ == "__main__":
    main()
