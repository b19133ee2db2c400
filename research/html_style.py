"""How a report looks in a browser, light or dark, and on paper."""

from typing import Final

# a browser holds the file to it: nothing is asked of the network, nothing runs
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

STYLE: Final = """
:root { color-scheme: light dark; --ink: #22262b; --muted: #5f6772; --rule: #d5d9df; --shade: #f3f5f8; --paper: #fff;
  --accent: #1f5fa8; --string: #16784b; --comment: #747c87; --number: #a3541b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e6ea; --muted: #9aa3af; --rule: #3a4048; --shade: #22262c;
  --paper: #181b1f; --accent: #7db3f0; --string: #7cc79c; --comment: #8d96a2; --number: #e0a06c; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 "DejaVu Sans", Verdana, system-ui, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.8rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.15rem; margin: 2.6rem 0 .7rem; padding-bottom: .3rem; border-bottom: 1px solid var(--rule);
  break-after: avoid; }
.subtitle, figcaption, .shape { color: var(--muted); font-size: .8rem; }
.subtitle { font-size: .95rem; margin: .35rem 0 1.6rem; }
.shape { margin: .3rem 0 1.2rem; }
nav { background: var(--shade); border-radius: 6px; padding: .8rem 1.1rem; columns: 18rem; font-size: .9rem; }
nav a { display: block; padding: .1rem 0; break-inside: avoid; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .8rem; font-variant-numeric: tabular-nums; }
th, td { padding: .22rem .7rem; text-align: right; vertical-align: top; }
.frame th { border-bottom: 1.5px solid var(--muted); white-space: nowrap; }
.frame td { white-space: nowrap; }
.frame td.words { white-space: normal; max-width: 24rem; overflow-wrap: break-word; }
.frame tbody tr:nth-child(even) { background: var(--shade); }
.words { text-align: left !important; }
.keys { width: 100%; table-layout: fixed; }
.keys col:first-child { width: 36%; }
@media (min-width: 52rem) { .keys col:first-child { width: 17rem; } }
.keys th, .keys td { text-align: left; border-bottom: 1px solid var(--rule); font-weight: normal; }
.keys th { color: var(--muted); overflow-wrap: anywhere; }
.keys th.opens { color: var(--ink); font-weight: bold; }
.keys td { font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: .92em; overflow-wrap: anywhere; }
.keys pre { margin: .2rem 0; overflow-x: auto; }
figure { margin: .8rem 0 1.4rem; break-inside: avoid; }
img { display: block; max-width: 100%; height: auto; background: #fff; border-radius: 6px; }
.code { font: 12.5px/1.45 "DejaVu Sans Mono", Menlo, Consolas, monospace; background: var(--shade); border-radius: 6px;
  padding: .8rem 0; overflow-x: auto; tab-size: 4; }
.code code { display: block; padding: 0 1rem 0 4.2rem; text-indent: -4.2rem; white-space: pre-wrap;
  overflow-wrap: anywhere; }
.code code::before { content: attr(data-n); display: inline-block; width: 3.2rem; margin-right: 1rem; text-indent: 0;
  text-align: right; color: var(--muted); }
.keyword { color: var(--accent); } .string { color: var(--string); }
.comment { color: var(--comment); } .number { color: var(--number); }
@media print { :root { color-scheme: light; --ink: #22262b; --muted: #5f6772; --rule: #d5d9df; --shade: #f3f5f8;
  --paper: #fff; --accent: #1f5fa8; --string: #16784b; --comment: #747c87; --number: #a3541b; }
  @page { size: A4; margin: 16mm 14mm; } body { font-size: 10px; } main { padding: 0; max-width: none; }
  .code { font-size: 7.5px; background: none; padding: 0; } .wide, .code, .keys pre { overflow: visible; }
  .frame { font-size: 6.5px; } th, td { padding: .15rem .4rem; }
  .keys col:first-child { width: 30%; } tr { break-inside: avoid; } thead { display: table-header-group; } }
"""
