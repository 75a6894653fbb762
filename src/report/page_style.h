// SPDX-License-Identifier: Apache-2.0
/// How our pages look: inline, since nothing of a page is fetched.
#pragma once

namespace rw {

inline constexpr const char* kPageStyle = R"(
:root{color-scheme:light dark;--ink:#111;--paper:#fff;--soft:#444;--faint:#555;--rule:#ddd;--edge:#888;--box:#ccc;--lead:#f2f7fb;--shade:#0005;
--explodes:#d55e002b;--degrades:#e69f0026;--stable:#0072b21a;--improves:#009e7321;--none:#bbb}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e8e8e8;--paper:#15181c;--soft:#bbb;--faint:#aaa;--rule:#3a3f45;--edge:#777;--box:#555;--lead:#1b2a36;--shade:#fff4;
--explodes:#d55e0048;--degrades:#e69f003b;--stable:#0072b236;--improves:#009e7340;--none:#666}
.chart svg,.legend svg{filter:invert(1) hue-rotate(180deg)}.chart .grid{stroke:#b8b8b8}}
body{font:16px/1.5 system-ui,sans-serif;max-width:62em;margin:2em auto;padding:0 1em;color:var(--ink);background:var(--paper)}
h1{font-size:1.5em;line-height:1.25;margin-bottom:.3em;overflow-wrap:anywhere}h2{margin-top:2em}h3{margin-bottom:.3em}
.answer{font-size:1.3em;border-left:.3em solid #0072b2;padding:.5em .8em;background:var(--lead);margin:.8em 0;overflow-wrap:anywhere}
.because{margin:.4em 0 1.5em;padding-left:1.2em;overflow-wrap:anywhere}.note{color:var(--soft);overflow-wrap:anywhere}
.chart svg{width:100%;max-width:52em;height:auto;display:block}.chart text{font-size:13px;fill:#222}.chart .above{font-size:12px;font-weight:600;paint-order:stroke;stroke:#fff;stroke-width:4px}
.chart .mid{text-anchor:middle}.chart .end{text-anchor:end}.chart .start{text-anchor:start}
.chart .who{font-size:12.5px;paint-order:stroke;stroke:#fff;stroke-width:3px}.corner{fill:#009e73;fill-opacity:.16}.chart .corner-name{fill:#00704f;font-weight:600}.origin{stroke:#555;stroke-dasharray:2 3}
.grid{stroke:#e3e3e3}.axis{stroke:#555}.trained{stroke:#666;stroke-dasharray:4 4}
.point{outline:none}.point .tip{display:none;pointer-events:none;font-weight:600;paint-order:stroke;stroke:#fff;stroke-width:6px;stroke-linejoin:round}
.point:hover .tip,.point:focus .tip{display:inline}.point:hover circle,.point:focus circle{stroke:#111}
.legend{list-style:none;margin:.2em 0 1em;padding:0;display:flex;flex-wrap:wrap;gap:.1em 1.4em}
.legend li{display:flex;align-items:center;gap:.5em;overflow-wrap:anywhere}.legend svg{width:44px;height:14px;flex:none}
.scroll{overflow-x:auto;margin:.8em 0;background:linear-gradient(to left,var(--paper) 50%,transparent) right/3em 100% no-repeat local,linear-gradient(to left,var(--shade),transparent) right/1.2em 100% no-repeat scroll}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{padding:.25em .7em;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top}
th{border-bottom-color:var(--edge);white-space:nowrap}.number{white-space:nowrap}.name{overflow-wrap:break-word;min-width:8em;max-width:22em}
caption{text-align:left;font-weight:600;padding-bottom:.3em;overflow-wrap:anywhere}
.share,.less,.seen{white-space:pre}.less,.seen{color:var(--faint)}
.explodes,.degrades,.stable,.improves,.inconclusive,.equal{white-space:pre;border-left:.4em solid #999}
.explodes{border-left-color:#d55e00;background:var(--explodes);font-weight:600}.degrades{border-left-color:#e69f00;background:var(--degrades)}
.stable,.equal{border-left-color:#0072b2;background:var(--stable)}.improves{border-left-color:#009e73;background:var(--improves)}
.maps{display:flex;flex-wrap:wrap;gap:.5em 2em}.maps .scroll{max-width:100%}.heat td,.heat th{padding:.2em .5em}.heat td{text-align:center;min-width:2.2em;border:1px solid var(--paper)}
.heat .depth{text-align:right;white-space:nowrap}.heat th{text-align:center}.heat .none{background:var(--paper);border:1px dashed var(--none)}
.side{display:grid;grid-template-columns:repeat(auto-fit,minmax(15em,1fr));gap:1em}
.side div{border:1px solid var(--box);padding:.4em .8em;border-radius:.3em;break-inside:avoid}.side div:first-child{border-color:var(--ink)}
.side h4{margin:0 0 .3em;overflow-wrap:anywhere}.side p{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;font-size:.92em}
.pair .chart text{font-size:18px}.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(22em,1fr));gap:1em}
code,.formula{font-family:ui-monospace,monospace;font-size:.86em}.formula,.source{min-width:11em;overflow-wrap:anywhere}code{overflow-wrap:anywhere}
@media(min-width:66em){section>.scroll{width:max-content;min-width:100%;max-width:calc(100vw - 3em);margin-left:50%;transform:translateX(-50%)}}
@media(max-width:640px){body{margin:1em auto}.chart text,.pair .chart text{font-size:20px}.chart .above{font-size:15px}.chart .who{font-size:16px}.answer{font-size:1.15em}.pair{grid-template-columns:1fr}table{font-size:.84em}td,th{padding:.25em .45em}th{white-space:normal}.name{min-width:7em}
td.name:first-child{position:sticky;left:0;background:var(--paper)}}
@media print{*{print-color-adjust:exact;-webkit-print-color-adjust:exact}body{margin:0;max-width:none;font-size:11px}.scroll{overflow:visible;background:none}
h2,h3{break-after:avoid}.chart,tr,.maps .scroll{break-inside:avoid}.chart svg{max-width:38em}.note{color:#111}.name{min-width:5em}.formula,.source{min-width:0}}
)";

}  // namespace rw
