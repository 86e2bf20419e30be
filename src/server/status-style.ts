/** The style of the status page: system fonts, both colour schemes, from the width of a phone on. Nothing in it is loaded from anywhere. */
export const statusStyle = `
:root{color-scheme:light dark;--page:#f7f8fa;--card:#fff;--line:#e6e8ec;--text:#1c2128;--muted:#606874;--accent:#335fc4;--fill:#335fc414;--ok:#166f44;--okback:#1f8a5414;--doubt:#9a6206;--doubtback:#d08a1d1a;--bad:#c2352e;--badback:#d6453d14;--shadow:0 1px 2px #1c21280a,0 4px 16px #1c212808}
@media (prefers-color-scheme:dark){:root{--page:#0f1216;--card:#171b21;--line:#262c35;--text:#e4e8ee;--muted:#929ba8;--accent:#7ba2f5;--fill:#7ba2f51f;--ok:#4cc38a;--okback:#4cc38a1a;--doubt:#e3ad52;--doubtback:#e3ad521a;--bad:#f0766e;--badback:#f0766e1a;--shadow:none}}
*{box-sizing:border-box;margin:0}
body{background:var(--page);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;-webkit-text-size-adjust:100%;font-variant-numeric:tabular-nums}
.top,main,footer{max-width:1120px;margin:0 auto;padding:0 24px}
.top{padding-top:28px;padding-bottom:28px}
.bar-line{display:flex;align-items:baseline;gap:8px;font-size:13px}
.brand{font-weight:650;font-size:15px;letter-spacing:-.01em}
.spacer{flex:1}
.muted{color:var(--muted)}
h1{display:flex;align-items:center;gap:14px;margin-top:28px;font-size:30px;line-height:1.2;font-weight:650;letter-spacing:-.02em}
.dot{flex:none;width:10px;height:10px;border-radius:50%;background:var(--ok)}
.dot.bad{background:var(--bad)}
h1 .dot{width:16px;height:16px;box-shadow:0 0 0 6px var(--okback)}
.attention h1 .dot{background:var(--doubt);box-shadow:0 0 0 6px var(--doubtback)}
.failing h1 .dot{background:var(--bad);box-shadow:0 0 0 6px var(--badback)}
.lead{margin-top:10px}
ul{list-style:none;padding:0}
ul.attention{margin-top:20px;padding:8px 20px;background:var(--card);border:1px solid var(--line);border-radius:14px;box-shadow:var(--shadow)}
ul.attention li{display:flex;gap:12px;padding:9px 0;overflow-wrap:anywhere}
ul.attention li+li{border-top:1px solid var(--line)}
ul.attention li::before{content:"";flex:none;width:8px;height:8px;margin-top:8px;border-radius:50%;background:var(--doubt)}
ul.attention li.error::before{background:var(--bad)}
h2{margin:40px 0 14px;font-size:18px;font-weight:650;letter-spacing:-.01em}
h3{font-size:14px;font-weight:600}
h4{margin-bottom:8px;font-size:13px;font-weight:600}
h3 .muted,h4 .muted{font-weight:400}
.card,.tile{background:var(--card);border:1px solid var(--line);border-radius:14px;box-shadow:var(--shadow);padding:18px 20px;min-width:0}
.card+.card{margin-top:14px}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:14px}
.tile h3{color:var(--muted);font-weight:500}
.tile .big{margin:2px 0 10px;font-size:26px;line-height:1.25;font-weight:600;letter-spacing:-.02em;white-space:nowrap}
.tile p.muted{margin-top:8px;font-size:13px}
.plot{display:block;width:100%;height:44px}
.plot path{vector-effect:non-scaling-stroke;fill:none}
.plot .base{stroke:var(--line);stroke-width:1}
.plot .line{stroke:var(--accent);stroke-width:1.5;stroke-linejoin:round;stroke-linecap:round}
.plot .area{fill:var(--fill)}
.tile.refusals .line{stroke:var(--doubt)}
.tile.refusals .area{fill:var(--doubtback)}
.instance>header{display:flex;flex-wrap:wrap;align-items:center;gap:4px 10px}
.instance>header h3{font-size:16px;overflow-wrap:anywhere}
.pill{display:inline-block;padding:1px 9px;border-radius:999px;background:var(--fill);color:var(--muted);font-size:12px;line-height:1.6}
.pill.ok{background:var(--okback);color:var(--ok)}
.pill.bad{background:var(--badback);color:var(--bad)}
span.ok{color:var(--ok)}span.bad{color:var(--bad)}span.doubtful{color:var(--doubt)}
.plots{display:grid;grid-template-columns:repeat(3,1fr);gap:24px;margin-top:18px}
figcaption{display:flex;justify-content:space-between;gap:8px;margin-bottom:6px;font-size:13px}
figcaption b{font-weight:600;font-size:14px}
figure{min-width:0}
small{font-size:12px}
figure small{display:block;margin-top:5px}
.notice{margin-top:16px;padding:9px 14px;border-radius:10px;background:var(--doubtback);font-size:14px;overflow-wrap:anywhere}
.notice.bad{background:var(--badback)}
.halves{display:grid;grid-template-columns:1fr 1fr;gap:32px;margin-top:22px;padding-top:18px;border-top:1px solid var(--line);font-size:14px}
.halves section{min-width:0}
.halves .notice{margin:0 0 10px}
.pairs li{display:flex;justify-content:space-between;gap:16px;padding:4px 0}
.pairs .name{min-width:0;overflow-wrap:anywhere}
.pairs time{flex:none;color:var(--muted)}
.findings{display:grid;gap:14px;margin-bottom:10px}
.findings li p{overflow-wrap:anywhere}
code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;overflow-wrap:anywhere}
.command{display:block;margin-top:4px;padding:6px 10px;border-radius:8px;background:var(--page);border:1px solid var(--line);font-size:12px}
.reasons{display:grid;gap:8px;margin-top:12px}
.reasons li{display:grid;grid-template-columns:minmax(150px,220px) 1fr minmax(48px,auto);align-items:center;gap:16px}
.reasons data{text-align:right;font-weight:600}
.bar{display:block;width:100%;height:6px;border-radius:3px;overflow:hidden}
.bar rect{fill:var(--accent)}
.bar .track{fill:var(--line)}
table{width:100%;margin-top:10px;border-collapse:collapse;font-size:14px;table-layout:fixed}
th{padding:6px 12px 6px 0;color:var(--muted);font-size:12px;font-weight:500;text-align:left}
td{padding:8px 12px 8px 0;border-top:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
th:nth-child(1){width:104px}th:nth-child(2){width:240px}th:nth-child(3){width:220px}
td time{color:var(--muted);white-space:nowrap}
.grid{display:grid;grid-template-columns:1fr 1fr;gap:14px}
.grid .card+.card{margin-top:0}
dl{margin-top:10px;font-size:14px}
.row{display:flex;justify-content:space-between;gap:20px;padding:5px 0}
dt{flex:none;color:var(--muted)}
dd{min-width:0;text-align:right;overflow-wrap:anywhere}
.counted{display:block}
.problems{display:grid;gap:6px;margin-top:10px;font-size:13px}
.problems li{padding:8px 12px;border-radius:8px;background:var(--doubtback);overflow-wrap:anywhere}
.problems li.error{background:var(--badback)}
footer{padding-top:36px;padding-bottom:48px;font-size:13px}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
a:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:3px}
@media (max-width:860px){.tiles{grid-template-columns:1fr 1fr}.plots{gap:16px}.halves{grid-template-columns:1fr;gap:22px}.grid{grid-template-columns:1fr}}
@media (max-width:560px){
.top,main,footer{padding-left:16px;padding-right:16px}
ul.attention{padding:6px 16px;border-radius:12px}
.top{padding-top:18px;padding-bottom:22px}
h1{margin-top:20px;font-size:24px;gap:14px}
h1 .dot{width:14px;height:14px;box-shadow:0 0 0 5px var(--okback)}
.card,.tile{padding:15px 16px;border-radius:12px}
.tiles,.grid{gap:10px}
.tile .big{font-size:22px}
.plots{grid-template-columns:1fr}
.row:has(.counted){display:block}
.row:has(.counted) dd{text-align:left}
.instance>header .spacer{flex-basis:100%;height:0}
.reasons li{grid-template-columns:1fr auto;gap:4px 12px}
.reasons .bar{grid-row:2;grid-column:1/-1}
thead{display:none}
table,tbody{display:block}
tr{display:grid;grid-template-columns:1fr auto;gap:2px 12px;padding:10px 0;border-top:1px solid var(--line)}
tbody tr:first-child{border-top:0}
td{padding:0;border:0}
td:nth-child(1){grid-area:1/2;text-align:right}
td:nth-child(2){grid-area:1/1}
td:nth-child(3),td:nth-child(4){grid-column:1/-1}
}
@media print{body{background:#fff}.card,.tile{box-shadow:none;break-inside:avoid}}
`;
